//! Constraint matrices in compressed rows, with the coefficients 1 and -1 set apart.

use crate::EngineError;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;
use std::collections::HashMap;

/// Rows that one core takes at once: fewer would cost more to hand out than to compute.
const ROWS: usize = 256;

/// Where the parts of one row begin; each ends where the next begins, the last where the next row begins.
#[derive(Clone, Copy, Default)]
struct Row {
    plus: u32,
    minus: u32,
    weighted: u32,
}

/// A sparse matrix by rows.
///
/// An entry takes 4 bytes where the coefficient is 1 or -1 and 8 elsewhere; equal coefficients are kept once.
pub(crate) struct SparseMatrix {
    rows: Vec<Row>,
    /// Columns of coefficients 1 and then -1, row after row.
    units: Vec<u32>,
    /// Column and number of the coefficient.
    weighted: Vec<(u32, u32)>,
    coefficients: Vec<Fr>,
}

impl SparseMatrix {
    /// The matrix whose rows list coefficients and columns. A column that is listed twice in a row counts twice.
    ///
    /// # Errors
    /// [`EngineError::Column`] for a column that is not below `variables`.
    pub(crate) fn new(
        matrix: &'static str,
        rows: &[Vec<(Fr, usize)>],
        variables: usize,
    ) -> Result<Self, EngineError> {
        let mut out = Self {
            rows: Vec::with_capacity(rows.len() + 1),
            units: Vec::new(),
            weighted: Vec::new(),
            coefficients: Vec::new(),
        };
        let mut known: HashMap<Fr, u32> = HashMap::new();
        for row in rows {
            if let Some((_, column)) = row.iter().find(|(_, column)| *column >= variables) {
                return Err(EngineError::Column {
                    matrix,
                    column: *column,
                    variables,
                });
            }
            let plus = out.units.len() as u32;
            let with = |unit: Fr| {
                row.iter()
                    .filter(move |(c, _)| *c == unit)
                    .map(|(_, at)| *at as u32)
            };
            out.units.extend(with(Fr::ONE));
            let minus = out.units.len() as u32;
            out.units.extend(with(-Fr::ONE));
            out.rows.push(Row {
                plus,
                minus,
                weighted: out.weighted.len() as u32,
            });
            for (coefficient, column) in row {
                if *coefficient != Fr::ONE && *coefficient != -Fr::ONE && *coefficient != Fr::ZERO {
                    let number = *known.entry(*coefficient).or_insert_with(|| {
                        out.coefficients.push(*coefficient);
                        (out.coefficients.len() - 1) as u32
                    });
                    out.weighted.push((*column as u32, number));
                }
            }
        }
        out.rows.push(Row {
            plus: out.units.len() as u32,
            minus: out.units.len() as u32,
            weighted: out.weighted.len() as u32,
        });
        Ok(out)
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len() - 1
    }

    /// Number of entries that are not zero.
    pub(crate) fn entries(&self) -> usize {
        self.units.len() + self.weighted.len()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.len() * size_of::<Row>()
            + self.units.len() * 4
            + self.weighted.len() * 8
            + self.coefficients.len() * size_of::<Fr>()
    }

    /// Writes the product with `values` to the beginning of `out`, one entry a row.
    pub(crate) fn multiply(&self, values: &[Fr], out: &mut [Fr]) {
        out[..self.rows()]
            .par_chunks_mut(ROWS)
            .zip(self.rows[..self.rows()].par_chunks(ROWS))
            .enumerate()
            .for_each(|(chunk, (out, _))| {
                for (k, out) in out.iter_mut().enumerate() {
                    *out = self.dot(chunk * ROWS + k, values);
                }
            });
    }

    /// Whether in each row the products of `a` and `b` with `values` have that of `c` as their product. The matrices
    /// must have equally many rows.
    pub(crate) fn products_hold(a: &Self, b: &Self, c: &Self, values: &[Fr]) -> bool {
        (0..a.rows())
            .into_par_iter()
            .with_min_len(ROWS)
            .all(|row| a.dot(row, values) * b.dot(row, values) == c.dot(row, values))
    }

    fn dot(&self, row: usize, values: &[Fr]) -> Fr {
        let (row, next) = (self.rows[row], self.rows[row + 1]);
        let value = |column: &u32| values[*column as usize];
        let mut sum = Fr::ZERO;
        for column in &self.units[row.plus as usize..row.minus as usize] {
            sum += value(column);
        }
        for column in &self.units[row.minus as usize..next.plus as usize] {
            sum -= value(column);
        }
        let weighted = &self.weighted[row.weighted as usize..next.weighted as usize];
        let pairs = weighted.chunks_exact(2);
        for (column, number) in pairs.remainder() {
            sum += value(column) * self.coefficients[*number as usize];
        }
        for pair in pairs {
            // One reduction for two products.
            let [(c0, k0), (c1, k1)] = [pair[0], pair[1]];
            let factors = [self.coefficients[k0 as usize], self.coefficients[k1 as usize]];
            sum += Fr::sum_of_products(&[value(&c0), value(&c1)], &factors);
        }
        sum
    }

    /// The entries by column: for each, its rows and coefficients.
    pub(crate) fn columns(&self, variables: usize) -> Vec<Vec<(Fr, usize)>> {
        let mut columns = vec![Vec::new(); variables];
        for at in 0..self.rows() {
            let (row, next) = (self.rows[at], self.rows[at + 1]);
            for column in &self.units[row.plus as usize..row.minus as usize] {
                columns[*column as usize].push((Fr::ONE, at));
            }
            for column in &self.units[row.minus as usize..next.plus as usize] {
                columns[*column as usize].push((-Fr::ONE, at));
            }
            for (column, number) in &self.weighted[row.weighted as usize..next.weighted as usize] {
                columns[*column as usize].push((self.coefficients[*number as usize], at));
            }
        }
        columns
    }
}
