//! Packed words (`docs/format.md`, section 1): the first field in the lowest bits.
//!
//! The native twins are [`medproof_verifier::field::pack`] and `unpack`.

use super::linear::{weighted_sum, witness};
use super::range::{MAX_BITS, enforce_range};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;

/// Splits `word` into fields of the given widths in bits, each range-checked; enforces that nothing is left
/// above them. Costs as many constraints as the widths add up to.
///
/// # Errors
/// Those of the constraint system; [`SynthesisError::Unsatisfiable`] for a constant that does not fit.
///
/// # Panics
/// When the widths add up to more than 253, or one is 0 (a fault of the code).
pub fn split(word: &FpVar<Fr>, widths: &[usize]) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    assert!(
        widths.iter().sum::<usize>() <= MAX_BITS && !widths.contains(&0),
        "widths of a word"
    );
    let Some((last, lower)) = widths.split_last() else {
        // A word without fields is 0.
        return enforce_range(word, 0).map(|()| Vec::new());
    };
    let mut fields = Vec::with_capacity(widths.len());
    let mut terms = Vec::with_capacity(widths.len());
    let mut offset = 0;
    for width in lower {
        let hint = || field_of(word.value()?, offset, *width);
        let field = match word {
            FpVar::Constant(_) => FpVar::Constant(hint()?),
            FpVar::Var(v) => witness(&v.cs, hint)?,
        };
        enforce_range(&field, *width)?;
        terms.push(-Fr::from(2u64).pow([offset as u64]));
        fields.push(field);
        offset += width;
    }
    // The last field is what the others leave, divided by its place. All fields being in range, their packed
    // sum is an integer below 2^253 < r that equals the word: there is one such split.
    let one = (Fr::ONE, word);
    let rest = weighted_sum(
        std::iter::once(one).chain(terms.into_iter().zip(&fields)),
        Fr::ZERO,
    )?;
    // A power of two is not 0 modulo r.
    let place = Fr::from(2u64).pow([offset as u64]).inverse().unwrap_or_default();
    let top = weighted_sum([(place, &rest)], Fr::ZERO)?;
    enforce_range(&top, *last)?;
    fields.push(top);
    Ok(fields)
}

fn field_of(word: Fr, offset: usize, width: usize) -> Result<Fr, SynthesisError> {
    let bits = word.into_bigint();
    Ok((0..width).rev().fold(Fr::ZERO, |sum, i| {
        sum.double() + Fr::from(u64::from(bits.get_bit(offset + i)))
    }))
}

/// Packs fields that are already known to fit their widths in bits. Free.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When the widths add up to more than 253 (a fault of the code).
pub fn join(fields: &[(&FpVar<Fr>, usize)]) -> Result<FpVar<Fr>, SynthesisError> {
    let mut offset = 0;
    let mut terms = Vec::with_capacity(fields.len());
    for (field, width) in fields {
        terms.push((Fr::from(2u64).pow([offset as u64]), *field));
        offset += width;
    }
    assert!(offset <= MAX_BITS, "a word has at most 253 bits");
    weighted_sum(terms, Fr::ZERO)
}

#[cfg(test)]
mod tests;
