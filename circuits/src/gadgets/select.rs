//! Equality bits, one-hot selectors and selection.

use super::linear::{enforce_equal, enforce_product, weighted_sum};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::eq::EqGadget;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

/// Whether `x` is 0. Costs 2 constraints.
///
/// # Errors
/// Those of the constraint system.
pub fn is_zero(x: &FpVar<Fr>) -> Result<Boolean<Fr>, SynthesisError> {
    is_equal(x, &FpVar::Constant(Fr::ZERO))
}

/// Whether `a = b`. Costs 2 constraints.
///
/// # Errors
/// Those of the constraint system.
pub fn is_equal(a: &FpVar<Fr>, b: &FpVar<Fr>) -> Result<Boolean<Fr>, SynthesisError> {
    // With n the bit "not equal" and m a hint: (a - b) * m = n and (a - b) * (1 - n) = 0. If a = b, the
    // first forces n = 0; if not, the second forces n = 1. Only m is free, when a = b.
    a.is_eq(b)
}

/// `condition ? yes : no`. Costs 1 constraint.
///
/// # Errors
/// Those of the constraint system.
pub fn choose(condition: &Boolean<Fr>, yes: &FpVar<Fr>, no: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let difference = FpVar::from(condition.clone()) * (yes - no);
    Ok(no + difference)
}

/// Enforces `a = b` where `condition` holds. Costs 1 constraint.
///
/// # Errors
/// Those of the constraint system; [`SynthesisError::Unsatisfiable`] for unequal constants under `true`.
pub fn enforce_equal_if(condition: &Boolean<Fr>, a: &FpVar<Fr>, b: &FpVar<Fr>) -> Result<(), SynthesisError> {
    enforce_product(
        &FpVar::from(condition.clone()),
        &(a - b),
        &FpVar::Constant(Fr::ZERO),
    )
}

/// `n` bits of which exactly one is set: the one whose position `index` tells. Which one it is, is the
/// prover's choice; the caller constrains it. A position of `n` or more sets no bit and satisfies nothing.
/// Costs n + 1 constraints.
///
/// # Errors
/// Those of the constraint system and of `index`.
pub fn one_hot(
    cs: &ConstraintSystemRef<Fr>,
    index: impl FnOnce() -> Result<usize, SynthesisError>,
    n: usize,
) -> Result<Vec<Boolean<Fr>>, SynthesisError> {
    let index = if cs.is_in_setup_mode() { 0 } else { index()? };
    let bits = (0..n)
        .map(|i| Boolean::new_witness(cs.clone(), || Ok(i == index)))
        .collect::<Result<Vec<_>, _>>()?;
    // n bits sum to an integer below r, so a sum of 1 means exactly one.
    enforce_equal(&count(&bits)?, &FpVar::Constant(Fr::ONE))?;
    Ok(bits)
}

/// The number of set bits. Free.
///
/// # Errors
/// Those of the constraint system.
pub fn count(bits: &[Boolean<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    let values: Vec<FpVar<Fr>> = bits.iter().map(|b| FpVar::from(b.clone())).collect();
    weighted_sum(values.iter().map(|v| (Fr::ONE, v)), Fr::ZERO)
}

/// Sum of `values[i]` over the set selectors: with one-hot selectors, the selected value. Costs one
/// constraint a value that is not constant.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When there are not as many values as selectors (a fault of the code).
pub fn dot(selectors: &[Boolean<Fr>], values: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    assert_eq!(selectors.len(), values.len(), "a selector for each value");
    let products: Vec<FpVar<Fr>> = selectors
        .iter()
        .zip(values)
        .map(|(s, v)| FpVar::from(s.clone()) * v)
        .collect();
    weighted_sum(products.iter().map(|p| (Fr::ONE, p)), Fr::ZERO)
}

/// Enforces that `x` is one of 0 and 1. Costs 1 constraint.
///
/// # Errors
/// Those of the constraint system.
pub fn enforce_boolean(x: &FpVar<Fr>) -> Result<(), SynthesisError> {
    enforce_product(x, &(x - Fr::ONE), &FpVar::Constant(Fr::ZERO))
}

/// `x` as a bit; enforces that it is one. Costs 2 constraints.
///
/// # Errors
/// Those of the constraint system.
pub fn to_boolean(x: &FpVar<Fr>) -> Result<Boolean<Fr>, SynthesisError> {
    let bit = Boolean::new_witness(x.cs(), || Ok(x.value()? == Fr::ONE))?;
    enforce_equal(x, &FpVar::from(bit.clone()))?;
    Ok(bit)
}

#[cfg(test)]
mod tests;
