//! The service over loopback, with the small circuit in the place of `bind`.

use super::*;
use crate::{
    client::{Client, ClientError, Update},
    example::{Cube, Root, public_of},
    keys::CircuitKeys,
};
use ark_bn254::Fr;
use medproof_proto::{
    field::{fr, fr_bytes},
    prover::{
        ProveBatchRequest, prove_event::Event, prove_request::Witness, prover_client::ProverClient,
        public_inputs, witness as messages,
    },
};
use medproof_verifier::{CircuitName, Public, statement::BindPublic};
use std::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tonic::Code;

/// The secret in `identity.sk` is the root.
fn decode(request: &ProveRequest) -> Result<Job, WireError> {
    let Some(Witness::Bind(bind)) = &request.witness else {
        return Err(medproof_proto::FieldError::new("witness", "is missing").into());
    };
    let sk = bind
        .identity
        .as_ref()
        .map(|i| i.sk.as_slice())
        .unwrap_or_default();
    let root = Root(fr("sk", sk)?);
    let public = BindPublic::from_slice(&public_inputs(&request.public_inputs)?).unwrap();
    Ok(Job::new::<Cube>(public, root))
}

fn request(x: u64, root: u64) -> ProveRequest {
    let mut identity = messages::Identity::default();
    identity.sk = fr_bytes(&Fr::from(root));
    let bind = messages::Bind {
        identity: Some(identity),
    };
    ProveRequest {
        deadline_ms: 0,
        public_inputs: public_of(x).to_vec().iter().map(fr_bytes).collect(),
        witness: Some(Witness::Bind(bind)),
    }
}

fn prover() -> Arc<Prover> {
    let mut prover = Prover::default();
    prover.insert(CircuitKeys::throw_away::<Cube>().unwrap()).unwrap();
    Arc::new(prover)
}

/// Gates jobs: while closed, jobs hold their worker until they are stopped or let through.
static GATE: Gate = Gate {
    open: Mutex::new(true),
    changed: Condvar::new(),
};
static SEEN_CANCELLED: AtomicBool = AtomicBool::new(false);

struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.changed.notify_all();
    }
}

/// A job that waits at the gate inside its witness stage.
fn decode_gated(request: &ProveRequest) -> Result<Job, WireError> {
    let job = decode(request)?;
    Ok(job.before(Box::new(|observer| {
        let mut open = GATE.open.lock().unwrap();
        while !*open {
            let wait = Duration::from_millis(5);
            open = GATE.changed.wait_timeout(open, wait).unwrap().0;
            if let Err(stopped) = observer.enter(crate::ProofStage::Witness) {
                SEEN_CANCELLED.store(true, Ordering::SeqCst);
                return Err(stopped.into());
            }
        }
        Ok(())
    })))
}

async fn start(config: ServerConfig, decode: Decode) -> (Server, Arc<Prover>, Client) {
    let prover = prover();
    let server = Server::start_with(Arc::clone(&prover), config, decode)
        .await
        .unwrap();
    let client = Client::connect(&server.address().into()).await.unwrap();
    (server, prover, client)
}

async fn prove(client: &mut Client, prover: &Prover, x: u64, root: u64) -> Result<Vec<Update>, ClientError> {
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let mut updates = Vec::new();
    let inputs = public_of(x).to_vec();
    let result = client
        .prove_request(key, &inputs, request(x, root), &mut |u| updates.push(u))
        .await;
    result.map(|_| updates)
}

fn status(error: ClientError) -> (Code, String) {
    match error {
        ClientError::Status(status) => (status.code(), status.message().to_owned()),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_over_loopback() {
    let (server, prover, mut client) = start(ServerConfig::default(), decode).await;
    assert_ne!(server.address().port(), 0);
    let at = server.address().into();
    let updates = prove(&mut client, &prover, 5, 5).await.unwrap();
    assert!(
        updates
            .iter()
            .all(|u| !matches!(u, Update::Queued { ahead } if *ahead > 0))
    );
    let circuits = client.circuits().await.unwrap();
    assert_eq!(circuits.len(), 1);
    assert_eq!(circuits[0].name, "bind");
    assert_eq!(circuits[0].public_inputs, BindPublic::NAMES);
    let key = circuits[0].key().unwrap();
    assert_eq!(key.circuit_id(), prover.circuit_id(CircuitName::Bind).unwrap());
    let health = client.health().await.unwrap();
    assert!(health.serving);
    assert_eq!((health.jobs, health.counts[0].proven), (0, 1));
    server.shutdown().await;
    assert!(Client::connect(&at).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why_and_hold_no_witness() {
    let (server, prover, mut client) = start(ServerConfig::default(), decode).await;
    let secret = 918_273_645_546_372_819;
    let (code, message) = status(prove(&mut client, &prover, 5, secret).await.unwrap_err());
    assert_eq!(code, Code::FailedPrecondition);
    assert!(message.contains("does not satisfy circuit `bind`"), "{message}");
    assert!(!message.contains(&secret.to_string()));
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let mut send = async |request| {
        let sent = client.prove_request(key, &[], request, &mut |_| ()).await;
        status(sent.unwrap_err())
    };
    let mut missing = request(5, 5);
    missing.witness = None;
    let expected = (Code::InvalidArgument, "field `witness` is missing".to_owned());
    assert_eq!(send(missing).await, expected);
    let mut not_canonical = request(5, 5);
    not_canonical.public_inputs[2] = vec![0xff; 32];
    let (code, message) = send(not_canonical).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(message.starts_with("field `public_inputs` is not"), "{message}");
    let mut long = request(5, 5);
    long.public_inputs = vec![vec![0; 1 << 20]; 2];
    assert_eq!(send(long).await.0, Code::OutOfRange);
    let health = client.health().await.unwrap();
    assert_eq!(health.counts[0].refused, 1);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_something_else_are_refused() {
    let (server, prover, mut client) = start(ServerConfig::default(), decode).await;
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let other = CircuitKeys::throw_away::<Cube>().unwrap();
    let inputs = public_of(5).to_vec();
    let wrong_key = client
        .prove_request(other.verifying_key(), &inputs, request(5, 5), &mut |_| ())
        .await;
    assert!(matches!(wrong_key, Err(ClientError::Other)));
    let wrong_inputs = client
        .prove_request(key, &public_of(6).to_vec(), request(5, 5), &mut |_| ())
        .await;
    assert!(matches!(wrong_inputs, Err(ClientError::Other)));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_answers_each_request() {
    let (server, prover, _) = start(ServerConfig::default(), decode).await;
    let mut client = ProverClient::connect(server.url()).await.unwrap();
    let requests = vec![request(2, 2), request(3, 9), request(4, 4)];
    let mut stream = client
        .prove_batch(ProveBatchRequest { requests })
        .await
        .unwrap()
        .into_inner();
    let (mut proofs, mut failures) = (Vec::new(), Vec::new());
    while let Some(event) = stream.message().await.unwrap() {
        match event.event {
            Some(Event::Proof(proof)) => proofs.push((event.index, proof.decode().unwrap())),
            Some(Event::Failure(failure)) => failures.push((event.index, failure.code)),
            _ => {}
        }
    }
    proofs.sort_by_key(|(index, _)| *index);
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    for ((index, proof), (expected, x)) in proofs.iter().zip([(0, 2), (2, 4)]) {
        assert_eq!(*index, expected);
        assert_eq!(key.verify(&public_of(x).to_vec(), &proof.proof), Ok(()));
    }
    assert_eq!(proofs.len(), 2);
    assert_eq!(failures, [(1, Code::FailedPrecondition as i32)]);
    for requests in [vec![], vec![request(2, 2); 17]] {
        let refused = client
            .prove_batch(ProveBatchRequest { requests })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    server.shutdown().await;
}

/// One test, since its parts share the gate.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_deadlines_cancellation_and_the_end() {
    let config = ServerConfig {
        limits: Limits {
            workers: 1,
            jobs: 2,
            jobs_per_client: 2,
            bytes: 1 << 20,
        },
        ..ServerConfig::default()
    };
    GATE.set(false);
    let (server, prover, mut client) = start(config, decode_gated).await;
    let watcher = client.clone();
    let spawn = |x: u64| {
        let (mut client, prover) = (watcher.clone(), Arc::clone(&prover));
        tokio::spawn(async move { prove(&mut client, &prover, x, x).await })
    };
    let until = async |jobs: u32| {
        let mut client = watcher.clone();
        while client.health().await.unwrap().jobs != jobs {
            tokio::task::yield_now().await;
        }
    };
    let running = spawn(2);
    until(1).await;
    let waiting = spawn(3);
    until(2).await;
    // Full: refused at once, with a hint.
    match prove(&mut client, &prover, 4, 4).await.unwrap_err() {
        ClientError::Busy { retry_after } => assert!(!retry_after.is_zero()),
        other => panic!("{other}"),
    }
    // A batch that does not fit leaves nothing behind.
    waiting.abort();
    until(1).await;
    let mut raw = ProverClient::connect(server.url()).await.unwrap();
    let requests = vec![request(2, 2), request(3, 3)];
    let refused = raw.prove_batch(ProveBatchRequest { requests }).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().starts_with("requests[1]: "), "{refused}");
    until(1).await;
    // A deadline that passes while waiting.
    let mut late = request(5, 5);
    late.deadline_ms = 20;
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let begin = Instant::now();
    let result = client.prove_request(key, &[], late, &mut |_| ()).await;
    assert_eq!(status(result.unwrap_err()).0, Code::DeadlineExceeded);
    assert!(begin.elapsed() >= Duration::from_millis(20));
    until(1).await;
    // A client that goes away stops its running job at the next stage.
    running.abort();
    until(0).await;
    assert!(SEEN_CANCELLED.load(Ordering::SeqCst));
    // The end: what is in the queue is finished, nothing new is taken.
    let last = spawn(6);
    until(1).await;
    let ended = tokio::spawn(server.shutdown());
    while client.health().await.unwrap().serving {
        tokio::task::yield_now().await;
    }
    let refused = prove(&mut client, &prover, 7, 7).await.unwrap_err();
    assert_eq!(status(refused).0, Code::Unavailable);
    GATE.set(true);
    assert!(last.await.unwrap().is_ok());
    ended.await.unwrap();
}

/// Roots that have been proven; a job of root 2 stays in its witness stage until root 3's proof is there.
static PROVEN: Gate = Gate {
    open: Mutex::new(false),
    changed: Condvar::new(),
};

fn decode_overlapping(request: &ProveRequest) -> Result<Job, WireError> {
    let job = decode(request)?;
    let first = public_of(2).to_vec().iter().map(fr_bytes).collect::<Vec<_>>();
    Ok(match request.public_inputs == first {
        false => job,
        true => job.before(Box::new(|_| {
            let open = PROVEN.open.lock().unwrap();
            let waited = PROVEN
                .changed
                .wait_timeout_while(open, Duration::from_secs(60), |open| !*open);
            assert!(*waited.unwrap().0, "nothing was proven beside this witness");
            Ok(())
        })),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_proof_is_made_while_the_witness_of_another_is_assigned() {
    let (server, prover, mut client) = start(ServerConfig::default(), decode_overlapping).await;
    let (mut slow, keys) = (client.clone(), Arc::clone(&prover));
    let (told, begun) = oneshot::channel();
    let slow = tokio::spawn(async move {
        let key = keys.verifying_key(CircuitName::Bind).unwrap();
        let mut told = Some(told);
        let mut update = |update: Update| {
            if matches!(&update, Update::Stage { name, .. } if name == "witness") {
                told.take().map(|told| told.send(()));
            }
        };
        let inputs = public_of(2).to_vec();
        let sent = slow.prove_request(key, &inputs, request(2, 2), &mut update);
        sent.await.map(|_| ())
    });
    begun.await.unwrap();
    prove(&mut client, &prover, 3, 3).await.unwrap();
    PROVEN.set(true);
    slow.await.unwrap().unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let config = ServerConfig {
        address: "0.0.0.0:0".parse().unwrap(),
        ..ServerConfig::default()
    };
    let refused = Server::start(Arc::new(Prover::default()), config).await;
    assert!(matches!(refused, Err(ServeError::NotLoopback(_))));
}

#[tokio::test]
async fn nothing_is_sent_to_a_prover_elsewhere_in_the_clear() {
    let address = "http://prover.example:7002".parse().unwrap();
    let refused = Client::connect(&address).await.err().unwrap();
    assert!(matches!(&refused, ClientError::InTheClear(at) if at == "http://prover.example:7002"));
    assert!(refused.to_string().contains("in the clear"), "{refused}");
}
