//! Doubling many points together, for the tables of shifted bases.
//!
//! The doublings of one step share an inversion, as in `add`; but every pair is a doubling, so that nothing has to
//! be told apart, and coordinates stay in the kernel's own form from the first row of a table to the last.
//!
//! No point may be infinity. Then no denominator `2 y` is zero: both groups lie on curves of odd order, which have
//! no points with `y = 0`.

use super::batch::{Batch, Words};
use super::group::Packed;

/// Points, a batch of lanes at a time.
struct Points<B: Batch> {
    count: usize,
    x: Vec<B::Stored>,
    y: Vec<B::Stored>,
    /// The product of the denominators of all batches before this one.
    before: Vec<B::Stored>,
}

/// Writes the points to the first row, and to each other row those of the one before doubled `doublings` times.
#[inline(always)]
pub(crate) fn shift<B: Batch, P: Packed>(
    token: B::Token,
    points: &[P],
    rows: &mut [&mut [P]],
    doublings: u32,
) {
    if points.is_empty() {
        return;
    }
    let mut shifted = Points::<B>::load(token, points);
    for (j, row) in rows.iter_mut().enumerate() {
        if j == 0 {
            row.copy_from_slice(points);
            continue;
        }
        for _ in 0..doublings {
            shifted.double(token);
        }
        shifted.store(token, row);
    }
}

impl<B: Batch> Points<B> {
    /// The last batch is filled up with repetitions of the last point.
    #[inline(always)]
    fn load<P: Packed>(token: B::Token, points: &[P]) -> Self {
        let batches = points.len().div_ceil(B::LANES);
        let mut out = Self {
            count: points.len(),
            x: vec![B::Stored::default(); batches],
            y: vec![B::Stored::default(); batches],
            before: vec![B::Stored::default(); batches],
        };
        for batch in 0..batches {
            B::gather(token, |lane| point(points, batch * B::LANES + lane).parts()).store(&mut out.x[batch]);
            B::gather(token, |lane| {
                &point(points, batch * B::LANES + lane).parts()[B::PARTS..]
            })
            .store(&mut out.y[batch]);
        }
        out
    }

    #[inline(always)]
    fn double(&mut self, token: B::Token) {
        let mut product = B::one(token);
        for (y, before) in self.y.iter().zip(&mut self.before) {
            product.store(before);
            product = product.mul(token, B::load(token, y).double(token));
        }
        let mut inverse = product.invert(token);
        for ((x, y), before) in self.x.iter_mut().zip(&mut self.y).zip(&self.before).rev() {
            let (x1, y1) = (B::load(token, x), B::load(token, y));
            let inverted = inverse.mul(token, B::load(token, before));
            inverse = inverse.mul(token, y1.double(token));
            let slope = x1.square(token).triple(token).mul(token, inverted);
            let x3 = slope.square(token).difference_of_product(token, x1, x1);
            let run = x1.difference(token, x3);
            let y3 = slope
                .mul(token, run)
                .difference_of_product(token, B::zero(token), y1);
            x3.store(x);
            y3.store(y);
        }
    }

    #[inline(always)]
    fn store<P: Packed>(&self, token: B::Token, row: &mut [P]) {
        for (batch, (x, y)) in self.x.iter().zip(&self.y).enumerate() {
            let first = batch * B::LANES;
            for (base, coordinate) in [(0, x), (B::PARTS, y)] {
                B::load(token, coordinate).scatter(token, |lane, part, words: Words| {
                    if first + lane < self.count {
                        row[first + lane].parts_mut()[base + part] = words;
                    }
                });
            }
        }
    }
}

/// A point, or the last one beyond the end.
#[inline(always)]
fn point<P>(points: &[P], at: usize) -> &P {
    &points[at.min(points.len() - 1)]
}
