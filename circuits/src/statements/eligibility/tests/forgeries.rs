//! Each clause broken once, and what a lying prover would try; relation and circuit must both refuse.

use super::super::{AtomClaim, Choice, Eligibility, Opening, OpeningRefused, Refused, Witness};
use super::fixture::{Small, World, accepted, at, code, refused};
use crate::gadgets::registry::KeyRefused;
use crate::statement::Circuit;
use ark_bn254::Fr;
use medproof_records::identity::Secret;
use medproof_records::policy::eligibility::Operation;
use medproof_records::record::{Comparator, Kind, Record, Verification};
use medproof_records::unit::Unit;
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{Day, Role, Tag, tagged};

type Pair = (EligibilityPublic, Witness);
/// A change of the claim of an atom.
type Change = fn(&mut Witness, usize);

fn one() -> Fr {
    Fr::from(1u64)
}

/// A change of an accepted pair that breaks a clause.
fn broken(why: Refused, change: impl FnOnce(&World, &mut Pair)) {
    let mut world = World::eligible();
    let mut pair = world.assignment();
    change(&world, &mut pair);
    refused(&pair.0, &pair.1, &why);
}

/// A world in which a clause does not hold.
fn wrong(why: Refused, change: impl FnOnce(&mut World)) {
    let mut world = World::eligible();
    change(&mut world);
    let (public, witness) = world.assignment();
    refused(&public, &witness, &why);
}

#[test]
fn an_eligible_patient_is_accepted() {
    let mut world = World::eligible();
    let (public, mut witness) = world.assignment();
    accepted(&public, &witness);
    // A snapshot may be two weeks old, here after claims were made anew.
    let later = Day(world.on.0 + 14);
    witness.claim_what_is_known(later);
    let public = EligibilityPublic {
        date: Fr::from(later.0),
        ..public
    };
    accepted(&public, &witness);
}

#[test]
fn a12_holder_and_policy_are_bound() {
    broken(Refused::Date, |_, (p, _)| p.date += Fr::from(1u64 << 16));
    broken(Refused::Date, |_, (p, _)| p.date = -one());
    broken(Refused::Identity, |_, (p, _)| p.identity_root += one());
    broken(Refused::Identity, |_, (_, w)| w.identity.domain += one());
    broken(Refused::Identity, |_, (_, w)| {
        w.identity.sk = Secret::new(one());
    });
    broken(Refused::Policy, |_, (p, _)| p.policy_id += one());
    broken(Refused::Policy, |_, (_, w)| w.rules.table_root += one());
    broken(Refused::Policy, |_, (_, w)| w.rules.freshness_days += 1);
    broken(Refused::Policy, |_, (_, w)| w.rules.atoms[5].low -= 1);
    broken(Refused::Policy, |_, (_, w)| {
        w.rules.clauses.pop();
    });
    broken(Refused::Nullifier, |_, (p, _)| p.nf_trial += one());
    broken(Refused::Nullifier, |_, (p, w)| {
        // The policy of another sponsor with the same criteria has another nullifier.
        w.rules.sponsor += one();
        p.policy_id = w.rules.policy_id();
    });
}

/// The nullifier follows from the person's secret and the policy's scope; each is bound, so that it has one value.
#[test]
fn c11_a_person_has_one_nullifier_in_a_trial() {
    type Change = fn(&mut Witness);
    let changes: [(Change, Refused); 5] = [
        (|w| w.identity.ts = Secret::new(one()), Refused::Identity),
        (|w| w.rules.sponsor += one(), Refused::Policy),
        (|w| w.rules.uniqueness_scope += one(), Refused::Policy),
        (|w| w.identity.sk = Secret::new(one()), Refused::Identity),
        (|w| w.identity.person += one(), Refused::Identity),
    ];
    for (change, why) in changes {
        broken(why, |_, (public, witness)| {
            change(witness);
            let scope = witness.rules.trial_scope();
            public.nf_trial = tagged(Tag::Trial, [witness.identity.ts.expose(), scope]);
        });
    }
}

#[test]
fn d01_only_an_accepted_issuer_counts() {
    broken(KeyRefused::NotRegistered.into(), |_, (p, _)| {
        p.registry_root += one();
    });
    wrong(KeyRefused::Role.into(), |w| w.role = Role::Payer);
    wrong(KeyRefused::Scope.into(), |w| w.issuer_scope += one());
    wrong(KeyRefused::Validity.into(), |w| w.valid.0 = Day(w.on.0 + 1));
    wrong(KeyRefused::Validity.into(), |w| {
        w.valid = (Day(0), Day(w.on.0 - 1));
    });
    broken(Refused::Subject, |world, (_, w)| {
        w.snapshot.header.subject += one();
        w.snapshot.header.root = w.snapshot.computed_root();
        world.sign_again(w);
    });
    broken(Refused::Signature, |_, (_, w)| w.snapshot.header.seq += 1);
    broken(Refused::Signature, |_, (_, w)| w.snapshot.signature.s += one());
}

#[test]
fn d01_a_snapshot_of_another_coverage_is_refused() {
    broken(Refused::Scope, |world, (_, w)| {
        w.snapshot.header.scope = "narrow".parse().unwrap();
        world.sign_again(w);
    });
    broken(Refused::Categories, |world, (_, w)| {
        w.snapshot.header.categories &= !0b100;
        world.sign_again(w);
    });
    // Stale, and from the future.
    broken(Refused::Freshness, |_, (p, _)| p.date += Fr::from(15u64));
    broken(Refused::Freshness, |_, (p, _)| p.date -= one());
    broken(Refused::Coverage, |world, (_, w)| {
        w.snapshot.header.from.0 += 1;
        world.sign_again(w);
    });
    broken(Refused::Coverage, |world, (_, w)| {
        w.snapshot.header.to.0 -= 1;
        world.sign_again(w);
    });
}

#[test]
fn d01_no_record_is_left_out_moved_or_changed() {
    broken(Refused::Records, |_, (_, w)| {
        w.snapshot.records.pop();
    });
    broken(Refused::Records, |_, (_, w)| w.snapshot.records.swap(2, 3));
    broken(Refused::Records, |_, (_, w)| {
        w.snapshot.records[2].record.value += 1;
    });
    // A record in a padding slot: the issuer signed a smaller count over the whole root.
    broken(Refused::Records, |world, (_, w)| {
        w.snapshot.header.count -= 1;
        world.sign_again(w);
    });
    broken(Refused::Records, |world, (_, w)| {
        w.snapshot.header.count -= 1;
        world.sign_again(w);
        w.snapshot.records.pop();
    });
    // A record of another subject.
    broken(Refused::Records, |world, (_, w)| {
        let subject = w.snapshot.header.subject;
        w.snapshot.header.subject += one();
        w.snapshot.header.root = w.snapshot.computed_root();
        w.snapshot.header.subject = subject;
        world.sign_again(w);
    });
    wrong(Refused::Record(2), |w| w.records[2].start.0 = w.on.0 + 1);
    wrong(Refused::Record(2), |w| w.records[2].status = 8);
    wrong(Refused::TooLarge, |w| {
        let more = w.records[7].clone();
        w.records.extend([more.clone(), more]);
    });
}

#[test]
fn d01_a_code_is_decided_by_the_policys_table_only() {
    // A breast cancer, said to lie in the gap after another leaf, or after its own.
    let with_cancer = || {
        let mut world = World::eligible();
        let mut cancer = world.records[1].clone();
        cancer.code = code("icd10cm|C50.911");
        cancer.code2 = medproof_records::code::Code::NONE;
        cancer.source = Fr::from(7u64);
        world.records.push(cancer);
        let pair = world.assignment();
        (world, pair)
    };
    let lie = |world: &World, witness: &mut Witness, date: Day| {
        witness.claim_what_is_known(date);
        let cancer = at(world, "cancer");
        assert_eq!(witness.claims[cancer].truth, Some(false));
    };
    let (world, (public, mut witness)) = with_cancer();
    let own = witness.opening.choices[8][0].leaf;
    for leaf in [own, 0, own - 1] {
        witness.opening.choices[8][0] = Choice { leaf, inside: false };
        lie(&world, &mut witness, world.on);
        refused(&public, &witness, &OpeningRefused::Code(8).into());
    }
    witness.opening.choices[8][0] = Choice {
        leaf: 0,
        inside: true,
    };
    lie(&world, &mut witness, world.on);
    refused(&public, &witness, &OpeningRefused::Code(8).into());
    // A leaf with another mask.
    let (world, (public, mut witness)) = with_cancer();
    witness.opening.leaves[own].leaf.mask = 0;
    lie(&world, &mut witness, world.on);
    refused(&public, &witness, &OpeningRefused::Leaf(own).into());
    // The cancer is found as a second coding too.
    let mut world = World::eligible();
    world.records[1].code2 = code("icd10cm|C50.911");
    let (public, witness) = world.assignment();
    let clause = clause_of(&world, "cancer");
    refused(&public, &witness, &Refused::Clause(clause));
}

#[test]
fn empty_slots_are_decided_by_the_sentinel() {
    // The same leaves and choices in another order.
    broken(OpeningRefused::Sentinel.into(), |_, (_, w)| {
        let Opening { leaves, choices } = &mut w.opening;
        leaves.swap(0, 1);
        for choice in choices.iter_mut().flatten().filter(|c| c.leaf < 2) {
            choice.leaf = 1 - choice.leaf;
        }
    });
    broken(OpeningRefused::Sentinel.into(), |_, (_, w)| {
        w.opening = Opening::default();
    });
    // A choice for a slot without a record.
    broken(OpeningRefused::Code(8).into(), |_, (_, w)| {
        assert_eq!(w.snapshot.records.len(), 8);
        let member = Choice {
            leaf: 1,
            inside: true,
        };
        w.opening.choices.push([member; 2]);
    });
}

/// The number of the clause that holds nothing but this atom.
fn clause_of(world: &World, name: &str) -> usize {
    let bit = 1u16 << at(world, name);
    let clauses = &world.policy.rules().clauses;
    clauses
        .iter()
        .position(|c| (c.positive | c.negative) == bit)
        .unwrap()
}

/// A change of the records after which nothing can be claimed of `atom` that helps, and no evidence for the
/// opposite is accepted.
fn unknown_or_false(name: &str, change: impl FnOnce(&mut Vec<Record>, Day)) {
    let mut world = World::eligible();
    let on = world.on;
    let wanted = world.assignment().1.claims.clone();
    change(&mut world.records, on);
    let (public, mut witness) = world.assignment();
    let index = at(&world, name);
    assert_ne!(witness.claims[index].truth, wanted[index].truth, "{name}");
    let relation = Eligibility::<Small>::relation(&public, &witness);
    assert!(
        matches!(relation, Err(Refused::Clause(_))),
        "{name}: {relation:?}"
    );
    // The lie, with the evidence of the eligible world, and with none. All clauses are claimed to be met, so that
    // nothing but the claim can be refused.
    let changed = |(now, then): (&AtomClaim, &AtomClaim)| now.truth != then.truth;
    let first = witness.claims.iter().zip(&wanted).position(changed).unwrap();
    witness.claims = wanted;
    refused(&public, &witness, &Refused::Claim(first));
    witness.claims[index].standing.fill(false);
    refused(&public, &witness, &Refused::Claim(first));
}

/// Insulin beside the other records, dispensed `ago` days before the date.
fn insulin(records: &mut Vec<Record>, on: Day, ago: u16, change: impl FnOnce(&mut Record)) {
    let mut fill = records[7].clone();
    fill.code = code("rxnorm|5856");
    fill.start = Day(on.0 - ago);
    fill.source = Fr::from(7u64);
    change(&mut fill);
    records.push(fill);
}

#[test]
fn d03_age_sex_and_life_are_never_assumed() {
    unknown_or_false("adult", |r, _| {
        r[0].value = medproof_records::decimal::OFFSET + 20_080_303
    });
    unknown_or_false("adult", |r, _| r[0].value = 0);
    unknown_or_false("woman", |r, _| r[0].quantity = 1);
    unknown_or_false("woman", |r, _| r[0].quantity = 4);
    unknown_or_false("alive", |r, _| r[0].status = 2);
    unknown_or_false("alive", |r, _| r[0].negated = true);
    unknown_or_false("adult", |r, _| {
        let twin = r[0].clone();
        r.push(twin);
    });
}

#[test]
fn d03_existence_needs_certain_matches_and_absence_needs_no_possible_one() {
    unknown_or_false("t2d", |r, _| r[1].status = 0);
    unknown_or_false("t2d", |r, _| r[1].status = 6);
    unknown_or_false("t2d", |r, _| r[1].verification = Verification::Refuted);
    unknown_or_false("t2d", |r, _| r[1].verification = Verification::None);
    unknown_or_false("metformin", |r, _| r[6].status = 2);
    // Two records of one resource are one match.
    unknown_or_false("metformin", |r, _| r[7].source = r[6].source);
    unknown_or_false("insulin", |r, on| insulin(r, on, 60, |_| ()));
    // An unlisted code of a system that the policy calls total, inside the window.
    unknown_or_false("insulin", |r, on| {
        insulin(r, on, 1, |fill| fill.code = code("rxnorm|999"))
    });
    // Undated, and begun before the window but still running.
    unknown_or_false("insulin", |r, on| insulin(r, on, 1, |fill| fill.start = Day(0)));
    unknown_or_false("insulin", |r, on| insulin(r, on, 100, |fill| fill.days = 101));
    // Dispensed before the window, and nothing says for how many days.
    unknown_or_false("insulin", |r, on| insulin(r, on, 61, |fill| fill.days = 0));
    // An end that is reached on the date, of a dispense and of an order; an order without an end.
    for (kind, days, open) in [
        (Kind::Dispense, 0, false),
        (Kind::Dispense, 30, false),
        (Kind::Order, 0, false),
        (Kind::Order, 30, true),
    ] {
        unknown_or_false("insulin", |r, on| {
            insulin(r, on, 70, |drug| {
                drug.kind = kind;
                drug.days = days;
                drug.end = if open { Day::OPEN } else { on };
            })
        });
    }
}

#[test]
fn a_medication_that_is_over_is_outside_its_window() {
    // Used up by its supply, or ended the day before.
    for (kind, days, open) in [
        (Kind::Dispense, 70, true),
        (Kind::Dispense, 0, false),
        (Kind::Dispense, 70, false),
        (Kind::Order, 0, false),
    ] {
        let mut world = World::eligible();
        let on = world.on;
        insulin(&mut world.records, on, 70, |drug| {
            drug.kind = kind;
            drug.days = days;
            drug.end = if open { Day::OPEN } else { Day(on.0 - 1) };
        });
        let (public, witness) = world.assignment();
        assert_eq!(witness.claims[at(&world, "insulin")].truth, Some(false));
        accepted(&public, &witness);
    }
}

#[test]
fn d03_the_latest_value_is_the_latest() {
    // The out-of-range value is the newer one; two values of one day; another unit; a bound; outside the window.
    unknown_or_false("a1c", |r, on| r[3].start = Day(on.0 - 19));
    unknown_or_false("a1c", |r, _| r[3].start = r[2].start);
    unknown_or_false("a1c", |r, on| {
        r[3].start = Day(on.0 - 19);
        r[3].unit = Unit::from_ucum("mg/dL");
        r[3].value = r[2].value;
    });
    unknown_or_false("a1c", |r, _| r[2].comparator = Comparator::Less);
    unknown_or_false("a1c", |r, _| r[2].value = 0);
    unknown_or_false("a1c", |r, _| r[3].start = Day(0));
    unknown_or_false("a1c", |r, on| {
        r[2].start = Day(on.0 - 91);
        r[3].start = Day(on.0 - 92);
    });
    unknown_or_false("egfr", |r, on| r[5].start = Day(on.0 - 366));
    unknown_or_false("egfr", |r, _| r[5].value = r[4].value);
}

#[test]
fn evidence_cannot_be_stretched() {
    let mut world = World::eligible();
    let (public, honest) = world.assignment();
    let (a1c, egfr) = (at(&world, "a1c"), at(&world, "egfr"));
    accepted(&public, &honest);
    let cases: [(usize, Change); 7] = [
        (a1c, |w, i| w.claims[i].day += 1),
        (a1c, |w, i| w.claims[i].value += 1),
        // Another record beside the latest, or none.
        (a1c, |w, i| w.claims[i].standing[3] = true),
        (a1c, |w, i| w.claims[i].standing[2] = false),
        (a1c, |w, i| w.claims[i].day = 1),
        (egfr, |w, i| w.claims[i].standing[4] = true),
        (egfr, |w, i| w.claims[i].truth = Some(false)),
    ];
    for (atom, change) in cases {
        let (public, mut witness) = world.assignment();
        change(&mut witness, atom);
        refused(&public, &witness, &Refused::Claim(atom));
    }
    assert_eq!(world.policy.rules().atoms[egfr].operation, Operation::Any);
    // Nothing can be claimed of an atom that the policy does not use.
    let (public, mut witness) = world.assignment();
    witness.claims[15].truth = Some(true);
    refused(&public, &witness, &Refused::Claim(15));
    // Nothing claimed is nothing shown.
    let (public, mut witness) = world.assignment();
    witness.claims[a1c].truth = None;
    refused(&public, &witness, &Refused::Clause(clause_of(&world, "a1c")));
}
