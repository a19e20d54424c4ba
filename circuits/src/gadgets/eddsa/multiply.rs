//! The two multiplications of a verification.

use super::curve::{EdwardsVar, MontgomeryVar};
use crate::gadgets::linear::{enforce_product, quotient, weighted_sum, witness};
use crate::gadgets::range::{bound_bits, enforce_at_most, powers_of_two};
use ark_bn254::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInteger, BigInteger256, Field, One, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::curve::{Point, ProjectivePoint, Scalar};
use std::sync::OnceLock;

/// Multiple of l that is added to h, so that the sum has its top bit at 2^254 for every h < r.
const SHIFT_BY_ORDER: u64 = 12;
/// Bits of the shifted scalar below its constant top bit.
const LOW_BITS: usize = 254;
/// Additions that may use the incomplete law.
const INCOMPLETE_STEPS: usize = 248;

/// `12 l`.
fn shift() -> BigInteger256 {
    let mut sum = BigInteger256::default();
    for _ in 0..SHIFT_BY_ORDER {
        sum.add_with_carry(&Scalar::MODULUS);
    }
    sum
}

/// `12 l` without its top bit.
fn low_shift() -> BigInteger256 {
    let mut low = shift();
    low.sub_with_borrow(&(BigInteger256::one() << LOW_BITS as u32));
    low
}

/// `h * t` for any h and a point t of prime order, h taken as the integer in [0, r).
///
/// The scalar is k = h + 12 l in [2^254, 2^255), which gives the same multiple. With k made odd (k | 1) it
/// is a sum of signed powers of two whose signs are the bits of k one place up: 253 steps
/// `acc <- 2 acc + sign * t` from acc = 3t, and t is subtracted at the end if k was even.
///
/// Why the incomplete law is sound: before a step acc = m t with an odd integer m >= 3, as k starts with a
/// one. A step of [`MontgomeryVar::double_and_add`] meets equal u only if m = 1 or -1 or
/// 2m + sign = 0 modulo l, which needs 2m + 1 >= l > 2^250. In the first 248 steps m < 2^249; the five
/// steps after them use the complete law.
pub(super) fn variable_base(h: &FpVar<Fr>, t: &EdwardsVar) -> Result<EdwardsVar, SynthesisError> {
    let cs = h.cs().or(t.x.cs());
    // t has prime order: on the curve, x != 0, v != 0.
    let mont = t.to_montgomery()?;
    let scalar = || {
        let mut k = h.value()?.into_bigint();
        k.add_with_carry(&shift());
        Ok(k)
    };
    let signed = signed_bits(&cs, h, &mont.v, scalar)?;
    let signed_t = |i: usize| MontgomeryVar {
        u: mont.u.clone(),
        v: signed[i].clone(),
    };
    let mut acc = t.double()?.add(t)?.to_montgomery()?;
    for i in (LOW_BITS - INCOMPLETE_STEPS..LOW_BITS).rev() {
        acc = acc.double_and_add(&signed_t(i))?;
    }
    let mut acc = acc.to_edwards()?;
    for i in (1..LOW_BITS - INCOMPLETE_STEPS).rev() {
        // x = u / v, and v = +-v_t is not 0: the sign carries over.
        let x = quotient(&mont.u, &signed[i])?;
        let y = t.y.clone();
        acc = acc.double()?.add(&EdwardsVar { x, y })?;
    }
    // even = (v_t - signed_0) / 2 v_t is 1 where bit 0 of k is 0, else 0.
    let even = quotient(&(&mont.v - &signed[0]), &(&mont.v * Fr::from(2u64)))?;
    let one = FpVar::Constant(Fr::one());
    let surplus = EdwardsVar {
        x: &even * &t.x * -Fr::ONE,
        y: &one - &even * (&one - &t.y),
    };
    acc.add(&surplus)
}

/// Bits k_0 .. k_253 of k = h + 12 l as `(2 k_i - 1) * v`, given v != 0; `scalar` hints k. Costs 254
/// constraints for the bits, 2 for their sum, 256 for the bounds.
fn signed_bits(
    cs: &ConstraintSystemRef<Fr>,
    h: &FpVar<Fr>,
    v: &FpVar<Fr>,
    scalar: impl Fn() -> Result<BigInteger256, SynthesisError>,
) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    let vv = v * v;
    let signed = (0..LOW_BITS)
        .map(|i| {
            let w = witness(cs, || {
                let v = v.value()?;
                Ok(if scalar()?.get_bit(i) { v } else { -v })
            })?;
            // w = v or w = -v, two values since v != 0: this is the bit's booleanity.
            enforce_product(&w, &w, &vv)?;
            Ok(w)
        })
        .collect::<Result<Vec<_>, SynthesisError>>()?;
    // 2v * k_i = v + w_i, so the sum of the k_i 2^i is h + 12 l - 2^254 modulo r.
    let doubled = v * Fr::from(2u64);
    let mut terms: Vec<_> = powers_of_two().zip(&signed).collect();
    let all_ones = powers_of_two().take(LOW_BITS).sum::<Fr>();
    terms.push((all_ones, v));
    let sum = weighted_sum(terms, Fr::ZERO)?;
    // 12 l - 2^254 is below r, so the conversion is exact.
    let low_shift_value = Fr::from(low_shift());
    enforce_product(&doubled, &(h + low_shift_value), &sum)?;
    // k must be the one integer in [12 l, 12 l + r) of its class modulo r: k - r and k + r give other
    // multiples of t, since r is not 0 modulo l.
    let mut upper = low_shift();
    upper.add_with_carry(&Fr::MODULUS);
    upper.sub_with_borrow(&BigInteger256::one());
    let set: Vec<_> = signed.iter().rev().map(|w| v + w).collect();
    enforce_at_most(cs, &set, &doubled, &bound_bits(upper, LOW_BITS))?;
    // k >= 12 l exactly if the complement of its bits is at most the complement of the bound's.
    let clear: Vec<_> = signed.iter().rev().map(|w| v - w).collect();
    let lower: Vec<bool> = bound_bits(low_shift(), LOW_BITS).iter().map(|b| !b).collect();
    enforce_at_most(cs, &clear, &doubled, &lower)?;
    Ok(signed)
}

/// Windows of three bits that the incomplete law may add.
const WINDOWS: usize = 83;

/// Constants of the fixed-base multiplication.
struct Tables {
    /// For window j and digit d: `(2d - 7) * 8^j * Base8 / 2` in Montgomery coordinates.
    windows: Vec<[(Fr, Fr); 8]>,
    /// For the last two bits, digit d: `(8^83 d + (8^83 - 1) / 2) * Base8` in Edwards coordinates.
    last: [(Fr, Fr); 4],
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let half = Scalar::from(2u64).inverse().unwrap_or_default();
        let mut base: ProjectivePoint = Point::generator().mul_bigint(half.into_bigint());
        let mut odd = Vec::with_capacity(4 * WINDOWS);
        for _ in 0..WINDOWS {
            let two = base.double();
            let three = base + two;
            let five = three + two;
            let seven = five + two;
            odd.extend([base, three, five, seven]);
            base += seven;
        }
        let odd = ProjectivePoint::normalize_batch(&odd);
        let windows = odd
            .chunks(4)
            .map(|points| {
                std::array::from_fn(|d| {
                    // 2d - 7 for d = 0..8 is -7, -5, -3, -1, 1, 3, 5, 7.
                    let (point, negative) = if d < 4 {
                        (&points[3 - d], true)
                    } else {
                        (&points[d - 4], false)
                    };
                    let (u, v) = montgomery(point);
                    (u, if negative { -v } else { v })
                })
            })
            .collect();
        let power = Scalar::from(8u64).pow([WINDOWS as u64]);
        let last = std::array::from_fn(|d| {
            let factor = Scalar::from(d as u64) * power + (power - Scalar::one()) * half;
            let point = Point::generator().mul_bigint(factor.into_bigint()).into_affine();
            (point.x, point.y)
        });
        Tables { windows, last }
    })
}

/// Montgomery coordinates of a point of prime order (x != 0, y != 1).
fn montgomery(point: &Point) -> (Fr, Fr) {
    let u = (Fr::one() + point.y) * (Fr::one() - point.y).inverse().unwrap_or_default();
    (u, u * point.x.inverse().unwrap_or_default())
}

/// `s * Base8` for the bits of s, lowest first (251 of them).
///
/// Each window of three bits contributes the odd multiple 2d - 7 of `8^j * Base8 / 2`; together they are
/// off by a constant that the table of the last two bits makes good.
///
/// Why the incomplete law is sound: before window j the sum is m * Base8 / 2 with odd |m| < 8^j, and the
/// window adds an odd multiple n with 8^j <= |n| <= 7 * 8^j. Equal u would need m = n or m = -n modulo l, but
/// m - n and m + n are not 0 and below 8^(j+1) <= 2^249 < l. Nor is a sum the identity, by the same bound. The last
/// addition is complete.
pub(super) fn fixed_base(bits: &[FpVar<Fr>]) -> Result<EdwardsVar, SynthesisError> {
    let tables = tables();
    let (low, last) = bits.split_at(3 * WINDOWS);
    let mut acc: Option<MontgomeryVar> = None;
    for (digit, table) in low.chunks(3).zip(&tables.windows) {
        let point = lookup_eight(digit, table)?;
        acc = Some(match acc {
            None => point,
            Some(acc) => acc.add(&point)?,
        });
    }
    // There are 83 windows.
    let sum = acc.ok_or(SynthesisError::Unsatisfiable)?.to_edwards()?;
    sum.add(&lookup_four(last, &tables.last)?)
}

/// The table's entry at three bits. Costs 3 constraints.
fn lookup_eight(bits: &[FpVar<Fr>], table: &[(Fr, Fr); 8]) -> Result<MontgomeryVar, SynthesisError> {
    let both = &bits[0] * &bits[1];
    let coordinate = |of: fn(&(Fr, Fr)) -> Fr| {
        let values = table.map(|p| of(&p));
        let low = [values[0], values[1], values[2], values[3]];
        let rise = std::array::from_fn(|i| values[4 + i] - low[i]);
        let low = interpolate(bits, &both, &low)?;
        let rise = interpolate(bits, &both, &rise)?;
        Ok::<_, SynthesisError>(low + rise * &bits[2])
    };
    Ok(MontgomeryVar {
        u: coordinate(|p| p.0)?,
        v: coordinate(|p| p.1)?,
    })
}

/// The table's entry at two bits. Costs 1 constraint.
fn lookup_four(bits: &[FpVar<Fr>], table: &[(Fr, Fr); 4]) -> Result<EdwardsVar, SynthesisError> {
    let both = &bits[0] * &bits[1];
    Ok(EdwardsVar {
        x: interpolate(bits, &both, &table.map(|p| p.0))?,
        y: interpolate(bits, &both, &table.map(|p| p.1))?,
    })
}

/// The multilinear polynomial in two bits with these values; linear given their product.
fn interpolate(bits: &[FpVar<Fr>], both: &FpVar<Fr>, values: &[Fr; 4]) -> Result<FpVar<Fr>, SynthesisError> {
    let [at00, at10, at01, at11] = *values;
    let terms = [
        (at10 - at00, &bits[0]),
        (at01 - at00, &bits[1]),
        (at11 - at10 - at01 + at00, both),
    ];
    weighted_sum(terms, at00)
}

#[cfg(test)]
mod tests;
