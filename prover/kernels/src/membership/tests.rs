use super::*;
use ark_bn254::{Fq, Fr, G2Projective, g2};
use ark_ec::{CurveConfig, CurveGroup, PrimeGroup};
use ark_ff::{PrimeField, UniformRand, Zero};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// The small primes of the cofactor; the largest has 180 bits.
const PRIMES: [u64; 3] = [10_069, 5_864_401, 1_875_725_156_269];

fn on_twist(rng: &mut StdRng) -> G2Affine {
    loop {
        let x = Fq2::new(Fq::rand(rng), Fq::rand(rng));
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, rng.r#gen()) {
            return point;
        }
    }
}

/// A point whose order is this prime, or the part of the cofactor without any of [`PRIMES`].
fn of_order(prime: Option<u64>, rng: &mut StdRng) -> G2Affine {
    loop {
        let mut point = on_twist(rng).mul_bigint(Fr::MODULUS);
        for other in PRIMES.into_iter().filter(|other| Some(*other) != prime) {
            point = point.mul_bigint([other]);
        }
        if prime.is_some() {
            // What is left of the cofactor.
            point = point.mul_bigint(LARGEST);
        }
        if !point.is_zero() {
            return point.into_affine();
        }
    }
}

const LARGEST: [u64; 3] = [
    0x9b6e_0b35_8e0d_894d,
    0xe9da_b924_0f0c_6ab8,
    0x0002_1031_5729_f570,
];

fn arkworks(point: &G2Affine) -> bool {
    point.is_in_correct_subgroup_assuming_on_curve()
}

#[test]
fn members_pass_in_every_lane() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(31);
    for _ in 0..8 {
        let points: [G2Affine; 8] = std::array::from_fn(|_| G2Affine::rand(&mut rng));
        assert_eq!(in_g2(token, &points), 0xff);
    }
    let small: [G2Affine; 8] =
        std::array::from_fn(|i| (G2Affine::generator() * Fr::from(i as u64 + 1)).into_affine());
    assert_eq!(in_g2(token, &small), 0xff);
    let negative: [G2Affine; 8] = std::array::from_fn(|i| -small[i]);
    assert_eq!(in_g2(token, &negative), 0xff);
}

#[test]
fn v06_outsiders_are_found_in_every_lane() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(32);
    let member = G2Affine::rand(&mut rng);
    let mut outsiders = vec![on_twist(&mut rng), (on_twist(&mut rng) + member).into_affine()];
    for prime in PRIMES.into_iter().map(Some).chain([None]) {
        let point = of_order(prime, &mut rng);
        if let Some(prime) = prime {
            assert!(point.mul_bigint([prime]).is_zero());
        }
        outsiders.extend([
            point,
            -point,
            (point + member).into_affine(),
            (point - member).into_affine(),
        ]);
    }
    for outsider in outsiders {
        assert!(!arkworks(&outsider));
        for lane in 0..8 {
            let mut points = [member; 8];
            points[lane] = outsider;
            assert_eq!(in_g2(token, &points), !(1 << lane), "{outsider}");
            let mut points = [outsider; 8];
            points[lane] = member;
            assert_eq!(in_g2(token, &points), 1 << lane, "{outsider}");
        }
    }
}

/// Points of order 10,069 and their sums with members meet the special cases of addition on the way: their multiples
/// by prefixes of the parameter are often equal or opposite to what is added, or the identity.
#[test]
fn v06_no_multiple_of_a_point_of_the_smallest_order_passes() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(33);
    let point = of_order(Some(PRIMES[0]), &mut rng);
    let multiples: Vec<G2Projective> = {
        let mut out = vec![point.into_group()];
        for _ in 2..PRIMES[0] {
            out.push(*out.last().unwrap_or(&point.into_group()) + point);
        }
        out
    };
    let multiples = G2Projective::normalize_batch(&multiples);
    // All of them behave as one, for k -> m k permutes them; a tenth is enough.
    for chunk in multiples.chunks_exact(8).step_by(10) {
        let points: [G2Affine; 8] = std::array::from_fn(|i| chunk[i]);
        assert_eq!(in_g2(token, &points), 0);
    }
}

#[test]
fn points_that_are_nowhere_and_the_identity_do_not_pass() {
    let Some(token) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(34);
    assert_eq!(in_g2(token, &[G2Affine::zero(); 8]), 0);
    let zero = G2Affine::new_unchecked(Fq2::ZERO, Fq2::ZERO);
    assert_eq!(in_g2(token, &[zero; 8]), 0);
    let points: [G2Affine; 8] =
        std::array::from_fn(|_| G2Affine::new_unchecked(Fq2::rand(&mut rng), Fq2::rand(&mut rng)));
    assert_eq!(in_g2(token, &points), 0);
}

#[test]
fn the_primes_are_those_of_the_cofactor() {
    let mut product = vec![1u64];
    for prime in PRIMES.iter().map(std::slice::from_ref).chain([&LARGEST[..]]) {
        let mut next = vec![0u64; product.len() + prime.len()];
        for (i, a) in product.iter().enumerate() {
            let mut carry = 0;
            for (j, b) in prime.iter().enumerate() {
                let sum = u128::from(next[i + j]) + u128::from(*a) * u128::from(*b) + carry;
                (next[i + j], carry) = (sum as u64, sum >> 64);
            }
            next[i + prime.len()] = carry as u64;
        }
        product = next;
    }
    let cofactor = <g2::Config as CurveConfig>::COFACTOR;
    assert_eq!(product[..cofactor.len()], *cofactor);
    assert!(product[cofactor.len()..].iter().all(|word| *word == 0));
}
