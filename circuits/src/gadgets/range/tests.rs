use super::*;
use crate::tamper::System;
use ark_ff::UniformRand;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn power(k: usize) -> Fr {
    Fr::from(2u64).pow([k as u64])
}

/// Values around 0, the middle and the end of the field, around powers of two, and random ones.
fn edges() -> Vec<Fr> {
    let half = Fr::from(2u64).inverse().unwrap();
    let mut out = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, half, half - Fr::ONE];
    for k in [1, 2, 7, 8, 16, 64, 127, 128, 129, 252, 253] {
        out.extend([power(k) - Fr::ONE, power(k), power(k) + Fr::ONE, -power(k)]);
    }
    let mut rng = StdRng::seed_from_u64(2);
    out.extend((0..8).map(|_| Fr::rand(&mut rng)));
    out.extend((1..8).map(|i| Fr::from(rng.r#gen::<u64>() >> (8 * i))));
    out
}

fn with(x: Fr, enforce: impl Fn(&FpVar<Fr>) -> Result<(), SynthesisError>) -> System {
    System::prove(|cs| enforce(&witness(&cs, || Ok(x))?)).unwrap()
}

#[test]
fn c08_ranges_hold_exactly_below_the_power_of_two() {
    for n in [0, 1, 2, 8, 16, 64, 128, 252, 253] {
        for x in edges() {
            let fits = x.into_bigint().num_bits() as usize <= n;
            assert_eq!(with(x, |x| enforce_range(x, n)).is_satisfied(), fits, "{x} {n}");
            let decomposed = with(x, |x| bits(x, n).map(|_| ()));
            assert_eq!(decomposed.is_satisfied(), fits, "{x} {n}");
            let constant = FpVar::Constant(x);
            assert_eq!(enforce_range(&constant, n).is_ok(), fits);
        }
    }
}

#[test]
fn c08_bits_are_those_of_the_number() {
    for x in edges() {
        let system = with(x, |x| {
            let value = x.value()?.into_bigint();
            for (i, bit) in bits(x, 253)?.iter().enumerate() {
                assert_eq!(bit.value()?, value.get_bit(i));
            }
            Ok(())
        });
        assert_eq!(system.free_variables(), [0usize; 0]);
    }
}

/// The bits of x + r, which is the same field element: cut to any width they are refused.
#[test]
fn c09_the_bits_of_x_plus_r_are_refused_at_every_width() {
    for x in [Fr::ZERO, Fr::ONE, Fr::from(12_345u64)] {
        let mut alias = x.into_bigint();
        assert!(!alias.add_with_carry(&Fr::MODULUS));
        for n in (14..=MAX_BITS).step_by(7).chain([MAX_BITS - 1, MAX_BITS]) {
            let system = with(x, |x| bits(x, n).map(|_| ()));
            assert!(system.is_satisfied());
            let forged: Vec<_> = (0..n)
                .map(|i| (1 + i, Fr::from(u64::from(alias.get_bit(i)))))
                .collect();
            assert!(!system.is_satisfied_with(&forged), "{x} {n}");
            let system = with(x, |x| enforce_range(x, n));
            assert!(!system.is_satisfied_with(&forged[..n - 1]), "{x} {n}");
        }
    }
}

/// At 254 bits x and x + r both fit, for every small x: such a decomposition cannot be written.
#[test]
#[should_panic(expected = "exceeds the modulus")]
fn c09_a_decomposition_of_254_bits_is_a_fault_of_the_code() {
    let mut alias = Fr::MODULUS;
    alias.add_with_carry(&Fr::ONE.into_bigint());
    assert_eq!(alias.num_bits(), 254);
    with(Fr::ONE, |x| bits(x, MAX_BITS + 1).map(|_| ()));
}

#[test]
fn c08_comparators_are_right_on_every_pair_of_small_numbers() {
    const N: usize = 3;
    for a in 0..8u64 {
        for b in 0..8u64 {
            let system = System::prove(|cs| {
                let (x, y) = (
                    witness(&cs, || Ok(Fr::from(a)))?,
                    witness(&cs, || Ok(Fr::from(b)))?,
                );
                assert_eq!(less_than(&x, &y, N)?.value()?, a < b);
                assert_eq!(less_or_equal(&x, &y, N)?.value()?, a <= b);
                Ok(())
            });
            assert!(system.unwrap().is_satisfied());
            let ordered = System::prove(|cs| {
                let (x, y) = (
                    witness(&cs, || Ok(Fr::from(a)))?,
                    witness(&cs, || Ok(Fr::from(b)))?,
                );
                enforce_less_or_equal(&x, &y, N)
            });
            assert_eq!(ordered.unwrap().is_satisfied(), a <= b);
        }
    }
}

/// Every choice of the answer and of the bits below it: only the honest one satisfies.
#[test]
fn no_other_witness_of_a_comparison_exists() {
    const N: usize = 3;
    for a in 0..8u64 {
        for b in 0..8u64 {
            let system = System::prove(|cs| {
                let (x, y) = (
                    witness(&cs, || Ok(Fr::from(a)))?,
                    witness(&cs, || Ok(Fr::from(b)))?,
                );
                less_than(&x, &y, N).map(|_| ())
            })
            .unwrap();
            // Variables 0 and 1 are the operands, 2 the answer, 3 and 4 the low bits.
            let satisfying: Vec<u64> = (0..8u64)
                .filter(|bits| {
                    let forged: Vec<_> = (0..3).map(|i| (2 + i, Fr::from(bits >> i & 1))).collect();
                    system.is_satisfied_with(&forged)
                })
                .collect();
            assert_eq!(satisfying.len(), 1, "{a} {b}");
            assert_eq!(satisfying[0] & 1 == 1, a < b);
        }
    }
}

#[test]
fn c08_comparisons_are_right_at_the_widest_operands() {
    let top = power(128) - Fr::ONE;
    for (a, b, less) in [
        (Fr::ZERO, top, true),
        (top, Fr::ZERO, false),
        (top, top, false),
        (top - Fr::ONE, top, true),
        (top, top - Fr::ONE, false),
    ] {
        let system = System::prove(|cs| {
            let (x, y) = (witness(&cs, || Ok(a))?, witness(&cs, || Ok(b))?);
            assert_eq!(less_than(&x, &y, 128)?.value()?, less);
            Ok(())
        })
        .unwrap();
        assert!(system.is_satisfied() && system.alternatives(&[0, 1]).is_empty());
    }
}

fn at_most(value: u64, bound: u64, n: usize, scale: u64) -> System {
    System::prove(|cs| {
        let scale_var = witness(&cs, || Ok(Fr::from(scale)))?;
        let bits = (0..n)
            .rev()
            .map(|i| witness(&cs, || Ok(Fr::from((value >> i & 1) * scale))))
            .collect::<Result<Vec<_>, _>>()?;
        let bound: Vec<bool> = (0..n).rev().map(|i| bound >> i & 1 == 1).collect();
        enforce_at_most(&cs, &bits, &scale_var, &bound)
    })
    .unwrap()
}

#[test]
fn c08_bounds_are_right_on_every_pair_of_small_numbers() {
    for bound in 0..32 {
        let digest = at_most(0, bound, 5, 1).digest();
        for value in 0..32 {
            for scale in [1, 77] {
                let system = at_most(value, bound, 5, scale);
                assert_eq!(system.is_satisfied(), value <= bound, "{value} {bound}");
                assert_eq!(system.digest(), digest);
            }
        }
    }
}

/// A prover who exceeds the bound tries 0, 1 and an arbitrary value for every hint.
#[test]
fn no_hint_helps_above_the_bound() {
    let tries = [Fr::ZERO, Fr::ONE, Fr::from(0xdead_beef_u64)];
    for bound in 0..32 {
        for value in bound + 1..32 {
            let system = at_most(value, bound, 5, 1);
            // After the scale and 5 bits come two hints for each counted run.
            let hints = (6..).take_while(|i| system.private(*i).is_some()).count();
            for choice in 0..tries.len().pow(hints as u32) {
                let forged: Vec<_> = (0..hints)
                    .map(|i| (6 + i, tries[choice / tries.len().pow(i as u32) % tries.len()]))
                    .collect();
                assert!(!system.is_satisfied_with(&forged), "{value} {bound}");
            }
        }
    }
}

#[test]
fn costs_are_as_documented() {
    for n in [1, 16, 64, 253] {
        assert_eq!(with(Fr::ONE, |x| enforce_range(x, n)).constraints(), n);
        assert_eq!(with(Fr::ONE, |x| bits(x, n).map(|_| ())).constraints(), n + 1);
    }
    for n in [1, 32, 128] {
        let zero = FpVar::Constant(Fr::ZERO);
        assert_eq!(
            with(Fr::ONE, |x| less_than(x, &zero, n).map(|_| ())).constraints(),
            n + 1
        );
        assert_eq!(
            with(Fr::ONE, |x| enforce_less_or_equal(&zero, x, n)).constraints(),
            n
        );
    }
    // 0b10110: runs 1, 0, 11, 0.
    assert_eq!(at_most(0, 0b10110, 5, 1).constraints(), 4);
    // 0b10011: the last run of ones is free.
    assert_eq!(at_most(0, 0b10011, 5, 1).constraints(), 2);
}
