//! The tamper harness over the whole circuit: in the small tier, and in the standard one by `make soak`.

use super::super::circuit::in_parts;
use super::super::{Eligibility, Standard, Tier, Witness};
use super::agreement::random_records;
use super::fixture::{Small, World};
use crate::scenario::eligibility::{Assignment, example};
use crate::statement::Circuit;
use crate::tamper::checks::{Statement, survivors};
use crate::tamper::{Loose, System};
use ark_bn254::Fr;
use medproof_verifier::statement::EligibilityPublic;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::ops::Range;

type Pair = (EligibilityPublic, Witness);

fn setup<T: Tier>() -> System {
    let (public, witness) = Eligibility::<T>::blank();
    System::setup(|cs| Eligibility::<T>::synthesise(cs, &public, &witness)).unwrap()
}

fn system<T: Tier>((public, witness): &Pair) -> System {
    System::prove(|cs| Eligibility::<T>::synthesise(cs, public, witness)).unwrap()
}

fn statement<T: Tier>((public, witness): &Pair) -> Statement {
    let mut parts = Vec::new();
    let system = System::prove(|cs| {
        in_parts::<T>(cs.clone(), public, witness, &mut |name| {
            parts.push((name, cs.num_witness_variables()));
        })
    });
    Statement {
        system: system.unwrap(),
        parts,
    }
}

/// Another holder with random records, most of whom are not eligible.
fn random(seed: u64) -> Pair {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::eligible();
    world.records = random_records(&mut rng, &world.records, world.on);
    world.rng = rng;
    world.assignment()
}

fn screened(seed: u64) -> Pair {
    match example(&mut StdRng::seed_from_u64(seed), Fr::from(seed)) {
        Assignment::Standard(public, witness) | Assignment::Large(public, witness) => (public, witness),
    }
}

fn one_shape<T: Tier>(pairs: impl Iterator<Item = Pair>) {
    let setup = setup::<T>();
    assert_eq!(system::<T>(&Eligibility::<T>::blank()).digest(), setup.digest());
    for (i, pair) in pairs.enumerate() {
        assert_eq!(system::<T>(&pair).digest(), setup.digest(), "{i}");
    }
}

#[test]
fn c01_the_shape_is_the_same_for_every_snapshot_and_in_set_up() {
    one_shape::<Small>((0..12).map(random));
    one_shape::<Standard>((0..1).map(screened));
}

#[test]
#[ignore = "soak: 100 witnesses"]
fn c01_the_shape_is_the_same_for_100_snapshots() {
    one_shape::<Small>((0..100).map(random));
    one_shape::<Standard>((0..20).map(random));
}

#[test]
fn c02_c03_one_predicate_and_nothing_outside_it() {
    for setup in [setup::<Small>(), setup::<Standard>()] {
        assert_eq!(setup.predicates(), 1);
        assert_eq!(setup.unused_inputs(), [0usize; 0]);
        assert_eq!(setup.unused_variables(), [0usize; 0]);
    }
}

/// Value and day of a claim are range-checked, but nothing reads them unless a record stands for them or the
/// atom measures; so of other atoms the top bit of either may be another. Hints are those of equalities that
/// hold, of the signature's bounds, and of conditions that are not asked for.
#[test]
fn c04_no_private_variable_can_be_changed_alone_but_for_hints_and_claims_that_nothing_reads() {
    let eligible = statement::<Small>(&World::eligible().assignment());
    for (part, kind) in eligible.loose_parts() {
        match kind {
            None => assert_eq!(part, "atoms"),
            Some(kind) => assert_ne!(kind, Loose::Open, "{part}"),
        }
    }
}

fn each_refuses_something<T: Tier>(seeds: Range<u64>) {
    let survivors = survivors(seeds, |seed| match seed {
        0 => system::<T>(&World::eligible().assignment()),
        _ => system::<T>(&random(seed)),
    });
    assert_eq!(survivors, [0usize; 0]);
}

#[test]
#[ignore = "soak: every constraint of a large statement"]
fn c07_each_constraint_refuses_something() {
    each_refuses_something::<Small>(0..6);
}

#[test]
#[ignore = "soak: all constraints of the standard tier"]
fn c07_each_constraint_of_the_standard_tier_refuses_something() {
    each_refuses_something::<Standard>(0..6);
}
