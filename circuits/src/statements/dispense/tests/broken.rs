//! Lies about who, what and when.

use super::super::*;
use super::fixture::{POLICY, Parts, TABLE, agree, build, policy};
use crate::gadgets::registry::KeyRefused;
use crate::scenario::world::lone_path;
use medproof_records::claim::benefit_leaf;
use medproof_records::identity::Secret;
use medproof_verifier::Role;

#[track_caller]
fn refused(change: &dyn Fn(&mut Parts), expected: Refused) {
    let (public, witness) = build(11, change);
    agree(&public, &witness, Err(expected));
}

/// A change of the public inputs only.
#[track_caller]
fn other_input(change: fn(&mut DispensePublic, &Witness), expected: Refused) {
    let (mut public, witness) = build(12, &|p: &mut Parts| p.opioid(25, |_| {}));
    change(&mut public, &witness);
    agree(&public, &witness, Err(expected));
}

/// A change of the witness after everything was signed; the public inputs follow it.
#[track_caller]
fn lie(change: &dyn Fn(&mut Witness), expected: Refused) {
    let (public, mut witness) = build(13, &|p: &mut Parts| p.opioid(25, |_| {}));
    change(&mut witness);
    let public = witness.public(public.registry_root, Day(46_000), public.ctx);
    agree(&public, &witness, Err(expected));
}

#[test]
fn every_public_input_is_bound() {
    other_input(|p, _| p.date += Fr::from(1u64 << 16), Refused::Date);
    other_input(|p, _| p.date += Fr::from(1u64), Refused::NextNote);
    other_input(|p, _| p.identity_root += Fr::from(1u64), Refused::Identity);
    other_input(|p, _| p.domain += Fr::from(1u64), Refused::Identity);
    other_input(|p, _| p.anchor += Fr::from(1u64), Refused::NoteAnchor);
    other_input(|p, _| p.policy_id += Fr::from(1u64), Refused::Policy);
    let unregistered = Refused::Prescriber(KeyRefused::NotRegistered);
    other_input(|p, _| p.registry_root += Fr::from(1u64), unregistered);
    other_input(|p, _| p.nf_note += Fr::from(1u64), Refused::NoteNullifier);
    other_input(|p, _| p.cm_note += Fr::from(1u64), Refused::NextNote);
    other_input(|p, _| p.cm_undo += Fr::from(1u64), Refused::UndoNote);
    other_input(|p, _| p.nf_fill += Fr::from(1u64), Refused::FillNullifier);
    other_input(|p, _| p.cm_dispense += Fr::from(1u64), Refused::Opening);
}

#[test]
fn a01_the_account_note_is_the_holders_own() {
    let sk = || Secret::new(Fr::from(99u64));
    // Somebody else's note; the holder's note with another secret; a note behind another leaf.
    lie(&|w| w.note.owner += Fr::from(1u64), Refused::NoteOwner);
    lie(
        &|w| {
            w.identity.sk = sk();
            w.prescription.subject = w.identity.sk.subject(w.prescriber.leaf.party.to_fr());
        },
        Refused::NoteOwner,
    );
    lie(&|w| w.identity.ts = sk(), Refused::NoteOwner);
    other_input(
        |p, w| p.anchor = w.note_path.root(benefit_leaf(p.domain, w.note.commitment())),
        Refused::NoteAnchor,
    );
    other_input(
        |p, w| {
            p.anchor = w
                .note_path
                .root(account_leaf(p.domain + Fr::from(1u64), w.note.commitment()))
        },
        Refused::NoteAnchor,
    );
    // A bare commitment, or a node, as a leaf.
    other_input(
        |p, w| p.anchor = w.note_path.root(w.note.commitment()),
        Refused::NoteAnchor,
    );
    let (public, mut witness) = build(14, &|_: &mut Parts| {});
    witness.note_path = lone_path(u64::from(witness.note_path.index() ^ 1)).unwrap();
    agree(&public, &witness, Err(Refused::NoteAnchor));
}

#[test]
fn d01_nothing_of_the_note_can_be_changed() {
    let changes: [fn(&mut Note); 4] = [
        |n| n.seq += 1,
        |n| n.rho += Fr::from(1u64),
        |n| n.rcm += Fr::from(1u64),
        // The history is left out.
        |n| n.ring = Ring::empty(),
    ];
    for change in changes {
        let (public, mut witness) = build(15, &|p: &mut Parts| p.opioid(25, |_| {}));
        change(&mut witness.note);
        let mut lying = witness.public(public.registry_root, Day(46_000), public.ctx);
        lying.anchor = public.anchor;
        agree(&lying, &witness, Err(Refused::NoteAnchor));
    }
    // The next note without the new entry, with another sequence number, or with its old blinding.
    other_input(|p, _| p.cm_note = p.cm_undo, Refused::NextNote);
    other_input(|p, _| p.cm_undo = p.cm_note, Refused::UndoNote);
    other_input(|p, w| p.cm_undo = w.note.commitment(), Refused::UndoNote);
    let stale = |p: &mut DispensePublic, w: &Witness| {
        let mut next = w.next_note(Day(46_000)).unwrap();
        next.seq -= 1;
        p.cm_note = next.commitment();
    };
    other_input(stale, Refused::NextNote);
    refused(&|p| p.opioid(0, |e| e.start.0 += 1), Refused::EntryAfterDate);
}

/// Whatever private value changes, with the ledger's side as it is: either nothing can be proven, or the note and
/// the fill keep their nullifiers. (The circuit computes the prescription's subject, so that there is none to
/// change.)
#[test]
fn c11_no_private_change_gives_a_note_or_fill_a_second_nullifier() {
    let one = || Fr::from(1u64);
    let changes: [fn(&mut Witness, Fr); 32] = [
        |w, _| w.identity.sk = Secret::new(Fr::from(99u64)),
        |w, _| w.identity.ts = Secret::new(Fr::from(99u64)),
        |w, one| w.identity.person += one,
        |w, one| w.identity.domain += one,
        |w, _| w.identity.path = Path::zero(),
        |w, one| w.note.owner += one,
        |w, _| w.note.ring = Ring::empty(),
        |w, _| w.note.seq += 1,
        |w, one| w.note.rho += one,
        |w, one| w.note.rcm += one,
        |w, _| w.note_path = Path::zero(),
        |w, _| w.prescription.drug = Code::parse("rxnorm|238129").unwrap(),
        |w, _| w.prescription.quantity += 1,
        |w, _| w.prescription.days += 1,
        |w, _| w.prescription.fills += 1,
        |w, _| w.prescription.issued.0 -= 1,
        |w, _| w.prescription.earliest.0 -= 1,
        |w, _| w.prescription.expires.0 += 1,
        |w, one| w.prescription.rx_secret += one,
        |w, _| w.prescription.exemption = Code::parse("icd10cm|G89.3").unwrap(),
        |w, _| w.prescriber.leaf.party = "dr-no".parse().unwrap(),
        |w, _| w.prescriber.leaf.valid_to.0 -= 1,
        |w, _| w.prescriber.path = Path::zero(),
        |w, one| w.signature.r8x += one,
        |w, one| w.signature.s += one,
        |w, _| w.policy.drug.number = 0,
        |w, _| w.policy.row.limits.peak += 1,
        |w, one| w.policy.version += one,
        // These four are the holder's to choose.
        |w, _| (w.q, w.d) = (15_000, 6),
        |w, _| w.slot = 7,
        |w, _| w.exemption = 3,
        |w, one| w.r += one,
    ];
    let mut proven = 0;
    for (i, change) in changes.iter().enumerate() {
        let (honest, mut witness) = build(13, &|p: &mut Parts| p.opioid(25, |_| {}));
        change(&mut witness, one());
        let public = DispensePublic {
            anchor: honest.anchor,
            identity_root: honest.identity_root,
            registry_root: honest.registry_root,
            domain: honest.domain,
            policy_id: honest.policy_id,
            ..witness.public(honest.registry_root, Day(46_000), honest.ctx)
        };
        let holds = Dispense::relation(&public, &witness);
        agree(&public, &witness, holds);
        if holds.is_ok() {
            proven += 1;
            let nullifiers = |p: &DispensePublic| (p.nf_note, p.nf_fill);
            assert_eq!(nullifiers(&public), nullifiers(&honest), "{i}");
        }
    }
    assert_eq!(proven, 4);
    // Another number is another fill, and there is none beyond the signed ones.
    lie(&|w| w.fill_no = 2, Refused::FillNumber);
}

#[test]
fn a05_the_policy_is_that_of_the_id() {
    lie(&|w| w.policy.drug.number = 0, Refused::DrugLeaf);
    lie(&|w| w.policy.drug.mask = 0, Refused::DrugLeaf);
    lie(&|w| w.policy.drug.hi = u128::from(u64::MAX), Refused::DrugLeaf);
    lie(&|w| w.policy.row.limits.peak += 1, Refused::ClassRow);
    lie(&|w| w.policy.row.limits.refill_percent = 0, Refused::ClassRow);
    let any = |w: &mut Witness| {
        use medproof_records::code::{CodeInterval, CodeSystem};
        w.policy.row.exemptions[7] = Some(CodeInterval::whole(CodeSystem::Icd10Cm));
    };
    lie(&any, Refused::ClassRow);
    // Another policy of the domain, whose rules do not know the fill's class.
    lie(
        &|w| w.policy.rules = policy(&POLICY.replace("opioid", "gabapentinoid"), TABLE).rules(),
        Refused::ClassRow,
    );
    let honest = build(16, &|_: &mut Parts| {}).0;
    let (mut public, witness) = build(16, &|p: &mut Parts| {
        p.policy(policy(&POLICY.replace("\"90\"", "\"900\""), TABLE))
    });
    assert_ne!(public.policy_id, honest.policy_id);
    public.policy_id = honest.policy_id;
    agree(&public, &witness, Err(Refused::Policy));
}

#[test]
fn a05_the_drug_is_a_member_of_the_table_and_its_class_has_a_row() {
    let code = |text: &str| Code::parse(text).unwrap();
    // In the gap after its leaf, under another drug's leaf, and no drug at all under the sentinel.
    refused(
        &|p| (p.rx.drug, p.opened) = (code("rxnorm|1049684"), code("rxnorm|1049683")),
        Refused::DrugUnknown,
    );
    refused(
        &|p| (p.rx.drug, p.opened) = (code("rxnorm|1049999"), code("rxnorm|1049683")),
        Refused::DrugUnknown,
    );
    refused(
        &|p| (p.rx.drug, p.opened) = (code("rxnorm|5"), code("rxnorm|197321")),
        Refused::DrugUnknown,
    );
    let none = |p: &mut Parts| {
        (p.rx.drug, p.opened, p.row_at) = (Code::NONE, Code::NONE, 0);
        p.row = no_row();
    };
    refused(&none, Refused::DrugUnknown);
    // Benzodiazepines have no row; a row of another class, or at another place, is none of theirs.
    refused(&|p| p.drug("197321"), Refused::ClassRow);
    let borrowed = |p: &mut Parts| {
        p.drug("197321");
        (p.row, p.row_at) = (p.policy.row(3).unwrap().clone(), 3);
    };
    refused(&borrowed, Refused::ClassRow);
    let renamed = |p: &mut Parts| {
        borrowed(p);
        p.row.class = 2;
    };
    refused(&renamed, Refused::ClassRow);
    refused(
        &|p| {
            p.drug("314076");
            p.row_at = 1;
        },
        Refused::ClassRow,
    );
}

#[test]
fn a10_the_prescription_is_signed_by_an_accepted_prescriber_for_the_holder() {
    let key = Refused::Prescriber;
    refused(&|p| p.role = Role::Pharmacy, key(KeyRefused::Role));
    refused(&|p| p.scope += Fr::from(1u64), key(KeyRefused::Scope));
    refused(&|p| p.valid.1 = Day(p.date.0 - 1), key(KeyRefused::Validity));
    refused(&|p| p.valid.0 = Day(p.date.0 + 1), key(KeyRefused::Validity));
    for end in [(46_000, 46_000), (45_999, 46_000)] {
        let (public, witness) = build(17, &|p: &mut Parts| {
            (p.valid.0, p.valid.1) = (Day(end.0), Day(end.1));
        });
        agree(&public, &witness, Ok(()));
    }
    lie(
        &|w| w.prescriber.leaf.valid_to = Day(1),
        key(KeyRefused::NotRegistered),
    );
    lie(&|w| w.signature.s += Fr::from(1u64), Refused::Signature);
    refused(&|p| p.subject = Some(Fr::from(1u64)), Refused::Subject);
    // Not subject and person: the circuit takes both from the holder, whatever is written there.
    let changes: [fn(&mut Prescription); 9] = [
        |rx| rx.drug = Code::parse("rxnorm|238129").unwrap(),
        |rx| rx.quantity += 1,
        |rx| rx.days += 1,
        |rx| rx.fills += 1,
        |rx| rx.issued.0 -= 1,
        |rx| rx.earliest.0 -= 1,
        |rx| rx.expires.0 += 1,
        |rx| rx.rx_secret += Fr::from(1u64),
        |rx| rx.exemption = Code::parse("icd10cm|G89.3").unwrap(),
    ];
    for (i, change) in changes.iter().enumerate() {
        let (public, mut witness) = build(18, &|_: &mut Parts| {});
        change(&mut witness.prescription);
        if i == 0 {
            // Its own leaf is opened: only the signature knows better.
            let found = policy(POLICY, TABLE).table().lookup(witness.prescription.drug);
            (witness.policy.drug, witness.policy.drug_path) = (found.leaf, found.path);
        }
        witness.d = witness.prescription.days_of(witness.q).unwrap();
        let public = witness.public(public.registry_root, Day(46_000), public.ctx);
        agree(&public, &witness, Err(Refused::Signature));
    }
}

#[test]
fn a04_a_prescription_of_another_person_under_the_same_secret_is_refused() {
    // Signed for the holder's own pseudonym, with the person of somebody whom the authority enrolled under
    // the same `pk`; identity leaf, note and opening are the holder's.
    let other = Fr::from(1_970_u64);
    let theirs = |p: &mut Parts| p.person = Some(other);
    refused(&theirs, Refused::Person);
    // Claiming to be named in it breaks the signature.
    let (public, mut witness) = build(11, &theirs);
    witness.prescription.person = witness.identity.person;
    agree(&public, &witness, Err(Refused::Signature));
    // Taking the other's person for the opening breaks the identity leaf, and with it the note.
    witness.prescription.person = other;
    witness.identity.person = other;
    let lying = witness.public(public.registry_root, Day(46_000), public.ctx);
    agree(&lying, &witness, Err(Refused::NoteOwner));
    // Before it, the root that the ledger has does not hold such a leaf.
    let lying = DispensePublic {
        identity_root: public.identity_root,
        ..lying
    };
    agree(&lying, &witness, Err(Refused::Identity));
}

#[test]
fn a06_dates_numbers_quantities_and_days_are_those_prescribed() {
    refused(&|p| p.rx.issued.0 += 1, Refused::Issued);
    refused(&|p| p.rx.earliest.0 += 1, Refused::Earliest);
    refused(&|p| p.rx.expires.0 = p.date.0 - 1, Refused::Expired);
    refused(&|p| p.fill_no = 2, Refused::FillNumber);
    refused(&|p| p.rx.fills = 0, Refused::FillNumber);
    refused(&|p| (p.q, p.d) = (0, 0), Refused::Quantity);
    refused(&|p| (p.q, p.d) = (0, 1), Refused::Quantity);
    refused(&|p| (p.q, p.d) = (30_001, 13), Refused::Quantity);
    refused(&|p| (p.rx.quantity, p.q, p.d) = (0, 0, 0), Refused::Quantity);
    refused(&|p| (p.rx.days, p.d) = (0, 0), Refused::PrescribedDays);
    // 15,000 of 30,000 for 12 days last 6 days: not 5, not 7, not 0, and not 12.
    for d in [0, 5, 7, 12, u16::MAX] {
        refused(&|p| (p.q, p.d) = (15_000, d), Refused::Days);
    }
    refused(&|p| p.d = 11, Refused::Days);
    refused(&|p| p.d = 13, Refused::Days);
    refused(&|p| p.drug("1049999"), Refused::Dose);
}

#[test]
fn a05_only_an_empty_or_expired_slot_is_overwritten() {
    let full = |end: u16| {
        move |p: &mut Parts| {
            p.fill_ring(p.date.0 - 100);
            let old = &mut p.ring.entries[9];
            (old.start.0, old.days, p.slot) = (p.date.0 - 150, 150 - end, 9);
        }
    };
    refused(&full(119), Refused::Slot);
    let (public, witness) = build(19, &full(120));
    agree(&public, &witness, Ok(()));
    // An entry of class 0 is no empty slot.
    let classless = |p: &mut Parts| {
        p.fill_ring(p.date.0 - 100);
        p.ring.entries[9].class = 0;
        p.slot = 9;
    };
    refused(&classless, Refused::Slot);
}

#[test]
fn a_malformed_witness_is_refused_by_both() {
    for slot in [32, 40, usize::MAX] {
        refused(&|p| p.slot = slot, Refused::Slot);
    }
    // A drug without limits writes nothing, but still points at a slot and an interval.
    let other = |p: &mut Parts| {
        p.drug("314076");
        p.slot = 32;
    };
    refused(&other, Refused::Slot);
    for exemption in [8, usize::MAX] {
        refused(&|p| p.exemption = exemption, Refused::Exemption);
        let other = |p: &mut Parts| {
            p.drug("314076");
            p.exemption = exemption;
        };
        refused(&other, Refused::Exemption);
    }
    // A table with a bound of more than 72 bits; the difference to the code is what must fit.
    let wide = |by: u128| {
        move |w: &mut Witness| {
            w.policy.drug.hi = w.prescription.drug.packed() + by;
            w.policy.table_root = w.policy.drug_path.root(w.policy.drug.hash());
        }
    };
    lie(&wide(1 << 72), Refused::DrugUnknown);
    let (public, mut witness) = build(13, &|p: &mut Parts| p.opioid(25, |_| {}));
    wide((1 << 72) - 1)(&mut witness);
    let public = witness.public(public.registry_root, Day(46_000), public.ctx);
    agree(&public, &witness, Ok(()));
    lie(&|w| w.note.seq = u64::MAX, Refused::NextNote);
    for change in [
        |l: &mut Limits| l.peak = 1 << 40,
        |l: &mut Limits| l.quantity = 1 << 40,
    ] {
        refused(&|p| change(&mut p.row.limits), Refused::ClassRow);
        let other = |p: &mut Parts| {
            p.drug("314076");
            change(&mut p.row.limits);
        };
        refused(&other, Refused::ClassRow);
    }
}
