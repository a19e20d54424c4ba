//! Rendered services and prior authorisations, as the records that providers and payers sign
//! (`docs/format.md`, section 6; which field holds what: `docs/statements/claim.md`).

use crate::code::Code;
use crate::npi::Npi;
use ark_bn254::Fr;
use medproof_verifier::{Day, Name, Tag, field::pack, tagged};
use zeroize::Zeroize;

/// Record kind of a claim line.
pub const CLAIM_LINE: u8 = 8;
/// Record kind of a prior authorisation.
pub const PRIOR_AUTHORISATION: u8 = 10;
/// Record status of a completed service and of an approved authorisation.
pub const COMPLETED: u8 = 1;
/// Milli-units in one unit of a service; records count in milli-units, claims in whole units.
pub const MILLI_UNITS: u32 = 1000;

/// A service as its provider signs it: one procedure for one diagnosis on one day, in whole units.
pub struct RenderedService {
    /// The patient's pseudonym at the provider, `H(SUBJECT; sk, provider party)`.
    pub subject: Fr,
    /// What was done (the record's code).
    pub procedure: Code,
    /// What for (the record's second code).
    pub diagnosis: Code,
    /// Whole units; the record's quantity is a thousand times that. 0 = not stated, which nothing accepts.
    pub units: u16,
    /// What the provider charges, in cents, below 2^40 (the record's amount).
    pub charge: u64,
    /// Day of the service (the record's start and end).
    pub service: Day,
    /// The provider (the record's actor); `None` when the resource names no valid NPI.
    pub npi: Option<Npi>,
    /// The facility, if one is named (the record's second actor).
    pub facility: Option<Name>,
    /// 248 bits of SHA-256 of the resource.
    pub source: Fr,
    /// Random.
    pub salt: Fr,
}

impl RenderedService {
    /// The NPI as a number; 0 when there is none.
    pub fn npi_number(&self) -> u64 {
        self.npi.map_or(0, Npi::number)
    }

    /// The signed message `H(REC; ..)`, or `None` when the charge is not below 2^40.
    pub fn hash(&self) -> Option<Fr> {
        let w0 = first_word(CLAIM_LINE, self.procedure, self.diagnosis)?;
        let period = (self.service, self.service);
        let w1 = second_word(self.units, period, self.charge, self.npi_number())?;
        let actor2 = self.facility.as_ref().map(Name::to_fr).unwrap_or_default();
        Some(tagged(
            Tag::Rec,
            [self.subject, w0, w1, actor2, self.source, self.salt],
        ))
    }
}

impl Drop for RenderedService {
    fn drop(&mut self) {
        self.subject.zeroize();
        self.salt.zeroize();
    }
}

/// A prior authorisation as the payer signs it.
pub struct PriorAuthorisation {
    /// The patient's pseudonym at the payer, `H(SUBJECT; sk, payer party)`.
    pub subject: Fr,
    /// What may be done (the record's code).
    pub procedure: Code,
    /// How much of it in one claim, in whole units; the record's quantity is a thousand times that.
    pub units: u16,
    /// First day on which it may be done.
    pub start: Day,
    /// Last day; [`Day::OPEN`] when open.
    pub end: Day,
    /// The payer (the record's second actor).
    pub payer: Name,
    /// 248 bits of SHA-256 of the resource.
    pub source: Fr,
    /// Random.
    pub salt: Fr,
}

impl PriorAuthorisation {
    /// The signed message `H(REC; ..)`.
    pub fn hash(&self) -> Fr {
        // Nothing is out of range: the amount and the actor are 0.
        let w0 = first_word(PRIOR_AUTHORISATION, self.procedure, Code::NONE).unwrap_or_default();
        let w1 = second_word(self.units, (self.start, self.end), 0, 0).unwrap_or_default();
        tagged(
            Tag::Rec,
            [self.subject, w0, w1, self.payer.to_fr(), self.source, self.salt],
        )
    }

    /// Whether the authorisation holds on `day`.
    pub fn covers(&self, day: Day) -> bool {
        self.start <= day && day <= self.end
    }
}

impl Drop for PriorAuthorisation {
    fn drop(&mut self) {
        self.subject.zeroize();
        self.salt.zeroize();
    }
}

/// `pack(kind:8, code:72, code2:72, status:8)`; verification, intent and every flag are 0.
fn first_word(kind: u8, code: Code, code2: Code) -> Option<Fr> {
    pack(&[
        (kind.into(), 8),
        (code.packed(), 72),
        (code2.packed(), 72),
        (COMPLETED.into(), 8),
    ])
}

/// `pack(value:64, unit:8, quantity:32, days:16, start:16, end:16, amount:40, actor:34)` without a
/// value, a unit and days.
fn second_word(units: u16, (start, end): (Day, Day), cents: u64, actor: u64) -> Option<Fr> {
    pack(&[
        (0, 64 + 8),
        (u128::from(units) * u128::from(MILLI_UNITS), 32),
        (0, 16),
        (start.0.into(), 16),
        (end.0.into(), 16),
        (cents.into(), 40),
        (actor.into(), 34),
    ])
}
