//! A5 and A6: the rules are the domain's, and the prescription's dates and quantities are those signed.

use crate::world::{OPIOID, OTHER, Stopped, World, name, policy, stopped};
use medproof_circuits::statements::dispense::Refused;
use medproof_ledger::Refusal;
use medproof_records::dispensing::Rule;
use medproof_verifier::{
    Day,
    entry::{PolicyAction, PolicyPurpose, PolicyTerms},
};

#[test]
fn a05_only_the_domains_own_policy_of_the_day_counts() {
    let mut w = World::new();
    let alice = w.patient(0);
    let mut rx = w.prescribe("dr-1", &alice, OPIOID);
    rx.content.quantity = 60_000;
    // 120 MME a day where 90 are allowed.
    let fill = w.fill(&alice, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::Limit(Rule::Peak))
    );
    // A policy of one's own allows it, but the ledger does not know it.
    let lax = policy(|text| text.replace("\"90\"", "\"900\""));
    let fill = w.fill_under(&lax, &alice, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Ledger(Refusal::UnknownPolicy)
    );
    // Under the accepted policy's id its rules are not provable.
    let mut fill = w.fill_under(&lax, &alice, &rx, 0);
    fill.public.policy_id = policy(str::to_owned).policy_id();
    stopped!(w.dispense("pharmacy-1", &fill), Stopped::Circuit(Refused::Policy));
    // Two policies for one day are never accepted, so nobody chooses.
    stopped!(w.accept(&lax), Refusal::PolicyOverlap(_));
    // A policy of the neighbouring domain is not one of this domain.
    let terms = |id, domain: &str| PolicyTerms {
        id,
        name: name("lax"),
        version: name("1"),
        domain: name(domain),
        purpose: PolicyPurpose::Dispense,
        valid_from: Day(0),
        valid_to: Day(100),
        text_hash: [0; 32],
    };
    w.policy(PolicyAction::Accept(terms(lax.policy_id(), "us-ri")))
        .unwrap();
    let fill = w.fill_under(&lax, &alice, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Ledger(Refusal::PolicyDomain)
    );
    // The domain's own, but of another time.
    let old = policy(|text| text.replace("\"90\"", "\"800\""));
    w.policy(PolicyAction::Accept(terms(old.policy_id(), "us-ma")))
        .unwrap();
    let fill = w.fill_under(&old, &alice, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Ledger(Refusal::PolicyDates { .. })
    );
}

#[test]
fn a05_an_entry_that_a_rule_still_needs_stays() {
    let mut w = World::new();
    let mut alice = w.patient(0);
    let rx = w.prescribe("dr-1", &alice, OPIOID);
    let first = w.fill(&alice, &rx, 0);
    let at = w
        .dispense("pharmacy-1", &first)
        .unwrap()
        .commitment_index
        .unwrap();
    (alice, _) = alice.after(&first, at);
    // The next fill is written over the first, which would hide it from the refill rule.
    let mut second = w.fill(&alice, &rx, 1);
    second.witness.slot = first.witness.slot;
    let overwritten = second
        .witness
        .public(second.public.registry_root, second.date, second.public.ctx);
    second.public.cm_note = overwritten.cm_note;
    stopped!(
        w.dispense("pharmacy-1", &second),
        Stopped::Circuit(Refused::Limit(Rule::Refill))
    );
    // Also where no limit stands in the way, on a day on which the refill is due.
    w.time += 4 * crate::world::DAY;
    let mut second = w.fill(&alice, &rx, 1);
    let honest = w.fill(&alice, &rx, 1);
    second.witness.slot = first.witness.slot;
    let overwritten = second
        .witness
        .public(second.public.registry_root, second.date, second.public.ctx);
    second.public.cm_note = overwritten.cm_note;
    stopped!(w.dispense("pharmacy-1", &second), Stopped::Circuit(Refused::Slot));
    w.dispense("pharmacy-1", &honest).unwrap();
}

#[test]
fn a06_a_prescription_is_filled_as_it_was_signed() {
    let mut w = World::new();
    let alice = w.patient(0);
    let rx = w.prescribe("dr-1", &alice, OTHER);
    type Lie = fn(&mut crate::world::Fill);
    // More than prescribed; days stretched or cut; a quantity and days that fit each other but not the signature.
    let lies: [(Lie, Refused); 5] = [
        (|f| f.witness.q = 20_001, Refused::Quantity),
        (|f| f.witness.d = 6, Refused::Days),
        (|f| f.witness.d = 4, Refused::Days),
        (|f| (f.witness.q, f.witness.d) = (10_000, 5), Refused::Days),
        (|f| f.witness.prescription.days = 10, Refused::Signature),
    ];
    for (lie, expected) in lies {
        let mut fill = w.fill(&alice, &rx, 0);
        lie(&mut fill);
        let public = fill
            .witness
            .public(fill.public.registry_root, fill.date, fill.public.ctx);
        fill.public.cm_dispense = public.cm_dispense;
        match w.dispense("pharmacy-1", &fill) {
            Err(Stopped::Circuit(refused)) => assert_eq!(refused, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
    // Post-dated, not yet valid, expired.
    let today = w.today();
    let mut dated = |change: fn(&mut medproof_records::dispensing::Prescription, Day)| {
        let mut rx = w.prescribe("dr-1", &alice, OTHER);
        change(&mut rx.content, today);
        let fill = w.fill(&alice, &rx, 0);
        w.dispense("pharmacy-1", &fill)
    };
    stopped!(
        dated(|rx, today| rx.issued = Day(today.0 + 1)),
        Stopped::Circuit(Refused::Issued)
    );
    stopped!(
        dated(|rx, today| rx.earliest = Day(today.0 + 1)),
        Stopped::Circuit(Refused::Earliest)
    );
    stopped!(
        dated(|rx, today| rx.expires = Day(today.0 - 1)),
        Stopped::Circuit(Refused::Expired)
    );
    // Claiming another day does not help: the ledger has its own.
    let rx = w.prescribe("dr-1", &alice, OTHER);
    w.time += 2 * crate::world::DAY;
    let later = w.fill(&alice, &rx, 0);
    w.time -= 2 * crate::world::DAY;
    stopped!(
        w.dispense("pharmacy-1", &later),
        Stopped::Ledger(Refusal::Date { .. })
    );
}
