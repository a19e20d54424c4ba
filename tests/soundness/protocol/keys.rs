//! A10 and A11: keys that have ended, and roots that move on while somebody proves.

use crate::world::{MINUTE, OTHER, Stopped, World, policy, stopped};
use medproof_circuits::{gadgets::registry::KeyRefused, statements::dispense::Refused};
use medproof_ledger::Refusal;
use medproof_verifier::{Day, Role, entry::RegistryAction};

#[test]
fn a10_a_signature_counts_within_its_keys_validity_only() {
    let mut w = World::new();
    let alice = w.patient(0);
    let today = w.today();
    let leaf = w.leaf_of("dr-1");
    let issued = |w: &mut World, day: u16| {
        let mut rx = w.prescribe("dr-1", &alice, OTHER);
        (rx.content.issued, rx.content.earliest) = (Day(day), Day(day));
        let fill = w.fill(&alice, &rx, 0);
        w.dispense("pharmacy-1", &fill)
    };
    // The key ended yesterday: signed today it counts no more.
    let valid_to = Day(today.0 - 1);
    w.registry(leaf, RegistryAction::End { valid_to }).unwrap();
    stopped!(
        issued(&mut w, today.0),
        Stopped::Circuit(Refused::Prescriber(KeyRefused::Validity))
    );
    // Claiming the old validity leads to no registered leaf.
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let mut key = w.key(leaf, w.leaf(leaf).unwrap());
    key.leaf.valid_to = Day::OPEN;
    let fill = w.fill_with_key(&policy(str::to_owned), &alice, &rx, 0, key);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::Prescriber(KeyRefused::NotRegistered))
    );
    // An end is never taken back or moved out.
    stopped!(
        w.registry(leaf, RegistryAction::End { valid_to: today }),
        Refusal::Validity
    );
    // What was signed on its last day still counts.
    issued(&mut w, valid_to.0).unwrap();
}

#[test]
fn a10_a_compromised_key_counts_on_no_day() {
    let mut w = World::new();
    let alice = w.patient(0);
    let today = w.today();
    let index = w.leaf_of("dr-1");
    let leaf = w.leaf(index).unwrap();
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let before = w.fill(&alice, &rx, 0);
    w.registry(index, RegistryAction::Zero).unwrap();
    for day in [today.0 - 30, today.0, today.0 + 1] {
        let mut rx = w.prescribe("dr-2", &alice, OTHER);
        rx.prescriber = "dr-1";
        rx.content.subject = alice.sk.subject(leaf.party.to_fr());
        (rx.content.issued, rx.content.earliest) = (Day(day), Day(day));
        let key = w.key(index, leaf.clone());
        let fill = w.fill_with_key(&policy(str::to_owned), &alice, &rx, 0, key);
        stopped!(
            w.dispense("pharmacy-1", &fill),
            Stopped::Circuit(Refused::Prescriber(KeyRefused::NotRegistered))
        );
    }
    // The root that still had the leaf is accepted for ten minutes, for proofs that were under way.
    w.time += 10 * MINUTE + 1;
    stopped!(
        w.dispense("pharmacy-1", &before),
        Stopped::Ledger(Refusal::RegistryRoot)
    );
    // The thief cannot burn with it either.
    stopped!(
        w.burn("dr-1", vec![rx.content.fill_key(0)]),
        Refusal::Role {
            role: Role::Prescriber,
            ..
        }
    );
}

#[test]
fn a11_a_burst_between_proof_and_post_harms_no_honest_proof() {
    let mut w = World::new();
    let alice = w.patient(0);
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let fill = w.fill(&alice, &rx, 0);
    // Every tree moves on, many times: enrolments, keys, and another holder's fills.
    let mut bob = w.patient(1);
    for n in 0..24 {
        w.time += 20;
        w.patient(2 + n);
        w.register(Role::Pharmacy, &format!("pharmacy-x{n}"), "us-ma")
            .unwrap();
        if n < 3 {
            let rx = w.prescribe("dr-2", &bob, OTHER);
            let other = w.fill(&bob, &rx, 0);
            let at = w
                .dispense("pharmacy-2", &other)
                .unwrap()
                .commitment_index
                .unwrap();
            (bob, _) = bob.after(&other, at);
        }
    }
    w.dispense("pharmacy-1", &fill).unwrap();
}
