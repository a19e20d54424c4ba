//! A key's queries in the form that [`Form::Coset`](super::Form::Coset) wants: worked out once, kept by callers.

use super::{Matrices, lagrange, matrix::SparseMatrix};
use crate::{EngineError, Kernels, ntt::Transform};
use ark_bn254::{Bn254, G1Affine};
use ark_groth16::ProvingKey;

/// The H query on the points `X^n = -1` and what C adds to the L query; the module above says why.
///
/// Nothing in it is secret. A wrong one gives proofs that do not verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertedKey {
    /// `n Q'`: one point for each point of the domain.
    pub h: Vec<G1Affine>,
    /// `F`: one point for each variable.
    pub folded: Vec<G1Affine>,
}

impl ConvertedKey {
    /// Converts a key: two transforms over `n` points, about `n log2 n` products of a point with a scalar.
    ///
    /// # Errors
    /// [`EngineError`] where matrices and key do not fit each other or are too large.
    pub fn new(
        key: &ProvingKey<Bn254>,
        matrices: Matrices<'_>,
        kernels: Kernels,
    ) -> Result<Self, EngineError> {
        let constraints = matrices.a.len();
        let transform = Transform::new(matrices.log_domain(), kernels)?;
        let c = SparseMatrix::new("C", matrices.c, matrices.variables)?;
        let lengths = [
            ("matrix C", constraints, c.rows()),
            ("H query", transform.size() - 1, key.h_query.len()),
        ];
        for (part, expected, got) in lengths {
            if expected != got {
                return Err(EngineError::Shape { part, expected, got });
            }
        }
        let (h, folded) = lagrange::convert(&key.h_query, &c, matrices.variables, &transform, kernels);
        Ok(Self { h, folded })
    }
}
