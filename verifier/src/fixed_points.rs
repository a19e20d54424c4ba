//! Sums of multiples of a key's points of G1, on the caller's core.
//!
//! arkworks' sum of multiples starts threads of its own for every call. A worker of a pool that waits for them takes up
//! whatever else its pool has to do, on the same stack: many checks at once then nest until the stack overflows.

use crate::affine::to_affine;
use ark_bn254::{Fr, G1Affine, G1Projective, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use std::sync::Arc;

/// Bits of a digit of a scalar: digits are 0 or odd and below 2^(WINDOW - 1) in absolute value, and of WINDOW
/// consecutive ones at most one is not 0.
const WINDOW: usize = 7;
/// Odd numbers below 2^(WINDOW - 1).
const ODD: usize = 1 << (WINDOW - 2);

/// Points of prime order, and what is worked out once of each: its odd multiples, and lambda times these, where lambda is
/// the cube root of unity by which the endomorphism multiplies.
#[derive(Debug, Clone)]
pub(crate) struct FixedPoints {
    tables: Arc<[[Table; 2]]>,
}

/// `P, 3 P, 5 P, ..`
type Table = [G1Affine; ODD];

impl FixedPoints {
    /// The points are in the group of prime order and not its identity.
    pub(crate) fn new(points: &[G1Affine]) -> Self {
        let tables = points.iter().map(|point| {
            let odd = odd_multiples(point);
            [
                odd,
                odd.map(|multiple| g1::Config::endomorphism_affine(&multiple)),
            ]
        });
        Self {
            tables: tables.collect(),
        }
    }

    /// `sum scalar point`; takes time that depends on the scalars, which are public. There are as many scalars as points.
    pub(crate) fn sum(&self, scalars: &[Fr]) -> G1Projective {
        // A scalar is `low + lambda high` with halves of about 128 bits.
        let terms: Vec<(&Table, Vec<i64>)> = (self.tables.iter().zip(scalars))
            .flat_map(|([plain, times_lambda], scalar)| {
                let (low, high) = g1::Config::scalar_decomposition(*scalar);
                [(plain, digits(low)), (times_lambda, digits(high))]
            })
            .collect();
        let length = terms.iter().map(|(_, digits)| digits.len()).max();
        let mut sum = G1Projective::ZERO;
        for place in (0..length.unwrap_or(0)).rev() {
            sum.double_in_place();
            for (table, digits) in &terms {
                let digit = digits.get(place).copied().unwrap_or(0);
                // Of 2 k + 1 and of -(2 k + 1), k.
                let entry = table[(digit.unsigned_abs() / 2) as usize];
                match digit.signum() {
                    1 => sum += entry,
                    -1 => sum -= entry,
                    _ => {}
                }
            }
        }
        sum
    }
}

/// `P, 3 P, 5 P, ..`: none is the identity, the order being a large prime.
fn odd_multiples(point: &G1Affine) -> Table {
    let twice = G1Projective::from(*point).double();
    let mut multiple = G1Projective::from(*point);
    let multiples: [G1Projective; ODD] = std::array::from_fn(|at| {
        if at > 0 {
            multiple += twice;
        }
        multiple
    });
    let affine = to_affine(multiples.iter());
    std::array::from_fn(|at| affine[at])
}

/// The digits of a number given by sign and magnitude, least significant first.
fn digits((positive, magnitude): (bool, Fr)) -> Vec<i64> {
    let mut digits = (magnitude.into_bigint().find_wnaf(WINDOW)).expect("it is between 2 and 63");
    if !positive {
        for digit in &mut digits {
            *digit = -*digit;
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn sums_are_those_of_arkworks() {
        let mut rng = StdRng::seed_from_u64(11);
        let lambda = g1::Config::LAMBDA;
        let mut scalars = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, lambda, -lambda, lambda + Fr::ONE];
        scalars.extend([1 << 63, u64::MAX].map(Fr::from));
        // Every digit, alone and in both halves.
        scalars.extend((0..1 << WINDOW).map(Fr::from));
        scalars.extend((0..1 << WINDOW).map(|digit| -lambda * Fr::from(digit)));
        scalars.extend((0..40).map(|_| Fr::rand(&mut rng)));
        let mut points: Vec<_> = scalars.iter().map(|_| G1Affine::rand(&mut rng)).collect();
        for (point, scalar) in points.iter().zip(&scalars) {
            let sum = FixedPoints::new(&[*point]).sum(&[*scalar]);
            assert_eq!(sum, *point * *scalar, "{scalar}");
        }
        // Points that meet each other on the way.
        for (point, scalar) in [(points[50], scalars[50]), (-points[51], scalars[51])] {
            points.push(point);
            scalars.push(scalar);
        }
        let expected: G1Projective = points.iter().zip(&scalars).map(|(p, k)| *p * *k).sum();
        assert_eq!(FixedPoints::new(&points).sum(&scalars), expected);
        assert_eq!(FixedPoints::new(&[]).sum(&[]), G1Projective::ZERO);
    }
}
