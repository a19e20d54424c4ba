//! The transforms eight elements at a time, in radix 2^52.
//!
//! The way from `D` to `D'` is one recursion: a block is split, its parts go all the way down and back, and they
//! are merged again, so that whatever fits a cache is finished there. At the bottom are 64 elements, eight vectors:
//! their last three levels cross the lanes of a vector, hence the vectors are transposed for them, multiplied by
//! the shift as they are, and transposed back.
//!
//! # Bounds
//! All data are below 84 p, as products ask for. Splitting takes values as they come: a product is below 3 p, and a
//! level adds at most 3 p to what it was; from canonical elements 24 levels reach 73 p. The product with the shift
//! brings them below 3 p. Merging reduces one of two sums to little more than p, and products of differences are
//! below 2.1 p, so that no sum passes the 5 p that a reduction takes; the first sum of all, of two values below
//! 2.9 p, has p taken off first. Values leave below 2.1 p.
//!
//! Values are `x 2^256` as in arkworks, constants are `c 2^260`, and so are products of both `x c 2^256`.

use crate::wiped::Wiped;
use ark_bn254::Fr;
use medproof_kernels::field::{Ifma, LimbBlock, Limbs, Modulus, Scalar, Vec8, Wide, limbs, transpose};
use rayon::prelude::*;
use std::ops::{Add, Sub};

type Vector = Vec8<Scalar>;

/// Blocks (of eight elements) that one core finishes alone: 640 KiB, which fits the second-level cache.
const ALONE: usize = 1 << 11;
/// Blocks of a piece of a pass that is shared between cores.
const PIECE: usize = 1 << 6;
/// Blocks at the bottom of the recursion.
const GROUP: usize = 8;

/// The roots of the three levels inside a group, in the order of their use.
type Last = [LimbBlock; 7];

/// Roots and shift in the form that the kernels read.
pub(super) struct Tables {
    token: Ifma,
    split: Vec<Limbs>,
    merge: Vec<Limbs>,
    split_last: Vec<Last>,
    merge_last: Vec<Last>,
    shift: Vec<LimbBlock>,
}

/// `x 2^260`, canonical.
fn constant(x: Fr) -> Limbs {
    // Arkworks holds x 2^256.
    limbs((x * Fr::from(16u64)).0.0)
}

fn block(elements: impl Fn(usize) -> Fr) -> LimbBlock {
    let mut out = LimbBlock::default();
    for lane in 0..8 {
        for (row, limb) in out.0.iter_mut().zip(constant(elements(lane))) {
            row.0[lane] = limb;
        }
    }
    out
}

impl Tables {
    /// The tables for at least 64 elements; the arguments are those of [`super::Transform`].
    pub(super) fn new(token: Ifma, roots: &[Fr], inverse_roots: &[Fr], shift: &[Fr]) -> Self {
        let groups = shift.len() / (8 * GROUP);
        let above = |roots: &[Fr]| roots[..roots.len() / 8].iter().map(|r| constant(*r)).collect();
        let last = |roots: &[Fr]| -> Vec<Last> {
            let group = |g: usize| {
                let at = |level: usize, s: usize| block(|v| roots[((8 * g + v) << level) + s]);
                [
                    at(0, 0),
                    at(1, 0),
                    at(1, 1),
                    at(2, 0),
                    at(2, 1),
                    at(2, 2),
                    at(2, 3),
                ]
            };
            (0..groups).into_par_iter().map(group).collect()
        };
        Self {
            token,
            split: above(inverse_roots),
            merge: above(roots),
            split_last: last(inverse_roots),
            merge_last: last(roots),
            shift: (0..groups * GROUP)
                .into_par_iter()
                .map(|k| block(|v| shift[k / GROUP * 8 * GROUP + 8 * v + k % GROUP]))
                .collect(),
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        (self.split.len() + self.merge.len()) * size_of::<Limbs>()
            + (self.split_last.len() + self.merge_last.len()) * size_of::<Last>()
            + self.shift.len() * size_of::<LimbBlock>()
    }

    /// Takes values on `D` to values on `D'`.
    pub(super) fn to_coset(&self, values: &mut [Fr]) {
        let data = self.transformed(values);
        self.write(values, |k| [&data[k], &data[k], &data[k]], &Combine::First);
    }

    /// Takes `a`, `b` and perhaps `c` from values on `D` to values on `D'`, and leaves `factor (a b - c)` in `a`.
    pub(super) fn product(&self, a: &mut [Fr], b: &[Fr], c: Option<&[Fr]>, factor: Fr) {
        let (on_a, (on_b, on_c)) = rayon::join(
            || self.transformed(a),
            || rayon::join(|| self.transformed(b), || c.map(|c| self.transformed(c))),
        );
        // The product of x 2^256 and y 2^256 is x y 2^252.
        let of_product = constant(factor * Fr::from(16u64));
        match on_c {
            None => {
                self.write(
                    a,
                    |k| [&on_a[k], &on_b[k], &on_b[k]],
                    &Combine::Product(of_product),
                );
            }
            Some(on_c) => {
                let combine = Combine::Difference(of_product, constant(factor));
                self.write(a, |k| [&on_a[k], &on_b[k], &on_c[k]], &combine);
            }
        }
    }

    fn transformed(&self, values: &[Fr]) -> Wiped<LimbBlock> {
        let mut data = Wiped::filled(LimbBlock::default(), values.len() / 8);
        data.par_chunks_mut(PIECE)
            .zip(values.par_chunks(8 * PIECE))
            .for_each(|(data, values)| {
                // SAFETY: the token in the tables proves that the CPU has the instructions.
                unsafe { load(self.token, data, values) }
            });
        self.turn(&mut data, 0);
        data
    }

    fn write<'a>(
        &self,
        values: &mut [Fr],
        data: impl Fn(usize) -> [&'a LimbBlock; 3] + Sync,
        combine: &Combine,
    ) {
        values
            .par_chunks_exact_mut(8)
            .enumerate()
            .with_min_len(PIECE)
            .for_each(|(k, values)| {
                // SAFETY: as in `transformed`.
                unsafe { combined(self.token, data(k), combine, values) }
            });
    }

    /// Splits block `i`, turns its parts, and merges them.
    fn turn(&self, data: &mut [LimbBlock], i: usize) {
        let len = data.len();
        if let Ok(group) = <&mut [LimbBlock; GROUP]>::try_from(&mut *data) {
            // SAFETY: as in `transformed`.
            return unsafe { turn_group(self, group, i) };
        }
        let roots = |table: &[Limbs]| [table[i], table[2 * i], table[2 * i + 1]];
        let parts = if len == 2 * GROUP { 2 } else { 4 };
        let part = len / parts;
        let split = |pieces: [&mut [LimbBlock]; 4]| {
            // SAFETY: as in `transformed`.
            unsafe { split_quarters(self.token, pieces, roots(&self.split)) }
        };
        let merge = |pieces: [&mut [LimbBlock]; 4]| {
            // SAFETY: as in `transformed`.
            unsafe { merge_quarters(self.token, pieces, roots(&self.merge)) }
        };
        if parts == 2 {
            // SAFETY: as in `transformed`.
            unsafe { split_halves(self.token, data, self.split[i]) };
        } else {
            in_pieces(data, split);
        }
        if len <= ALONE {
            for (k, data) in data.chunks_exact_mut(part).enumerate() {
                self.turn(data, parts * i + k);
            }
        } else {
            data.par_chunks_exact_mut(part)
                .enumerate()
                .for_each(|(k, data)| self.turn(data, parts * i + k));
        }
        if parts == 2 {
            // SAFETY: as in `transformed`.
            unsafe { merge_halves(self.token, data, self.merge[i]) };
        } else {
            in_pieces(data, merge);
        }
    }
}

/// Runs `step` over the quarters of `data`, on several cores where that pays.
fn in_pieces(data: &mut [LimbBlock], step: impl Fn([&mut [LimbBlock]; 4]) + Sync) {
    let shared = data.len() > ALONE;
    let (low, high) = data.split_at_mut(data.len() / 2);
    let (a, b) = low.split_at_mut(low.len() / 2);
    let (c, d) = high.split_at_mut(high.len() / 2);
    if !shared {
        return step([a, b, c, d]);
    }
    a.par_chunks_mut(PIECE)
        .zip(b.par_chunks_mut(PIECE))
        .zip(c.par_chunks_mut(PIECE))
        .zip(d.par_chunks_mut(PIECE))
        .for_each(|(((a, b), c), d)| step([a, b, c, d]));
}

/// What [`combined`] makes of three values.
enum Combine {
    /// The first.
    First,
    /// The product of the first two, times a constant.
    Product(Limbs),
    /// The same, less the third times another constant.
    Difference(Limbs, Limbs),
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn load(token: Ifma, data: &mut [LimbBlock], values: &[Fr]) {
    for (block, values) in data.iter_mut().zip(values.chunks_exact(8)) {
        let words = std::array::from_fn(|lane| &values[lane].0.0);
        Vector::load_elements(token, words).store(block);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn combined(token: Ifma, data: [&LimbBlock; 3], combine: &Combine, out: &mut [Fr]) {
    let [a, b, c] = data;
    let a = Vector::load(token, a);
    let value: Wide<Scalar> = match combine {
        Combine::First => a.wide(),
        Combine::Product(factor) => {
            let product = a.mul(token, Vector::load(token, b));
            product.mul(token, Vector::splat(token, *factor)).wide()
        }
        Combine::Difference(factor, third) => {
            let product = a.mul(token, Vector::load(token, b));
            let product = product.mul(token, Vector::splat(token, *factor));
            product.sub(Vector::load(token, c).mul(token, Vector::splat(token, *third)))
        }
    };
    // Between -2.1 p and 2.1 p.
    let value = value.reduce(token).canonical(token);
    if let [e0, e1, e2, e3, e4, e5, e6, e7] = out {
        let words = [e0, e1, e2, e3, e4, e5, e6, e7].map(|e| &mut e.0.0);
        value.store_elements(token, words);
    }
}

/// `(low, high)` to `(low + root high, low - root high)`.
#[inline(always)]
fn split_pair(token: Ifma, low: Wide<Scalar>, high: Vector, root: Vector) -> [Wide<Scalar>; 2] {
    let product = high.mul(token, root);
    [low.add(product), low.sub(product).add_p::<3>(token)]
}

/// `(low, high)` to `(low + high, root (low - high))`.
#[inline(always)]
fn merge_pair(token: Ifma, low: Vector, high: Vector, root: Vector) -> [Vector; 2] {
    let difference = low.sub(high).add_p::<3>(token).carry(token);
    [low.add(high).reduce(token), difference.mul(token, root)]
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn split_quarters(token: Ifma, [a, b, c, d]: [&mut [LimbBlock]; 4], roots: [Limbs; 3]) {
    let [r, r0, r1] = roots;
    let (r, r0, r1) = (
        Vector::splat(token, r),
        Vector::splat(token, r0),
        Vector::splat(token, r1),
    );
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        let [x, z] = split_pair(token, Vector::load(token, a).wide(), Vector::load(token, c), r);
        let [y, w] = split_pair(token, Vector::load(token, b).wide(), Vector::load(token, d), r);
        let [x, y] = split_pair(token, x, y.carry(token), r0);
        let [z, w] = split_pair(token, z, w.carry(token), r1);
        x.carry(token).store(a);
        y.carry(token).store(b);
        z.carry(token).store(c);
        w.carry(token).store(d);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn merge_quarters(token: Ifma, [a, b, c, d]: [&mut [LimbBlock]; 4], roots: [Limbs; 3]) {
    let [r, r0, r1] = roots;
    let (r, r0, r1) = (
        Vector::splat(token, r),
        Vector::splat(token, r0),
        Vector::splat(token, r1),
    );
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        let [x, y] = merge_pair(token, Vector::load(token, a), Vector::load(token, b), r0);
        let [z, w] = merge_pair(token, Vector::load(token, c), Vector::load(token, d), r1);
        let [x, z] = merge_pair(token, x, z, r);
        let [y, w] = merge_pair(token, y, w, r);
        x.store(a);
        y.store(b);
        z.store(c);
        w.store(d);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn split_halves(token: Ifma, data: &mut [LimbBlock], root: Limbs) {
    let root = Vector::splat(token, root);
    let (low, high) = data.split_at_mut(data.len() / 2);
    for (low, high) in low.iter_mut().zip(high) {
        let [x, y] = split_pair(
            token,
            Vector::load(token, low).wide(),
            Vector::load(token, high),
            root,
        );
        x.carry(token).store(low);
        y.carry(token).store(high);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn merge_halves(token: Ifma, data: &mut [LimbBlock], root: Limbs) {
    let root = Vector::splat(token, root);
    let (low, high) = data.split_at_mut(data.len() / 2);
    for (low, high) in low.iter_mut().zip(high) {
        let [x, y] = merge_pair(token, Vector::load(token, low), Vector::load(token, high), root);
        x.store(low);
        y.store(high);
    }
}

/// All that happens to a group of 64 elements: six levels down, the shift, six levels up.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn turn_group(tables: &Tables, data: &mut [LimbBlock; GROUP], g: usize) {
    let token = tables.token;
    for level in 0..3 {
        for (k, part) in data.chunks_exact_mut(GROUP >> level).enumerate() {
            split_halves(token, part, tables.split[(g << level) + k]);
        }
    }
    transpose(token, data);
    for (low, high, k) in PAIRS {
        let (x, y) = (Vector::load(token, &data[low]), Vector::load(token, &data[high]));
        let root = Vector::load(token, &tables.split_last[g][k]);
        let [x, y] = split_pair(token, x.wide(), y, root);
        x.carry(token).store(&mut data[low]);
        y.carry(token).store(&mut data[high]);
    }
    for (block, shift) in data.iter_mut().zip(&tables.shift[GROUP * g..]) {
        let value = Vector::load(token, block).mul(token, Vector::load(token, shift));
        value.store(block);
    }
    let p = Vector::splat(token, Scalar::P);
    for (low, high, k) in PAIRS.into_iter().rev() {
        let (x, y) = (Vector::load(token, &data[low]), Vector::load(token, &data[high]));
        let root = Vector::load(token, &tables.merge_last[g][k]);
        let difference = x.sub(y).add_p::<3>(token).carry(token);
        // In the first level a sum may pass 5 p.
        let sum = if k >= 3 { x.add(y).sub(p) } else { x.add(y) };
        sum.reduce(token).store(&mut data[low]);
        difference.mul(token, root).store(&mut data[high]);
    }
    transpose(token, data);
    for level in (0..3).rev() {
        for (k, part) in data.chunks_exact_mut(GROUP >> level).enumerate() {
            merge_halves(token, part, tables.merge[(g << level) + k]);
        }
    }
}

/// The pairs of the last three levels, among transposed vectors, with the number of their roots.
const PAIRS: [(usize, usize, usize); 12] = [
    (0, 4, 0),
    (1, 5, 0),
    (2, 6, 0),
    (3, 7, 0),
    (0, 2, 1),
    (1, 3, 1),
    (4, 6, 2),
    (5, 7, 2),
    (0, 1, 3),
    (2, 3, 4),
    (4, 5, 5),
    (6, 7, 6),
];
