#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::Ifma;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{SeedableRng, rngs::StdRng};
use std::array::from_fn;

/// The rounds as their fields describe them.
fn scalar<const T: usize>(rounds: &Rounds<T>, mut state: [Fr; T]) -> Fr {
    let power = |x: Fr| x.square().square() * x;
    let times = |layer: &[[Fr; T]; T], state: [Fr; T]| -> [Fr; T] {
        from_fn(|i| (0..T).map(|j| layer[i][j] * state[j]).sum())
    };
    let full = |round: &Full<T>, state: [Fr; T]| -> [Fr; T] {
        times(&round.layer, from_fn(|i| power(state[i] + round.constants[i])))
    };
    for round in &rounds.before {
        state = full(round, state);
    }
    for round in &rounds.partial {
        state[0] = power(state[0] + round.constant);
        let layer: [[Fr; T]; T] = from_fn(|i| {
            from_fn(|j| match (i, j) {
                (0, _) => round.row[j],
                (_, 0) => round.column[i],
                _ => Fr::from(u64::from(i == j)),
            })
        });
        state = times(&layer, state);
    }
    for round in &rounds.after {
        state = full(round, state);
    }
    state[0]
}

/// Elements whose limbs and multiples of p lie at the edges, and random ones.
fn elements(rng: &mut StdRng, count: usize) -> Vec<Fr> {
    let two = Fr::from(2u64);
    let mut out = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, two.inverse().unwrap()];
    for power in [51, 52, 63, 64, 104, 156, 208, 253] {
        out.extend([two.pow([power]), -two.pow([power]), two.pow([power]) - Fr::ONE]);
    }
    while out.len() < count {
        out.push(Fr::rand(rng));
    }
    out
}

/// Rounds of edges and of random elements: the largest ones take every sum to its bound.
fn rounds<const T: usize>(rng: &mut StdRng, edges: bool, partial: usize) -> Rounds<T> {
    let mut pick = |i: usize| match (edges, i % 3) {
        (false, _) => Fr::rand(rng),
        (true, 0) => -Fr::ONE,
        (true, 1) => Fr::ZERO,
        (true, _) => -Fr::from(i as u64),
    };
    let mut full = || Full {
        constants: from_fn(&mut pick),
        layer: from_fn(|i| from_fn(|j| pick(i + 2 * j))),
    };
    let (before, after) = (from_fn(|_| full()), from_fn(|_| full()));
    let partial = (0..partial).map(|n| Partial {
        constant: pick(n),
        row: from_fn(&mut pick),
        column: from_fn(|i| pick(i + n)),
    });
    let partial = partial.collect();
    Rounds {
        before,
        partial,
        after,
    }
}

fn compare<const T: usize>(partial: usize) {
    let Some(token) = Ifma::detect() else {
        // The scalar form, which the owner of the parameters has, is then the only one.
        return;
    };
    let mut rng = StdRng::seed_from_u64(T as u64);
    for edges in [false, true] {
        let rounds = rounds::<T>(&mut rng, edges, partial);
        let eight = Poseidon8::new(token, &rounds);
        let values = elements(&mut rng, 61);
        // Strides that are prime to 61, so that each value meets others in each word and lane.
        for n in 0..values.len() {
            let states: [[Fr; 8]; T] = from_fn(|j| from_fn(|i| values[(n + 7 * i + 11 * j * (n + 1)) % 61]));
            let expected: [Fr; 8] = from_fn(|i| scalar(&rounds, from_fn(|j| states[j][i])));
            assert_eq!(eight.first_words(&states), expected, "{T} words, {edges}, {n}");
        }
    }
}

#[test]
fn eight_hashes_equal_eight_of_one_for_every_lane_and_edge() {
    compare::<2>(3);
    compare::<5>(60);
    compare::<16>(2);
}
