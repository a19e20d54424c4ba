//! The policy's code table: opened leaves, and what they say of a code.

use super::{bit, digits};
use crate::gadgets::linear::{enforce_equal, weighted_sum, witness};
use crate::gadgets::merkle::PathVar;
use crate::gadgets::pack::split;
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::enforce_range;
use crate::gadgets::select::{dot, one_hot};
use crate::statements::eligibility::{Choice, OpenedLeaf};
use ark_bn254::Fr;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::policy::eligibility::MAX_ATOMS;
use medproof_records::table::TableLeaf;
use medproof_verifier::tree::TABLE_DEPTH;
use medproof_verifier::{Path, Tag};

/// Bits of a packed code.
const CODE_BITS: usize = 72;
/// Bits of a mask that atoms use: members, then unmapped codes of total systems.
const MASK_BITS: usize = 2 * MAX_ATOMS;

/// The opened leaves, column by column.
pub(in super::super) struct TableVar {
    lo: Vec<FpVar<Fr>>,
    hi: Vec<FpVar<Fr>>,
    next_lo: Vec<FpVar<Fr>>,
    /// The mask with bit k at place 4^k.
    spread: Vec<FpVar<Fr>>,
}

impl TableVar {
    /// Opens `slots` leaves under `root`, the sentinel first; slots beyond the given leaves open it again. Costs
    /// 3,134 constraints a slot and 2 more.
    pub(in super::super) fn new(
        cs: &ConstraintSystemRef<Fr>,
        leaves: &[OpenedLeaf],
        slots: usize,
        root: &FpVar<Fr>,
    ) -> Result<Self, SynthesisError> {
        let blank = OpenedLeaf {
            leaf: TableLeaf::default(),
            path: Path::zero(),
        };
        let first = leaves.first().unwrap_or(&blank);
        let mut table = Self {
            lo: Vec::new(),
            hi: Vec::new(),
            next_lo: Vec::new(),
            spread: Vec::new(),
        };
        for slot in 0..slots {
            let opened = leaves.get(slot).unwrap_or(first);
            table.open(cs, opened, root)?;
        }
        // The first leaf decides the code 0 of empty slots; no other interval holds 0.
        let zero = FpVar::Constant(Fr::from(0u64));
        for bound in [&table.lo, &table.hi] {
            enforce_equal(bound.first().unwrap_or(&zero), &zero)?;
        }
        Ok(table)
    }

    fn open(
        &mut self,
        cs: &ConstraintSystemRef<Fr>,
        opened: &OpenedLeaf,
        root: &FpVar<Fr>,
    ) -> Result<(), SynthesisError> {
        let leaf = &opened.leaf;
        let lo = witness(cs, || Ok(Fr::from(leaf.lo)))?;
        let hi = witness(cs, || Ok(Fr::from(leaf.hi)))?;
        let next_lo = witness(cs, || Ok(Fr::from(leaf.next_lo)))?;
        let mask = witness(cs, || Ok(Fr::from(leaf.mask)))?;
        let number = witness(cs, || Ok(Fr::from(leaf.number)))?;
        let hash = tagged(Tag::Table, [&lo, &hi, &next_lo, &mask, &number])?;
        // A leaf of the policy's table, or no root: the policy fixes lo <= hi < next_lo, all below 2^72, and
        // the mask below 2^64.
        let path = PathVar::<TABLE_DEPTH>::new_witness(cs.clone(), &opened.path)?;
        enforce_equal(&path.root(&hash)?, root)?;
        let mut widths = [1usize; MASK_BITS + 1];
        widths[MASK_BITS] = 64 - MASK_BITS;
        let bits = split(&mask, &widths)?;
        self.lo.push(lo);
        self.hi.push(hi);
        self.next_lo.push(next_lo);
        self.spread.push(digits(&bits[..MASK_BITS], 4)?);
        Ok(())
    }

    /// What the table says of `code` (below 2^72). Costs 5 constraints a slot and 149 more.
    pub(in super::super) fn lookup(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        code: &FpVar<Fr>,
        choice: Choice,
    ) -> Result<LookupVar, SynthesisError> {
        let chosen = one_hot(cs, || Ok(choice.leaf), self.lo.len())?;
        let inside = bit(cs, || choice.inside)?;
        let lo = dot(&chosen, &self.lo)?;
        let hi = dot(&chosen, &self.hi)?;
        let next_lo = dot(&chosen, &self.next_lo)?;
        let one = Fr::from(1u64);
        // Inside: lo <= code <= hi. In the gap: hi + 1 <= code <= next_lo - 1. One opened leaf decides a code
        // for all value sets at once; a code can lie in one interval or gap of the sorted table only, so
        // the prover has no choice.
        let least = &inside * weighted_sum([(one, &lo), (-one, &hi)], -one)? + &hi + one;
        let most = &inside * weighted_sum([(one, &hi), (-one, &next_lo)], one)? + &next_lo - one;
        // All numbers are below 2^72 + 1, so a negative difference is far above 2^72 modulo r.
        enforce_range(&(code - least), CODE_BITS)?;
        enforce_range(&(most - code), CODE_BITS)?;
        // A code in a gap is in no value set.
        let spread = dot(&chosen, &self.spread)? * inside;
        Ok(LookupVar { spread })
    }
}

/// What the table says of one code: its mask with bit k at place 4^k, 0 in a gap.
pub(in super::super) struct LookupVar {
    spread: FpVar<Fr>,
}

impl LookupVar {
    /// Bit by bit the union of two masks. Costs 64 constraints.
    pub(in super::super) fn union(&self, other: &Self) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
        // Each digit of the sum is 0, 1 or 2; of its two bits at most one is set, so that their sum is the
        // union's bit.
        let bits = split(&(&self.spread + &other.spread), &[1; 2 * MASK_BITS])?;
        bits.chunks(2).map(super::sum).collect()
    }
}
