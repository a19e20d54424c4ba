//! A ledger in a process of its own that is killed at any moment: nothing that it acknowledged is missing afterwards,
//! and every checkpoint that anybody saw is consistent with every other.
//!
//! The campaign lies here and not among the end-to-end tests: it looks into the store, makes its writes fail and
//! runs a ledger in a process that is this test itself.

use super::*;
use crate::fsck::fsck;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command as Process, Stdio},
    time::Instant,
};

const CHILD: &str = "server::tests::crash::crash_child";
/// What a child that does not start prints before the reason.
pub(super) const REFUSED: &str = "does not start: ";

/// Appends fills in four lanes, without end or up to a number, and prints each that is acknowledged with its place.
/// The tests of this module run it in a process of its own.
#[test]
#[ignore = "the child of the crash tests"]
fn crash_child() {
    let Ok(directory) = std::env::var("MEDPROOF_CRASH_DIRECTORY") else {
        return;
    };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (from, count) = (number("MEDPROOF_CRASH_FROM"), number("MEDPROOF_CRASH_COUNT"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = Config::loopback(directory.into(), key_of("log"), Some(genesis()));
        let server = match Server::start(config).await {
            Ok(server) => server,
            Err(error) => return println!("\n{REFUSED}{error}"),
        };
        let ledger = connect(&server).await;
        let roots = now(&mut ledger.clone()).await;
        let tasks: Vec<_> = (0..4u64)
            .map(|lane| {
                let mut ledger = ledger.clone();
                tokio::spawn(async move {
                    for n in (from + lane..from + count).step_by(4) {
                        let appended = ledger.append(&fill(&roots, n, "pharmacy-1")).await.unwrap();
                        let checkpoint =
                            Checkpoint::verify(&appended.receipt.checkpoint, ledger.log_key()).unwrap();
                        let root: String = checkpoint.root().iter().map(|b| format!("{b:02x}")).collect();
                        println!(
                            "acknowledged {n} {} {} {root}",
                            appended.receipt.index,
                            checkpoint.size()
                        );
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        server.shutdown().await;
    });
}

/// What a child was seen to acknowledge: the fill's number, its place, and the checkpoint of its receipt.
pub(super) struct Acknowledged {
    n: u64,
    index: u64,
    pub(super) size: u64,
    root: String,
}

/// Reads a line of the child; the harness prints a test's name in front of the first.
pub(super) fn acknowledged(line: &str) -> Option<Acknowledged> {
    let rest = &line[line.find("acknowledged ")?..];
    let mut words = rest.split_whitespace().skip(1);
    let mut number = || words.next()?.parse().ok();
    let (n, index, size) = (number()?, number()?, number()?);
    let root = words.next().filter(|root| root.len() == 64)?.to_owned();
    Some(Acknowledged { n, index, size, root })
}

pub(super) fn child(mut command: Process, directory: &Path, from: u64, count: u64) -> Child {
    command
        .args(["--exact", CHILD, "--ignored", "--nocapture"])
        .env("MEDPROOF_CRASH_DIRECTORY", directory)
        .env("MEDPROOF_CRASH_FROM", from.to_string())
        .env("MEDPROOF_CRASH_COUNT", count.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Everything acknowledged is in the store: the entry in its place, and the root of each checkpoint of a receipt.
/// So all those checkpoints are consistent with each other: they are heads of one log.
pub(super) fn nothing_is_missing(directory: &Path, acknowledged: &[Acknowledged]) {
    let store = Store::open_read_only(&directory.join("db")).unwrap();
    let state = State::open(store).unwrap().unwrap();
    for seen in acknowledged {
        let (_, entry) = crate::state::read_entry(|t, key| state.base().get(t, key), seen.index).unwrap();
        let Entry::Statement(post) = entry else {
            panic!("entry {} is no statement", seen.index)
        };
        assert_eq!(post.inputs[6], fr(10_000 + seen.n), "entry {}", seen.index);
        let root: String = state
            .log_root(seen.size)
            .unwrap()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(root, seen.root, "the log's root at {}", seen.size);
    }
}

/// Kills a ledger so many times. After each kill what was acknowledged since the one before is looked up; every
/// `thorough` kills and after the last fsck runs, and everything is looked up that was acknowledged ever.
async fn killed(rounds: u64, thorough: u64) {
    let begun = Instant::now();
    let directory = tempfile::tempdir().unwrap();
    let (server, _, _) = begin(directory.path()).await;
    server.shutdown().await;
    let mut seen = vec![];
    for round in 1..=rounds {
        let process = Process::new(std::env::current_exe().unwrap());
        let mut child = child(process, directory.path(), 100_000 * round, u64::from(u32::MAX));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let before = seen.len();
        let wanted = before + 5 + (7 * round as usize) % 40;
        while seen.len() < wanted {
            let line = lines.next().expect("the child lives").unwrap();
            seen.extend(acknowledged(&line));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was printed and not read yet was acknowledged, too.
        seen.extend(lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
        // As the kill left it, before any recovery.
        if round % thorough == 0 || round == rounds {
            let report = fsck(directory.path(), |_, _| ()).unwrap();
            assert_eq!(report.problems, vec![], "round {round}");
            nothing_is_missing(directory.path(), &seen);
        } else {
            nothing_is_missing(directory.path(), &seen[before..]);
        }
    }
    let server = start(directory.path()).await;
    let report = audited(&server).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    tried(&format!(
        "{rounds} kills under load in {} s, fsck and all earlier acknowledgements every {thorough}, audit at the end: {} acknowledged entries, \
         none missing; log of {}",
        begun.elapsed().as_secs(),
        seen.len(),
        report.entries
    ));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_killed_at_any_moment_nothing_acknowledged_is_lost() {
    killed(4, 1).await;
}

/// The log that fsck reads and the roots that are computed again grow with each kill: to look at everything each time
/// would take hours. `MEDPROOF_KILLS` gives another number than 500.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: 500 kills"]
async fn l02_killed_five_hundred_times_nothing_acknowledged_is_lost() {
    let rounds = std::env::var("MEDPROOF_KILLS").map_or(500, |number| number.parse().unwrap());
    killed(rounds, 25).await;
}

/// A client that hangs up in the middle of an append does not know what became of it: asking again gives the receipt
/// of the one entry, whenever it hung up.
#[tokio::test(flavor = "multi_thread")]
async fn l01_a_client_cut_off_in_an_append_gets_the_same_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    let before = checkpoint(&mut ledger).await.size();
    let (mut cut, mut repeated) = (0, 0);
    for n in 0..16u64 {
        let entry = fill(&roots, n, "pharmacy-1");
        let mut hasty = ledger.clone();
        let patience = std::time::Duration::from_micros(200 * n * n);
        cut += u64::from(
            tokio::time::timeout(patience, hasty.append(&entry))
                .await
                .is_err(),
        );
        let first = ledger.append(&entry).await.unwrap();
        repeated += u64::from(first.repeated);
        let second = ledger.append(&entry).await.unwrap();
        assert!(second.repeated);
        assert_eq!(second.receipt, first.receipt);
    }
    assert!(cut > 0, "no call was cut off");
    let report = audited(&server).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    let statements = report.kinds[medproof_verifier::entry::Kind::Statement as usize - 1];
    assert_eq!(statements, 16, "each is in the log once");
    tried(&format!(
        "{cut} of 16 appends cut off, {repeated} of 16 were in the log when asked for again; from size {before}"
    ));
    server.shutdown().await;
}
