//! Constants of the two prime fields in radix 2^52, derived at compile time from arkworks' moduli.

use ark_bn254::{Fq, Fr};
use ark_ff::PrimeField;

/// Bits of a limb: what one IFMA multiplication takes.
pub const LIMB_BITS: u32 = 52;
/// The low bits of a word that make a limb.
pub const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
/// Limbs of an element. R = 2^260 is the Montgomery radix of the vector kernels.
pub const LIMBS: usize = 5;
/// Limbs in radix 2^52, least significant first.
pub type Limbs = [u64; LIMBS];

/// A 254-bit prime p, and what Montgomery reduction in radix 2^52 needs to know of it.
pub trait Modulus: Copy + Send + Sync + 'static {
    /// The arkworks field with this modulus.
    type Scalar: PrimeField<BigInt = ark_ff::BigInt<4>>;
    /// p in 64-bit words.
    const WORDS: [u64; 4];
    /// p.
    const P: Limbs = limbs(Self::WORDS);
    /// -1/p mod 2^52.
    const NEG_INV: u64 = neg_inv(Self::WORDS[0]);
    /// (p * NEG_INV + 1) / 2^52, so that m = m * FOLD * 2^52 mod p: the lowest limb of a number can be taken
    /// away and its multiple of FOLD added one limb up, without a multiplication by NEG_INV. Below p.
    const FOLD: Limbs = fold(Self::P, Self::NEG_INV);
    /// 2^264 mod p: a Montgomery product with it takes arkworks' x * 2^256 to x * 2^260.
    const FROM_ARK: Limbs = limbs(power_of_two(Self::WORDS, 264));
    /// 2^256 mod p: a Montgomery product with it takes x * 2^260 to arkworks' x * 2^256.
    const TO_ARK: Limbs = limbs(power_of_two(Self::WORDS, 256));
    /// 2^268 mod p: a Montgomery product with it takes the inverse of x * 2^260, formed by arkworks in its own
    /// radix, to x^-1 * 2^260.
    const FROM_ARK_INVERSE: Limbs = limbs(power_of_two(Self::WORDS, 268));
    /// 2^260 mod p, which stands for one.
    const ONE: Limbs = limbs(power_of_two(Self::WORDS, 260));
    /// 2^4: a Montgomery product with it takes arkworks' x * 2^256 to x itself.
    const ARK_TO_INTEGER: Limbs = [1 << 4, 0, 0, 0, 0];
    /// Row j holds limb j of (i - 3) * p for i in 0..8, not carried, in two's complement.
    const MULTIPLES: [[u64; 8]; LIMBS] = multiples(Self::P);
    /// floor(2^59 / (p / 2^225)) rounded down: the reciprocal behind the quotient estimate of `Wide::reduce`.
    const RECIPROCAL: u64 = (1 << 59) / (((Self::P[4] + 1) >> 17) + 1);
    /// 2^260 - p.
    const MINUS_P: Limbs = minus(Self::P);
    /// floor(2^57 / (p / 2^228)) rounded down, below 2^32: the reciprocal behind the estimate of `Wide::reduce_far`.
    const FAR_RECIPROCAL: u64 = (1 << 57) / (((Self::P[4] + 1) >> 20) + 1);
}

/// The base field of BN254: coordinates of points.
#[derive(Clone, Copy, Debug)]
pub enum Base {}
/// The scalar field of BN254: witnesses and polynomials.
#[derive(Clone, Copy, Debug)]
pub enum Scalar {}

impl Modulus for Base {
    type Scalar = Fq;
    const WORDS: [u64; 4] = Fq::MODULUS.0;
}

impl Modulus for Scalar {
    type Scalar = Fr;
    const WORDS: [u64; 4] = Fr::MODULUS.0;
}

/// 256 bits from 64-bit words to limbs; the top limb has 48 bits.
#[must_use]
pub const fn limbs(w: [u64; 4]) -> Limbs {
    [
        w[0] & LIMB_MASK,
        (w[0] >> 52 | w[1] << 12) & LIMB_MASK,
        (w[1] >> 40 | w[2] << 24) & LIMB_MASK,
        (w[2] >> 28 | w[3] << 36) & LIMB_MASK,
        w[3] >> 16,
    ]
}

/// The inverse of [`limbs`], for carried limbs below 2^256.
#[must_use]
pub const fn words(l: Limbs) -> [u64; 4] {
    [
        l[0] | l[1] << 52,
        l[1] >> 12 | l[2] << 40,
        l[2] >> 24 | l[3] << 28,
        l[3] >> 36 | l[4] << 16,
    ]
}

const fn neg_inv(low_word: u64) -> u64 {
    // Newton: each step doubles the number of right bits, from 1 to 64.
    let mut inv: u64 = 1;
    let mut step = 0;
    while step < 6 {
        inv = inv.wrapping_mul(2u64.wrapping_sub(low_word.wrapping_mul(inv)));
        step += 1;
    }
    inv.wrapping_neg() & LIMB_MASK
}

const fn fold(p: Limbs, neg_inv: u64) -> Limbs {
    let mut out = [0; LIMBS];
    // The lowest limb of p * neg_inv + 1 is zero; its carry goes up.
    let mut carry = (p[0] as u128 * neg_inv as u128 + 1) >> LIMB_BITS;
    let mut j = 1;
    while j < LIMBS {
        carry += p[j] as u128 * neg_inv as u128;
        out[j - 1] = carry as u64 & LIMB_MASK;
        carry >>= LIMB_BITS;
        j += 1;
    }
    out[LIMBS - 1] = carry as u64;
    out
}

/// 2^260 less a number above zero.
const fn minus(p: Limbs) -> Limbs {
    let mut out = [0; LIMBS];
    let mut carry = 1;
    let mut j = 0;
    while j < LIMBS {
        carry += LIMB_MASK - p[j];
        out[j] = carry & LIMB_MASK;
        carry >>= LIMB_BITS;
        j += 1;
    }
    out
}

/// 2^exponent mod p, by doubling.
pub(super) const fn power_of_two(p: [u64; 4], exponent: u32) -> [u64; 4] {
    let mut value = [1u64, 0, 0, 0];
    let mut n = 0;
    while n < exponent {
        // p has 254 bits, so that the double of a reduced value has 255: no carry out of the top word.
        let doubled = [
            value[0] << 1,
            value[1] << 1 | value[0] >> 63,
            value[2] << 1 | value[1] >> 63,
            value[3] << 1 | value[2] >> 63,
        ];
        let mut difference = [0u64; 4];
        let mut borrow = false;
        let mut j = 0;
        while j < 4 {
            let (d, under) = doubled[j].overflowing_sub(p[j]);
            let (d, under_again) = d.overflowing_sub(borrow as u64);
            difference[j] = d;
            borrow = under | under_again;
            j += 1;
        }
        value = if borrow { doubled } else { difference };
        n += 1;
    }
    value
}

const fn multiples(p: Limbs) -> [[u64; 8]; LIMBS] {
    let mut out = [[0; 8]; LIMBS];
    let mut j = 0;
    while j < LIMBS {
        let mut i = 0;
        while i < 8 {
            out[j][i] = p[j].wrapping_mul((i as u64).wrapping_sub(3));
            i += 1;
        }
        j += 1;
    }
    out
}
