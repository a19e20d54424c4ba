//! Single parts of the circuit with hints that a whole witness cannot hold, for the tests.

use super::bit;
use super::calendar::DateVar;
use super::policy::RulesVar;
use super::record::{Hot, RecordVar};
use super::snapshot::{HeaderVar, number, slots_in_use};
use super::table::TableVar;
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear;
use crate::statements::eligibility::{Tier, Witness};
use ark_bn254::Fr;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef, SynthesisError};
use medproof_verifier::statement::EligibilityPublic;

type System = ConstraintSystemRef<Fr>;

fn satisfied<T>(part: impl FnOnce(&System) -> Result<T, SynthesisError>) -> Option<T> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    let out = part(&cs).unwrap();
    cs.is_satisfied().unwrap().then_some(out)
}

/// What a slot's record matches, for certain and possibly, where the slot is said to be in use or not; `None` where
/// the constraints of header, table and record refuse it.
pub(in super::super) fn matches_of<T: Tier>(
    public: &EligibilityPublic,
    witness: &Witness,
    slot: usize,
    used: bool,
) -> Option<[Vec<Fr>; 2]> {
    satisfied(|cs| {
        let new = |x: Fr| linear::witness(cs, || Ok(x));
        let date = DateVar::new(cs, &new(public.date)?)?;
        let rules = RulesVar::new(cs, &witness.rules, &new(public.policy_id)?)?;
        let identity = IdentityVar::new_witness(cs.clone(), &witness.identity)?;
        let registry_root = new(public.registry_root)?;
        let header = HeaderVar::new(cs, witness, &identity, &rules, &registry_root, &date)?;
        let table = TableVar::new(cs, &witness.opening.leaves, T::LEAVES, &rules.table_root)?;
        let used = bit(cs, || used)?;
        let columns = rules.columns()?;
        let record = RecordVar::new(cs, witness, slot, &used, &header, &columns, &table, &date, None)?;
        let values = |bits: &[FpVar<Fr>]| bits.iter().map(GR1CSVar::value).collect::<Result<Vec<_>, _>>();
        Ok([values(&record.definite)?, values(&record.possible)?])
    })
}

/// Whether these slots may be in use under a signed count.
pub(in super::super) fn may_be_in_use(held: &[bool], count: u64) -> bool {
    satisfied(|cs| slots_in_use(cs, held, &linear::witness(cs, || Ok(Fr::from(count)))?)).is_some()
}

/// Whether a field of the header may have this value.
pub(in super::super) fn is_number(value: u32, bits: usize) -> bool {
    satisfied(|cs| number(cs, value, bits)).is_some()
}

/// Whether a field whose numbers are `first` and the `n - 1` after it may have this value.
pub(in super::super) fn has_bit(value: u64, first: u64, n: usize) -> bool {
    satisfied(|cs| {
        let value = linear::witness(cs, || Ok(Fr::from(value)))?;
        Hot::new(cs, &value, first, n, &bit(cs, || true)?)
    })
    .is_some()
}
