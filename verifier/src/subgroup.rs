//! Membership of G2 with half the doublings of arkworks' test.
//!
//! Let psi be the untwist-Frobenius-twist endomorphism of the twist E'(Fq2), x the curve's parameter, t = 6x^2 + 1 the
//! trace, q the field's and r the group's order. The test is
//! `(x + 1) P + psi(x P) + psi^2(x P) = psi^3(2 x P)`, that is `h(psi) P = 0` with `h = (x + 1) + x X + x X^2 - 2 x X^3`
//! (El Housni, Guillevic and Piellard, "Co-factor clearing and subgroup membership testing on pairing-friendly curves").
//!
//! - On G2 psi is multiplication by q, and r divides h(q): every member passes.
//! - E'(Fq2) is the product of G2 and of groups of four prime orders, each once (a test multiplies and tries them). Such a
//!   group is mapped to itself by h(psi), all of it to the identity or nothing but the identity; a test shows one point
//!   of each that is not. So the identity's preimage is G2: nobody else passes.

use ark_bn254::{Config, G2Affine, G2Projective};
use ark_ec::{AffineRepr, bn::BnConfig};
use ark_ff::{AdditiveGroup, Field};
use medproof_kernels::parameter::X_DIGITS;

/// The endomorphism, on Jacobian coordinates: `x = X / Z^2`, `y = Y / Z^3`.
fn psi(point: &G2Projective) -> G2Projective {
    let mut image = *point;
    for coordinate in [&mut image.x, &mut image.y, &mut image.z] {
        coordinate.frobenius_map_in_place(1);
    }
    image.x *= Config::TWIST_MUL_BY_Q_X;
    image.y *= Config::TWIST_MUL_BY_Q_Y;
    image
}

/// Whether a point that is on the twist lies in G2.
pub(crate) fn is_in_g2(point: &G2Affine) -> bool {
    let negative = -*point;
    let mut multiple = point.into_group();
    // Below the leading digit, which is 1.
    for digit in X_DIGITS[..62].iter().rev() {
        multiple.double_in_place();
        match digit {
            1 => multiple += point,
            -1 => multiple += &negative,
            _ => {}
        }
    }
    let first = psi(&multiple);
    let second = psi(&first);
    psi(&second).double() == multiple + point + first + second
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fq, Fq2, Fr, g2};
    use ark_ec::{CurveConfig, CurveGroup, PrimeGroup};
    use ark_ff::{PrimeField, UniformRand, Zero};
    use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

    /// The primes of the cofactor, lowest limb first.
    const PRIMES: [&[u64]; 4] = [
        &[10_069],
        &[5_864_401],
        &[1_875_725_156_269],
        &[
            0x9b6e_0b35_8e0d_894d,
            0xe9da_b924_0f0c_6ab8,
            0x0002_1031_5729_f570,
        ],
    ];

    fn on_twist(rng: &mut StdRng) -> G2Affine {
        loop {
            let x = Fq2::new(Fq::rand(rng), Fq::rand(rng));
            if let Some(point) = G2Affine::get_point_from_x_unchecked(x, rng.r#gen()) {
                return point;
            }
        }
    }

    #[test]
    fn the_cofactor_is_the_product_of_these_primes() {
        let product = PRIMES.iter().fold(vec![1], |product: Vec<u64>, prime| {
            let mut out = vec![0u64; product.len() + prime.len()];
            for (i, a) in product.iter().enumerate() {
                let mut carry = 0;
                for (j, b) in prime.iter().enumerate() {
                    let sum = u128::from(out[i + j]) + u128::from(*a) * u128::from(*b) + carry;
                    (out[i + j], carry) = (sum as u64, sum >> 64);
                }
                out[i + prime.len()] = carry as u64;
            }
            out
        });
        let cofactor = <g2::Config as CurveConfig>::COFACTOR;
        assert_eq!(product[..4], *cofactor);
        assert!(product[4..].iter().all(|limb| *limb == 0));
    }

    #[test]
    fn v06_no_point_of_another_prime_order_passes() {
        let mut rng = StdRng::seed_from_u64(7);
        for (order, prime) in PRIMES.iter().enumerate() {
            // One draw in 10,069 has no part of the smallest order.
            let point = loop {
                let mut point = on_twist(&mut rng).mul_bigint(Fr::MODULUS);
                for (other, another) in PRIMES.iter().enumerate() {
                    if other != order {
                        point = point.mul_bigint(another);
                    }
                }
                if !point.is_zero() {
                    break point;
                }
            };
            assert!(point.mul_bigint(prime).is_zero());
            assert!(!is_in_g2(&point.into_affine()), "{order}");
            let member = G2Affine::rand(&mut rng);
            assert!(!is_in_g2(&(point + member).into_affine()), "{order}");
        }
    }

    #[test]
    fn the_verdict_is_that_of_arkworks() {
        let mut rng = StdRng::seed_from_u64(8);
        for _ in 0..32 {
            let member = G2Affine::rand(&mut rng);
            assert!(member.is_in_correct_subgroup_assuming_on_curve() && is_in_g2(&member));
            let other = on_twist(&mut rng);
            assert!(!other.is_in_correct_subgroup_assuming_on_curve() && !is_in_g2(&other));
        }
        assert!(is_in_g2(&G2Affine::zero()));
    }
}
