use super::*;
use crate::gadgets::linear::witness;
use crate::tamper::System;

fn fr(x: u64) -> Fr {
    Fr::from(x)
}

#[test]
fn c08_equality_is_right_and_cannot_be_claimed_otherwise() {
    for (a, b) in [(fr(0), fr(0)), (fr(5), fr(5)), (fr(5), fr(6)), (-fr(1), fr(1))] {
        let system = System::prove(|cs| {
            let (x, y) = (witness(&cs, || Ok(a))?, witness(&cs, || Ok(b))?);
            assert_eq!(is_equal(&x, &y)?.value()?, a == b);
            Ok(())
        })
        .unwrap();
        assert!(system.is_satisfied());
        assert_eq!(system.constraints(), 2);
        // Variable 2 is "not equal", 3 the hint, which is free where a = b.
        assert_eq!(system.free_variables(), if a == b { vec![3] } else { Vec::new() });
        let claimed = fr(u64::from(a == b));
        for hint in [fr(0), fr(1), (a - b).inverse().unwrap_or_default()] {
            assert!(!system.is_satisfied_with(&[(2, claimed), (3, hint)]));
        }
    }
    let zero = FpVar::Constant(fr(0));
    assert_eq!(is_zero(&zero).unwrap().value(), Ok(true));
}

#[test]
fn c08_exactly_one_selector_is_set() {
    for n in [1, 2, 5] {
        for index in 0..n {
            let system = System::prove(|cs| {
                let values: Vec<_> = (0..n as u64).map(|i| FpVar::Constant(fr(i * i))).collect();
                let selectors = one_hot(&cs, || Ok(index), n)?;
                let chosen = dot(&selectors, &values)?;
                assert_eq!(chosen.value()?, fr((index * index) as u64));
                Ok(())
            })
            .unwrap();
            assert!(system.is_satisfied() && system.free_variables().is_empty());
            assert_eq!(system.constraints(), n + 1);
            for forged in 0..1u64 << n {
                let bits: Vec<_> = (0..n).map(|i| (i, fr(forged >> i & 1))).collect();
                assert_eq!(system.is_satisfied_with(&bits), forged.count_ones() == 1);
            }
        }
    }
    // A position outside selects nothing and is refused.
    let outside = System::prove(|cs| one_hot(&cs, || Ok(5), 5).map(|_| ())).unwrap();
    assert!(!outside.is_satisfied());
}

#[test]
fn c08_choices_and_conditional_equality_follow_the_condition() {
    for condition in [false, true] {
        let system = System::prove(|cs| {
            let bit = Boolean::new_witness(cs.clone(), || Ok(condition))?;
            let (a, b) = (witness(&cs, || Ok(fr(3)))?, witness(&cs, || Ok(fr(4)))?);
            let chosen = choose(&bit, &a, &b)?;
            assert_eq!(chosen.value()?, fr(if condition { 3 } else { 4 }));
            enforce_equal_if(&bit, &chosen, &a)?;
            enforce_equal_if(&bit, &a, &b)
        })
        .unwrap();
        assert_eq!(system.is_satisfied(), !condition);
        assert_eq!(system.constraints(), 4);
    }
}

#[test]
fn c08_booleans_are_zero_or_one() {
    for (x, right) in [(fr(0), true), (fr(1), true), (fr(2), false), (-fr(1), false)] {
        let system = System::prove(|cs| enforce_boolean(&witness(&cs, || Ok(x))?)).unwrap();
        assert_eq!((system.is_satisfied(), system.constraints()), (right, 1));
        let system = System::prove(|cs| to_boolean(&witness(&cs, || Ok(x))?).map(|_| ())).unwrap();
        assert_eq!((system.is_satisfied(), system.constraints()), (right, 2));
    }
}
