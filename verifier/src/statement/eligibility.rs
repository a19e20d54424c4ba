//! Public inputs of `eligibility` (`docs/statements/eligibility.md`).

use super::{Public, PublicError, take};
use crate::CircuitName;
use ark_bn254::Fr;

/// What an `eligibility` proof shows: a signed, complete snapshot meets the policy's criteria.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EligibilityPublic {
    /// Root of the identity tree.
    pub identity_root: Fr,
    /// Root of the registry.
    pub registry_root: Fr,
    /// The compiled policy.
    pub policy_id: Fr,
    /// Day on which the criteria are judged.
    pub date: Fr,
    /// Nullifier of this person in the trial's scope.
    pub nf_trial: Fr,
    /// Binding to ledger, circuit, relying party and challenge.
    pub ctx: Fr,
}

impl Public for EligibilityPublic {
    const NAMES: &'static [&'static str] = &[
        "identity_root",
        "registry_root",
        "policy_id",
        "date",
        "nf_trial",
        "ctx",
    ];
    const CIRCUITS: &'static [CircuitName] = &[CircuitName::Eligibility, CircuitName::EligibilityLarge];

    fn to_vec(&self) -> Vec<Fr> {
        vec![
            self.identity_root,
            self.registry_root,
            self.policy_id,
            self.date,
            self.nf_trial,
            self.ctx,
        ]
    }

    fn from_slice(inputs: &[Fr]) -> Result<Self, PublicError> {
        let [identity_root, registry_root, policy_id, date, nf_trial, ctx] = take(inputs)?;
        Ok(Self {
            identity_root,
            registry_root,
            policy_id,
            date,
            nf_trial,
            ctx,
        })
    }
}
