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
        Some(Message::Bind(message)) => read::<Bind, _>(request, "bind", message, bind::decode),
        Some(Message::Claim(message)) => read::<Claim, _>(request, "claim", message, claim::decode),
        Some(Message::Dispense(message)) => {
            read::<Dispense, _>(request, "dispense", message, dispense::decode)
        }
        Some(Message::Eligibility(message)) => {
            let decode = eligibility::decode::<Standard>;
            read::<Eligibility<Standard>, _>(request, "eligibility", message, decode)
        }
        Some(Message::EligibilityLarge(message)) => {
            let decode = eligibility::decode::<Large>;
            read::<Eligibility<Large>, _>(request, "eligibility_large", message, decode)
        }
        None => Err(WireError::new("witness", "is missing")),
    }
}

fn read<C, M>(
    request: &ProveRequest,
    field: &'static str,
    message: &M,
    decode: impl FnOnce(&M) -> Result<C::Witness, WireError>,
) -> Result<Job, WireError>
where
    C: Circuit,
    C::Public: Send + 'static,
    C::Witness: Send + 'static,
{
    let inputs = public_inputs(&request.public_inputs)?;
    let public = C::Public::from_slice(&inputs).map_err(|e| {
        let reason = format!("has {} elements where the statement has {}", e.got, e.expected);
        WireError::new("public_inputs", reason)
    })?;
    let witness = decode(message).map_err(|e| e.within(field))?;
    Ok(Job::new::<C>(public, witness))
}
