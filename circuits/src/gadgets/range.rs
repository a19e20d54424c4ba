//! Bits, ranges and comparisons of field elements.

use super::linear::{enforce_equal, enforce_product, lc, weighted_sum, witness};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

/// Widest decomposition that cannot wrap: 2^253 < r.
pub const MAX_BITS: usize = 253;
/// Widest operands of a comparison.
pub const MAX_COMPARED_BITS: usize = 128;

/// The value of bits, lowest first. Free.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When there are more than 253 bits (a fault of the code).
pub fn from_bits(bits: &[Boolean<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    assert!(bits.len() <= MAX_BITS, "2^{} exceeds the modulus", bits.len());
    let values: Vec<FpVar<Fr>> = bits.iter().map(|b| FpVar::from(b.clone())).collect();
    weighted_sum(powers_of_two().zip(&values), Fr::ZERO)
}

/// 1, 2, 4, ..
pub(crate) fn powers_of_two() -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(Fr::ONE), |p| Some(p.double()))
}

/// The `n` bits of `x`, lowest first; enforces `x < 2^n`. The decomposition is the only one, since
/// n <= 253. Costs n + 1 constraints.
///
/// # Errors
/// Those of the constraint system; [`SynthesisError::Unsatisfiable`] for a constant out of range.
///
/// # Panics
/// When `n > 253` (a fault of the code).
pub fn bits(x: &FpVar<Fr>, n: usize) -> Result<Vec<Boolean<Fr>>, SynthesisError> {
    assert!(n <= MAX_BITS, "2^{n} exceeds the modulus");
    if let FpVar::Constant(c) = x {
        let value = c.into_bigint();
        if value.num_bits() as usize > n {
            return Err(SynthesisError::Unsatisfiable);
        }
        return Ok((0..n).map(|i| Boolean::constant(value.get_bit(i))).collect());
    }
    let bits = (0..n)
        .map(|i| Boolean::new_witness(x.cs(), || Ok(x.value()?.into_bigint().get_bit(i))))
        .collect::<Result<Vec<_>, _>>()?;
    // The sum of n <= 253 bits is an integer below r, so it equals x as a number and not only modulo r:
    // the bits of x + r do not fit.
    enforce_equal(&from_bits(&bits)?, x)?;
    Ok(bits)
}

/// Enforces `x < 2^n`. Costs n constraints (n = 0: one).
///
/// # Errors
/// Those of the constraint system; [`SynthesisError::Unsatisfiable`] for a constant out of range.
///
/// # Panics
/// When `n > 253` (a fault of the code).
pub fn enforce_range(x: &FpVar<Fr>, n: usize) -> Result<(), SynthesisError> {
    if n == 0 || matches!(x, FpVar::Constant(_)) {
        return bits(x, n).map(|_| ());
    }
    bit_values(x, n).map(|_| ())
}

/// The `n >= 1` bits of a variable `x` as values, lowest first; enforces `x < 2^n`. Costs n constraints.
pub(crate) fn bit_values(x: &FpVar<Fr>, n: usize) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    assert!((1..=MAX_BITS).contains(&n), "2^{n} exceeds the modulus");
    let low = (0..n - 1)
        .map(|i| Boolean::new_witness(x.cs(), || Ok(x.value()?.into_bigint().get_bit(i))))
        .collect::<Result<Vec<_>, _>>()?;
    // The top bit needs no variable: it is t = x - sum of the low bits, and t * (t - 2^(n-1)) = 0 leaves it
    // the values 0 and 2^(n-1). So x = low + t is an integer below 2^n <= 2^253 < r: the bits of x + r do
    // not fit.
    let rest = x - from_bits(&low)?;
    let place = Fr::from(2u64).pow([n as u64 - 1]);
    enforce_product(&rest, &(&rest - place), &FpVar::Constant(Fr::ZERO))?;
    // A power of two is not 0 modulo r.
    let top = rest * place.inverse().unwrap_or_default();
    Ok(low.into_iter().map(FpVar::from).chain([top]).collect())
}

fn assert_comparable(n: usize) {
    assert!(
        (1..=MAX_COMPARED_BITS).contains(&n),
        "operands of 1 to 128 bits can be compared"
    );
}

/// Whether `a < b`. Both must already be known to be below 2^n, n <= 128. Costs n + 1 constraints.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When n is not in 1..=128 (a fault of the code).
pub fn less_than(a: &FpVar<Fr>, b: &FpVar<Fr>, n: usize) -> Result<Boolean<Fr>, SynthesisError> {
    assert_comparable(n);
    if let (FpVar::Constant(a), FpVar::Constant(b)) = (a, b) {
        return Ok(Boolean::constant(a < b));
    }
    let less = Boolean::new_witness(a.cs().or(b.cs()), || Ok(a.value()? < b.value()?))?;
    // d = a - b lies in (-2^n, 2^n). If less = 0, d must be in [0, 2^n), so a >= b; if less = 1, d + 2^n must
    // be, so d < 0. Nothing wraps since 2^(n+1) <= 2^129 < r.
    let shift = Fr::from(2u64).pow([n as u64]);
    let less_value = FpVar::from(less.clone());
    let shifted = weighted_sum([(Fr::ONE, a), (-Fr::ONE, b), (shift, &less_value)], Fr::ZERO)?;
    enforce_range(&shifted, n)?;
    Ok(less)
}

/// Whether `a <= b`. Both must already be known to be below 2^n, n <= 128. Costs n + 1 constraints.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When n is not in 1..=128 (a fault of the code).
pub fn less_or_equal(a: &FpVar<Fr>, b: &FpVar<Fr>, n: usize) -> Result<Boolean<Fr>, SynthesisError> {
    Ok(!less_than(b, a, n)?)
}

/// Enforces `a <= b`. Both must already be known to be below 2^n, n <= 128. Costs n constraints.
///
/// # Errors
/// Those of the constraint system; [`SynthesisError::Unsatisfiable`] for constants out of order.
///
/// # Panics
/// When n is not in 1..=128 (a fault of the code).
pub fn enforce_less_or_equal(a: &FpVar<Fr>, b: &FpVar<Fr>, n: usize) -> Result<(), SynthesisError> {
    assert_comparable(n);
    // b - a lies in (-2^n, 2^n); modulo r it is below 2^n exactly when it is not negative.
    enforce_range(&(b - a), n)
}

/// Enforces that the number whose bits are `bits / scale`, highest first, is at most `bound`, given that
/// every element of `bits` is 0 or `scale` and that `scale` is not 0.
///
/// Costs one constraint for each maximal run of equal bits of `bound` but the last if it is of ones. One
/// hint is free wherever a run of ones is matched.
///
/// # Errors
/// Those of the constraint system.
pub(crate) fn enforce_at_most(
    cs: &ConstraintSystemRef<Fr>,
    bits: &[FpVar<Fr>],
    scale: &FpVar<Fr>,
    bound: &[bool],
) -> Result<(), SynthesisError> {
    debug_assert_eq!(bits.len(), bound.len());
    // `equal` stays 1 as long as every one of the bound was matched by a one; after the first that was
    // not, the prover may set it to 0 and is then free, since the number is below the bound.
    let mut equal = FpVar::Constant(Fr::ONE);
    let mut at = 0;
    while at < bits.len() {
        let run = bound[at..].iter().take_while(|b| **b == bound[at]).count();
        let sum = weighted_sum(bits[at..at + run].iter().map(|b| (Fr::ONE, b)), Fr::ZERO)?;
        let end = at + run;
        if !bound[at] {
            // While equal is not 0, no bit may be set where the bound has zeros. The sum is at most
            // 254 * scale and so 0 only if every bit is.
            enforce_product(&equal, &sum, &FpVar::Constant(Fr::ZERO))?;
        } else if end < bits.len() {
            // missing = scale * (number of zeros in the run); equal - next = missing * hint. If none is
            // missing, next = equal; if some are, the hint makes next any value, 0 included. A prover
            // whose number exceeds the bound has missing = 0 in every run before the first difference
            // and cannot escape the product above.
            let missing = weighted_sum([(Fr::from(run as u64), scale), (-Fr::ONE, &sum)], Fr::ZERO)?;
            let next = witness(cs, || {
                Ok(if missing.value()? == Fr::ZERO {
                    equal.value()?
                } else {
                    Fr::ZERO
                })
            })?;
            let hint = witness(cs, || {
                Ok(missing.value()?.inverse().unwrap_or_default() * (equal.value()? - next.value()?))
            })?;
            cs.enforce_r1cs_constraint(|| lc(&missing), || lc(&hint), || lc(&equal) - &lc(&next))?;
            equal = next;
        }
        at = end;
    }
    Ok(())
}

/// The bits of `bound`, `n` of them, highest first.
pub(crate) fn bound_bits(bound: impl BigInteger, n: usize) -> Vec<bool> {
    (0..n).rev().map(|i| bound.get_bit(i)).collect()
}

#[cfg(test)]
mod tests;
