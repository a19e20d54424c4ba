//! The holder behind an identity leaf; twin of [`medproof_records::identity`].

use super::linear::{enforce_equal, witness};
use super::merkle::PathVar;
use super::poseidon::tagged;
use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::identity::Identity;
use medproof_verifier::Tag;
use medproof_verifier::tree::IDENTITY_DEPTH;

/// A private identity: secret, person and leaf.
pub struct IdentityVar {
    /// The holder's secret.
    pub sk: FpVar<Fr>,
    /// Owner key `H(OWNER; sk)`.
    pub pk: FpVar<Fr>,
    /// The person's salted digest.
    pub person: FpVar<Fr>,
    /// The enrolment authority's secret for the person.
    pub ts: FpVar<Fr>,
    /// `H(ID; pk, person, ts, 0, 0)`.
    pub id: FpVar<Fr>,
    /// Domain of the leaf.
    pub domain: FpVar<Fr>,
    /// The leaf, `H(IDENT; domain, id)`.
    pub owner: FpVar<Fr>,
    path: PathVar<IDENTITY_DEPTH>,
}

impl IdentityVar {
    /// Allocates an identity and derives its hashes. Costs 32 constraints for the path's positions and
    /// 840 for the three hashes.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn new_witness(cs: ConstraintSystemRef<Fr>, identity: &Identity) -> Result<Self, SynthesisError> {
        let sk = witness(&cs, || Ok(identity.sk.expose()))?;
        let person = witness(&cs, || Ok(identity.person))?;
        let ts = witness(&cs, || Ok(identity.ts.expose()))?;
        let domain = witness(&cs, || Ok(identity.domain))?;
        let zero = FpVar::Constant(Fr::ZERO);
        let pk = tagged(Tag::Owner, [&sk])?;
        let id = tagged(Tag::Id, [&pk, &person, &ts, &zero, &zero])?;
        let owner = tagged(Tag::Ident, [&domain, &id])?;
        Ok(Self {
            sk,
            pk,
            person,
            ts,
            id,
            domain,
            owner,
            path: PathVar::new_witness(cs, &identity.path)?,
        })
    }

    /// Enforces that the leaf belongs to `domain` and stands under `identity_root`. Costs 4,802
    /// constraints.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn enforce_member(
        &self,
        identity_root: &FpVar<Fr>,
        domain: &FpVar<Fr>,
    ) -> Result<(), SynthesisError> {
        // The leaf is a hash over the domain, and empty leaves are 0, for which no preimage is known.
        enforce_equal(&self.domain, domain)?;
        enforce_equal(&self.path.root(&self.owner)?, identity_root)
    }

    /// Nullifier key `H(NK; sk)`. Costs 237 constraints at each call.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn nk(&self) -> Result<FpVar<Fr>, SynthesisError> {
        tagged(Tag::Nk, [&self.sk])
    }

    /// Pseudonym `H(SUBJECT; sk, issuer party)`. Costs 258 constraints.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn subject(&self, issuer_party: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
        tagged(Tag::Subject, [&self.sk, issuer_party])
    }
}

#[cfg(test)]
mod tests;
