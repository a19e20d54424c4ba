//! What a mirror keeps and shows of its primary's witnesses.

use super::{liars::between, *};
use crate::{
    DevelopmentClock,
    cosigning::{WitnessAddress, lines_of},
    witness::WitnessServer,
};
use medproof_verifier::{LogSigner, cosignature::CosignatureError};

fn outside(n: usize) -> Cosigner {
    Cosigner::new(&format!("witness.example/w{n}"), key_of(&format!("witness {n}"))).unwrap()
}

fn keys(numbers: &[usize]) -> Vec<WitnessKey> {
    numbers
        .iter()
        .map(|n| outside(*n).witness_key().clone())
        .collect()
}

/// The mirror's own cosignature and those of these witnesses, all of them.
fn all(numbers: &[usize]) -> WitnessPolicy {
    let keys = [keys(numbers), vec![cosigner().witness_key().clone()]].concat();
    WitnessPolicy::new(log_key(), keys, numbers.len() + 1).unwrap()
}

/// A primary with the usual parties that asks witnesses 1 and 2 and shows what both have cosigned.
async fn witnessed(directory: &Path) -> (Server, Vec<WitnessServer>, Ledger) {
    let mut config = Config::loopback(directory.join("primary"), key_of("log"), Some(genesis()));
    config.http = Some(LOOPBACK);
    config.quorum = 2;
    let mut servers = vec![];
    for n in [1, 2] {
        let folder = directory.join(format!("witness-{n}"));
        let clock = Arc::new(DevelopmentClock::default());
        let witness = Witness::open(&folder, outside(n), vec![log_key()], clock).unwrap();
        let server = WitnessServer::start(witness, LOOPBACK).await.unwrap();
        config.witnesses.push(WitnessAddress {
            key: outside(n).witness_key().clone(),
            prefix: format!("http://{}", server.address()).parse().unwrap(),
        });
        servers.push(server);
    }
    let server = Server::start(config).await.unwrap();
    let mut ledger = connect(&server.url()).await;
    for entry in Governance::new(genesis().ledger_id()).setup() {
        ledger.append(&entry).await.unwrap();
    }
    (server, servers, ledger)
}

/// What the mirror shows once it satisfies the policy for so many entries.
async fn shows(at: SocketAddr, policy: &WitnessPolicy, size: u64) -> Vec<u8> {
    for _ in 0..500 {
        let note = get(at, "/checkpoint").body;
        if policy.check(&note).is_ok_and(|c| c.checkpoint.size() >= size) {
            return note;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{}", text(at, "/checkpoint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_shows_the_cosignatures_of_its_primarys_witnesses() {
    let directory = tempfile::tempdir().unwrap();
    let (server, witnesses, mut ledger) = witnessed(directory.path()).await;
    let folder = directory.path().join("mirror");
    let mut asked = config(&folder, server.http_address().unwrap());
    // Witness 1 and one that the primary does not ask; what witness 2 says is not this mirror's to vouch for.
    asked.witnesses = keys(&[1, 9]);
    let follower = Mirror::start(asked, cosigner()).await.unwrap();
    let at = follower.http_address().unwrap();
    let size = checkpoint(&mut ledger).await.size();
    let note = shows(at, &all(&[1]), size).await;
    assert!(lines_of(&note, "witness.example/w2").is_empty());
    let summary: serde_json::Value = serde_json::from_slice(&get(at, "/api/summary").body).unwrap();
    let own = cosigner().witness_key().clone();
    let named: Vec<String> = [vec![own], keys(&[1, 9])]
        .concat()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(summary["witnesses"], serde_json::Value::from(named));
    let metrics = text(at, "/metrics");
    for (n, cosigned) in [(1, size), (9, 0)] {
        let line =
            format!("medproof_ledger_witness_cosigned_size{{witness=\"witness.example/w{n}\"}} {cosigned}");
        assert!(metrics.lines().any(|l| l == line), "{line}: {metrics}");
    }

    // Over gRPC: receipts under a checkpoint that both have cosigned, and nothing that only three could have.
    let mut reader = connect(&follower.url()).await;
    let (entry, receipt) = reader.receipt(3, 2).await.unwrap();
    let cosigned = receipt.verify_cosigned(&entry, &all(&[1])).unwrap();
    assert_eq!(cosigned.cosignatures.len(), 2);
    let more = reader.receipt(3, 4).await.unwrap_err();
    assert_eq!(more.status().unwrap().code(), Code::InvalidArgument);

    // As the log grows; and after a restart at once, also without the primary.
    let roots = now(&mut ledger).await;
    let index = ledger.append(&fill(&roots, 1)).await.unwrap().receipt.index;
    shows(at, &all(&[1]), index + 2).await;
    let (entry, receipt) = reader.receipt(index, 2).await.unwrap();
    assert!(receipt.verify_cosigned(&entry, &all(&[1])).is_ok());
    drop((reader, ledger));
    follower.shutdown().await;
    let http = server.http_address().unwrap();
    server.shutdown().await;
    let mut asked = config(&folder, http);
    asked.witnesses = keys(&[1]);
    let follower = Mirror::start(asked, cosigner()).await.unwrap();
    shows(follower.http_address().unwrap(), &all(&[1]), index + 2).await;
    follower.shutdown().await;
    let report = fsck(&folder, |_, _| ()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    for witness in witnesses {
        witness.shutdown().await;
    }

    // A witness that would count twice.
    let mut twice = config(&folder, http);
    twice.witnesses = vec![cosigner().witness_key().clone()];
    let refused = Mirror::start(twice, cosigner()).await.unwrap_err();
    assert!(matches!(refused, StartError::Witnesses(_)), "{refused}");
}

/// Lines that no honest primary shows behind its checkpoint, with one cosignature among them that holds.
fn spoiled(note: Vec<u8>) -> Vec<u8> {
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    let elsewhere = signer.sign(1, &[7; 32]).unwrap();
    let thief = Cosigner::new("witness.example/w4", key_of("thief")).unwrap();
    [
        &note[..],
        "\u{2014} witness.example/w1 !!!\n\n\u{2014} stranger \u{7}\n".as_bytes(),
        b"\xff\xfe\n",
        // Of another checkpoint; under another key; by a stranger.
        &outside(2).cosign(&elsewhere, 5).unwrap(),
        &thief.cosign(&note, 5).unwrap(),
        &outside(8).cosign(&note, 5).unwrap(),
        &outside(3).cosign(&note, 5).unwrap(),
        "\u{2014} cut off".as_bytes(),
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_on_a_primarys_checkpoint_neither_halt_a_mirror_nor_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut ledger) = begin(&directory.path().join("primary")).await;
    let proxy = between(server.http_address().unwrap(), ("/checkpoint", spoiled)).await;
    let mut asked = config(&directory.path().join("mirror"), proxy.address());
    asked.witnesses = keys(&[1, 2, 3, 4]);
    let follower = Mirror::start(asked, cosigner()).await.unwrap();
    let roots = now(&mut ledger).await;
    ledger.append(&fill(&roots, 1)).await.unwrap();
    let size = checkpoint(&mut ledger).await.size();
    reach(&follower, size).await;
    let at = follower.http_address().unwrap();
    let note = shows(at, &all(&[3]), size).await;
    let shown = String::from_utf8(note.clone()).unwrap();
    // The text, an empty line, the log, the mirror and the one that holds.
    assert_eq!(shown.lines().count(), 3 + 1 + 3, "{shown}");
    assert!(matches!(
        all(&[1, 2, 3, 4]).check(&note),
        Err(CosignatureError::Quorum { got: 2, .. })
    ));
    assert_eq!(metric(at, "medproof_ledger_mirror_halted"), 0);
    follower.shutdown().await;
    proxy.shutdown().await;
    server.shutdown().await;
}
