//! A throw-away person who binds a pseudonym.

use crate::statements::bind::Witness;
use ark_bn254::Fr;
use medproof_records::identity::Identity;
use medproof_verifier::Name;
use medproof_verifier::statement::BindPublic;
use rand::{CryptoRng, RngCore};

/// Public inputs and witness of a holder of `identity` who binds the pseudonym for `issuer`.
pub fn assignment(identity: Identity, issuer: &Name, ctx: Fr) -> (BindPublic, Witness) {
    let public = BindPublic {
        identity_root: identity.root(),
        domain: identity.domain,
        issuer_party: issuer.to_fr(),
        subject: identity.sk.subject(issuer.to_fr()),
        person: identity.person,
        ctx,
    };
    (public, Witness { identity })
}

/// [`assignment`] for a fresh person, alone in the identity tree of `domain`.
pub fn example(
    rng: &mut (impl RngCore + CryptoRng),
    domain: &Name,
    issuer: &Name,
    ctx: Fr,
) -> (BindPublic, Witness) {
    let (identity, _) = super::world::identity(rng, domain);
    assignment(identity, issuer, ctx)
}
