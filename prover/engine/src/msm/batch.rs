//! Coordinates of points, one or eight at a time: what batch-affine addition needs of a field.
//!
//! [`Batch`] is implemented by arkworks' `Fq` and `Fq2` (one lane) and by `Vec8` and `Quadratic8` (eight lanes),
//! so that the addition itself, with its exceptional cases, is written once.
#![allow(
    unreachable_pub,
    reason = "named by the sealed supertrait of the public `Group`"
)]

use ark_bn254::{Fq, Fq2};
use ark_ff::{AdditiveGroup, BigInt, Field, Zero};

use super::group::Packed;
use medproof_kernels::field::{Single, inverse, inverse_quadratic};

/// The words of one part of a coordinate: an element of Fq.
pub type Words = [u64; 4];

/// `LANES` elements of a coordinate field.
///
/// Three kinds of value, which one lane of arkworks does not tell apart:
/// *reduced* values come from [`Batch::gather`] and [`Batch::difference_of_product`]; *signed* ones are reduced or
/// negated reduced values; *factors* are what [`Batch::mul`] takes, and products are factors.
pub trait Batch: Copy {
    /// Elements in a batch, at most eight.
    const LANES: usize;
    /// Elements of Fq in a coordinate: one, or two in Fq2.
    const PARTS: usize;
    /// Groups of lanes that the second pass of an addition works on at once: one or two.
    const TOGETHER: usize;
    /// What proves that the kernel may run.
    type Token: Copy + Send + Sync;
    /// A batch in memory.
    type Stored: Copy + Default + Send;

    /// Reads lane i from the first `PARTS` elements of `part(i)`. Reduced.
    fn gather<'a>(token: Self::Token, part: impl Fn(usize) -> &'a [Words]) -> Self;
    /// The coordinates of the points `point(i)` in lanes i. Reduced.
    #[inline(always)]
    fn gather_points<'a, P: Packed + 'a>(token: Self::Token, point: impl Fn(usize) -> &'a P) -> (Self, Self) {
        // Each point is looked up once.
        let points: [&P; 8] = core::array::from_fn(|lane| point(lane.min(Self::LANES - 1)));
        let x = |lane: usize| points[lane].parts();
        let y = |lane: usize| &points[lane].parts()[Self::PARTS..];
        (Self::gather(token, x), Self::gather(token, y))
    }
    /// Hands lane i of a reduced value to `write(i, part, words)`.
    fn scatter(self, token: Self::Token, write: impl FnMut(usize, usize, Words));
    /// Reads a batch.
    fn load(token: Self::Token, stored: &Self::Stored) -> Self;
    /// Writes a batch.
    fn store(self, stored: &mut Self::Stored);
    /// Zero in every lane, reduced.
    fn zero(token: Self::Token) -> Self;
    /// One in every lane, a factor.
    fn one(token: Self::Token) -> Self;
    /// The product of two factors.
    fn mul(self, token: Self::Token, other: Self) -> Self;
    /// The square of a factor.
    fn square(self, token: Self::Token) -> Self;
    /// `self - other`, both signed. A factor.
    fn difference(self, token: Self::Token, other: Self) -> Self;
    /// `self - a - b` for a product `self`, and `a` and `b` of which at most one is negative. Reduced.
    fn difference_of_product(self, token: Self::Token, a: Self, b: Self) -> Self;
    /// Negates a reduced value in the lanes whose bit is set. Signed.
    fn negate_where(self, token: Self::Token, mask: u8) -> Self;
    /// Twice a signed value. A factor.
    fn double(self, token: Self::Token) -> Self;
    /// Three times a product. A factor.
    fn triple(self, token: Self::Token) -> Self;
    /// Bit i says that lane i of a difference of reduced values is zero.
    fn is_zero(self, token: Self::Token) -> u8;
    /// Bit i is set if lane i of this reduced value is read from zero words; by chance, others are.
    fn may_be_zero(self, token: Self::Token) -> u8;
    /// Lane i of `other` where bit i of `mask` is set.
    fn blend(self, mask: u8, other: Self) -> Self;
    /// The inverse of each lane of a product; no lane may be zero.
    fn invert(self, token: Self::Token) -> Self;
}

/// Arkworks' fields are batches of one; every value of theirs is canonical, so the kinds coincide.
macro_rules! one_lane {
    ($field:ty, $parts:literal, $inverse:path, $read:expr, $write:expr) => {
        impl Batch for $field {
            const LANES: usize = 1;
            const PARTS: usize = $parts;
            const TOGETHER: usize = 1;
            type Token = ();
            type Stored = Self;

            #[inline(always)]
            fn gather<'a>((): (), part: impl Fn(usize) -> &'a [Words]) -> Self {
                $read(part(0))
            }
            #[inline(always)]
            fn scatter(self, (): (), mut write: impl FnMut(usize, usize, Words)) {
                for (part, words) in $write(self).into_iter().enumerate() {
                    write(0, part, words);
                }
            }
            #[inline(always)]
            fn load((): (), stored: &Self) -> Self {
                *stored
            }
            #[inline(always)]
            fn store(self, stored: &mut Self) {
                *stored = self;
            }
            #[inline(always)]
            fn zero((): ()) -> Self {
                Self::ZERO
            }
            #[inline(always)]
            fn one((): ()) -> Self {
                Self::ONE
            }
            #[inline(always)]
            fn mul(self, (): (), other: Self) -> Self {
                self.times(other)
            }
            #[inline(always)]
            fn square(self, (): ()) -> Self {
                self.squared()
            }
            #[inline(always)]
            fn difference(self, (): (), other: Self) -> Self {
                self.minus(other)
            }
            #[inline(always)]
            fn difference_of_product(self, (): (), a: Self, b: Self) -> Self {
                self.minus(a).minus(b)
            }
            #[inline(always)]
            fn negate_where(self, (): (), mask: u8) -> Self {
                self.negated_if(mask & 1 == 1)
            }
            #[inline(always)]
            fn double(self, (): ()) -> Self {
                self.plus(self)
            }
            #[inline(always)]
            fn triple(self, (): ()) -> Self {
                self.plus(self).plus(self)
            }
            #[inline(always)]
            fn is_zero(self, (): ()) -> u8 {
                u8::from(Zero::is_zero(&self))
            }
            #[inline(always)]
            fn may_be_zero(self, (): ()) -> u8 {
                u8::from(Zero::is_zero(&self))
            }
            #[inline(always)]
            fn blend(self, mask: u8, other: Self) -> Self {
                if mask & 1 == 1 { other } else { self }
            }
            #[inline(always)]
            fn invert(self, (): ()) -> Self {
                $inverse(&self).expect("the contract: no lane is zero")
            }
        }
    };
}

const fn element(words: Words) -> Fq {
    Fq::new_unchecked(BigInt(words))
}

one_lane!(
    Fq,
    1,
    inverse,
    |parts: &[Words]| element(parts[0]),
    |value: Fq| [value.0.0]
);
one_lane!(
    Fq2,
    2,
    inverse_quadratic,
    |parts: &[Words]| Fq2::new(element(parts[0]), element(parts[1])),
    |value: Fq2| [value.c0.0.0, value.c1.0.0]
);
