//! A1 to A3 and A9: which notes are alive, and whose.

use crate::world::{DAY, OPIOID, OTHER, Stopped, World, name, stopped};
use ark_bn254::Fr;
use medproof_circuits::statements::dispense::Refused;
use medproof_ledger::Refusal;
use medproof_records::{
    dispensing::{Note, Ring, account_leaf},
    identity,
};
use medproof_verifier::{
    Role,
    entry::{NullifierKind, Opening},
};

#[test]
fn a01_no_payer_or_pharmacy_opens_an_account() {
    let mut w = World::new();
    let account = Opening::Account {
        index: 3,
        id: Fr::from(7u64),
        note: Fr::from(8u64),
    };
    for party in ["payer-a", "pharmacy-1", "dr-1", "sponsor-a", "hospital"] {
        for domain in ["us-ma", "plan-a", "us-nh"] {
            let refused = w.open(party, domain, account);
            assert!(
                matches!(
                    refused,
                    Err(Refusal::Role {
                        role: Role::EnrolmentAuthority,
                        ..
                    })
                ),
                "{party} in {domain}: {refused:?}"
            );
        }
    }
    // Nor does the authority of another domain, or a payer another payer's balance.
    stopped!(w.open("authority-nh", "us-ma", account), Refusal::Role { .. });
    w.register(Role::Payer, "payer-b", "plan-b").unwrap();
    let benefit = Opening::Benefit { note: Fr::from(8u64) };
    stopped!(
        w.open("payer-a", "plan-b", benefit),
        Refusal::Role {
            role: Role::Payer,
            ..
        }
    );
    w.open("payer-b", "plan-b", benefit).unwrap();
}

#[test]
fn a01_a_benefit_note_is_no_account() {
    let mut w = World::new();
    // In the patient's own domain the payer cannot open anything, so it opens, in its own, a "balance" whose
    // commitment is that of an account note with an empty history.
    let mut alice = w.patient(0);
    let mut clean = alice.note.duplicate();
    clean.rho = Fr::from(6u64);
    let what = Opening::Benefit {
        note: clean.commitment(),
    };
    let position = w
        .open("payer-a", "plan-a", what)
        .unwrap()
        .commitment_index
        .unwrap();
    let rx = w.prescribe("dr-1", &alice, OPIOID);
    let fill = w.fill(&alice.with_note(clean, position), &rx, 0);
    stopped!(
        w.dispense("pharmacy-1", &fill),
        Stopped::Circuit(Refused::NoteAnchor)
    );

    // The same as a member of the payer's domain, where identity, policy and pharmacy are all in order.
    let id = identity::id(alice.sk.pk(), alice.person, alice.ts.expose());
    stopped!(
        w.open("payer-a", "plan-a", Opening::Member { index: 9, id }),
        Refusal::KnownIdentity
    );
    alice.person = identity::person(Fr::from(1970u64), Fr::from(2u64));
    alice.domain = name("plan-a");
    alice.index = 9;
    let id = identity::id(alice.sk.pk(), alice.person, alice.ts.expose());
    w.open("payer-a", "plan-a", Opening::Member { index: 9, id })
        .unwrap();
    let clean = Note {
        owner: alice.owner(),
        ring: Ring::empty(),
        seq: 0,
        rho: Fr::from(6u64),
        rcm: Fr::from(7u64),
    };
    let what = Opening::Benefit {
        note: clean.commitment(),
    };
    let position = w
        .open("payer-a", "plan-a", what)
        .unwrap()
        .commitment_index
        .unwrap();
    let rx = w.prescribe("dr-plan", &alice, OPIOID);
    let mut fill = w.fill(&alice.with_note(clean, position), &rx, 0);
    stopped!(
        w.dispense("pharmacy-plan", &fill),
        Stopped::Circuit(Refused::NoteAnchor)
    );
    // Only the kind stands in the way: with an account leaf at that place the fill would hold.
    let leaf = account_leaf(alice.domain.to_fr(), fill.witness.note.commitment());
    fill.public.anchor = fill.witness.note_path.root(leaf);
    stopped!(
        w.dispense("pharmacy-plan", &fill),
        Stopped::Ledger(Refusal::Anchor)
    );
}

#[test]
fn a02_the_undo_note_is_dead_without_a_void_and_one_of_two_after_it() {
    let mut w = World::new();
    let alice = w.patient(0);
    let rx = w.prescribe("dr-1", &alice, OPIOID);
    let first = w.fill(&alice, &rx, 0);
    let posted = w.dispense("pharmacy-1", &first).unwrap();
    let position = posted.commitment_index.unwrap();
    let (next, undo) = alice.after(&first, position);
    // Without a VOID the undo note is nowhere in the tree: not in the fill's place, not beside it.
    let other = w.prescribe("dr-1", &alice, OTHER);
    for at in [position, alice.position, position + 1] {
        let fill = w.fill(&alice.with_note(undo.duplicate(), at), &other, 0);
        stopped!(
            w.dispense("pharmacy-1", &fill),
            Stopped::Circuit(Refused::NoteAnchor)
        );
    }
    // Nobody but its pharmacy voids it.
    stopped!(w.void("pharmacy-2", posted.index), Refusal::OtherPharmacy);
    stopped!(w.void("authority", posted.index), Refusal::OtherPharmacy);
    w.time += 14 * DAY + 1;
    stopped!(w.void("pharmacy-1", posted.index), Refusal::VoidTooLate);
    w.time -= DAY;
    let back = w
        .void("pharmacy-1", posted.index)
        .unwrap()
        .commitment_index
        .unwrap();
    stopped!(w.void("pharmacy-1", posted.index), Refusal::VoidedBefore);

    // Now both notes are in the tree, and each alone would do: the first that is used ends the other.
    let undone = w.fill(&alice.with_note(undo, back), &other, 0);
    let gone_on = w.fill(&next, &other, 1);
    assert_eq!(undone.public.nf_note, gone_on.public.nf_note);
    w.dispense("pharmacy-2", &undone).unwrap();
    stopped!(
        w.dispense("pharmacy-1", &gone_on),
        Stopped::Ledger(Refusal::Spent(NullifierKind::Account))
    );
}

#[test]
fn a03_a_burn_of_what_others_can_know_changes_nothing() {
    let mut w = World::new();
    let alice = w.patient(0);
    let rx = w.prescribe("dr-1", &alice, OTHER);
    let fill = w.fill(&alice, &rx, 0);
    // A pharmacy was given the proof and withholds it; with a prescriber it burns all that it has seen.
    let p = &fill.public;
    let seen = vec![
        p.nf_note,
        p.nf_fill,
        p.cm_note,
        p.cm_undo,
        p.cm_dispense,
        rx.content.subject,
        rx.content.message(),
    ];
    stopped!(
        w.burn("pharmacy-1", seen.clone()),
        Refusal::Role {
            role: Role::Prescriber,
            ..
        }
    );
    w.burn("dr-2", seen).unwrap();
    let posted = w.dispense("pharmacy-1", &fill).unwrap();
    let (alice, _) = alice.after(&fill, posted.commitment_index.unwrap());

    // The prescriber itself cancels what is left, with keys that only it and the patient know.
    w.burn("dr-1", vec![rx.content.fill_key(1), rx.content.fill_key(2)])
        .unwrap();
    for fill_no in [0, 1, 2] {
        let fill = w.fill(&alice, &rx, fill_no);
        stopped!(
            w.dispense("pharmacy-1", &fill),
            Stopped::Ledger(Refusal::Spent(NullifierKind::Fill))
        );
    }
    // Seen on the ledger and burned again by another, they cancel nothing of another prescription.
    w.burn("dr-2", vec![rx.content.fill_key(1), rx.content.fill_key(2)])
        .unwrap();
    let other = w.prescribe("dr-2", &alice, OTHER);
    let fill = w.fill(&alice, &other, 1);
    w.dispense("pharmacy-1", &fill).unwrap();
}

#[test]
fn a09_a_wallet_that_lost_its_last_answer_goes_on() {
    for accepted in [true, false] {
        let mut w = World::new();
        let alice = w.patient(0);
        let rx = w.prescribe("dr-1", &alice, OPIOID);
        // The backup of before: note and ring. The candidate of the fill that was presented is the ring with
        // its entry; the rest of it follows from the seed.
        let fill = w.fill(&alice, &rx, 0);
        let ring = fill.witness.next_ring(fill.date).unwrap();
        if accepted {
            w.dispense("pharmacy-1", &fill).unwrap();
        }
        drop(fill);
        // The answer is lost. All leaves of the tree are public; which one is asked for stays hidden.
        let domain = alice.domain.to_fr();
        let find = |note: &Note| w.commitments().iter().position(|leaf| *leaf == note.leaf(domain));
        let candidate = alice.note.next(alice.sk.nk(), ring);
        let live = match find(&candidate) {
            Some(at) => alice.with_note(candidate, at as u64),
            None => alice.with_note(alice.note.duplicate(), find(&alice.note).unwrap() as u64),
        };
        assert_eq!(live.note.seq, u64::from(accepted));
        // It goes on from there, and the history is that of the ledger.
        let next = w.prescribe("dr-1", &live, OPIOID);
        let fill = w.fill(&live, &next, 0);
        match accepted {
            // The refill rule sees the fill whose answer was lost.
            true => stopped!(
                w.dispense("pharmacy-2", &fill),
                Stopped::Circuit(Refused::Limit(_))
            ),
            false => {
                w.dispense("pharmacy-2", &fill).unwrap();
            }
        }
    }
}
