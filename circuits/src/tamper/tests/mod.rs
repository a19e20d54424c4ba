//! The harness over every gadget, over gadgets broken on purpose, and on systems of a few constraints.

mod gadgets;
mod planted;

use super::*;
use crate::gadgets::linear::{enforce_equal, enforce_product, weighted_sum, witness};
use crate::gadgets::range::enforce_range;
use crate::gadgets::select::{enforce_boolean, is_zero, one_hot};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::fields::fp::FpVar;

fn constant(x: u64) -> FpVar<Fr> {
    FpVar::Constant(Fr::from(x))
}

fn square(x: u64, bound: bool) -> System {
    System::prove(|cs| {
        let x = witness(&cs, || Ok(Fr::from(x)))?;
        let y = witness(&cs, || Ok(Fr::from(25u64)))?;
        let spare = witness(&cs, || Ok(Fr::from(3u64)))?;
        if bound {
            enforce_product(&spare, &spare, &(&y - Fr::from(16u64)))?;
        }
        enforce_product(&x, &x, &y)
    })
    .unwrap()
}

#[test]
fn an_unbound_variable_is_found_and_the_other_root_of_a_bound_one() {
    assert!(square(5, false).is_satisfied() && square(5, true).is_satisfied());
    assert_eq!(square(6, true).broken(), [1]);
    let root = |x: u64| Freedom::Other(-Fr::from(x));
    assert_eq!(
        square(5, false).freedoms(),
        [(0, root(5)), (2, Freedom::Idle(Loose::Released))]
    );
    assert_eq!(square(5, true).freedoms(), [(0, root(5)), (2, root(3))]);
    assert_eq!(square(5, false).unused_variables(), [2]);
    assert!(square(5, true).unused_variables().is_empty());
    assert!(square(5, true).is_satisfied_with(&[(0, -Fr::from(5u64))]));
    assert!(!square(5, true).is_satisfied_with(&[(0, Fr::from(4u64))]));
    assert_ne!(square(5, true).digest(), square(5, false).digest());
    assert_eq!(square(5, true).digest(), square(6, true).digest());
    assert_ne!(square(5, true).digest(), square(5, true).without(0).digest());
}

#[test]
fn set_up_has_the_shape_of_a_proof_and_unused_inputs_are_listed() {
    let synthesise = |cs: ConstraintSystemRef<Fr>, value: Option<u64>| {
        let hint = || value.map(Fr::from).ok_or(SynthesisError::AssignmentMissing);
        let _unused = cs.new_input_variable(hint)?;
        let used = cs.new_input_variable(hint)?;
        cs.enforce_r1cs_constraint(|| used.into(), || used.into(), || used.into())
    };
    let setup = System::setup(|cs| synthesise(cs, None)).unwrap();
    let proof = System::prove(|cs| synthesise(cs, Some(1))).unwrap();
    assert_eq!(setup.digest(), proof.digest());
    assert!(proof.is_satisfied() && !setup.is_satisfied());
    assert_eq!(proof.unused_inputs(), [0]);
    assert!(setup.freedoms().is_empty() && setup.undetermined(&[]).is_empty());
    assert_eq!(setup.delete_each(&[0]), Deletion::default());
}

/// `x * y = 6` and `x + y = 5` at (2, 3): isolated, so that the rank is full, with (3, 2) beside it.
#[test]
fn rank_and_walks_see_what_they_should() {
    let system = |both: bool, x: u64, y: u64| {
        System::prove(|cs| {
            let (x, y) = (
                witness(&cs, || Ok(Fr::from(x)))?,
                witness(&cs, || Ok(Fr::from(y)))?,
            );
            enforce_product(&x, &y, &constant(6))?;
            if both {
                enforce_product(&(&x + &y), &constant(1), &constant(5))?;
            }
            Ok(())
        })
        .unwrap()
    };
    let isolated = system(true, 2, 3);
    assert!(isolated.is_satisfied() && isolated.undetermined(&[]).is_empty());
    let curve = system(false, 2, 3);
    assert_eq!(curve.undetermined(&[]), [(0, Loose::Hint), (1, Loose::Hint)]);
    assert!(curve.undetermined(&[0]).is_empty());
    // Each constraint is needed: without it the other has a curve of solutions.
    assert_eq!(isolated.delete_each(&[0, 1]).survivors, [0usize; 0]);
    assert_eq!(curve.delete_each(&[0]).by_rank, 1);
    // From a pair that only the sum refuses the walk repairs it; nothing is left to break.
    let lie = system(true, 1, 6);
    assert_eq!(lie.broken(), [1]);
    assert_eq!(lie.walk(&[]).alone, [true, true]);
}

#[test]
fn a_constraint_said_twice_survives_its_deletion() {
    let system = System::prove(|cs| {
        let x = witness(&cs, || Ok(Fr::from(1u64)))?;
        let y = &x * &x;
        for _ in 0..2 {
            enforce_product(&y, &(&y - Fr::from(1u64)), &constant(0))?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(system.delete_each(&[0, 1, 2]).survivors, [1, 2]);
    assert_eq!(system.without(2).delete_each(&[0, 1]).survivors, [0usize; 0]);
}

/// Eight bits of which the fourth is set, and their number, said once or twice.
fn numbered(times: usize) -> System {
    System::prove(|cs| {
        let bits = one_hot(&cs, || Ok(3), 8)?;
        let bits: Vec<FpVar<Fr>> = bits.into_iter().map(FpVar::from).collect();
        for _ in 0..times {
            let number = weighted_sum((0u64..).map(Fr::from).zip(&bits), Fr::ZERO)?;
            enforce_equal(&number, &constant(3))?;
        }
        Ok(())
    })
    .unwrap()
}

#[test]
fn what_guards_bits_that_are_summed_is_seen_by_turning_several() {
    let all: Vec<usize> = (0..10).collect();
    let system = numbered(1);
    assert_eq!(system.delete_each(&all).survivors, all[..8]);
    assert_eq!(system.delete_and_exchange(&all).survivors, [0usize; 0]);
    // What is said twice is not needed twice, however many bits are turned.
    let all: Vec<usize> = (0..11).collect();
    assert_eq!(numbered(2).delete_and_exchange(&all).survivors, [9, 10]);
}

/// A bit, said to be one so many times, whose multiple by 3 is in a range.
fn in_range(times: usize) -> System {
    System::prove(|cs| {
        let three = witness(&cs, || Ok(Fr::from(3u64)))?;
        enforce_equal(&three, &constant(3))?;
        let bit = witness(&cs, || Ok(Fr::from(0u64)))?;
        for _ in 0..times {
            enforce_boolean(&bit)?;
        }
        enforce_range(&(&bit * &three), 4)
    })
    .unwrap()
}

#[test]
fn what_guards_a_bit_that_is_in_no_sum_is_seen_by_another_number() {
    assert_eq!(in_range(1).delete_each(&[1]).survivors, [1]);
    assert_eq!(in_range(1).delete_and_exchange(&[1]).survivors, [0usize; 0]);
    assert_eq!(in_range(2).delete_and_exchange(&[1, 2]).survivors, [1, 2]);
}

#[test]
fn what_guards_a_comparison_is_seen_by_another_result() {
    let system = System::prove(|cs| {
        let new = |x: u64| {
            let x = constant(x);
            let variable = witness(&cs, || x.value())?;
            enforce_equal(&variable, &x)?;
            Ok::<_, SynthesisError>(variable)
        };
        let (three, four) = (new(3)?, new(4)?);
        let zero = FpVar::from(is_zero(&three)?);
        enforce_range(&(zero * four), 4)
    })
    .unwrap();
    // The third and fourth constraints make the result; the fourth keeps it from being "equal".
    assert_eq!(system.delete_each(&[3]).survivors, [3]);
    assert_eq!(system.delete_and_exchange(&[3]).survivors, [0usize; 0]);
}
