#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::ntt::tests::kernels;
use ark_bn254::G1Projective;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, UniformRand};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

fn points(count: usize, rng: &mut StdRng) -> Vec<G1Affine> {
    let points: Vec<G1Projective> = (0..count).map(|_| G1Projective::rand(rng)).collect();
    G1Projective::normalize_batch(&points)
}

#[test]
fn sums_of_points_handle_every_case() {
    let mut rng = StdRng::seed_from_u64(1);
    let p = points(8, &mut rng);
    let zero = G1Affine::identity();
    let left = [p[0], p[1], p[2], zero, p[3], zero, p[5]];
    let right = [p[0], -p[1], p[6], p[4], zero, zero, p[7]];
    let mut sums = left;
    group::add_each(&mut sums, &right);
    for ((sum, left), right) in sums.iter().zip(left).zip(right) {
        assert_eq!(*sum, (left + right).into_affine());
    }
}

#[test]
fn products_of_points_equal_arkworks() {
    let mut rng = StdRng::seed_from_u64(2);
    let edges = [
        Fr::ZERO,
        Fr::ONE,
        -Fr::ONE,
        Fr::from(2u64),
        Fr::from(8u64),
        -Fr::from(7u64),
        <g1::Config as ark_ec::scalar_mul::glv::GLVConfig>::LAMBDA,
        Fr::from(u128::MAX),
    ];
    let scalars: Vec<Fr> = edges
        .into_iter()
        .chain((0..40).map(|_| Fr::rand(&mut rng)))
        .collect();
    let mut bases = points(scalars.len(), &mut rng);
    bases[20] = G1Affine::identity();
    bases[21] = bases[22];
    for kernels in kernels() {
        let mut products = bases.clone();
        group::scale(kernels, &mut products, |i| scalars[i]);
        for ((product, base), scalar) in products.iter().zip(&bases).zip(&scalars) {
            assert_eq!(*product, (*base * scalar).into_affine(), "{scalar}, {kernels:?}");
        }
    }
}

/// A batch of random points and scalars, which the vector kernels take without falling back.
#[cfg(target_arch = "x86_64")]
#[test]
fn vectors_of_points_equal_arkworks() {
    let Some(token) = medproof_kernels::Ifma::detect() else {
        return;
    };
    let mut rng = StdRng::seed_from_u64(5);
    let bases = points(24, &mut rng);
    let mut scalars: Vec<Fr> = (0..24).map(|_| Fr::rand(&mut rng)).collect();
    scalars[..4].copy_from_slice(&[
        Fr::from(3u64),
        -Fr::from(5u64),
        Fr::from(1u64 << 40),
        Fr::from(1u64 << 63),
    ]);
    let halves: Vec<[i128; 2]> = scalars.iter().map(|s| endomorphism::split(*s)).collect();
    let mut products = bases.clone();
    assert!(lanes::scale(token, &mut products, &halves).is_some());
    for ((product, base), scalar) in products.iter().zip(&bases).zip(&scalars) {
        assert_eq!(*product, (*base * scalar).into_affine(), "{scalar}");
    }
    // An identity among the points: given up, nothing changed.
    let mut with_identity = bases.clone();
    with_identity[3] = G1Affine::identity();
    let before = with_identity.clone();
    assert!(lanes::scale(token, &mut with_identity, &halves).is_none());
    assert_eq!(with_identity, before);
}

#[test]
fn transforms_of_points_equal_arkworks() {
    let mut rng = StdRng::seed_from_u64(3);
    for log_size in [0u32, 1, 2, 5] {
        let size = 1 << log_size;
        let mut data = points(size, &mut rng);
        // Equal, opposite and absent points meet in the first butterflies.
        if size >= 8 {
            data[size / 2] = data[0];
            data[size / 2 + 1] = -data[1];
            data[2] = G1Affine::identity();
            data[size - 1] = G1Affine::identity();
        }
        let transform = Transform::new(log_size, crate::Kernels::scalar()).unwrap();
        let domain = GeneralEvaluationDomain::<Fr>::new(size).unwrap();
        let projective: Vec<G1Projective> = data.iter().map(|p| p.into_group()).collect();
        let n = Fr::from(size as u64);
        let expected: Vec<G1Projective> = domain.ifft(&projective).into_iter().map(|p| p * n).collect();
        let expected = G1Projective::normalize_batch(&expected);
        for kernels in kernels() {
            let mut transformed = data.clone();
            group::transform(kernels, &mut transformed, transform.inverse_roots());
            assert_eq!(transformed, expected, "{kernels:?}");
        }
    }
}

#[test]
fn sparse_products_equal_dense_ones() {
    let mut rng = StdRng::seed_from_u64(4);
    let variables = 30;
    let coefficient = |rng: &mut StdRng| match rng.gen_range(0..5) {
        0 => Fr::ONE,
        1 => -Fr::ONE,
        2 => Fr::from(rng.gen_range(0u64..3)),
        _ => Fr::rand(rng),
    };
    let rows: Vec<Vec<(Fr, usize)>> = (0..700)
        .map(|r| {
            (0..r % 7)
                .map(|_| (coefficient(&mut rng), rng.gen_range(0..variables)))
                .collect()
        })
        .collect();
    let values: Vec<Fr> = (0..variables).map(|_| Fr::rand(&mut rng)).collect();
    let matrix = SparseMatrix::new("A", &rows, variables).unwrap();
    let mut out = vec![Fr::ONE; rows.len() + 3];
    matrix.multiply(&values, &mut out);
    for (row, out) in rows.iter().zip(&out) {
        let expected: Fr = row.iter().map(|(c, at)| *c * values[*at]).sum();
        assert_eq!(*out, expected);
    }
    assert_eq!(out[rows.len()..], [Fr::ONE; 3]);
    let by_column: Fr = matrix.columns(variables)[7].iter().map(|(c, _)| c).sum();
    let expected: Fr = rows
        .iter()
        .flatten()
        .filter(|(_, at)| *at == 7)
        .map(|(c, _)| c)
        .sum();
    assert_eq!(by_column, expected);
}

#[test]
fn a_column_beyond_the_variables_is_refused() {
    let error = SparseMatrix::new("B", &[vec![(Fr::ONE, 5)]], 5).err();
    assert!(matches!(
        error,
        Some(EngineError::Column {
            matrix: "B",
            column: 5,
            variables: 5
        })
    ));
}

#[test]
fn satisfaction_is_that_of_every_row() {
    // x * x = y, and (x - y) * 5 = z.
    let (a, b, c) = (
        vec![vec![(Fr::ONE, 1)], vec![(Fr::ONE, 1), (-Fr::ONE, 2)]],
        vec![vec![(Fr::ONE, 1)], vec![(Fr::from(5u64), 0)]],
        vec![vec![(Fr::ONE, 2)], vec![(Fr::ONE, 3)]],
    );
    let matrices = Matrices {
        a: &a,
        b: &b,
        c: &c,
        inputs: 1,
        variables: 4,
    };
    let satisfaction = Satisfaction::new(matrices).unwrap();
    let good = [Fr::ONE, Fr::from(3u64), Fr::from(9u64), -Fr::from(30u64)];
    assert!(satisfaction.holds(&good));
    for at in 0..4 {
        let mut bad = good;
        bad[at] += Fr::ONE;
        assert!(!satisfaction.holds(&bad), "{at}");
    }
    assert!(!satisfaction.holds(&good[..3]));
    assert!(!satisfaction.holds(&[]));
    let short = Matrices {
        c: &c[..1],
        ..matrices
    };
    assert!(matches!(
        Satisfaction::new(short).err(),
        Some(EngineError::Shape {
            part: "matrix C",
            expected: 2,
            got: 1
        })
    ));
}
