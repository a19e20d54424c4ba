//! A primary whose clock runs ahead, stands still or runs behind.

use super::*;
use crate::{
    clock::TIME_TOLERANCE,
    testing::{
        DAY, START,
        timed::{StandingClock, TimedLog, production},
    },
};
use std::sync::mpsc::Receiver;

fn follower_at(
    directory: &Path,
    primary: SocketAddr,
    clock: &Arc<StandingClock>,
) -> (Follower, watch::Sender<bool>) {
    let (mut follower, stop) = by_batches(directory, primary);
    follower.judge.held = HELD;
    follower.judge.clock = clock.clone();
    (follower, stop)
}

/// A pass that is refused for now, and why.
fn refuses(follower: &mut Follower, commands: &Receiver<Command>) -> String {
    match follower.pass(commands).unwrap_err() {
        Failed::Mismatch(mismatch) if matches!(*mismatch, Mismatch::Ahead { .. }) => {
            assert!(!mismatch.halts(), "its time may come");
            mismatch.to_string()
        }
        other => panic!("{other:?}"),
    }
}

fn followed_to(follower: &Follower) -> u64 {
    follower.published.as_ref().map_or(0, |p| p.borrow().head.size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_whose_time_has_not_come_is_followed_when_it_has() {
    let root = tempfile::tempdir().unwrap();
    let mut log = TimedLog::begin(&root.path().join("primary"), production()).await;
    let folder = root.path().join("mirror");
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, commands) = sync_channel(1);
        // Its genesis lies a second too far ahead.
        let clock = StandingClock::at(START - TIME_TOLERANCE - 1);
        let (mut follower, _stop) = follower_at(&folder, log.address(), &clock);
        for _ in 0..2 {
            let said = refuses(&mut follower, &commands);
            assert!(
                said.starts_with("entry 1 ") && said.contains("1700000000 (2023-11-14 UTC)"),
                "{said}"
            );
        }
        assert!(follower.published.is_none() && follower.heard.borrow().is_none());
        clock.set(START - TIME_TOLERANCE);
        follower.pass(&commands).unwrap();
        assert_eq!(followed_to(&follower), 2);

        // Within the tolerance, at its end, and a second past it.
        clock.set(START);
        log.seal(&[START + TIME_TOLERANCE]);
        follower.pass(&commands).unwrap();
        assert_eq!(followed_to(&follower), 4);
        log.seal(&[START + TIME_TOLERANCE, START + TIME_TOLERANCE + 1]);
        for _ in 0..2 {
            let said = refuses(&mut follower, &commands);
            assert!(
                said.starts_with("entry 7 ") && said.contains("1700000601 (2023-11-14 UTC)"),
                "{said}"
            );
            assert_eq!(
                followed_to(&follower),
                4,
                "not the batch before it either, which nobody signed"
            );
            assert_eq!(follower.heard.borrow().as_ref().unwrap().size, 4);
        }
        // What it was seen to sign meanwhile is remembered all the same.
        assert_eq!(follower.seen.as_ref().unwrap().size(), 8);
        clock.set(START + 1);
        follower.pass(&commands).unwrap();
        assert_eq!((followed_to(&follower), log.size()), (8, 8));
        drop(follower);
        let report = fsck(&folder, |_, _| ()).unwrap();
        assert!(report.is_clean() && report.entries == 8, "{:?}", report.problems);
        log
    });
    tried.await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_ahead_is_neither_cosigned_nor_served_and_said() {
    let root = tempfile::tempdir().unwrap();
    let mut log = TimedLog::begin(&root.path().join("primary"), production()).await;
    let folder = root.path().join("mirror");
    let clock = StandingClock::at(START);
    let config = config(&folder, log.address());
    let by: Arc<dyn Clock> = clock.clone();
    let follower = Mirror::start_at(config, cosigner(), (HELD, by)).await.unwrap();
    let at = follower.http_address().unwrap();
    let policy = WitnessPolicy::new(log_key(), vec![follower.witness_key().clone()], 1).unwrap();
    let cosigned = || {
        policy
            .check(&get(at, "/checkpoint").body)
            .map(|c| c.checkpoint.size())
    };
    while cosigned() != Ok(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    log.seal(&[START + 2 * DAY]);
    doubts::becomes(at, "medproof_ledger_mirror_doubted", 1).await;
    let health = get(at, "/healthz");
    let said = String::from_utf8(health.body).unwrap();
    assert!(
        health.status == 503
            && said.contains("(2023-11-16 UTC) lies more than ten minutes ahead of this machine's clock"),
        "{said}"
    );
    assert!(!said.contains("not vouched for"), "its key has signed it: {said}");
    assert_eq!(metric(at, "medproof_ledger_mirror_halted"), 0);
    assert_eq!(cosigned(), Ok(2));
    assert!(!folder.join(HALTED_FILE).exists());
    // Its time has come.
    clock.set(START + 2 * DAY);
    reach(&follower, 4).await;
    doubts::becomes(at, "medproof_ledger_mirror_doubted", 0).await;
    while cosigned() != Ok(4) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(get(at, "/healthz").status, 200);
    follower.shutdown().await;
    log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_stands_or_runs_behind_is_seen() {
    for (genesis, told) in [(production(), 601), (genesis(), 0)] {
        let root = tempfile::tempdir().unwrap();
        let mut log = TimedLog::begin(&root.path().join("primary"), genesis).await;
        let folder = root.path().join("mirror");
        let tried = tokio::task::spawn_blocking(move || {
            let (_commands, commands) = sync_channel(1);
            let clock = StandingClock::at(START);
            let (mut follower, _stop) = follower_at(&folder, log.address(), &clock);
            let mut look = |log: &mut TimedLog, now: u64, seals: &[u64]| {
                clock.set(now);
                follower.pass(&commands).unwrap();
                log.seal(seals);
                clock.set(now + 1);
                follower.pass(&commands).unwrap();
                assert_eq!(followed_to(&follower), log.size());
                follower.following.borrow().seal_behind
            };
            // The first that it sees may be of any age, and an idle ledger seals nothing.
            assert_eq!(look(&mut log, START + DAY, &[]), 0);
            assert_eq!(look(&mut log, START + 2 * DAY, &[START + 2 * DAY]), 0);
            let now = START + 3 * DAY;
            assert_eq!(look(&mut log, now, &[now - 601]), told);
            assert_eq!(look(&mut log, now + 600, &[now]), told.min(600));
            assert_eq!(look(&mut log, now + 700, &[now + 700]), 0);
            log
        });
        tried.await.unwrap().shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_ledger_may_play_any_year() {
    let root = tempfile::tempdir().unwrap();
    let mut log = TimedLog::begin(&root.path().join("primary"), genesis()).await;
    log.seal(&[START + 365 * DAY]);
    let folder = root.path().join("mirror");
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, commands) = sync_channel(1);
        let (mut follower, _stop) = follower_at(&folder, log.address(), &StandingClock::at(0));
        follower.pass(&commands).unwrap();
        assert_eq!(followed_to(&follower), 4);
        log
    });
    tried.await.unwrap().shutdown().await;
}
