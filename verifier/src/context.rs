//! What a proof is bound to beside its statement (property P5).

use crate::{CircuitId, Name, Tag, field::fr_from_248, tagged};
use ark_bn254::Fr;

/// The inputs of `ctx`: ledger, circuit, relying party, its challenge, and the payload it asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Id of the ledger (32 bytes; 248 bits enter the field).
    pub ledger_id: [u8; 32],
    /// The circuit under which the proof is made.
    pub circuit_id: CircuitId,
    /// The party that asked.
    pub relying_party: Name,
    /// The relying party's fresh random challenge (32 bytes; 248 bits enter the field).
    pub challenge: [u8; 32],
    /// SHA-256 of what was asked (32 bytes; 248 bits enter the field); zero when nothing beside the statement.
    pub payload_hash: [u8; 32],
}

impl Context {
    /// `ctx = H(CTX; ledger id, circuit id, relying party, challenge, payload hash)`.
    pub fn to_fr(&self) -> Fr {
        tagged(
            Tag::Ctx,
            [
                fr_from_248(&self.ledger_id),
                self.circuit_id.to_fr(),
                self.relying_party.to_fr(),
                fr_from_248(&self.challenge),
                fr_from_248(&self.payload_hash),
            ],
        )
    }
}
