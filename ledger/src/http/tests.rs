//! The HTTP side as a stranger meets it: from its answers alone the root is computed again, and nothing
//! but canonical paths is answered.

use super::{
    raw::{send, walk},
    *,
};
use crate::{
    Config, Server, State, Submission,
    testing::{
        Governance,
        client::{LOOPBACK, get, request},
        genesis, key_of,
    },
    tile::{TileKind, TilePath},
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::{Checkpoint, Entry, LogKey, entry::Genesis};
use sha2_ct::Sha256;
use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
};

async fn start(directory: &Path) -> (Server, SocketAddr) {
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), Some(genesis()));
    config.http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::start(config).await.unwrap();
    let address = server.http_address().unwrap();
    (server, address)
}

/// A ledger with more than 256 entries, in batches of one.
async fn grown(directory: &Path) -> (Server, SocketAddr, Vec<Entry>) {
    let (server, address) = start(directory).await;
    let mut ledger = Ledger::connect(&server.address().into(), None).await.unwrap();
    let mut governance = Governance::new(genesis().ledger_id());
    let mut appended = governance.setup();
    for id in 400..520 {
        let purpose = medproof_verifier::entry::PolicyPurpose::Eligibility {
            sponsor: "sponsor-1".parse().unwrap(),
        };
        appended.push(governance.policy(id, "us-ma", purpose));
    }
    for entry in &appended {
        ledger.append(entry).await.unwrap();
    }
    (server, address, appended)
}

/// The entries of a bundle.
fn unbundle(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![];
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        out.push(entry.to_vec());
        bytes = rest;
    }
    out
}

/// Every tile of a kind and level in a tree of `size`, one after the other.
fn tiles(address: SocketAddr, kind: TileKind, size: u64) -> Vec<Vec<u8>> {
    let count = match kind {
        TileKind::Hashes(level) => size >> (8 * level),
        TileKind::Entries => size,
    };
    (0..count.div_ceil(256))
        .map(|index| {
            let width = (count - 256 * index).min(256) as u16;
            let tile = TilePath::new(kind, index, width).unwrap();
            let answer = get(address, &format!("/{tile}"));
            assert_eq!(answer.status, 200, "{tile}");
            assert!(answer.head.contains("content-type: application/octet-stream"));
            assert!(
                answer
                    .head
                    .contains("cache-control: public, max-age=31536000, immutable")
            );
            answer.body
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_computes_the_signed_root_from_the_tiles() {
    let directory = tempfile::tempdir().unwrap();
    let (server, address, appended) = grown(directory.path()).await;
    let answer = get(address, "/checkpoint");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/plain; charset=utf-8"));
    assert!(answer.head.contains("cache-control: no-store"));
    let checkpoint = Checkpoint::verify(&answer.body, server.log_key()).unwrap();
    let size = checkpoint.size();
    assert!(size > 256, "{size}");

    let bundles = tiles(address, TileKind::Entries, size);
    let entries: Vec<_> = bundles.iter().flat_map(|b| unbundle(b)).collect();
    assert_eq!(entries.len() as u64, size);
    for entry in &appended {
        assert!(entries.contains(&entry.to_bytes()));
    }
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut first = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    entries.iter().cloned().for_each(|e| tree.push(e));
    entries[..256].iter().cloned().for_each(|e| first.push(e));
    assert_eq!(tree.root().as_bytes().as_slice(), checkpoint.root());
    let leaves: Vec<u8> = entries
        .iter()
        .flat_map(|e| medproof_verifier::inclusion::leaf_hash(e))
        .collect();
    assert_eq!(tiles(address, TileKind::Hashes(0), size).concat(), leaves);
    let above = tiles(address, TileKind::Hashes(1), size);
    assert_eq!(above, [first.root().as_bytes().to_vec()]);
    // A partial tile stays when the full one is there.
    assert_eq!(get(address, "/tile/0/000.p/7").body, leaves[..7 * 32]);
    assert_eq!(
        get(address, "/tile/entries/000.p/1").body,
        bundles[0][..2 + entries[0].len()]
    );
    // And once more by a program that was written from the C2SP texts alone.
    let log = server.log_key().to_string();
    let told = walk(address, &[&log]).unwrap();
    assert!(told.contains(&format!("\"size\":{size},")), "{told}");
    assert!(told.contains("\"witnesses\":[]"), "{told}");
    let other = LogKey::new("ledger.example/test", key_of("other").verifying_key()).unwrap();
    let refused = walk(address, &[&other.to_string()]).unwrap_err();
    assert!(refused.contains("the log has not signed"), "{refused}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_canonical_paths_of_what_is_signed_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (server, address) = start(directory.path()).await;
    // GENESIS and its seal: two leaves.
    for path in ["/tile/0/000.p/1", "/tile/0/000.p/2", "/tile/entries/000.p/2"] {
        assert_eq!(get(address, path).status, 200, "{path}");
    }
    let long = format!("/tile/0/{}000", "x000/".repeat(30));
    for path in [
        "/checkpoint/",
        "/checkpoint?x",
        "/Checkpoint",
        "//checkpoint",
        "/tile",
        "/tile/",
        "/tile/0/000",
        "/tile/0/000.p/3",
        "/tile/0/001.p/1",
        "/tile/1/000.p/1",
        "/tile/63/000.p/1",
        "/tile/64/000.p/1",
        "/tile/0/0.p/2",
        "/tile/0/x000/000.p/2",
        "/tile/0/000.p/2?x",
        "/tile/0/000.p/2/",
        "/tile/0/000%2Ep/2",
        "/tile/0/%30%30%30.p/2",
        "/tile/0/../0/000.p/2",
        "/tile/0//000.p/2",
        "/tile/entries/000",
        "/tile/entries/000.p/3",
        "/tile/entries/x036/x028/x797/x018/x963/967",
        "/tile/0/\u{0660}\u{0660}\u{0660}.p/2",
        &long,
    ] {
        let answer = get(address, path);
        // Bytes that no URI has are refused before any route is looked at.
        assert!(matches!(answer.status, 404 | 400), "{path}: {}", answer.status);
        if answer.status == 404 {
            assert!(answer.head.contains("cache-control: no-store"), "{path}");
        }
    }
    assert_eq!(request("POST", address, "/checkpoint").status, 405);
    let head = request("HEAD", address, "/tile/0/000.p/2");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.head.contains("content-length: 64"));
    let long = format!("GET /{} HTTP/1.1\r\nhost: ledger\r\n\r\n", "a".repeat(20 << 10));
    assert_eq!(send(address, long.as_bytes()).status, 431);
    let long = format!(
        "GET / HTTP/1.1\r\nhost: ledger\r\nx: {}\r\n\r\n",
        "a".repeat(20 << 10)
    );
    assert_eq!(send(address, long.as_bytes()).status, 431);
    assert_eq!(send(address, b"nonsense\r\n\r\n").status, 400);
    server.shutdown().await;
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_say_what_the_log_shows() {
    let directory = tempfile::tempdir().unwrap();
    let (server, address) = start(directory.path()).await;
    let healthy = get(address, "/healthz");
    assert_eq!(
        (healthy.status, healthy.body.as_slice()),
        (200, b"ok\n".as_slice())
    );
    get(address, "/nothing");
    let text = String::from_utf8(get(address, "/metrics").body).unwrap();
    for line in [
        "medproof_ledger_healthy 1",
        "medproof_ledger_entries_total{kind=\"genesis\"} 1",
        "medproof_ledger_entries_total{kind=\"seal\"} 1",
        "medproof_ledger_entries_total{kind=\"statement\"} 0",
        "medproof_ledger_batches_total 1",
        "medproof_ledger_nullifiers{kind=\"account\"} 0",
        "medproof_ledger_http_responses_total{code=\"200\"} 1",
        "medproof_ledger_http_responses_total{code=\"404\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    // Every metric has its help and its type.
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_answered_whatever_the_last_seal_says_of_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let begun = Genesis { time: 0, ..genesis() };
    let entry = Governance::new(begun.ledger_id()).setup().remove(0);
    let (mut state, _) = State::create(store.clone(), begun).unwrap();
    state.commit().unwrap();
    let checked = Submission::check(&entry.to_bytes(), state.rules()).unwrap();
    state.apply(&checked, u64::MAX).unwrap();
    let size = state.seal(u64::MAX).unwrap().size;
    state.commit().unwrap();
    let published = Published {
        head: state.head().clone(),
        rules: state.rules().clone(),
        checkpoint: vec![],
        healthy: true,
    };
    let published = watch::Sender::new(Arc::new(published)).subscribe();
    let router = router(Reads::new(store, published, None, None));
    let listener = Listener::start(LOOPBACK, router).await.unwrap();
    for span in ["hour", "day", "week", "month", "all"] {
        let answer = get(listener.address(), &format!("/api/rates/{span}"));
        assert_eq!(answer.status, 200, "{span}");
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let points = answer["points"].as_array().unwrap();
        let (first, last) = (&points[0], &points[points.len() - 1]);
        assert_eq!((&last["time"], &last["size"]), (&u64::MAX.into(), &size.into()));
        assert_eq!(first["size"], 2, "{span}");
    }
    assert_eq!(get(listener.address(), "/api/summary").status, 200);
    listener.shutdown().await;
}
