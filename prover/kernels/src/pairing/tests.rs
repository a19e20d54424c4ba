#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use ark_bn254::{Bn254, Fq6, Fr};
use ark_ec::{
    AffineRepr, CurveGroup,
    pairing::{MillerLoopOutput, Pairing},
};
use ark_ff::{PrimeField, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn exponentiated(f: Fq12) -> Fq12 {
    Bn254::final_exponentiation(MillerLoopOutput(f)).unwrap().0
}

#[track_caller]
fn agrees(token: Ifma, pairs: &[(G1Affine, G2Affine)]) {
    let (p, q): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    assert_eq!(
        exponentiated(miller_loop(token, pairs)),
        Bn254::multi_pairing(p, q).0,
        "{}",
        pairs.len()
    );
}

fn pairs(count: usize, rng: &mut StdRng) -> Vec<(G1Affine, G2Affine)> {
    (0..count)
        .map(|_| (G1Affine::rand(rng), G2Affine::rand(rng)))
        .collect()
}

#[test]
fn final_exponentiation_makes_the_same_of_it_as_of_arkworks_loop() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(21);
    assert_eq!(miller_loop(token, &[]), Fq12::ONE);
    for count in (1..=17).chain([24, 25]) {
        agrees(token, &pairs(count, &mut rng));
    }
    agrees(token, &[(G1Affine::generator(), G2Affine::generator())]);
}

/// In every lane of one vector and of the second of two: the pairing of one pair is that of the pair alone, whatever is beside
/// it, and the identity on either side counts as 1.
#[test]
fn every_lane_counts_and_none_without_a_pair_does() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(22);
    let [pair, other] = [pairs(1, &mut rng)[0], pairs(1, &mut rng)[0]];
    let alone = Bn254::pairing(pair.0, pair.1).0;
    for count in [8, 11, 16] {
        for lane in 0..count {
            let mut row = vec![(G1Affine::zero(), other.1); count];
            for (i, slot) in row.iter_mut().enumerate() {
                if i % 2 == 1 {
                    *slot = (other.0, G2Affine::zero());
                }
            }
            row[lane] = pair;
            assert_eq!(
                exponentiated(miller_loop(token, &row)),
                alone,
                "{lane} of {count}"
            );
        }
        let row = vec![(G1Affine::zero(), other.1); count];
        assert_eq!(miller_loop(token, &row), Fq12::ONE);
    }
}

/// Products that are 1, and those that a change of one pair in any lane makes another.
#[test]
fn a_wrong_pair_in_any_lane_shows() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(23);
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    for count in 1..=17 {
        let mut row = Vec::new();
        let mut sum = Fr::ZERO;
        for _ in 0..count {
            let [a, b] = [Fr::rand(&mut rng), Fr::rand(&mut rng)];
            sum += a * b;
            row.push(((g1 * a).into_affine(), (g2 * b).into_affine()));
        }
        row.push(((g1 * -sum).into_affine(), g2));
        assert_eq!(exponentiated(miller_loop(token, &row)), Fq12::ONE);
        let lane = rng.gen_range(0..row.len());
        for lane in [lane, count - 1, count] {
            let mut wrong = row.clone();
            wrong[lane].0 = (wrong[lane].0 + g1).into_affine();
            agrees(token, &wrong);
            assert_ne!(
                exponentiated(miller_loop(token, &wrong)),
                Fq12::ONE,
                "{lane} of {count}"
            );
        }
    }
}

/// Equal pairs and opposite ones, multiples of each other, and small multiples of the generators.
#[test]
fn related_pairs_are_nothing_special() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(24);
    let (p, q) = pairs(1, &mut rng)[0];
    let row = [(p, q), (p, q), (-p, q), (p, -q)];
    assert_eq!(exponentiated(miller_loop(token, &row)), Fq12::ONE);
    agrees(token, &[(p, q); 9]);
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    let small: Vec<_> = (1u64..20)
        .map(|k| {
            (
                (g1 * Fr::from(k)).into_affine(),
                (g2 * -Fr::from(20 - k)).into_affine(),
            )
        })
        .collect();
    agrees(token, &small);
}

/// Canonical words where carries go wrong, as elements of Fq in Montgomery form.
fn edges() -> Vec<Fq> {
    let p = Fq::MODULUS;
    let mut out: Vec<Fq> = [0u64, 1, 2, (1 << 52) - 1, 1 << 52].map(Fq::from).into();
    out.extend(out.clone().iter().map(|x| -*x));
    for bit in [51, 52, 103, 104, 155, 156, 207, 208, 252] {
        let power = Fq::from(2u64).pow([bit]);
        for value in [power, power - Fq::ONE, -power] {
            // As the number and as the representation.
            out.push(value);
            out.push(Fq::new_unchecked(value.into_bigint()));
        }
    }
    let mut less = p;
    less.0[0] -= 1;
    out.push(Fq::new_unchecked(less));
    out
}

#[test]
fn products_and_squares_in_fq12_agree_with_arkworks_at_the_edges() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(25);
    let edges = edges();
    for round in 0..400 {
        let mut draw = || {
            if round % 4 == 3 {
                Fq::rand(&mut rng)
            } else {
                edges[rng.gen_range(0..edges.len())]
            }
        };
        let mut two = || Fq2::new(draw(), draw());
        let elements: [Fq12; 8] =
            std::array::from_fn(|_| Fq12::new(Fq6::new(two(), two(), two()), Fq6::new(two(), two(), two())));
        let lines: [[Fq2; 3]; 8] = std::array::from_fn(|_| [two(), two(), two()]);
        let import = |of: &dyn Fn(usize) -> Fq2| {
            Quadratic8::import(token, &std::array::from_fn(of))
                .wide()
                .reduce(token)
        };
        let mut f = Twelve8 {
            c0: [
                import(&|i| elements[i].c0.c0),
                import(&|i| elements[i].c0.c1),
                import(&|i| elements[i].c0.c2),
            ],
            c1: [
                import(&|i| elements[i].c1.c0),
                import(&|i| elements[i].c1.c1),
                import(&|i| elements[i].c1.c2),
            ],
        };
        let line = Line8 {
            // Below 2.1p, not reduced.
            at_one: Quadratic8::import(token, &std::array::from_fn(|i| lines[i][0])),
            at_w: Quadratic8::import(token, &std::array::from_fn(|i| lines[i][1])),
            at_vw: Quadratic8::import(token, &std::array::from_fn(|i| lines[i][2])),
        };
        // SAFETY: the token proves that the CPU has the instructions.
        let (square, product) = unsafe {
            let square = f.square(token).export(token);
            f.multiply(token, &line);
            (square, f.export(token))
        };
        for i in 0..8 {
            let [at_one, at_w, at_vw] = lines[i];
            let line = Fq12::new(
                Fq6::new(at_one, Fq2::ZERO, Fq2::ZERO),
                Fq6::new(at_w, at_vw, Fq2::ZERO),
            );
            assert_eq!(square[i], elements[i].square());
            assert_eq!(product[i], elements[i] * line);
        }
    }
}
