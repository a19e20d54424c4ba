//! `eligibility`: a signed, complete snapshot meets a trial's criteria (`docs/statements/eligibility.md`).

mod circuit;
mod claim;
mod opening;
mod relation;
#[cfg(test)]
mod tests;

pub use claim::AtomClaim;
pub use opening::{Choice, OpenedLeaf, Opening, OpeningRefused};
pub use relation::Refused;

use crate::gadgets::registry::AcceptedKey;
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::identity::Identity;
use medproof_records::policy::eligibility::{CompiledPolicy, MAX_ATOMS, MAX_CLAUSES, Rules};
use medproof_records::snapshot::{CLINICAL_SUMMARY, Snapshot, SnapshotHeader};
use medproof_records::table::TableLeaf;
use medproof_verifier::eddsa::Signature;
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{CircuitName, Day};
use std::marker::PhantomData;
use zeroize::Zeroize;

/// How much a circuit can take.
pub trait Tier: Send + Sync + 'static {
    /// Most records of a snapshot.
    const RECORDS: usize;
    /// Most distinct leaves of the code table that the records' codes need, the sentinel included.
    const LEAVES: usize;
    /// The circuit's name.
    const NAME: CircuitName;
    /// The most constraints.
    const BUDGET: usize;
}

/// 64 records, 24 leaves.
#[derive(Debug, Clone, Copy)]
pub struct Standard;
/// 128 records, 48 leaves; its key is made on demand.
#[derive(Debug, Clone, Copy)]
pub struct Large;

impl Tier for Standard {
    const RECORDS: usize = 64;
    const LEAVES: usize = 24;
    const NAME: CircuitName = CircuitName::Eligibility;
    const BUDGET: usize = 1 << 18;
}

impl Tier for Large {
    const RECORDS: usize = 128;
    const LEAVES: usize = 48;
    const NAME: CircuitName = CircuitName::EligibilityLarge;
    const BUDGET: usize = 1 << 19;
}

/// The statement in one tier.
#[derive(Debug, Clone, Copy)]
pub struct Eligibility<T: Tier>(PhantomData<T>);

/// Everything private. Secrets and records overwrite themselves on drop.
pub struct Witness {
    /// Who holds the identity.
    pub identity: Identity,
    /// The compiled rules.
    pub rules: Rules,
    /// The signed records.
    pub snapshot: Snapshot,
    /// The issuer's key.
    pub issuer: AcceptedKey,
    /// Leaves of the code table that decide the records' codes.
    pub opening: Opening,
    /// What the prover claims of each of the 16 atoms.
    pub claims: Vec<AtomClaim>,
}

impl Witness {
    /// The witness of a prover who claims of each atom exactly what is known.
    pub fn new(
        identity: Identity,
        policy: &CompiledPolicy,
        snapshot: Snapshot,
        issuer: AcceptedKey,
        date: Day,
    ) -> Self {
        let opening = Opening::new(policy.table(), &snapshot.records);
        let mut witness = Self {
            identity,
            rules: policy.rules().clone(),
            snapshot,
            issuer,
            opening,
            claims: Vec::new(),
        };
        witness.claim_what_is_known(date);
        witness
    }

    /// Claims anew, after a change of anything else.
    pub fn claim_what_is_known(&mut self, date: Day) {
        let facts = self.opening.facts(&self.snapshot.records);
        let atoms = self.rules.atoms.iter().enumerate().map(Some);
        let slots = atoms.chain(std::iter::repeat(None)).take(MAX_ATOMS);
        self.claims = slots
            .map(|slot| match slot {
                Some((index, atom)) => AtomClaim::honest(atom, index, &facts, date),
                None => AtomClaim::none(),
            })
            .collect();
    }

    /// Whether every part of this witness has a place in a tier's circuit. Relation and circuit take no other, since
    /// one of them could read what the other leaves out.
    pub fn fits<T: Tier>(&self) -> bool {
        let Opening { leaves, choices } = &self.opening;
        let opened = choices.iter().flatten().all(|c| c.leaf < leaves.len());
        let standing = self.claims.iter().all(|c| c.standing.len() <= T::RECORDS);
        let records = self.snapshot.records.len() <= T::RECORDS && choices.len() <= T::RECORDS;
        let rules = self.rules.atoms.len() <= MAX_ATOMS && self.rules.clauses.len() <= MAX_CLAUSES;
        let claims = self.claims.len() == MAX_ATOMS && standing;
        records && leaves.len() <= T::LEAVES && opened && rules && claims
    }
}

impl Drop for Witness {
    /// Claims and choices tell what the records say; identity and snapshot overwrite themselves.
    fn drop(&mut self) {
        for claim in &mut self.claims {
            claim.day.zeroize();
            claim.value.zeroize();
            claim.standing.zeroize();
        }
        for opened in &mut self.opening.leaves {
            opened.leaf = TableLeaf::default();
            std::hint::black_box(&opened.leaf);
        }
    }
}

impl<T: Tier> Circuit for Eligibility<T> {
    type Public = EligibilityPublic;
    type Witness = Witness;
    type Refused = Refused;
    const NAME: CircuitName = T::NAME;
    const BUDGET: usize = T::BUDGET;

    fn relation(public: &EligibilityPublic, witness: &Witness) -> Result<(), Refused> {
        relation::check::<T>(public, witness)
    }

    fn synthesise(
        cs: ConstraintSystemRef<Fr>,
        public: &EligibilityPublic,
        witness: &Witness,
    ) -> Result<(), SynthesisError> {
        circuit::synthesise::<T>(cs, public, witness)
    }

    fn blank() -> (EligibilityPublic, Witness) {
        let zero = Fr::from(0u64);
        let public = EligibilityPublic {
            identity_root: zero,
            registry_root: zero,
            policy_id: zero,
            date: zero,
            nf_trial: zero,
            ctx: zero,
        };
        let header = SnapshotHeader {
            subject: zero,
            // A constant name within the alphabet.
            scope: CLINICAL_SUMMARY.parse().expect("a valid name"),
            categories: 0,
            from: Day(0),
            to: Day(0),
            as_of: Day(0),
            count: 0,
            seq: 0,
            root: zero,
        };
        let witness = Witness {
            identity: Identity::blank(),
            rules: Rules::blank(),
            snapshot: Snapshot {
                header,
                records: Vec::new(),
                signature: Signature {
                    r8x: zero,
                    r8y: zero,
                    s: zero,
                },
            },
            issuer: AcceptedKey::blank(),
            opening: Opening::default(),
            claims: vec![AtomClaim::none(); MAX_ATOMS],
        };
        (public, witness)
    }
}
