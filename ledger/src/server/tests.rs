//! The whole ledger over gRPC on loopback: receipts, races, restarts, crashes, old backups, audits.

use super::*;
use crate::{
    audit::Report,
    state::State,
    store::Store,
    table::{Base, Table},
    testing::{
        DAY, Governance, Now, START, account, claim,
        client::{self, checkpoint, is_spent, now},
        dispense, eligibility, fr, genesis, key_of, name, open, post, put_action, tried,
    },
};
use medproof_proto::{
    ledger::{self as wire, Tree},
    ledger_client::{ClientError, Ledger},
};
use medproof_verifier::{
    Checkpoint, Day, Entry, Fr, Receipt, Role, Statement,
    entry::{NullifierKind, RegistryAction, Signed, Void},
    inclusion::verify_consistency,
};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tonic::Code;

mod batches;
mod crash;
mod embedded;
mod failing_calls;
mod faults;
mod keys;
mod long;
mod old_copies;
mod power_cut;
mod seals;
mod witnesses;

async fn start(directory: &Path) -> Server {
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), Some(genesis()));
    config.http = Some(client::LOOPBACK);
    Server::start(config).await.unwrap()
}

/// Audits what the ledger serves.
async fn audited(server: &Server) -> Report {
    client::audited(server.http_address().unwrap()).await
}

async fn connect(server: &Server) -> Ledger {
    client::connect(&server.url()).await
}

/// A running ledger with the usual parties.
async fn begin(directory: &Path) -> (Server, Ledger, Governance) {
    let server = start(directory).await;
    let mut ledger = connect(&server).await;
    let mut governance = Governance::new(genesis().ledger_id());
    for entry in governance.setup() {
        ledger.append(&entry).await.unwrap();
    }
    (server, ledger, governance)
}

fn fill(now: &Now, n: u64, party: &str) -> Entry {
    Entry::Statement(Box::new(post(
        genesis().ledger_id(),
        Statement::Dispense(dispense(now, n)),
        party,
    )))
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Code {
    result.unwrap_err().status().expect("a status").code()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_agrees_with_what_was_appended() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let id = ledger.ledger_id();
    let mut watch = ledger
        .raw()
        .watch(wire::WatchRequest {})
        .await
        .unwrap()
        .into_inner();
    let first = watch.message().await.unwrap().unwrap();

    let opened = ledger
        .append(&open(id, 5, "authority", "us-ma", account(9, 1)))
        .await
        .unwrap();
    assert_eq!((opened.commitment_index, opened.repeated), (Some(0), false));
    let roots = now(&mut ledger).await;
    let (leaf, path, root) = ledger.path::<16>(Tree::Commitment, 0).await.unwrap();
    assert_eq!((path.root(leaf), root), (roots.anchor, roots.anchor));
    let (leaf, path, root) = ledger.path::<16>(Tree::Identity, 9).await.unwrap();
    assert_eq!(
        (path.root(leaf), root),
        (roots.identity_root, roots.identity_root)
    );
    assert_ne!(leaf, Fr::from(0u64));
    let (leaf, path, root) = ledger.path::<10>(Tree::Registry, 5).await.unwrap();
    assert_eq!(
        (path.root(leaf), root),
        (roots.registry_root, roots.registry_root)
    );
    let (leaf, path, _) = ledger
        .path::<16>(Tree::Identity, u64::from(u32::MAX))
        .await
        .unwrap();
    assert_eq!((leaf, path.root(leaf)), (Fr::from(0u64), roots.identity_root));

    let entry = fill(&roots, 1, "pharmacy-1");
    let filled = ledger.append(&entry).await.unwrap();
    assert!(is_spent(&mut ledger, NullifierKind::Account, 10_001).await);
    assert!(!is_spent(&mut ledger, NullifierKind::Trial, 10_001).await);
    let again = ledger.append(&entry).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.receipt, filled.receipt);
    assert_eq!(
        (again.commitment_index, again.time),
        (filled.commitment_index, filled.time)
    );
    let trial = Statement::Eligibility(eligibility(&roots, 1));
    ledger
        .append(&Entry::Statement(Box::new(post(id, trial, "sponsor-1"))))
        .await
        .unwrap();
    let claim = Statement::Claim(claim(&roots, 1));
    ledger
        .append(&Entry::Statement(Box::new(post(id, claim, "gateway-a"))))
        .await
        .unwrap();
    // The receipt of an earlier entry still verifies, offline.
    filled
        .receipt
        .verify(&entry.to_bytes(), server.log_key())
        .unwrap();
    let leaf_hash = entry.leaf_hash().to_vec();
    let by = Some(wire::find_request::By::LeafHash(leaf_hash));
    let found = ledger
        .raw()
        .find(wire::FindRequest { by })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (found.index, found.commitment_index),
        (Some(filled.receipt.index), Some(1))
    );

    assert_eq!(ledger.registry().await.unwrap().len(), 11);
    assert_eq!(ledger.policies().await.unwrap().len(), 3);
    assert_eq!(ledger.circuits().await.unwrap().len(), 5);
    assert_eq!(ledger.last_sequence(None).await.unwrap(), 19);
    assert_eq!(ledger.last_sequence(Some(&name("authority"))).await.unwrap(), 5);

    // A watcher sees checkpoints, each an extension of the one before.
    let latest = checkpoint(&mut ledger).await;
    let mut seen = Checkpoint::verify(&first.checkpoint, ledger.log_key()).unwrap();
    while seen.size() < latest.size() {
        let update = watch.message().await.unwrap().unwrap();
        let next = Checkpoint::verify(&update.checkpoint, ledger.log_key()).unwrap();
        if next.size() == seen.size() {
            continue;
        }
        let request = wire::ConsistencyRequest {
            first: seen.size(),
            second: next.size(),
        };
        let proof = ledger
            .raw()
            .consistency(request)
            .await
            .unwrap()
            .into_inner()
            .proof;
        let proof = wire::hashes("proof", &proof).unwrap();
        verify_consistency(seen.size(), seen.root(), next.size(), next.root(), &proof).unwrap();
        seen = next;
    }
    let request = wire::InclusionRequest {
        index: filled.receipt.index,
        size: 0,
    };
    let answer = ledger.raw().inclusion(request).await.unwrap().into_inner();
    let inclusion = wire::hashes("proof", &answer.proof).unwrap();
    let receipt = Receipt {
        index: filled.receipt.index,
        inclusion,
        checkpoint: answer.checkpoint,
    };
    receipt.verify(&entry.to_bytes(), server.log_key()).unwrap();

    let seal = ledger.last_seal().await.unwrap();
    let roots = now(&mut ledger).await;
    assert_eq!(
        (seal.commitment_root, seal.identity_root, seal.registry_root),
        (roots.anchor, roots.identity_root, roots.registry_root)
    );
    let report = audited(&server).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!((report.proofs, report.commitments), (3, 3));
    assert_eq!((report.nullifiers, report.size), ([1, 1, 1, 1, 1], latest.size()));
    assert_eq!(report.entries, latest.size());
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_their_codes() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, mut governance) = begin(directory.path()).await;
    let id = ledger.ledger_id();
    let raw = |entry: Vec<u8>| wire::AppendRequest { entry };
    let status = ledger.raw().append(raw(vec![1, 99])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("`kind`"), "{}", status.message());
    let status = ledger.raw().append(raw(vec![1; 70_000])).await.unwrap_err();
    assert!(
        matches!(status.code(), Code::OutOfRange | Code::InvalidArgument),
        "{status:?}"
    );
    let roots = now(&mut ledger).await;
    let forged = open([0; 32], 1, "authority", "us-ma", account(0, 1));
    assert_eq!(code(ledger.append(&forged).await), Code::Unauthenticated);
    let other = open(id, 1, "authority-nh", "us-ma", account(0, 1));
    assert_eq!(code(ledger.append(&other).await), Code::PermissionDenied);
    ledger.append(&fill(&roots, 1, "pharmacy-1")).await.unwrap();
    let spent = fill(
        &Now {
            date: roots.date + fr(1),
            ..roots
        },
        1,
        "pharmacy-1",
    );
    assert_eq!(code(ledger.append(&spent).await), Code::AlreadyExists);
    let stale = fill(
        &Now {
            anchor: fr(1),
            ..roots
        },
        2,
        "pharmacy-1",
    );
    assert_eq!(code(ledger.append(&stale).await), Code::FailedPrecondition);
    governance.sequence += 1;
    let skipped = governance.put(80, medproof_verifier::Role::Pharmacy, "p", "us-ma");
    assert_eq!(code(ledger.append(&skipped).await), Code::FailedPrecondition);

    let client = ledger.raw();
    let path = |tree, first, levels| wire::AuthPathRequest { tree, first, levels };
    for bad in [
        path(0, 0, 5),
        path(9, 0, 5),
        path(1, 0, 3),
        path(1, 0, 7),
        path(1, 1, 5),
        path(3, 1 << 20, 5),
    ] {
        assert_eq!(
            client.auth_path(bad).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    for count in [0, 257] {
        let bad = wire::GetRequest { first: 0, count };
        assert_eq!(client.get(bad).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let past = wire::GetRequest {
        first: u64::MAX,
        count: 256,
    };
    assert!(client.get(past).await.unwrap().into_inner().entries.is_empty());
    for (index, size) in [(1 << 40, 0), (0, 1 << 40), (5, 5)] {
        let bad = wire::InclusionRequest { index, size };
        assert_eq!(
            client.inclusion(bad).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    for (first, second) in [(0, 0), (9, 8), (1, 1 << 40)] {
        let bad = wire::ConsistencyRequest { first, second };
        assert_eq!(
            client.consistency(bad).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    for (kind, nullifier) in [
        (0, vec![0; 32]),
        (6, vec![0; 32]),
        (1, vec![0; 31]),
        (1, vec![0xff; 32]),
    ] {
        let bad = wire::NullifierSpentRequest { kind, nullifier };
        assert_eq!(
            client.nullifier_spent(bad).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    let bad = wire::SequenceRequest { party: "a b".into() };
    assert_eq!(
        client.sequence(bad).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    assert_eq!(
        client
            .find(wire::FindRequest { by: None })
            .await
            .unwrap_err()
            .code(),
        Code::InvalidArgument
    );
    let other = Ledger::connect(&server.address().into(), Some([9; 32]))
        .await
        .unwrap_err();
    assert!(matches!(other, ClientError::OtherLedger { .. }), "{other}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_one_of_a_hundred_racing_posts_of_a_nullifier_wins() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    let before = checkpoint(&mut ledger).await.size();
    let tasks: Vec<_> = (0..100u64)
        .map(|n| {
            let mut ledger = ledger.clone();
            tokio::spawn(async move {
                let mut public = dispense(&roots, n);
                public.nf_note = fr(10_000);
                let party = if n % 2 == 0 { "pharmacy-1" } else { "pharmacy-2" };
                let entry = post(ledger.ledger_id(), Statement::Dispense(public), party);
                ledger.append(&Entry::Statement(Box::new(entry))).await
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(appended) => {
                assert!(!appended.repeated);
                won += 1;
            }
            refused => assert_eq!(code(refused), Code::AlreadyExists),
        }
    }
    assert_eq!(won, 1);
    // The entry and its seal, and no other batch.
    assert_eq!(checkpoint(&mut ledger).await.size(), before + 2);
    // The same post a hundred times is one entry with one receipt.
    let entry = fill(&roots, 500, "pharmacy-1");
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (mut ledger, entry) = (ledger.clone(), entry.clone());
            tokio::spawn(async move { ledger.append(&entry).await.unwrap() })
        })
        .collect();
    let mut receipts = vec![];
    for task in tasks {
        receipts.push(task.await.unwrap());
    }
    assert_eq!(receipts.iter().filter(|a| !a.repeated).count(), 1);
    assert!(receipts.iter().all(|a| a.receipt == receipts[0].receipt));
    assert!(audited(&server).await.is_clean());
    tried(
        "100 racing posts of one nullifier, of which 1 won; the same post 100 times: 1 entry, 100 equal receipts",
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a08_a_repeat_gets_its_receipt_after_the_posting_key_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, mut governance) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    let entry = fill(&roots, 1, "pharmacy-1");
    let filled = ledger.append(&entry).await.unwrap();
    let void = Void {
        sequence: 1,
        party: name("pharmacy-1"),
        dispense: filled.receipt.index,
    };
    let void = Entry::Void(Signed::new(void, &ledger.ledger_id(), &key_of("pharmacy-1")));
    let voided = ledger.append(&void).await.unwrap();

    let mut put = put_action(Role::Pharmacy, "pharmacy-1", name("us-ma").to_fr());
    let RegistryAction::Put { posting_key, .. } = &mut put else {
        unreachable!()
    };
    *posting_key = key_of("another key").verifying_key();
    ledger.append(&governance.registry(20, put)).await.unwrap();

    for (entry, first) in [(&entry, &filled), (&void, &voided)] {
        let again = ledger.append(entry).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.receipt, first.receipt);
        assert_eq!(
            (again.commitment_index, again.time),
            (first.commitment_index, first.time)
        );
    }
    // What is new needs the new key, and the ledger's own entries are not repeated by anybody.
    let roots = now(&mut ledger).await;
    let new = fill(&roots, 2, "pharmacy-1");
    assert_eq!(code(ledger.append(&new).await), Code::Unauthenticated);
    for entry in ledger.entries(0, 1).await.unwrap() {
        let status = ledger.raw().append(wire::AppendRequest { entry }).await;
        assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
    }
    assert!(audited(&server).await.is_clean());
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    server.shutdown().await;
    let mut config = Config::loopback(directory.path().to_owned(), key_of("log"), None);
    config.limits.queue = 2;
    config.limits.wait = Duration::from_millis(200);
    let server = Server::start(config).await.unwrap();
    let ledger = connect(&server).await;
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let mut ledger = ledger.clone();
            tokio::spawn(async move { ledger.append(&fill(&roots, n, "pharmacy-1")).await })
        })
        .collect();
    let mut codes = BTreeMap::new();
    for task in tasks {
        let answer = task.await.unwrap();
        if let Err(error) = &answer {
            assert_eq!(error.retry_after(), Some(crate::service::RETRY_AFTER), "{error}");
        }
        let code = answer.map_or_else(|e| e.status().unwrap().code(), |_| Code::Ok);
        *codes.entry(format!("{code:?}")).or_insert(0) += 1;
    }
    assert!(codes["Ok"] >= 2 && codes["ResourceExhausted"] >= 1, "{codes:?}");
    assert_eq!(codes.values().sum::<i32>(), 30);
    assert_eq!(codes.len(), 2, "{codes:?}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_development_clock_is_set_and_only_forward() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    assert_eq!(code(ledger.set_clock(START - 1).await), Code::InvalidArgument);
    assert_eq!(code(ledger.set_clock(u64::MAX).await), Code::InvalidArgument);
    ledger.set_clock(START + 50 * DAY).await.unwrap();
    assert!(ledger.anchors().await.unwrap().time >= START + 50 * DAY);
    let roots = now(&mut ledger).await;
    let appended = ledger.append(&fill(&roots, 1, "pharmacy-1")).await.unwrap();
    assert!((START + 50 * DAY..START + 51 * DAY).contains(&appended.time));
    server.shutdown().await;
    // The distance to the machine's clock survives a restart.
    let server = start(directory.path()).await;
    let mut ledger = connect(&server).await;
    let time = ledger.anchors().await.unwrap().time;
    assert!((START + 50 * DAY..START + 51 * DAY).contains(&time), "{time}");
    server.shutdown().await;

    let production = Genesis {
        development: false,
        ..genesis()
    };
    let directory = tempfile::tempdir().unwrap();
    let config = Config::loopback(directory.path().to_owned(), key_of("log"), Some(production));
    let server = Server::start(config).await.unwrap();
    let mut ledger = Ledger::connect(&server.address().into(), None).await.unwrap();
    assert_eq!(
        code(ledger.set_clock(START + 50 * 365 * DAY).await),
        Code::PermissionDenied
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let id = ledger.ledger_id();
    ledger
        .append(&open(id, 1, "authority", "us-ma", account(0, 1)))
        .await
        .unwrap();
    let roots = now(&mut ledger).await;
    let entry = fill(&roots, 1, "pharmacy-1");
    let filled = ledger.append(&entry).await.unwrap();
    let before = checkpoint(&mut ledger).await;
    server.shutdown().await;

    let server = start(directory.path()).await;
    let mut ledger = connect(&server).await;
    assert_eq!(checkpoint(&mut ledger).await, before);
    let again = ledger.append(&entry).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.receipt, filled.receipt);
    let clash = fill(
        &Now {
            date: roots.date + fr(1),
            ..roots
        },
        1,
        "pharmacy-1",
    );
    assert_eq!(code(ledger.append(&clash).await), Code::AlreadyExists);
    let void = Void {
        sequence: 1,
        party: name("pharmacy-1"),
        dispense: filled.receipt.index,
    };
    let void = Entry::Void(Signed::new(void, &id, &key_of("pharmacy-1")));
    assert_eq!(ledger.append(&void).await.unwrap().commitment_index, Some(2));
    let report = audited(&server).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    server.shutdown().await;

    let wrong_key = Config::loopback(directory.path().to_owned(), key_of("other"), None);
    assert!(matches!(Server::start(wrong_key).await, Err(StartError::LogKey)));
    let other = Genesis {
        nonce: [2; 32],
        ..genesis()
    };
    let other = Config::loopback(directory.path().to_owned(), key_of("log"), Some(other));
    assert!(matches!(
        Server::start(other).await,
        Err(StartError::OtherGenesis(_))
    ));
    let empty = tempfile::tempdir().unwrap();
    let nothing = Config::loopback(empty.path().to_owned(), key_of("log"), None);
    assert!(matches!(Server::start(nothing).await, Err(StartError::Empty(_))));
}
