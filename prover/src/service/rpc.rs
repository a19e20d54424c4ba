//! The RPCs: decode, queue, encode.

use super::{Decode, ServerConfig, status};
use crate::{
    ProveError, Proven, Prover, Stopped,
    queue::{Event as QueueEvent, JobError, Queue, Status as JobStatus, Ticket},
};
use medproof_proto::{
    field::fr_bytes,
    prover::{
        Circuit, CircuitsReply, CircuitsRequest, Count, Failure, HealthReply, HealthRequest, Proof,
        ProveBatchRequest, ProveEvent, ProveRequest, Queued, Stage, Started, prove_event::Event,
        prover_server::Prover as ProverRpc,
    },
};
use medproof_verifier::CircuitName;
use prost::Message;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, metadata::MetadataMap};

/// What a worker hands back.
pub(super) type Outcome = Result<Proven, ProveError>;

/// Metadata in which a local gateway names its client, so that the queue is fair between them.
pub(crate) const CLIENT: &str = "medproof-client";
const MAX_CLIENT_BYTES: usize = 64;
/// Events that wait for a slow reader; places and stages are merged while it is behind.
const EVENTS: usize = 4;

#[derive(Default, Clone, Copy)]
struct Counts {
    proven: u64,
    refused: u64,
    stopped: u64,
    failed: u64,
}

pub(super) struct Service {
    prover: Arc<Prover>,
    queue: Arc<Queue<Outcome>>,
    config: ServerConfig,
    decode: Decode,
    counts: Arc<Mutex<BTreeMap<CircuitName, Counts>>>,
}

type Events = mpsc::Sender<Result<ProveEvent, Status>>;

impl Service {
    pub(super) fn new(
        prover: Arc<Prover>,
        queue: Arc<Queue<Outcome>>,
        config: ServerConfig,
        decode: Decode,
    ) -> Self {
        Self {
            prover,
            queue,
            config,
            decode,
            counts: Arc::default(),
        }
    }

    /// Reads a request and puts its job into the queue.
    fn submit(&self, client: &str, request: &ProveRequest, limit: Duration) -> Result<Queueing, Status> {
        let job = (self.decode)(request).map_err(|e| status::of_wire(&e))?;
        let circuit = job.circuit();
        // Refused here rather than after the wait.
        self.prover
            .circuit_id(circuit)
            .map_err(|e| status::of_prove(&e))?;
        let asked = match request.deadline_ms {
            0 => self.config.default_deadline,
            ms => Duration::from_millis(ms.into()),
        };
        let deadline = Instant::now() + asked.min(limit).min(self.config.max_deadline);
        let prover = Arc::clone(&self.prover);
        let work = Box::new(move |control: &crate::queue::Control| job.prove(&prover, control));
        let ticket = self.queue.submit(client, request.encoded_len(), deadline, work);
        Ok(Queueing {
            circuit,
            ticket: ticket.map_err(|e| status::of_submit(&e))?,
            counts: Arc::clone(&self.counts),
        })
    }
}

/// A job in the queue and where its outcome is counted.
struct Queueing {
    circuit: CircuitName,
    ticket: Ticket<Outcome>,
    counts: Arc<Mutex<BTreeMap<CircuitName, Counts>>>,
}

impl Queueing {
    /// Forwards events until the job ends or nobody listens; dropping the ticket then cancels the job.
    async fn run(mut self, index: u32, events: Events, batch: bool) {
        let event = |event| ProveEvent {
            index,
            event: Some(event),
        };
        loop {
            let next = tokio::select! {
                next = self.ticket.next() => next,
                () = events.closed() => {
                    count(&self.counts, self.circuit, &Err(JobError::Stopped(Stopped::Cancelled)));
                    return;
                }
            };
            let message = match next {
                QueueEvent::Status(now) => Ok(event(progress(now))),
                QueueEvent::Done(result) => {
                    count(&self.counts, self.circuit, &result);
                    let last = match done(result) {
                        Ok(proof) => Ok(event(Event::Proof(proof))),
                        Err(status) if batch => Ok(event(Event::Failure(Failure {
                            code: status.code() as i32,
                            message: status.message().to_owned(),
                        }))),
                        Err(status) => Err(status),
                    };
                    // The reader may have gone; the job has ended anyway.
                    let _ = events.send(last).await;
                    return;
                }
            };
            if events.send(message).await.is_err() {
                count(
                    &self.counts,
                    self.circuit,
                    &Err(JobError::Stopped(Stopped::Cancelled)),
                );
                return;
            }
        }
    }
}

fn progress(status: JobStatus) -> Event {
    match status {
        JobStatus::Queued { ahead } => Event::Queued(Queued {
            ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
        }),
        JobStatus::Started => Event::Started(Started {}),
        JobStatus::Stage(stage) => Event::Stage(Stage {
            name: stage.as_str().to_owned(),
            percent: stage.percent_before().into(),
        }),
    }
}

fn done(result: Result<Outcome, JobError>) -> Result<Proof, Status> {
    let proven = match result {
        Ok(Ok(proven)) => proven,
        Ok(Err(error)) => return Err(status::of_prove(&error)),
        Err(error) => return Err(status::of_job(&error)),
    };
    let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    Ok(Proof {
        proof: proven.proof.to_bytes().to_vec(),
        public_inputs: proven.public_inputs.iter().map(fr_bytes).collect(),
        circuit: proven.circuit.as_str().to_owned(),
        circuit_id: proven.circuit_id.0.to_vec(),
        witness_ms: ms(proven.timings.witness),
        proving_ms: ms(proven.timings.proving),
        verifying_ms: ms(proven.timings.verifying),
    })
}

fn lock(counts: &Mutex<BTreeMap<CircuitName, Counts>>) -> MutexGuard<'_, BTreeMap<CircuitName, Counts>> {
    // Additions cannot leave half a state behind.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(
    counts: &Mutex<BTreeMap<CircuitName, Counts>>,
    circuit: CircuitName,
    result: &Result<Outcome, JobError>,
) {
    let mut counts = lock(counts);
    let counts = counts.entry(circuit).or_default();
    let place = match result {
        Ok(Ok(_)) => &mut counts.proven,
        Ok(Err(ProveError::Unsatisfied(_) | ProveError::Circuit(_))) => &mut counts.refused,
        Ok(Err(ProveError::Stopped(_))) | Err(JobError::Stopped(_) | JobError::Closed) => &mut counts.stopped,
        Ok(Err(_)) | Err(JobError::Panicked) => &mut counts.failed,
    };
    *place += 1;
}

/// Whom the queue is fair to: the peer's address, or the client that a process on this machine names.
fn client<T>(request: &Request<T>) -> String {
    let Some(peer) = request.remote_addr().map(|address| address.ip()) else {
        return String::new();
    };
    let named = request.metadata().get(CLIENT).and_then(|name| name.to_str().ok());
    match named {
        Some(name) if peer.is_loopback() && name.len() <= MAX_CLIENT_BYTES => format!("{peer} {name}"),
        _ => peer.to_string(),
    }
}

/// The call's own time limit: `grpc-timeout`, up to eight digits and a unit.
fn call_limit(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[tonic::async_trait]
impl ProverRpc for Service {
    type ProveStream = ReceiverStream<Result<ProveEvent, Status>>;
    type ProveBatchStream = ReceiverStream<Result<ProveEvent, Status>>;

    async fn prove(&self, request: Request<ProveRequest>) -> Result<Response<Self::ProveStream>, Status> {
        let limit = call_limit(request.metadata()).unwrap_or(Duration::MAX);
        let client = client(&request);
        let queued = self.submit(&client, &request.into_inner(), limit)?;
        let (events, stream) = mpsc::channel(EVENTS);
        tokio::spawn(queued.run(0, events, false));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn prove_batch(
        &self,
        request: Request<ProveBatchRequest>,
    ) -> Result<Response<Self::ProveBatchStream>, Status> {
        let limit = call_limit(request.metadata()).unwrap_or(Duration::MAX);
        let client = client(&request);
        let requests = request.into_inner().requests;
        if requests.is_empty() || requests.len() > self.config.max_batch {
            let message = format!(
                "field `requests` has {} elements, not 1 to {}",
                requests.len(),
                self.config.max_batch
            );
            return Err(Status::invalid_argument(message));
        }
        // The first refusal drops the tickets before it, which takes their jobs out again.
        let queued = requests
            .iter()
            .enumerate()
            .map(|(index, request)| {
                self.submit(&client, request, limit).map_err(|status| {
                    let message = format!("requests[{index}]: {}", status.message());
                    Status::with_metadata(status.code(), message, status.metadata().clone())
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        drop(requests);
        let (events, stream) = mpsc::channel(EVENTS);
        for (index, job) in (0u32..).zip(queued) {
            tokio::spawn(job.run(index, events.clone(), true));
        }
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn circuits(&self, _: Request<CircuitsRequest>) -> Result<Response<CircuitsReply>, Status> {
        let circuits = self.prover.circuit_info().into_iter().map(|info| Circuit {
            name: info.name.as_str().to_owned(),
            version: info.version.into(),
            id: info.id.0.to_vec(),
            constraints: info.constraints as u64,
            domain: info.domain as u64,
            public_inputs: info.public_inputs.iter().map(|name| (*name).to_owned()).collect(),
            proving_key_bytes: info.proving_key_bytes,
            verifying_key_hash: info.verifying_key_hash.to_vec(),
            development_key: info.development_key,
            verifying_key: self
                .prover
                .verifying_key(info.name)
                .map(medproof_verifier::VerifyingKey::to_bytes)
                .unwrap_or_default(),
        });
        Ok(Response::new(CircuitsReply {
            circuits: circuits.collect(),
        }))
    }

    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthReply>, Status> {
        let counts = lock(&self.counts).clone();
        let counts = counts.into_iter().map(|(circuit, c)| Count {
            circuit: circuit.as_str().to_owned(),
            proven: c.proven,
            refused: c.refused,
            stopped: c.stopped,
            failed: c.failed,
        });
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Response::new(HealthReply {
            serving: self.queue.is_open(),
            jobs: small(self.queue.len()),
            max_jobs: small(self.config.limits.jobs),
            backend: self.prover.backend().to_owned(),
            counts: counts.collect(),
        }))
    }
}
