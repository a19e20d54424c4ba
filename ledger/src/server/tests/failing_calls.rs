//! A ledger in a process of its own whose calls of the system fail (strace injects that): syncs that fail once, and a disk
//! that is full, for one call or from then on. Nothing that it acknowledged is missing afterwards, and it starts again
//! once there is room.

use super::crash::{Acknowledged, REFUSED, acknowledged, child, nothing_is_missing};
use super::*;
use crate::fsck::fsck;
use std::{
    io::Read,
    process::{Command as Process, Stdio},
};

/// Entries that a child appends.
const ENTRIES: u64 = 24;
/// Numbers that RocksDB gives to its files in these runs, and more.
const NUMBERS: std::ops::Range<u32> = 0..120;

/// Files on which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Files {
    /// All that hold the ledger's state. The thread that starts the ledger makes most of the calls on them.
    All,
    /// The write-ahead log and the record of signed checkpoints: what grows with each batch.
    Growing,
}

/// Calls that fail, each counted by itself and in each thread.
#[derive(Debug, Clone, Copy)]
struct Failing {
    calls: &'static str,
    error: &'static str,
    files: Files,
    /// The n-th only, or the n-th and all after it.
    lasting: bool,
}

const fn once(calls: &'static str, error: &'static str, files: Files) -> Failing {
    Failing {
        calls,
        error,
        files,
        lasting: false,
    }
}

/// A disk that is full and stays full.
const fn full(files: Files) -> Failing {
    Failing {
        calls: "write,pwrite64,fallocate,openat,fsync,fdatasync",
        error: "ENOSPC",
        files,
        lasting: true,
    }
}

/// What became of a child.
struct Run {
    acknowledged: Vec<Acknowledged>,
    /// Calls that were made to fail.
    failed: usize,
    /// Why it did not start, if it did not.
    refused: Option<String>,
}

pub(super) fn copy_ledger(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_ledger(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Files {
    /// Only calls on these fail: not those on RocksDB's diary, and not those on pipes and sockets, by which the child is
    /// watched.
    fn of(self, directory: &Path) -> Vec<PathBuf> {
        let db = directory.join("db");
        let mut files = vec![directory.join("signed-checkpoints")];
        files.extend(NUMBERS.map(|n| db.join(format!("{n:06}.log"))));
        if self == Self::All {
            for n in NUMBERS {
                files.push(db.join(format!("{n:06}.sst")));
                files.push(db.join(format!("{n:06}.dbtmp")));
                files.push(db.join(format!("MANIFEST-{n:06}")));
            }
            files.extend([db.join("CURRENT"), db]);
        }
        files
    }
}

/// Runs a child with the `when`-th of these calls failing.
fn run(directory: &Path, failing: Failing, when: u32) -> Run {
    let trace = directory.with_extension("trace");
    let Failing {
        calls,
        error,
        files,
        lasting,
    } = failing;
    let more = if lasting { "+" } else { "" };
    let mut strace = Process::new("strace");
    strace
        .args(["-f", "-qq", "-e", &format!("trace={calls}"), "-o"])
        .arg(&trace);
    for file in files.of(directory) {
        strace.arg("-P").arg(file);
    }
    strace
        .args(["-e", &format!("inject={calls}:error={error}:when={when}{more}")])
        .arg(std::env::current_exe().unwrap());
    let mut child = child(strace, directory, 100_000, ENTRIES);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let traced = std::fs::read_to_string(&trace).unwrap();
    std::fs::remove_file(trace).unwrap();
    let refused = text.lines().find_map(|line| line.strip_prefix(REFUSED));
    Run {
        acknowledged: text.lines().filter_map(acknowledged).collect(),
        failed: traced.matches("(INJECTED)").count(),
        refused: refused.map(str::to_owned),
    }
}

/// How often something was seen.
#[derive(Default)]
struct Counts {
    runs: usize,
    calls: usize,
    refused: usize,
    kept: usize,
}

/// A run on a copy of `base`, and all that must hold after it. Gives the number of calls that failed.
async fn survives(base: &Path, failing: Failing, when: u32, counts: &mut Counts) -> usize {
    let context = format!("{failing:?} at {when}");
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("ledger");
    std::fs::create_dir(&directory).unwrap();
    copy_ledger(base, &directory);
    let run = run(&directory, failing, when);
    if let Some(reason) = &run.refused {
        let named = [
            "No space left on device",
            "Input/output error",
            // RocksDB opens a file to see whether there is direct I/O, and takes any failure for a no.
            "Direct I/O is not supported",
        ];
        assert!(
            named.iter().any(|error| reason.contains(error)),
            "{context}: {reason}"
        );
        assert!(run.acknowledged.is_empty(), "{context}");
    }
    // As it was left, before any recovery.
    let report = fsck(&directory, |_, _| ()).unwrap();
    assert_eq!(report.problems, vec![], "{context}");
    nothing_is_missing(&directory, &run.acknowledged);
    // Nothing fails any more: it starts again, with everything in it, and goes on.
    let server = start(&directory).await;
    let mut ledger = connect(&server).await;
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 90_000, "pharmacy-1")).await.unwrap();
    let report = audited(&server).await;
    assert!(report.is_clean(), "{context}: {:?}", report.problems);
    server.shutdown().await;
    nothing_is_missing(&directory, &run.acknowledged);
    if run.failed == 0 {
        assert_eq!(
            run.acknowledged.len() as u64,
            ENTRIES,
            "{context}: nothing failed"
        );
    }
    counts.runs += 1;
    counts.calls += run.failed;
    counts.refused += usize::from(run.refused.is_some());
    counts.kept += run.acknowledged.len();
    run.failed
}

/// A ledger to begin with, if strace can be used here.
pub(super) async fn base() -> Option<tempfile::TempDir> {
    if std::env::var("MEDPROOF_STRACE").is_ok_and(|value| value == "none") {
        println!("not run: MEDPROOF_STRACE=none");
        return None;
    }
    let usable = Process::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    assert!(
        usable.is_ok_and(|status| status.success()),
        "this test needs strace and the right to trace: apt-get install strace, or say MEDPROOF_STRACE=none"
    );
    let base = tempfile::tempdir().unwrap();
    let (server, _, _) = begin(base.path()).await;
    server.shutdown().await;
    Some(base)
}

fn told(counts: &Counts, what: &str) {
    let Counts {
        runs,
        calls,
        refused,
        kept,
    } = counts;
    tried(&format!(
        "{runs} runs with {calls} failing calls ({what}), {refused} did not start and said why; fsck, restart and audit after each: {kept} \
         acknowledged entries, none missing"
    ));
}

/// Every occurrence of each call, until a run ends without one that failed.
async fn campaign(failing: &[Failing], what: &str) {
    let Some(base) = base().await else { return };
    let mut counts = Counts::default();
    for &failing in failing {
        let mut when = 1;
        while survives(base.path(), failing, when, &mut counts).await > 0 {
            when += 1;
            assert!(when < 400, "{failing:?} has no end");
        }
    }
    assert!(counts.calls > 0, "no call was made to fail");
    assert!(counts.kept > 0, "none failed under load");
    told(&counts, what);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: needs strace; every sync of a run fails once"]
async fn l02_whichever_sync_fails_nothing_acknowledged_is_lost() {
    let failing = [
        once("fsync", "EIO", Files::All),
        once("fsync", "ENOSPC", Files::All),
        once("fdatasync", "EIO", Files::All),
        once("fdatasync", "ENOSPC", Files::All),
    ];
    campaign(&failing, "each sync once, EIO and ENOSPC").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: needs strace; the disk is full for every call of a run once"]
async fn l02_whichever_write_finds_no_room_nothing_acknowledged_is_lost() {
    let calls = ["write", "pwrite64", "fallocate", "openat", "ftruncate"];
    let mut failing = calls.map(|call| once(call, "ENOSPC", Files::All)).to_vec();
    failing.push(once("write", "ENOSPC", Files::Growing));
    campaign(&failing, "each write, allocation and opening once, ENOSPC").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: needs strace; the disk is full from every call of a run on"]
async fn l02_from_whichever_call_on_the_disk_is_full_nothing_acknowledged_is_lost() {
    let failing = [full(Files::All), full(Files::Growing)];
    campaign(&failing, "the disk full from each call on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_syncs_and_writes_that_fail_lose_nothing_acknowledged() {
    let Some(base) = base().await else { return };
    let mut counts = Counts::default();
    // A start on a disk that is full; then under load, in or after the third batch.
    assert!(survives(base.path(), full(Files::All), 1, &mut counts).await > 0);
    assert_eq!((counts.refused, counts.kept), (1, 0));
    for failing in [once("fdatasync", "EIO", Files::Growing), full(Files::Growing)] {
        let before = counts.kept;
        assert!(survives(base.path(), failing, 8, &mut counts).await > 0);
        assert!(counts.kept > before, "{failing:?} was under load");
    }
    told(&counts, "a sync, the disk full under load, and full at the start");
}
