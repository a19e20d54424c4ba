use super::*;
use proptest::prelude::*;

fn any_record() -> impl Strategy<Value = Record> {
    let codes = prop::sample::select(vec![
        Code::NONE,
        Code::ABSENT,
        Code::parse("icd10cm|E11.9").unwrap(),
        Code::parse("sct|999999999999999999").unwrap(),
        Code::parse("rxnorm|1").unwrap(),
    ]);
    let small = (
        prop::sample::select(Kind::ALL),
        codes.clone(),
        codes,
        any::<(u8, u8, bool, bool, bool)>(),
        prop::sample::select(Verification::ALL),
        prop::sample::select(Intent::ALL),
        prop::sample::select(Comparator::ALL),
    );
    let large = (
        any::<(u64, u32, u16, u16, u16)>(),
        0..=MAX_CENTS,
        any::<bool>(),
        any::<u64>(),
    );
    (small, large).prop_map(|(small, large)| {
        let (kind, code, code2, (status, refill, negated, reported, prn), verification, intent, comparator) =
            small;
        let ((value, quantity, days, start, end), cents, known, source) = large;
        Record {
            kind,
            code,
            code2,
            status,
            verification,
            intent,
            refill,
            comparator,
            negated,
            reported,
            prn,
            value,
            unit: Unit::from_ucum("mg/dL"),
            quantity,
            days,
            start: Day(start),
            end: Day(end),
            amount: Cents::new(cents).unwrap(),
            actor: known.then(|| "1234567893".parse().unwrap()),
            actor2: if known {
                "general-hospital".parse::<Name>().unwrap().to_fr()
            } else {
                Fr::from(0u64)
            },
            source: Fr::from(source),
        }
    })
}

proptest! {
    #[test]
    fn words_round_trip(record in any_record()) {
        let back = Record::from_words(record.to_words(), record.actor2, record.source).unwrap();
        prop_assert!(back == record);
    }

    #[test]
    fn one_bit_changes_the_leaf(record in any_record(), bit in 0u32..192) {
        let subject = Fr::from(5u64);
        let salt = Fr::from(7u64);
        let [w0, w1] = record.to_words();
        let flipped = w0 + Fr::from(2u64).pow_u32(bit);
        prop_assert_ne!(
            tagged(Tag::Rec, [subject, flipped, w1, record.actor2, record.source, salt]),
            record.leaf(subject, salt)
        );
        prop_assert_ne!(record.leaf(subject, salt), record.leaf(subject, Fr::from(8u64)));
        prop_assert_ne!(record.leaf(subject, salt), record.leaf(Fr::from(6u64), salt));
    }
}

trait PowU32 {
    fn pow_u32(self, exponent: u32) -> Self;
}

impl PowU32 for Fr {
    fn pow_u32(self, exponent: u32) -> Self {
        (0..exponent).fold(Fr::from(1u64), |acc, _| acc * self)
    }
}

#[test]
fn packing_is_the_one_of_the_format() {
    let mut record = Record::empty(Kind::Observation);
    record.code = Code::parse("loinc|4548-4").unwrap();
    record.status = 1;
    record.prn = true;
    record.value = OFFSET + 70_197;
    record.start = Day(3);
    let [w0, w1] = record.to_words();
    let two = Fr::from(2u64);
    let code = Fr::from(record.code.packed());
    assert_eq!(
        w0,
        Fr::from(3u64) + code * two.pow_u32(8) + two.pow_u32(152) + two.pow_u32(194)
    );
    let dates = Fr::from(3u64) * two.pow_u32(120) + Fr::from(0xffffu64) * two.pow_u32(136);
    assert_eq!(w1, Fr::from(record.value) + dates);
}

#[test]
fn foreign_words_are_refused_by_field() {
    let record = Record::empty(Kind::Condition);
    let [w0, w1] = record.to_words();
    let zero = Fr::from(0u64);
    let two = Fr::from(2u64);
    let read = |w0, w1, actor2| Record::from_words([w0, w1], actor2, zero).unwrap_err();
    assert_eq!(read(w0 + two.pow_u32(195), w1, zero), NotARecord("w0"));
    assert_eq!(read(w0, w1 + two.pow_u32(226), zero), NotARecord("w1"));
    assert_eq!(read(zero, w1, zero), NotARecord("kind"));
    assert_eq!(read(w0 + two.pow_u32(8), w1, zero), NotARecord("code"));
    assert_eq!(read(w0 + two.pow_u32(80), w1, zero), NotARecord("code2"));
    assert_eq!(read(w0 + two.pow_u32(167), w1, zero), NotARecord("verification"));
    assert_eq!(read(w0 + two.pow_u32(175), w1, zero), NotARecord("intent"));
    assert_eq!(read(w0 + two.pow_u32(191), w1, zero), NotARecord("comparator"));
    assert_eq!(read(w0, w1 + two.pow_u32(71), zero), NotARecord("unit"));
    assert_eq!(read(w0, w1 + two.pow_u32(192), zero), NotARecord("actor"));
    assert_eq!(read(w0, w1, Fr::from(1u64)), NotARecord("actor2"));
    assert!(Cents::new(MAX_CENTS + 1).is_none());
}

#[test]
fn debug_output_shows_no_content() {
    let mut record = Record::empty(Kind::Condition);
    record.code = Code::parse("icd10cm|E11.9").unwrap();
    assert_eq!(format!("{record:?}"), "Record(condition)");
}
