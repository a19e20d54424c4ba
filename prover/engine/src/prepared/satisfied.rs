//! Whether an assignment satisfies the constraints, before any proof is made from it.

use super::{Matrices, matrix::SparseMatrix};
use crate::EngineError;
use ark_bn254::Fr;
use ark_ff::Field;

/// The three matrices of a circuit in compressed rows.
pub struct Satisfaction {
    variables: usize,
    matrices: [SparseMatrix; 3],
}

impl Satisfaction {
    /// Takes a circuit's constraints.
    ///
    /// # Errors
    /// [`EngineError`] where the matrices do not fit each other.
    pub fn new(matrices: Matrices<'_>) -> Result<Self, EngineError> {
        let Matrices {
            a, b, c, variables, ..
        } = matrices;
        for (part, rows) in [("matrix B", b), ("matrix C", c)] {
            if rows.len() != a.len() {
                return Err(EngineError::Shape {
                    part,
                    expected: a.len(),
                    got: rows.len(),
                });
            }
        }
        let compressed = |name, rows| SparseMatrix::new(name, rows, variables);
        Ok(Self {
            variables,
            matrices: [compressed("A", a)?, compressed("B", b)?, compressed("C", c)?],
        })
    }

    /// Whether `full` (1, public inputs, witness) satisfies every constraint.
    #[must_use]
    pub fn holds(&self, full: &[Fr]) -> bool {
        let [a, b, c] = &self.matrices;
        full.len() == self.variables && full[0] == Fr::ONE && SparseMatrix::products_hold(a, b, c, full)
    }
}
