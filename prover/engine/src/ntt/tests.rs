#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use ark_ff::{UniformRand, Zero};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_std::rand::{SeedableRng, rngs::StdRng};

fn values(count: usize, seed: u64) -> Vec<Fr> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut out: Vec<Fr> = (0..count).map(|_| Fr::rand(&mut rng)).collect();
    // Edges among them.
    for (at, edge) in [Fr::zero(), Fr::ONE, -Fr::ONE].into_iter().enumerate() {
        if let Some(value) = out.get_mut(at * 2 + 1) {
            *value = edge;
        }
    }
    out
}

fn arkworks_to_coset(values: &[Fr]) -> Vec<Fr> {
    let domain = GeneralEvaluationDomain::<Fr>::new(values.len()).unwrap();
    let zeta = Fr::get_root_of_unity(2 * values.len() as u64).unwrap();
    let coset = domain.get_coset(zeta).unwrap();
    coset.fft(&domain.ifft(values))
}

/// The scalar kernels, and the vector kernels where this machine has them.
pub(crate) fn kernels() -> Vec<Kernels> {
    let vector = medproof_kernels::Ifma::detect().map(Kernels::Ifma);
    [Kernels::scalar()].into_iter().chain(vector).collect()
}

/// Every test of this crate takes both kernels where the machine has them. What ran is shown by `make kernels`.
#[test]
fn the_kernels_under_test_are_named() {
    let names: Vec<&str> = kernels()
        .into_iter()
        .map(|kernels| match kernels {
            Kernels::Scalar => "scalar",
            Kernels::Ifma(_) => "AVX-512 IFMA",
        })
        .collect();
    let chosen = Kernels::detect();
    assert!(kernels().contains(&chosen));
    println!("kernels under test: {}; by default {chosen:?}", names.join(", "));
}

#[test]
fn to_coset_equals_arkworks_for_every_size() {
    for log_size in 0..=16 {
        let input = values(1 << log_size, u64::from(log_size));
        let expected = arkworks_to_coset(&input);
        for kernels in kernels() {
            let transform = Transform::new(log_size, kernels).unwrap();
            let mut output = input.clone();
            transform.to_coset(&mut output);
            assert_eq!(output, expected, "2^{log_size}, {kernels:?}");
        }
    }
}

#[test]
fn extreme_values_come_through() {
    let size = 1 << 13;
    for value in [Fr::zero(), Fr::ONE, -Fr::ONE, -Fr::from(2u64)] {
        let alternating = (0..size).map(|i| if i % 2 == 0 { value } else { -value });
        for input in [vec![value; size], alternating.collect()] {
            let expected = arkworks_to_coset(&input);
            for kernels in kernels() {
                let mut output = input.clone();
                Transform::new(13, kernels).unwrap().to_coset(&mut output);
                assert!(output == expected, "{value}, {kernels:?}");
            }
        }
    }
}

#[test]
fn products_are_those_of_the_values_on_the_coset() {
    let factor = -Fr::from(7u64);
    for log_size in [0, 3, 6, 7, 10] {
        let size = 1 << log_size;
        let input = [1, 2, 3].map(|seed| values(size, seed));
        let [a, b, c] = input.each_ref().map(|x| arkworks_to_coset(x));
        for kernels in kernels() {
            let transform = Transform::new(log_size, kernels).unwrap();
            for third in [false, true] {
                let [mut x, mut y, mut z] = input.clone();
                transform.product(&mut x, &mut y, third.then_some(&mut z), factor);
                for i in 0..size {
                    let subtracted = if third { c[i] } else { Fr::zero() };
                    assert_eq!(
                        x[i],
                        factor * (a[i] * b[i] - subtracted),
                        "2^{log_size}, {kernels:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn coefficients_come_out_bit_reversed() {
    for log_size in [0, 1, 2, 5, 11, 14] {
        let transform = Transform::new(log_size, Kernels::scalar()).unwrap();
        let size = transform.size();
        let coefficients = values(size, 7);
        let domain = GeneralEvaluationDomain::<Fr>::new(size).unwrap();
        let zeta = Fr::get_root_of_unity(2 * size as u64).unwrap();
        let mut data = domain.get_coset(zeta).unwrap().fft(&coefficients);
        transform.coset_to_coefficients(&mut data);
        for (at, value) in data.iter().enumerate() {
            assert_eq!(
                *value,
                coefficients[reversed(at, log_size)],
                "2^{log_size} at {at}"
            );
        }
    }
}

#[test]
fn inverse_shift_undoes_the_shift() {
    let transform = Transform::new(6, Kernels::scalar()).unwrap();
    let zeta = Fr::get_root_of_unity(128).unwrap();
    for (i, factor) in transform.inverse_shift().iter().enumerate() {
        assert_eq!(*factor * zeta.pow([i as u64]), Fr::ONE);
    }
}

#[test]
fn a_size_beyond_the_limit_is_refused() {
    assert!(matches!(
        Transform::new(MAX_LOG_SIZE + 1, Kernels::scalar()),
        Err(EngineError::Domain(25))
    ));
}
