use super::*;
use ark_bn254::Fr;
use ark_ff::{Field, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn number([low, high]: [u64; 2]) -> Fr {
    Fr::from(low) + g1::Config::LAMBDA * Fr::from(high)
}

#[test]
fn multiples_are_those_by_the_number() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(51);
    let halves = [
        0,
        1,
        2,
        3,
        u64::MAX,
        u64::MAX - 1,
        1 << 63,
        (1 << 63) - 1,
        rng.r#gen(),
    ];
    let (mut points, mut numbers) = (Vec::new(), Vec::new());
    for low in halves {
        for high in halves {
            points.push(G1Affine::rand(&mut rng));
            numbers.push([low, high]);
        }
    }
    for _ in 0..64 {
        points.push(G1Affine::rand(&mut rng));
        numbers.push([rng.r#gen(), rng.r#gen()]);
    }
    // The points of smallest coordinates, and the identity.
    for k in [1u64, 2, 3] {
        points.push((G1Affine::generator() * Fr::from(k)).into());
        numbers.push([rng.r#gen(), rng.r#gen()]);
    }
    points.push(G1Affine::zero());
    numbers.push([7, 9]);
    for count in [0, 1, 7, 8, 9, 17, points.len()] {
        let found = multiples(token, &points[..count], &numbers[..count]);
        assert_eq!(found.len(), count);
        for i in 0..count {
            assert_eq!(found[i], points[i] * number(numbers[i]), "{i}: {:?}", numbers[i]);
        }
    }
}

/// Each lane with its own numbers, next to lanes that begin later or never.
#[test]
fn lanes_do_not_touch_each_other() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(52);
    let point = G1Affine::rand(&mut rng);
    for lane in 0..8 {
        let mut numbers = [[0, 0]; 8];
        numbers[lane] = [rng.r#gen(), rng.r#gen()];
        let found = multiples(token, &[point; 8], &numbers);
        for (i, found) in found.iter().enumerate() {
            let expected = if i == lane {
                point * number(numbers[i])
            } else {
                G1Projective::ZERO
            };
            assert_eq!(*found, expected);
        }
    }
    let lambda = g1::Config::LAMBDA;
    assert_eq!(lambda.square() + lambda + Fr::ONE, Fr::ZERO);
}
