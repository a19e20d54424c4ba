//! Public inputs of `claim` (`docs/statements/claim.md`).

use super::{Public, PublicError, take};
use crate::CircuitName;
use ark_bn254::Fr;

/// What a `claim` proof shows: a rendered service is payable under the plan, and how the balance changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimPublic {
    /// Sealed root of the commitment tree.
    pub anchor: Fr,
    /// Root of the identity tree.
    pub identity_root: Fr,
    /// Root of the registry.
    pub registry_root: Fr,
    /// The payer's domain.
    pub domain: Fr,
    /// The compiled policy.
    pub policy_id: Fr,
    /// Day on which the claim was received.
    pub received: Fr,
    /// Nullifier of the claimed event.
    pub nf_claim: Fr,
    /// Nullifier of the benefit note that is consumed.
    pub nf_benefit: Fr,
    /// Commitment of the benefit note that is left.
    pub cm_benefit: Fr,
    /// Commitment that is opened to the insurer.
    pub cm_payable: Fr,
    /// Binding to ledger, circuit, relying party and challenge.
    pub ctx: Fr,
}

impl Public for ClaimPublic {
    const NAMES: &'static [&'static str] = &[
        "anchor",
        "identity_root",
        "registry_root",
        "domain",
        "policy_id",
        "received",
        "nf_claim",
        "nf_benefit",
        "cm_benefit",
        "cm_payable",
        "ctx",
    ];
    const CIRCUITS: &'static [CircuitName] = &[CircuitName::Claim];

    fn to_vec(&self) -> Vec<Fr> {
        vec![
            self.anchor,
            self.identity_root,
            self.registry_root,
            self.domain,
            self.policy_id,
            self.received,
            self.nf_claim,
            self.nf_benefit,
            self.cm_benefit,
            self.cm_payable,
            self.ctx,
        ]
    }

    fn from_slice(inputs: &[Fr]) -> Result<Self, PublicError> {
        let [
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            received,
            nf_claim,
            nf_benefit,
            cm_benefit,
            cm_payable,
            ctx,
        ] = take(inputs)?;
        Ok(Self {
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            received,
            nf_claim,
            nf_benefit,
            cm_benefit,
            cm_payable,
            ctx,
        })
    }
}
