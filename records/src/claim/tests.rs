use super::*;
use crate::decimal::MAX_CENTS;
use crate::fhir::{Bundle, Refusal};
use crate::record::Cents;
use ark_bn254::Fr;
use medproof_verifier::opening::Event;
use medproof_verifier::{Day, Name};
use proptest::prelude::*;

fn left(deductible: u64, out_of_pocket: u64, annual: u64) -> Balances {
    Balances {
        deductible,
        out_of_pocket,
        annual,
    }
}

fn cents(cents: u64) -> Cents {
    Cents::new(cents).unwrap()
}

fn fee(each: u64, coinsurance_bp: u16) -> Fee {
    Fee {
        cents: cents(each),
        coinsurance_bp,
    }
}

#[test]
fn plan_texts_round_trip_and_are_injective() {
    for good in ["ppo-2026", "0", "a", "A", "-", &"z".repeat(16)] {
        let plan: PlanId = good.parse().unwrap();
        assert_eq!(plan.to_string(), good);
        assert_eq!(PlanId::from_u128(plan.to_u128()), Some(plan));
    }
    let member: MemberId = "M-100200".parse().unwrap();
    assert_eq!(MemberId::from_u128(member.to_u128()), Some(member));
    for bad in ["", "a b", "a_b", "ä", &"z".repeat(17)] {
        assert!(bad.parse::<PlanId>().is_err(), "{bad:?}");
    }
    assert!("z".repeat(21).parse::<MemberId>().is_err());
    // Nothing, a character after padding, and a number beyond the width are no texts.
    assert_eq!(PlanId::from_u128(0), None);
    assert_eq!(PlanId::from_u128(1), None);
    assert_eq!(PlanId::from_u128(1 << 96), None);
    // `ab` and `ab` padded differently cannot exist: different texts differ.
    assert_ne!("ab".parse::<PlanId>().unwrap(), "ab0".parse::<PlanId>().unwrap());
}

/// A claim whose line points `pointers` times to one diagnosis of `codes` codes.
fn filed(pointers: usize, codes: usize) -> Result<FiledClaim, Refusal> {
    let pointers = vec!["1"; pointers].join(",");
    let coding = |i| format!(r#"{{"system":"http://snomed.info/sct","code":"{i}"}}"#);
    let codings = (1..=codes).map(coding).collect::<Vec<_>>().join(",");
    let text = format!(
        r#"{{"resourceType":"Bundle","entry":[
        {{"resource":{{"resourceType":"Patient","id":"p"}}}},
        {{"resource":{{"resourceType":"Claim","id":"c","status":"active","created":"2026-02-01",
         "diagnosis":[{{"sequence":1,"diagnosisCodeableConcept":{{"coding":[{codings}]}}}}],
         "item":[{{"diagnosisSequence":[{pointers}],"servicedDate":"2026-01-05",
                   "net":{{"value":1,"currency":"USD"}}}}]}}}}]}}"#
    );
    FiledClaim::read(&Bundle::parse(text.as_bytes()).unwrap())
}

#[test]
fn a_claim_names_each_code_once_and_not_too_many() {
    // Without that, a thousand pointers to a thousand diagnoses of a thousand codes fill the memory.
    assert_eq!(filed(1_000, 3).unwrap().diagnoses.len(), 3);
    assert_eq!(filed(1, 100).unwrap().diagnoses.len(), 100);
    let refusal = filed(1, 101).err().unwrap();
    assert_eq!(
        refusal.path,
        "Claim.diagnosis[0].diagnosis.ofType(CodeableConcept)"
    );
    assert_eq!(refusal.reason, "more than 100 codes");
}

#[test]
fn the_plan_word_keeps_its_parts_apart() {
    let word = PlanWord {
        plan: "zzzzzzzzzzzzzzzz".parse().unwrap(),
        year: u16::MAX,
        member: "--------------------".parse().unwrap(),
    };
    assert_eq!(PlanWord::from_fr(&word.to_fr()), Some(word));
    let payer: Name = "acme".parse().unwrap();
    let other = PlanWord { year: 2025, ..word };
    assert_ne!(word.digest(&payer), other.digest(&payer));
    assert_ne!(word.digest(&payer), word.digest(&"acma".parse().unwrap()));
    assert_eq!(PlanWord::from_fr(&-Fr::from(1u64)), None);
}

#[test]
fn coverage_and_openings_commit_to_each_field() {
    let coverage = |subject: u64, payer: &str, year, secret: u64, start, end| {
        Coverage {
            subject: Fr::from(subject),
            payer: payer.parse().unwrap(),
            plan: PlanWord {
                plan: "p".parse().unwrap(),
                year,
                member: "m".parse().unwrap(),
            },
            member_secret: Fr::from(secret),
            start: Day(start),
            end: Day(end),
        }
        .hash()
    };
    let all = [
        coverage(1, "acme", 2026, 2, 3, 4),
        coverage(2, "acme", 2026, 2, 3, 4),
        coverage(1, "acmf", 2026, 2, 3, 4),
        coverage(1, "acme", 2027, 2, 3, 4),
        coverage(1, "acme", 2026, 3, 3, 4),
        coverage(1, "acme", 2026, 2, 4, 3),
    ];
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b));
    }
    let event = Event {
        npi: 1_234_567_893,
        service: Day(46_000),
        procedure: 1 << 71,
    };
    assert!(event.to_fr().is_some());
    assert!(
        Event {
            npi: 1 << 34,
            ..event
        }
        .to_fr()
        .is_none()
    );
    assert!(
        Event {
            procedure: 1 << 72,
            ..event
        }
        .nullifier(Fr::from(1u64))
        .is_none()
    );
}

#[test]
fn amounts_follow_the_plan() {
    let plenty = left(0, 100_000_000, 500_000);
    // (fee, bp, charge, units, balances) -> (allowed, deductible, coinsurance, pay)
    let rows = [
        (fee(1200, 2000), 1500, 1, plenty, (1200, 0, 240, 960)),
        (fee(1200, 2000), 1100, 1, plenty, (1100, 0, 220, 880)),
        (
            fee(1200, 2000),
            1500,
            1,
            left(50_000, 100_000_000, 0),
            (1200, 1200, 0, 0),
        ),
        (
            fee(1200, 2000),
            1500,
            1,
            left(500, 100_000_000, 560),
            (1200, 500, 140, 560),
        ),
        // The out-of-pocket rest bounds coinsurance, and the deductible before it.
        (fee(1200, 2000), 1500, 1, left(0, 100, 1100), (1200, 0, 100, 1100)),
        (
            fee(1200, 2000),
            1500,
            1,
            left(500, 550, 650),
            (1200, 500, 50, 650),
        ),
        (
            fee(1200, 2000),
            1500,
            1,
            left(50_000, 300, 900),
            (1200, 300, 0, 900),
        ),
        // Half a cent goes up.
        (fee(3, 1500), 1000, 1, plenty, (3, 0, 0, 3)),
        (fee(5, 1000), 1000, 1, plenty, (5, 0, 1, 4)),
        (fee(10, 450), 1000, 1, plenty, (10, 0, 0, 10)),
        (fee(1, 5000), 1000, 1, plenty, (1, 0, 1, 0)),
        (fee(400, 0), 1000, 2, plenty, (800, 0, 0, 800)),
        (fee(400, 10_000), 1000, 2, plenty, (800, 0, 800, 0)),
        (fee(400, 2000), 0, 2, plenty, (0, 0, 0, 0)),
    ];
    for (fee, charge, units, balances, (allowed, deductible, coinsurance, pay)) in rows {
        let cost = Cost::of(fee, cents(charge), units, &balances);
        let expected = Cost {
            allowed,
            deductible,
            coinsurance,
            pay,
        };
        assert_eq!(cost, expected, "{fee:?} {charge} {units} {balances:?}");
        assert_eq!(balances.after(&cost).is_ok(), pay <= balances.annual);
    }
}

#[test]
fn a_payment_over_the_rest_is_refused_and_not_cut() {
    let at = left(0, 1000, 960);
    let cost = Cost::of(fee(1200, 2000), cents(1500), 1, &at);
    assert_eq!(at.after(&cost), Ok(left(0, 760, 0)));
    assert_eq!(left(0, 1000, 959).after(&cost), Err(AnnualLimit));
}

#[test]
fn notes_chain_through_their_nullifiers() {
    let note = BenefitNote {
        owner: Fr::from(1u64),
        plan: Fr::from(2u64),
        balances: left(0, 1000, 960),
        rho: Fr::from(3u64),
        rcm: Fr::from(4u64),
    };
    let cost = Cost::of(fee(1200, 2000), cents(1500), 1, &note.balances);
    let nk = Fr::from(5u64);
    let next = note.next(nk, &cost).unwrap();
    assert_eq!(next.rho, note.nullifier(nk));
    assert_eq!((next.owner, next.plan), (note.owner, note.plan));
    assert_ne!(next.nullifier(nk), note.nullifier(nk));
    assert_ne!(note.leaf(&"a".parse().unwrap()), note.leaf(&"b".parse().unwrap()));
    assert_eq!(Balances::from_fr(&note.balances.to_fr()), Some(note.balances));
}

proptest! {
    #[test]
    fn amounts_always_add_up(
        each in 0..=MAX_CENTS,
        charge in 0..=MAX_CENTS,
        units in any::<u16>(),
        coinsurance_bp in 0u16..=10_000,
        deductible in any::<u64>(),
        out_of_pocket in any::<u64>(),
    ) {
        let balances = left(deductible, out_of_pocket, u64::MAX);
        let cost = Cost::of(fee(each, coinsurance_bp), cents(charge), units, &balances);
        prop_assert_eq!(cost.allowed, cost.deductible + cost.coinsurance + cost.pay);
        prop_assert!(cost.allowed <= charge && cost.amounts().to_fr().is_some());
        let after = balances.after(&cost).unwrap();
        prop_assert_eq!(balances.out_of_pocket - after.out_of_pocket, cost.deductible + cost.coinsurance);
    }
}
