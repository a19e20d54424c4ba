//! Numbers of constraints, by part, and the shape in set-up mode.

use super::super::circuit::in_parts;
use super::super::{Eligibility, Large, Standard, Tier};
use super::fixture::{Small, World};
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystem, SynthesisMode};

fn blank_parts<T: Tier>() -> Vec<(&'static str, usize)> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_mode(SynthesisMode::Setup);
    let (public, witness) = Eligibility::<T>::blank();
    let mut parts = Vec::new();
    let mut before = 0;
    in_parts::<T>(cs.clone(), &public, &witness, &mut |part| {
        let now = cs.num_constraints();
        parts.push((part, now - before));
        before = now;
    })
    .unwrap();
    parts.push(("all", cs.num_constraints()));
    parts
}

/// The counts of `docs/statements/eligibility.md`. They show change, not soundness.
#[test]
fn both_tiers_stay_within_their_budgets() {
    let standard = blank_parts::<Standard>();
    println!("standard: {standard:?}");
    assert!(standard[8].1 <= Standard::BUDGET, "{standard:?}");
    assert!(standard[8].1 <= 245_000, "{standard:?}");
    let large = blank_parts::<Large>();
    println!("large: {large:?}");
    assert!(large[8].1 <= Large::BUDGET, "{large:?}");
}

#[test]
fn the_matrices_are_those_of_the_set_up() {
    let matrices = |setup: bool, days_ago: u16| {
        let cs = ConstraintSystem::<Fr>::new_ref();
        if setup {
            cs.set_mode(SynthesisMode::Setup);
            let (public, witness) = Eligibility::<Small>::blank();
            Eligibility::<Small>::synthesise(cs.clone(), &public, &witness).unwrap();
        } else {
            let mut world = World::eligible();
            world.records[2].start.0 -= days_ago;
            let (public, witness) = world.assignment();
            Eligibility::<Small>::synthesise(cs.clone(), &public, &witness).unwrap();
        }
        cs.finalize();
        (
            cs.num_witness_variables(),
            cs.num_predicates(),
            cs.to_matrices().unwrap(),
        )
    };
    let setup = matrices(true, 0);
    // R1CS is the only predicate.
    assert_eq!(setup.1, 1);
    assert!(setup == matrices(false, 0));
    assert!(setup == matrices(false, 400));
}
