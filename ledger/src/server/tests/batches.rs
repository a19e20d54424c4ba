//! Proofs that are checked together: what is wrong with one says nothing of the others.

use super::*;
use crate::{state::State, testing::proof};
use medproof_verifier::{CircuitName, entry::Post};

/// A fill with the proof of another one, rightly signed.
fn forged(now: &Now, n: u64) -> Entry {
    let fill = |n| {
        post(
            genesis().ledger_id(),
            Statement::Dispense(dispense(now, n)),
            "pharmacy-1",
        )
    };
    let other = fill(n + 1);
    Entry::Statement(Box::new(Post {
        proof: proof(CircuitName::Dispense, 0, &other.inputs),
        ..fill(n)
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_posts_that_arrive_together_only_the_bad_ones_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    let tasks: Vec<_> = (0..60u64)
        .map(|n| {
            let mut ledger = ledger.clone();
            tokio::spawn(async move {
                let entry = match n % 5 {
                    3 => forged(&roots, n),
                    _ => fill(&roots, n, "pharmacy-1"),
                };
                ledger.append(&entry).await
            })
        })
        .collect();
    for (n, task) in (0..60u64).zip(tasks) {
        match (n % 5, task.await.unwrap()) {
            (3, refused) => assert_eq!(code(refused), Code::InvalidArgument),
            (_, accepted) => assert!(!accepted.unwrap().repeated),
        }
    }
    // The refused fills were judged for their proofs only: nothing of them is spent.
    ledger.append(&fill(&roots, 3, "pharmacy-1")).await.unwrap();
    let report = audited(&server).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(report.proofs, 49);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_names_the_bad_proof_among_good_ones() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    for n in 0..5 {
        ledger.append(&fill(&roots, n, "pharmacy-1")).await.unwrap();
    }
    server.shutdown().await;
    // An operator takes a post whose proof does not hold.
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let (index, time) = (state.head().size, state.head().time);
    let bad = forged(&roots, 50);
    state.append_refused(bad.kind(), &bad.to_bytes()).unwrap();
    state.seal(time).unwrap();
    state.commit().unwrap();
    // A batch more, for at its start a ledger checks the last one.
    let good = fill(&roots, 60, "pharmacy-1");
    let good = crate::Submission::check(&good.to_bytes(), state.rules()).unwrap();
    state.apply(&good, time).unwrap();
    state.seal(time).unwrap();
    state.commit().unwrap();
    drop(state);
    let server = start(directory.path()).await;
    let mut ledger = connect(&server).await;
    for n in 5..9 {
        ledger.append(&fill(&roots, n, "pharmacy-1")).await.unwrap();
    }
    let report = audited(&server).await;
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert_eq!(report.problems[0].index, index);
    assert!(report.problems[0].reason.contains("proof does not hold"));
    assert_eq!(report.proofs, 10);
    server.shutdown().await;
}
