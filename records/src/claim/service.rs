//! Rendered services and prior authorisations, as the records that providers and payers sign
//! (`docs/format.md`, section 6; which field holds what: `docs/statements/claim.md`).

use crate::code::Code;
use crate::npi::Npi;
use crate::record::{Cents, Kind, Record, Status};
use ark_bn254::Fr;
use medproof_verifier::opening::Event;
use medproof_verifier::{Day, Name};
use zeroize::Zeroize;

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
    /// What the provider charges (the record's amount).
    pub charge: Cents,
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

    /// The event that the service stands for in the duplicate check.
    pub fn event(&self) -> Event {
        Event {
            npi: self.npi_number(),
            service: self.service,
            procedure: self.procedure.packed(),
        }
    }

    /// The record that is signed.
    pub fn record(&self) -> Record {
        Record {
            code: self.procedure,
            code2: self.diagnosis,
            status: Status::Done.id(),
            quantity: u32::from(self.units) * MILLI_UNITS,
            start: self.service,
            end: self.service,
            amount: self.charge,
            actor: self.npi,
            actor2: self.facility.as_ref().map(Name::to_fr).unwrap_or_default(),
            source: self.source,
            ..Record::empty(Kind::ClaimLine)
        }
    }

    /// The signed message `H(REC; ..)`.
    pub fn hash(&self) -> Fr {
        self.record().leaf(self.subject, self.salt)
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
    /// The record that is signed.
    pub fn record(&self) -> Record {
        Record {
            code: self.procedure,
            status: Status::Done.id(),
            quantity: u32::from(self.units) * MILLI_UNITS,
            start: self.start,
            end: self.end,
            actor2: self.payer.to_fr(),
            source: self.source,
            ..Record::empty(Kind::PriorAuthorisation)
        }
    }

    /// The signed message `H(REC; ..)`.
    pub fn hash(&self) -> Fr {
        self.record().leaf(self.subject, self.salt)
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
