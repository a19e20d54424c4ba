//! A ledger without its network side.

use super::*;
use crate::{Embedded, Refusal, Submission};

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_ledger_appends_checked_entries_and_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::loopback(directory.path().to_owned(), key_of("log"), Some(genesis()));
    let ledger = Embedded::start(config()).unwrap();
    let mut governance = Governance::new(genesis().ledger_id());
    for entry in governance.setup() {
        ledger.append(entry.to_bytes()).await.unwrap();
    }
    let head = ledger.head();
    let roots = Now {
        anchor: head.commitment_root,
        identity_root: head.identity_root,
        registry_root: head.registry_root,
        date: fr(Day::from_unix_seconds(head.time).0.into()),
    };
    let bytes = |n| fill(&roots, n, "pharmacy-1").to_bytes();
    let answer = ledger.append(bytes(0)).await.unwrap();
    assert!(answer.receipt.is_some() && !answer.repeated);
    assert!(ledger.append(bytes(0)).await.unwrap().repeated);
    assert!(ledger.append(vec![1, 99]).await.is_err());
    let entries: Vec<_> = (1..=200).map(bytes).collect();
    let checked = Submission::check_all(&entries, &ledger.rules());
    let mut checked: Vec<_> = checked.into_iter().map(Result::unwrap).collect();
    // Another statement with the nullifiers of one before it.
    let mut twice = dispense(&roots, 7);
    twice.cm_note = fr(1);
    let twice = post(genesis().ledger_id(), Statement::Dispense(twice), "pharmacy-1");
    let twice = Entry::Statement(Box::new(twice)).to_bytes();
    checked.push(Submission::check(&twice, &ledger.rules()).unwrap());
    // The last one waits for the sequencer outside the runtime.
    let (ledger, answers) = tokio::task::spawn_blocking(move || {
        let answers = ledger.append_checked(checked).unwrap();
        (ledger, answers)
    })
    .await
    .unwrap();
    let (last, accepted) = answers.split_last().unwrap();
    assert!(matches!(last, Err(Refusal::Spent(_))), "{last:?}");
    let positions: Vec<_> = accepted
        .iter()
        .map(|answer| answer.as_ref().unwrap().commitment_index)
        .collect();
    assert_eq!(positions, (1..=200).map(Some).collect::<Vec<_>>());
    assert_eq!(ledger.head().commitments, 201);
    tokio::task::spawn_blocking(move || drop(ledger)).await.unwrap();
    // What it wrote is a ledger like any other.
    let server = start(directory.path()).await;
    let report = audited(&server).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(report.proofs, 201);
    server.shutdown().await;
}
