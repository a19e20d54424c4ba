//! Sparse matrices over the scalar field, row by row.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::Matrix;

/// A sparse matrix in one normal form: in each row the columns ascend, no column comes twice, and no
/// coefficient is zero. Two matrices are equal exactly when they are the same map.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparseMatrix {
    /// Where each row ends in `columns` and `values`.
    ends: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<Fr>,
}

impl SparseMatrix {
    /// A matrix without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings rows of `(coefficient, column)` into the normal form.
    pub fn from_rows(rows: &Matrix<Fr>) -> Self {
        let mut out = Self::new();
        let mut entries = Vec::new();
        for row in rows {
            entries.clear();
            // Columns are below 2^27: no circuit has more variables.
            entries.extend(row.iter().map(|(value, column)| (*column as u32, *value)));
            out.push(&mut entries);
        }
        out
    }

    /// Adds a row, bringing its entries into the normal form.
    pub(crate) fn push(&mut self, entries: &mut [(u32, Fr)]) {
        entries.sort_unstable_by_key(|(column, _)| *column);
        let mut rest = entries.iter().peekable();
        while let Some((column, value)) = rest.next() {
            let mut sum = *value;
            while let Some((_, more)) = rest.next_if(|(c, _)| c == column) {
                sum += more;
            }
            if sum != Fr::ZERO {
                self.columns.push(*column);
                self.values.push(sum);
            }
        }
        self.ends.push(self.columns.len() as u32);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Number of coefficients that are not zero.
    pub fn entries(&self) -> usize {
        self.values.len()
    }

    /// One row as ascending columns and their coefficients; empty for a row that does not exist.
    pub fn row(&self, index: usize) -> impl ExactSizeIterator<Item = (usize, &Fr)> + '_ {
        let end = self.ends.get(index).copied().unwrap_or_default() as usize;
        let begin = match index {
            0 => 0,
            _ => (self.ends.get(index - 1).copied().unwrap_or_default() as usize).min(end),
        };
        let columns = self.columns[begin..end].iter().map(|c| *c as usize);
        columns.zip(&self.values[begin..end])
    }

    /// One row times a vector; a column behind its end counts as zero.
    pub fn dot(&self, index: usize, vector: &[Fr]) -> Fr {
        self.row(index).fold(Fr::ZERO, |sum, (column, value)| {
            let x = vector.get(column).copied().unwrap_or_default();
            sum + if *value == Fr::ONE { x } else { *value * x }
        })
    }

    /// As arkworks' rows of `(coefficient, column)`.
    pub fn to_rows(&self) -> Matrix<Fr> {
        let row = |i| self.row(i).map(|(column, value)| (*value, column)).collect();
        (0..self.rows()).map(row).collect()
    }

    /// Keeps the first `rows` rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        let entries = self.ends.last().copied().unwrap_or_default() as usize;
        self.columns.truncate(entries);
        self.values.truncate(entries);
    }
}
