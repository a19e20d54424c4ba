//! Audits of long logs, with the rate at which they go.

use super::*;
use crate::{
    submission::{BATCH, Submission},
    testing::Now,
};
use medproof_verifier::entry::Kind;
use rayon::prelude::*;
use std::{sync::mpsc, time::Instant};

/// Statements in a batch, so that seals are as frequent as under load.
const SEALED: usize = 1024;

/// A fill or a screening, in turn.
fn statement(now: &Now, n: u64) -> Vec<u8> {
    let (statement, party) = match n % 2 {
        0 => (Statement::Dispense(dispense(now, n)), "pharmacy-1"),
        _ => (Statement::Eligibility(eligibility(now, n)), "sponsor-1"),
    };
    Entry::Statement(Box::new(post(genesis().ledger_id(), statement, party))).to_bytes()
}

/// Bytes of this process in memory, where the system says so (Linux); else 0.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    1024 * kilobytes.unwrap_or_default()
}

/// Writes a log of `count` statements as the sequencer does, and audits it by its tiles.
async fn written_and_audited(count: u64) {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    server.shutdown().await;
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let (time, before) = (state.head().time, state.head().clone());
    let numbers: Vec<u64> = (0..count).collect();
    for batch in numbers.chunks(SEALED) {
        let entries: Vec<Vec<u8>> = batch.par_iter().map(|n| statement(&roots, *n)).collect();
        let rules = state.rules().clone();
        let checked: Vec<_> = entries
            .par_chunks(BATCH)
            .flat_map_iter(|entries| Submission::check_all(entries, &rules))
            .collect();
        for submission in checked {
            state.apply(&submission.unwrap(), time).unwrap();
        }
        state.seal(time).unwrap();
        state.commit().unwrap();
    }
    drop(state);
    let server = start(directory.path()).await;
    let (begun, memory, (steps, seen)) = (Instant::now(), resident(), mpsc::channel());
    let config = client::audit_of(server.http_address().unwrap());
    let report = crate::audit(config, move |done, of| {
        steps.send((done, of, resident())).unwrap();
    })
    .await
    .unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let (mut last, mut most) = (0, memory);
    for (done, of, resident) in &seen {
        assert!(done > last && of == report.size);
        (last, most) = (done, most.max(resident));
    }
    assert_eq!(last, report.size);
    println!(
        "audit of {} entries, {} proofs among them: {seconds:.1} s, {:.0} entries a second; memory grew by {} bytes",
        report.entries,
        report.proofs,
        report.entries as f64 / seconds,
        most - memory
    );
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(report.proofs, count);
    assert_eq!(report.kinds[Kind::Statement as usize - 1], count);
    assert_eq!(report.commitments, count.div_ceil(2));
    let spent = [
        (NullifierKind::Account, count.div_ceil(2)),
        (NullifierKind::Fill, count.div_ceil(2)),
        (NullifierKind::Trial, count / 2),
    ];
    for (kind, expected) in spent {
        assert_eq!(report.nullifiers[kind as usize - 1], expected, "{kind:?}");
    }
    let sealed = count.div_ceil(SEALED as u64);
    assert_eq!(report.entries, before.size + count + sealed);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_several_full_batches_is_audited() {
    written_and_audited(2 * SEALED as u64 + 100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: 100,000 statements, minutes"]
async fn a_log_of_a_hundred_thousand_statements_is_audited() {
    written_and_audited(100_000).await;
}
