#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use ark_ff::{AdditiveGroup, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

/// 0, 1, values next to zero, to powers of two at the edges of limbs and to p, as numbers and as representations.
fn edges() -> Vec<Fq> {
    let mut out: Vec<Fq> = (0u64..20).map(Fq::from).collect();
    for bit in [51, 52, 53, 103, 104, 155, 156, 207, 208, 252, 253] {
        let power = Fq::from(2u64).pow([bit]);
        for value in [power - Fq::ONE, power, power + Fq::ONE] {
            out.push(value);
            out.push(Fq::new_unchecked(value.into_bigint()));
        }
    }
    let negative: Vec<Fq> = out.iter().map(|x| -*x).collect();
    out.extend(negative);
    out
}

#[test]
fn roots_in_fq_are_found_where_arkworks_finds_them() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(41);
    let mut values = edges();
    values.extend(edges().iter().map(|x| x.square()));
    values.extend((0..200).map(|_| Fq::rand(&mut rng)));
    let (mut with, mut without) = (0, 0);
    for (shift, chunk) in values.chunks(8).enumerate() {
        // The lanes walk, and the second row has the same values elsewhere.
        let row: [Fq; 8] = std::array::from_fn(|lane| chunk[(lane + shift) % chunk.len()]);
        let other: [Fq; 8] = std::array::from_fn(|lane| row[7 - lane]);
        let found = square_roots(token, &[row, other]);
        for (values, (roots, mask)) in [row, other].iter().zip(&found) {
            for lane in 0..8 {
                let expected = values[lane].sqrt();
                assert_eq!(mask >> lane & 1 == 1, expected.is_some(), "{}", values[lane]);
                if let Some(root) = expected {
                    assert!(roots[lane] == root || roots[lane] == -root, "{}", values[lane]);
                    with += 1;
                } else {
                    without += 1;
                }
            }
        }
        let alone = square_roots(token, &[row]);
        assert_eq!(alone[0], found[0]);
    }
    assert!(with > 100 && without > 100);
}

#[test]
fn roots_in_fq2_are_roots_and_none_is_missed_off_fq() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(42);
    let edges = edges();
    let mut values: Vec<Fq2> = (0..200)
        .map(|_| Fq2::new(Fq::rand(&mut rng), Fq::rand(&mut rng)))
        .collect();
    for (i, x) in edges.iter().enumerate() {
        for y in [
            edges[(i * 7 + 3) % edges.len()],
            edges[(i * 31 + 11) % edges.len()],
            Fq::ZERO,
        ] {
            let value = Fq2::new(*x, y);
            values.extend([value, value.square(), Fq2::new(y, *x)]);
        }
    }
    let (mut with, mut without) = (0, 0);
    for (shift, chunk) in values.chunks(8).enumerate() {
        let row: [Fq2; 8] = std::array::from_fn(|lane| chunk[(lane + shift) % chunk.len()]);
        let (roots, mask) = square_roots_quadratic(token, &row);
        for lane in 0..8 {
            let expected = row[lane].sqrt();
            if mask >> lane & 1 == 1 {
                let root = expected.unwrap();
                assert!(roots[lane] == root || roots[lane] == -root, "{}", row[lane]);
                with += 1;
            } else {
                assert!(expected.is_none() || row[lane].c1 == Fq::ZERO, "{}", row[lane]);
                without += 1;
            }
        }
    }
    assert!(with > 100 && without > 100);
}
