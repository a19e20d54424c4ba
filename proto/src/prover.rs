//! Messages of the prover service. Conversions of public values are here; those of witnesses live in
//! `medproof_prover::wire`, since only a prover and its clients have them.

pub use crate::wire::{prover::v1::*, witness::v1 as witness};

use crate::field::{self, FieldError};
use medproof_verifier::{CircuitId, CircuitName, Proof as CheckedProof, VerifyingKey};

/// Longest list of public inputs that is read.
pub const MAX_PUBLIC_INPUTS: usize = 32;

/// A proof as the prover service returned it: decoded and checked in itself, not yet verified.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedProof {
    /// The circuit's name.
    pub circuit: CircuitName,
    /// The circuit, its version and key.
    pub circuit_id: CircuitId,
    /// The public inputs, in order.
    pub public_inputs: Vec<medproof_verifier::Fr>,
    /// The proof.
    pub proof: CheckedProof,
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// [`FieldError`] naming the bad field.
    pub fn decode(&self) -> Result<ReceivedProof, FieldError> {
        let circuit = circuit("circuit", &self.circuit)?;
        Ok(ReceivedProof {
            circuit,
            circuit_id: CircuitId(field::array("circuit_id", &self.circuit_id)?),
            public_inputs: public_inputs(&self.public_inputs)?,
            proof: CheckedProof::from_bytes(&self.proof)
                .map_err(|e| FieldError::new("proof", format!("is refused: {e}")))?,
        })
    }
}

impl Circuit {
    /// Reads the verifying key and checks that it is that of the id and name beside it.
    ///
    /// # Errors
    /// [`FieldError`] naming the bad field.
    pub fn key(&self) -> Result<VerifyingKey, FieldError> {
        let name = circuit("name", &self.name)?;
        let key = VerifyingKey::from_bytes(&self.verifying_key)
            .map_err(|e| FieldError::new("verifying_key", format!("is refused: {e}")))?;
        if key.name() != name {
            return Err(FieldError::new("name", "is not the circuit of the verifying key"));
        }
        if key.circuit_id().0 != *self.id {
            return Err(FieldError::new("id", "is not that of the verifying key"));
        }
        Ok(key)
    }
}

/// A circuit's name.
///
/// # Errors
/// [`FieldError`] when there is no such circuit.
pub fn circuit(field: &'static str, name: &str) -> Result<CircuitName, FieldError> {
    CircuitName::parse(name).ok_or_else(|| FieldError::new(field, "names no circuit"))
}

/// Public inputs, in order.
///
/// # Errors
/// [`FieldError`] when there are too many or one of them is not canonical.
pub fn public_inputs(list: &[Vec<u8>]) -> Result<Vec<medproof_verifier::Fr>, FieldError> {
    if list.len() > MAX_PUBLIC_INPUTS {
        let reason = format!("has {} elements, at most {MAX_PUBLIC_INPUTS}", list.len());
        return Err(FieldError::new("public_inputs", reason));
    }
    field::frs("public_inputs", list)
}
