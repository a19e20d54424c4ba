//! A ledger and its witnesses: cosigned receipts and checkpoints, witnesses that are away, forks.

use super::*;
use crate::{
    clock::DevelopmentClock,
    cosigning::WitnessAddress,
    http::{
        client::Prefix,
        raw::{send, walk},
        tls::tests as tls,
    },
    testing::client::log_key,
    witness::{Witness, WitnessServer},
};
use medproof_verifier::cosignature::{Cosigner, WitnessPolicy};
use std::sync::Mutex;

pub(super) async fn witness_at(directory: &Path, n: u8, listen: SocketAddr) -> WitnessServer {
    let key = key_of(&format!("witness {n}"));
    let cosigner = Cosigner::new(&format!("witness.example/w{n}"), key).unwrap();
    let folder = directory.join(format!("witness-{n}"));
    let clock = Arc::new(DevelopmentClock::default());
    let witness = Witness::open(&folder, cosigner, vec![log_key()], clock).unwrap();
    WitnessServer::start(witness, listen).await.unwrap()
}

pub(super) async fn witness(directory: &Path, n: u8) -> WitnessServer {
    witness_at(directory, n, SocketAddr::from(([127, 0, 0, 1], 0))).await
}

pub(super) fn address(n: u8, at: SocketAddr) -> WitnessAddress {
    let key = key_of(&format!("witness {n}"));
    let cosigner = Cosigner::new(&format!("witness.example/w{n}"), key).unwrap();
    WitnessAddress {
        key: cosigner.witness_key().clone(),
        prefix: format!("http://{at}").parse().unwrap(),
    }
}

/// `quorum` of the witnesses 1 to `of`.
pub(super) fn policy(of: u8, quorum: usize) -> WitnessPolicy {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let keys = (1..=of).map(|n| address(n, nowhere).key).collect();
    WitnessPolicy::new(log_key(), keys, quorum).unwrap()
}

pub(super) async fn try_start(
    directory: &Path,
    witnesses: Vec<WitnessAddress>,
    quorum: usize,
) -> Result<Server, StartError> {
    let mut config = Config::loopback(directory.to_owned(), key_of("log"), Some(genesis()));
    config.http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.witnesses = witnesses;
    config.quorum = quorum;
    Server::start(config).await
}

pub(super) async fn start_with(directory: &Path, witnesses: Vec<WitnessAddress>, quorum: usize) -> Server {
    try_start(directory, witnesses, quorum).await.unwrap()
}

fn get(server: &Server, path: &str) -> Vec<u8> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: l\r\nconnection: close\r\n\r\n");
    let answer = send(server.http_address().unwrap(), request.as_bytes());
    assert_eq!(answer.status, 200, "{path}");
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_and_checkpoints_carry_a_quorum_of_cosignatures() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (
        witness(directory.path(), 1).await,
        witness(directory.path(), 2).await,
    );
    // The third is away all the time.
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let asked = vec![
        address(1, first.address()),
        address(2, second.address()),
        address(3, nowhere),
    ];
    let folder = directory.path().join("ledger");
    let server = start_with(&folder, asked.clone(), 2).await;
    let mut ledger = connect(&server).await;
    let mut governance = Governance::new(genesis().ledger_id());
    let mut last = 0;
    for entry in governance.setup() {
        let appended = ledger.append(&entry).await.unwrap();
        // The acknowledgement itself waits for no witness, and is under the entry's own batch.
        let plain = ledger.receipt(appended.receipt.index, 0).await.unwrap().1;
        assert_eq!(plain, appended.receipt);
        last = appended.receipt.index;
    }
    for index in [0, 5, last] {
        let (entry, receipt) = ledger.receipt(index, 2).await.unwrap();
        let cosigned = receipt.verify_cosigned(&entry, &policy(3, 2)).unwrap();
        assert_eq!(cosigned.cosignatures.len(), 2);
        assert!(receipt.verify_cosigned(&entry, &policy(3, 3)).is_err());
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Ok(receipt));
    }
    // The row that the receipt came from is written a moment before the checkpoint is shown.
    let shown = || policy(3, 2).check(&get(&server, "/checkpoint"));
    let mut waits = 0;
    while !shown().is_ok_and(|shown| shown.checkpoint.size() > last) {
        waits += 1;
        assert!(waits < 500, "no quorum is shown");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The program that was written from the C2SP texts alone sees the same two.
    let keys: Vec<String> = asked.iter().map(|w| w.key.to_string()).collect();
    let log = server.log_key().to_string();
    let told = walk(
        server.http_address().unwrap(),
        &[&log, &keys[0], &keys[1], &keys[2]],
    )
    .unwrap();
    let names = ["w1", "w2", "w3"].map(|w| told.contains(&format!("\"witness.example/{w}\"")));
    assert_eq!(names, [true, true, false], "{told}");
    let metrics = String::from_utf8(get(&server, "/metrics")).unwrap();
    let line = "medproof_ledger_witness_cosigned_size{witness=\"witness.example/w3\"} 0";
    assert!(metrics.lines().any(|l| l == line), "{metrics}");

    // Of named witnesses only: by the one that is there, not by the one that is away, nor by strangers.
    let named = |numbers: &[u8], cosignatures| wire::ReceiptRequest {
        index: 5,
        cosignatures,
        witnesses: numbers
            .iter()
            .map(|n| address(*n, nowhere).key.to_string())
            .collect(),
    };
    let one = ledger.raw().receipt(named(&[2, 3, 7], 1)).await.unwrap();
    let one: Receipt = one.into_inner().receipt.unwrap().try_into().unwrap();
    let by_second = WitnessPolicy::new(log_key(), vec![address(2, nowhere).key], 1).unwrap();
    let entry = ledger.entries(5, 1).await.unwrap().remove(0);
    assert!(one.verify_cosigned(&entry, &by_second).is_ok());
    let sent = Entry::from_bytes(&entry).unwrap();
    let by_client = ledger.cosigned_receipt(&sent, 5, &by_second).await.unwrap();
    assert!(by_client.verify_cosigned(&entry, &by_second).is_ok());
    let by_third = WitnessPolicy::new(log_key(), vec![address(3, nowhere).key], 1).unwrap();
    let away = tokio::time::timeout(
        Duration::from_millis(300),
        ledger.cosigned_receipt(&sent, 5, &by_third),
    );
    assert!(away.await.is_err(), "it waits for the witness that is away");
    let other = Entry::from_bytes(&ledger.entries(6, 1).await.unwrap()[0]).unwrap();
    assert!(matches!(
        ledger.cosigned_receipt(&other, 5, &by_second).await,
        Err(ClientError::Answer(_))
    ));
    for (numbers, count) in [(&[2, 7][..], 2), (&[7], 1), (&[2; 33], 1)] {
        let refused = ledger.raw().receipt(named(numbers, count)).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{numbers:?} {}",
            refused.message()
        );
    }

    // More than there are, and beyond the end.
    assert_eq!(code(ledger.receipt(0, 4).await), Code::InvalidArgument);
    assert_eq!(code(ledger.receipt(9999, 0).await), Code::InvalidArgument);
    server.shutdown().await;

    // A witness and the ledger start again, and go on where they were.
    let at = second.address();
    second.shutdown().await;
    let second = witness_at(directory.path(), 2, at).await;
    let server = start_with(&folder, asked, 2).await;
    let mut ledger = connect(&server).await;
    let before = ledger.receipt(3, 2).await.unwrap();
    assert!(before.1.verify_cosigned(&before.0, &policy(3, 2)).is_ok());
    let purpose = medproof_verifier::entry::PolicyPurpose::Dispense;
    let appended = ledger
        .append(&governance.policy(777, "us-nh", purpose))
        .await
        .unwrap();
    let (entry, receipt) = ledger.receipt(appended.receipt.index, 2).await.unwrap();
    assert!(receipt.verify_cosigned(&entry, &policy(3, 2)).is_ok());
    server.shutdown().await;
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_asked_over_https() {
    let directory = tempfile::tempdir().unwrap();
    let cosigner = Cosigner::new("witness.example/w1", key_of("witness 1")).unwrap();
    let folder = directory.path().join("witness-1");
    let clock = Arc::new(DevelopmentClock::default());
    let witness = Witness::open(&folder, cosigner, vec![log_key()], clock).unwrap();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let witness = WitnessServer::start_with(witness, nowhere, Some(tls::identity()))
        .await
        .unwrap();
    let mut asked = address(1, witness.address());
    let secured = format!("https://{}", witness.address()).parse::<Prefix>();
    asked.prefix = secured.unwrap().certified_by(&tls::authorities());
    let server = start_with(&directory.path().join("ledger"), vec![asked], 1).await;
    let mut ledger = connect(&server).await;
    let (entry, receipt) = ledger.receipt(0, 1).await.unwrap();
    assert!(receipt.verify_cosigned(&entry, &policy(1, 1)).is_ok());
    server.shutdown().await;
    witness.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_that_would_count_twice_stop_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut config = Config::loopback(directory.path().to_owned(), key_of("log"), Some(genesis()));
    config.witnesses = vec![address(1, nowhere), address(1, nowhere)];
    let refused = Server::start(config).await.unwrap_err();
    assert!(matches!(refused, StartError::Witnesses(_)), "{refused}");
}

/// Somebody else may show a witness what the ledger has published while the ledger's own request is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_was_shown_a_newer_checkpoint_contradicts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let cosigner = Cosigner::new("witness.example/w1", key_of("witness 1")).unwrap();
    let clock = Arc::new(DevelopmentClock::default());
    let memory = directory.path().join("witness-1");
    let witness = Arc::new(Witness::open(&memory, cosigner, vec![log_key()], clock).unwrap());
    // Before the one answer for which there is a ledger here, it appends and knows the newer checkpoint.
    let meanwhile: Arc<Mutex<Option<Ledger>>> = Arc::default();
    let asked = Arc::clone(&meanwhile);
    let setup = Governance::new(genesis().ledger_id()).setup();
    let second = setup[1].clone();
    let answer = move |body: axum::body::Bytes| async move {
        let ledger = asked.lock().unwrap().take();
        if let Some(mut ledger) = ledger {
            let receipt = ledger.append(&second).await.unwrap().receipt;
            let newer = Checkpoint::verify(&receipt.checkpoint, &log_key()).unwrap();
            return (
                axum::http::StatusCode::CONFLICT,
                format!("{}\n", newer.size()).into_bytes(),
            );
        }
        tokio::task::spawn_blocking(move || crate::witness::submit(&witness, &body))
            .await
            .unwrap()
    };
    let router = axum::Router::new().route("/add-checkpoint", axum::routing::post(answer));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = crate::http::Listener::start(nowhere, router).await.unwrap();
    let folder = directory.path().join("ledger");
    let server = start_with(&folder, vec![address(1, listener.address())], 1).await;
    let mut ledger = connect(&server).await;
    let (bytes, receipt) = ledger.receipt(0, 1).await.unwrap();
    assert!(receipt.verify_cosigned(&bytes, &policy(1, 1)).is_ok());
    *meanwhile.lock().unwrap() = Some(ledger.clone());
    let first = ledger.append(&setup[0]).await.unwrap().receipt.index;
    // Cosigned under the newer checkpoint, and the ledger goes on.
    let (bytes, receipt) = ledger.receipt(first, 1).await.unwrap();
    assert!(receipt.verify_cosigned(&bytes, &policy(1, 1)).is_ok());
    assert!(meanwhile.lock().unwrap().is_none(), "the witness was overtaken");
    assert!(ledger.append(&setup[2]).await.is_ok());
    assert!(!folder.join(crate::HALTED_FILE).exists());
    server.shutdown().await;
    listener.shutdown().await;
}
