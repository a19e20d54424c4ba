//! What a proof is bound to beside its statement (property P5).

use crate::{CircuitId, Name, Tag, field::fr_from_248, poseidon::tagged_all, tagged};
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
    /// The relying party's fresh random challenge: 248 bits, and a last byte of zero.
    pub challenge: [u8; 32],
    /// 248 bits of SHA-256 of what was asked, and a last byte of zero; zero when nothing beside the statement.
    pub payload_hash: [u8; 32],
}

/// The first 248 bits of `bytes`, which are those that `ctx` binds; the last byte becomes zero.
pub fn bound(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes[31] = 0;
    bytes
}

impl Context {
    /// Whether `ctx` binds every bit of challenge and payload hash: 248 bits of each enter the field, so a last
    /// byte other than zero could be changed by anybody.
    pub fn is_bound(&self) -> bool {
        self.challenge[31] == 0 && self.payload_hash[31] == 0
    }

    /// `ctx = H(CTX; ledger id, circuit id, relying party, challenge, payload hash)`.
    pub fn to_fr(&self) -> Fr {
        tagged(Tag::Ctx, self.inputs())
    }

    /// [`Context::to_fr`] of each, in order.
    pub(crate) fn all_to_fr<'a>(contexts: impl Iterator<Item = &'a Self>) -> Vec<Fr> {
        let inputs: Vec<_> = contexts.map(Self::inputs).collect();
        tagged_all::<5, 6>(Tag::Ctx, &inputs)
    }

    fn inputs(&self) -> [Fr; 5] {
        [
            fr_from_248(&self.ledger_id),
            self.circuit_id.to_fr(),
            self.relying_party.to_fr(),
            fr_from_248(&self.challenge),
            fr_from_248(&self.payload_hash),
        ]
    }
}
