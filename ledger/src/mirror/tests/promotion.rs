//! From a mirror to a ledger that signs.

use super::*;
use crate::{
    DevelopmentClock,
    backup::{BackupError, backup, restore},
    cosigning::WitnessAddress,
    fsck::FsckError,
    signed_record::{self, SignedHead},
    witness::WitnessServer,
};
use medproof_verifier::{LogSigner, Receipt};

fn outside() -> Cosigner {
    Cosigner::new("witness.example/w1", key_of("witness")).unwrap()
}

fn signer() -> LogSigner {
    LogSigner::new(&genesis().origin, key_of("log")).unwrap()
}

/// The log's signature and no witness.
fn unwitnessed() -> WitnessPolicy {
    WitnessPolicy::new(log_key(), vec![], 0).unwrap()
}

/// A ledger that asks one witness.
async fn witnessed(directory: &Path, witness: SocketAddr) -> Server {
    let genesis = (!directory.exists()).then(genesis);
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), genesis);
    config.http = Some(LOOPBACK);
    config.witnesses = vec![WitnessAddress {
        key: outside().witness_key().clone(),
        prefix: format!("http://{witness}").parse().unwrap(),
    }];
    config.quorum = 1;
    Server::start(config).await.unwrap()
}

/// What the ledger shows at `/checkpoint` once the witness has cosigned so many entries.
async fn cosigned(server: &Server, policy: &WitnessPolicy, size: u64) -> Vec<u8> {
    for _ in 0..500 {
        let note = get(server.http_address().unwrap(), "/checkpoint").body;
        if policy.check(&note).is_ok_and(|c| c.checkpoint.size() >= size) {
            return note;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no cosignature");
}

fn refused(directory: &Path, note: &[u8], policy: &WitnessPolicy) -> PromoteError {
    promoted(directory, note, policy, Memory::Needed).unwrap_err()
}

fn promoted(
    directory: &Path,
    note: &[u8],
    policy: &WitnessPolicy,
    memory: Memory,
) -> Result<Promoted, PromoteError> {
    promote(directory, note, policy, key_of("log"), memory, |_, _| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_promoted_only_with_everything_that_was_signed() {
    let root = tempfile::tempdir().unwrap();
    let clock = Arc::new(DevelopmentClock::default());
    let memory = root.path().join("witness");
    let witness = Witness::open(&memory, outside(), vec![log_key()], clock).unwrap();
    let witness = WitnessServer::start(witness, LOOPBACK).await.unwrap();
    let policy = WitnessPolicy::new(log_key(), vec![outside().witness_key().clone()], 1).unwrap();
    let old = root.path().join("primary");
    let server = witnessed(&old, witness.address()).await;
    let http = server.http_address().unwrap();
    let mut ledger = connect(&server.url()).await;
    for entry in Governance::new(genesis().ledger_id()).setup() {
        ledger.append(&entry).await.unwrap();
    }
    let roots = now(&mut ledger).await;
    let first = ledger.append(&fill(&roots, 1)).await.unwrap();
    let folder = root.path().join("mirror");
    let follower = mirror(&folder, http).await.unwrap();
    let size = checkpoint(&mut ledger).await.size();
    reach(&follower, size).await;
    let note = cosigned(&server, &policy, size).await;

    // Not while it runs.
    let running = refused(&folder, &note, &policy);
    assert!(
        matches!(
            running,
            PromoteError::Fsck(FsckError::Store(StoreError::InUse(_)))
        ),
        "{running}"
    );
    follower.shutdown().await;
    unfit_checkpoints(&folder, &note, (&policy, size));
    // Not with less than the old primary has signed.
    let second = ledger.append(&fill(&roots, 2)).await.unwrap();
    let longer = cosigned(&server, &policy, size + 2).await;
    let behind = refused(&folder, &longer, &policy);
    assert!(
        matches!(behind, PromoteError::Behind { signed, .. } if signed == size + 2),
        "{behind}"
    );
    // None of it has made it a ledger that signs.
    let start = Server::start(Config::loopback(folder.clone(), key_of("log"), None)).await;
    assert!(matches!(start, Err(StartError::Mirror(_))));
    // Not with an older checkpoint either, once the mirror knows of a longer one.
    let store = Store::open(&folder.join("db")).unwrap();
    remember(&store, &Checkpoint::verify_plain(&longer, &log_key()).unwrap().1).unwrap();
    drop(store);
    let behind = refused(&folder, &note, &policy);
    assert!(
        matches!(behind, PromoteError::Behind { what, .. } if what.contains("seen")),
        "{behind}"
    );

    // It catches up, the old primary ends for good, and the mirror takes its place.
    let follower = mirror(&folder, http).await.unwrap();
    reach(&follower, size + 2).await;
    let (entry, receipt) = connect(&follower.url()).await.receipt(size, 1).await.unwrap();
    follower.shutdown().await;
    server.shutdown().await;
    let primary = refused(&old, &longer, &policy);
    assert!(matches!(primary, PromoteError::NotAMirror(_)), "{primary}");
    let restored = restored(root.path(), &folder, &longer);
    // What it has cosigned is not in the backup, so that its key could cosign anything now; another could not have.
    let forgotten = mirror(&restored, http).await.unwrap_err();
    assert!(matches!(forgotten, StartError::Forgotten(_)), "{forgotten}");
    // Nobody can tell either how far the log was cosigned: that has to be said.
    let unknown = refused(&restored, &longer, &policy);
    assert!(matches!(unknown, PromoteError::Forgotten(_)), "{unknown}");
    let renewed = Cosigner::new("mirror.example/m2", key_of("mirror 2")).unwrap();
    let renewed = Mirror::start(config(&restored, http), renewed).await.unwrap();
    renewed.shutdown().await;
    std::fs::remove_dir_all(restored.join("witness")).unwrap();
    for (folder, memory) in [(&folder, Memory::Needed), (&restored, Memory::Dispensable)] {
        let promoted = promoted(folder, &longer, &policy, memory).unwrap();
        // What the mirror cosigned last is not longer than what it has.
        assert!(promoted.cosigned.is_none_or(|cosigned| cosigned <= size + 2));
        assert_eq!(promoted.cosigned.is_some(), memory == Memory::Needed);
        assert_eq!((promoted.size, promoted.contained), (size + 2, size + 2));
        assert!(promoted.signed > 0);
        let report = fsck(folder, |_, _| ()).unwrap();
        assert!(report.is_clean() && !report.mirror, "{:?}", report.problems);
    }
    let appended = [
        (fill(&roots, 1), first.receipt),
        (fill(&roots, 2), second.receipt),
    ];
    goes_on(&folder, (&witness, &policy), appended).await;
    // What the mirror has cosigned still holds, and it is a mirror no more.
    let own = WitnessPolicy::new(log_key(), vec![cosigner().witness_key().clone()], 1).unwrap();
    assert!(receipt.verify_cosigned(&entry, &own).is_ok());
    let again = mirror(&folder, http).await.unwrap_err();
    assert!(matches!(again, StartError::Primary(_)), "{again}");
    witness.shutdown().await;
}

/// Checkpoints and keys with which nothing is promoted.
fn unfit_checkpoints(folder: &Path, note: &[u8], (policy, size): (&WitnessPolicy, u64)) {
    let thief = LogSigner::new(&genesis().origin, key_of("thief")).unwrap();
    let forged = thief.sign(size, &[1; 32]).unwrap();
    let plain = Checkpoint::verify_plain(note, &log_key()).unwrap().1;
    for unsigned in [forged, plain, b"nothing".to_vec()] {
        let error = refused(folder, &unsigned, policy);
        assert!(matches!(error, PromoteError::Checkpoint(_)), "{error}");
    }
    let forked = signer().sign(size, &[1; 32]).unwrap();
    let error = refused(folder, &forked, &unwitnessed());
    assert!(matches!(error, PromoteError::Forked { .. }), "{error}");
    let elsewhere = LogKey::new("elsewhere", genesis().log_key).unwrap();
    let elsewhere = WitnessPolicy::new(elsewhere, vec![], 0).unwrap();
    let error = refused(folder, note, &elsewhere);
    assert!(matches!(error, PromoteError::OtherLog), "{error}");
    let error = promote(folder, note, policy, key_of("other"), Memory::Needed, |_, _| ()).unwrap_err();
    assert!(matches!(error, PromoteError::LogKey), "{error}");
    let error = refused(&folder.join("nothing"), note, policy);
    assert!(matches!(error, PromoteError::Fsck(_)), "{error}");
}

/// A mirror from a mirror's backup, which cannot be made a ledger that signs past the promotion.
fn restored(root: &Path, folder: &Path, note: &[u8]) -> PathBuf {
    let (copy, restored) = (root.join("copy"), root.join("restored"));
    backup(folder, &copy).unwrap();
    assert!(fsck(&copy, |_, _| ()).unwrap().is_clean());
    let signs = restore(&copy, &restored, Some(note), None, |_, _| ());
    assert!(matches!(signs, Err(BackupError::Mirror)));
    restore(&copy, &restored, None, None, |_, _| ()).unwrap();
    restored
}

/// The promoted ledger answers repeats as the old one did, appends, and its witness finds it consistent.
async fn goes_on(
    folder: &Path,
    (witness, policy): (&WitnessServer, &WitnessPolicy),
    appended: [(Entry, Receipt); 2],
) {
    let server = witnessed(folder, witness.address()).await;
    let mut ledger = connect(&server.url()).await;
    for (entry, receipt) in appended {
        let again = ledger.append(&entry).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.receipt, receipt);
    }
    let roots = now(&mut ledger).await;
    let third = ledger.append(&fill(&roots, 3)).await.unwrap();
    assert!(!third.repeated);
    let (entry, receipt) = ledger.receipt(third.receipt.index, 1).await.unwrap();
    assert!(receipt.verify_cosigned(&entry, policy).is_ok());
    let report = client::audited(server.http_address().unwrap()).await;
    assert!(report.is_clean(), "{:?}", report.problems);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_was_cut_off_is_finished_by_the_next() {
    let root = tempfile::tempdir().unwrap();
    let (server, mut ledger, follower, folder) = followed(root.path()).await;
    let http = server.http_address().unwrap();
    let head = checkpoint(&mut ledger).await;
    reach(&follower, head.size()).await;
    follower.shutdown().await;
    let note = get(http, "/checkpoint").body;
    // Cut off right after the record was made: neither a mirror nor a ledger starts.
    let (record, root_of) = (folder.join("signed-checkpoints"), *head.root());
    let other = SignedHead {
        size: 2,
        root: root_of,
    };
    signed_record::create(&record, &other).unwrap();
    let error = refused(&folder, &note, &unwitnessed());
    // The check of the directory finds such a record first.
    assert!(
        matches!(error, PromoteError::Damaged(_) | PromoteError::Record),
        "{error}"
    );
    std::fs::remove_file(&record).unwrap();
    let size = head.size();
    signed_record::create(&record, &SignedHead { size, root: root_of }).unwrap();
    let start = mirror(&folder, http).await;
    assert!(matches!(start, Err(StartError::Primary(_))));
    let start = Server::start(Config::loopback(folder.clone(), key_of("log"), None)).await;
    assert!(matches!(start, Err(StartError::Mirror(_))));
    promoted(&folder, &note, &unwitnessed(), Memory::Dispensable).unwrap();
    assert!(fsck(&folder, |_, _| ()).unwrap().is_clean());
    // A halted mirror is not promoted.
    let folder = root.path().join("halted");
    mirror(&folder, http).await.unwrap().shutdown().await;
    mismatch::record(&folder, "entry 7: a lie", "http://p", None).unwrap();
    let halted = refused(&folder, &note, &unwitnessed());
    assert!(
        matches!(&halted, PromoteError::Halted(h) if h.reason == "entry 7: a lie"),
        "{halted}"
    );
    server.shutdown().await;
}
