//! Bytes in a primary's place that its key does not vouch for: they end nothing, and nobody misses them.

use super::{
    liars::{Change, Pair, between, fails, pair},
    *,
};
use axum::Router;
use base64::{Engine, engine::general_purpose::STANDARD};
use medproof_verifier::LogSigner;
use std::sync::atomic::{AtomicBool, Ordering};

fn without_last(mut body: Vec<u8>) -> Vec<u8> {
    body.pop();
    body
}

/// What the log's key has signed for another log, as this one's: only the text is signed, not the name on the line.
fn renamed(note: Vec<u8>) -> Vec<u8> {
    let signature = |note: &[u8]| {
        let text = String::from_utf8(note.to_vec()).unwrap();
        STANDARD
            .decode(text.trim_end().rsplit(' ').next().unwrap())
            .unwrap()
    };
    let checkpoint = Checkpoint::verify(&note, &log_key()).unwrap();
    let elsewhere = LogSigner::new("staging.example/test", key_of("log")).unwrap();
    let other = elsewhere.sign(checkpoint.size(), checkpoint.root()).unwrap();
    let end = other.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    // The key's id, 4 bytes, goes with the name.
    let line = [&signature(&note)[..4], &signature(&other)[4..]].concat();
    let line = format!("\u{2014} {} {}\n", genesis().origin, STANDARD.encode(line));
    [&other[..end], line.as_bytes()].concat()
}

/// What is changed on the way without the log's key, and what the mirror says of it.
const CHANGES: [(&str, Change, &str); 8] = [
    (
        "/checkpoint",
        |note| {
            let thief = LogSigner::new(&genesis().origin, key_of("thief")).unwrap();
            let checkpoint = Checkpoint::verify(&note, &log_key()).unwrap();
            thief.sign(checkpoint.size(), checkpoint.root()).unwrap()
        },
        "not signed by the log's key",
    ),
    ("/checkpoint", renamed, "is of another log"),
    (
        "/checkpoint",
        |note| note[1..].to_vec(),
        "the primary's checkpoint:",
    ),
    (
        "/checkpoint",
        |_| b"<html>Bad gateway</html>".to_vec(),
        "not a well-formed signed checkpoint",
    ),
    ("/tile/0/", without_last, "is not as many hashes"),
    (
        "/tile/0/",
        |mut tile| {
            tile[0] ^= 1;
            tile
        },
        "do not lead to the root",
    ),
    ("/tile/entries/", without_last, "is not as many whole entries"),
    (
        "/tile/entries/",
        |mut bundle| {
            let last = bundle.len() - 1;
            bundle[last] ^= 1;
            bundle
        },
        "is not the one that the checkpoint's root covers",
    ),
];

/// Waits until a metric has a value.
pub(super) async fn becomes(at: SocketAddr, name: &str, value: u64) {
    for _ in 0..500 {
        if metric(at, name) == value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} is not {value}: {}", text(at, "/metrics"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_were_changed_on_the_way_are_doubted_and_halt_nothing() {
    let good = pair().await;
    // While nothing runs there.
    let mut copies: Vec<Pair> = (0..=CHANGES.len()).map(|_| good.again()).collect();
    let server = primary(&good.primary()).await;
    let mut ledger = connect(&server.url()).await;
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 2)).await.unwrap();
    let size = checkpoint(&mut ledger).await.size();
    let http = server.http_address().unwrap();
    let mirrored = good.mirror();
    for (below, change, named) in CHANGES {
        let lie = copies.pop().unwrap();
        let proxy = between(http, (below, change)).await;
        let follower = mirror(&lie.mirror(), proxy.address()).await.unwrap();
        let at = follower.http_address().unwrap();
        becomes(at, "medproof_ledger_mirror_doubted", 1).await;
        // Loud, and nothing newer; but it runs, serves what was good, and leaves no evidence of a lie.
        let health = get(at, "/healthz");
        let said = String::from_utf8(health.body).unwrap();
        assert!(health.status == 503 && said.contains(named), "{said}");
        assert!(metric(at, "medproof_ledger_mirror_failures_total") > 0);
        assert_eq!(metric(at, "medproof_ledger_mirror_halted"), 0);
        let served = checkpoint(&mut connect(&follower.url()).await).await;
        assert_eq!(served.size(), good.size);
        follower.shutdown().await;
        proxy.shutdown().await;
        assert!(!lie.mirror().join(HALTED_FILE).exists());
    }
    goes_on_after_a_doubt(&copies.pop().unwrap(), http, size).await;
    // What does not answer with success is no lie.
    let nothing = crate::http::Listener::start(LOOPBACK, Router::new())
        .await
        .unwrap();
    let follower = mirror(&mirrored, nothing.address()).await.unwrap();
    fails(&follower, 2).await;
    follower.shutdown().await;
    nothing.shutdown().await;
    server.shutdown().await;
}

/// Whether the proxy before the primary shows its own page in place of the checkpoint.
static BROKEN: AtomicBool = AtomicBool::new(true);

/// Once the log's own bytes come again the mirror follows as if nothing had been.
async fn goes_on_after_a_doubt(pair: &Pair, http: SocketAddr, size: u64) {
    let change: Change = |note| match BROKEN.load(Ordering::Relaxed) {
        true => b"<html>".to_vec(),
        false => note,
    };
    let proxy = between(http, ("/checkpoint", change)).await;
    let follower = mirror(&pair.mirror(), proxy.address()).await.unwrap();
    let at = follower.http_address().unwrap();
    becomes(at, "medproof_ledger_mirror_doubted", 1).await;
    BROKEN.store(false, Ordering::Relaxed);
    reach(&follower, size).await;
    becomes(at, "medproof_ledger_mirror_doubted", 0).await;
    assert_eq!(get(at, "/healthz").status, 200);
    follower.shutdown().await;
    proxy.shutdown().await;
}
