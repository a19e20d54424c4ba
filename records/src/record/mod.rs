//! Records: what one FHIR resource, or one component of an observation, becomes (`docs/format.md`, section 6).

#[cfg(test)]
mod tests;
mod values;

pub use values::*;

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

    /// Whether the record never matches anything: it says that something is not so, was entered in error, or is a
    /// refuted condition.
    pub fn is_void(&self) -> bool {
        let by_verification = matches!(
            self.verification,
            Verification::Refuted | Verification::EnteredInError
        );
        let clinical = matches!(self.kind, Kind::Condition | Kind::Allergy | Kind::Demographics);
        self.negated || by_verification || (!clinical && self.status == Status::EnteredInError.id())
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
