//! The bases of one multi-scalar multiplication.

use crate::{
    Kernels,
    msm::{FixedBases, Group, MemoryCap, Scalars},
};
use ark_ec::short_weierstrass::{Affine, Projective};

/// Bases with the tables that speed up their multiplication.
pub(crate) struct Query<G: Group>(FixedBases<G>);

impl<G: Group> Query<G> {
    /// The query over `bases`; its tables take at most `table_bytes`, but at least one copy of the bases.
    pub(crate) fn new(kernels: Kernels, bases: &[Affine<G>], table_bytes: usize) -> Self {
        Self(FixedBases::with_kernels(
            kernels,
            bases,
            MemoryCap::bytes(table_bytes),
        ))
    }

    /// The sum of the bases, each times its scalar: those of `first`, then those of `second`. There must be one for each
    /// base.
    pub(crate) fn msm(&self, first: &Scalars, second: &Scalars) -> Projective<G> {
        self.0.msm_of(first, second)
    }

    /// Bytes of bases and tables.
    pub(crate) fn bytes(&self) -> usize {
        self.0.table_bytes()
    }
}
