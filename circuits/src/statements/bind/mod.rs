//! `bind`: one secret is behind an identity leaf and a pseudonym (`docs/statements/bind.md`).

mod circuit;
mod relation;

pub use relation::Refused;

use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::identity::Identity;
use medproof_verifier::CircuitName;
use medproof_verifier::statement::BindPublic;

/// The statement's circuit.
pub struct Bind;

/// Everything private.
pub struct Witness {
    /// The holder and the identity leaf.
    pub identity: Identity,
}

impl Circuit for Bind {
    type Public = BindPublic;
    type Witness = Witness;
    type Refused = Refused;
    const NAME: CircuitName = CircuitName::Bind;
    const BUDGET: usize = 1 << 14;

    fn relation(public: &BindPublic, witness: &Witness) -> Result<(), Refused> {
        relation::check(public, witness)
    }

    fn synthesise(
        cs: ConstraintSystemRef<Fr>,
        public: &BindPublic,
        witness: &Witness,
    ) -> Result<(), SynthesisError> {
        circuit::synthesise(cs, public, witness)
    }

    fn blank() -> (BindPublic, Witness) {
        let zero = Fr::from(0u64);
        let public = BindPublic {
            identity_root: zero,
            domain: zero,
            issuer_party: zero,
            subject: zero,
            person: zero,
            ctx: zero,
        };
        let identity = Identity::blank();
        (public, Witness { identity })
    }
}

#[cfg(test)]
mod tests;
