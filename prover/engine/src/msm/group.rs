//! The groups of BN254 as the multiplication sees them: points as words, and the kernels that add them.
#![allow(
    unreachable_pub,
    reason = "named by the sealed supertrait of the public `Group`"
)]

use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, Field, PrimeField};

use super::add::{self, Pair, Scratch};
use super::batch::{Batch, Words};
use super::double;
#[cfg(target_arch = "x86_64")]
use medproof_kernels::field::{Base, Ifma, Quadratic8, Vec8};

/// G1 or G2 of BN254, named by arkworks' curve configuration. Sealed.
pub trait Group: Arithmetic {}

impl Group for g1::Config {}
impl Group for g2::Config {}

/// What the implementation knows of a group.
pub trait Arithmetic: SWCurveConfig<ScalarField = Fr, BaseField: Batch<Token = ()> + Parts> {
    /// A point in memory.
    type Packed: Packed;
    /// Eight coordinates.
    #[cfg(target_arch = "x86_64")]
    type Vector: Batch<Token = Ifma>;
}

impl Arithmetic for g1::Config {
    type Packed = Point<2>;
    #[cfg(target_arch = "x86_64")]
    type Vector = Vec8<Base>;
}

impl Arithmetic for g2::Config {
    type Packed = Point<4>;
    #[cfg(target_arch = "x86_64")]
    type Vector = Quadratic8;
}

/// An affine point: the words of x, then of y, in the Montgomery radix of its kernel; canonical in tables,
/// reduced elsewhere. The point at infinity is all zero, which is on neither curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Point<const PARTS: usize>([Words; PARTS]);

impl<const PARTS: usize> Default for Point<PARTS> {
    fn default() -> Self {
        Self([[0; 4]; PARTS])
    }
}

/// A point as a slice of elements of Fq.
pub trait Packed: Copy + Default + Send + Sync {
    /// x's parts, then y's.
    fn parts(&self) -> &[Words];
    /// x's parts, then y's.
    fn parts_mut(&mut self) -> &mut [Words];

    /// Whether this is the point at infinity.
    #[inline(always)]
    fn is_infinity(&self) -> bool {
        self.parts().iter().flatten().all(|&word| word == 0)
    }

    /// The inverse of a point.
    fn negated(mut self) -> Self {
        let half = self.parts().len() / 2;
        for words in &mut self.parts_mut()[half..] {
            if words.iter().any(|&word| word != 0) {
                *words = negated(*words);
            }
        }
        self
    }
}

impl<const PARTS: usize> Packed for Point<PARTS> {
    #[inline(always)]
    fn parts(&self) -> &[Words] {
        &self.0
    }

    #[inline(always)]
    fn parts_mut(&mut self) -> &mut [Words] {
        &mut self.0
    }
}

/// -y for a reduced y that is not zero words. Reduced values may be a hair above p; 2p - y then serves.
fn negated(words: Words) -> Words {
    let p = Fq::MODULUS;
    let mut minuend = p;
    let y = BigInt(words);
    if y > p {
        ark_ff::BigInteger::add_with_carry(&mut minuend, &p);
    }
    ark_ff::BigInteger::sub_with_borrow(&mut minuend, &y);
    minuend.0
}

/// A coordinate as elements of Fq.
pub trait Parts: Field {
    /// The parts of a coordinate.
    fn into_parts(self, write: impl FnMut(usize, Fq));
    /// The coordinate with these parts.
    fn from_parts(read: impl Fn(usize) -> Fq) -> Self;
}

impl Parts for Fq {
    fn into_parts(self, mut write: impl FnMut(usize, Fq)) {
        write(0, self);
    }

    fn from_parts(read: impl Fn(usize) -> Fq) -> Self {
        read(0)
    }
}

impl Parts for Fq2 {
    fn into_parts(self, mut write: impl FnMut(usize, Fq)) {
        write(0, self.c0);
        write(1, self.c1);
    }

    fn from_parts(read: impl Fn(usize) -> Fq) -> Self {
        Self::new(read(0), read(1))
    }
}

/// A way to add points of `G`.
pub(crate) trait Kernel<G: Arithmetic>: Copy + Send + Sync {
    /// The coordinates it works on.
    type Batch: Batch;

    /// The factor between arkworks' radix and this kernel's, as an element of Fq.
    fn radix_factor(self) -> Fq;

    /// `buffer[out] = table[left] + table[right]` for all pairs; see [`add::add_pairs`].
    fn add_from(
        self,
        table: &[G::Packed],
        pairs: &[Pair],
        buffer: &mut [G::Packed],
        scratch: &mut Scratch<Self::Batch>,
    );

    /// `buffer[out] = buffer[left] + buffer[right]` for all pairs; see [`add::add_pairs`].
    fn add_within(self, pairs: &[Pair], buffer: &mut [G::Packed], scratch: &mut Scratch<Self::Batch>);

    /// Writes the rows of a table, each the one before doubled `doublings` times; see [`double::shift`].
    fn shift(self, points: &[G::Packed], rows: &mut [&mut [G::Packed]], doublings: u32);

    /// A point from arkworks.
    fn pack(self, point: &Affine<G>) -> G::Packed {
        let mut packed = G::Packed::default();
        if !point.is_zero() {
            let half = packed.parts().len() / 2;
            let factor = self.radix_factor();
            let mut put = |base: usize, coordinate: G::BaseField| {
                coordinate.into_parts(|part, value| packed.parts_mut()[base + part] = (value * factor).0.0);
            };
            put(0, point.x);
            put(half, point.y);
        }
        packed
    }

    /// A point for arkworks.
    fn unpack(self, packed: &G::Packed) -> Affine<G> {
        if packed.is_infinity() {
            return Affine::identity();
        }
        let half = packed.parts().len() / 2;
        let factor = self.radix_factor().inverse().expect("a power of two is not zero");
        let get = |base: usize| {
            G::BaseField::from_parts(|part| {
                let mut integer = BigInt(packed.parts()[base + part]);
                if integer >= Fq::MODULUS {
                    ark_ff::BigInteger::sub_with_borrow(&mut integer, &Fq::MODULUS);
                }
                Fq::new_unchecked(integer) * factor
            })
        };
        Affine::new_unchecked(get(0), get(half))
    }
}

/// Arkworks' arithmetic, one addition at a time.
#[derive(Clone, Copy)]
pub(crate) struct ScalarKernel;

impl<G: Arithmetic> Kernel<G> for ScalarKernel {
    type Batch = G::BaseField;

    fn radix_factor(self) -> Fq {
        Fq::ONE
    }

    fn add_from(
        self,
        table: &[G::Packed],
        pairs: &[Pair],
        buffer: &mut [G::Packed],
        scratch: &mut Scratch<Self::Batch>,
    ) {
        add::add_pairs::<_, _, true>((), table, pairs, buffer, scratch);
    }

    fn add_within(self, pairs: &[Pair], buffer: &mut [G::Packed], scratch: &mut Scratch<Self::Batch>) {
        add::add_pairs::<_, _, false>((), &[], pairs, buffer, scratch);
    }

    fn shift(self, points: &[G::Packed], rows: &mut [&mut [G::Packed]], doublings: u32) {
        double::shift::<Self::Batch, _>((), points, rows, doublings);
    }
}

/// AVX-512 IFMA, eight additions at a time.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct VectorKernel(pub(crate) Ifma);

#[cfg(target_arch = "x86_64")]
impl<G: Arithmetic> Kernel<G> for VectorKernel {
    type Batch = G::Vector;

    fn radix_factor(self) -> Fq {
        Fq::from(16u64)
    }

    fn add_from(
        self,
        table: &[G::Packed],
        pairs: &[Pair],
        buffer: &mut [G::Packed],
        scratch: &mut Scratch<Self::Batch>,
    ) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { add_vector::<G, true>(self.0, table, pairs, buffer, scratch) }
    }

    fn add_within(self, pairs: &[Pair], buffer: &mut [G::Packed], scratch: &mut Scratch<Self::Batch>) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { add_vector::<G, false>(self.0, &[], pairs, buffer, scratch) }
    }

    fn shift(self, points: &[G::Packed], rows: &mut [&mut [G::Packed]], doublings: u32) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { shift_vector::<G>(self.0, points, rows, doublings) }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn add_vector<G: Arithmetic, const FROM_TABLE: bool>(
    token: Ifma,
    table: &[G::Packed],
    pairs: &[Pair],
    buffer: &mut [G::Packed],
    scratch: &mut Scratch<G::Vector>,
) {
    add::add_pairs::<_, _, FROM_TABLE>(token, table, pairs, buffer, scratch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn shift_vector<G: Arithmetic>(
    token: Ifma,
    points: &[G::Packed],
    rows: &mut [&mut [G::Packed]],
    doublings: u32,
) {
    double::shift::<G::Vector, _>(token, points, rows, doublings);
}
