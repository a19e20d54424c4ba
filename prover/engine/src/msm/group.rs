//! The groups of BN254 as the multiplication sees them: points as words, and the kernels that add them.
#![allow(
    unreachable_pub,
    reason = "named by the sealed supertrait of the public `Group`"
)]

use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, Field, PrimeField};

use super::add::{self, Gathers, Pair, Scratch, Slots};
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

/// An affine point: the words of x, then of y, in the Montgomery radix of its kernel; reduced. The point at infinity is all zero, which is on neither curve.
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

    /// Adds points from a table; see [`add::add_gathered`].
    fn add_gathered(
        self,
        table: &[G::Packed],
        gathers: &Gathers,
        slots: &mut Slots<Self::Batch>,
        scratch: &mut Scratch<Self::Batch>,
    );

    /// Adds slots; see [`add::add_slots`].
    fn add_slots(self, pairs: &[Pair], slots: &mut Slots<Self::Batch>, scratch: &mut Scratch<Self::Batch>);

    /// Writes the points of these slots to `out`, one after the other.
    fn unload(self, slots: &Slots<Self::Batch>, from: &[u32], out: &mut [G::Packed]);

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

    fn add_gathered(
        self,
        table: &[G::Packed],
        gathers: &Gathers,
        slots: &mut Slots<Self::Batch>,
        scratch: &mut Scratch<Self::Batch>,
    ) {
        add::add_gathered((), table, gathers, slots, scratch);
    }

    fn add_slots(self, pairs: &[Pair], slots: &mut Slots<Self::Batch>, scratch: &mut Scratch<Self::Batch>) {
        add::add_slots((), pairs, slots, scratch);
    }

    fn unload(self, slots: &Slots<Self::Batch>, from: &[u32], out: &mut [G::Packed]) {
        slots.unload((), from, out);
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

    fn add_gathered(
        self,
        table: &[G::Packed],
        gathers: &Gathers,
        slots: &mut Slots<Self::Batch>,
        scratch: &mut Scratch<Self::Batch>,
    ) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { add_gathered_vector::<G>(self.0, table, gathers, slots, scratch) }
    }

    fn add_slots(self, pairs: &[Pair], slots: &mut Slots<Self::Batch>, scratch: &mut Scratch<Self::Batch>) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { add_slots_vector::<G>(self.0, pairs, slots, scratch) }
    }

    fn unload(self, slots: &Slots<Self::Batch>, from: &[u32], out: &mut [G::Packed]) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { unload_vector::<G>(self.0, slots, from, out) }
    }

    fn shift(self, points: &[G::Packed], rows: &mut [&mut [G::Packed]], doublings: u32) {
        // SAFETY: the token in hand proves the instructions that the function enables.
        unsafe { shift_vector::<G>(self.0, points, rows, doublings) }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn add_gathered_vector<G: Arithmetic>(
    token: Ifma,
    table: &[G::Packed],
    gathers: &Gathers,
    slots: &mut Slots<G::Vector>,
    scratch: &mut Scratch<G::Vector>,
) {
    add::add_gathered(token, table, gathers, slots, scratch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn add_slots_vector<G: Arithmetic>(
    token: Ifma,
    pairs: &[Pair],
    slots: &mut Slots<G::Vector>,
    scratch: &mut Scratch<G::Vector>,
) {
    add::add_slots(token, pairs, slots, scratch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn unload_vector<G: Arithmetic>(token: Ifma, slots: &Slots<G::Vector>, from: &[u32], out: &mut [G::Packed]) {
    slots.unload(token, from, out);
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
