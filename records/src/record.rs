//! Records: what one FHIR resource, or one component of an observation, becomes (`docs/format.md`, section 6).

use crate::code::Code;
use crate::decimal::{MAX_CENTS, OFFSET};
use crate::npi::Npi;
use crate::unit::Unit;
use ark_bn254::Fr;
use medproof_verifier::field::{pack, unpack};
use medproof_verifier::{Day, Name, Tag, tagged};
use std::fmt;
use zeroize::Zeroize;

/// Widths of the first word, lowest field first.
pub const W0_WIDTHS: [u32; 11] = [8, 72, 72, 8, 8, 8, 8, 8, 1, 1, 1];
/// Widths of the second word, lowest field first.
pub const W1_WIDTHS: [u32; 8] = [64, 8, 32, 16, 16, 16, 40, 34];

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number in a record.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// The value with this number.
            pub fn from_id(id: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.id() == id)
            }

            /// The name in policies and messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

numbered! {
    /// What a record stands for.
    Kind {
        /// The patient.
        Demographics = 1, "demographics";
        /// A diagnosis or problem.
        Condition = 2, "condition";
        /// A measurement or finding.
        Observation = 3, "observation";
        /// A medication handed out.
        Dispense = 4, "dispense";
        /// A medication ordered or reported.
        Order = 5, "order";
        /// A procedure done.
        Procedure = 6, "procedure";
        /// A vaccination.
        Immunisation = 7, "immunisation";
        /// A line of a claim.
        ClaimLine = 8, "claim line";
        /// An insurance coverage.
        Coverage = 9, "coverage";
        /// A prior authorisation.
        PriorAuthorisation = 10, "prior authorisation";
        /// An allergy or intolerance.
        Allergy = 11, "allergy";
    }
}

numbered! {
    /// Groups of kinds; a snapshot and a policy name them as a mask, bit = number.
    Category {
        /// The patient.
        Demographics = 0, "demographics";
        /// Conditions.
        Condition = 1, "condition";
        /// Laboratory observations.
        Laboratory = 2, "laboratory";
        /// Dispenses and orders.
        Medication = 3, "medication";
        /// Procedures.
        Procedure = 4, "procedure";
        /// Vaccinations.
        Immunisation = 5, "immunisation";
        /// Allergies.
        Allergy = 6, "allergy";
        /// Claim lines, coverage and prior authorisations.
        Claim = 7, "claim";
    }
}

impl Category {
    /// The category's bit in a mask.
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Kind {
    /// The category of a kind. Observations that are not laboratory values enter no snapshot of this version.
    pub const fn category(self) -> Category {
        match self {
            Self::Demographics => Category::Demographics,
            Self::Condition => Category::Condition,
            Self::Observation => Category::Laboratory,
            Self::Dispense | Self::Order => Category::Medication,
            Self::Procedure => Category::Procedure,
            Self::Immunisation => Category::Immunisation,
            Self::Allergy => Category::Allergy,
            Self::ClaimLine | Self::Coverage | Self::PriorAuthorisation => Category::Claim,
        }
    }
}

numbered! {
    /// Clinical status of a condition or allergy.
    ClinicalStatus {
        /// Not stated.
        None = 0, "none";
        /// Active.
        Active = 1, "active";
        /// Recurrence.
        Recurrence = 2, "recurrence";
        /// Relapse.
        Relapse = 3, "relapse";
        /// Inactive.
        Inactive = 4, "inactive";
        /// In remission.
        Remission = 5, "remission";
        /// Resolved.
        Resolved = 6, "resolved";
        /// Unknown, or a code that FHIR does not have.
        Unknown = 7, "unknown";
    }
}

numbered! {
    /// Status of every other kind but demographics.
    Status {
        /// Not stated.
        None = 0, "none";
        /// Active, completed, final, amended or corrected.
        Done = 1, "done";
        /// Entered in error: never matches.
        EnteredInError = 2, "entered-in-error";
        /// Not done, cancelled, declined, not taken.
        NotDone = 3, "not-done";
        /// Anything else, such as preliminary, on-hold, stopped.
        Other = 7, "other";
    }
}

numbered! {
    /// Vital status of a demographics record.
    VitalStatus {
        /// Alive as far as the issuer knows.
        Alive = 1, "alive";
        /// Deceased.
        Deceased = 2, "deceased";
    }
}

numbered! {
    /// Verification status of a condition or allergy.
    Verification {
        /// Not stated.
        None = 0, "none";
        /// Unconfirmed.
        Unconfirmed = 1, "unconfirmed";
        /// Provisional.
        Provisional = 2, "provisional";
        /// Differential.
        Differential = 3, "differential";
        /// Confirmed.
        Confirmed = 4, "confirmed";
        /// Refuted: never matches.
        Refuted = 5, "refuted";
        /// Entered in error: never matches.
        EnteredInError = 6, "entered-in-error";
    }
}

numbered! {
    /// Intent of an order.
    Intent {
        /// Not an order.
        None = 0, "none";
        /// Order.
        Order = 1, "order";
        /// Plan.
        Plan = 2, "plan";
        /// Proposal.
        Proposal = 3, "proposal";
        /// Original order.
        OriginalOrder = 4, "original-order";
        /// Reflex order.
        ReflexOrder = 5, "reflex-order";
        /// Filler order.
        FillerOrder = 6, "filler-order";
        /// Instance order.
        InstanceOrder = 7, "instance-order";
        /// Option.
        Option = 8, "option";
        /// A code that FHIR does not have.
        Other = 9, "other";
    }
}

numbered! {
    /// How a value relates to what was measured. With a comparator the value is only a bound.
    Comparator {
        /// The value itself.
        None = 0, "=";
        /// Below the value.
        Less = 1, "<";
        /// At most the value.
        LessOrEqual = 2, "<=";
        /// At least the value.
        GreaterOrEqual = 3, ">=";
        /// Above the value.
        Greater = 4, ">";
        /// Sufficient to reach the value, or a code that FHIR does not have.
        Other = 5, "ad";
    }
}

numbered! {
    /// Administrative sex, as the quantity of a demographics record.
    Sex {
        /// Male.
        Male = 1, "male";
        /// Female.
        Female = 2, "female";
        /// Other.
        Other = 3, "other";
        /// Not known or not stated.
        Unknown = 4, "unknown";
    }
}

/// Cents below 2^40.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Cents(u64);

impl Cents {
    /// The amount, or `None` from 2^40 on.
    pub fn new(cents: u64) -> Option<Self> {
        (cents <= MAX_CENTS).then_some(Self(cents))
    }

    /// The number of cents.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Words that pack no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the words of a record: the field `{0}` is out of range")]
pub struct NotARecord(&'static str);

/// One record. Its content is clinical: it has no `Debug` output and is overwritten on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What it stands for.
    pub kind: Kind,
    /// The code; [`Code::ABSENT`] when the resource names none that is packed.
    pub code: Code,
    /// A second code of the same meaning, or none.
    pub code2: Code,
    /// [`ClinicalStatus`], [`VitalStatus`] or [`Status`], by kind.
    pub status: u8,
    /// Verification.
    pub verification: Verification,
    /// Intent.
    pub intent: Intent,
    /// Refill number of a dispense, or refills allowed by an order.
    pub refill: u8,
    /// Comparator of the value.
    pub comparator: Comparator,
    /// The record says that something is not so: not done, not taken, do not perform.
    pub negated: bool,
    /// Reported by somebody else than the source of the data.
    pub reported: bool,
    /// To be taken as needed.
    pub prn: bool,
    /// Offset fixed point in 10^-4, or 0 (see [`crate::decimal::Decimal::to_value`]).
    pub value: u64,
    /// Unit of the value.
    pub unit: Unit,
    /// Quantity in milli-units, 0 = absent; sex for demographics.
    pub quantity: u32,
    /// Days' supply, 0 = absent.
    pub days: u16,
    /// First day.
    pub start: Day,
    /// Last day, or open.
    pub end: Day,
    /// Amount of money.
    pub amount: Cents,
    /// Who acted.
    pub actor: Option<Npi>,
    /// Name of a facility or payer, or 0.
    pub actor2: Fr,
    /// 248 bits of SHA-256 of the canonical resource.
    pub source: Fr,
}

impl Record {
    /// A record of a kind with nothing in it, open from day 0.
    pub fn empty(kind: Kind) -> Self {
        Self {
            kind,
            code: Code::NONE,
            code2: Code::NONE,
            status: 0,
            verification: Verification::None,
            intent: Intent::None,
            refill: 0,
            comparator: Comparator::None,
            negated: false,
            reported: false,
            prn: false,
            value: 0,
            unit: Unit::NONE,
            quantity: 0,
            days: 0,
            start: Day(0),
            end: Day::OPEN,
            amount: Cents::default(),
            actor: None,
            actor2: Fr::from(0u64),
            source: Fr::from(0u64),
        }
    }

    /// The two packed words.
    pub fn to_words(&self) -> [Fr; 2] {
        let w0: [u128; 11] = [
            self.kind.id().into(),
            self.code.packed(),
            self.code2.packed(),
            self.status.into(),
            self.verification.id().into(),
            self.intent.id().into(),
            self.refill.into(),
            self.comparator.id().into(),
            self.negated.into(),
            self.reported.into(),
            self.prn.into(),
        ];
        let w1: [u128; 8] = [
            self.value.into(),
            self.unit.id().into(),
            self.quantity.into(),
            self.days.into(),
            self.start.0.into(),
            self.end.0.into(),
            self.amount.0.into(),
            self.actor.map_or(0, Npi::number).into(),
        ];
        let word = |values: &[u128], widths: &[u32]| {
            let fields: Vec<(u128, u32)> = values.iter().copied().zip(widths.iter().copied()).collect();
            pack(&fields).expect("every field's type keeps it inside its width")
        };
        [word(&w0, &W0_WIDTHS), word(&w1, &W1_WIDTHS)]
    }

    /// Reads a record back from its words.
    ///
    /// # Errors
    /// [`NotARecord`], naming the first field that is out of range.
    pub fn from_words([w0, w1]: [Fr; 2], actor2: Fr, source: Fr) -> Result<Self, NotARecord> {
        let low = unpack(&w0, &W0_WIDTHS).ok_or(NotARecord("w0"))?;
        let high = unpack(&w1, &W1_WIDTHS).ok_or(NotARecord("w1"))?;
        // `unpack` keeps each field inside its width, so 8-bit fields fit u8 and so on.
        let byte = |i: usize| low[i] as u8;
        let code = |i: usize, name| Code::from_packed(low[i]).map_err(|_| NotARecord(name));
        let actor = match high[7] as u64 {
            0 => None,
            number => Some(Npi::from_number(number).map_err(|_| NotARecord("actor"))?),
        };
        if actor2 != Fr::from(0u64) && Name::from_fr(&actor2).is_err() {
            return Err(NotARecord("actor2"));
        }
        Ok(Self {
            kind: Kind::from_id(byte(0)).ok_or(NotARecord("kind"))?,
            code: code(1, "code")?,
            code2: code(2, "code2")?,
            status: byte(3),
            verification: Verification::from_id(byte(4)).ok_or(NotARecord("verification"))?,
            intent: Intent::from_id(byte(5)).ok_or(NotARecord("intent"))?,
            refill: byte(6),
            comparator: Comparator::from_id(byte(7)).ok_or(NotARecord("comparator"))?,
            negated: low[8] == 1,
            reported: low[9] == 1,
            prn: low[10] == 1,
            value: high[0] as u64,
            unit: Unit::from_id(high[1] as u8).ok_or(NotARecord("unit"))?,
            quantity: high[2] as u32,
            days: high[3] as u16,
            start: Day(high[4] as u16),
            end: Day(high[5] as u16),
            amount: Cents(high[6] as u64),
            actor,
            actor2,
            source,
        })
    }

    /// The leaf `H(REC; subject, w0, w1, actor2, source, salt)`. The salt is random and never used twice.
    pub fn leaf(&self, subject: Fr, salt: Fr) -> Fr {
        let [w0, w1] = self.to_words();
        tagged(Tag::Rec, [subject, w0, w1, self.actor2, self.source, salt])
    }

    /// Whether the record never matches anything: entered in error, or a refuted condition.
    pub fn is_void(&self) -> bool {
        let by_verification = matches!(
            self.verification,
            Verification::Refuted | Verification::EnteredInError
        );
        let clinical = matches!(self.kind, Kind::Condition | Kind::Allergy | Kind::Demographics);
        by_verification || (!clinical && self.status == Status::EnteredInError.id())
    }

    /// The birth date of a demographics record as yyyymmdd, or `None` when it is not known.
    pub fn birth_yyyymmdd(&self) -> Option<u32> {
        let number = self.value.checked_sub(OFFSET)?;
        (self.kind == Kind::Demographics).then(|| u32::try_from(number).ok())?
    }
}

impl Zeroize for Record {
    fn zeroize(&mut self) {
        *self = Self::empty(Kind::Demographics);
        // Keeps the store above from being dropped as dead.
        std::hint::black_box(&self.value);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.value.zeroize();
        self.quantity.zeroize();
        self.code = Code::NONE;
        self.code2 = Code::NONE;
        self.source = Fr::from(0u64);
        std::hint::black_box(&self.code);
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({})", self.kind)
    }
}

#[cfg(test)]
mod tests {
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
            let (
                kind,
                code,
                code2,
                (status, refill, negated, reported, prn),
                verification,
                intent,
                comparator,
            ) = small;
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
}
