//! Lies that other tests leave to the argument: malformed tables and rows, the ends of dates, and the commitments.

use super::super::*;
use super::fixture::{POLICY, Parts, TABLE, agree, build, policy, system};
use medproof_records::dispensing::{PRESCRIPTION_WIDTHS, Rule};
use medproof_verifier::{Name, Public, Tag, tagged};

const DATE: Day = Day(46_000);

/// A change of the witness after everything was signed, under the policy id that it has then.
#[track_caller]
fn lie(parts: &dyn Fn(&mut Parts), change: &dyn Fn(&mut Witness), expected: Result<(), Refused>) {
    let (public, mut witness) = build(41, parts);
    change(&mut witness);
    let public = witness.public(public.registry_root, DATE, public.ctx);
    agree(&public, &witness, expected);
}

/// Puts the changed leaf into the table, and the changed row among the rows: a policy that nobody compiled.
fn accept(w: &mut Witness) {
    w.policy.table_root = w.policy.drug_path.root(w.policy.drug.hash());
    w.policy.rules = w.policy.row_path.root(w.policy.row.hash().unwrap());
}

#[test]
fn a_leaf_of_no_class_or_with_a_wide_mask_or_bound_is_refused_even_if_its_table_is_accepted() {
    let plain = |_: &mut Parts| {};
    let leaf = |change: fn(&mut TableLeaf), expected| {
        let change = move |w: &mut Witness| {
            change(&mut w.policy.drug);
            accept(w);
        };
        lie(&plain, &change, expected);
    };
    leaf(|_| {}, Ok(()));
    // 16 to 255 would wrap to the place of a class below 16; 17 to that of the row that is opened.
    for mask in [16, 17, 255] {
        let change = move |w: &mut Witness| {
            w.policy.drug.mask = mask | 7804 << 8;
            accept(w);
        };
        lie(&plain, &change, Err(Refused::ClassRow));
    }
    leaf(|l| l.mask |= 1 << 40, Err(Refused::DrugUnknown));
    leaf(|l| l.mask |= 1 << 63, Err(Refused::DrugUnknown));
    leaf(|l| l.lo = l.hi + 1, Err(Refused::DrugUnknown));
    // The difference to the drug is negative, by 2^72 and by nearly 2^128.
    leaf(
        |l| (l.lo, l.hi) = (l.hi + (1 << 72), u128::MAX),
        Err(Refused::DrugUnknown),
    );
    leaf(|l| l.lo = u128::MAX, Err(Refused::DrugUnknown));
}

#[test]
fn a_percentage_above_100_is_kept_to_the_letter() {
    // `policy check` refuses such a rule, since an entry may be overwritten before it is due.
    let row = |w: &mut Witness| {
        w.policy.row.limits.refill_percent = u8::MAX;
        accept(w);
    };
    let before =
        |age: u16, days: u16| move |p: &mut Parts| p.opioid(age, |e| (e.days, e.ingredient) = (days, 7804));
    lie(&before(46_000, u16::MAX), &row, Err(Refused::Limit(Rule::Refill)));
    // 100 * 255 = 255 * 100, and a day less.
    lie(&before(255, 100), &row, Ok(()));
    lie(&before(254, 100), &row, Err(Refused::Limit(Rule::Refill)));
}

#[test]
fn a_dose_that_rounds_to_nothing_does_not_exempt_from_the_first_fill_rule() {
    let tiny = |days: u16| {
        move |p: &mut Parts| {
            p.drug("863850");
            (p.rx.days, p.d) = (days, days);
        }
    };
    let (public, witness) = build(42, &tiny(21));
    assert_eq!(witness.fill(DATE).unwrap().entry.milli_mme, 0);
    agree(&public, &witness, Err(Refused::Limit(Rule::FirstFill)));
    let (public, witness) = build(42, &tiny(20));
    agree(&public, &witness, Ok(()));
}

/// A fill on one of the ends of what a day can be, of a key and a prescription that hold for ever.
fn on(date: Day) -> impl Fn(&mut Parts) {
    move |p: &mut Parts| {
        (p.date, p.valid.0) = (date, Day(0));
        (p.rx.issued, p.rx.earliest, p.rx.expires) = (Day(0), Day(0), Day::OPEN);
    }
}

#[test]
fn c10_the_first_and_the_last_day_do_not_wrap() {
    let last = Day(u16::MAX);
    for date in [Day(0), last] {
        let (public, witness) = build(43, &on(date));
        agree(&public, &witness, Ok(()));
    }
    // A supply that ends 120 days after it can be counted: 65,535 + 65,535 + 120 > 2^17.
    let longest = |start: u16| {
        move |p: &mut Parts| {
            on(last)(p);
            p.fill_ring(start);
            (p.ring.entries[9].days, p.slot) = (u16::MAX, 9);
        }
    };
    for start in [u16::MAX, 1, 0] {
        let (public, witness) = build(44, &longest(start));
        agree(&public, &witness, Err(Refused::Slot));
    }
    // An entry of the first day that has expired on the last, to the day: 0 + 65,415 + 120.
    let expired = |days: u16| {
        move |p: &mut Parts| {
            longest(0)(p);
            p.ring.entries[9].days = days;
        }
    };
    for (days, expected) in [(65_415, Ok(())), (65_416, Err(Refused::Slot))] {
        let (public, witness) = build(44, &expired(days));
        agree(&public, &witness, expected);
    }
}

#[test]
fn another_leaf_of_the_prescribers_key_is_another_party() {
    // One key under two names: what was signed for the pseudonym at the first is nobody's at the second.
    let second = |p: &mut Parts| p.second_leaf = Some("dr-lee-2".parse().unwrap());
    let (public, witness) = build(45, &second);
    agree(&public, &witness, Err(Refused::Subject));
    // Nor does the opening name the second where the first is proven.
    let (mut public, witness) = build(45, &|_: &mut Parts| {});
    let mut opening = witness.opening();
    opening.prescriber = "dr-lee-2".parse::<Name>().unwrap();
    public.cm_dispense = opening.commitment().unwrap();
    agree(&public, &witness, Err(Refused::Opening));
}

#[test]
fn a_signature_over_the_same_six_values_under_another_tag_is_none() {
    fn values(rx: &Prescription) -> [Fr; 6] {
        let word = rx.word();
        [
            rx.subject,
            rx.person,
            rx.drug.to_fr(),
            word,
            rx.rx_secret,
            rx.exemption.to_fr(),
        ]
    }
    let signed: [fn(&Prescription) -> Fr; 2] = [
        |rx| tagged(Tag::Rec, values(rx)),
        |rx| tagged(Tag::Key, values(rx)),
    ];
    for message in signed {
        let (public, witness) = build(46, &|p: &mut Parts| p.message = message);
        agree(&public, &witness, Err(Refused::Signature));
    }
    // The signed word holds nothing but its six fields.
    assert_eq!(PRESCRIPTION_WIDTHS.iter().sum::<u32>(), 104);
}

#[test]
fn the_pharmacy_opens_what_was_proven_and_nothing_else() {
    let changes: [fn(&mut DispenseOpening); 6] = [
        |o| o.drug += 1,
        |o| o.quantity += 1,
        |o| o.days += 1,
        |o| o.prescribed_quantity += 1,
        |o| o.prescribed_days += 1,
        |o| o.r += Fr::from(1u64),
    ];
    let (honest, witness) = build(47, &|_: &mut Parts| {});
    let system = system(&honest, &witness);
    let at = DispensePublic::NAMES
        .iter()
        .position(|n| *n == "cm_dispense")
        .unwrap();
    assert!(system.is_satisfied_by_inputs(&[(at, honest.cm_dispense)]));
    for change in changes {
        let mut opening = witness.opening();
        change(&mut opening);
        let cm_dispense = opening.commitment().unwrap();
        let public = DispensePublic {
            cm_dispense,
            ..honest
        };
        assert_eq!(Dispense::relation(&public, &witness), Err(Refused::Opening));
        // No private variable follows from the input.
        assert!(!system.is_satisfied_by_inputs(&[(at, cm_dispense)]));
    }
}

#[test]
fn neither_note_can_have_the_others_blinding_or_an_entry_in_another_slot() {
    // A fill that changes the ring, and one of class 0, of which both notes hold the old one.
    for drug in ["1049683", "314076"] {
        let (honest, mut witness) = build(48, &|p: &mut Parts| p.drug(drug));
        let mut undo = witness.undo_note();
        undo.rcm -= Fr::from(1u64);
        let public = DispensePublic {
            cm_undo: undo.commitment(),
            ..honest
        };
        agree(&public, &witness, Err(Refused::UndoNote));
        let mut next = witness.next_note(DATE).unwrap();
        next.rcm += Fr::from(1u64);
        let public = DispensePublic {
            cm_note: next.commitment(),
            ..honest
        };
        agree(&public, &witness, Err(Refused::NextNote));
        // Check one slot and write another, in the same group and in the next.
        for slot in [1, 8] {
            witness.slot = slot;
            let written = witness.next_note(DATE).unwrap().commitment();
            witness.slot = 0;
            let public = DispensePublic {
                cm_note: written,
                ..honest
            };
            match drug {
                "1049683" => agree(&public, &witness, Err(Refused::NextNote)),
                // Nothing is written, wherever the prover points.
                _ => assert_eq!(public.cm_note, honest.cm_note),
            }
        }
    }
}

#[test]
fn d01_going_back_behind_an_eviction_is_refused() {
    // On the date an entry expires and is overwritten; the day before it still counted.
    let evicting = |p: &mut Parts| {
        p.fill_ring(p.date.0 - 100);
        (p.ring.entries[9].start.0, p.ring.entries[9].days, p.slot) = (p.date.0 - 150, 30, 9);
    };
    let (public, first) = build(49, &evicting);
    agree(&public, &first, Ok(()));
    let ring = first.next_ring(DATE).unwrap();
    let (public, back) = build(49, &|p: &mut Parts| {
        p.date = Day(DATE.0 - 1);
        p.rx.issued = p.date;
        p.rx.earliest = p.date;
        p.ring = ring.duplicate();
        p.ring.entries[3].days = 1;
        p.ring.entries[3].start = Day(DATE.0 - 300);
        p.slot = 3;
    });
    agree(&public, &back, Err(Refused::EntryAfterDate));
}

#[test]
fn a_prescription_for_two_domains_has_one_nullifier_a_fill_and_one_person() {
    let elsewhere = |p: &mut Parts| {
        p.policy(policy(&POLICY.replace("us-ma", "us-ct"), TABLE));
        p.scope = p.policy.domain().to_fr();
    };
    let (here, _) = build(50, &|_: &mut Parts| {});
    let (there, witness) = build(50, &elsewhere);
    assert_ne!((here.domain, here.nf_note), (there.domain, Fr::from(0u64)));
    // One salt in both domains, which no two enrolments draw: the fill is one and the same to the ledger.
    agree(&there, &witness, Ok(()));
    assert_eq!(here.nf_fill, there.nf_fill);
    // With a salt of its own the other domain's leaf names another person.
    let salted = |p: &mut Parts| {
        elsewhere(p);
        p.person = Some(Fr::from(1_970u64));
    };
    let (public, witness) = build(50, &salted);
    agree(&public, &witness, Err(Refused::Person));
}
