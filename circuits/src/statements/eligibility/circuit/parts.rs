//! Single parts of the circuit with hints that a whole witness cannot hold, for the tests.

use super::bit;
use super::record::{Hot, fourfold};
use super::snapshot::slots_in_use;
use crate::gadgets::linear;
use ark_bn254::Fr;
use ark_r1cs_std::GR1CSVar;
use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef, SynthesisError};

type System = ConstraintSystemRef<Fr>;

fn satisfied<T>(part: impl FnOnce(&System) -> Result<T, SynthesisError>) -> Option<T> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    let out = part(&cs).unwrap();
    cs.is_satisfied().unwrap().then_some(out)
}

/// Whether these slots may be in use under a signed count.
pub(in super::super) fn may_be_in_use(held: &[bool], count: u64) -> bool {
    satisfied(|cs| slots_in_use(cs, held, &linear::witness(cs, || Ok(Fr::from(count)))?)).is_some()
}

/// Whether a field whose numbers are `first` and the `n - 1` after it may have this value.
pub(in super::super) fn has_bit(value: u64, first: u64, n: usize) -> bool {
    satisfied(|cs| {
        let value = linear::witness(cs, || Ok(Fr::from(value)))?;
        Hot::new(cs, &value, first, n, &bit(cs, || true)?)
    })
    .is_some()
}

/// Which of these digits of a sum of four masks count as 4.
pub(in super::super) fn fourfold_of(digits: &[u64]) -> Vec<Fr> {
    let bits = satisfied(|cs| {
        let new = |n: &u64| linear::witness(cs, || Ok(Fr::from(*n)));
        let digits = digits.iter().map(new).collect::<Result<Vec<_>, _>>()?;
        let bits = fourfold(&super::digits(&digits, 8)?)?;
        bits.iter().map(GR1CSVar::value).collect::<Result<Vec<_>, _>>()
    });
    bits.unwrap()
}
