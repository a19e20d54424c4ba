//! Every way in which a gateway refuses, and the one table that maps it to a status.

use crate::{journal::JournalError, ledger::PostError};
use medproof_proto::FieldError;
use medproof_verifier::{VerifyError, asked::Mismatch};
use tonic::{Code, Status, metadata::MetadataValue};

/// Metadata key of the opaque code.
pub const CODE_KEY: &str = "medproof-code";
/// Metadata key of the retry hint, in milliseconds.
pub const RETRY_KEY: &str = "retry-after-ms";

/// Why a request is refused. Peers see the opaque code; the cause is logged once.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A field of the message is malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The staff token is missing or wrong.
    #[error("the staff token is missing or wrong")]
    Token,
    /// Too many requests or open challenges.
    #[error("too many {0} at once")]
    Full(&'static str),
    /// This party does not ask this.
    #[error("this gateway does not ask that: {0}")]
    NotAsked(&'static str),
    /// The circuit is not one of this gateway's.
    #[error("no verifying key for circuit `{0}` is configured")]
    Circuit(String),
    /// The challenge was never issued here, or is long past.
    #[error("unknown challenge")]
    UnknownChallenge,
    /// The challenge is past its time.
    #[error("the challenge has expired")]
    Expired,
    /// Another presentation of this challenge is being worked on.
    #[error("another presentation of this challenge is being worked on")]
    Busy,
    /// Another statement has answered the challenge.
    #[error("the challenge was answered by another statement")]
    Used,
    /// Date of the question or the statement is not the gateway's date.
    #[error("the date is not this gateway's date")]
    Date,
    /// The proof, its context or its inputs are refused.
    #[error(transparent)]
    Proof(#[from] VerifyError),
    /// The proof's bytes or the number of inputs are refused.
    #[error("malformed presentation: {0}")]
    Presentation(String),
    /// The statement or its opening does not answer the question.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The statement refers to an identity root that the log has not sealed, or replaced more than ten minutes ago.
    #[error("the statement refers to an identity root that is not the ledger's, or no longer")]
    IdentityRoot,
    /// A pseudonym has one person at an issuer.
    #[error("the pseudonym is bound to another person here; whoever was enrolled anew takes a new secret")]
    Bound,
    /// The ledger refuses the entry, or cannot be asked.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The journal cannot be written; nothing is handed over.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A background task ended early.
    #[error("a task of the gateway ended early")]
    Task,
}

impl GatewayError {
    /// The status and the opaque code: the one table.
    fn row(&self) -> (Code, &'static str) {
        match self {
            Self::Field(_) => (Code::InvalidArgument, "field"),
            Self::Token => (Code::Unauthenticated, "token"),
            Self::Full(_) => (Code::ResourceExhausted, "full"),
            Self::NotAsked(_) => (Code::InvalidArgument, "not-asked"),
            Self::Circuit(_) => (Code::InvalidArgument, "circuit"),
            Self::UnknownChallenge => (Code::NotFound, "challenge-unknown"),
            Self::Expired => (Code::FailedPrecondition, "challenge-expired"),
            Self::Busy => (Code::Aborted, "challenge-busy"),
            Self::Used => (Code::AlreadyExists, "challenge-used"),
            Self::Date => (Code::FailedPrecondition, "date"),
            Self::Proof(_) => (Code::InvalidArgument, "proof"),
            Self::Presentation(_) => (Code::InvalidArgument, "presentation"),
            Self::Mismatch(_) => (Code::InvalidArgument, "mismatch"),
            Self::IdentityRoot => (Code::FailedPrecondition, "identity-root"),
            Self::Bound => (Code::AlreadyExists, "bound"),
            Self::Post(PostError::Refused { code, .. }) => (*code, "ledger-refused"),
            Self::Post(PostError::Unavailable(_)) => (Code::Unavailable, "ledger-unavailable"),
            Self::Post(PostError::Uncosigned { .. }) => (Code::Unavailable, "uncosigned"),
            Self::Post(PostError::Receipt(_)) => (Code::DataLoss, "receipt"),
            Self::Journal(_) => (Code::Internal, "journal"),
            Self::Task => (Code::Internal, "task"),
        }
    }

    /// The opaque code that peers see.
    pub fn code(&self) -> &'static str {
        self.row().1
    }
}

impl From<GatewayError> for Status {
    fn from(error: GatewayError) -> Self {
        let (code, opaque) = error.row();
        let text = match &error {
            // What the peer sent itself, or what it has to do: no secret of ours.
            GatewayError::Field(_)
            | GatewayError::NotAsked(_)
            | GatewayError::Circuit(_)
            | GatewayError::Mismatch(_)
            | GatewayError::Bound
            | GatewayError::Full(_) => format!("{opaque}: {error}"),
            GatewayError::Post(PostError::Refused { reason, .. }) => format!("{opaque}: {reason}"),
            GatewayError::Post(PostError::Uncosigned { index, .. }) => format!(
                "{opaque}: the entry is posted as leaf {index}; witnesses have not cosigned it yet: present the same answer again"
            ),
            _ => opaque.to_owned(),
        };
        tracing::info!(code = opaque, cause = %error, "refused");
        let mut status = Self::new(code, text);
        status
            .metadata_mut()
            .insert(CODE_KEY, MetadataValue::from_static(opaque));
        if matches!(
            error,
            GatewayError::Full(_) | GatewayError::Busy | GatewayError::Post(PostError::Uncosigned { .. })
        ) {
            status
                .metadata_mut()
                .insert(RETRY_KEY, MetadataValue::from_static("1000"));
        }
        status
    }
}
