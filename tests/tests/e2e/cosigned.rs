//! Receipts with cosignatures as a gateway asks for them, from a ledger with real witnesses.

use ed25519_dalek::SigningKey;
use medproof_gateway::ledger::{Ledger as _, PostError, RemoteLedger};
use medproof_ledger::{
    Config, DevelopmentClock, Server,
    cosigning::WitnessAddress,
    witness::{Witness, WitnessServer},
};
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::{
    Entry, LogKey,
    cosignature::{Cosigner, WitnessPolicy},
    entry::Genesis,
};
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn genesis() -> Genesis {
    Genesis {
        nonce: [1; 32],
        origin: "ledger.example/test".into(),
        log_key: key(1).verifying_key(),
        development: true,
        time: super::morning(),
        reenrol_delay: 0,
        threshold: 1,
        governance: vec![key(2).verifying_key()],
        pinned: vec![],
    }
}

fn log_key() -> LogKey {
    LogKey::new(&genesis().origin, genesis().log_key).unwrap()
}

fn cosigner(n: u8) -> Cosigner {
    Cosigner::new(&format!("witness.example/w{n}"), key(100 + n)).unwrap()
}

/// This one witness.
fn by(n: u8) -> WitnessPolicy {
    WitnessPolicy::new(log_key(), vec![cosigner(n).witness_key().clone()], 1).unwrap()
}

async fn witness(directory: &Path, n: u8, listen: SocketAddr) -> WitnessServer {
    let folder = directory.join(format!("witness-{n}"));
    let clock = Arc::new(DevelopmentClock::default());
    let witness = Witness::open(&folder, cosigner(n), vec![log_key()], clock).unwrap();
    WitnessServer::start(witness, listen).await.unwrap()
}

fn address(n: u8, at: SocketAddr) -> WitnessAddress {
    WitnessAddress {
        key: cosigner(n).witness_key().clone(),
        prefix: format!("http://{at}").parse().unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_gets_the_cosignatures_of_its_own_witnesses_or_says_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = witness(directory.path(), 1, anywhere).await;
    // The second comes later, where it is expected.
    let later = TcpListener::bind(anywhere).unwrap().local_addr().unwrap();
    let mut config = Config::loopback(directory.path().join("ledger"), key(1), Some(genesis()));
    config.witnesses = vec![address(1, first.address()), address(2, later)];
    let server = Server::start(config).await.unwrap();
    let mut client = Ledger::connect(&server.address().into(), Some(genesis().ledger_id()))
        .await
        .unwrap();
    let bytes = client.entries(0, 1).await.unwrap().remove(0);
    let entry = Entry::from_bytes(&bytes).unwrap();
    let ledger = RemoteLedger(client);
    let long = Duration::from_secs(60);
    let receipt = ledger.cosigned(&entry, 0, &by(1), long).await.unwrap();
    assert!(receipt.verify_cosigned(&bytes, &by(1)).is_ok());
    // One that the ledger does not ask, and one that is away.
    for (n, said) in [(3, "is more than 0"), (2, "")] {
        let short = Duration::from_secs(1);
        match ledger.cosigned(&entry, 0, &by(n), short).await {
            Err(PostError::Uncosigned { index: 0, reason }) => assert!(reason.contains(said), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    let (asked, sent) = (ledger.clone(), entry.clone());
    let waits = tokio::spawn(async move { asked.cosigned(&sent, 0, &by(2), long).await });
    let second = witness(directory.path(), 2, later).await;
    let receipt = waits.await.unwrap().unwrap();
    assert!(receipt.verify_cosigned(&bytes, &by(2)).is_ok());
    // A receipt of another entry does not pass for it.
    let other = ledger.cosigned(&entry, 1, &by(1), long).await;
    assert!(matches!(other, Err(PostError::Receipt(_))), "{other:?}");
    server.shutdown().await;
    first.shutdown().await;
    second.shutdown().await;
}
