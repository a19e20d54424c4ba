//! The permutation, with the linear layers of its partial rounds made sparse.
//!
//! A partial round applies the S-box to the first word only, so it commutes with every matrix
//! `D = [1, 0; 0, X]`. A layer `L = [l, v; w, X]` is `P D` with that `D` and `P = [l, v X^-1; w, 1]`: `D` moves
//! before the S-box, into the layer of the round before, and `P` costs `2T - 1` products in place of `T^2`. From
//! the last partial round to the first this leaves one dense layer, that of the last full round before them.
//! Constants of the words that have no S-box move forward through `P` in the same way, until the full round after.
//! The function is the same; the tests compare it with `light-poseidon`, which applies the rounds as they are
//! defined, and whose constants these are.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use light_poseidon::parameters::bn254_x5::get_poseidon_parameters;
use medproof_kernels::poseidon::{Full, HALF, Partial, Rounds};
use std::array::from_fn;

type Matrix<const T: usize> = [[Fr; T]; T];

/// Poseidon of `T` words: `T - 1` inputs after a capacity word of zero.
pub(super) struct Permutation<const T: usize>(Rounds<T>);

impl<const T: usize> Permutation<T> {
    /// Takes the round constants and the matrix of width `T`, 2 to 13, and makes the partial rounds sparse.
    pub(super) fn new() -> Self {
        // The library has parameters for exactly these widths.
        let parameters = get_poseidon_parameters::<Fr>(T as u8).expect("T is in 2..=13");
        let mds: Matrix<T> = from_fn(|i| from_fn(|j| parameters.mds[i][j]));
        let constants = |round: usize| -> [Fr; T] { from_fn(|i| parameters.ark[round * T + i]) };
        let end = HALF + parameters.partial_rounds;
        let mut layer = mds;
        let mut rounds = Vec::with_capacity(parameters.partial_rounds);
        for round in (HALF..end).rev() {
            let moved = without_first(&layer);
            rounds.push((
                product(&layer, &inverse(&moved)),
                apply(&moved, &constants(round)),
            ));
            layer = product(&moved, &mds);
        }
        let mut carried = [Fr::ZERO; T];
        let partial = rounds.into_iter().rev().map(|(sparse, constants)| {
            let mut sum: [Fr; T] = from_fn(|i| constants[i] + carried[i]);
            let constant = std::mem::take(&mut sum[0]);
            carried = apply(&sparse, &sum);
            Partial {
                constant,
                row: sparse[0],
                column: from_fn(|i| sparse[i][0]),
            }
        });
        let partial = partial.collect();
        let full = |round, layer| Full {
            constants: constants(round),
            layer,
        };
        let mut before = from_fn(|i| full(i, mds));
        before[HALF - 1].layer = layer;
        let mut after = from_fn(|i| full(end + i, mds));
        for (constant, carried) in after[0].constants.iter_mut().zip(carried) {
            *constant += carried;
        }
        Self(Rounds {
            before,
            partial,
            after,
        })
    }

    /// The rounds that [`Self::hash`] carries out.
    pub(super) fn rounds(&self) -> &Rounds<T> {
        &self.0
    }

    /// The first word after the permutation of `(0, inputs)`. Inputs beyond `T - 1` do not exist: the caller
    /// chooses `T` by their number.
    pub(super) fn hash(&self, inputs: &[Fr]) -> Fr {
        let mut state = [Fr::ZERO; T];
        state[1..].copy_from_slice(inputs);
        for round in &self.0.before {
            full_sbox(&mut state, &round.constants);
            state = apply(&round.layer, &state);
        }
        for round in &self.0.partial {
            state[0] = fifth_power(state[0] + round.constant);
            let first = Fr::sum_of_products(&round.row, &state);
            for i in 1..T {
                state[i] += round.column[i] * state[0];
            }
            state[0] = first;
        }
        let [after @ .., last] = &self.0.after;
        for round in after {
            full_sbox(&mut state, &round.constants);
            state = apply(&round.layer, &state);
        }
        full_sbox(&mut state, &last.constants);
        Fr::sum_of_products(&last.layer[0], &state)
    }
}

fn fifth_power(x: Fr) -> Fr {
    x.square().square() * x
}

fn full_sbox<const T: usize>(state: &mut [Fr; T], constants: &[Fr; T]) {
    for (word, constant) in state.iter_mut().zip(constants) {
        *word = fifth_power(*word + constant);
    }
}

fn apply<const T: usize>(matrix: &Matrix<T>, vector: &[Fr; T]) -> [Fr; T] {
    from_fn(|i| Fr::sum_of_products(&matrix[i], vector))
}

fn product<const T: usize>(left: &Matrix<T>, right: &Matrix<T>) -> Matrix<T> {
    from_fn(|i| from_fn(|j| (0..T).map(|k| left[i][k] * right[k][j]).sum()))
}

/// `[1, 0; 0, X]` of a matrix `[l, v; w, X]`.
fn without_first<const T: usize>(matrix: &Matrix<T>) -> Matrix<T> {
    from_fn(|i| {
        from_fn(|j| match (i, j) {
            (0, 0) => Fr::ONE,
            (0, _) | (_, 0) => Fr::ZERO,
            _ => matrix[i][j],
        })
    })
}

fn identity<const T: usize>() -> Matrix<T> {
    from_fn(|i| from_fn(|j| if i == j { Fr::ONE } else { Fr::ZERO }))
}

/// By Gauss and Jordan.
fn inverse<const T: usize>(matrix: &Matrix<T>) -> Matrix<T> {
    let mut left = *matrix;
    let mut right = identity();
    for column in 0..T {
        // The matrices are constants of the code: every width is built in a test.
        let pivot = (column..T).find(|i| left[*i][column] != Fr::ZERO);
        let pivot = pivot.expect("the layers of every width are invertible");
        left.swap(column, pivot);
        right.swap(column, pivot);
        let scale = left[column][column].inverse().expect("a pivot is not zero");
        for j in 0..T {
            left[column][j] *= scale;
            right[column][j] *= scale;
        }
        let (left_row, right_row) = (left[column], right[column]);
        for i in (0..T).filter(|i| *i != column) {
            let factor = left[i][column];
            for j in 0..T {
                left[i][j] -= factor * left_row[j];
                right[i][j] -= factor * right_row[j];
            }
        }
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every width has its layers in sparse form: below the first row and beside the first column the identity.
    #[test]
    fn partial_layers_are_sparse() {
        fn check<const T: usize>() {
            let parameters = get_poseidon_parameters::<Fr>(T as u8).unwrap();
            let mds: Matrix<T> = from_fn(|i| from_fn(|j| parameters.mds[i][j]));
            let mut layer = mds;
            for _ in 0..parameters.partial_rounds {
                let moved = without_first(&layer);
                let sparse = product(&layer, &inverse(&moved));
                assert_eq!(without_first(&sparse), identity(), "width {T}");
                assert_eq!(product(&sparse, &moved), layer);
                layer = product(&moved, &mds);
            }
            assert_eq!(parameters.full_rounds, 2 * HALF);
            assert_eq!(parameters.alpha, 5);
        }
        check::<2>();
        check::<5>();
        check::<13>();
    }
}
