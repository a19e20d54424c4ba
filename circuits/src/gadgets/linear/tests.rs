use super::*;
use crate::tamper::System;

fn constant(x: u64) -> FpVar<Fr> {
    FpVar::Constant(Fr::from(x))
}

#[test]
fn constants_are_checked() {
    assert!(enforce_equal(&constant(2), &constant(2)).is_ok());
    assert!(enforce_equal(&constant(2), &constant(3)).is_err());
    assert!(enforce_product(&constant(2), &constant(3), &constant(6)).is_ok());
    assert!(enforce_product(&constant(2), &constant(3), &constant(7)).is_err());
}

/// Every mixture of constants and variables for `a * b = c`.
#[test]
fn products_hold_exactly_when_they_are_true() {
    for (c, right) in [(6u64, true), (7, false)] {
        for mask in 1..8u8 {
            let system = System::prove(|cs| {
                let operand = |i: u8, x: u64| match mask >> i & 1 {
                    1 => witness(&cs, || Ok(Fr::from(x))),
                    _ => Ok(constant(x)),
                };
                enforce_product(&operand(0, 2)?, &operand(1, 3)?, &operand(2, c)?)
            })
            .unwrap();
            assert_eq!((system.is_satisfied(), system.constraints()), (right, 1));
        }
    }
}

#[test]
fn sums_carry_constants_and_repeated_variables() {
    let system = System::prove(|cs| {
        let x = witness(&cs, || Ok(Fr::from(5u64)))?;
        let five = constant(5);
        let sum = weighted_sum(
            [
                (Fr::from(2u64), &x),
                (Fr::from(3u64), &five),
                (Fr::from(4u64), &x),
            ],
            Fr::ONE,
        )?;
        assert_eq!(sum.value()?, Fr::from(46u64));
        enforce_equal(&sum, &constant(46))
    });
    assert!(system.unwrap().is_satisfied());
    let fixed = weighted_sum([(Fr::from(2u64), &constant(4))], Fr::ONE).unwrap();
    assert_eq!(fixed.value(), Ok(Fr::from(9u64)));
}

#[test]
fn quotients_by_zero_and_zero_itself_are_refused() {
    for (x, right) in [(0u64, false), (1, true), (9, true)] {
        let system = System::prove(|cs| enforce_nonzero(&witness(&cs, || Ok(Fr::from(x)))?)).unwrap();
        assert_eq!(system.is_satisfied(), right);
        let system = System::prove(|cs| {
            let x = witness(&cs, || Ok(Fr::from(x)))?;
            let q = quotient(&constant(18), &x)?;
            assert_eq!(q.value()? * x.value()? == Fr::from(18u64), right);
            Ok(())
        });
        assert_eq!(system.unwrap().is_satisfied(), right);
    }
}

#[test]
fn a_bound_input_is_used() {
    let system = System::prove(|cs| bind_input(&input(&cs, Fr::from(3u64))?)).unwrap();
    assert!(system.is_satisfied() && system.unused_inputs().is_empty());
    assert!(system.free_variables().is_empty());
}
