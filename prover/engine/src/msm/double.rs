//! Doubling many points together, for the tables of shifted bases.
//!
//! The doublings of one step share an inversion, as in `add`; but every pair is a doubling, so that nothing has to
//! be told apart, and coordinates stay in the kernel's own form from the first row of a table to the last.
//!
//! No point may be infinity. Then no denominator `2 y` is zero: both groups lie on curves of odd order, which have
//! no points with `y = 0`.

use super::add::{CHAINS, invert_chains};
use super::batch::{Batch, Words};
use super::group::Packed;

/// Points, a batch of lanes at a time.
struct Points<B: Batch> {
    count: usize,
    x: Vec<B::Stored>,
    y: Vec<B::Stored>,
    /// The product of the denominators of all batches before this one in its chain.
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
            let (x, y) = B::gather_points(token, |lane| point(points, batch * B::LANES + lane));
            x.store(&mut out.x[batch]);
            y.store(&mut out.y[batch]);
        }
        out
    }

    #[inline(always)]
    fn double(&mut self, token: B::Token) {
        let mut products = [B::one(token); CHAINS];
        for (batch, (y, before)) in self.y.iter().zip(&mut self.before).enumerate() {
            let product = &mut products[batch % CHAINS];
            product.store(before);
            *product = product.mul(token, B::load(token, y).double(token));
        }
        let mut inverses = invert_chains(token, &products);
        let mut end = self.x.len();
        while end > 0 {
            if B::TOGETHER == 2 && end.is_multiple_of(2) {
                end -= 2;
                self.double_batches::<2>(token, &mut inverses, end);
            } else {
                end -= 1;
                self.double_batches::<1>(token, &mut inverses, end);
            }
        }
    }

    /// The second pass for `W` batches at once, which lie in chains of their own; see `add`.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "several arrays side by side")]
    fn double_batches<const W: usize>(&mut self, token: B::Token, inverses: &mut [B; CHAINS], first: usize) {
        let zero = B::zero(token);
        let (mut slope, mut x3) = ([zero; W], [zero; W]);
        for k in 0..W {
            let inverse = &mut inverses[(first + k) % CHAINS];
            let y1 = B::load(token, &self.y[first + k]);
            slope[k] = inverse.mul(token, B::load(token, &self.before[first + k]));
            *inverse = inverse.mul(token, y1.double(token));
        }
        for k in 0..W {
            let x1 = B::load(token, &self.x[first + k]);
            slope[k] = x1.square(token).triple(token).mul(token, slope[k]);
        }
        for k in 0..W {
            let x1 = B::load(token, &self.x[first + k]);
            x3[k] = slope[k].square(token).difference_of_product(token, x1, x1);
        }
        for k in 0..W {
            let (x1, y1) = (
                B::load(token, &self.x[first + k]),
                B::load(token, &self.y[first + k]),
            );
            let product = slope[k].mul(token, x1.difference(token, x3[k]));
            x3[k].store(&mut self.x[first + k]);
            product
                .difference_of_product(token, zero, y1)
                .store(&mut self.y[first + k]);
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
