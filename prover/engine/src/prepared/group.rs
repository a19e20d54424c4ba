//! Many G1 points at once: sums, products with scalars and transforms, in affine coordinates.
//!
//! An affine addition costs one inversion, and a batch of inversions costs three multiplications each, which
//! makes a batch of affine additions cheaper than projective ones. Every case is handled: equal and opposite
//! points and the identity, on either side.

use super::endomorphism;
#[cfg(target_arch = "x86_64")]
use super::lanes;
use crate::{Kernels, ntt::reversed};
use ark_bn254::{Fq, Fr, G1Affine, g1};
use ark_ec::{AffineRepr, scalar_mul::glv::GLVConfig};
use ark_ff::{AdditiveGroup, Field};
use medproof_kernels::field::inverse;
use rayon::prelude::*;

/// Points that share one inversion; also what one core takes at once.
const BATCH: usize = 1 << 10;
/// Half scalars are below 2^128, so a signed form has at most this many digits.
const DIGITS: usize = 130;
/// Odd multiples 1, 3, 5, 7 of each point.
const MULTIPLES: usize = 4;

/// Inverts every element that is not zero in place.
fn invert(values: &mut [Fq], products: &mut Vec<Fq>) {
    products.clear();
    let mut product = Fq::ONE;
    for value in values.iter() {
        products.push(product);
        if *value != Fq::ZERO {
            product *= value;
        }
    }
    // A product of elements that are not zero has an inverse.
    let mut rest = inverse(&product).unwrap_or(Fq::ONE);
    for (value, product) in values.iter_mut().zip(products).rev() {
        if *value != Fq::ZERO {
            let next = rest * *value;
            *value = rest * *product;
            rest = next;
        }
    }
}

/// The denominator of the slope through two points; zero where there is none to compute.
fn denominator(p: &G1Affine, q: &G1Affine) -> Fq {
    if p.is_zero() || q.is_zero() {
        Fq::ZERO
    } else if p.x != q.x {
        q.x - p.x
    } else {
        // Doubling one of P + Q and P - Q; the curve's order is odd, so y is not zero.
        p.y.double()
    }
}

/// `p + q` with the inverse of their denominator.
fn sum(p: &G1Affine, q: &G1Affine, inverse: &Fq) -> G1Affine {
    if p.is_zero() {
        return *q;
    }
    if q.is_zero() {
        return *p;
    }
    let slope = if p.x != q.x {
        (q.y - p.y) * inverse
    } else if p.y == q.y {
        let square = p.x.square();
        (square.double() + square) * inverse
    } else {
        return G1Affine::identity();
    };
    let x = slope.square() - p.x - q.x;
    G1Affine::new_unchecked(x, slope * (p.x - x) - p.y)
}

/// Room that batches reuse.
#[derive(Default)]
struct Room {
    inverses: Vec<Fq>,
    products: Vec<Fq>,
}

impl Room {
    fn denominators(&mut self, pairs: impl Iterator<Item = (G1Affine, G1Affine)>) {
        self.inverses.clear();
        self.inverses.extend(pairs.map(|(p, q)| denominator(&p, &q)));
        invert(&mut self.inverses, &mut self.products);
    }

    /// `(p, q)` becomes `(p + q, p - q)`.
    fn cross(&mut self, low: &mut [G1Affine], high: &mut [G1Affine]) {
        self.denominators(low.iter().copied().zip(high.iter().copied()));
        for ((p, q), inverse) in low.iter_mut().zip(high).zip(&self.inverses) {
            (*p, *q) = (sum(p, q, inverse), sum(p, &-*q, inverse));
        }
    }

    /// Adds `adds[k].1` to `points[adds[k].0]`; no position twice.
    fn add(&mut self, points: &mut [G1Affine], adds: &[(u32, G1Affine)]) {
        self.denominators(adds.iter().map(|(at, q)| (points[*at as usize], *q)));
        for ((at, q), inverse) in adds.iter().zip(&self.inverses) {
            let p = &mut points[*at as usize];
            *p = sum(p, q, inverse);
        }
    }

    fn double(&mut self, points: &mut [G1Affine]) {
        self.denominators(points.iter().map(|p| (*p, *p)));
        for (p, inverse) in points.iter_mut().zip(&self.inverses) {
            *p = sum(p, p, inverse);
        }
    }
}

/// `points[i] += others[i]`.
pub(super) fn add_each(points: &mut [G1Affine], others: &[G1Affine]) {
    points
        .par_chunks_mut(BATCH)
        .zip(others.par_chunks(BATCH))
        .for_each(|(points, others)| {
            let adds: Vec<(u32, G1Affine)> = (0..).zip(others.iter().copied()).collect();
            Room::default().add(points, &adds);
        });
}

/// `points[i] *= scalar(i)`.
pub(super) fn scale(kernels: Kernels, points: &mut [G1Affine], scalar: impl Fn(usize) -> Fr + Sync) {
    // Points at infinity stay what they are; vectors would have to be given up for them.
    let finite: Vec<u32> = (0..points.len() as u32)
        .filter(|&i| !points[i as usize].is_zero())
        .collect();
    if finite.len() == points.len() {
        return scale_finite(kernels, points, scalar);
    }
    let mut products: Vec<G1Affine> = finite.iter().map(|&i| points[i as usize]).collect();
    scale_finite(kernels, &mut products, |k| scalar(finite[k] as usize));
    for (i, product) in finite.into_iter().zip(products) {
        points[i as usize] = product;
    }
}

fn scale_finite(kernels: Kernels, points: &mut [G1Affine], scalar: impl Fn(usize) -> Fr + Sync) {
    points
        .par_chunks_mut(BATCH)
        .enumerate()
        .for_each(|(chunk, points)| {
            let halves: Vec<[i128; 2]> = (0..points.len())
                .map(|i| endomorphism::split(scalar(chunk * BATCH + i)))
                .collect();
            #[cfg(target_arch = "x86_64")]
            if let Kernels::Ifma(token) = kernels {
                let whole = points.len() / 8 * 8;
                let (vectors, rest) = points.split_at_mut(whole);
                if lanes::scale(token, vectors, &halves[..whole]).is_none() {
                    scale_batch(vectors, &halves[..whole]);
                }
                return scale_batch(rest, &halves[whole..]);
            }
            scale_batch(points, &halves);
        });
}

/// The signed digits of a half scalar, lowest first: odd and below 8 in size, or zero.
fn digits(half: i128) -> [i8; DIGITS] {
    let mut rest = half.unsigned_abs();
    debug_assert!(rest >> 127 == 0);
    let mut out = [0i8; DIGITS];
    for digit in &mut out {
        if rest & 1 == 1 {
            let low = (rest & 15) as i8;
            let value = if low >= 8 { low - 16 } else { low };
            // A half scalar is below 2^127, so adding 8 at most does not overflow.
            rest = rest.wrapping_add_signed(-i128::from(value));
            *digit = if half < 0 { -value } else { value };
        }
        rest >>= 1;
    }
    out
}

/// One batch of products, by the endomorphism: a scalar is split into two halves, which share the doublings.
fn scale_batch(points: &mut [G1Affine], halves: &[[i128; 2]]) {
    if points.is_empty() {
        return;
    }
    let mut room = Room::default();
    let halves: Vec<[[i8; DIGITS]; 2]> = halves.iter().map(|halves| halves.map(digits)).collect();
    // multiples[m] holds (2 m + 1) times each point.
    let mut twice = points.to_vec();
    room.double(&mut twice);
    let twice: Vec<(u32, G1Affine)> = (0..).zip(twice).collect();
    let mut multiples = vec![points.to_vec()];
    for m in 1..MULTIPLES {
        let mut next = multiples[m - 1].clone();
        room.add(&mut next, &twice);
        multiples.push(next);
    }
    points.fill(G1Affine::identity());
    let mut adds = Vec::with_capacity(points.len());
    for place in (0..DIGITS).rev() {
        room.double(points);
        for half in 0..2 {
            adds.clear();
            for (i, halves) in halves.iter().enumerate() {
                let digit = halves[half][place];
                if digit != 0 {
                    let mut point = multiples[usize::from(digit.unsigned_abs() / 2)][i];
                    if half == 1 {
                        point.x *= g1::Config::ENDO_COEFFS[0];
                    }
                    adds.push((i as u32, if digit < 0 { -point } else { point }));
                }
            }
            room.add(points, &adds);
        }
    }
}

/// The transform `out[j] = sum_i points[i] root^(ij)`, both in natural order, where `roots` holds the powers of
/// `root` in bit-reversed order. The number of points must be twice that of the roots.
pub(super) fn transform(kernels: Kernels, points: &mut [G1Affine], roots: &[Fr]) {
    let size = points.len();
    let mut half = size / 2;
    let (mut lows, mut highs) = (Vec::with_capacity(half), Vec::with_capacity(half));
    while half > 0 {
        lows.clear();
        highs.clear();
        for block in points.chunks_exact(2 * half) {
            lows.extend_from_slice(&block[..half]);
            highs.extend_from_slice(&block[half..]);
        }
        // The root of block 0 is 1.
        scale(kernels, &mut highs[half..], |i| roots[1 + i / half]);
        lows.par_chunks_mut(BATCH)
            .zip(highs.par_chunks_mut(BATCH))
            .for_each(|(low, high)| Room::default().cross(low, high));
        for (k, block) in points.chunks_exact_mut(2 * half).enumerate() {
            block[..half].copy_from_slice(&lows[k * half..][..half]);
            block[half..].copy_from_slice(&highs[k * half..][..half]);
        }
        half /= 2;
    }
    let bits = size.trailing_zeros();
    for i in 0..size {
        let j = reversed(i, bits);
        if i < j {
            points.swap(i, j);
        }
    }
}
