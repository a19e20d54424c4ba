#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn args(directory: &Path) -> Args {
    Args {
        min_log: 2,
        max_log: 3,
        statements: 100,
        ack_seconds: 1,
        ack_load: None,
        directory: Some(directory.to_owned()),
    }
}

#[test]
fn a_small_run_has_every_figure() {
    let directory = tempfile::tempdir().unwrap();
    let value = measure(&args(directory.path()), directory.path(), &ProgressBar::hidden()).unwrap();
    for key in [
        "commit_entries_per_second",
        "statements_per_second",
        "ack_load_per_second",
        "ack_p50_ms",
        "ack_p99_ms",
        "fsync_ms",
        "fsync_p99_ms",
    ] {
        assert!(value[key].as_f64().unwrap() >= 0.0, "{key}: {value}");
        assert!(report(&value).contains(key), "{key}");
    }
    assert!(value["ack_p50_ms"].as_f64() <= value["ack_p99_ms"].as_f64());
    let growth = value["growth"].as_array().unwrap();
    let sizes: Vec<_> = growth
        .iter()
        .map(|row| row["entries"].as_u64().unwrap())
        .collect();
    assert_eq!(sizes, [100, 1000]);
    for row in growth {
        let per_entry = row["disk_bytes_per_entry"].as_f64().unwrap();
        assert!(per_entry > 100.0, "an entry alone has more bytes: {row}");
        // The log holds them all, with the statements before and a seal a batch.
        assert!(row["entries_in_log"].as_u64() > row["entries"].as_u64());
        for key in ["commit_entries_per_second", "entry_us"] {
            assert!(row[key].as_f64().unwrap() >= 0.0, "{key}: {row}");
        }
        assert!(row.get("resident_memory_bytes").is_some());
    }
}

#[test]
fn acknowledgements_are_timed_at_the_load_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let asked = Args {
        max_log: 2,
        ack_load: Some(70),
        ..args(directory.path())
    };
    let value = measure(&asked, directory.path(), &ProgressBar::hidden()).unwrap();
    assert_eq!(value["ack_load_per_second"], 70.0);
}

#[test]
fn the_ledger_is_removed_and_sizes_must_ascend() {
    let directory = tempfile::tempdir().unwrap();
    let small = Args {
        max_log: 2,
        ..args(directory.path())
    };
    run(&small, &Output::new(true)).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let reversed = Args {
        min_log: 3,
        max_log: 2,
        ..args(directory.path())
    };
    let error = run(&reversed, &Output::new(true)).unwrap_err().to_string();
    assert!(error.contains("--min-log"), "{error}");
    let nowhere = args(&directory.path().join("nothing"));
    let error = run(&nowhere, &Output::new(true)).unwrap_err().to_string();
    assert!(error.contains("nothing"), "{error}");
}
