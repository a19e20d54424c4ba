use super::*;
use crate::code::Code;
use ark_bn254::Fr;
use medproof_verifier::opening::DispenseOpening;
use medproof_verifier::{Day, Tag, tagged};

fn entry(i: u16) -> RingEntry {
    RingEntry {
        start: Day(40_000 + i),
        days: 30,
        class: 1,
        ingredient: 7804,
        milli_mme: 30_000,
        quantity: 60_000,
    }
}

fn prescription() -> Prescription {
    Prescription {
        subject: Fr::from(11u64),
        person: Fr::from(13u64),
        drug: Code::parse("rxnorm|1049683").unwrap(),
        quantity: 30_000,
        days: 10,
        fills: 2,
        issued: Day(46_000),
        earliest: Day(46_000),
        expires: Day(46_090),
        rx_secret: Fr::from(12u64),
        exemption: Code::NONE,
    }
}

#[test]
fn entries_round_trip_and_leave_nothing_over() {
    let full = RingEntry {
        start: Day(u16::MAX),
        days: u16::MAX,
        class: u8::MAX,
        ingredient: u32::MAX,
        milli_mme: u32::MAX,
        quantity: u32::MAX,
    };
    for e in [RingEntry::EMPTY, entry(3), full] {
        assert!(RingEntry::from_fr(&e.to_fr()) == Some(e));
    }
    assert_eq!(RingEntry::EMPTY.to_fr(), Fr::from(0u64));
    assert!(RingEntry::from_fr(&(full.to_fr() + Fr::from(1u64))).is_none());
}

#[test]
fn entries_expire_120_days_after_their_supply() {
    let e = entry(0);
    assert!(!e.is_expired(Day(40_000 + 30 + 119)));
    assert!(e.is_expired(Day(40_000 + 30 + 120)));
    assert!(e.is_active(Day(40_029)) && !e.is_active(Day(40_030)) && !e.is_active(Day(39_999)));
    let last = RingEntry {
        start: Day(u16::MAX),
        days: u16::MAX,
        ..e
    };
    assert!(!last.is_expired(Day(u16::MAX)));
}

#[test]
fn rings_keep_32_entries_and_find_free_slots() {
    let many: Vec<RingEntry> = (0..33).map(entry).collect();
    assert_eq!(Ring::from_entries(&many).err(), Some(RingFull));
    let ring = Ring::from_entries(&many[..32]).unwrap();
    assert_eq!(ring.free_slot(Day(40_149)), Err(RingFull));
    assert_eq!(ring.free_slot(Day(40_150)), Ok(0));
    assert_eq!(ring.with(5, RingEntry::EMPTY).free_slot(Day(40_150)), Ok(5));
    assert!(Ring::from_words(&ring.words()) == Some(ring.duplicate()));
    let digest = ring.digest();
    for slot in 0..RING_SLOTS {
        assert_ne!(ring.with(slot, RingEntry::EMPTY).digest(), digest);
    }
    assert!(ring.with(32, entry(1)) == ring);
}

#[test]
fn the_undo_note_shares_the_nullifier_of_the_next() {
    let note = Note {
        owner: Fr::from(1u64),
        ring: Ring::empty(),
        seq: 4,
        rho: Fr::from(2u64),
        rcm: Fr::from(3u64),
    };
    let nk = Fr::from(9u64);
    let next = note.next(nk, note.ring.with(0, entry(0)));
    let undo = note.undo(nk);
    assert_ne!(next.commitment(), undo.commitment());
    assert_ne!(
        note.next(nk, note.ring.duplicate()).commitment(),
        undo.commitment()
    );
    assert_eq!(undo.ring.words(), note.ring.words());
    assert_eq!(next.nullifier(nk), undo.nullifier(nk));
    assert_ne!(next.nullifier(nk), note.nullifier(nk));
    assert_eq!((next.seq, next.rho), (5, note.nullifier(nk)));
    assert_eq!(next.rcm, tagged(Tag::Rcm, [nk, next.rho]));
    assert_ne!(note.leaf(Fr::from(5u64)), note.leaf(Fr::from(6u64)));
}

#[test]
fn a_part_of_a_fill_lasts_its_share_of_the_days() {
    let rx = prescription();
    for (q, d) in [
        (1, 1),
        (3_000, 1),
        (3_001, 2),
        (15_000, 5),
        (29_999, 10),
        (30_000, 10),
    ] {
        assert_eq!(rx.days_of(q), Some(d), "{q}");
    }
    let mut none = prescription();
    none.quantity = 0;
    assert_eq!(none.days_of(1), None);
}

#[test]
fn every_field_of_a_prescription_is_signed() {
    let message = prescription().message();
    let changes: [fn(&mut Prescription); 11] = [
        |p| p.subject += Fr::from(1u64),
        |p| p.person += Fr::from(1u64),
        |p| p.drug = Code::NONE,
        |p| p.quantity += 1,
        |p| p.days += 1,
        |p| p.fills += 1,
        |p| p.issued.0 += 1,
        |p| p.earliest.0 += 1,
        |p| p.expires.0 += 1,
        |p| p.rx_secret += Fr::from(1u64),
        |p| p.exemption = Code::parse("icd10cm|G89.3").unwrap(),
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut rx = prescription();
        change(&mut rx);
        assert_ne!(rx.message(), message, "{i}");
    }
    assert_ne!(prescription().fill_nullifier(0), prescription().fill_nullifier(1));
}

#[test]
fn every_field_of_an_opening_is_committed_to() {
    let opening = || DispenseOpening {
        drug: Code::parse("rxnorm|1049683").unwrap().packed(),
        quantity: 30_000,
        days: 10,
        prescribed_quantity: 30_000,
        prescribed_days: 10,
        prescriber: "dr-lee".parse().unwrap(),
        person: Fr::from(5u64),
        r: Fr::from(6u64),
    };
    let changes: [fn(&mut DispenseOpening); 8] = [
        |o| o.drug = Code::NONE.packed(),
        |o| o.quantity -= 1,
        |o| o.days -= 1,
        |o| o.prescribed_quantity += 1,
        |o| o.prescribed_days += 1,
        |o| o.prescriber = "dr-no".parse().unwrap(),
        |o| o.person += Fr::from(1u64),
        |o| o.r += Fr::from(1u64),
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut o = opening();
        change(&mut o);
        assert_ne!(o.commitment(), opening().commitment(), "{i}");
    }
}

#[test]
fn doses_are_rounded_half_up_and_bounded() {
    // Oxycodone 10 mg (15 MME) twice a day.
    assert_eq!(daily_milli_mme(15_000_000, 60_000, 30), Some(30_000));
    // 0.0005 and just below it, in MME.
    assert_eq!(daily_milli_mme(500, 1_000, 1), Some(1));
    assert_eq!(daily_milli_mme(499, 1_000, 1), Some(0));
    assert_eq!(daily_milli_mme(1, 1, 0), None);
    assert_eq!(daily_milli_mme(u64::MAX, u32::MAX, 1), None);
    // (2^32 - 0.5) * 10^6 is the first that does not fit.
    let first = (u64::from(u32::MAX) * 2 + 1) * 500_000;
    assert_eq!(daily_milli_mme(first - 1, 1, 1), Some(u32::MAX));
    assert_eq!(daily_milli_mme(first, 1, 1), None);
}

const ORDER: &str = include_str!("../../../tests/data/journeys/order-hydrocodone.json");

#[test]
fn an_order_is_read_as_it_is_written() {
    let read = |text: &str, id| super::Order::read(&crate::fhir::Bundle::parse(text.as_bytes()).unwrap(), id);
    let order = read(ORDER, None).map_err(|e| e.to_string());
    let order = order.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(order.drug, Code::parse("rxnorm|856999").unwrap());
    assert_eq!((order.quantity, order.days, order.fills), (120_000, 30, 2));
    let day = |text| Day::parse(text).unwrap();
    assert_eq!(order.issued, day("2026-03-02"));
    assert_eq!(
        (order.earliest, order.expires),
        (day("2026-03-02"), day("2026-05-31"))
    );
    assert_eq!(order.reason, Code::NONE);
    assert!(read(ORDER, Some("order-hydrocodone")).is_ok());
    assert!(read(ORDER, Some("another")).is_err());

    // Without a period it may be filled from the day on which it was written, and has no end.
    let open = ORDER.replace("validityPeriod", "_validityPeriod");
    let open = read(&open, None).map_err(|e| e.to_string());
    let open = open.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((open.earliest, open.expires), (day("2026-03-02"), Day::OPEN));
    assert_ne!(open.source, order.source);

    let icd =
        r#""reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G89.3"}]}], "#;
    let reasoned = ORDER.replace("\"authoredOn\"", &format!("{icd}\"authoredOn\""));
    let reason = read(&reasoned, None).map(|o| o.reason).map_err(|e| e.to_string());
    assert_eq!(reason, Ok(Code::parse("icd10cm|G89.3").unwrap()));

    for (from, to, path) in [
        ("\"active\"", "\"stopped\"", "status"),
        ("\"order\"", "\"proposal\"", "intent"),
        ("\"value\": 120", "\"value\": 0", "quantity"),
        ("\"value\": 30", "\"value\": 0.5", "expectedSupplyDuration"),
        (
            "\"numberOfRepeatsAllowed\": 1",
            "\"numberOfRepeatsAllowed\": 255",
            "numberOfRepeatsAllowed",
        ),
    ] {
        let refusal = read(&ORDER.replace(from, to), None).err().map(|e| e.to_string());
        assert!(
            refusal.as_ref().is_some_and(|r| r.contains(path)),
            "{path}: {refusal:?}"
        );
    }
}
