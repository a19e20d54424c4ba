//! Division with rounding half up.

use super::linear::{weighted_sum, witness};
use super::range::enforce_range;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;

/// `numerator / divisor` rounded half up, or `None` for a divisor of 0 or operands above 2^126.
pub fn half_up_native(numerator: u128, divisor: u128) -> Option<u128> {
    if divisor == 0 || numerator >> 126 != 0 || divisor >> 126 != 0 {
        return None;
    }
    Some((2 * numerator + divisor) / (2 * divisor))
}

/// `floor((2n + d) / 2d)`: the quotient rounded half up. The operands must already be known to be below
/// 2^num_bits and 2^div_bits (1 to 120 bits each). A divisor of 0 cannot be satisfied.
///
/// Costs num_bits + 2 div_bits + 3 constraints.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When a width is not in 1..=120 (a fault of the code).
pub fn half_up(
    numerator: &FpVar<Fr>,
    divisor: &FpVar<Fr>,
    num_bits: usize,
    div_bits: usize,
) -> Result<FpVar<Fr>, SynthesisError> {
    assert!(
        (1..=120).contains(&num_bits) && (1..=120).contains(&div_bits),
        "operands of 1 to 120 bits can be divided"
    );
    let q = witness(&numerator.cs().or(divisor.cs()), || {
        let (n, d) = (to_u128(numerator.value()?), to_u128(divisor.value()?));
        Ok(half_up_native(n, d).map(Fr::from).unwrap_or_default())
    })?;
    enforce_half_up(&q, numerator, divisor, num_bits, div_bits)?;
    Ok(q)
}

fn enforce_half_up(
    q: &FpVar<Fr>,
    numerator: &FpVar<Fr>,
    divisor: &FpVar<Fr>,
    num_bits: usize,
    div_bits: usize,
) -> Result<(), SynthesisError> {
    // q <= n < 2^num_bits, so q * 2d + rest < 2^242 + 2^122 < r and nothing wraps: the equation
    // 2n + d = q * 2d + rest holds over the integers. With 0 <= rest < 2d it has one solution; for d = 0 the
    // second range is empty.
    enforce_range(q, num_bits)?;
    let product = q * divisor;
    let two = Fr::from(2u64);
    let rest = weighted_sum([(two, numerator), (Fr::ONE, divisor), (-two, &product)], Fr::ZERO)?;
    enforce_range(&rest, div_bits + 1)?;
    // rest <= 2d - 1
    let slack = weighted_sum([(two, divisor), (-Fr::ONE, &rest)], -Fr::ONE)?;
    enforce_range(&slack, div_bits + 1)
}

/// The low 128 bits; operands in range have no others.
fn to_u128(x: Fr) -> u128 {
    let limbs = x.into_bigint().0;
    u128::from(limbs[0]) | (u128::from(limbs[1]) << 64)
}

#[cfg(test)]
mod tests;
