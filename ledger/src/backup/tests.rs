//! Backups of stopped and of running ledgers, and what may be restored from them.

use super::*;
use crate::{
    fsck::tests::{files, fill},
    recovery::RecoveryError,
    server::{Config, Server, StartError},
    testing::{account, genesis, key_of, open},
};
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::cosignature::Cosigner;

fn config(directory: &Path) -> Config {
    Config::loopback(directory.to_owned(), key_of("log"), None)
}

async fn grow(directory: &Path, from: u64, count: u64) {
    let server = Server::start(config(directory)).await.unwrap();
    let id = genesis().ledger_id();
    let mut ledger = Ledger::connect(&server.address().into(), Some(id)).await.unwrap();
    for n in from..from + count {
        let entry = open(id, n, "authority", "us-ma", account(n as u32, n));
        ledger.append(&entry).await.unwrap();
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_only_where_nothing_was_signed_after_it() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let ledger = at("ledger");
    fill(&ledger).await;
    let made = backup(&ledger, &at("old")).unwrap();
    assert!(!made.running);
    let checked = fsck(&at("old"), |_, _| ()).unwrap();
    assert!(checked.is_clean() && checked.backup, "{:?}", checked.problems);
    assert!(matches!(backup(&ledger, &at("old")), Err(BackupError::Exists(_))));
    assert!(matches!(
        backup(&at("old/none"), &at("x")),
        Err(BackupError::NoLedger(_))
    ));

    // Nothing was signed since: it goes on.
    let restored = restore(&at("old"), &at("moved"), Some(&made.checkpoint), None, |_, _| ()).unwrap();
    assert!(restored.signs);
    grow(&at("moved"), 100, 2).await;
    assert!(fsck(&at("moved"), |_, _| ()).unwrap().is_clean());
    // What it signs from now on makes every other copy of the backup an old one.
    let newer = backup(&at("moved"), &at("new")).unwrap();
    let refused = restore(
        &at("old"),
        &at("second"),
        Some(&newer.checkpoint),
        None,
        |_, _| (),
    )
    .unwrap_err();
    assert!(matches!(refused, BackupError::Behind { .. }), "{refused}");
    assert!(!at("second").exists() && !at("second.partial").exists());
    // Nor into another history of the same ledger.
    grow(&ledger, 200, 5).await;
    backup(&ledger, &at("other")).unwrap();
    let refused = restore(
        &at("other"),
        &at("second"),
        Some(&newer.checkpoint),
        None,
        |_, _| (),
    )
    .unwrap_err();
    assert!(matches!(refused, BackupError::Forked(_)), "{refused}");

    // One that witnesses have cosigned, where they are asked for: the log's key has signed the old one too.
    let witness = Cosigner::new("witness.example/w1", key_of("witness 1")).unwrap();
    let policy = |log| WitnessPolicy::new(log, vec![witness.witness_key().clone()], 1).unwrap();
    let held =
        |note: &[u8], log, to: &str| restore(&at("new"), &at(to), Some(note), Some(&policy(log)), |_, _| ());
    let key = |name: &str| LogKey::new(&genesis().origin, key_of(name).verifying_key()).unwrap();
    let refused = held(&newer.checkpoint, key("log"), "held").unwrap_err();
    assert!(
        matches!(
            refused,
            BackupError::Cosignatures(CosignatureError::Quorum { .. })
        ),
        "{refused}"
    );
    let line = witness.cosign(&newer.checkpoint, 5).unwrap();
    let cosigned = [&newer.checkpoint[..], &line].concat();
    let refused = held(&cosigned, key("other"), "held").unwrap_err();
    assert!(matches!(refused, BackupError::OtherLog), "{refused}");
    assert!(!at("held").exists());
    let restored = held(&cosigned, key("log"), "held").unwrap();
    assert!(restored.signs);

    // Without a checkpoint it is for reading.
    assert!(
        !restore(&at("old"), &at("reading"), None, None, |_, _| ())
            .unwrap()
            .signs
    );
    let refused = Server::start(config(&at("reading"))).await.unwrap_err();
    assert!(matches!(refused, StartError::Recovery(_)), "{refused}");
    // Nothing is written over a ledger.
    let before = files(&ledger);
    let refused = restore(&at("old"), &ledger, Some(&made.checkpoint), None, |_, _| ()).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(files(&ledger), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_in_place_of_the_database_does_not_sign() {
    let root = tempfile::tempdir().unwrap();
    let (ledger, old) = (root.path().join("ledger"), root.path().join("old"));
    fill(&ledger).await;
    backup(&ledger, &old).unwrap();
    grow(&ledger, 100, 1).await;
    fs::remove_dir_all(ledger.join("db")).unwrap();
    copy_files(&old.join("db"), &ledger.join("db")).unwrap();
    let found = fsck(&ledger, |_, _| ()).unwrap();
    assert!(
        found.problems.iter().any(|p| p.what.contains("old backup")),
        "{:?}",
        found.problems
    );
    let refused = Server::start(config(&ledger)).await.unwrap_err();
    assert!(refused.to_string().contains("old backup"), "{refused}");
}

/// A ledger whose first checkpoint was not signed yet has no record either, and may start.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_genesis_alone_does_not_sign() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let mut new = config(&at("ledger"));
    new.genesis = Some(genesis());
    Server::start(new).await.unwrap().shutdown().await;
    let made = backup(&at("ledger"), &at("old")).unwrap();
    restore(&at("old"), &at("reading"), None, None, |_, _| ()).unwrap();
    let refused = Server::start(config(&at("reading"))).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Recovery(RecoveryError::NoRecord)),
        "{refused}"
    );
    assert!(refused.to_string().contains("restore --checkpoint"), "{refused}");
    // With the checkpoint that it has, on the word of the operator, it does.
    restore(&at("old"), &at("moved"), Some(&made.checkpoint), None, |_, _| ()).unwrap();
    let mut again = config(&at("moved"));
    again.genesis = Some(genesis());
    Server::start(again).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_not_restored() {
    let root = tempfile::tempdir().unwrap();
    let (ledger, old) = (root.path().join("ledger"), root.path().join("old"));
    fill(&ledger).await;
    let made = backup(&ledger, &old).unwrap();
    let (path, content) = files(&old.join("db"))
        .into_iter()
        // The write-ahead log, where all of it still is.
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "log"))
        .max_by_key(|(_, content)| content.len())
        .unwrap();
    let mut bytes = content;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = restore(
        &old,
        &root.path().join("x"),
        Some(&made.checkpoint),
        None,
        |_, _| (),
    )
    .unwrap_err();
    assert!(matches!(refused, BackupError::Damaged(_)), "{refused}");
    // A note that the log did not sign.
    fs::write(old.join(CHECKPOINT_FILE), "ledger.example/test\n9\nAAAA\n").unwrap();
    assert!(!fsck(&old, |_, _| ()).unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_ledger_makes_consistent_backups_while_it_writes() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("ledger");
    fill(&directory).await;
    let server = Server::start(config(&directory)).await.unwrap();
    let id = genesis().ledger_id();
    let mut ledger = Ledger::connect(&server.address().into(), Some(id)).await.unwrap();
    let writer = tokio::spawn(async move {
        for n in 1000..1150 {
            let entry = open(id, n, "authority", "us-ma", account(n as u32, n));
            ledger.append(&entry).await.unwrap();
        }
    });
    let mut sizes = vec![];
    for n in 0..4 {
        let (from, out) = (directory.clone(), root.path().join(format!("backup-{n}")));
        let made = tokio::task::spawn_blocking({
            let out = out.clone();
            move || backup(&from, &out)
        });
        let made = made.await.unwrap().unwrap();
        assert!(made.running);
        let report = fsck(&out, |_, _| ()).unwrap();
        assert!(report.is_clean() && report.backup, "{:?}", report.problems);
        // The checkpoint in it is that of all that is in it.
        let text = String::from_utf8(made.checkpoint).unwrap();
        assert_eq!(text.lines().nth(1).unwrap(), report.entries.to_string());
        sizes.push(report.entries);
    }
    assert!(sizes.is_sorted(), "{sizes:?}");
    writer.await.unwrap();
    // What is in the way is not touched.
    let (from, out) = (directory.clone(), root.path().join("backup-0"));
    let refused = tokio::task::spawn_blocking(move || backup(&from, &out))
        .await
        .unwrap();
    assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");
    let from = directory.clone();
    let unwritable = tokio::task::spawn_blocking(move || backup(&from, Path::new("/proc/backup")))
        .await
        .unwrap();
    assert!(
        matches!(unwritable, Err(BackupError::Refused(_))),
        "{unwritable:?}"
    );
    server.shutdown().await;
    assert!(fsck(&directory, |_, _| ()).unwrap().is_clean());
    assert!(!directory.join("backup.staging").exists() && !directory.join("admin.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_long_path_nor_a_silent_client_keeps_a_running_ledger_from_a_backup() {
    let root = tempfile::tempdir().unwrap();
    // Longer than the address of a socket may be.
    let directory = root.path().join("l".repeat(120));
    fill(&directory).await;
    let server = Server::start(config(&directory)).await.unwrap();
    let folder = File::open(&directory).unwrap();
    let address = format!(
        "/proc/self/fd/{}/admin.sock",
        std::os::fd::AsRawFd::as_raw_fd(&folder)
    );
    let _silent = std::os::unix::net::UnixStream::connect(address).unwrap();
    let (from, out) = (directory.clone(), root.path().join("out"));
    let made = tokio::task::spawn_blocking(move || backup(&from, &out))
        .await
        .unwrap();
    assert!(made.unwrap().running);
    server.shutdown().await;
    assert!(!directory.join("admin.sock").exists());
}
