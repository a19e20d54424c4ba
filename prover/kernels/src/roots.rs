//! Square roots, eight at a time.

use ark_bn254::{Fq, Fq2};
use ark_ff::{Field, PrimeField};

use crate::Ifma;
use crate::field::{Base, Modulus, Quadratic8, Vec8};

type Vector = Vec8<Base>;

/// (p - 3) / 4. As p = 3 mod 4, a times its power by this is a root of a, if there is one.
const EXPONENT: [u64; 4] = quarter(Fq::MODULUS.0);
/// Digits of the exponent, four bits each; the leading one is not zero.
const DIGITS: usize = 63;

const fn quarter(p: [u64; 4]) -> [u64; 4] {
    [
        p[0] >> 2 | p[1] << 62,
        p[1] >> 2 | p[2] << 62,
        p[2] >> 2 | p[3] << 62,
        p[3] >> 2,
    ]
}

/// A root of each value, and bit i of the mask for row i where value i has one. Where it has none the root says nothing.
#[must_use]
pub fn square_roots<const W: usize>(token: Ifma, values: &[[Fq; 8]; W]) -> [([Fq; 8], u8); W] {
    // SAFETY: the token proves that the CPU has the instructions.
    unsafe { roots(token, values) }
}

/// A root of each value of Fq2 whose bit is set. A clear bit leaves open whether there is one: it is clear too for some
/// values in Fq, which no random x coordinate of a point of the twist leads to.
#[must_use]
pub fn square_roots_quadratic(token: Ifma, values: &[Fq2; 8]) -> ([Fq2; 8], u8) {
    // SAFETY: the token proves that the CPU has the instructions.
    unsafe { roots_quadratic(token, values) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn roots<const W: usize>(token: Ifma, values: &[[Fq; 8]; W]) -> [([Fq; 8], u8); W] {
    let mut bases = [Vector::zero(token); W];
    for (base, values) in bases.iter_mut().zip(values) {
        *base = Vector::import(token, values);
    }
    let powers = raise(token, &bases);
    let mut out = [([Fq::default(); 8], 0); W];
    for k in 0..W {
        let root = powers[k].mul(token, bases[k]);
        let difference = (root.square(token) - bases[k]).reduce(token);
        out[k] = (root.export(token), difference.is_zero(token));
    }
    out
}

/// For `a = a0 + a1 u` let s be a root of the norm `a0^2 + a1^2`, `t = (a0 + s) / 2` and w the power of t. Then
/// `t w^2` is 1 or -1. In the first case `t w` is a root of t, and `t w + (a1 w / 2) u` one of a: its square is
/// `t^2 w^2 - a1^2 w^2 / 4 + a1 t w^2 u`, where `t^2 w^2 = t` and `a1^2 w^2 / 4 = a1^2 / (4 t) = (s - a0) / 2`. In the second
/// the same with u in the other part, `a1 w / 2 - t w u`, is one. Whatever comes out is squared and compared.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn roots_quadratic(token: Ifma, values: &[Fq2; 8]) -> ([Fq2; 8], u8) {
    let half = Vector::splat_element(token, &Fq::from(2u64).inverse().unwrap_or_default());
    let a = Quadratic8::import(token, values);
    // Below 4.4p.
    let norm = (a.c0.square(token) + a.c1.square(token)).carry(token);
    let [power] = raise(token, &[norm]);
    let s = power.mul(token, norm);
    let t = (a.c0 + s).carry(token).mul(token, half);
    let [w] = raise(token, &[t]);
    let first = t.mul(token, w);
    let second = a.c1.mul(token, half).mul(token, w);
    let one = Vector::splat(token, Base::ONE);
    let residue = (first.mul(token, w) - one).reduce(token).is_zero(token);
    let minus = (Vector::zero(token) - first).reduce(token);
    let root = Quadratic8 {
        c0: second.blend(residue, first),
        c1: minus.blend(residue, second),
    };
    let difference = (root.square(token) - a).reduce_far(token);
    (root.export(token), difference.is_zero(token))
}

/// The powers by [`EXPONENT`], below 2.3p, of values below 4.4p. The chains of several vectors keep the multipliers busy.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn raise<const W: usize>(token: Ifma, bases: &[Vector; W]) -> [Vector; W] {
    let mut table = [[Vector::splat(token, Base::ONE); W]; 16];
    for i in 1..16 {
        for k in 0..W {
            table[i][k] = table[i - 1][k].mul(token, bases[k]);
        }
    }
    let digit = |at: usize| (EXPONENT[at / 16] >> (at % 16 * 4) & 15) as usize;
    let mut out = table[digit(DIGITS - 1)];
    for at in (0..DIGITS - 1).rev() {
        for _ in 0..4 {
            for power in &mut out {
                *power = power.square(token);
            }
        }
        for (power, factor) in out.iter_mut().zip(&table[digit(at)]) {
            *power = power.mul(token, *factor);
        }
    }
    out
}

#[cfg(test)]
mod tests;
