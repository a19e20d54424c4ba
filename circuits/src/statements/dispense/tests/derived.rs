//! What the witness holds and the circuit derives, and the number of a note, which is a field element to both.

use super::super::*;
use super::fixture::{Parts, agree, build, system};
use crate::gadgets::registry::KeyRefused;
use medproof_verifier::Role;

fn honest() -> (DispensePublic, Witness) {
    build(31, &|p: &mut Parts| p.opioid(25, |_| {}))
}

/// A change of a derived value, and why it is refused.
type Change = (fn(&mut Witness, Fr), Refused);

/// The circuit never reads the note's owner, the prescription's subject and person, the key's role and the row's
/// class: it puts the only right value in the place of each. The relation compares them, so it refuses a witness that
/// contradicts itself; what the circuit is given then is the honest assignment, variable by variable.
#[test]
fn parts_that_the_circuit_derives_cannot_make_a_proof_say_anything_else() {
    let (public, witness) = honest();
    assert_eq!(Dispense::relation(&public, &witness), Ok(()));
    let expected = system(&public, &witness);
    assert!(expected.is_satisfied());
    let one = || Fr::from(1u64);
    let unregistered = Refused::Prescriber(KeyRefused::NotRegistered);
    let changes: [Change; 5] = [
        (|w, one| w.note.owner += one, Refused::NoteOwner),
        (|w, one| w.prescription.subject += one, Refused::Signature),
        (|w, one| w.prescription.person += one, Refused::Signature),
        (|w, _| w.prescriber.leaf.role = Role::Pharmacy, unregistered),
        (|w, _| w.policy.row.class = 2, Refused::ClassRow),
    ];
    for (change, refused) in changes {
        let mut witness = honest().1;
        change(&mut witness, one());
        assert_eq!(Dispense::relation(&public, &witness), Err(refused));
        let lying = system(&public, &witness);
        let same = (0..expected.private_variables()).all(|i| lying.private(i) == expected.private(i));
        assert!(same && lying.is_satisfied(), "{refused:?}");
    }
}

#[test]
fn after_the_last_number_of_a_note_comes_2_to_the_64() {
    let (public, mut witness) = honest();
    witness.note.seq = u64::MAX;
    let saturated = witness.public(public.registry_root, Day(46_000), public.ctx);
    agree(&saturated, &witness, Err(Refused::NextNote));
    // No wallet holds the note that this commits to; the statement about it is true all the same.
    let beyond = Fr::from(1u128 << 64);
    let next = witness.next_note(Day(46_000)).unwrap();
    let counted = DispensePublic {
        cm_note: next.commitment_numbered(beyond),
        cm_undo: witness.undo_note().commitment_numbered(beyond),
        ..saturated
    };
    agree(&counted, &witness, Ok(()));
    let undo = DispensePublic {
        cm_undo: saturated.cm_undo,
        ..counted
    };
    agree(&undo, &witness, Err(Refused::UndoNote));
}
