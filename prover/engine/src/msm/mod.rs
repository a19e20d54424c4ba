//! Multi-scalar multiplication over bases that never change: the queries of a proving key.
//!
//! [`FixedBases`] is built once per query. It keeps the bases shifted by every window of the scalars (as far as
//! its [`MemoryCap`] goes), so that a multiplication is one pass over one set of buckets, without doublings:
//!
//! 1. `digits`: scalars above r/2 count negatively; signed digits, zeros dropped, counting sort by bucket. Zero,
//!    one, minus one and small scalars have no or few digits, and cost as much.
//! 2. `runs`: each bucket is a run of points, summed in pairwise rounds by one lane (by several where it is long); `add` adds all pairs of a round in
//!    batches that share one inversion, eight lanes side by side where the machine can (`vector`). Equal, opposite
//!    and infinite points are handled exactly.
//! 3. `weighted`: buckets to one point, by the same additions.
//!
//! The result is a group element: it does not depend on kernels, threads or memory.

mod add;
mod batch;
mod digits;
mod double;
mod group;
mod pages;
mod plan;
mod runs;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vector;
mod weighted;

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

pub use digits::Scalars;
pub use group::Group;
use group::{Kernel, ScalarKernel};
pub use plan::MemoryCap;
use plan::Plan;

#[cfg(target_arch = "x86_64")]
use self::group::VectorKernel;
use crate::Kernels;

/// Most bases of one query: indices of digits have 32 bits.
pub const MAX_BASES: usize = 1 << 26;

/// Bases prepared for multiplication by many vectors of scalars.
pub struct FixedBases<G: Group> {
    kernels: Kernels,
    plan: Plan,
    /// Number of bases given, points at infinity included.
    len: usize,
    /// Which of the given bases the table has: those not at infinity.
    kept: Vec<u32>,
    /// Row j is the kept bases shifted by j `plan.window` `plan.sets` bits.
    table: Vec<G::Packed>,
}

impl<G: Group> FixedBases<G> {
    /// Prepares bases on the fastest kernels of this machine.
    ///
    /// # Panics
    /// If there are more than [`MAX_BASES`].
    #[must_use]
    pub fn new(bases: &[Affine<G>], cap: MemoryCap) -> Self {
        Self::with_kernels(Kernels::detect(), bases, cap)
    }

    /// Prepares bases for given kernels.
    ///
    /// # Panics
    /// If there are more than [`MAX_BASES`].
    #[must_use]
    pub fn with_kernels(kernels: Kernels, bases: &[Affine<G>], cap: MemoryCap) -> Self {
        assert!(bases.len() <= MAX_BASES, "at most {MAX_BASES} bases");
        let kept: Vec<u32> = (0..bases.len() as u32)
            .filter(|&i| !bases[i as usize].is_zero())
            .collect();
        let plan = Plan::new::<G>(kept.len(), cap);
        let table = match kernels {
            Kernels::Scalar => shifted_rows(ScalarKernel, &plan, bases, &kept),
            #[cfg(target_arch = "x86_64")]
            Kernels::Ifma(token) => shifted_rows(VectorKernel(token), &plan, bases, &kept),
            #[cfg(not(target_arch = "x86_64"))]
            Kernels::Ifma(_) => unreachable!("Ifma::detect gives no token here"),
        };
        Self {
            kernels,
            plan,
            len: bases.len(),
            kept,
            table,
        }
    }

    /// Number of bases, points at infinity included: the number of scalars [`Self::msm`] takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory of the table, in bytes.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        size_of_val(self.table.as_slice())
    }

    /// The sum of the bases, each times its scalar.
    ///
    /// # Panics
    /// If there are not exactly [`Self::len`] scalars.
    pub fn msm(&self, scalars: &[Fr]) -> Projective<G> {
        self.msm_of(&Scalars::new(scalars), &Scalars::new(&[]))
    }

    /// [`Self::msm`] with the scalars of `first` followed by those of `second`.
    ///
    /// # Panics
    /// If these are not exactly [`Self::len`].
    pub fn msm_of(&self, first: &Scalars, second: &Scalars) -> Projective<G> {
        assert_eq!(first.len() + second.len(), self.len, "one scalar for each base");
        match self.kernels {
            Kernels::Scalar => self.msm_with(ScalarKernel, first, second),
            #[cfg(target_arch = "x86_64")]
            Kernels::Ifma(token) => self.msm_with(VectorKernel(token), first, second),
            #[cfg(not(target_arch = "x86_64"))]
            Kernels::Ifma(_) => unreachable!("Ifma::detect gives no token here"),
        }
    }

    fn msm_with<K: Kernel<G>>(&self, kernel: K, first: &Scalars, second: &Scalars) -> Projective<G> {
        let sorted = digits::sort(&self.plan, &self.kept, first, second);
        let buckets = runs::sum_runs::<G, K>(kernel, &self.table, &sorted.entries, &sorted.offsets);
        let sets: Vec<_> = (0..self.plan.sets as usize)
            .map(|set| set * self.plan.buckets()..(set + 1) * self.plan.buckets())
            .collect();
        let sums = weighted::weighted_sums::<G, K>(kernel, &buckets, &sets);
        sums.iter().rev().fold(Projective::zero(), |mut total, sum| {
            for _ in 0..self.plan.window {
                total.double_in_place();
            }
            total + sum
        })
    }
}

/// Bases shifted together: one inversion of a thread serves so many doublings.
const SHIFTED_TOGETHER: usize = 1 << 11;

/// The table: each row the one before, doubled `window * sets` times.
fn shifted_rows<G: Group, K: Kernel<G>>(
    kernel: K,
    plan: &Plan,
    bases: &[Affine<G>],
    kept: &[u32],
) -> Vec<G::Packed> {
    let mut table = pages::room(kept.len() * plan.rows());
    table.resize(kept.len() * plan.rows(), G::Packed::default());
    if kept.is_empty() {
        return table;
    }
    // Columns of all rows, a slice for each thread to fill.
    let mut columns: Vec<(usize, Vec<&mut [G::Packed]>)> = (0..kept.len().div_ceil(SHIFTED_TOGETHER))
        .map(|block| (block * SHIFTED_TOGETHER, Vec::new()))
        .collect();
    for row in table.chunks_mut(kept.len()) {
        for (column, slice) in columns.iter_mut().zip(row.chunks_mut(SHIFTED_TOGETHER)) {
            column.1.push(slice);
        }
    }
    columns.into_par_iter().for_each(|(start, mut rows)| {
        let points: Vec<G::Packed> = kept[start..]
            .iter()
            .take(SHIFTED_TOGETHER)
            .map(|&i| kernel.pack(&bases[i as usize]))
            .collect();
        kernel.shift(&points, &mut rows, plan.window * plan.sets);
    });
    table
}
