//! The bases of one multi-scalar multiplication.

use crate::{
    Kernels,
    msm::{FixedBases, Group, MemoryCap},
};
use ark_bn254::Fr;
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

    /// `sum_i scalars[i] bases[i]`; there must be one scalar for each base.
    pub(crate) fn msm(&self, scalars: &[Fr]) -> Projective<G> {
        self.0.msm(scalars)
    }

    /// [`Self::msm`] with the scalars of `first` followed by those of `second`.
    pub(crate) fn msm_of_two(&self, first: &[Fr], second: &[Fr]) -> Projective<G> {
        self.0.msm_of_two(first, second)
    }

    /// Bytes of bases and tables.
    pub(crate) fn bytes(&self) -> usize {
        self.0.table_bytes()
    }
}
