//! The rounds on vectors.

use super::{Full, Partial, Rounds};
use crate::field::{Ifma, Limbs, Modulus, Product, Scalar, Vec8, limbs};
use ark_bn254::Fr;
use ark_ff::{BigInt, Fp};

/// A permutation with its constants as the vector kernels read them.
#[derive(Clone, Debug)]
pub struct Poseidon8<const T: usize> {
    token: Ifma,
    rounds: Rounds<T, Limbs>,
}

/// An element as limbs of radix 2^260, canonical.
fn constant(element: &Fr) -> Limbs {
    // Arkworks has x 2^256: times 2^4 is x 2^260.
    limbs((*element * Fr::from(16u64)).0.0)
}

fn full<const T: usize>(round: &Full<T>) -> Full<T, Limbs> {
    Full {
        constants: round.constants.each_ref().map(constant),
        layer: round.layer.each_ref().map(|row| row.each_ref().map(constant)),
    }
}

impl<const T: usize> Poseidon8<T> {
    /// Takes over the rounds.
    #[must_use]
    pub fn new(token: Ifma, rounds: &Rounds<T>) -> Self {
        let partial = |round: &Partial<T>| Partial {
            constant: constant(&round.constant),
            row: round.row.each_ref().map(constant),
            column: round.column.each_ref().map(constant),
        };
        let rounds = Rounds {
            before: rounds.before.each_ref().map(full),
            partial: rounds.partial.iter().map(partial).collect(),
            after: rounds.after.each_ref().map(full),
        };
        Self { token, rounds }
    }

    /// The first words after the permutation of eight states: `states[j][i]` is word j of hash i.
    #[must_use]
    pub fn first_words(&self, states: &[[Fr; 8]; T]) -> [Fr; 8] {
        let mut out = [[0; 4]; 8];
        // SAFETY: the token proves the instructions that the function enables.
        unsafe { permute(self.token, &self.rounds, states, &mut out) };
        out.map(|words| Fp::new_unchecked(BigInt(words)))
    }
}

/// Bounds, in multiples of p (see [`Vec8`]): words are below 3.2 between rounds, below 4.2 with a constant added; a fifth
/// power is below 2.2; a sum of `T` products of words and constants, reduced once, is below 2 + 3.2 `T`/84.
///
/// No closure here may call a vector operation: it would be compiled without the features.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
fn permute<const T: usize>(
    token: Ifma,
    rounds: &Rounds<T, Limbs>,
    states: &[[Fr; 8]; T],
    out: &mut [[u64; 4]; 8],
) {
    const {
        assert!(2 <= T && T <= 16);
    }
    let from_ark = Vec8::splat(token, Scalar::FROM_ARK);
    let mut state = [Vec8::zero(token); T];
    for (word, elements) in state.iter_mut().zip(states) {
        let [a, b, c, d, e, f, g, h] = elements;
        let words = [&a.0.0, &b.0.0, &c.0.0, &d.0.0, &e.0.0, &f.0.0, &g.0.0, &h.0.0];
        *word = Vec8::<Scalar>::load_elements(token, words).mul(token, from_ark);
    }
    for round in &rounds.before {
        full_round(token, &mut state, round);
    }
    for round in &rounds.partial {
        let power = fifth_power(token, state[0], &round.constant);
        state[0] = power;
        let first = row_times(token, &round.row, &state);
        for (word, factor) in state[1..].iter_mut().zip(&round.column[1..]) {
            let product = power.mul(token, Vec8::splat(token, *factor));
            // Below 5p, as the reduction asks: at most 1 + 2.1, the first time 2.5 + 2.1 (16 words).
            *word = (*word + product).reduce(token);
        }
        state[0] = first;
    }
    let [after @ .., last] = &rounds.after;
    for round in after {
        full_round(token, &mut state, round);
    }
    for (word, constant) in state.iter_mut().zip(&last.constants) {
        *word = fifth_power(token, *word, constant);
    }
    let first = row_times(token, &last.layer[0], &state).mul(token, Vec8::splat(token, Scalar::TO_ARK));
    let words = first.wide().reduce(token).canonical(token);
    words.store_elements(token, out.each_mut());
}

#[inline(always)]
fn full_round<const T: usize>(token: Ifma, state: &mut [Vec8<Scalar>; T], round: &Full<T, Limbs>) {
    let mut powers = *state;
    for (word, constant) in powers.iter_mut().zip(&round.constants) {
        *word = fifth_power(token, *word, constant);
    }
    for (word, row) in state.iter_mut().zip(&round.layer) {
        *word = row_times(token, row, &powers);
    }
}

/// `(word + constant)^5`.
#[inline(always)]
fn fifth_power(token: Ifma, word: Vec8<Scalar>, constant: &Limbs) -> Vec8<Scalar> {
    let sum = (word + Vec8::splat(token, *constant)).carry(token);
    sum.square(token).square(token).mul(token, sum)
}

#[inline(always)]
fn row_times<const T: usize>(token: Ifma, row: &[Limbs; T], words: &[Vec8<Scalar>; T]) -> Vec8<Scalar> {
    let mut sum = Product::zero(token);
    for (factor, word) in row.iter().zip(words) {
        sum = sum.plus(Vec8::splat(token, *factor), *word);
    }
    sum.reduce(token)
}
