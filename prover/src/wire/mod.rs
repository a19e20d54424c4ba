//! Witnesses between their types and their messages (`proto/proto/witness.proto`), both ways. Each
//! conversion refuses a bad field with one error that names it and holds no value of a witness.

mod bind;
mod claim;
mod dispense;
mod eligibility;
mod parts;
#[cfg(test)]
mod tests;

use crate::Job;
use medproof_circuits::{
    statement::Circuit,
    statements::{
        bind::Bind,
        claim::Claim,
        dispense::Dispense,
        eligibility::{Eligibility, Large, Standard},
    },
};
use medproof_proto::{
    FieldError,
    field::fr_bytes,
    prover::{ProveRequest, prove_request::Witness as Message, public_inputs},
};
use medproof_verifier::Public;

/// A field of a request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` {reason}")]
pub struct WireError {
    /// Where the field is, from the request down: `rx.signature.s`, `records[3].salt`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl WireError {
    fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    fn within(self, parent: impl std::fmt::Display) -> Self {
        Self {
            field: format!("{parent}.{}", self.field),
            reason: self.reason,
        }
    }
}

impl From<FieldError> for WireError {
    fn from(error: FieldError) -> Self {
        Self::new(error.field, error.reason)
    }
}

/// A circuit whose witness can be sent to a prover.
pub trait WireWitness: Circuit {
    /// Writes a witness. The message is wiped when it is dropped.
    fn encode(witness: &Self::Witness) -> Message;

    /// Reads a witness.
    ///
    /// # Errors
    /// [`WireError`] naming the bad field, or `witness` for the witness of another statement.
    fn decode(message: &Message) -> Result<Self::Witness, WireError>;
}

/// The request for a proof of `C`. `deadline_ms` 0 asks for the server's default.
pub fn request<C: WireWitness>(public: &C::Public, witness: &C::Witness, deadline_ms: u32) -> ProveRequest {
    ProveRequest {
        deadline_ms,
        public_inputs: public.to_vec().iter().map(fr_bytes).collect(),
        witness: Some(C::encode(witness)),
    }
}

/// Reads a request.
///
/// # Errors
/// [`WireError`] naming the bad field.
pub fn job(request: &ProveRequest) -> Result<Job, WireError> {
    match &request.witness {
        Some(Message::Bind(_)) => job_of::<Bind>(request),
        Some(Message::Claim(_)) => job_of::<Claim>(request),
        Some(Message::Dispense(_)) => job_of::<Dispense>(request),
        Some(Message::Eligibility(_)) => job_of::<Eligibility<Standard>>(request),
        Some(Message::EligibilityLarge(_)) => job_of::<Eligibility<Large>>(request),
        None => Err(WireError::new("witness", "is missing")),
    }
}

fn job_of<C: WireWitness>(request: &ProveRequest) -> Result<Job, WireError>
where
    C::Public: Send + 'static,
    C::Witness: Send + 'static,
{
    let (public, witness) = assignment::<C>(request)?;
    Ok(Job::new::<C>(public, witness))
}

/// Reads the public inputs and the witness of a request for `C`.
///
/// # Errors
/// [`WireError`] naming the bad field.
pub fn assignment<C: WireWitness>(request: &ProveRequest) -> Result<(C::Public, C::Witness), WireError> {
    let inputs = public_inputs(&request.public_inputs)?;
    let public = C::Public::from_slice(&inputs).map_err(|e| {
        let reason = format!("has {} elements where the statement has {}", e.got, e.expected);
        WireError::new("public_inputs", reason)
    })?;
    let message = request.witness.as_ref();
    let message = message.ok_or_else(|| WireError::new("witness", "is missing"))?;
    Ok((public, C::decode(message)?))
}

/// What is answered to a witness of another statement.
fn other() -> WireError {
    WireError::new("witness", "is of another statement")
}
