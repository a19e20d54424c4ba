use super::*;
use crate::tamper::System;

const NUM_BITS: usize = 6;
const DIV_BITS: usize = 4;

fn operand(cs: &ark_relations::gr1cs::ConstraintSystemRef<Fr>, x: u128) -> FpVar<Fr> {
    witness(cs, || Ok(Fr::from(x))).unwrap()
}

/// Constrains `q` as the quotient, whatever it is.
fn claim(numerator: u128, divisor: u128, q: Fr) -> bool {
    System::prove(|cs| {
        let (n, d) = (operand(&cs, numerator), operand(&cs, divisor));
        enforce_half_up(&witness(&cs, || Ok(q))?, &n, &d, NUM_BITS, DIV_BITS)
    })
    .unwrap()
    .is_satisfied()
}

#[test]
fn rounds_half_up() {
    for (n, d, q) in [(5, 2, 3), (4, 2, 2), (1, 3, 0), (2, 3, 1), (0, 7, 0), (3, 6, 1)] {
        assert_eq!(half_up_native(n, d), Some(q));
    }
    assert_eq!(half_up_native(1, 0), None);
    assert_eq!(half_up_native(1 << 126, 1), None);
}

#[test]
fn c08_equals_the_native_twin_and_accepts_no_other_quotient() {
    for n in 0..1 << NUM_BITS {
        for d in 0..1 << DIV_BITS {
            let native = half_up_native(n, d);
            let system = System::prove(|cs| {
                let q = half_up(&operand(&cs, n), &operand(&cs, d), NUM_BITS, DIV_BITS)?;
                if let Some(native) = native {
                    assert_eq!(q.value()?, Fr::from(native));
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(system.is_satisfied(), native.is_some(), "{n} / {d}");
            if n % 7 == 0 {
                for q in 0..1 << NUM_BITS {
                    assert_eq!(claim(n, d, Fr::from(q)), Some(q) == native, "{n} / {d} = {q}");
                }
            }
        }
    }
}

/// 0, 1, and both ends of the widest operands.
#[test]
fn c08_equals_the_native_twin_at_the_widest_operands() {
    let top = (1u128 << 120) - 1;
    for n in [0, 1, 1 << 119, top - 1, top] {
        for d in [1, 2, 3, 1 << 119, top - 1, top] {
            let system = System::prove(|cs| {
                let q = half_up(&operand(&cs, n), &operand(&cs, d), 120, 120)?;
                assert_eq!(q.value()?, Fr::from(half_up_native(n, d).unwrap()), "{n} / {d}");
                Ok(())
            });
            assert!(system.unwrap().is_satisfied(), "{n} / {d}");
        }
    }
}

/// Quotients that solve the equation modulo r but not over the integers.
#[test]
fn c10_wrapped_quotients_are_refused() {
    for (n, d) in [(7u64, 3u64), (63, 15), (1, 7)] {
        let inverse = Fr::from(2 * d).inverse().unwrap();
        for rest in 0..2 * d {
            let q = (Fr::from(2 * n + d) - Fr::from(rest)) * inverse;
            let native = half_up_native(n.into(), d.into()).map(Fr::from);
            assert_eq!(
                claim(n.into(), d.into(), q),
                Some(q) == native,
                "{n} / {d}, {rest}"
            );
        }
    }
}

#[test]
fn the_cost_is_as_documented_and_nothing_is_free() {
    for (num_bits, div_bits) in [(6, 4), (64, 36), (120, 120)] {
        let system =
            System::prove(|cs| half_up(&operand(&cs, 40), &operand(&cs, 9), num_bits, div_bits).map(|_| ()))
                .unwrap();
        assert!(system.is_satisfied());
        // Variables 0 and 1 are the operands: others may have the same quotient.
        assert!(system.free_variables().iter().all(|&variable| variable < 2));
        assert_eq!(system.constraints(), num_bits + 2 * div_bits + 3);
    }
}
