//! Why a step of a journey fails.

use medproof_proto::{FieldError, address::NotReached, ledger_client};
use medproof_prover::client as prover_client;
use medproof_records::{dispensing::RingFull, snapshot::SnapshotError};
use medproof_verifier::{field::NotCanonical, receipt::ReceiptError};
use tonic::Status;

/// Why a step of a journey fails. No message holds a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// The ledger cannot be asked, or refuses.
    #[error(transparent)]
    Ledger(#[from] ledger_client::ClientError),
    /// The prover cannot be asked, or cannot prove the statement.
    #[error(transparent)]
    Prover(#[from] prover_client::ClientError),
    /// The gateway refuses.
    #[error("the gateway answers {:?}, {}{}", .0.code(), .0.message(), advice(.0))]
    Gateway(Box<Status>),
    /// No connection to a gateway.
    #[error(
        "cannot reach the gateway at {address}: {source}; start it (medproof serve gateway), or correct --gateway"
    )]
    Connect {
        /// Where it was looked for.
        address: String,
        /// Why.
        source: NotReached,
    },
    /// An answer has a bad field.
    #[error("the answer is malformed: {0}")]
    Answer(#[from] FieldError),
    /// The gateway's receipt does not hold.
    #[error("the receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
    /// The gateway's challenge is not what it claims to be.
    #[error("the challenge is not to be answered: {0}")]
    Challenge(&'static str),
    /// The ledger does not have what the wallet needs.
    #[error("the ledger does not show {0}: wait for its next seal, then try again")]
    NotOnLedger(&'static str),
    /// The statement cannot be proven, as the wallet itself sees.
    #[error("this cannot be proven: {0}")]
    Unprovable(String),
    /// A clause of the statement does not hold, as the wallet itself sees.
    #[error("{0}")]
    Refused(String),
    /// The wallet has nothing of the kind.
    #[error("the wallet has no {0}")]
    Missing(&'static str),
    /// A note was spent by something that does not follow from what the wallet knows.
    #[error(
        "a note was spent by ledger entry {entry}, and what it became does not follow from this wallet: add the \
         papers that were given since this copy was made (medproof wallet add), and name the policy (--policy)"
    )]
    Unknown {
        /// Its leaf index.
        entry: u64,
    },
    /// Too many presented statements whose fate is not known.
    #[error(
        "too many statements were presented without a known outcome: settle them first (medproof wallet recover)"
    )]
    Unsettled,
    /// A second identity for one person, or one key or card for two.
    #[error("the register refuses: {0}")]
    Enrolled(&'static str),
    /// Every slot of the ring counts.
    #[error(transparent)]
    Ring(#[from] RingFull),
    /// The record does not fit a snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A stored secret is not a field element.
    #[error(transparent)]
    Secret(#[from] NotCanonical),
}

fn opaque(status: &Status) -> Option<&str> {
    status.metadata().get("medproof-code")?.to_str().ok()
}

/// What to do about a gateway's refusal, where its words do not say it.
fn advice(status: &Status) -> &'static str {
    match opaque(status) {
        Some("token") => ": --token-file holds another token than the gateway's",
        Some("challenge-unknown") => {
            ": it never asked this, or long ago; have it asked again (medproof desk ask)"
        }
        Some("challenge-expired" | "date") => {
            ": the time for an answer is over; have it asked again (medproof desk ask)"
        }
        Some("challenge-used") => ": another answer was accepted; have it asked again (medproof desk ask)",
        Some("challenge-busy") => ": an answer is being checked; try again",
        Some("identity-root") => {
            ": the ledger's identities have changed since the proof was begun; try again"
        }
        Some("proof") => {
            ": the proof is not for this question, ledger or circuit; have it asked again (medproof desk ask)"
        }
        Some("ledger-unavailable") => ": its ledger does not answer; try again",
        Some("uncosigned") => ": nothing was handed over yet; ask its staff (medproof desk outcome)",
        Some("journal") => ": its disk fails; its operator has to restart it",
        None if status.code() == tonic::Code::Unimplemented => {
            ": another service listens there; correct --gateway"
        }
        _ => "",
    }
}

impl From<Status> for JourneyError {
    fn from(status: Status) -> Self {
        Self::Gateway(Box::new(status))
    }
}

impl JourneyError {
    /// The gateway's opaque code, when it has refused.
    pub fn gateway_code(&self) -> Option<&str> {
        match self {
            Self::Gateway(status) => opaque(status),
            _ => None,
        }
    }

    /// Whether the prover says that the statement does not hold for the witness.
    pub fn is_unsatisfied(&self) -> bool {
        match self {
            Self::Prover(prover_client::ClientError::Status(status)) => {
                status.code() == tonic::Code::FailedPrecondition
            }
            _ => false,
        }
    }
}
