//! Inversion in Fq by the binary GCD with two-word approximations (T. Pornin, "Optimized Binary GCD for Modular
//! Inversion", eprint 2020/972). Time depends on the value; what is inverted are differences of sums of bases.

use ark_bn254::{Fq, Fq2};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};

use super::modulus::{Base, Modulus, power_of_two};

/// Steps on the approximations between two updates of the full numbers.
const STEPS: u32 = 31;
/// Updates that suffice: 2 * 254 - 1 steps bring one of two 254-bit numbers to zero.
const UPDATES: u32 = 17;
const STEP_MASK: u64 = (1 << STEPS) - 1;

/// An element x^-1 2^-512 times this is x^-1: inverting the words x 2^256 leaves arkworks' radix twice behind.
const CORRECTION: Fq = Fq::new_unchecked(BigInt(power_of_two(Base::WORDS, 768)));

/// The inverse; `None` for zero.
#[inline]
#[must_use]
pub fn inverse(x: &Fq) -> Option<Fq> {
    if *x == Fq::ZERO {
        return None;
    }
    let p = Fq::MODULUS.0;
    let (mut a, mut b) = (x.0.0, p);
    // a = u x and b = v x mod p, throughout (x as an integer).
    let (mut u, mut v) = ([1, 0, 0, 0], [0; 4]);
    for _ in 0..UPDATES {
        let mut f = approximate_steps(&a, &b);
        let (mut next_a, a_negative) = combine_shifted(&a, &b, f[0], f[1]);
        let (mut next_b, b_negative) = combine_shifted(&a, &b, f[2], f[3]);
        if a_negative {
            negate(&mut next_a);
            (f[0], f[1]) = (-f[0], -f[1]);
        }
        if b_negative {
            negate(&mut next_b);
            (f[2], f[3]) = (-f[2], -f[3]);
        }
        (a, b) = (next_a, next_b);
        (u, v) = (combine_mod(&u, &v, f[0], f[1]), combine_mod(&u, &v, f[2], f[3]));
        if a == [0; 4] {
            break;
        }
    }
    // p is prime: the greatest common divisor is one.
    debug_assert_eq!(b, [1, 0, 0, 0]);
    Some(Fq::new_unchecked(BigInt(v)) * CORRECTION)
}

/// The inverse in `Fq2 = Fq[u] / (u^2 + 1)`, by the norm; `None` for zero.
#[inline]
#[must_use]
pub fn inverse_quadratic(x: &Fq2) -> Option<Fq2> {
    let inverse = inverse(&(x.c0.square() + x.c1.square()))?;
    Some(Fq2::new(x.c0 * inverse, -(x.c1 * inverse)))
}

/// 31 steps of the binary GCD on the lowest 31 and highest 33 bits of both numbers. Gives f0, g0, f1, g1 with
/// a' = (a f0 + b g0) / 2^31 and b' = (a f1 + b g1) / 2^31, up to sign.
#[inline(always)]
fn approximate_steps(a: &[u64; 4], b: &[u64; 4]) -> [i64; 4] {
    let (mut x, mut y) = approximations(a, b);
    let (mut f0, mut g0, mut f1, mut g1) = (1i64, 0i64, 0i64, 1i64);
    for _ in 0..STEPS {
        let odd = x & 1 == 1;
        let swap = odd && x < y;
        (x, y) = if swap { (y, x) } else { (x, y) };
        (f0, f1) = if swap { (f1, f0) } else { (f0, f1) };
        (g0, g1) = if swap { (g1, g0) } else { (g0, g1) };
        let mask = if odd { u64::MAX } else { 0 };
        x = x.wrapping_sub(y & mask) >> 1;
        f0 -= f1 & mask.cast_signed();
        g0 -= g1 & mask.cast_signed();
        f1 <<= 1;
        g1 <<= 1;
    }
    [f0, g0, f1, g1]
}

/// The lowest 31 bits of each number under its 33 bits from the top of the longer one; exact below 2^64.
#[inline(always)]
fn approximations(a: &[u64; 4], b: &[u64; 4]) -> (u64, u64) {
    let mut top = 3;
    while top > 0 && a[top] | b[top] == 0 {
        top -= 1;
    }
    if top == 0 {
        return (a[0], b[0]);
    }
    let shift = (a[top] | b[top]).leading_zeros();
    let approximate = |n: &[u64; 4]| {
        // The 64 bits from the top bit down; `shift` may be zero.
        let high = n[top] << shift | (n[top - 1] >> 1) >> (63 - shift);
        n[0] & STEP_MASK | high >> STEPS << STEPS
    };
    (approximate(a), approximate(b))
}

/// |a f + b g| / 2^31, two's complement, and whether it is negative. The sum is a multiple of 2^31.
#[inline(always)]
fn combine_shifted(a: &[u64; 4], b: &[u64; 4], f: i64, g: i64) -> ([u64; 4], bool) {
    let sum = combine(a, b, f, g);
    (shifted(&sum), sum[4].cast_signed() < 0)
}

/// (u f + v g) / 2^31 mod p, in [0, p).
#[inline(always)]
fn combine_mod(u: &[u64; 4], v: &[u64; 4], f: i64, g: i64) -> [u64; 4] {
    let p = Fq::MODULUS.0;
    let mut sum = combine(u, v, f, g);
    // Adding k p makes the sum a multiple of 2^31; NEG_INV has 52 bits of -1/p.
    let k = sum[0].wrapping_mul(Base::NEG_INV) & STEP_MASK;
    let mut carry: u128 = 0;
    for (word, p) in sum.iter_mut().zip(p) {
        carry += u128::from(*word) + u128::from(k) * u128::from(p);
        *word = carry as u64;
        carry >>= 64;
    }
    sum[4] = sum[4].wrapping_add(carry as u64);
    let negative = sum[4].cast_signed() < 0;
    let mut out = shifted(&sum);
    // Now in (-p, 2p).
    if negative {
        add(&mut out, &p);
    } else if !less(&out, &p) {
        negate(&mut out);
        add(&mut out, &p);
        negate(&mut out);
    }
    out
}

/// a f + b g in two's complement, for |f| + |g| <= 2^31.
#[inline(always)]
fn combine(a: &[u64; 4], b: &[u64; 4], f: i64, g: i64) -> [u64; 5] {
    let mut out = [0; 5];
    let mut carry: i128 = 0;
    for (j, word) in out.iter_mut().take(4).enumerate() {
        // Each product is below 2^95, and so is the carry.
        carry += i128::from(a[j]) * i128::from(f) + i128::from(b[j]) * i128::from(g);
        *word = carry as u64;
        carry >>= 64;
    }
    out[4] = carry as u64;
    out
}

#[inline(always)]
fn shifted(sum: &[u64; 5]) -> [u64; 4] {
    core::array::from_fn(|j| sum[j] >> STEPS | sum[j + 1] << (64 - STEPS))
}

#[inline(always)]
fn negate(words: &mut [u64; 4]) {
    let mut carry = true;
    for word in words {
        let (negated, over) = (!*word).overflowing_add(u64::from(carry));
        *word = negated;
        carry = over;
    }
}

#[inline(always)]
fn add(words: &mut [u64; 4], other: &[u64; 4]) {
    let mut carry = 0u128;
    for (word, other) in words.iter_mut().zip(other) {
        carry += u128::from(*word) + u128::from(*other);
        *word = carry as u64;
        carry >>= 64;
    }
}

#[inline(always)]
fn less(a: &[u64; 4], b: &[u64; 4]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}
