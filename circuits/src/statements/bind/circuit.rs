//! The clauses of `bind` as constraints.

use super::Witness;
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::{bind_input, enforce_equal, input};
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::statement::BindPublic;

pub(super) fn synthesise(
    cs: ConstraintSystemRef<Fr>,
    public: &BindPublic,
    witness: &Witness,
) -> Result<(), SynthesisError> {
    // In the order of `BindPublic::NAMES`.
    let identity_root = input(&cs, public.identity_root)?;
    let domain = input(&cs, public.domain)?;
    let issuer_party = input(&cs, public.issuer_party)?;
    let subject = input(&cs, public.subject)?;
    let person = input(&cs, public.person)?;
    let ctx = input(&cs, public.ctx)?;

    // Clauses 1 and 2: pk, id and the leaf are hashes over sk and person, so whoever opens a leaf with
    // another sk or person has found a collision.
    let identity = IdentityVar::new_witness(cs, &witness.identity)?;
    identity.enforce_member(&identity_root, &domain)?;
    // Clause 3: the person that the leaf commits to is the one the issuer has checked.
    enforce_equal(&identity.person, &person)?;
    // Clause 4: the same sk is behind the pseudonym.
    enforce_equal(&identity.subject(&issuer_party)?, &subject)?;
    bind_input(&ctx)
}
