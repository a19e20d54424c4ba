//! The random powers of a batch, and multiples of points of G1 by them.

use ark_bn254::{Fr, G1Affine, G1Projective, g1};
use ark_ec::{AffineRepr, scalar_mul::glv::GLVConfig};
use ark_ff::AdditiveGroup;
use ark_std::rand::{CryptoRng, RngCore};
use medproof_kernels::Kernels;

use crate::lanes;

/// Bits of each half.
const BITS: u32 = 64;

/// The number `low + lambda high`, where lambda is a cube root of unity modulo the group's order r.
///
/// Multiplying by lambda is multiplying the x coordinate by a cube root of unity in Fq, so that a multiple takes 64
/// doublings in place of 128. Different halves are different numbers: if those of `(a, b) != 0` were equal, with a and b
/// the differences, below 2^64 in absolute value, then `a = -lambda b`, and r would divide `a^2 - a b + b^2` (for
/// `lambda^2 + lambda + 1 = 0`), which lies between 1 and 3 2^128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Power {
    low: u64,
    high: u64,
}

impl Power {
    /// One of 2^128 - 1 numbers other than 0.
    pub(super) fn random(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let (low, high) = (random.next_u64(), random.next_u64());
        // 0 would leave a proof out; it is as likely as any other number, so taking 1 in its place costs nothing.
        let low = if low == 0 && high == 0 { 1 } else { low };
        Self { low, high }
    }

    /// The number.
    pub(super) fn to_fr(self) -> Fr {
        Fr::from(self.low) + g1::Config::LAMBDA * Fr::from(self.high)
    }

    /// What a point is multiplied by at this bit: its place in [`by_digit`].
    fn digit(self, bit: u32) -> usize {
        ((self.low >> bit & 1) | (self.high >> bit & 1) << 1) as usize
    }
}

/// 0, 1, lambda and 1 + lambda times a point.
fn by_digit(point: &G1Affine) -> [G1Affine; 4] {
    let times_lambda = g1::Config::endomorphism_affine(point);
    // 1 + lambda + lambda^2 = 0.
    let sum = -g1::Config::endomorphism_affine(&times_lambda);
    [G1Affine::zero(), *point, times_lambda, sum]
}

/// `sum power point`, for points other than the identity.
pub(super) fn sum_of_multiples(kernels: Kernels, points: &[G1Affine], powers: &[Power]) -> G1Projective {
    if lanes::available(kernels) {
        // Each by itself is faster in lanes than all with shared doublings one at a time.
        return multiples(kernels, points, powers).iter().sum();
    }
    sum_one_at_a_time(points, powers)
}

/// `power point` for each point, none of which is the identity.
pub(super) fn multiples(kernels: Kernels, points: &[G1Affine], powers: &[Power]) -> Vec<G1Projective> {
    let halves: Vec<_> = powers.iter().map(|power| [power.low, power.high]).collect();
    let one_at_a_time = || {
        let each = points.iter().zip(powers);
        each.map(|(point, power)| sum_one_at_a_time(&[*point], &[*power]))
            .collect()
    };
    lanes::multiples(kernels, points, &halves).unwrap_or_else(one_at_a_time)
}

fn sum_one_at_a_time(points: &[G1Affine], powers: &[Power]) -> G1Projective {
    let tables: Vec<_> = points.iter().map(by_digit).collect();
    let mut sum = G1Projective::ZERO;
    for bit in (0..BITS).rev() {
        sum.double_in_place();
        for (table, power) in tables.iter().zip(powers) {
            let digit = power.digit(bit);
            if digit != 0 {
                sum += &table[digit];
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn multiples_are_those_by_the_number() {
        for kernels in lanes::tests::kernels() {
            check(kernels);
        }
    }

    fn check(kernels: Kernels) {
        let mut rng = StdRng::seed_from_u64(3);
        let lambda = g1::Config::LAMBDA;
        assert_eq!(lambda.square() + lambda + Fr::ONE, Fr::ZERO);
        let halves = [0, 1, 2, 3, u64::MAX, 1 << 63, rng.next_u64()];
        let mut points = Vec::new();
        let mut powers = Vec::new();
        let mut expected = G1Projective::ZERO;
        for low in halves {
            for high in halves {
                let (power, point) = (Power { low, high }, G1Affine::rand(&mut rng));
                let alone = multiples(kernels, &[point], &[power])[0];
                assert_eq!(alone, point * power.to_fr(), "{power:?}");
                points.push(point);
                powers.push(power);
                expected += point * power.to_fr();
            }
        }
        // Points that meet each other on the way.
        for point in [points[9], -points[9], points[9]] {
            points.push(point);
            powers.push(powers[9]);
            expected += point * powers[9].to_fr();
        }
        assert_eq!(sum_of_multiples(kernels, &points, &powers), expected);
        let each = multiples(kernels, &points, &powers);
        for (i, found) in each.iter().enumerate() {
            assert_eq!(*found, points[i] * powers[i].to_fr());
        }
    }
}
