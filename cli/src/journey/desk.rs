//! The two clients of a gateway: its staff, and a holder.

pub use medproof_gateway::desk::{Answer, Posted};

use super::JourneyError;
use medproof_proto::{
    address::Address,
    field,
    gateway::{
        Asked as AskedMessage, ChallengeRequest, OutcomeRequest, PresentRequest, State, VoidRequest,
        gateway_client::GatewayClient, opening_message,
    },
};
use medproof_verifier::{
    CircuitId, CircuitName, Context, Entry, Fr, LogKey, Name, Proof, Receipt, asked::Asked, opening::Opening,
};
use std::time::{Duration, Instant};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use zeroize::Zeroizing;

/// Longest time for one request.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long an answer that is posted is presented again while the gateway's witnesses have not cosigned it.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two such presentations.
const AGAIN: Duration = Duration::from_secs(1);

/// A question as the staff hands it to the holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// 32 random bytes.
    pub challenge: [u8; 32],
    /// The ledger to which the answer is posted.
    pub ledger_id: [u8; 32],
    /// The circuit to prove with.
    pub circuit: CircuitName,
    /// Its id.
    pub circuit_id: CircuitId,
    /// Who asks.
    pub relying_party: Name,
    /// What is asked.
    pub asked: Asked,
    /// The salt under which it is hashed.
    pub payload_salt: [u8; 32],
    /// Unix time after which it cannot be answered.
    pub expires: u64,
}

impl Challenge {
    /// `ctx` of the answer. The hash of what is asked is computed here, so the holder proves for what it saw.
    pub fn ctx(&self) -> Fr {
        Context {
            ledger_id: self.ledger_id,
            circuit_id: self.circuit_id,
            relying_party: self.relying_party.clone(),
            challenge: self.challenge,
            payload_hash: self.asked.payload_hash(&self.payload_salt),
        }
        .to_fr()
    }

    /// The holder's own checks before it proves anything.
    ///
    /// # Errors
    /// [`JourneyError::Challenge`] when the challenge is for another ledger or circuit than the holder trusts.
    pub fn check(&self, ledger_id: [u8; 32], circuit_id: CircuitId) -> Result<(), JourneyError> {
        if self.ledger_id != ledger_id {
            return Err(JourneyError::Challenge("it is for another ledger"));
        }
        if self.circuit_id != circuit_id {
            return Err(JourneyError::Challenge(
                "it names another circuit than the ledger accepts",
            ));
        }
        if !self.asked.answered_by(self.circuit) {
            return Err(JourneyError::Challenge(
                "its circuit does not answer its question",
            ));
        }
        Ok(())
    }
}

/// What became of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How far it is.
    pub state: State,
    /// Leaf index of the entry.
    pub index: Option<u64>,
    /// The pseudonym that a bind has shown.
    pub subject: Option<Fr>,
    /// Salted digest of its person, with which a prescription is signed.
    pub person: Option<Fr>,
}

async fn connect(address: &Address) -> Result<GatewayClient<Channel>, JourneyError> {
    let channel = address.connect().await;
    let channel = channel.map_err(|source| JourneyError::Connect {
        address: address.to_string(),
        source,
    })?;
    Ok(GatewayClient::new(channel))
}

/// An entry whose receipt holds under the log's key here, too.
fn posted(
    entry: Vec<u8>,
    receipt: &[u8],
    commitment_index: Option<u64>,
    sealed: u64,
    log: &LogKey,
) -> Result<Posted, JourneyError> {
    let receipt = Receipt::from_bytes(receipt)
        .map_err(|e| field::FieldError::new("receipt", format!("is refused: {e}")))?;
    receipt.verify(&entry, log)?;
    Ok(Posted {
        entry,
        receipt,
        commitment_index,
        sealed,
    })
}

/// The staff of a relying party.
#[derive(Clone)]
pub struct Staff {
    client: GatewayClient<Channel>,
    token: MetadataValue<Ascii>,
    log: Option<LogKey>,
}

impl Staff {
    /// Connects to the party's own gateway. Receipts are checked against `log`; without it nothing that has one
    /// can be asked for.
    ///
    /// # Errors
    /// [`JourneyError::Connect`], or [`JourneyError::Answer`] when the token cannot be sent.
    pub async fn connect(
        address: &Address,
        token: &Zeroizing<String>,
        log: Option<&LogKey>,
    ) -> Result<Self, JourneyError> {
        let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let mut token: MetadataValue<Ascii> = bearer
            .parse()
            .map_err(|_| field::FieldError::new("token", "has characters that cannot be sent"))?;
        token.set_sensitive(true);
        Ok(Self {
            client: connect(address).await?,
            token,
            log: log.cloned(),
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }

    /// Asks a question. A date of day 0 stands for today.
    ///
    /// # Errors
    /// [`JourneyError::Gateway`].
    pub async fn ask(&mut self, asked: &Asked) -> Result<Challenge, JourneyError> {
        let request = self.request(ChallengeRequest {
            asked: Some(AskedMessage::from(asked)),
            circuit: String::new(),
        });
        let answer = self.client.challenge(request).await?.into_inner();
        let asked = Asked::try_from(field::required("asked", answer.asked)?)?;
        let circuit = CircuitName::parse(&answer.circuit)
            .ok_or_else(|| field::FieldError::new("circuit", "is not a circuit's name"))?;
        Ok(Challenge {
            challenge: field::array("challenge", &answer.challenge)?,
            ledger_id: field::array("ledger_id", &answer.ledger_id)?,
            circuit,
            circuit_id: CircuitId(field::array("circuit_id", &answer.circuit_id)?),
            relying_party: field::name("relying_party", &answer.relying_party)?,
            asked,
            payload_salt: field::array("payload_salt", &answer.payload_salt)?,
            expires: answer.expires,
        })
    }

    /// What became of a challenge.
    ///
    /// # Errors
    /// [`JourneyError::Gateway`].
    pub async fn outcome(&mut self, challenge: &[u8; 32]) -> Result<Outcome, JourneyError> {
        let request = self.request(OutcomeRequest {
            challenge: challenge.to_vec(),
        });
        let answer = self.client.outcome(request).await?.into_inner();
        let shown = |name, bytes: &[u8]| match bytes.is_empty() {
            true => Ok(None),
            false => field::fr(name, bytes).map(Some),
        };
        Ok(Outcome {
            state: answer.state(),
            index: answer.index,
            subject: shown("subject", &answer.subject)?,
            person: shown("person", &answer.person)?,
        })
    }

    /// Takes back a fill that was not collected.
    ///
    /// # Errors
    /// [`JourneyError::Gateway`].
    pub async fn void(&mut self, challenge: &[u8; 32]) -> Result<Posted, JourneyError> {
        let log = self
            .log
            .clone()
            .ok_or(JourneyError::Missing("key of the ledger's log"))?;
        let request = self.request(VoidRequest {
            challenge: challenge.to_vec(),
        });
        let answer = self.client.void(request).await?.into_inner();
        posted(
            answer.entry,
            &answer.receipt,
            answer.commitment_index,
            answer.time,
            &log,
        )
    }
}

/// A holder at a relying party's counter.
#[derive(Clone)]
pub struct Counter {
    client: GatewayClient<Channel>,
    log: LogKey,
}

impl Counter {
    /// Connects to the gateway that asked. Receipts are checked against `log`.
    ///
    /// # Errors
    /// [`JourneyError::Connect`].
    pub async fn connect(address: &Address, log: &LogKey) -> Result<Self, JourneyError> {
        Ok(Self {
            client: connect(address).await?,
            log: log.clone(),
        })
    }

    /// Presents a proof and opens its commitments; returns after the receipt was checked here, too.
    ///
    /// # Errors
    /// [`JourneyError::Gateway`] when it is refused, [`JourneyError::Receipt`] when the receipt does not hold.
    pub async fn present(
        &mut self,
        challenge: &Challenge,
        inputs: &[Fr],
        proof: &Proof,
        opening: &Opening,
    ) -> Result<Answer, JourneyError> {
        let message = PresentRequest {
            challenge: challenge.challenge.to_vec(),
            public_inputs: inputs.iter().map(field::fr_bytes).collect(),
            proof: proof.to_bytes().to_vec(),
            opening: opening_message(opening),
        };
        let begun = Instant::now();
        let answer = loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(DEADLINE);
            match self.client.present(request).await.map_err(JourneyError::from) {
                // It is posted, and another answer is taken no more: only this one gets what was asked for.
                Err(error) if error.gateway_code() == Some("uncosigned") && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(AGAIN).await;
                }
                answer => break answer?.into_inner(),
            }
        };
        let posted = match answer.entry.is_empty() {
            true => None,
            false => {
                let Ok(Entry::Statement(post)) = Entry::from_bytes(&answer.entry) else {
                    return Err(field::FieldError::new("entry", "is not a statement").into());
                };
                if post.inputs != inputs {
                    return Err(field::FieldError::new("entry", "is of another statement").into());
                }
                Some(posted(
                    answer.entry,
                    &answer.receipt,
                    answer.commitment_index,
                    answer.time,
                    &self.log,
                )?)
            }
        };
        Ok(Answer {
            hand_over: answer.hand_over,
            posted,
        })
    }
}
