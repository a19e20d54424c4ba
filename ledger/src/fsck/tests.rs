//! A clean ledger has no problem, also where a crash left it; every damaged row and byte is found.

use super::*;
use crate::{
    server::{Config, Server},
    state::State,
    testing::{
        Governance, Now, account, claim, dispense, eligibility, fr, genesis, key_of, name, open, post,
    },
};
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::{
    Day,
    entry::{Burn, Close, Opening, Signed, Void},
};
use std::collections::BTreeMap;

/// Appends entries of every kind and gives the leaf index of a dispense that stands.
pub(crate) async fn fill(directory: &Path) -> u64 {
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), Some(genesis()));
    config.limits.entries = 8;
    let server = Server::start(config).await.unwrap();
    let id = genesis().ledger_id();
    let mut ledger = Ledger::connect(&server.address().into(), Some(id)).await.unwrap();
    for entry in Governance::new(id).setup() {
        ledger.append(&entry).await.unwrap();
    }
    for n in 0..6 {
        let entry = open(id, n + 1, "authority", "us-ma", account(n as u32 * 5, n));
        ledger.append(&entry).await.unwrap();
    }
    let benefit = Opening::Benefit { note: fr(77) };
    ledger
        .append(&open(id, 1, "payer-a", "plan-a", benefit))
        .await
        .unwrap();
    let anchors = ledger.anchors().await.unwrap();
    let now = Now {
        anchor: anchors.anchors[0],
        identity_root: anchors.identity_root,
        registry_root: anchors.registry_root,
        date: fr(Day::from_unix_seconds(anchors.time).0.into()),
    };
    let statement = |s, party| Entry::Statement(Box::new(post(id, s, party)));
    let fill = |n| statement(Statement::Dispense(dispense(&now, n)), "pharmacy-1");
    let mut dispensed = vec![];
    for n in 0..6 {
        dispensed.push(ledger.append(&fill(n)).await.unwrap().receipt.index);
    }
    let e = statement(Statement::Eligibility(eligibility(&now, 1)), "sponsor-1");
    ledger.append(&e).await.unwrap();
    let c = statement(Statement::Claim(claim(&now, 1)), "gateway-a");
    ledger.append(&c).await.unwrap();
    // One dispense voided; another, of the same fill, after it; and burned fills, never dispensed.
    let void = Void {
        sequence: 1,
        party: name("pharmacy-1"),
        dispense: dispensed[0],
    };
    ledger
        .append(&Entry::Void(Signed::new(void, &id, &key_of("pharmacy-1"))))
        .await
        .unwrap();
    let mut again = dispense(&now, 9);
    again.nf_fill = fr(40_000);
    ledger
        .append(&statement(Statement::Dispense(again), "pharmacy-1"))
        .await
        .unwrap();
    let burn = Burn {
        sequence: 1,
        party: name("dr-1"),
        fill_keys: vec![fr(5), fr(6)],
    };
    ledger
        .append(&Entry::Burn(Signed::new(burn, &id, &key_of("dr-1"))))
        .await
        .unwrap();
    let close = Close {
        sequence: 9,
        party: name("authority"),
        domain: name("us-ma"),
        index: 10,
    };
    ledger
        .append(&Entry::Close(Signed::new(close, &id, &key_of("authority"))))
        .await
        .unwrap();
    server.shutdown().await;
    dispensed[1]
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_clean_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path()).await;
    let before = files(directory.path());
    let mut steps = vec![];
    let report = fsck(directory.path(), |done, of| steps.push((done, of))).unwrap();
    assert_eq!(report.problems, vec![]);
    assert_eq!(report.notes, Vec::<String>::new());
    assert_eq!(report.entries, report.kinds.iter().sum::<u64>());
    assert_eq!(report.checkpoints, report.batches);
    assert_eq!(report.signed_heads, report.batches);
    assert!(report.kinds.iter().all(|count| *count > 0), "{:?}", report.kinds);
    let tables: Vec<_> = report.rows.iter().map(|(table, _)| *table).collect();
    for table in Table::ALL {
        assert!(tables.contains(&table.as_str()), "{table:?} is not read");
    }
    let (witnessed, others): (Vec<(&str, u64)>, Vec<_>) =
        report.rows.iter().partition(|(table, _)| *table == "cosigned");
    assert!(others.iter().all(|(_, rows)| *rows > 0), "{others:?}");
    assert_eq!(witnessed, [("cosigned", 0)], "no witnesses are asked here");
    assert!(steps.is_sorted() && steps.iter().all(|(done, of)| done <= of));
    assert_eq!(files(directory.path()), before, "nothing is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_ledger_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::loopback(directory.path().to_owned(), key_of("log"), Some(genesis()));
    let server = Server::start(config()).await.unwrap();
    let refused = fsck(directory.path(), |_, _| ()).unwrap_err();
    assert!(
        matches!(refused, FsckError::Store(StoreError::InUse(_))),
        "{refused}"
    );
    // And so is a second ledger.
    assert!(Server::start(config()).await.is_err());
    server.shutdown().await;
    assert!(fsck(directory.path(), |_, _| ()).unwrap().is_clean());
    let nothing = tempfile::tempdir().unwrap();
    let refused = fsck(nothing.path(), |_, _| ()).unwrap_err();
    assert!(matches!(refused, FsckError::NoLedger(_)), "{refused}");
}

/// What fsck finds in a store that is open already.
fn found_in(store: &Store, directory: &Path) -> Findings {
    let (mut findings, mut report) = (Findings::default(), Report::default());
    let signed = signed(directory, &mut findings, &mut report).unwrap();
    if let Err(error) = check(store, &signed, &mut findings, &mut report, &mut |_, _| ()) {
        findings.problem("db", error);
    }
    findings
}

/// Three rows of each table changed, taken away, and copied to a key that nothing leads to.
#[tokio::test(flavor = "multi_thread")]
async fn every_damaged_row_is_found() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path()).await;
    let store = Store::open(&directory.path().join("db")).unwrap();
    let mut tried = 0;
    for table in Table::ALL {
        let rows: Vec<_> = store.rows(table, &[]).unwrap().map(Result::unwrap).collect();
        if table == Table::Cosigned {
            // No witnesses are asked here; `cosigning` has a test of its rows.
            assert!(rows.is_empty());
            continue;
        }
        let last = &rows[rows.len() - 1].0;
        for (key, value) in [&rows[0], &rows[rows.len() / 2], &rows[rows.len() - 1]] {
            // The format is checked where a store is opened; the clock's offset may be any number.
            if table == Table::Meta && key != HEAD_KEY {
                continue;
            }
            let mut other = value.clone();
            match other.last_mut() {
                Some(byte) => *byte ^= 1,
                None => other.push(1),
            }
            let mut stray = key.clone();
            stray[0] ^= 0x80;
            let changes = [(key, Some(other)), (key, None), (&stray, Some(value.clone()))];
            for (at, changed) in changes {
                let before = store.get(table, at).unwrap();
                store
                    .write(vec![((table, at.clone()), changed.clone())], false)
                    .unwrap();
                let found = found_in(&store, directory.path());
                let lost_checkpoint = table == Table::Checkpoint && changed.is_none() && key == last;
                match lost_checkpoint {
                    // The next start signs it again.
                    true => assert_eq!((found.count, found.notes.len()), (0, 1)),
                    false => assert!(found.count > 0, "{table:?} {at:x?} {changed:x?}"),
                }
                tried += 1;
                store.write(vec![((table, at.clone()), before)], false).unwrap();
            }
        }
    }
    crate::testing::tried(&format!("{tried} rows damaged or lost, each alone: all found"));
    assert_eq!(found_in(&store, directory.path()).count, 0);
}

/// A copy of the ledger in which one file is another.
fn with(
    files: &BTreeMap<PathBuf, Vec<u8>>,
    root: &Path,
    path: &Path,
    bytes: Option<&[u8]>,
) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (at, content) in files {
        let to = copy.path().join(at.strip_prefix(root).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let content = if at == path { bytes } else { Some(&content[..]) };
        if let Some(content) = content {
            std::fs::write(to, content).unwrap();
        }
    }
    copy
}

/// Files of RocksDB that say nothing of the ledger: its diary, its lock, its name, and a copy of the options for
/// people. They may be lost.
fn says_nothing(name: &str) -> bool {
    name.starts_with("LOG") || name.starts_with("OPTIONS") || name == "LOCK" || name == "IDENTITY"
}

async fn flipped_and_truncated(flushed: bool) {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path()).await;
    if flushed {
        // Into table files, by way of a backup.
        let store = Store::open(&directory.path().join("db")).unwrap();
        store.checkpoint(&directory.path().join("copy")).unwrap();
        drop(store);
        std::fs::remove_dir_all(directory.path().join("db")).unwrap();
        std::fs::rename(directory.path().join("copy"), directory.path().join("db")).unwrap();
    }
    let files = files(directory.path());
    let clean = fsck(directory.path(), |_, _| ()).unwrap();
    assert!(clean.is_clean(), "{:?}", clean.problems);
    let (mut flips, mut cuts, mut outcomes) = (0, 0, BTreeMap::<(String, bool), u32>::new());
    for (path, content) in &files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        let mut judge = |bytes: Option<&[u8]>, how: &str| {
            let copy = with(&files, directory.path(), path, bytes);
            let report = fsck(copy.path(), |_, _| ()).unwrap();
            let found = !report.is_clean() || !report.notes.is_empty();
            // Nothing is taken from a damaged file as if it were right: what is not found changes nothing.
            assert!(found || report == clean, "{name} {how}");
            assert!(
                !found || !says_nothing(name),
                "{name} {how}: {:?}",
                report.problems
            );
            assert!(found || name != "signed-checkpoints", "{how}");
            *outcomes.entry((kind.clone(), found)).or_default() += 1;
        };
        let length = content.len();
        let places = (0..4).map(|k| k * length / 4).chain([length.saturating_sub(1)]);
        for at in places
            .filter(|at| *at < length)
            .collect::<std::collections::BTreeSet<_>>()
        {
            let mut bytes = content.clone();
            bytes[at] ^= 0x10;
            judge(Some(&bytes), &format!("byte {at} of {length}"));
            flips += 1;
        }
        for cut in [0, length / 2, length.saturating_sub(1)] {
            if cut < length {
                judge(Some(&content[..cut]), &format!("cut at {cut} of {length}"));
                cuts += 1;
            }
        }
        judge(None, "missing");
    }
    crate::testing::tried(&format!(
        "{flips} bytes flipped, {cuts} cuts and {} files removed; by kind of file, found or without effect: {outcomes:?}",
        files.len()
    ));
    let of = |kind: &str, found| outcomes.get(&(kind.to_owned(), found)).copied().unwrap_or(0);
    let data = if flushed { "sst" } else { "log" };
    // A bloom filter that is damaged is not used, and nothing is missed without it.
    assert!(of(data, true) > of(data, false), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bytes_and_cuts_in_every_file_are_found() {
    flipped_and_truncated(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bytes_and_cuts_in_every_table_file_are_found() {
    flipped_and_truncated(true).await;
}

/// A batch that is on disk and was not signed yet: the store is ahead of the record, which is no fault.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_is_no_problem() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path()).await;
    let mut state = State::open(Store::open(&directory.path().join("db")).unwrap())
        .unwrap()
        .unwrap();
    let time = state.head().time;
    let opened = open(
        genesis().ledger_id(),
        100,
        "authority",
        "us-ma",
        account(900, 900),
    );
    let opened = crate::Submission::check(&opened.to_bytes(), state.rules()).unwrap();
    state.apply(&opened, time).unwrap();
    state.seal(time).unwrap();
    state.commit().unwrap();
    drop(state);
    let record = directory.path().join("signed-checkpoints");
    let mut bytes = std::fs::read(&record).unwrap();
    bytes.extend([7; 13]);
    std::fs::write(&record, bytes).unwrap();
    let report = fsck(directory.path(), |_, _| ()).unwrap();
    assert_eq!(report.problems, vec![]);
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
}
