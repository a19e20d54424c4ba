#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn a_small_run_has_every_figure() {
    let directory = tempfile::tempdir().unwrap();
    let args = Args {
        statements: 1100,
        openings: 300,
        seconds: 1,
        clients: 1,
        directory: None,
    };
    let value = measure(&args, directory.path(), &ProgressBar::hidden()).unwrap();
    let caught_up = value["catching_up"].as_array().unwrap();
    for (row, (entries, count)) in caught_up.iter().zip([("openings", 300), ("statements", 1100)]) {
        assert_eq!((&row["entries"], &row["count"]), (&json!(entries), &json!(count)));
        // Governance and seals besides.
        assert!(row["entries_in_log"].as_u64().unwrap() > count + 6, "{row}");
        assert!(row["entries_per_second"].as_f64().unwrap() > 0.0, "{row}");
    }
    let reads = value["reads"].as_array().unwrap();
    assert_eq!((caught_up.len(), reads.len()), (2, 12));
    for (n, row) in reads.iter().enumerate() {
        let services = 1 + n / 6;
        assert_eq!(row["services"], json!(services), "{row}");
        assert!(row["appends_per_second"].as_f64().unwrap() > 0.0, "{row}");
        let read = |service: &str| row[format!("{service}_reads_per_second")].as_f64();
        let asked = n % 6 > 0;
        assert_eq!(read("primary").is_some_and(|rate| rate > 0.0), asked, "{row}");
        assert_eq!(
            read("mirror").is_some_and(|rate| rate > 0.0),
            asked && services == 2,
            "{row}"
        );
    }
    let shown = report(&value);
    for said in ["path range", "openings", "mirror_reads_per_second"] {
        assert!(shown.contains(said), "{shown}");
    }
}

#[test]
fn the_ledgers_are_removed_when_the_measurement_fails() {
    let directory = tempfile::tempdir().unwrap();
    let args = Args {
        statements: 512,
        openings: 1,
        seconds: 1,
        clients: 1,
        directory: Some(directory.path().join("nothing")),
    };
    let error = run(&args, &Output::new(true)).unwrap_err().to_string();
    assert!(error.contains("nothing"), "{error}");
}
