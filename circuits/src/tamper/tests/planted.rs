//! Gadgets broken on purpose, each by one usual mistake, and the check that catches it. Where another check
//! is blind to the mistake the test says so.

use crate::gadgets::linear::{enforce_equal, enforce_product, quotient, weighted_sum, witness};
use crate::gadgets::merkle::PathVar;
use crate::gadgets::range::{enforce_range, from_bits, powers_of_two};
use crate::gadgets::select::dot;
use crate::tamper::{Freedom, Loose, System};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::predicate::PredicateConstraintSystem;
use ark_relations::gr1cs::predicate::polynomial_constraint::SR1CS_PREDICATE_LABEL;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError, Variable};
use medproof_verifier::tree::DenseTree;

type Var = FpVar<Fr>;
type Cs = ConstraintSystemRef<Fr>;
type Result<T> = std::result::Result<T, SynthesisError>;

fn fr(x: u64) -> Fr {
    Fr::from(x)
}

fn number(cs: &Cs, x: u64) -> Result<Var> {
    witness(cs, || Ok(fr(x)))
}

fn system(synthesise: impl FnOnce(Cs) -> Result<()>) -> System {
    System::prove(synthesise).unwrap()
}

/// Bits of `x` of which those in `boolean` are checked to be bits.
fn bits_of(cs: &Cs, x: u64, boolean: impl Fn(usize) -> bool) -> Result<()> {
    let x = number(cs, x)?;
    let bits = (0..8)
        .map(|i| {
            let hint = x.value()?.into_bigint().0[0] >> i & 1 == 1;
            match boolean(i) {
                true => Ok(Boolean::new_witness(cs.clone(), || Ok(hint))?.into()),
                false => number(cs, hint.into()),
            }
        })
        .collect::<Result<Vec<Var>>>()?;
    enforce_equal(&weighted_sum(powers_of_two().zip(&bits), Fr::ZERO)?, &x)
}

#[test]
fn a_dropped_booleanity_is_caught_by_the_walk() {
    let honest = system(|cs| bits_of(&cs, 200, |i| i != 3));
    assert!(honest.is_satisfied());
    // The bit follows from the others, so that neither single changes nor the rank see it.
    assert!(honest.freedoms().is_empty() && honest.undetermined(&[0]).is_empty());
    // Another bit flips and this one makes good for it.
    assert!(honest.alternatives(&[0]).contains(&vec![1, 4]));
    // 300 is no byte; the walk makes it one.
    let lie = system(|cs| bits_of(&cs, 300, |i| i != 3));
    assert!(!lie.is_satisfied());
    assert!(lie.walk(&[0]).satisfying.contains(&vec![4]));
    // With every bit checked there is no such way.
    let sound = system(|cs| bits_of(&cs, 200, |_| true));
    assert!(sound.alternatives(&[0]).is_empty());
    let refused = system(|cs| bits_of(&cs, 300, |_| true));
    assert!(refused.walk(&[0]).satisfying.is_empty());
}

#[test]
fn two_dropped_booleanities_are_caught_by_the_rank() {
    let honest = system(|cs| bits_of(&cs, 200, |i| i != 3 && i != 4));
    assert_eq!(honest.undetermined(&[0]), [(4, Loose::Open), (5, Loose::Open)]);
}

/// A division of 100 by 7 that checks the quotient's range, and that of the remainder if told to.
fn division(remainder_too: bool) -> System {
    system(|cs| {
        let (n, d) = (number(&cs, 100)?, number(&cs, 7)?);
        let q = number(&cs, 14)?;
        enforce_range(&q, 7)?;
        let rest = &n - &q * &d;
        if remainder_too {
            enforce_range(&rest, 3)?;
            enforce_range(&(&d - &rest - Fr::ONE), 3)?;
        }
        Ok(())
    })
}

#[test]
fn a_dropped_range_check_is_caught_by_the_walk() {
    let broken = division(false);
    assert!(broken.is_satisfied() && broken.undetermined(&[0, 1]).is_empty());
    // Another quotient with its product, whatever remainder it leaves.
    assert!(!broken.alternatives(&[0, 1]).is_empty());
    assert!(division(true).alternatives(&[0, 1]).is_empty());
}

#[test]
fn a_comparison_without_its_range_check_is_caught_by_single_changes() {
    let broken = system(|cs| {
        let (a, b) = (number(&cs, 3)?, number(&cs, 5)?);
        let less = Boolean::new_witness(cs, || Ok(a.value()? < b.value()?))?;
        let shifted = &a - &b + Var::from(less) * fr(256);
        // The range of `shifted` was to be enforced here.
        let _ = shifted;
        Ok(())
    });
    assert_eq!(broken.freedoms()[2..], [(2, Freedom::Other(Fr::ZERO))]);
}

#[test]
fn an_unconstrained_selector_is_caught_by_single_changes_and_by_the_walk() {
    // Nothing says that one selector is set.
    let lookup = |constant: bool| {
        system(|cs| {
            let values = (0..3).map(|i| match constant {
                true => Ok(Var::Constant(fr(5 + i))),
                false => number(&cs, 5 + i),
            });
            let values = values.collect::<Result<Vec<_>>>()?;
            let selectors = (0..3)
                .map(|i| Boolean::new_witness(cs.clone(), || Ok(i == 1)))
                .collect::<Result<Vec<_>>>()?;
            dot(&selectors, &values).map(|_| ())
        })
    };
    let other = |x: u64| Freedom::Other(fr(x));
    assert_eq!(
        lookup(true).freedoms(),
        [(0, other(1)), (1, other(0)), (2, other(1))]
    );
    // Over variables each selector is in a product, which changes with it.
    let alternatives = lookup(false).alternatives(&[0, 1, 2]);
    assert_eq!(alternatives, [[3, 6], [4, 7], [5, 8]]);
}

#[test]
fn an_assigned_base_that_is_not_constrained_is_caught_by_the_rank() {
    let broken = system(|cs| {
        let key = number(&cs, 12)?;
        // Eight times the key, assigned but never tied to it; then its fourth power.
        let base = witness(&cs, || Ok(key.value()? * fr(8)))?;
        let square = &base * &base;
        let fourth = &square * &square;
        enforce_product(&fourth, &key, &number(&cs, 12 * 96u64.pow(4))?)?;
        Ok(())
    });
    // The last variable is the gadget's result.
    let open: Vec<usize> = broken.undetermined(&[0]).into_iter().map(|(v, _)| v).collect();
    assert_eq!(open, [1, 2, 3, 4]);
    // A base that nothing reads at all is in no constraint.
    let unread = system(|cs| {
        let key = number(&cs, 12)?;
        let _base = witness(&cs, || key.value())?;
        enforce_equal(&key, &Var::Constant(fr(12)))
    });
    assert_eq!(unread.unused_variables(), [1]);
}

/// A leaf at a position of eight bits in a tree of three levels, of which six bits are used.
fn positioned(position: u64, tied: bool) -> System {
    let tree = DenseTree::<3>::new((100..164u64).map(fr).collect()).unwrap();
    system(|cs| {
        let claimed = number(&cs, position)?;
        let path = PathVar::new_witness(cs.clone(), &tree.path(position & 63).unwrap())?;
        let more = (6..8)
            .map(|i| Boolean::new_witness(cs.clone(), || Ok(position >> i & 1 == 1)))
            .collect::<Result<Vec<_>>>()?;
        let mut bits = path.index_bits().to_vec();
        bits.extend(more);
        if tied {
            enforce_equal(&from_bits(&bits)?, &claimed)?;
        }
        let leaf = Var::Constant(tree.leaf((position & 63) as usize));
        enforce_equal(&path.root(&leaf)?, &Var::Constant(tree.root()))
    })
}

#[test]
fn a_truncated_index_is_caught_by_single_changes_or_by_the_lie_itself() {
    // Bits beyond the depth are read by nothing.
    let free = positioned(9, false).free_variables();
    assert_eq!(free, [0, 16, 17]);
    // Tied to the claimed position they are determined, and one leaf has four positions.
    assert!(positioned(9, true).free_variables().is_empty());
    for lie in [9 + 64, 9 + 128, 9 + 192] {
        assert!(positioned(lie, true).is_satisfied());
    }
}

#[test]
fn a_quotient_of_zeros_is_caught_by_the_rank() {
    let slope = |x: u64| {
        system(|cs| {
            let (a, b) = (number(&cs, x)?, number(&cs, 5)?);
            quotient(&(&a - &b), &(&a - &b)).map(|_| ())
        })
    };
    assert!(slope(7).undetermined(&[0, 1]).is_empty());
    assert_eq!(slope(5).undetermined(&[0, 1]), [(2, Loose::Hint)]);
}

#[test]
fn constraints_that_depend_on_values_are_caught_by_the_digest() {
    let shape = |x: u64| {
        let synthesise = |cs: Cs| {
            let x = number(&cs, x)?;
            match x.value()? == Fr::ZERO {
                true => Ok(()),
                false => enforce_product(&x, &x, &x),
            }
        };
        system(synthesise).digest()
    };
    assert_ne!(shape(0), shape(1));
}

#[test]
fn a_second_predicate_is_counted() {
    let broken = system(|cs| {
        let x = cs.new_witness_variable(|| Ok(fr(3)))?;
        cs.enforce_r1cs_constraint(|| x.into(), || x.into(), || (fr(9), Variable::One).into())?;
        cs.register_predicate(
            SR1CS_PREDICATE_LABEL,
            PredicateConstraintSystem::new_sr1cs_predicate()?,
        )?;
        cs.enforce_sr1cs_constraint(|| x.into(), || (fr(10), Variable::One).into())
    });
    // Groth16, like this harness, does not see that the second says 3 * 3 = 10.
    assert!(broken.is_satisfied());
    assert_eq!((broken.predicates(), broken.constraints()), (2, 1));
}
