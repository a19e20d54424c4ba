//! The H query in the bases that the quotient's values ask for; see the module above for why.

use super::{group, matrix::SparseMatrix};
use crate::{
    Kernels,
    ntt::{Transform, reversed},
};
use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// `n Q'` (one point for each value on `D'`) and `F` (one point for each variable).
pub(super) fn convert(
    h_query: &[G1Affine],
    c: &SparseMatrix,
    variables: usize,
    transform: &Transform,
    kernels: Kernels,
) -> (Vec<G1Affine>, Vec<G1Affine>) {
    let mut powers = h_query.to_vec();
    powers.resize(transform.size(), G1Affine::identity());
    let mut coset = powers.clone();
    let shift = transform.inverse_shift();
    group::scale(kernels, &mut coset, |i| shift[i]);
    group::transform(kernels, &mut coset, transform.inverse_roots());
    group::transform(kernels, &mut powers, transform.inverse_roots());
    let folded = fold(&powers, c, variables, kernels);
    (coset, folded)
}

/// `F_k = 1 / (2 n) sum_r C_rk (n Q"_r)`.
fn fold(rows: &[G1Affine], c: &SparseMatrix, variables: usize, kernels: Kernels) -> Vec<G1Affine> {
    let columns = c.columns(variables);
    let weighted = |entry: &&(Fr, usize)| entry.0 != Fr::ONE && entry.0 != -Fr::ONE;
    let (scalars, mut products): (Vec<Fr>, Vec<G1Affine>) = columns
        .iter()
        .flatten()
        .filter(weighted)
        .map(|(coefficient, row)| (*coefficient, rows[*row]))
        .unzip();
    group::scale(kernels, &mut products, |i| scalars[i]);
    // Where each column's products begin.
    let mut begin = 0;
    let begins: Vec<usize> = columns
        .iter()
        .map(|column| {
            let own = begin;
            begin += column.iter().filter(weighted).count();
            own
        })
        .collect();
    let sums: Vec<G1Projective> = columns
        .par_iter()
        .zip(begins)
        .map(|(column, begin)| {
            let mut products = products[begin..].iter();
            let mut sum = G1Projective::ZERO;
            for entry in column {
                if weighted(&entry) {
                    // One product for each such entry, in the same order.
                    sum += products.next().copied().unwrap_or_default();
                } else if entry.0 == Fr::ONE {
                    sum += rows[entry.1];
                } else {
                    sum -= rows[entry.1];
                }
            }
            sum
        })
        .collect();
    let mut folded = G1Projective::normalize_batch(&sums);
    let factor = Fr::from(2 * rows.len() as u64).inverse().unwrap_or(Fr::ONE);
    group::scale(kernels, &mut folded, |_| factor);
    folded
}

/// The query for coefficients in bit-reversed order; the last coefficient is always zero.
pub(super) fn bit_reversed(h_query: &[G1Affine], bits: u32) -> Vec<G1Affine> {
    let at = |i| h_query.get(reversed(i, bits)).copied().unwrap_or_default();
    (0..1usize << bits).into_par_iter().map(at).collect()
}
