//! A4: one person, one live account, one live key in a domain.

use crate::world::{DAY, MINUTE, OTHER, Stopped, World, stopped};
use ark_bn254::Fr;
use medproof_circuits::statements::dispense::Refused;
use medproof_ledger::Refusal;
use medproof_records::identity;
use medproof_verifier::entry::Opening;

#[test]
fn a04_after_close_neither_key_nor_note_is_alive() {
    let mut w = World::new();
    let alice = w.patient(4);
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let before = w.fill(&alice, &rx, 0);
    w.close("authority", "us-ma", 4).unwrap();
    // The leaf is zeroed: no path leads from it to the new root.
    let fill = w.fill(&alice, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::Identity)
    );
    // A proof from before the end counts for as long as a proof may take, and not a second more.
    w.time += 10 * MINUTE + 1;
    stopped!(
        w.dispense("pharmacy-1", &before),
        Stopped::Ledger(Refusal::IdentityRoot)
    );
    w.time -= 1;
    w.dispense("pharmacy-1", &before).unwrap();
}

#[test]
fn a04_the_old_note_is_dead_after_re_enrolment() {
    let mut w = World::new();
    let old = w.patient(4);
    let rx = w.prescribe("dr-1", &old, OTHER);
    w.close("authority", "us-ma", 4).unwrap();
    let enrol = |w: &mut World, sk: &identity::Secret| w.enrol(("authority", "us-ma"), 4, sk, &old.ts);
    w.time += DAY - 1;
    stopped!(
        enrol(&mut w, &old.sk).map(|_| ()),
        Refusal::TooEarly { index: 4, .. }
    );
    w.time += 1;
    // With the same key: the fresh salt makes another leaf, and the old note is not its own.
    let new = enrol(&mut w, &old.sk).unwrap();
    assert_ne!(new.owner(), old.owner());
    let kept = new.with_note(old.note.duplicate(), old.position);
    let fill = w.fill(&kept, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::NoteOwner)
    );
    // The old identity is nowhere under the new root.
    let fill = w.fill(&old, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::Identity)
    );
    // The old note with its owner rewritten is in no tree.
    let mut rewritten = old.note.duplicate();
    rewritten.owner = new.owner();
    let fill = w.fill(&new.with_note(rewritten, old.position), &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::NoteAnchor)
    );
    // The new note is alive under the same key.
    let rx = w.prescribe("dr-1", &new, OTHER);
    let fill = w.fill(&new, &rx, 0);
    w.dispense("pharmacy-1", &fill).unwrap();
}

#[test]
fn a04_another_domains_leaf_does_not_bring_a_note_back() {
    let mut w = World::new();
    let old = w.patient(4);
    w.close("authority", "us-ma", 4).unwrap();
    // The same key and secret, enrolled in the neighbouring domain.
    let there = w.enrol(("authority-nh", "us-nh"), 5, &old.sk, &old.ts).unwrap();
    let rx = w.prescribe("dr-nh", &there, OTHER);
    let moved = there.with_note(old.note.duplicate(), old.position);
    let fill = w.fill(&moved, &rx, 0);
    stopped!(
        w.dispense("pharmacy-nh", &fill),
        Stopped::Circuit(Refused::NoteOwner)
    );
    // Nor can the leaf of there be read as one of here.
    let mut here = there.with_note(old.note.duplicate(), old.position);
    here.domain = old.domain.clone();
    let rx = w.prescribe("dr-1", &here, OTHER);
    let fill = w.fill(&here, &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::Identity)
    );
    // An index belongs to one domain for good.
    let (sk, ts) = (w.fresh(), w.fresh());
    w.time += DAY;
    stopped!(
        w.enrol(("authority-nh", "us-nh"), 4, &sk, &ts).map(|_| ()),
        Refusal::IndexDomain(4)
    );
}

#[test]
fn a04_an_identity_is_opened_once() {
    let mut w = World::new();
    let alice = w.patient(4);
    let id = identity::id(alice.sk.pk(), alice.person, alice.ts.expose());
    let again = |index| Opening::Account {
        index,
        id,
        note: Fr::from(9u64),
    };
    // A second account for one leaf, in this domain or another, while it lives and after its end.
    stopped!(w.open("authority", "us-ma", again(4)), Refusal::KnownIdentity);
    stopped!(w.open("authority", "us-ma", again(6)), Refusal::KnownIdentity);
    stopped!(w.open("authority-nh", "us-nh", again(6)), Refusal::KnownIdentity);
    w.close("authority", "us-ma", 4).unwrap();
    w.time += DAY;
    stopped!(w.open("authority", "us-ma", again(4)), Refusal::KnownIdentity);
    // Two leaves behind one index.
    let (sk, ts) = (w.fresh(), w.fresh());
    w.enrol(("authority", "us-ma"), 4, &sk, &ts).unwrap();
    let (sk, ts) = (w.fresh(), w.fresh());
    stopped!(
        w.enrol(("authority", "us-ma"), 4, &sk, &ts).map(|_| ()),
        Refusal::IndexInUse(4)
    );
}

#[test]
fn a04_two_people_under_one_secret_do_not_share_prescriptions() {
    let mut w = World::new();
    let alice = w.patient(4);
    // The authority fails to notice that Bob's key is Alice's.
    let ts = w.fresh();
    let bob = w.enrol(("authority", "us-ma"), 5, &alice.sk, &ts).unwrap();
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let fill = w.fill(&bob, &rx, 0);
    stopped!(w.dispense("pharmacy-1", &fill), Stopped::Circuit(Refused::Person));
    let fill = w.fill(&alice, &rx, 0);
    w.dispense("pharmacy-1", &fill).unwrap();
}
