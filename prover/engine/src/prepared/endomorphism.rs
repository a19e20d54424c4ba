//! Scalars split by the endomorphism of G1, `phi(x, y) = (beta x, y)`, which multiplies by `lambda`.
//!
//! With the reduced basis `(-A, B)`, `(-B, -D)` of the pairs `(a, b)` with `a + b lambda = 0`, whose determinant is the
//! group's order `r = A D + B^2`, the pair nearest to `(k, 0)` is that with the coefficients `-k D / r` and `-k B / r`. What it
//! leaves over is half a basis vector at most, and rounding adds less than a fifth: both halves stay below 2^127.
//! Arkworks divides integers of any length for the same, which takes longer than a quarter of the product itself.

use ark_bn254::Fr;
use ark_ff::PrimeField;

const A: u128 = 147_946_756_881_789_319_000_765_030_803_803_410_728;
const B: u128 = 9_931_322_734_385_697_763;
const D: u128 = 147_946_756_881_789_319_010_696_353_538_189_108_491;
/// `D 2^256 / r`, rounded down.
const D_OVER_R: [u64; 3] = [0x5398_fd03_00ff_6565, 0x4cce_f014_a773_d2d2, 2];
/// `B 2^256 / r`, rounded down.
const B_OVER_R: [u64; 3] = [0xd91d_232e_c7e0_b3d7, 2, 0];

/// `[k0, k1]` with `k0 + k1 lambda = scalar`, both below 2^127 in size.
pub(super) fn split(scalar: Fr) -> [i128; 2] {
    let k = scalar.into_bigint().0;
    let (d, b) = (share(&k, &D_OVER_R), share(&k, &B_OVER_R));
    let low = u128::from(k[0]) | u128::from(k[1]) << 64;
    // Both are small, so that arithmetic modulo 2^128 gives them with their signs.
    let first = low
        .wrapping_sub(d.wrapping_mul(A))
        .wrapping_sub(b.wrapping_mul(B));
    let second = d.wrapping_mul(B).wrapping_sub(b.wrapping_mul(D));
    [first.cast_signed(), second.cast_signed()]
}

/// `k factor / 2^256`, rounded to the nearest; below 2^128 for both factors.
fn share(k: &[u64; 4], factor: &[u64; 3]) -> u128 {
    let mut product = [0u64; 7];
    for (i, word) in k.iter().enumerate() {
        let mut carry = 0u128;
        for (j, other) in factor.iter().enumerate() {
            carry += u128::from(*word) * u128::from(*other) + u128::from(product[i + j]);
            product[i + j] = carry as u64;
            carry >>= 64;
        }
        product[i + 3] = carry as u64;
    }
    let whole = u128::from(product[4]) | u128::from(product[5]) << 64;
    whole + u128::from(product[3] >> 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::g1;
    use ark_ec::scalar_mul::glv::GLVConfig;
    use ark_ff::{BigInt, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn halves_are_short_and_make_up_the_scalar() {
        let signs = [false, true, false, false];
        let basis = [A, B, B, D].map(|x| BigInt::new([x as u64, (x >> 64) as u64, 0, 0]));
        let arkworks = <g1::Config as GLVConfig>::SCALAR_DECOMP_COEFFS;
        for ((sign, number), (expected_sign, expected)) in signs.into_iter().zip(basis).zip(arkworks) {
            assert_eq!((sign, number), (expected_sign, expected));
        }
        let mut rng = StdRng::seed_from_u64(6);
        let half = -Fr::from(1u64) / Fr::from(2u64);
        let edges = [0u64, 1, 2, 3, u64::MAX].map(Fr::from);
        let scalars = edges.into_iter().chain(edges.map(|x| -x)).chain([half, -half]);
        let scalars = scalars.chain([g1::Config::LAMBDA, -g1::Config::LAMBDA]);
        for scalar in scalars.chain((0..2000).map(|_| Fr::rand(&mut rng))) {
            let [k0, k1] = split(scalar);
            assert_eq!(Fr::from(k0) + Fr::from(k1) * g1::Config::LAMBDA, scalar);
            assert!(k0.unsigned_abs() >> 127 == 0 && k1.unsigned_abs() >> 127 == 0);
        }
    }
}
