//! C7: each constraint is deleted in turn, and something must then be accepted that was refused: a seeded sample in the
//! small tier, and by `make soak` all of them.

mod plain;

use super::super::{Eligibility, Standard, Tier};
use super::fixture::{Small, World};
use super::tamper::{records_begin, satisfying, system};
use crate::statement::Circuit;
use crate::tamper::System;
use crate::tamper::checks::{exchanged, needless, sample};
use ark_bn254::Fr;
use medproof_records::policy::eligibility::MAX_ATOMS;
use medproof_verifier::tree::{DenseTree, SNAPSHOT_DEPTH};
use plain::{Plain, filter};
use std::ops::Range;

/// One who is eligible, then others under a full policy.
fn systems<T: Tier>(seeds: Range<u64>) -> impl Iterator<Item = System> + Clone {
    seeds.map(|seed| match seed {
        0 => system::<T>(&World::eligible().assignment()),
        _ => system::<T>(&satisfying(seed)),
    })
}

/// What rank and walks look at beside [`systems`]: all slots or atoms in a state in which little holds them.
fn loose<T: Tier>() -> Vec<Plain> {
    vec![
        Plain::with_evidence(),
        Plain::counted(T::RECORDS),
        Plain::counted(T::RECORDS + 1),
        Plain::aged(),
        Plain::empty(),
        Plain::without_atoms(),
    ]
}

/// Where several bits are turned at once: days of years of different remainders modulo 4, codes that add up to every
/// digit, and claims that only one constraint refuses.
fn turned<T: Tier>() -> Vec<Plain> {
    let all = filter(0xff, 0xff);
    vec![
        Plain::latest(),
        Plain::people(),
        Plain::idle("2026-04-15", all).in_gap(0xffff_ffff, false).dated(),
        Plain::idle("2026-04-15", all),
        Plain::idle("2027-04-15", filter(0, 0xff)),
        Plain::idle("2024-04-15", filter(0, 0)).in_gap(0x1_5555_5555, true),
        Plain::at_the_bound(),
        Plain::with_other_evidence(T::RECORDS),
    ]
}

/// Rules in which these places of all filters, counted over atoms, their two filters and eight numbers, are certain
/// and not possible.
fn unordered<T: Tier>(places: Range<usize>) -> System {
    let (_, (mut public, mut witness)) = Plain::empty().pair::<T>();
    for place in places {
        let atom = &mut witness.rules.atoms[place / 16];
        let [status, verification] = [&mut atom.status, &mut atom.verification];
        let filter = if place / 8 % 2 == 0 { status } else { verification };
        filter.definite |= 1 << (place % 8);
    }
    public.policy_id = witness.rules.policy_id();
    system::<T>(&(public, witness))
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

/// A snapshot of which the policy wants this category and does not get it.
fn uncovered<T: Tier>(category: usize) -> System {
    let (world, (mut public, mut witness)) = Plain::empty().pair::<T>();
    witness.snapshot.header.categories ^= 1 << category;
    world.sign_again(&mut witness);
    witness.rules.categories = 1 << category;
    public.policy_id = witness.rules.policy_id();
    system::<T>(&(public, witness))
}

/// A first leaf of the table with these bounds, which is not the sentinel.
fn headless<T: Tier>(lo: u128, hi: u128) -> System {
    let mut plain = Plain::idle("2026-04-15", filter(0, 0)).in_gap(0, true);
    (plain.leaf.lo, plain.leaf.hi) = (lo, hi);
    plain.system::<T>()
}

/// Records that are in use as often as is told, under a signed count: the tree's leaves are so many times their hashes.
/// What is negated counts nowhere else.
fn used<T: Tier>(told: &[u64], count: u16) -> System {
    let mut plain = Plain::empty();
    plain.records = Some(told.len());
    plain.record.negated = true;
    let (world, (public, mut witness)) = plain.pair::<T>();
    let header = &mut witness.snapshot.header;
    let leaves = witness.snapshot.records.iter().zip(told);
    let leaves = leaves.map(|(r, times)| r.record.leaf(header.subject, r.salt) * Fr::from(*times));
    header.root = DenseTree::<SNAPSHOT_DEPTH>::new(leaves.collect()).unwrap().root();
    header.count = count;
    world.sign_again(&mut witness);
    let lies: Vec<(usize, Fr)> = (records_begin::<T>()..)
        .zip(told.iter().map(|times| Fr::from(*times)))
        .collect();
    System::prove_lying(&lies, |cs| Eligibility::<T>::synthesise(cs, &public, &witness))
}

/// Falsehoods that are each refused by one constraint: a category that is not covered, a first leaf that is not the
/// sentinel, more records than there are, a record that counts twice, and an unused slot before one in use.
fn falsehoods<T: Tier>() -> impl Iterator<Item = System> {
    let slots = || 1..=T::RECORDS;
    let ended = |slots: usize, last: &[u64]| {
        let mut told = vec![1; slots - last.len()];
        told.extend(last);
        let count = u16::try_from(told.iter().sum::<u64>()).unwrap();
        used::<T>(&told, count)
    };
    let leaves = [(0, 5), (5, 0)].into_iter().map(|(lo, hi)| headless::<T>(lo, hi));
    let more = std::iter::once_with(|| used::<T>(&[1], 2));
    let twice = slots().map(move |slots| ended(slots, &[2]));
    let gap = slots().skip(1).map(move |slots| ended(slots, &[0, 1]));
    let uncovered = (0..16).map(uncovered::<T>);
    more.chain(leaves).chain(twice).chain(gap).chain(uncovered)
}

/// Those of `left` that are not the only ones to refuse one of [`falsehoods`].
fn not_of_falsehoods<T: Tier>(mut left: Vec<usize>) -> Vec<usize> {
    let mut falsehoods = falsehoods::<T>();
    while !left.is_empty() {
        let Some(system) = falsehoods.next() else { break };
        let broken = system.broken();
        assert_eq!(broken.len(), 1, "{broken:?}");
        left.retain(|row| broken != [*row]);
    }
    left
}

/// Those of the chosen constraints of which nothing shows that they are needed.
fn unneeded<T: Tier>(
    mut systems: impl Iterator<Item = System> + Clone,
    chosen: impl FnOnce(&System) -> Vec<usize>,
) -> Vec<usize> {
    let (loose, turned) = (loose::<T>(), turned::<T>());
    let plain = loose.iter().map(Plain::system::<T>);
    let left = needless(systems.by_ref().take(3).chain(plain), chosen);
    let left = exchanged(turned.iter().map(Plain::system::<T>), left);
    let left = not_of_filters::<T>(left);
    let left = not_of_falsehoods::<T>(left);
    // Of a signature's bounds a constraint refuses something where the digits happen to be some and not others.
    let left = needless(systems, |_| left);
    let first = turned[0].system::<T>();
    left.iter()
        .for_each(|row| println!("{row}: {}", first.describe(*row)));
    left
}

#[test]
fn c07_sampled_constraints_refuse_something() {
    let left = unneeded::<Small>(systems::<Small>(0..32), |system| sample(system, 7));
    assert_eq!(left, [0usize; 0]);
}

#[test]
#[ignore = "soak: every constraint of a large statement"]
fn c07_each_constraint_refuses_something() {
    let all = |system: &System| (0..system.constraints()).collect();
    assert_eq!(unneeded::<Small>(systems::<Small>(0..32), all), [0usize; 0]);
}

#[test]
#[ignore = "soak: every constraint of a larger statement"]
fn c07_each_constraint_of_the_standard_tier_refuses_something() {
    let all = |system: &System| (0..system.constraints()).collect();
    assert_eq!(unneeded::<Standard>(systems::<Standard>(0..32), all), [0usize; 0]);
}
