//! Audits of logs whose operator chooses the time.

use super::*;
use crate::{
    clock::TIME_TOLERANCE,
    testing::{
        DAY, START,
        timed::{StandingClock, TimedLog, production},
    },
};
use medproof_verifier::entry::Genesis;

fn at(log: SocketAddr, genesis: &Genesis, now: u64) -> AuditConfig {
    AuditConfig {
        ledger_id: Some(genesis.ledger_id()),
        clock: StandingClock::at(now),
        ..audit_of(log)
    }
}

/// Where problems are, and the first of them.
async fn problems(config: AuditConfig) -> (Vec<u64>, String) {
    let report = audit(config, |_, _| ()).await.unwrap();
    let first = report.problems.first();
    (
        report.problems.iter().map(|p| p.index).collect(),
        first.map(|p| p.reason.clone()).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_lies_ahead_of_the_auditors_clock_is_a_problem() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = TimedLog::begin(directory.path(), production()).await;
    log.seal(&[START + 1000, START + 1600, START + 1601]);
    let audited = |now| problems(at(log.address(), &production(), now));
    let (found, said) = audited(START + 1001).await;
    assert!(found.is_empty(), "{said}");
    let (found, said) = audited(START + 1000).await;
    assert_eq!(found, [7]);
    assert!(said.contains("601 s ahead of the auditor's clock"), "{said}");
    assert_eq!(audited(START - TIME_TOLERANCE).await.0, [3, 5, 7]);
    assert_eq!(audited(START - TIME_TOLERANCE - 1).await.0, [1, 3, 5, 7]);
    // An idle ledger looks the same as one whose clock stands.
    assert!(audited(START + 365 * DAY).await.0.is_empty());
    log.shutdown().await;

    // A development ledger plays any year.
    let directory = tempfile::tempdir().unwrap();
    let mut log = TimedLog::begin(directory.path(), genesis()).await;
    log.seal(&[START + 1000]);
    assert!(problems(at(log.address(), &genesis(), 0)).await.0.is_empty());
    log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_bounds_the_time_of_the_last_seal() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = TimedLog::begin(directory.path(), production()).await;
    log.seal(&[START + DAY, START + 2 * DAY]);
    let key = witness().witness_key().clone();
    // The year is over: the auditor's own clock says nothing against either.
    for (cosigned, expected) in [
        (START + 2 * DAY - TIME_TOLERANCE, vec![]),
        (START + 2 * DAY - TIME_TOLERANCE - 1, vec![5]),
        (START + 365 * DAY, vec![]),
    ] {
        let proxy = between(log.address(), move |path, note| {
            let line = witness().cosign(&note, cosigned).unwrap_or_default();
            Some(if path == "/checkpoint" {
                [note, line].concat()
            } else {
                note
            })
        });
        let proxy = Listener::start(LOOPBACK, proxy).await.unwrap();
        let mut config = at(proxy.address(), &production(), START + 365 * DAY);
        config.policy = witnessed(proxy.address(), &[&key], 1).policy;
        let (found, said) = problems(config).await;
        assert_eq!(found, expected, "{said}");
        if !found.is_empty() {
            assert!(said.contains("601 s after witness.example/w1 cosigned"), "{said}");
        }
        // A witness that does not count is not asked.
        let config = at(proxy.address(), &production(), START + 365 * DAY);
        assert!(problems(config).await.0.is_empty());
        proxy.shutdown().await;
    }
    log.shutdown().await;
}
