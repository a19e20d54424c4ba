//! Crashes, old backups, damaged stores, dishonest operators.

use super::*;
use crate::submission::Submission;
use medproof_verifier::{Tag, entry::Burn, tagged};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_an_old_backup_restored_in_place_does_not_sign() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    server.shutdown().await;
    let (live, backup) = (directory.path().join("db"), directory.path().join("backup"));
    copy(&live, &backup);
    let server = start(directory.path()).await;
    let mut ledger = connect(&server).await;
    ledger.append(&fill(&roots, 1, "pharmacy-1")).await.unwrap();
    server.shutdown().await;

    let restore = || {
        std::fs::remove_dir_all(&live).unwrap();
        copy(&backup, &live);
    };
    let config = || Config::loopback(directory.path().to_owned(), key_of("log"), None);
    restore();
    let refused = Server::start(config()).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Recovery(RecoveryError::Behind { .. })),
        "{refused}"
    );
    // Without the record nothing proves that the backup is not old.
    let record = directory.path().join("signed-checkpoints");
    let signed = std::fs::read(&record).unwrap();
    std::fs::remove_file(&record).unwrap();
    let refused = Server::start(config()).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Recovery(RecoveryError::NoRecord)),
        "{refused}"
    );
    // A history of the same length with another entry in it.
    std::fs::write(&record, &signed[..signed.len() - 48]).unwrap();
    let server = Server::start(config()).await.unwrap();
    let mut ledger = connect(&server).await;
    ledger.append(&fill(&roots, 2, "pharmacy-1")).await.unwrap();
    server.shutdown().await;
    std::fs::write(&record, &signed).unwrap();
    let refused = Server::start(config()).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Recovery(RecoveryError::Forked { .. })),
        "{refused}"
    );
    // An emptied directory with the record left is an old backup, too.
    std::fs::remove_dir_all(&live).unwrap();
    let config = Config::loopback(directory.path().to_owned(), key_of("log"), Some(genesis()));
    let refused = Server::start(config).await.unwrap_err();
    assert!(
        matches!(
            refused,
            StartError::Recovery(RecoveryError::Behind { size: 0, .. })
        ),
        "{refused}"
    );
    tried(
        "an old database restored in place, without the record of what was signed, beside another history, and lost: 4 starts refused",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_a_damaged_last_batch_is_found_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let id = ledger.ledger_id();
    ledger
        .append(&open(id, 1, "authority", "us-ma", account(0, 1)))
        .await
        .unwrap();
    let roots = now(&mut ledger).await;
    let index = ledger
        .append(&fill(&roots, 1, "pharmacy-1"))
        .await
        .unwrap()
        .receipt
        .index;
    server.shutdown().await;
    let node = |level, at| crate::table::node_key(level, at).to_vec();
    let nullifier = |kind, value: Fr| {
        let bytes = medproof_verifier::field::fr_to_be_bytes(&value);
        (
            Table::Nullifier,
            crate::table::nullifier_key(kind, &bytes).to_vec(),
        )
    };
    let rows = vec![
        (Table::Entry, index.to_be_bytes().to_vec()),
        (Table::Entry, (index + 1).to_be_bytes().to_vec()),
        (
            Table::Hash,
            tlog_tiles::tlog::stored_hash_index(0, index)
                .to_be_bytes()
                .to_vec(),
        ),
        (Table::Commitment, node(0, 1)),
        (Table::Commitment, node(1, 0)),
        (Table::Commitment, node(16, 0)),
        (Table::Identity, node(16, 0)),
        (Table::Registry, node(10, 0)),
        (Table::Meta, crate::state::HEAD_KEY.to_vec()),
        nullifier(NullifierKind::Account, fr(10_001)),
        nullifier(NullifierKind::Fill, fr(40_001)),
        // The last, for without it the store is not opened to be repaired.
        (Table::Meta, b"format".to_vec()),
    ];
    let mut count = each_is_found(directory.path(), rows).await;

    // The same with a last batch that is a prescriber's, and one that is a void.
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    let index = ledger
        .append(&fill(&roots, 1, "pharmacy-1"))
        .await
        .unwrap()
        .receipt
        .index;
    let burn = Burn {
        sequence: 1,
        party: name("dr-1"),
        fill_keys: vec![fr(1), fr(2)],
    };
    let burn = Entry::Burn(Signed::new(burn, &ledger.ledger_id(), &key_of("dr-1")));
    ledger.append(&burn).await.unwrap();
    server.shutdown().await;
    let burned = [1, 2].map(|n| nullifier(NullifierKind::Fill, tagged(Tag::Fill, [fr(n)])));
    count += each_is_found(directory.path(), burned.to_vec()).await;
    let server = start(directory.path()).await;
    let void = Void {
        sequence: 1,
        party: name("pharmacy-1"),
        dispense: index,
    };
    let void = Entry::Void(Signed::new(void, &ledger.ledger_id(), &key_of("pharmacy-1")));
    connect(&server).await.append(&void).await.unwrap();
    server.shutdown().await;
    let dispense = (Table::Dispense, index.to_be_bytes().to_vec());
    count += each_is_found(directory.path(), vec![dispense]).await;
    // The fill that the void freed is spent again.
    let store = Store::open(&directory.path().join("db")).unwrap();
    let spent = crate::state::Spent { index, burned: false };
    let fill = nullifier(NullifierKind::Fill, fr(40_001));
    store
        .write(vec![(fill.clone(), Some(spent.to_bytes()))], true)
        .unwrap();
    drop(store);
    let config = Config::loopback(directory.path().to_owned(), key_of("log"), None);
    assert!(Server::start(config).await.is_err());
    count += 1;
    tried(&format!(
        "{count} rows of the last batch damaged or lost, each alone: every start refused"
    ));
}

/// Damages each row alone, sees the start refused, and puts it back; how many.
async fn each_is_found(directory: &Path, rows: Vec<(Table, Vec<u8>)>) -> usize {
    let config = || Config::loopback(directory.to_owned(), key_of("log"), None);
    let count = rows.len();
    for (table, key) in rows {
        let store = Store::open(&directory.join("db")).unwrap();
        let good = store.get(table, &key).unwrap().unwrap();
        let mut bad = good.clone();
        bad[good.len() - 1] ^= 1;
        // A nullifier's row is damaged by its absence.
        let bad = (table != Table::Nullifier).then_some(bad);
        store.write(vec![((table, key.clone()), bad)], true).unwrap();
        drop(store);
        let refused = Server::start(config()).await;
        assert!(refused.is_err(), "{table:?} {key:?}");
        if key != b"format" {
            let store = Store::open(&directory.join("db")).unwrap();
            store.write(vec![((table, key), Some(good))], true).unwrap();
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_names_the_entry_that_breaks_a_rule() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 1, "pharmacy-1")).await.unwrap();
    server.shutdown().await;
    // An operator writes past the rules: a void by another pharmacy, sealed like any entry.
    let void = Void {
        sequence: 1,
        party: name("pharmacy-2"),
        dispense: 0,
    };
    let void = Entry::Void(Signed::new(void, &genesis().ledger_id(), &key_of("pharmacy-2")));
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let index = state.head().size;
    state.append_refused(void.kind(), &void.to_bytes()).unwrap();
    let time = state.head().time;
    state.seal(time).unwrap();
    state.commit().unwrap();
    // A batch more, for at its start a ledger checks the last one.
    let good = fill(&roots, 3, "pharmacy-1");
    let good = Submission::check(&good.to_bytes(), state.rules()).unwrap();
    state.apply(&good, time).unwrap();
    state.seal(time).unwrap();
    state.commit().unwrap();
    drop(state);

    let server = start(directory.path()).await;
    let report = audited(&server).await;
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert_eq!(report.problems[0].index, index);
    assert!(
        report.problems[0].reason.contains("not a dispense"),
        "{}",
        report.problems[0].reason
    );
    server.shutdown().await;

    // A seal that claims another state.
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let entry = fill(&roots, 2, "pharmacy-1");
    let submission = Submission::check(&entry.to_bytes(), state.rules()).unwrap();
    state.apply(&submission, time).unwrap();
    let index = state.head().size;
    state.set_commitment(&fr(666));
    state.seal(time).unwrap();
    state.commit().unwrap();
    drop(state);
    let server = start(directory.path()).await;
    let report = audited(&server).await;
    assert_eq!(report.problem_count, 2, "{:?}", report.problems);
    assert_eq!(report.problems[1].index, index);
    assert!(
        report.problems[1].reason.contains("commitment root"),
        "{}",
        report.problems[1].reason
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l03_a_batch_of_nothing_but_its_seal_stops_the_start_and_is_named_by_audit_and_fsck() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, _) = begin(directory.path()).await;
    let roots = now(&mut ledger).await;
    server.shutdown().await;
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let (index, time) = (state.head().size, state.head().time);
    state.seal_empty(time);
    state.commit().unwrap();
    drop(state);
    let config = Config::loopback(directory.path().to_owned(), key_of("log"), None);
    let refused = Server::start(config).await.unwrap_err().to_string();
    assert!(refused.contains("no entry before its seal"), "{refused}");

    // Behind a batch that is as it must be, a start does not see it.
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let entry = fill(&roots, 1, "pharmacy-1");
    let submission = Submission::check(&entry.to_bytes(), state.rules()).unwrap();
    state.apply(&submission, time).unwrap();
    state.seal(time).unwrap();
    state.commit().unwrap();
    drop(state);
    let server = start(directory.path()).await;
    let report = audited(&server).await;
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert_eq!((report.problems[0].index, report.proofs), (index, 1));
    let reason = &report.problems[0].reason;
    assert!(reason.contains("no entry before its seal"), "{reason}");
    server.shutdown().await;
    let problems = format!("{:?}", crate::fsck(directory.path(), |_, _| ()).unwrap().problems);
    let named = format!("entry {index}: the batch has no entry before its seal");
    assert!(problems.contains(&named), "{problems}");
}
