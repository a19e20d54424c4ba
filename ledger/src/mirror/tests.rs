//! Mirrors on loopback: what they follow, what they answer, what they survive.

use super::{mismatch::Failed, *};
use crate::{
    fsck::fsck,
    sequencer::BatchLimits,
    server::{Config, Server},
    testing::{
        Governance, Now, account,
        client::{self, LOOPBACK, checkpoint, connect, get, is_spent, log_key, now},
        dispense, fr, genesis, key_of, open as open_entry, post,
    },
};
use medproof_proto::{
    ledger::{self as wire, Tree},
    ledger_client::Ledger,
};
use medproof_verifier::{Day, Entry, Statement, entry::NullifierKind};
use std::path::Path;
use tonic::Code;

mod cosignatures;
mod crash;
mod doubts;
mod liars;
mod promotion;
mod relays;
mod tiles;
mod time;

fn cosigner() -> Cosigner {
    Cosigner::new("mirror.example/m1", key_of("mirror")).unwrap()
}

/// A primary with HTTP.
async fn primary(directory: &Path) -> Server {
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), Some(genesis()));
    config.http = Some(LOOPBACK);
    config.limits = BatchLimits {
        entries: 8,
        ..BatchLimits::default()
    };
    Server::start(config).await.unwrap()
}

/// A primary with the usual parties.
async fn begin(directory: &Path) -> (Server, Ledger) {
    let server = primary(directory).await;
    let mut ledger = connect(&server.url()).await;
    for entry in Governance::new(genesis().ledger_id()).setup() {
        ledger.append(&entry).await.unwrap();
    }
    (server, ledger)
}

fn fill(now: &Now, n: u64) -> Entry {
    let statement = Statement::Dispense(dispense(now, n));
    Entry::Statement(Box::new(post(genesis().ledger_id(), statement, "pharmacy-1")))
}

fn config(directory: &Path, primary: SocketAddr) -> MirrorConfig {
    MirrorConfig {
        directory: directory.to_owned(),
        listen: LOOPBACK,
        http: Some(LOOPBACK),
        tls: None,
        primary: format!("http://{primary}").parse().unwrap(),
        log_key: log_key(),
        genesis: None,
        witnesses: vec![],
        poll: Duration::from_millis(10),
    }
}

async fn mirror(directory: &Path, primary: SocketAddr) -> Result<Mirror, StartError> {
    Mirror::start(config(directory, primary), cosigner()).await
}

/// A primary with the usual parties, and a mirror of it in the folder that is given last.
async fn followed(root: &Path) -> (Server, Ledger, Mirror, PathBuf) {
    let (server, ledger) = begin(&root.join("primary")).await;
    let folder = root.join("mirror");
    let follower = mirror(&folder, server.http_address().unwrap()).await.unwrap();
    (server, ledger, follower, folder)
}

/// Waits until a mirror has published so many entries.
async fn reach(mirror: &Mirror, size: u64) {
    let mut published = mirror.published.clone();
    let reached = published.wait_for(|p| p.head.size >= size);
    let reached = tokio::time::timeout(Duration::from_secs(60), reached).await;
    reached.expect("the mirror does not come so far").unwrap();
}

fn text(address: SocketAddr, path: &str) -> String {
    String::from_utf8(get(address, path).body).unwrap()
}

/// The value of a metric without labels.
fn metric(address: SocketAddr, name: &str) -> u64 {
    let text = text(address, "/metrics");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .unwrap()
}

/// Everything that both answer, compared.
async fn agree(one: &mut Ledger, other: &mut Ledger) {
    assert_eq!(checkpoint(one).await, checkpoint(other).await);
    let (a, b) = (one.anchors().await.unwrap(), other.anchors().await.unwrap());
    assert_eq!((&a.anchors, a.identity_root), (&b.anchors, b.identity_root));
    assert_eq!((a.registry_root, a.commitments), (b.registry_root, b.commitments));
    let size = checkpoint(one).await.size();
    assert_eq!(
        one.registry().await.unwrap().len(),
        other.registry().await.unwrap().len()
    );
    assert_eq!(one.policies().await.unwrap(), other.policies().await.unwrap());
    assert_eq!(one.last_seal().await.unwrap(), other.last_seal().await.unwrap());
    let last = one.last_sequence(None).await.unwrap();
    assert_eq!(last, other.last_sequence(None).await.unwrap());
    for first in (0..size).step_by(256) {
        assert_eq!(
            one.entries(first, 256).await.unwrap(),
            other.entries(first, 256).await.unwrap()
        );
    }
    for tree in [Tree::Commitment, Tree::Identity] {
        let path = one.path::<16>(tree, 1).await.unwrap();
        assert_eq!(path, other.path::<16>(tree, 1).await.unwrap());
    }
    let ask = wire::ConsistencyRequest {
        first: 2,
        second: size,
    };
    let proofs = (
        one.raw().consistency(ask).await.unwrap(),
        other.raw().consistency(ask).await.unwrap(),
    );
    assert_eq!(proofs.0.into_inner(), proofs.1.into_inner());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_follows_while_appends_go_on_and_answers_as_its_primary() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&directory.path().join("primary")).await;
    let http = server.http_address().unwrap();
    let roots = now(&mut ledger).await;
    let mut writer = ledger.clone();
    let appends = tokio::spawn(async move {
        for n in 0..40 {
            writer.append(&fill(&roots, n)).await.unwrap();
        }
        let opened = open_entry(genesis().ledger_id(), 1, "authority", "us-ma", account(9, 1));
        writer.append(&opened).await.unwrap();
    });
    let folder = directory.path().join("mirror");
    let follower = mirror(&folder, http).await.unwrap();
    let mut watch = connect(&follower.url()).await;
    let mut watch = watch
        .raw()
        .watch(wire::WatchRequest {})
        .await
        .unwrap()
        .into_inner();
    appends.await.unwrap();
    let size = checkpoint(&mut ledger).await.size();
    while watch.message().await.unwrap().unwrap().size < size {}
    reach(&follower, size).await;
    let mut reader = connect(&follower.url()).await;
    agree(&mut ledger, &mut reader).await;
    assert!(is_spent(&mut reader, NullifierKind::Account, 10_007).await);
    assert!(!is_spent(&mut reader, NullifierKind::Account, 11_007).await);

    // It takes nothing itself, and says who does.
    for refused in [
        reader.append(&fill(&roots, 99)).await.unwrap_err(),
        reader.append(&fill(&roots, 1)).await.unwrap_err(),
        reader.set_clock(2_000_000_000).await.unwrap_err(),
    ] {
        let status = refused.status().unwrap();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(!refused.is_refusal(), "the primary may have the entry");
        assert!(
            status.message().contains(&format!("http://{http}")),
            "{}",
            status.message()
        );
    }

    // Its cosignature holds offline, on the checkpoint and on receipts.
    let policy = WitnessPolicy::new(log_key(), vec![follower.witness_key().clone()], 1).unwrap();
    let (entry, receipt) = reader.receipt(size - 3, 1).await.unwrap();
    assert_eq!(
        receipt
            .verify_cosigned(&entry, &policy)
            .unwrap()
            .cosignatures
            .len(),
        1
    );
    let at = follower.http_address().unwrap();
    let shown = policy.check(&get(at, "/checkpoint").body).unwrap();
    assert_eq!(shown.checkpoint, checkpoint(&mut ledger).await);
    // An auditor who counts on the mirror's cosignature, and has the primary's own checkpoint, finds nothing.
    let mut config = client::audit_of(at);
    config.policy = policy;
    config.hold_to(get(http, "/checkpoint").body).unwrap();
    let report = crate::audit(config, |_, _| ()).await.unwrap();
    assert!(report.is_clean() && report.proofs == 40, "{:?}", report.problems);
    assert_eq!(
        (report.cosignatures, report.contained),
        (shown.cosignatures.clone(), vec![size])
    );
    for path in [
        format!("/tile/entries/000.p/{size}"),
        format!("/tile/0/000.p/{size}"),
    ] {
        let (a, b) = (get(http, &path), get(at, &path));
        assert_eq!((a.status, a.body), (200, b.body), "{path}");
    }
    let healthy = get(at, "/healthz");
    let said = String::from_utf8(healthy.body).unwrap();
    assert!(
        healthy.status == 200 && said.starts_with("ok\nmirror of http://"),
        "{said}"
    );
    assert_eq!(metric(at, "medproof_ledger_mirror_primary_size"), size);
    assert_eq!(metric(at, "medproof_ledger_mirror_halted"), 0);
    assert!(metric(at, "medproof_ledger_mirror_checkpoint_age_seconds") < 60);
    follower.shutdown().await;
    let checked = fsck(&folder, |_, _| ()).unwrap();
    assert!(checked.is_clean() && checked.mirror, "{:?}", checked.problems);
    assert_eq!(checked.root, *shown.checkpoint.root());
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_goes_on_after_a_restart_and_serves_while_its_primary_is_away() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger, follower, folder) = followed(directory.path()).await;
    let http = server.http_address().unwrap();
    let before = checkpoint(&mut connect(&follower.url()).await).await;
    follower.shutdown().await;
    let roots = now(&mut ledger).await;
    for n in 0..3 {
        ledger.append(&fill(&roots, n)).await.unwrap();
    }
    let after = checkpoint(&mut ledger).await;
    assert!(after.size() > before.size());
    let follower = mirror(&folder, http).await.unwrap();
    reach(&follower, after.size()).await;
    agree(&mut ledger, &mut connect(&follower.url()).await).await;
    drop(ledger);
    server.shutdown().await;
    // The primary is away: that is no mismatch, and is said.
    let at = follower.http_address().unwrap();
    let mut waits = 0;
    while metric(at, "medproof_ledger_mirror_failures_total") == 0 {
        waits += 1;
        assert!(waits < 500, "no failure is counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(get(at, "/healthz").status, 200);
    follower.shutdown().await;
    // A mirror that has something to serve does not wait for it.
    let follower = mirror(&folder, http).await.unwrap();
    assert_eq!(checkpoint(&mut connect(&follower.url()).await).await, after);
    let said = text(follower.http_address().unwrap(), "/healthz");
    assert!(said.contains("has not answered since the start"), "{said}");
    follower.shutdown().await;
    // One that has nothing waits, and ends when it is told to.
    let empty = directory.path().join("empty");
    let waiting = tokio::time::timeout(Duration::from_millis(300), mirror(&empty, http)).await;
    assert!(waiting.is_err());

    // Another key, another genesis, a ledger that signs.
    let mut other = config(&folder, http);
    other.log_key = LogKey::new(&genesis().origin, key_of("other").verifying_key()).unwrap();
    let refused = Mirror::start(other, cosigner()).await.unwrap_err();
    assert!(matches!(refused, StartError::LogKey), "{refused}");
    let mut other = config(&folder, http);
    other.genesis = Some(Genesis {
        nonce: [2; 32],
        ..genesis()
    });
    let refused = Mirror::start(other, cosigner()).await.unwrap_err();
    assert!(matches!(refused, StartError::OtherGenesis(_)), "{refused}");
    let refused = mirror(&directory.path().join("primary"), http).await.unwrap_err();
    assert!(matches!(refused, StartError::Primary(_)), "{refused}");
    // The log's own key would count as two.
    let own = Cosigner::new("mirror.example/m1", key_of("log")).unwrap();
    let refused = Mirror::start(config(&folder, http), own).await.unwrap_err();
    assert!(matches!(refused, StartError::Witnesses(_)), "{refused}");
    let refused = Server::start(Config::loopback(folder, key_of("log"), None))
        .await
        .unwrap_err();
    assert!(matches!(refused, StartError::Mirror(_)), "{refused}");
}

/// A follower that writes after every batch, on a directory of its own.
fn by_batches(directory: &Path, primary: SocketAddr) -> (Follower, watch::Sender<bool>) {
    let config = config(directory, primary);
    let (store, state) = open(&config).unwrap();
    let folder = directory.join(WITNESS_FOLDER);
    let witness = Witness::open(&folder, cosigner(), vec![log_key()], Arc::new(SystemClock)).unwrap();
    let (stop, stopped) = watch::channel(false);
    let follower = follower(config, (store, state, 1), &witness, stopped).unwrap();
    (follower, stop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_cut_off_between_batches_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    crate::fsck::tests::fill(&directory.path().join("primary")).await;
    let server = primary(&directory.path().join("primary")).await;
    let http = server.http_address().unwrap();
    let expected = checkpoint(&mut connect(&server.url()).await).await;
    let root = directory.path().to_owned();
    let tried = tokio::task::spawn_blocking(move || {
        let (_commands, receiver) = sync_channel(1);
        // The first write is the checkpoint that was seen, the second the genesis, then one for each batch.
        for (write, after) in [
            (1, false),
            (1, true),
            (2, false),
            (2, true),
            (9, false),
            (9, true),
            (30, true),
        ] {
            let folder = root.join(format!("mirror-{write}-{after}"));
            let (mut cut, _stop) = by_batches(&folder, http);
            cut.store.fail_at(write, after);
            let failed = cut.pass(&receiver).unwrap_err();
            assert!(matches!(failed, Failed::Store(_)), "{write} {after}: {failed:?}");
            assert!(cut.published.is_none());
            drop(cut);
            let (mut again, _stop) = by_batches(&folder, http);
            // What was written is whole batches, and as many as there were writes.
            let batches = again.judge.state().map_or(0, |state| state.head().batches);
            assert_eq!(
                batches,
                u64::from(write - 1 + u32::from(after)).saturating_sub(1),
                "{write} {after}"
            );
            assert_eq!(again.seen.is_some(), (write, after) != (1, false));
            again.go_on().unwrap();
            assert!(
                again.published.is_none(),
                "nothing is shown that no checkpoint was signed for"
            );
            again.pass(&receiver).unwrap();
            let published = again.published.as_ref().unwrap().borrow().clone();
            let shown = Checkpoint::verify(&published.checkpoint, &log_key()).unwrap();
            assert_eq!((&shown, published.head.size), (&expected, expected.size()));
            drop((again, published));
            let report = fsck(&folder, |_, _| ()).unwrap();
            assert!(report.is_clean(), "{write} {after}: {:?}", report.problems);
            assert_eq!(report.root, *expected.root());
        }
    });
    tried.await.unwrap();
    server.shutdown().await;
}
