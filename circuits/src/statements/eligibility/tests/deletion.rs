//! C7: each constraint is deleted in turn, and something must then be accepted that was refused: a seeded sample in the
//! small tier, and by `make soak` all of them.

use super::super::{AtomClaim, Choice, OpenedLeaf, Opening, Standard, Tier};
use super::fixture::{Small, World};
use super::tamper::{Pair, satisfying, system};
use crate::tamper::System;
use crate::tamper::checks::{exchanged, needless, sample};
use medproof_records::policy::eligibility::{Atom, Filter, MAX_ATOMS, Operation, Rules};
use medproof_records::record::{Category, Kind, Record, Verification};
use medproof_records::table::TableLeaf;
use medproof_verifier::{Day, Path};
use std::ops::Range;

/// One who is eligible, then others under a full policy.
fn systems<T: Tier>(seeds: Range<u64>) -> impl Iterator<Item = System> + Clone {
    seeds.map(|seed| match seed {
        0 => system::<T>(&World::eligible().assignment()),
        _ => system::<T>(&satisfying(seed)),
    })
}

/// The days of the idle worlds, each with the filters of all atoms: years of different remainders modulo 4.
const IDLE: [(&str, Filter); 3] = [
    ("2026-04-15", filter(0xff, 0xff)),
    ("2027-04-15", filter(0, 0xff)),
    ("2024-04-15", filter(0, 0)),
];

const fn filter(definite: u8, possible: u8) -> Filter {
    Filter { definite, possible }
}

/// Records whose fields have middling numbers, under rules whose atoms nobody asks for: bits that are none are then
/// refused as such, and by nothing that follows from them. Every opened leaf is the sentinel, alone in its table, so
/// that it matters nowhere which of them is chosen, or whether inside.
fn idle(on: &str, records: usize, leaves: usize, change: impl FnOnce(&mut Rules)) -> Pair {
    let mut world = World::eligible();
    world.on = Day::parse(on).unwrap();
    world.valid = (world.on, world.on);
    let mut record = Record::empty(Kind::Procedure);
    record.status = 3;
    record.verification = Verification::from_id(3).unwrap();
    world.records = vec![record; records];
    let (mut public, mut witness) = world.assignment();
    witness.snapshot.header.categories = u16::MAX;
    world.sign_again(&mut witness);
    let path = Path::zero();
    let leaf = TableLeaf {
        next_lo: 1,
        ..TableLeaf::default()
    };
    let rules = &mut witness.rules;
    rules.table_root = path.root(leaf.hash());
    rules.categories = 0;
    rules.clauses.clear();
    rules.atoms = vec![
        Atom {
            operation: Operation::Age,
            category: Category::Procedure,
            status: filter(0, 0),
            verification: filter(0, 0),
            within_days: Some(world.on.0),
            count: 0,
            unit: 0,
            low: 0,
            high: 0,
        };
        MAX_ATOMS
    ];
    change(rules);
    public.policy_id = rules.policy_id();
    let sentinel = Choice {
        leaf: 0,
        inside: true,
    };
    witness.opening = Opening {
        leaves: vec![OpenedLeaf { leaf, path }; leaves],
        choices: vec![[sentinel; 2]; records],
    };
    witness.claims = vec![AtomClaim::none(); MAX_ATOMS];
    (public, witness)
}

fn idle_systems<T: Tier>() -> impl Iterator<Item = System> {
    IDLE.iter().map(|(on, filter)| {
        let filters = |rules: &mut Rules| {
            for atom in &mut rules.atoms {
                (atom.status, atom.verification) = (*filter, *filter);
            }
        };
        system::<T>(&idle(on, T::RECORDS, T::LEAVES, filters))
    })
}

/// Rules in which these places of all filters, counted over atoms, their two filters and eight numbers, are certain
/// and not possible.
fn unordered<T: Tier>(places: Range<usize>) -> System {
    let change = |rules: &mut Rules| {
        for place in places {
            let atom = &mut rules.atoms[place / 16];
            let [status, verification] = [&mut atom.status, &mut atom.verification];
            let filter = if place / 8 % 2 == 0 { status } else { verification };
            filter.definite |= 1 << (place % 8);
        }
    };
    system::<T>(&idle(IDLE[0].0, 0, 1, change))
}

/// Those of `left` that are not the only ones to refuse a policy with a number that is certain and not possible.
fn not_of_filters<T: Tier>(mut left: Vec<usize>) -> Vec<usize> {
    let places = unordered::<T>(0..16 * MAX_ATOMS).broken();
    assert_eq!(places.len(), 16 * MAX_ATOMS);
    left.retain(|row| {
        let place = places.iter().position(|of| of == row);
        place.is_none_or(|place| unordered::<T>(place..place + 1).broken() != [*row])
    });
    left
}

/// Those of the chosen constraints of which nothing shows that they are needed.
fn unneeded<T: Tier>(
    systems: impl Iterator<Item = System> + Clone,
    chosen: impl FnOnce(&System) -> Vec<usize>,
) -> Vec<usize> {
    let left = needless(systems.clone(), chosen);
    let left = exchanged(idle_systems::<T>(), left);
    let left = not_of_filters::<T>(left);
    let left = exchanged(systems.skip(1).take(1), left);
    let first = idle_systems::<T>().next().unwrap();
    left.iter()
        .for_each(|row| println!("{row}: {}", first.describe(*row)));
    left
}

/// Of a few constraints in a thousand these worlds do not show that they are needed; they are not reviewed yet.
#[test]
fn c07_all_but_a_few_of_the_sampled_constraints_refuse_something() {
    let mut sampled = 0;
    let left = unneeded::<Small>(systems::<Small>(0..3), |system| {
        let rows = sample(system, 7);
        sampled = rows.len();
        rows
    });
    assert!(150 * left.len() < sampled, "{} of {sampled}", left.len());
}

#[test]
#[ignore = "soak, and open: survivors are still to be reviewed"]
fn c07_each_constraint_refuses_something() {
    let all = |system: &System| (0..system.constraints()).collect();
    assert_eq!(unneeded::<Small>(systems::<Small>(0..16), all), [0usize; 0]);
}

#[test]
#[ignore = "soak, and open: survivors are still to be reviewed"]
fn c07_each_constraint_of_the_standard_tier_refuses_something() {
    let all = |system: &System| (0..system.constraints()).collect();
    assert_eq!(unneeded::<Standard>(systems::<Standard>(0..16), all), [0usize; 0]);
}
