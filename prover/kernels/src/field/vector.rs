//! Eight elements of a prime field at a time, radix 2^52.
//!
//! # Bounds
//! A [`Vec8`] holds integers of five carried limbs (each below 2^52), not necessarily below p: every operation
//! says what it takes and gives, in multiples of p. 2^260 is more than 84 p, which leaves room to add a few
//! times before anything must be reduced. With R = 2^260:
//!
//! - a product of a < ip and b < jp is below (2 + ij/84) p: below 2.2 p as long as ij <= 16, below 3 p while
//!   ij <= 84;
//! - [`Wide`] is a sum not yet carried, possibly negative; [`Wide::carry`] makes it a `Vec8` again if its value
//!   is not negative, [`Wide::reduce`] brings values in (-2.9p, 5p) to [0, p + p/2^24).
//!
//! So a sum of a few products costs one carry, and no comparison.

use core::marker::PhantomData;
use core::ops::{Add, Sub};

use super::Ifma;
use super::lanes::{Lanes, Row};
use super::modulus::{LIMB_BITS, LIMB_MASK, LIMBS, Limbs, Modulus};

/// Eight elements as rows of limbs, least significant first: how `Vec8` lies in memory (320 bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct LimbBlock(pub [Row; LIMBS]);

/// Eight elements as rows of 64-bit words, least significant first (256 bytes). Element i has its words at
/// index i of each row. Values below 2^256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct WordBlock(pub [Row; 4]);

/// Eight field elements. See the module's text for the bounds.
#[derive(Clone, Copy)]
pub struct Vec8<M> {
    pub(crate) limbs: [Lanes; LIMBS],
    modulus: PhantomData<M>,
}

/// A sum of `Vec8`s, limb by limb, not carried: limbs are signed, below 2^56 in absolute value.
#[derive(Clone, Copy)]
pub struct Wide<M> {
    pub(crate) limbs: [Lanes; LIMBS],
    modulus: PhantomData<M>,
}

impl<M: Modulus> Vec8<M> {
    #[inline(always)]
    pub(crate) fn from_limbs(limbs: [Lanes; LIMBS]) -> Self {
        Self {
            limbs,
            modulus: PhantomData,
        }
    }

    /// The same element in every lane.
    #[inline(always)]
    pub fn splat(token: Ifma, element: Limbs) -> Self {
        let mut limbs = [Lanes::zero(token); LIMBS];
        for (limb, word) in limbs.iter_mut().zip(element) {
            *limb = Lanes::splat(token, word);
        }
        Self::from_limbs(limbs)
    }

    /// Zero in every lane.
    #[inline(always)]
    pub fn zero(token: Ifma) -> Self {
        Self::from_limbs([Lanes::zero(token); LIMBS])
    }

    /// Reads a block of carried limbs.
    #[inline(always)]
    pub fn load(token: Ifma, block: &LimbBlock) -> Self {
        let mut limbs = [Lanes::zero(token); LIMBS];
        for (limb, row) in limbs.iter_mut().zip(&block.0) {
            *limb = Lanes::load(token, row);
        }
        Self::from_limbs(limbs)
    }

    /// Writes a block of limbs.
    #[inline(always)]
    pub fn store(self, block: &mut LimbBlock) {
        for (limb, row) in self.limbs.into_iter().zip(&mut block.0) {
            limb.store(row);
        }
    }

    /// Reads a block of words: 64-bit words to limbs, the value unchanged (see [`Modulus::FROM_ARK`]).
    #[inline(always)]
    pub fn load_words(token: Ifma, block: &WordBlock) -> Self {
        let [w0, w1, w2, w3] = &block.0;
        Self::from_words(
            token,
            [
                Lanes::load(token, w0),
                Lanes::load(token, w1),
                Lanes::load(token, w2),
                Lanes::load(token, w3),
            ],
        )
    }

    /// Writes a block of words. Values must be below 2^256.
    #[inline(always)]
    pub fn store_words(self, block: &mut WordBlock) {
        for (word, row) in self.to_words().into_iter().zip(&mut block.0) {
            word.store(row);
        }
    }

    /// Reads eight elements of four words each, as arkworks keeps them: lane i is element i.
    #[inline(always)]
    pub fn load_elements(token: Ifma, elements: [&[u64; 4]; 8]) -> Self {
        Self::from_words(token, transpose_in(token, elements))
    }

    /// Writes eight elements of four words each. Values must be below 2^256.
    #[inline(always)]
    pub fn store_elements(self, token: Ifma, elements: [&mut [u64; 4]; 8]) {
        transpose_out(token, self.to_words(), elements);
    }

    #[inline(always)]
    pub(crate) fn from_words(token: Ifma, w: [Lanes; 4]) -> Self {
        let mask = Lanes::splat(token, LIMB_MASK);
        Self::from_limbs([
            w[0].and(mask),
            w[0].shift_in::<52>(w[1]).and(mask),
            w[1].shift_in::<40>(w[2]).and(mask),
            w[2].shift_in::<28>(w[3]).and(mask),
            w[3].shr::<16>(),
        ])
    }

    #[inline(always)]
    pub(crate) fn to_words(self) -> [Lanes; 4] {
        let l = self.limbs;
        [
            l[0].or(l[1].shl::<52>()),
            l[1].shr::<12>().or(l[2].shl::<40>()),
            l[2].shr::<24>().or(l[3].shl::<28>()),
            l[3].shr::<36>().or(l[4].shl::<16>()),
        ]
    }

    /// The same values as a sum of one.
    #[inline(always)]
    pub fn wide(self) -> Wide<M> {
        Wide {
            limbs: self.limbs,
            modulus: PhantomData,
        }
    }

    /// Montgomery product a b / 2^260: below (2 + ij/84) p for a < ip, b < jp.
    #[inline(always)]
    pub fn mul(self, token: Ifma, other: Self) -> Self {
        Product::of(token, self, other).reduce(token)
    }

    /// Montgomery square: [`Self::mul`] by itself, for fewer instructions.
    #[inline(always)]
    pub fn square(self, token: Ifma) -> Self {
        Product::of_square(token, self).reduce(token)
    }

    /// Bit i says that lane i is a multiple of p. For values in [0, 6p).
    #[inline(always)]
    pub fn is_zero(self, token: Ifma) -> u8 {
        let mut found = self.limbs[0].equal(Lanes::zero(token));
        for multiple in 1..6u64 {
            found |= self.limbs[0].equal(Lanes::splat(token, M::P[0].wrapping_mul(multiple) & LIMB_MASK));
        }
        // The lowest limb agrees by chance once in 2^50: the full comparison is not worth making branchless.
        if found == 0 {
            0
        } else {
            // SAFETY: the token proves the instructions that the function enables.
            unsafe { self.is_zero_exactly(token) }
        }
    }

    #[cold]
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
    fn is_zero_exactly(self, token: Ifma) -> u8 {
        let mut found = 0;
        for multiple in 0..6 {
            let value = times_small(M::P, multiple);
            let mut same = 0xff;
            for (limb, expected) in self.limbs.into_iter().zip(value) {
                same &= limb.equal(Lanes::splat(token, expected));
            }
            found |= same;
        }
        found
    }

    /// Bit i says that the lowest limb of lane i is zero: a cheap test that zero passes.
    #[inline(always)]
    pub fn lowest_limb_is_zero(self, token: Ifma) -> u8 {
        self.limbs[0].equal(Lanes::zero(token))
    }

    /// The representative in [0, p), for values in [0, 2p).
    #[inline(always)]
    pub fn canonical(self, token: Ifma) -> Self {
        let less = self - Self::splat(token, M::P);
        let (carried, top) = less.carry_signed(token);
        let negative = top.signs();
        carried.blend(negative, self)
    }

    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    #[inline(always)]
    pub fn blend(self, mask: u8, other: Self) -> Self {
        let mut out = self;
        for (limb, other) in out.limbs.iter_mut().zip(other.limbs) {
            *limb = limb.blend(mask, other);
        }
        out
    }
}

impl<M: Modulus> Wide<M> {
    /// Negates the lanes whose bit in `mask` is set.
    #[inline(always)]
    pub fn negate_where(self, token: Ifma, mask: u8) -> Self {
        let zero = Lanes::zero(token);
        let mut out = self;
        for limb in &mut out.limbs {
            *limb = limb.subtract_from(mask, zero);
        }
        out
    }

    /// Twice the sum.
    #[inline(always)]
    pub fn double(self) -> Self {
        self + self
    }

    /// Adds `COUNT` times p, to make negative values positive before [`Self::carry`]. `COUNT` at most 8.
    #[inline(always)]
    pub fn add_p<const COUNT: u64>(self, token: Ifma) -> Self {
        const { assert!(COUNT <= 8) };
        let mut out = self;
        for (limb, p) in out.limbs.iter_mut().zip(M::P) {
            *limb = limb.add(Lanes::splat(token, p * COUNT));
        }
        out
    }

    /// The same limbs, not carried: good for further sums only.
    #[inline(always)]
    pub fn uncarried(self) -> Vec8<M> {
        Vec8::from_limbs(self.limbs)
    }

    /// Carries. The value must be in [0, 2^260).
    #[inline(always)]
    pub fn carry(self, token: Ifma) -> Vec8<M> {
        self.carry_signed(token).0
    }

    /// Carries, and gives the top limb apart: its sign is that of the value.
    #[inline(always)]
    fn carry_signed(self, token: Ifma) -> (Vec8<M>, Lanes) {
        let mask = Lanes::splat(token, LIMB_MASK);
        let mut limbs = self.limbs;
        for j in 1..LIMBS {
            limbs[j] = limbs[j].add(limbs[j - 1].sar::<LIMB_BITS>());
            limbs[j - 1] = limbs[j - 1].and(mask);
        }
        (Vec8::from_limbs(limbs), limbs[LIMBS - 1])
    }

    /// A representative in [0, p + p/2^24), for values in (-2.9p, 5p).
    ///
    /// The quotient by p is estimated from the top limb, never too large, and its multiple of p subtracted from
    /// all limbs by table before the carry.
    #[inline(always)]
    pub fn reduce(self, token: Ifma) -> Vec8<M> {
        // The top limb of value + 3p, less 16 for what the limbs below (and the rounding of 3p) may borrow:
        // never above the true one. An estimate q of (value + 3p) / p that is never too large follows, since
        // the reciprocal is rounded down; it is short by less than 1 + 2^-24.
        let bias = Lanes::splat(token, 3 * M::P[LIMBS - 1] - 16);
        let top = self.limbs[LIMBS - 1].add(bias).shr::<17>();
        let quotient = top.mul_u32(Lanes::splat(token, M::RECIPROCAL)).shr::<59>();
        // Written out: closures and iterators over vector operations may stay calls, without the kernel's features.
        let [l0, l1, l2, l3, l4] = self.limbs;
        let [m0, m1, m2, m3, m4] = &M::MULTIPLES;
        Self {
            limbs: [
                l0.sub(quotient.look_up(Lanes::load_unaligned(token, m0))),
                l1.sub(quotient.look_up(Lanes::load_unaligned(token, m1))),
                l2.sub(quotient.look_up(Lanes::load_unaligned(token, m2))),
                l3.sub(quotient.look_up(Lanes::load_unaligned(token, m3))),
                l4.sub(quotient.look_up(Lanes::load_unaligned(token, m4))),
            ],
            modulus: PhantomData,
        }
        .carry(token)
    }
}

macro_rules! sums {
    ($($left:ident $operator:ident $right:ident by $method:ident;)*) => { $(
        impl<M: Modulus> $operator<$right<M>> for $left<M> {
            type Output = Wide<M>;

            /// Limb by limb, not carried.
            #[inline(always)]
            fn $method(self, other: $right<M>) -> Wide<M> {
                let mut limbs = self.limbs;
                for (limb, other) in limbs.iter_mut().zip(other.limbs) {
                    *limb = limb.$method(other);
                }
                Wide { limbs, modulus: PhantomData }
            }
        }
    )* };
}

sums! {
    Vec8 Add Vec8 by add;
    Vec8 Sub Vec8 by sub;
    Wide Add Vec8 by add;
    Wide Sub Vec8 by sub;
    Wide Add Wide by add;
    Wide Sub Wide by sub;
}

/// A product of ten columns before Montgomery reduction. Columns are not carried, and can be added and
/// subtracted: one reduction then serves a sum of products.
#[derive(Clone, Copy)]
pub(crate) struct Product<M> {
    columns: [Lanes; 2 * LIMBS],
    modulus: PhantomData<M>,
}

impl<M: Modulus> Product<M> {
    /// No product.
    #[inline(always)]
    pub(crate) fn zero(token: Ifma) -> Self {
        Self {
            columns: [Lanes::zero(token); 2 * LIMBS],
            modulus: PhantomData,
        }
    }

    /// a b.
    #[inline(always)]
    pub(crate) fn of(token: Ifma, a: Vec8<M>, b: Vec8<M>) -> Self {
        Self::zero(token).plus(a, b)
    }

    /// This and a b. A column takes 2^11 products.
    #[inline(always)]
    pub(crate) fn plus(self, a: Vec8<M>, b: Vec8<M>) -> Self {
        let mut t = self.columns;
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                t[i + j] = t[i + j].madd_low(a.limbs[i], b.limbs[j]);
            }
            for j in 0..LIMBS {
                t[i + j + 1] = t[i + j + 1].madd_high(a.limbs[i], b.limbs[j]);
            }
        }
        Self {
            columns: t,
            modulus: PhantomData,
        }
    }

    /// a a: the products off the diagonal once, doubled.
    #[inline(always)]
    pub(crate) fn of_square(token: Ifma, a: Vec8<M>) -> Self {
        let mut t = [Lanes::zero(token); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in i + 1..LIMBS {
                t[i + j] = t[i + j].madd_low(a.limbs[i], a.limbs[j]);
                t[i + j + 1] = t[i + j + 1].madd_high(a.limbs[i], a.limbs[j]);
            }
        }
        for column in &mut t[1..2 * LIMBS - 1] {
            *column = column.add(*column);
        }
        for i in 0..LIMBS {
            t[2 * i] = t[2 * i].madd_low(a.limbs[i], a.limbs[i]);
            t[2 * i + 1] = t[2 * i + 1].madd_high(a.limbs[i], a.limbs[i]);
        }
        Self {
            columns: t,
            modulus: PhantomData,
        }
    }

    /// The difference of two products; columns may become negative.
    #[inline(always)]
    pub(crate) fn sub(self, other: Self) -> Self {
        let mut out = self;
        for (column, other) in out.columns.iter_mut().zip(other.columns) {
            *column = column.sub(other);
        }
        out
    }

    /// Adds p 2^260: nothing mod p, but more than any product of factors ip, jp with ij <= 84.
    #[inline(always)]
    pub(crate) fn add_p_shifted(mut self, token: Ifma) -> Self {
        for (column, limb) in self.columns[LIMBS..].iter_mut().zip(M::P) {
            *column = column.add(Lanes::splat(token, limb));
        }
        self
    }

    /// Montgomery reduction: the value over 2^260 mod p, carried; at most value / 2^260 + 2p + p/2^50.
    ///
    /// The four lowest columns go by `FOLD` (no multiplication by -1/p, the lowest product vanishes); the
    /// fifth by p, so that what is added stays below 2p: one p from the fifth, one from the fourth, and
    /// next to nothing from the others.
    #[inline(always)]
    pub(crate) fn reduce(self, token: Ifma) -> Vec8<M> {
        let mut t = self.columns;
        for i in 0..LIMBS - 1 {
            t[i + 1] = t[i + 1].add(t[i].sar::<LIMB_BITS>());
            for j in 0..LIMBS {
                t[i + j + 1] = t[i + j + 1].madd_low(t[i], Lanes::splat(token, M::FOLD[j]));
            }
            for j in 0..LIMBS {
                t[i + j + 2] = t[i + j + 2].madd_high(t[i], Lanes::splat(token, M::FOLD[j]));
            }
        }
        let i = LIMBS - 1;
        let multiplier = Lanes::zero(token).madd_low(t[i], Lanes::splat(token, M::NEG_INV));
        for j in 0..LIMBS {
            t[i + j] = t[i + j].madd_low(multiplier, Lanes::splat(token, M::P[j]));
        }
        for j in 0..LIMBS {
            t[i + j + 1] = t[i + j + 1].madd_high(multiplier, Lanes::splat(token, M::P[j]));
        }
        t[i + 1] = t[i + 1].add(t[i].sar::<LIMB_BITS>());
        Wide {
            limbs: [t[5], t[6], t[7], t[8], t[9]],
            modulus: PhantomData,
        }
        .carry(token)
    }
}

/// Carried limbs of `count` times p.
const fn times_small(p: Limbs, count: u64) -> Limbs {
    let mut out = [0; LIMBS];
    let mut carry = 0;
    let mut j = 0;
    while j < LIMBS {
        carry += p[j] * count;
        out[j] = carry & LIMB_MASK;
        carry >>= LIMB_BITS;
        j += 1;
    }
    out
}

/// The word order of one half of the transposed rows: see [`transpose_in`].
const EVEN: [u64; 8] = [0, 1, 8, 9, 4, 5, 12, 13];
const ODD: [u64; 8] = [2, 3, 10, 11, 6, 7, 14, 15];

/// Eight elements of four words to four rows of eight.
#[inline(always)]
pub(crate) fn transpose_in(token: Ifma, e: [&[u64; 4]; 8]) -> [Lanes; 4] {
    let (a, b) = (
        Lanes::load_halves(token, e[0], e[4]),
        Lanes::load_halves(token, e[1], e[5]),
    );
    let (c, d) = (
        Lanes::load_halves(token, e[2], e[6]),
        Lanes::load_halves(token, e[3], e[7]),
    );
    let (even, odd) = (
        Lanes::load_unaligned(token, &EVEN),
        Lanes::load_unaligned(token, &ODD),
    );
    let (low, high) = (a.interleave_low(b), a.interleave_high(b));
    let (low_next, high_next) = (c.interleave_low(d), c.interleave_high(d));
    [
        even.look_up_two(low, low_next),
        even.look_up_two(high, high_next),
        odd.look_up_two(low, low_next),
        odd.look_up_two(high, high_next),
    ]
}

/// The inverse of [`transpose_in`].
#[inline(always)]
pub(crate) fn transpose_out(token: Ifma, w: [Lanes; 4], e: [&mut [u64; 4]; 8]) {
    let (even, odd) = (
        Lanes::load_unaligned(token, &EVEN),
        Lanes::load_unaligned(token, &ODD),
    );
    // Undo the permutation: `low` holds words 0 and 2 of elements 0, 1, 4, 5.
    let low = even.look_up_two(w[0], w[2]);
    let low_next = odd.look_up_two(w[0], w[2]);
    let high = even.look_up_two(w[1], w[3]);
    let high_next = odd.look_up_two(w[1], w[3]);
    let [e0, e1, e2, e3, e4, e5, e6, e7] = e;
    low.interleave_low(high).store_halves(e0, e4);
    low.interleave_high(high).store_halves(e1, e5);
    low_next.interleave_low(high_next).store_halves(e2, e6);
    low_next.interleave_high(high_next).store_halves(e3, e7);
}
