//! Random records: what the native evaluation knows is what can be claimed in the circuit, and nothing else.

use super::super::circuit::DateVar;
use super::super::{AtomClaim, Eligibility, Witness};
use super::fixture::{Small, World, code, satisfied};
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::ConstraintSystem;
use medproof_records::code::Code;
use medproof_records::decimal::OFFSET;
use medproof_records::policy::eligibility::{Fact, yyyymmdd};
use medproof_records::record::{Comparator, Kind, Record, Verification};
use medproof_records::unit::Unit;
use medproof_verifier::Day;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;

/// A record whose fields are drawn from few values, so that records meet each other and the policy.
fn random_record(rng: &mut StdRng, on: Day) -> Record {
    let kinds = [Kind::Condition, Kind::Observation, Kind::Dispense, Kind::Order];
    let mut record = Record::empty(*kinds.choose(rng).unwrap());
    let codes = match record.kind {
        Kind::Condition => ["sct|44054006", "icd10cm|E11.9", "icd10cm|C50.1", "icd10cm|E12"],
        Kind::Observation => ["loinc|4548-4", "loinc|33914-3", "loinc|4548-4", "loinc|1-8"],
        _ => ["rxnorm|5856", "rxnorm|6809", "rxnorm|6809", "rxnorm|7"],
    };
    record.code = code(codes.choose(rng).unwrap());
    if rng.gen_bool(0.2) {
        record.code2 = code(codes.choose(rng).unwrap());
    } else if rng.gen_bool(0.05) {
        record.code = Code::ABSENT;
    }
    record.status = *[1, 1, 1, 0, 2, 3, 6, 7].choose(rng).unwrap();
    let confirmed = [Verification::Confirmed, Verification::None, Verification::Refuted];
    if record.kind == Kind::Condition {
        record.verification = *confirmed.choose(rng).unwrap();
    }
    if rng.gen_bool(0.1) {
        record.comparator = Comparator::Less;
    }
    record.negated = rng.gen_bool(0.05);
    record.unit = Unit::from_ucum(["%", "mL/min/{1.73_m2}", "%"].choose(rng).unwrap());
    record.value = *[0, OFFSET + 70_000, OFFSET + 450_000, OFFSET + 105_001]
        .choose(rng)
        .unwrap();
    let ago = *[0, 10, 10, 60, 61, 90, 91, 365, 366].choose(rng).unwrap();
    record.start = if rng.gen_bool(0.07) {
        Day(0)
    } else {
        Day(on.0 - ago)
    };
    record.days = *[0, 30, 61, 62].choose(rng).unwrap();
    if rng.gen_bool(0.3) {
        record.end = Day(on.0 + 1 - rng.gen_range(0..3));
    }
    record.source = Fr::from(rng.gen_range(0..3u64));
    record
}

/// Records around those that are eligible.
pub(super) fn random_records(rng: &mut StdRng, eligible: &[Record], on: Day) -> Vec<Record> {
    let mut records = eligible.to_vec();
    if rng.gen_bool(0.5) {
        records.truncate(1);
    }
    records[0].quantity = rng.gen_range(0..5);
    records[0].status = rng.gen_range(0..3);
    let births = [0, OFFSET + 20_080_302, OFFSET + 20_080_303, OFFSET + 19_500_302];
    records[0].value = *births.choose(rng).unwrap();
    let more = rng.gen_range(0..=9 - records.len());
    records.extend((0..more).map(|_| random_record(rng, on)));
    records
}

/// Without clauses the circuit accepts exactly the claims that are known.
pub(super) fn without_clauses(
    world: &mut World,
) -> (medproof_verifier::statement::EligibilityPublic, Witness) {
    let (mut public, mut witness) = world.assignment();
    witness.rules.clauses.clear();
    public.policy_id = witness.rules.policy_id();
    (public, witness)
}

#[test]
fn evaluation_and_claims_agree_on_random_records() {
    let mut rng = StdRng::seed_from_u64(3);
    let World {
        policy,
        records: eligible,
        on,
        ..
    } = World::eligible();
    let mut seen = BTreeSet::new();
    for _ in 0..4000 {
        let records = random_records(&mut rng, &eligible, on);
        let facts: Vec<Fact> = (0..records.len())
            .map(|i| Fact {
                continues: i > 0 && records[i].source == records[i - 1].source,
                ..Fact::new(&records[i], policy.table())
            })
            .collect();
        for (i, atom) in policy.rules().atoms.iter().enumerate() {
            let honest = AtomClaim::honest(atom, i, &facts, on);
            let name = &policy.atom_names()[i];
            assert!(honest.is_shown(atom, i, &facts, on), "{name} {honest:?}");
            seen.insert((i, honest.truth));
            for truth in [Some(true), Some(false)]
                .into_iter()
                .filter(|t| *t != honest.truth)
            {
                for above in [true, false] {
                    let lie = AtomClaim {
                        truth,
                        above,
                        ..honest.clone()
                    };
                    assert!(!lie.is_shown(atom, i, &facts, on), "{name} {truth:?}");
                }
            }
        }
    }
    // Every atom was seen with every truth, but `any`, which is never false, and `cancer`, which nothing here
    // leaves open.
    assert_eq!(seen.len(), 3 * policy.rules().atoms.len() - 2, "{seen:?}");
}

#[test]
fn circuit_and_evaluation_agree_on_random_records() {
    let mut rng = StdRng::seed_from_u64(5);
    for round in 0..10 {
        let mut world = World::eligible();
        world.records = random_records(&mut rng, &world.records, world.on);
        let (public, mut witness) = without_clauses(&mut world);
        assert!(satisfied(&public, &witness), "round {round}: honest claims");
        let lied = rng.gen_range(0..9);
        let others: Vec<_> = [None, Some(true), Some(false)]
            .into_iter()
            .filter(|t| *t != witness.claims[lied].truth)
            .collect();
        let truth = *others.choose(&mut rng).unwrap();
        witness.claims[lied].truth = truth;
        // Claiming less than is known is allowed, anything else is not.
        let relation = Eligibility::<Small>::relation(&public, &witness);
        assert_eq!(relation.is_ok(), truth.is_none());
        let name = &world.policy.atom_names()[lied];
        assert_eq!(
            satisfied(&public, &witness),
            truth.is_none(),
            "round {round}: {name} {truth:?}"
        );
    }
}

#[test]
fn c08_a_day_has_one_date() {
    // The date's formula is injective over all dates that the constraints admit.
    let mut numbers = BTreeSet::new();
    for (a, b, month) in
        (0..64u64).flat_map(|a| (0..4u64).flat_map(move |b| (0..12usize).map(move |m| (a, b, m))))
    {
        let leap = u64::from(b == 0 && a > 0);
        let lengths = [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let before: u64 = lengths[..month].iter().sum();
        for d in 1..=lengths[month] {
            assert!(numbers.insert(1461 * a + 365 * b - leap + before + d - 1));
        }
    }
    for day in (0..=u16::MAX)
        .step_by(97)
        .chain([58, 59, 60, 36_583, 36_584, u16::MAX])
    {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let input = FpVar::new_input(cs.clone(), || Ok(Fr::from(day))).unwrap();
        let date = DateVar::new(&cs, &input).unwrap();
        assert!(cs.is_satisfied().unwrap(), "{day}");
        assert_eq!(
            date.yyyymmdd.value().unwrap(),
            Fr::from(yyyymmdd(Day(day))),
            "{day}"
        );
        assert_eq!(date.day.value().unwrap(), Fr::from(day));
    }
    for beyond in [1u64 << 16, (1 << 16) + 5, 1 << 40] {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let input = FpVar::new_input(cs.clone(), || Ok(Fr::from(beyond))).unwrap();
        DateVar::new(&cs, &input).unwrap();
        assert!(!cs.is_satisfied().unwrap(), "{beyond}");
    }
}
