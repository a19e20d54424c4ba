//! Size, shape and freedom of the circuit.

use super::World;
use crate::statement::Circuit;
use crate::statements::claim::{Claim, circuit};
use crate::tamper::System;
use ark_bn254::Fr;
use ark_relations::gr1cs::ConstraintSystem;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The breakdown of `docs/statements/claim.md`: each part with a count that it does not exceed.
const PARTS: [(&str, usize); 8] = [
    ("amounts", 500),
    ("commitment path", 4_900),
    ("identity", 5_700),
    ("notes and nullifiers", 2_800),
    ("pair table path", 2_800),
    ("records and rules", 4_200),
    ("registry keys", 10_500),
    ("signatures", 9_400),
];

#[test]
fn the_circuit_is_within_its_budget() {
    let (public, witness) = Claim::blank();
    let setup = System::setup(|cs| Claim::synthesise(cs, &public, &witness)).unwrap();
    println!(
        "claim: {} constraints of {}, {} non-zeros",
        setup.constraints(),
        Claim::BUDGET,
        setup.nonzeros()
    );
    assert!(setup.constraints() < Claim::BUDGET);
    assert!(setup.unused_inputs().is_empty());
}

#[test]
fn every_assignment_and_set_up_have_the_same_constraints() {
    let (public, witness) = Claim::blank();
    let setup = System::setup(|cs| Claim::synthesise(cs, &public, &witness)).unwrap();
    let blank = System::prove(|cs| Claim::synthesise(cs, &public, &witness)).unwrap();
    assert!(!blank.is_satisfied());
    for system in [
        blank,
        World::with_row(true).system(),
        World::with_row(false).system(),
    ] {
        assert_eq!(system.digest(), setup.digest());
    }
}

/// The parts of the circuit: name, and how many constraints and private variables there are when it ends.
fn parts(world: &World) -> Vec<(&'static str, usize, usize)> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    let seen = RefCell::new(Vec::new());
    let mark = |name| {
        let counts = (name, cs.num_constraints(), cs.num_witness_variables());
        seen.borrow_mut().push(counts);
    };
    circuit::synthesise(cs.clone(), &world.public, &world.witness, &mark).unwrap();
    seen.into_inner()
}

/// The names of the parts that private variables belong to.
fn parts_of(world: &World, variables: &[usize]) -> BTreeSet<&'static str> {
    let parts = parts(world);
    let part = |v: &usize| parts.iter().find(|(_, _, end)| v < end).map(|(name, ..)| *name);
    variables.iter().filter_map(part).collect()
}

#[test]
fn the_parts_are_as_large_as_documented() {
    let mut before = 0;
    let mut sums = BTreeMap::new();
    for (name, constraints, _) in parts(&World::new()) {
        *sums.entry(name).or_insert(0) += constraints - before;
        before = constraints;
    }
    println!("{sums:#?}");
    assert_eq!(sums.values().sum::<usize>(), World::new().system().constraints());
    assert!(sums.keys().eq(PARTS.iter().map(|(name, _)| name)));
    for (name, most) in PARTS {
        assert!(
            sums[name] <= most && most < 2 * sums[name],
            "{name}: {}",
            sums[name]
        );
    }
}

#[test]
fn no_private_variable_can_be_changed_alone() {
    // Of the comparisons inside a signature's check (S < l, h < r), which leave a hint free where a run of
    // ones is matched, one variable of each may be 0 or not; nothing else is ever free.
    let world = World::with_row(true);
    let free = world.system().free_variables();
    assert_eq!(parts_of(&world, &free), BTreeSet::from(["signatures"]));
    let zero = Fr::from(0u64);
    let system = world.system();
    assert!(free.iter().all(|v| system.private(*v) == Some(zero)));
    assert!(free.len() < 300);
    // Where no authorisation is asked for, its signature (three variables) is not looked at either.
    let world = World::with_row(false);
    let free = world.system().free_variables();
    assert_eq!(parts_of(&world, &free), BTreeSet::from(["signatures"]));
    assert!(free.len() < 300);
}
