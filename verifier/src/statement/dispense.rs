//! Public inputs of `dispense` (`docs/statements/dispense.md`).

use super::{Public, PublicError, take};
use crate::CircuitName;
use ark_bn254::Fr;

/// What a `dispense` proof shows: this fill keeps every limit of the policy over the complete history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispensePublic {
    /// Sealed root of the commitment tree.
    pub anchor: Fr,
    /// Root of the identity tree.
    pub identity_root: Fr,
    /// Root of the registry.
    pub registry_root: Fr,
    /// The dispensing domain.
    pub domain: Fr,
    /// The compiled policy.
    pub policy_id: Fr,
    /// Day of the fill.
    pub date: Fr,
    /// Nullifier of the account note that is spent.
    pub nf_note: Fr,
    /// Commitment of the account note with the new entry.
    pub cm_note: Fr,
    /// Commitment of the account note that a VOID brings to life.
    pub cm_undo: Fr,
    /// Nullifier of this prescription fill.
    pub nf_fill: Fr,
    /// Commitment that is opened to the pharmacy.
    pub cm_dispense: Fr,
    /// Binding to ledger, circuit, relying party and challenge.
    pub ctx: Fr,
}

impl Public for DispensePublic {
    const NAMES: &'static [&'static str] = &[
        "anchor",
        "identity_root",
        "registry_root",
        "domain",
        "policy_id",
        "date",
        "nf_note",
        "cm_note",
        "cm_undo",
        "nf_fill",
        "cm_dispense",
        "ctx",
    ];
    const CIRCUITS: &'static [CircuitName] = &[CircuitName::Dispense];

    fn to_vec(&self) -> Vec<Fr> {
        vec![
            self.anchor,
            self.identity_root,
            self.registry_root,
            self.domain,
            self.policy_id,
            self.date,
            self.nf_note,
            self.cm_note,
            self.cm_undo,
            self.nf_fill,
            self.cm_dispense,
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
            date,
            nf_note,
            cm_note,
            cm_undo,
            nf_fill,
            cm_dispense,
            ctx,
        ] = take(inputs)?;
        Ok(Self {
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            date,
            nf_note,
            cm_note,
            cm_undo,
            nf_fill,
            cm_dispense,
            ctx,
        })
    }
}
