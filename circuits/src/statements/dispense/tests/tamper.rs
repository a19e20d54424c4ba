//! The tamper harness over the whole circuit.

use super::super::*;
use super::fixture::{Parts, agree, build, system};
use crate::tamper::checks::{Statement, always_free, sample, survivors};
use crate::tamper::{Loose, System};
use medproof_verifier::Public;
use medproof_verifier::tree::DenseTree;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Fills that differ in everything that can differ, by their seed.
fn world(seed: u64) -> (DispensePublic, Witness) {
    build(seed, &|p: &mut Parts| {
        let mut rng = StdRng::seed_from_u64(seed);
        match seed % 4 {
            0 => {
                p.drug("314076");
                if seed.is_multiple_of(8) {
                    p.exempt("icd10cm|G89.3", 0);
                }
            }
            1 => p.exempt(
                ["icd10cm|G89.3", "icd10cm|D57.1"][seed as usize / 4 % 2],
                seed as usize / 4 % 2,
            ),
            2 => p.fill_ring(p.date.0 - rng.gen_range(1..100)),
            _ => {}
        }
        for _ in 0..rng.gen_range(0..5) {
            if seed % 4 != 2 {
                p.opioid(rng.gen_range(0..400), |e| {
                    e.days = rng.gen_range(1..90);
                    e.quantity = rng.gen_range(0..200_000);
                    e.milli_mme = rng.gen_range(0..200_000);
                    e.class = rng.gen_range(1..4);
                });
            }
        }
        p.rx.days = rng.gen_range(1..90);
        p.rx.quantity = rng.gen_range(1..1_000_000);
        p.rx.fills = rng.gen_range(1..=255);
        p.fill_no = rng.gen_range(0..p.rx.fills);
        p.q = rng.gen_range(1..=p.rx.quantity);
        p.d = p.rx.days_of(p.q).unwrap();
    })
}

/// A ring in which no comparison with 0 holds, but for the one entry of the fill's ingredient.
fn rich() -> (DispensePublic, Witness) {
    build(6, &|p: &mut Parts| {
        p.fill_ring(p.date.0 - 20);
        for entry in &mut p.ring.entries {
            (entry.class, entry.milli_mme) = (2, 7);
        }
        (p.ring.entries[3].class, p.ring.entries[3].ingredient) = (1, 7804);
        (p.ring.entries[9].start.0, p.slot) = (p.date.0 - 400, 9);
        p.exempt("icd10cm|G89.3", 0);
    })
}

fn in_parts((public, witness): &(DispensePublic, Witness)) -> Statement {
    let mut parts = Vec::new();
    let system = System::prove(|cs| {
        parts = circuit::synthesise(cs, public, witness)?;
        Ok(())
    })
    .unwrap();
    let parts = parts.into_iter().map(|(name, _, end)| (name, end)).collect();
    Statement { system, parts }
}

fn one_shape(seeds: std::ops::Range<u64>) {
    let (public, witness) = Dispense::blank();
    let setup = System::setup(|cs| Dispense::synthesise(cs, &public, &witness)).unwrap();
    assert_eq!(system(&public, &witness).digest(), setup.digest());
    let mut satisfied = 0;
    for seed in seeds {
        let (public, witness) = world(seed);
        let system = system(&public, &witness);
        satisfied += usize::from(system.is_satisfied());
        assert_eq!(system.digest(), setup.digest(), "{seed}");
    }
    // Fills within the limits and beyond them.
    assert!(satisfied > 2, "{satisfied}");
}

#[test]
fn c01_the_shape_is_the_same_for_every_fill_and_in_set_up() {
    one_shape(0..16);
}

#[test]
#[ignore = "soak: 100 witnesses"]
fn c01_the_shape_is_the_same_for_100_fills() {
    one_shape(0..100);
}

#[test]
fn c02_c03_one_predicate_and_nothing_outside_it() {
    let (public, witness) = Dispense::blank();
    let setup = System::setup(|cs| Dispense::synthesise(cs, &public, &witness)).unwrap();
    assert_eq!(setup.predicates(), 1);
    assert_eq!(setup.unused_inputs(), [0usize; 0]);
    assert_eq!(setup.unused_variables(), [0usize; 0]);
    assert_eq!(public.to_vec().len(), DispensePublic::NAMES.len());
}

#[test]
fn c04_no_private_variable_can_be_changed_alone_but_for_listed_hints() {
    let (public, witness) = rich();
    agree(&public, &witness, Ok(()));
    // Of the comparisons with the bounds of a signature, and of values that are equal.
    let signed = circuit::SIGNED;
    let listed = [
        (signed, Some(Loose::Hint)),
        (signed, Some(Loose::Released)),
        ("policy: drug leaf and class row", Some(Loose::Hint)),
        ("daily dose and exemption", Some(Loose::Hint)),
        ("rules over the ring", Some(Loose::Hint)),
        ("new entry and next note", Some(Loose::Hint)),
    ];
    let mut systems = Vec::new();
    for pair in std::iter::once((public, witness)).chain((0..12).map(world)) {
        let statement = in_parts(&pair);
        if statement.system.is_satisfied() {
            for loose in statement.loose_parts() {
                assert!(listed.contains(&loose), "{loose:?}");
            }
        }
        systems.push(statement.system);
    }
    // None is free in all of them.
    assert_eq!(always_free(&systems), [0usize; 0]);
}

/// The new entry would take the place of one that counts.
fn evicting() -> (DispensePublic, Witness) {
    build(6, &|p: &mut Parts| {
        p.fill_ring(p.date.0 - 20);
        p.slot = 9;
        p.exempt("icd10cm|G89.3", 0);
    })
}

/// A policy, of no compiler, whose row stands at another class's place.
fn misplaced() -> (DispensePublic, Witness) {
    let (mut public, mut witness) = world(4);
    let row = witness.policy.row.hash().unwrap();
    let tree = DenseTree::new(vec![Fr::from(0u64), Fr::from(0u64), row]).unwrap();
    (witness.policy.rules, witness.policy.row_path) = (tree.root(), tree.path(2).unwrap());
    public.policy_id = witness.policy_id();
    (public, witness)
}

/// Fills of several drugs and rings, most of them within the limits, and two lies.
fn systems() -> impl Iterator<Item = System> + Clone {
    let pairs = [rich, evicting, misplaced].into_iter().map(|f| f());
    let pairs = pairs.chain((0..24).map(world));
    pairs.map(|(public, witness)| system(&public, &witness))
}

#[test]
fn c07_sampled_constraints_refuse_something() {
    assert_eq!(survivors(systems(), |system| sample(system, 7)), [0usize; 0]);
}

#[test]
#[ignore = "soak: every constraint of a large statement"]
fn c07_each_constraint_refuses_something() {
    let left = survivors(systems(), |system| (0..system.constraints()).collect());
    assert_eq!(left, [0usize; 0]);
}
