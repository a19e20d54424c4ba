//! Lies that other tests leave to the argument, and what is accepted on purpose.

use super::World;
use super::world::{DAY, Key, changed, code, name};
use crate::gadgets::registry::KeyRefused::{NotRegistered, Validity};
use crate::statement::Circuit;
use crate::statements::claim::Claim;
use crate::statements::claim::Refused::*;
use ark_bn254::Fr;
use medproof_records::code::Code;
use medproof_records::record::{Cents, Comparator, Intent, Record, Verification};
use medproof_records::unit::Unit;
use medproof_verifier::opening::PayableOpening;
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::{Day, Public, Role, Tag, tagged};

fn one() -> Fr {
    Fr::from(1u64)
}

/// The circuit has the roles of the three keys as constants and never reads those of the witness; the relation
/// compares them. What the circuit is given is the honest assignment.
#[test]
fn roles_that_the_circuit_derives_cannot_make_a_proof_say_anything_else() {
    let honest = World::new().system();
    assert!(honest.is_satisfied());
    let changes: [(fn(&mut World), _); 3] = [
        (
            |w| w.witness.coverage.key.leaf.role = Role::Pharmacy,
            CoverageKey(NotRegistered),
        ),
        (
            |w| w.witness.service.key.leaf.role = Role::Pharmacy,
            ServiceKey(NotRegistered),
        ),
        (
            |w| w.witness.authorisation.key.leaf.role = Role::Pharmacy,
            AuthorisationKey(NotRegistered),
        ),
    ];
    for (change, refused) in changes {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(Claim::relation(&world.public, &world.witness), Err(refused));
        let lying = world.system();
        let same = (0..honest.private_variables()).all(|i| lying.private(i) == honest.private(i));
        assert!(same && lying.is_satisfied(), "{refused:?}");
    }
}

#[test]
fn a_policy_of_another_statement_with_the_same_words_is_refused() {
    for kind in [1u64, 2, 3, 5] {
        let other = changed(|w| {
            let rules = &w.witness.rules;
            let payer = rules.payer.to_fr();
            let limits = Fr::from(u64::from(rules.max_days) + (u64::from(rules.coinsurance_bp) << 16));
            let zero = Fr::from(0u64);
            let words = tagged(Tag::ClaimRules, [payer, rules.plan.to_fr(), limits, zero, zero]);
            let id = |kind: u64| {
                let kind = Fr::from(kind);
                tagged(Tag::Policy, [kind, payer, words, rules.table_root, rules.version])
            };
            assert_eq!(id(4), w.public.policy_id);
            let mut opening = w.witness.opening();
            opening.policy_id = id(kind);
            w.public.cm_payable = opening.commitment().unwrap();
            w.public.policy_id = id(kind);
        });
        assert_eq!(other, Err(Policy), "{kind}");
    }
}

#[test]
fn a07_a_service_or_authorisation_says_nothing_beyond_its_fields() {
    let fields: [fn(&mut Record); 9] = [
        |r| r.verification = Verification::Confirmed,
        |r| r.intent = Intent::Order,
        |r| r.refill = 1,
        |r| r.comparator = Comparator::Greater,
        |r| r.reported = true,
        |r| r.prn = true,
        |r| r.value = 1 << 63,
        |r| r.unit = Unit::from_id(1).unwrap(),
        |r| r.days = 1,
    ];
    for (i, change) in fields.into_iter().enumerate() {
        let refused = changed(|w| {
            let content = &w.witness.service.content;
            let mut record = content.record();
            change(&mut record);
            let leaf = record.leaf(content.subject, content.salt);
            w.witness.service.signature = Key::Provider.signer().sign(leaf);
        });
        assert_eq!(refused, Err(ServiceSignature), "{i}");
    }
    let fields: [fn(&mut Record); 3] = [
        |r| r.code2 = code("icd10cm|E11.9"),
        |r| r.amount = Cents::new(1).unwrap(),
        |r| r.actor = Some("1234567893".parse().unwrap()),
    ];
    for (i, change) in fields.into_iter().enumerate() {
        let refused = changed(|w| {
            let content = &w.witness.authorisation.content;
            let mut record = content.record();
            assert_eq!(record.code2, Code::NONE);
            change(&mut record);
            let leaf = record.leaf(content.subject, content.salt);
            w.witness.authorisation.signature = Key::Payer.signer().sign(leaf);
        });
        assert_eq!(refused, Err(AuthorisationSignature), "{i}");
    }
}

#[test]
fn a10_a_key_that_begins_after_the_service_signs_nothing_for_it() {
    let authorisation = changed(|w| w.sign_authorisation(Key::PayerLater));
    assert_eq!(authorisation, Err(AuthorisationKey(Validity)));
    let service = changed(|w| w.sign_service(Key::ProviderLater));
    assert_eq!(service, Err(ServiceKey(Validity)));
}

/// A service on one of the ends of what a day can be.
fn on(world: &mut World, day: Day) {
    let w = &mut world.witness;
    w.service.content.service = day;
    (w.coverage.content.start, w.coverage.content.end) = (Day(0), Day::OPEN);
    (w.authorisation.content.start, w.authorisation.content.end) = (Day(0), Day::OPEN);
    world.sign_coverage(Key::PayerAlways);
    world.sign_service(Key::ProviderAlways);
    world.sign_authorisation(Key::PayerAlways);
    world.refresh();
    world.public.received = Fr::from(day.0);
}

#[test]
fn c10_the_first_and_the_last_day_do_not_wrap() {
    for day in [Day(0), Day(u16::MAX)] {
        assert_eq!(changed(|w| on(w, day)), Ok(()), "{day:?}");
    }
    // A coverage without an end, on a day like others.
    assert_eq!(changed(|w| on(w, DAY)), Ok(()));
    let ended = changed(|w| {
        on(w, Day(u16::MAX));
        w.witness.coverage.content.end = Day(u16::MAX - 1);
        w.sign_coverage(Key::PayerAlways);
    });
    assert_eq!(ended, Err(CoveragePeriod));
    let begun = changed(|w| {
        on(w, Day(0));
        w.witness.authorisation.content.start = Day(1);
        w.sign_authorisation(Key::PayerAlways);
    });
    assert_eq!(begun, Err(AuthorisationPeriod));
}

#[test]
fn the_insurer_opens_what_was_proven_and_nothing_else() {
    let lies: [fn(&mut PayableOpening); 6] = [
        |o| o.event.npi += 1,
        |o| o.event.service.0 += 1,
        |o| o.event.procedure += 1,
        |o| o.plan += one(),
        |o| o.policy_id += one(),
        |o| o.r += one(),
    ];
    let mut world = World::new();
    let system = world.system();
    let at = ClaimPublic::NAMES
        .iter()
        .position(|n| *n == "cm_payable")
        .unwrap();
    assert!(system.is_satisfied_by_inputs(&[(at, world.public.cm_payable)]));
    for lie in lies {
        let mut opening = world.witness.opening();
        lie(&mut opening);
        let cm_payable = opening.commitment().unwrap();
        world.public.cm_payable = cm_payable;
        assert_eq!(Claim::relation(&world.public, &world.witness), Err(Payable));
        // No private variable follows from the input.
        assert!(!system.is_satisfied_by_inputs(&[(at, cm_payable)]));
    }
}

/// As documented: a prior authorisation names holder, procedure, units and period. It is not consumed, and names
/// neither provider nor diagnosis nor plan.
#[test]
fn one_authorisation_serves_several_providers_diagnoses_and_plans_of_the_payer() {
    let first = World::new();
    let mut second = World::new();
    let service = &mut second.witness.service.content;
    service.npi = Some("1245319599".parse().unwrap());
    service.subject = second.witness.identity.sk.subject(name("other-clinic").to_fr());
    service.diagnosis = code("icd10cm|E11.65");
    second.sign_service(Key::OtherProvider);
    let plan = "hmo-2026".parse().unwrap();
    second.witness.rules.plan = plan;
    second.witness.coverage.content.plan.plan = plan;
    second.sign_coverage(Key::Payer);
    second.witness.note.plan = second.witness.coverage.content.plan_digest();
    second.refresh();
    let hash = |w: &World| w.witness.authorisation.content.hash();
    assert_eq!(hash(&first), hash(&second));
    assert_eq!(Claim::relation(&first.public, &first.witness), Ok(()));
    assert_eq!(second.verdict(), Ok(()));
    assert_ne!(first.public.nf_claim, second.public.nf_claim);
}
