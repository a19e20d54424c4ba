//! The last step of a multiplication: buckets to one point.

use std::ops::Range;

use ark_ec::short_weierstrass::Projective;
use ark_ff::{AdditiveGroup, Zero};

use super::group::{Arithmetic, Kernel, Packed};
use super::runs::sum_runs;
use crate::wiped::Wiped;

/// Arrays up to this length are summed one point after the other.
const SHORT: usize = 16;

/// For each range of `points`, the sum of its points, the first once, the second twice and so on.
///
/// An index i = hi 2^l + lo weighs (i + 1) = hi 2^l + (lo + 1): sums over rows (equal hi) and over columns
/// (equal lo) leave two arrays of the square root's length with the same task. Both are runs, added in batches,
/// where the usual running sum would be one long chain.
pub(crate) fn weighted_sums<G: Arithmetic, K: Kernel<G>>(
    kernel: K,
    points: &[G::Packed],
    arrays: &[Range<usize>],
) -> Wiped<Projective<G>> {
    if arrays.iter().all(|array| array.len() <= SHORT) {
        return Wiped::from_fn(arrays.len(), |i| running_sum(kernel, &points[arrays[i].clone()]));
    }
    let mut grid = Grid {
        // Looked up once: columns jump through memory.
        finite: Wiped::from_fn(points.len(), |i| !points[i].is_infinity()),
        entries: Wiped::new(),
        offsets: Wiped::filled(0, 1),
    };
    let mut next = Vec::with_capacity(2 * arrays.len());
    let mut shifts = Vec::with_capacity(arrays.len());
    for array in arrays {
        let bits = (usize::BITS - array.len().leading_zeros()).div_ceil(2);
        let width = 1 << bits;
        shifts.push(bits);
        let start = grid.runs();
        // Row 0 has weight zero.
        for row in array.clone().step_by(width).skip(1) {
            grid.push(row..(row + width).min(array.end));
        }
        next.push(start..grid.runs());
        let start = grid.runs();
        for column in array.start..(array.start + width).min(array.end) {
            grid.push((column..array.end).step_by(width));
        }
        next.push(start..grid.runs());
    }
    let sums = sum_runs::<G, K>(kernel, points, &grid.entries, &grid.offsets);
    let halves = weighted_sums::<G, K>(kernel, &sums, &next);
    Wiped::from_fn(arrays.len(), |i| {
        let mut rows = halves[2 * i];
        for _ in 0..shifts[i] {
            rows.double_in_place();
        }
        rows + halves[2 * i + 1]
    })
}

/// Runs of points that are not infinity.
struct Grid {
    finite: Wiped<bool>,
    entries: Wiped<u32>,
    offsets: Wiped<u32>,
}

impl Grid {
    fn runs(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push(&mut self, indices: impl Iterator<Item = usize>) {
        for index in indices {
            if self.finite[index] {
                self.entries.push(index as u32);
            }
        }
        self.offsets.push(self.entries.len() as u32);
    }
}

fn running_sum<G: Arithmetic, K: Kernel<G>>(kernel: K, points: &[G::Packed]) -> Projective<G> {
    let (mut sum, mut total) = (Projective::<G>::zero(), Projective::<G>::zero());
    for point in points.iter().rev() {
        if !point.is_infinity() {
            sum += kernel.unpack(point);
        }
        total += sum;
    }
    total
}
