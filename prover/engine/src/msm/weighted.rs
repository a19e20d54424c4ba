//! The last step of a multiplication: buckets to one point.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use ark_ec::short_weierstrass::Projective;
use ark_ff::{AdditiveGroup, Zero};

use super::group::{Arithmetic, Kernel, Packed};
use super::runs::sum_runs;

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
) -> Vec<Projective<G>> {
    if arrays.iter().all(|array| array.len() <= SHORT) {
        return arrays
            .iter()
            .map(|array| running_sum(kernel, &points[array.clone()]))
            .collect();
    }
    let mut grid = Grid {
        points,
        entries: Vec::new(),
        offsets: vec![0],
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
    halves
        .chunks_exact(2)
        .zip(shifts)
        .map(|(pair, bits)| {
            let mut rows = pair[0];
            for _ in 0..bits {
                rows.double_in_place();
            }
            rows + pair[1]
        })
        .collect()
}

/// Runs of points that are not infinity.
struct Grid<'a, P> {
    points: &'a [P],
    entries: Vec<AtomicU32>,
    offsets: Vec<u32>,
}

impl<P: Packed> Grid<'_, P> {
    fn runs(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push(&mut self, indices: impl Iterator<Item = usize>) {
        let finite = indices.filter(|&index| !self.points[index].is_infinity());
        self.entries
            .extend(finite.map(|index| AtomicU32::new(index as u32)));
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
