//! The wire: decode, call, encode.

use crate::{
    clock::Clock,
    desk::{Desk, Outcome, Posted, Presentation},
    error::GatewayError,
    ledger::Ledger,
};
use medproof_proto::{
    FieldError, field,
    gateway::{
        Asked, ChallengeRequest, ChallengeResponse, MAX_PUBLIC_INPUTS, OutcomeRequest, OutcomeResponse,
        PresentRequest, PresentResponse, State, VoidRequest, VoidResponse, gateway_server, opening,
    },
};
use medproof_verifier::{CircuitName, Proof, asked};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::{Request, Response, Status};

/// A desk behind gRPC.
pub(crate) struct Service<L, C> {
    desk: Arc<Desk<L, C>>,
    /// SHA-256 of the staff token: comparing hashes tells nothing about the token by its time.
    token: [u8; 32],
    requests: Semaphore,
}

impl<L: Ledger, C: Clock> Service<L, C> {
    pub(crate) fn new(desk: Arc<Desk<L, C>>, token: &str, concurrent: usize) -> Self {
        Self {
            desk,
            token: Sha256::digest(token.as_bytes()).into(),
            requests: Semaphore::new(concurrent),
        }
    }

    fn permit(&self) -> Result<SemaphorePermit<'_>, GatewayError> {
        self.requests
            .try_acquire()
            .map_err(|_| GatewayError::Full("requests"))
    }

    fn staff<T>(&self, request: &Request<T>) -> Result<(), GatewayError> {
        let shown = request.metadata().get("authorization");
        let shown = shown
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(GatewayError::Token)?;
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        if shown == self.token {
            Ok(())
        } else {
            Err(GatewayError::Token)
        }
    }

    fn ask(&self, message: ChallengeRequest) -> Result<ChallengeResponse, GatewayError> {
        let question = asked::Asked::try_from(field::required("asked", message.asked)?)?;
        let circuit = match message.circuit.as_str() {
            "" => None,
            name => Some(
                CircuitName::parse(name)
                    .ok_or_else(|| FieldError::new("circuit", "is not a circuit's name"))?,
            ),
        };
        let issued = self.desk.challenge(question, circuit)?;
        Ok(ChallengeResponse {
            challenge: issued.challenge.to_vec(),
            ledger_id: issued.ledger_id.to_vec(),
            circuit: issued.circuit.as_str().to_owned(),
            circuit_id: issued.circuit_id.0.to_vec(),
            relying_party: issued.relying_party.to_string(),
            asked: Some(Asked::from(&issued.asked)),
            payload_salt: issued.payload_salt.to_vec(),
            payload_hash: issued.payload_hash.to_vec(),
            expires: issued.expires,
        })
    }
}

fn presentation(message: PresentRequest) -> Result<Presentation, GatewayError> {
    if message.public_inputs.len() > MAX_PUBLIC_INPUTS {
        return Err(FieldError::new("public_inputs", "has more than 64 elements").into());
    }
    Ok(Presentation {
        challenge: field::array("challenge", &message.challenge)?,
        inputs: field::frs("public_inputs", &message.public_inputs)?,
        proof: Proof::from_bytes(&message.proof)
            .map_err(|e| FieldError::new("proof", format!("is refused: {e}")))?,
        opening: opening(message.opening)?,
    })
}

fn challenge_of(bytes: &[u8]) -> Result<[u8; 32], GatewayError> {
    Ok(field::array("challenge", bytes)?)
}

fn voided(posted: Posted) -> VoidResponse {
    VoidResponse {
        entry: posted.entry,
        receipt: posted.receipt.to_bytes(),
        commitment_index: posted.commitment_index,
        time: posted.sealed,
    }
}

#[tonic::async_trait]
impl<L: Ledger, C: Clock> gateway_server::Gateway for Service<L, C> {
    async fn challenge(
        &self,
        request: Request<ChallengeRequest>,
    ) -> Result<Response<ChallengeResponse>, Status> {
        let _permit = self.permit()?;
        self.staff(&request)?;
        Ok(Response::new(self.ask(request.into_inner())?))
    }

    async fn present(&self, request: Request<PresentRequest>) -> Result<Response<PresentResponse>, Status> {
        let _permit = self.permit()?;
        let presentation = presentation(request.into_inner())?;
        let answer = self.desk.present(presentation).await?;
        let mut response = PresentResponse {
            hand_over: answer.hand_over,
            ..PresentResponse::default()
        };
        if let Some(posted) = answer.posted {
            response.entry = posted.entry;
            response.receipt = posted.receipt.to_bytes();
            response.commitment_index = posted.commitment_index;
            response.time = posted.sealed;
        }
        Ok(Response::new(response))
    }

    async fn outcome(&self, request: Request<OutcomeRequest>) -> Result<Response<OutcomeResponse>, Status> {
        let _permit = self.permit()?;
        self.staff(&request)?;
        let outcome = self
            .desk
            .outcome(&challenge_of(&request.into_inner().challenge)?)?;
        let (mut subject, mut person) = (vec![], vec![]);
        let (state, index) = match outcome {
            Outcome::Open => (State::Open, None),
            Outcome::Posting => (State::Posting, None),
            Outcome::Uncosigned(index) => (State::Uncosigned, Some(index)),
            Outcome::Posted(index) => (State::Accepted, Some(index)),
            Outcome::Voided(index) => (State::Voided, Some(index)),
            Outcome::Bound {
                subject: bound,
                person: of,
            } => {
                (subject, person) = (bound.to_vec(), of.map(Vec::from).unwrap_or_default());
                (State::Accepted, None)
            }
            Outcome::Expired => (State::Expired, None),
        };
        Ok(Response::new(OutcomeResponse {
            state: state.into(),
            index,
            subject,
            person,
        }))
    }

    async fn void(&self, request: Request<VoidRequest>) -> Result<Response<VoidResponse>, Status> {
        let _permit = self.permit()?;
        self.staff(&request)?;
        let challenge = challenge_of(&request.into_inner().challenge)?;
        Ok(Response::new(voided(self.desk.void(challenge).await?)))
    }
}
