//! A client of the prover service. It believes nothing that it can check: the proof must be of the inputs
//! that were sent, under the key that the caller trusts.

use crate::{
    Timings,
    service::CLIENT,
    wire::{self, WireWitness},
};
use medproof_proto::{
    FieldError,
    address::{Address, NotReached},
    prover::{
        Circuit, CircuitsRequest, HealthReply, HealthRequest, ProveRequest, prove_event::Event,
        prover_client::ProverClient,
    },
    retry,
};
use medproof_verifier::{Fr, Public, VerifyError, VerifyingKey};
use std::time::Duration;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

/// Why a request to a prover failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("cannot reach the prover at {address}: {source}")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// Why.
        source: NotReached,
    },
    /// The queue is full.
    #[error("the prover is busy: try again in {} ms", retry_after.as_millis())]
    Busy {
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// The prover refuses the request, or cannot answer it.
    #[error("the prover answers {}: {}", .0.code(), .0.message())]
    Status(Box<Status>),
    /// The answer has a bad field.
    #[error("the prover's answer is malformed: {0}")]
    Answer(#[from] FieldError),
    /// The stream ended without a proof.
    #[error("the prover ended the call without a proof")]
    Ended,
    /// The proof is of something else than what was asked.
    #[error("the prover's answer is about another circuit or other public inputs than were asked for")]
    Other,
    /// What is sent to a prover is a person's records and secret.
    #[error(
        "{0} is on another machine and not https: records and secrets would cross the network in the clear"
    )]
    InTheClear(String),
    /// The proof does not verify.
    #[error("the prover's proof is refused: {0}")]
    Proof(#[from] VerifyError),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        match retry::retry_after(&status) {
            Some(retry_after) => Self::Busy { retry_after },
            None => Self::Status(Box::new(status)),
        }
    }
}

/// What the prover says while a proof is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The job waits.
    Queued {
        /// Jobs that are served before it.
        ahead: u32,
    },
    /// The job began.
    Started,
    /// One of its stages began.
    Stage {
        /// `witness`, `proving` or `verifying`.
        name: String,
        /// Share of a typical proof's time that lies behind, in percent.
        percent: u32,
    },
}

/// A proof made by a service, verified here.
pub type RemoteProof = (medproof_verifier::Proof, Timings);

/// A connection to a prover service.
#[derive(Clone)]
pub struct Client {
    inner: ProverClient<Channel>,
    name: Option<MetadataValue<Ascii>>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`ClientError::InTheClear`], [`ClientError::Connect`].
    pub async fn connect(address: &Address) -> Result<Self, ClientError> {
        if !address.is_private() {
            return Err(ClientError::InTheClear(address.to_string()));
        }
        let channel = address.connect().await;
        let channel = channel.map_err(|source| ClientError::Connect {
            address: address.to_string(),
            source,
        })?;
        Ok(Self {
            inner: ProverClient::new(channel),
            name: None,
        })
    }

    /// Names the client on whose behalf requests are sent (ASCII, at most 64 bytes), so that a prover on
    /// this machine is fair between several of them. Any other name is left out.
    pub fn on_behalf_of(mut self, name: &str) -> Self {
        self.name = name.parse().ok();
        self
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(name) = &self.name {
            request.metadata_mut().insert(CLIENT, name.clone());
        }
        request
    }

    /// Has a proof made, and verifies it under `key`. Dropping the future cancels the job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn prove<C: WireWitness>(
        &mut self,
        key: &VerifyingKey,
        public: &C::Public,
        witness: &C::Witness,
        deadline: Duration,
        update: &mut (dyn FnMut(Update) + Send),
    ) -> Result<RemoteProof, ClientError> {
        let deadline_ms = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
        let request = wire::request::<C>(public, witness, deadline_ms);
        if key.name() != C::NAME {
            return Err(ClientError::Other);
        }
        self.prove_request(key, &public.to_vec(), request, update).await
    }

    pub(crate) async fn prove_request(
        &mut self,
        key: &VerifyingKey,
        inputs: &[Fr],
        request: ProveRequest,
        update: &mut (dyn FnMut(Update) + Send),
    ) -> Result<RemoteProof, ClientError> {
        let request = self.request(request);
        let mut stream = self.inner.prove(request).await?.into_inner();
        while let Some(event) = stream.message().await? {
            match event.event {
                Some(Event::Queued(queued)) => update(Update::Queued { ahead: queued.ahead }),
                Some(Event::Started(_)) => update(Update::Started),
                Some(Event::Stage(stage)) => update(Update::Stage {
                    name: stage.name,
                    percent: stage.percent,
                }),
                Some(Event::Proof(message)) => {
                    let received = message.decode()?;
                    if received.circuit_id != key.circuit_id() || received.public_inputs != inputs {
                        return Err(ClientError::Other);
                    }
                    key.verify(inputs, &received.proof)?;
                    let ms = |ms: u32| Duration::from_millis(ms.into());
                    let timings = Timings {
                        witness: ms(message.witness_ms),
                        proving: ms(message.proving_ms),
                        verifying: ms(message.verifying_ms),
                    };
                    return Ok((received.proof, timings));
                }
                Some(Event::Failure(_)) | None => return Err(ClientError::Ended),
            }
        }
        Err(ClientError::Ended)
    }

    /// The circuits that the prover has loaded. Check keys with [`Circuit::key`] and against a pinned id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn circuits(&mut self) -> Result<Vec<Circuit>, ClientError> {
        let request = self.request(CircuitsRequest {});
        Ok(self.inner.circuits(request).await?.into_inner().circuits)
    }

    /// Whether the prover takes jobs, and how full it is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&mut self) -> Result<HealthReply, ClientError> {
        let request = self.request(HealthRequest {});
        Ok(self.inner.health(request).await?.into_inner())
    }
}
