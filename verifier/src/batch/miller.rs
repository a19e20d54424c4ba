//! The Miller loops of many pairs in one, on one core.
//!
//! The points of G2 run through the loop in affine coordinates, all at once: a step's slopes share one inversion. A line
//! through T of slope s, untwisted and evaluated at P = (x, y), is `y - s x w + (s x_T - y_T) w^3`; it is divided by y, which
//! leaves `1 + (c3 + c4 w^2) w`, cheaper to multiply with. Final exponentiation removes factors in Fq like y. The loop is that
//! of arkworks otherwise, and the tests compare what final exponentiation makes of both.

use crate::affine::invert;
use ark_bn254::{Config, Fq, Fq2, Fq12, Fq12Config, G1Projective, G2Affine};
use ark_ec::bn::BnConfig;
use ark_ff::{AdditiveGroup, Field, Fp12Config};

/// A pair on its way through the loop.
struct Pair {
    /// `-x / y` of the point of G1.
    minus_x_over_y: Fq,
    /// `1 / y` of the point of G1.
    one_over_y: Fq,
    q: G2Affine,
    /// The multiple of `q` so far.
    t: G2Affine,
}

/// A product of Miller loops, up to factors that final exponentiation removes. Neither point of a pair is the identity, and
/// the points of G2 have prime order: then no denominator vanishes, for `t` is `k q` with k neither 0 nor that of a point
/// that is added to it (a test walks through all k).
pub(super) fn miller_loop(pairs: &[(G1Projective, G2Affine)]) -> Fq12 {
    let mut pairs = prepare(pairs);
    let mut f = Fq12::ONE;
    // The leading digit is 1: `t` begins as `q`.
    for (step, digit) in Config::ATE_LOOP_COUNT.iter().rev().skip(1).enumerate() {
        if step > 0 {
            f.square_in_place();
        }
        double(&mut pairs, &mut f);
        match digit {
            1 => add(&mut pairs, &mut f, |q| *q),
            -1 => add(&mut pairs, &mut f, |q| -*q),
            _ => {}
        }
    }
    add(&mut pairs, &mut f, psi);
    add(&mut pairs, &mut f, |q| -psi(&psi(q)));
    f
}

fn prepare(pairs: &[(G1Projective, G2Affine)]) -> Vec<Pair> {
    let mut inverses: Vec<Fq> = pairs.iter().map(|(p, _)| p.y).collect();
    invert(&mut inverses);
    let pair = |((p, q), inverse): (&(G1Projective, G2Affine), Fq)| Pair {
        // x = X / Z^2, y = Y / Z^3.
        minus_x_over_y: -(p.x * p.z * inverse),
        one_over_y: p.z.square() * p.z * inverse,
        q: *q,
        t: *q,
    };
    pairs.iter().zip(inverses).map(pair).collect()
}

/// The untwist-Frobenius-twist endomorphism.
fn psi(q: &G2Affine) -> G2Affine {
    let mut image = *q;
    image.x.frobenius_map_in_place(1);
    image.y.frobenius_map_in_place(1);
    image.x *= Config::TWIST_MUL_BY_Q_X;
    image.y *= Config::TWIST_MUL_BY_Q_Y;
    image
}

/// Multiplies `f` by the tangents at `t`, and doubles `t`.
fn double(pairs: &mut [Pair], f: &mut Fq12) {
    let mut slopes: Vec<Fq2> = pairs.iter().map(|pair| pair.t.y.double()).collect();
    invert(&mut slopes);
    for (pair, slope) in pairs.iter_mut().zip(&mut slopes) {
        let square = pair.t.x.square();
        *slope *= square.double() + square;
        let x = slope.square() - pair.t.x.double();
        pair.step(slope, x, f);
    }
}

/// Multiplies `f` by the lines through `t` and `other(q)`, and adds the latter to `t`.
fn add(pairs: &mut [Pair], f: &mut Fq12, other: impl Fn(&G2Affine) -> G2Affine) {
    let others: Vec<G2Affine> = pairs.iter().map(|pair| other(&pair.q)).collect();
    let both = || pairs.iter().zip(&others);
    let mut slopes: Vec<Fq2> = both().map(|(pair, other)| pair.t.x - other.x).collect();
    invert(&mut slopes);
    for ((pair, other), slope) in pairs.iter_mut().zip(&others).zip(&mut slopes) {
        *slope *= pair.t.y - other.y;
        let x = slope.square() - pair.t.x - other.x;
        pair.step(slope, x, f);
    }
}

impl Pair {
    /// Multiplies `f` by the line of this slope through `t`, whose next x coordinate is `x`.
    fn step(&mut self, slope: &Fq2, x: Fq2, f: &mut Fq12) {
        let mut c3 = *slope;
        c3.mul_assign_by_fp(&self.minus_x_over_y);
        let mut c4 = *slope * self.t.x - self.t.y;
        c4.mul_assign_by_fp(&self.one_over_y);
        multiply(f, &c3, &c4);
        let y = *slope * (self.t.x - x) - self.t.y;
        self.t = G2Affine::new_unchecked(x, y);
    }
}

/// `f (1 + (c3 + c4 w^2) w)`.
fn multiply(f: &mut Fq12, c3: &Fq2, c4: &Fq2) {
    let (mut even, mut odd) = (f.c1, f.c0);
    even.mul_by_01(c3, c4);
    odd.mul_by_01(c3, c4);
    Fq12Config::mul_fp6_by_nonresidue_in_place(&mut even);
    f.c0 += even;
    f.c1 += odd;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Bn254, Fr, G1Affine};
    use ark_ec::{
        AffineRepr, CurveGroup,
        pairing::{MillerLoopOutput, Pairing},
    };
    use ark_ff::{BigInteger, PrimeField, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn final_exponentiation_makes_the_same_of_it_as_of_arkworks_loop() {
        let mut rng = StdRng::seed_from_u64(11);
        for count in [0, 1, 2, 5, 9] {
            let pairs: Vec<_> = (0..count)
                .map(|_| (G1Projective::rand(&mut rng), G2Affine::rand(&mut rng)))
                .chain([(G1Affine::generator().into_group().double(), G2Affine::generator())])
                .collect();
            let (p, q): (Vec<_>, Vec<_>) = pairs.iter().map(|(p, q)| (p.into_affine(), *q)).unzip();
            let ours = Bn254::final_exponentiation(MillerLoopOutput(miller_loop(&pairs))).unwrap();
            assert_eq!(ours, Bn254::multi_pairing(p, q), "{count}");
        }
        assert_eq!(miller_loop(&[]), Fq12::ONE);
    }

    /// Equal pairs and opposite ones, whose lines meet each other's.
    #[test]
    fn equal_and_opposite_pairs_are_nothing_special() {
        let mut rng = StdRng::seed_from_u64(12);
        let (p, q) = (G1Projective::rand(&mut rng), G2Affine::rand(&mut rng));
        let pairs = [(p, q), (p, q), (-p, q), (p, -q)];
        let ours = Bn254::final_exponentiation(MillerLoopOutput(miller_loop(&pairs))).unwrap();
        assert_eq!(ours.0, Fq12::ONE);
    }

    /// On G2 psi is multiplication by q, so `t` is a multiple of `q` by a number that does not depend on the point: no
    /// doubling meets the identity, and no addition a point and itself or its opposite.
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "q is above r, and its remainder is what psi multiplies by"
    )]
    fn no_denominator_vanishes() {
        let psi = Fr::from_le_bytes_mod_order(&Fq::MODULUS.to_bytes_le());
        let mut k = Fr::ONE;
        let step = |k: &mut Fr, other: Fr| {
            assert!(*k != other && *k != -other);
            *k += other;
        };
        for digit in Config::ATE_LOOP_COUNT.iter().rev().skip(1) {
            assert_ne!(k, Fr::ZERO);
            k.double_in_place();
            if *digit != 0 {
                step(&mut k, Fr::from(*digit));
            }
        }
        step(&mut k, psi);
        step(&mut k, -psi.square());
        let point = G2Affine::rand(&mut StdRng::seed_from_u64(13));
        assert_eq!(super::psi(&point), (point * psi).into_affine());
    }
}
