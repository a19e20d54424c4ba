use super::*;
use crate::{
    opening::{Amounts, DispenseOpening, PayableOpening},
    statement::{BindPublic, ClaimPublic, DispensePublic, EligibilityPublic, Public},
};

fn fr(x: u64) -> Fr {
    Fr::from(x)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn statement<P: Public>() -> P {
    let inputs: Vec<Fr> = (0..P::NAMES.len() as u64).map(|i| fr(1000 + i)).collect();
    P::from_slice(&inputs).unwrap()
}

fn dispense_opening() -> DispenseOpening {
    DispenseOpening {
        drug: 1_049_683 << 8,
        quantity: 60_000,
        days: 30,
        prescribed_quantity: 60_000,
        prescribed_days: 30,
        prescriber: name("dr-lee"),
        person: person(&fr(5), &fr(6)),
        r: fr(7),
    }
}

fn dispense() -> (Asked, DispensePublic) {
    let asked = Asked::Dispense {
        domain: name("us-ma"),
        policy_id: fr(3),
        date: Day(46_000),
        drug: 1_049_683 << 8,
        quantity: 60_000,
        identity: fr(5),
        prescriber: Some(name("dr-lee")),
    };
    let mut s: DispensePublic = statement();
    s.domain = name("us-ma").to_fr();
    s.policy_id = fr(3);
    s.date = fr(46_000);
    s.cm_dispense = dispense_opening().commitment().unwrap();
    (asked, s)
}

/// Checks a dispense whose opening (and with it the commitment) was changed.
fn with_opening(change: impl Fn(&mut DispenseOpening)) -> Result<(), Mismatch> {
    let (asked, mut s) = dispense();
    let mut opening = dispense_opening();
    change(&mut opening);
    s.cm_dispense = opening.commitment().unwrap();
    asked.check(
        &Statement::Dispense(s),
        &Opening::Dispense { opening, salt: fr(6) },
    )
}

#[test]
fn d01_a_dispense_answers_only_its_own_question() {
    assert_eq!(with_opening(|_| ()), Ok(()));
    assert_eq!(with_opening(|o| o.drug += 256), Err(Mismatch::Field("drug")));
    assert_eq!(
        with_opening(|o| o.quantity += 1),
        Err(Mismatch::Field("quantity"))
    );
    assert_eq!(
        with_opening(|o| o.person += fr(1)),
        Err(Mismatch::Field("person"))
    );
    assert_eq!(
        with_opening(|o| o.prescriber = name("dr-who")),
        Err(Mismatch::Field("prescriber"))
    );
    let opened = |salt: u64, s: DispensePublic| {
        let opening = dispense_opening();
        dispense().0.check(
            &Statement::Dispense(s),
            &Opening::Dispense {
                opening,
                salt: fr(salt),
            },
        )
    };
    let s = dispense().1;
    assert_eq!(opened(6, s), Ok(()));
    assert_eq!(opened(9, s), Err(Mismatch::Field("person")));
    let changed = |change: fn(&mut DispensePublic)| {
        let mut s = s;
        change(&mut s);
        opened(6, s)
    };
    assert_eq!(changed(|s| s.cm_dispense += fr(1)), Err(Mismatch::Commitment));
    assert_eq!(changed(|s| s.domain = fr(1)), Err(Mismatch::Field("domain")));
    assert_eq!(changed(|s| s.policy_id = fr(1)), Err(Mismatch::Field("policy")));
    assert_eq!(changed(|s| s.date = fr(1)), Err(Mismatch::Field("date")));
    let (asked, s) = dispense();
    assert_eq!(
        asked.check(&Statement::Dispense(s), &Opening::None),
        Err(Mismatch::Kind)
    );
    assert_eq!(
        asked.check(&Statement::Eligibility(statement()), &Opening::None),
        Err(Mismatch::Statement)
    );
}

#[test]
fn a_bind_is_for_the_asking_issuer_and_the_person_before_it() {
    let asked = Asked::Bind {
        issuer: name("dr-lee"),
        domain: name("us-ma"),
        identity: fr(5),
    };
    let mut s: BindPublic = statement();
    s.issuer_party = name("dr-lee").to_fr();
    s.domain = name("us-ma").to_fr();
    s.person = person(&fr(5), &fr(6));
    let check = |s: BindPublic, salt: u64| {
        let opening = Opening::Person { salt: fr(salt) };
        asked.check(&Statement::Bind(s), &opening)
    };
    assert_eq!(check(s, 6), Ok(()));
    assert_eq!(check(s, 7), Err(Mismatch::Field("person")));
    let other_issuer = BindPublic {
        issuer_party: fr(1),
        ..s
    };
    assert_eq!(check(other_issuer, 6), Err(Mismatch::Field("issuer")));
    let other_domain = BindPublic { domain: fr(1), ..s };
    assert_eq!(check(other_domain, 6), Err(Mismatch::Field("domain")));
    assert_eq!(
        asked.check(&Statement::Bind(s), &Opening::None),
        Err(Mismatch::Kind)
    );
}

#[test]
fn an_eligibility_is_for_the_policy_and_the_date() {
    let asked = Asked::Eligibility {
        policy_id: fr(3),
        date: Day(44_000),
    };
    let mut s: EligibilityPublic = statement();
    s.policy_id = fr(3);
    s.date = fr(44_000);
    let check = |s| asked.check(&Statement::Eligibility(s), &Opening::None);
    assert_eq!(check(s), Ok(()));
    assert_eq!(
        check(EligibilityPublic {
            policy_id: fr(4),
            ..s
        }),
        Err(Mismatch::Field("policy"))
    );
    assert_eq!(
        check(EligibilityPublic { date: fr(4), ..s }),
        Err(Mismatch::Field("date"))
    );
    assert_eq!(
        asked.check(&Statement::Eligibility(s), &Opening::Person { salt: fr(1) }),
        Err(Mismatch::Kind)
    );
}

fn payable() -> PayableOpening {
    PayableOpening {
        plan: fr(11),
        policy_id: fr(3),
        event: Event {
            npi: 1_234_567_893,
            service: Day(46_000),
            procedure: 77,
        },
        amounts: Amounts {
            allowed: 1200,
            deductible: 0,
            coinsurance: 240,
            pay: 960,
        },
        r: fr(8),
    }
}

fn with_payable(change: impl Fn(&mut PayableOpening)) -> Result<(), Mismatch> {
    let asked = Asked::Claim {
        domain: name("acme"),
        policy_id: fr(3),
        received: Day(46_010),
        plan: fr(11),
        event: payable().event,
        pay: Some(960),
    };
    let mut opening = payable();
    change(&mut opening);
    let mut s: ClaimPublic = statement();
    s.domain = name("acme").to_fr();
    s.policy_id = fr(3);
    s.received = fr(46_010);
    s.cm_payable = opening.commitment().unwrap();
    asked.check(&Statement::Claim(s), &Opening::Payable(opening))
}

#[test]
fn a_claim_is_for_the_plan_the_event_and_the_amount() {
    assert_eq!(with_payable(|_| ()), Ok(()));
    assert_eq!(with_payable(|o| o.plan = fr(1)), Err(Mismatch::Field("plan")));
    assert_eq!(
        with_payable(|o| o.policy_id = fr(1)),
        Err(Mismatch::Field("opened policy"))
    );
    assert_eq!(
        with_payable(|o| o.event.procedure += 1),
        Err(Mismatch::Field("event"))
    );
    assert_eq!(with_payable(|o| o.event.npi += 1), Err(Mismatch::Field("event")));
    assert_eq!(with_payable(|o| o.amounts.pay += 1), Err(Mismatch::Field("pay")));
    let mut over = payable();
    over.amounts.allowed = 1 << 40;
    assert_eq!(over.commitment(), None);
    over.amounts.allowed = 0;
    over.event.npi = 1 << 34;
    assert_eq!(over.commitment(), None);
}

#[test]
fn the_payload_hash_depends_on_the_salt_and_every_field() {
    let base = dispense().0;
    let mut hashes = vec![base.payload_hash(&[1; 32]), base.payload_hash(&[2; 32])];
    for i in 0..7 {
        let mut changed = dispense().0;
        let Asked::Dispense {
            domain,
            policy_id,
            date,
            drug,
            quantity,
            identity,
            prescriber,
        } = &mut changed
        else {
            unreachable!()
        };
        match i {
            0 => *domain = name("us-m"),
            1 => *policy_id += fr(1),
            2 => date.0 += 1,
            3 => *drug += 1,
            4 => *quantity += 1,
            5 => *identity += fr(1),
            _ => *prescriber = None,
        }
        hashes.push(changed.payload_hash(&[1; 32]));
    }
    hashes.push(
        Asked::Eligibility {
            policy_id: fr(3),
            date: Day(46_000),
        }
        .payload_hash(&[1; 32]),
    );
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}
