//! Witnesses that no import makes. Relation and circuit must say the same of each.

use super::super::{AtomClaim, Choice, OpeningRefused, Refused, Tier, Witness};
use super::agreement::without_clauses;
use super::fixture::{Small, World, accepted, at, refused};
use medproof_records::policy::eligibility::{Clause, Filter, MAX_ATOMS};
use medproof_verifier::statement::EligibilityPublic;

type Pair = (EligibilityPublic, Witness);

fn eligible() -> (World, Pair) {
    let mut world = World::eligible();
    let pair = world.assignment();
    (world, pair)
}

#[test]
fn an_atom_that_is_not_used_has_no_standing_records() {
    let (_, (public, mut witness)) = eligible();
    witness.claims[15].standing = vec![false; 3];
    accepted(&public, &witness);
    witness.claims[15].standing[0] = true;
    refused(&public, &witness, &Refused::Claim(15));
}

#[test]
fn the_sentinel_comes_first_in_a_full_snapshot_too() {
    let mut world = World::eligible();
    let more = world.records[7].clone();
    world.records.push(more);
    assert_eq!(world.records.len(), Small::RECORDS);
    let (public, mut witness) = world.assignment();
    accepted(&public, &witness);
    witness.opening.leaves.swap(0, 1);
    for choice in witness.opening.choices.iter_mut().flatten() {
        choice.leaf = match choice.leaf {
            0 => 1,
            1 => 0,
            other => other,
        };
    }
    refused(&public, &witness, &OpeningRefused::Sentinel.into());
}

#[test]
fn a_choice_names_an_opened_leaf() {
    // The slot after the last leaf opens the sentinel again, which would decide the second code 0.
    let (_, (public, mut witness)) = eligible();
    let leaf = witness.opening.leaves.len();
    assert!(leaf < Small::LEAVES);
    witness.opening.choices[0][1] = Choice { leaf, inside: true };
    refused(&public, &witness, &Refused::TooLarge);
}

#[test]
fn a_record_without_a_value_may_stand_where_no_value_is_claimed() {
    let (world, (public, mut witness)) = eligible();
    let t2d = at(&world, "t2d");
    witness.claims[t2d] = AtomClaim {
        day: world.records[1].start.0,
        value: 0,
        standing: vec![false, true],
        ..witness.claims[t2d].clone()
    };
    accepted(&public, &witness);
    // Not on another day, and not for another record.
    witness.claims[t2d].day += 1;
    refused(&public, &witness, &Refused::Claim(t2d));
    witness.claims[t2d].day -= 1;
    witness.claims[t2d].standing = vec![false, false, true];
    refused(&public, &witness, &Refused::Claim(t2d));
}

#[test]
fn nothing_is_claimed_of_a_value_that_is_missing() {
    let mut world = World::eligible();
    world.records[2].value = 0;
    world.records[5].value = 0;
    let (public, mut witness) = without_clauses(&mut world);
    for (name, record, truths) in [
        ("a1c", 2, [Some(false), Some(true)]),
        ("egfr", 5, [Some(true), Some(false)]),
    ] {
        let (i, on) = (at(&world, name), world.on);
        witness.claim_what_is_known(on);
        assert_eq!(witness.claims[i].truth, None);
        let mut standing = vec![false; 8];
        standing[record] = true;
        witness.claims[i] = AtomClaim {
            truth: None,
            day: world.records[record].start.0,
            value: 0,
            standing,
            above: false,
        };
        accepted(&public, &witness);
        for truth in truths {
            witness.claims[i].truth = truth;
            refused(&public, &witness, &Refused::Claim(i));
        }
    }
}

#[test]
fn what_has_no_slot_is_refused() {
    type Change = fn(&mut Witness);
    let cases: [Change; 7] = [
        |w| {
            let last = *w.rules.clauses.last().unwrap();
            w.rules.clauses.resize(17, last);
        },
        |w| {
            let last = w.rules.atoms.last().unwrap().clone();
            w.rules.atoms.resize(MAX_ATOMS + 1, last);
        },
        |w| w.claims.push(AtomClaim::none()),
        |w| w.claims.truncate(MAX_ATOMS - 1),
        |w| w.claims[0].standing = vec![false; Small::RECORDS + 1],
        |w| {
            let first = w.opening.leaves[0].clone();
            w.opening.leaves.resize(Small::LEAVES + 1, first);
        },
        |w| {
            let sentinel = Choice {
                leaf: 0,
                inside: true,
            };
            w.opening.choices.resize(Small::RECORDS + 1, [sentinel; 2]);
        },
    ];
    for change in cases {
        let (_, (mut public, mut witness)) = eligible();
        change(&mut witness);
        public.policy_id = witness.rules.policy_id();
        refused(&public, &witness, &Refused::TooLarge);
    }
}

#[test]
fn an_empty_clause_asks_for_nothing_wherever_it_stands() {
    let empty = Clause {
        positive: 0,
        negative: 0,
    };
    let (_, (public, mut witness)) = eligible();
    witness.rules.clauses.push(empty);
    // The words are the same, so the policy is.
    assert_eq!(witness.rules.policy_id(), public.policy_id);
    accepted(&public, &witness);
    witness.rules.clauses.swap_remove(0);
    witness.rules.clauses.resize(16, empty);
    witness.rules.clauses.swap(2, 14);
    let public = EligibilityPublic {
        policy_id: witness.rules.policy_id(),
        ..public
    };
    accepted(&public, &witness);
}

#[test]
fn what_matches_for_certain_is_part_of_what_may_match() {
    // Whoever has diabetes could be said not to have it: the record matches for certain and not possibly.
    let (world, (mut public, mut witness)) = eligible();
    let t2d = at(&world, "t2d");
    let honest = witness.rules.clone();
    let unordered = |filter: Filter| Filter {
        possible: filter.definite & (filter.definite - 1),
        ..filter
    };
    for of_status in [true, false] {
        witness.rules = honest.clone();
        let atom = &mut witness.rules.atoms[t2d];
        match of_status {
            true => atom.status = unordered(atom.status),
            false => atom.verification = unordered(atom.verification),
        }
        public.policy_id = witness.rules.policy_id();
        refused(&public, &witness, &Refused::Atom(t2d));
    }
    // Nor is there such an atom behind an empty formula.
    witness.rules.clauses.clear();
    witness.claims.fill(AtomClaim::none());
    public.policy_id = witness.rules.policy_id();
    refused(&public, &witness, &Refused::Atom(t2d));
}
