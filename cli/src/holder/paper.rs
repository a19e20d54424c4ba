//! What issuers, authorities and relying parties hand to a holder (`docs/format.md`, section 23).

use super::codec::{FormatError, Reader, Writer};
use crate::journey::{attested::Attested, desk::Challenge, trial::SignedSnapshot, wallet::Membership};
use medproof_records::{
    claim::{BenefitNote, Coverage, PlanWord, PriorAuthorisation, RenderedService},
    dispensing::{Note, Prescription},
    identity::Secret,
};
use medproof_verifier::{Fr, Name, eddsa};
use zeroize::Zeroizing;

/// First bytes of a paper.
const MAGIC: &[u8; 8] = b"mppp\0\0\0\x01";
/// Largest paper.
pub const MAX_PAPER: usize = 256 * 1024;

/// What an authority or payer gives a person whom it has enrolled.
pub struct Enrolment {
    /// The ledger that shows it.
    pub ledger_id: [u8; 32],
    /// The identity.
    pub membership: Membership,
    /// The first note of the account; none for a payer's member.
    pub account: Option<Note>,
    /// Commitments that the ledger had before: the note lies at this position or later.
    pub from: u64,
}

/// A balance that a payer has opened for a member.
pub struct OpenedBenefit {
    /// The ledger that shows it.
    pub ledger_id: [u8; 32],
    /// The payer's domain.
    pub domain: Name,
    /// The member's plan year.
    pub plan: PlanWord,
    /// The note.
    pub note: BenefitNote,
    /// Commitments that the ledger had before.
    pub from: u64,
}

/// The content of a paper.
pub enum Content {
    /// An identity, with or without an account.
    Enrolment(Box<Enrolment>),
    /// A balance.
    Benefit(OpenedBenefit),
    /// A record issuer's snapshot.
    Snapshot(SignedSnapshot),
    /// A prescription.
    Prescription(Attested<Prescription>),
    /// A payer's word on the coverage.
    Coverage(Attested<Coverage>),
    /// A payer's consent to a service.
    Authorisation(Attested<PriorAuthorisation>),
    /// A provider's word on a service.
    Service(Attested<RenderedService>),
    /// A relying party's question.
    Challenge(Challenge),
}

/// Something for one holder, and who gives it.
pub struct Paper {
    /// The party that gives it.
    pub from: Name,
    /// What it is.
    pub content: Content,
}

impl Content {
    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Enrolment(_) => "enrolment",
            Self::Benefit(_) => "balance",
            Self::Snapshot(_) => "snapshot",
            Self::Prescription(_) => "prescription",
            Self::Coverage(_) => "coverage",
            Self::Authorisation(_) => "authorisation",
            Self::Service(_) => "service",
            Self::Challenge(_) => "challenge",
        }
    }

    fn number(&self) -> u8 {
        match self {
            Self::Enrolment(_) => 1,
            Self::Benefit(_) => 2,
            Self::Snapshot(_) => 3,
            Self::Prescription(_) => 4,
            Self::Coverage(_) => 5,
            Self::Authorisation(_) => 6,
            Self::Service(_) => 7,
            Self::Challenge(_) => 8,
        }
    }

    /// The pseudonym that a signed record names.
    pub fn subject(&self) -> Option<Fr> {
        match self {
            Self::Enrolment(_) | Self::Benefit(_) | Self::Challenge(_) => None,
            Self::Snapshot(s) => Some(s.content.header.subject),
            Self::Prescription(p) => Some(p.content.subject),
            Self::Coverage(c) => Some(c.content.subject),
            Self::Authorisation(a) => Some(a.content.subject),
            Self::Service(s) => Some(s.content.subject),
        }
    }

    /// Who has signed; it must be the party that gives the paper.
    fn signer(&self) -> Option<&Name> {
        match self {
            Self::Enrolment(_) | Self::Benefit(_) => None,
            Self::Snapshot(s) => Some(&s.issuer),
            Self::Prescription(p) => Some(&p.signer),
            Self::Coverage(c) => Some(&c.signer),
            Self::Authorisation(a) => Some(&a.signer),
            Self::Service(s) => Some(&s.signer),
            Self::Challenge(c) => Some(&c.relying_party),
        }
    }

    /// Whether the signature holds, and the records are those that it covers.
    fn check(&self) -> Result<(), FormatError> {
        let (key, message, signature) = match self {
            Self::Enrolment(_) | Self::Benefit(_) | Self::Challenge(_) => return Ok(()),
            Self::Snapshot(s) => {
                let header = &s.content.header;
                if usize::from(header.count) != s.content.records.len() {
                    return Err(FormatError::new("count", "is not the number of records"));
                }
                if s.content.computed_root() != header.root {
                    return Err(FormatError::new("root", "is not that of the records"));
                }
                (&s.key, header.message(), &s.content.signature)
            }
            Self::Prescription(p) => (&p.key, p.content.message(), &p.signature),
            Self::Coverage(c) => (&c.key, c.content.hash(), &c.signature),
            Self::Authorisation(a) => (&a.key, a.content.hash(), &a.signature),
            Self::Service(s) => (&s.key, s.content.hash(), &s.signature),
        };
        eddsa::verify(key, message, signature).map_err(|e| FormatError::new("signature", e.to_string()))
    }
}

impl Paper {
    /// Its bytes; secret, so they are only ever written encrypted.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut w = Writer::default();
        w.raw(MAGIC);
        w.name(&self.from);
        w.u8(self.content.number());
        match &self.content {
            Content::Enrolment(e) => e.write(&mut w),
            Content::Benefit(b) => b.write(&mut w),
            Content::Snapshot(s) => w.snapshot(s),
            Content::Prescription(p) => w.prescription(p),
            Content::Coverage(c) => w.coverage(c),
            Content::Authorisation(a) => w.authorisation(a),
            Content::Service(s) => w.service(s),
            Content::Challenge(c) => w.challenge(c),
        }
        w.finish()
    }

    /// Reads a paper; its signature must hold under the key that it names. Whether the ledger accepts that
    /// key is asked when the paper is used.
    ///
    /// # Errors
    /// [`FormatError`] naming the first bad field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_PAPER {
            return Err(FormatError::new("length", format!("more than {MAX_PAPER} bytes")));
        }
        let mut r = Reader::new(bytes);
        if r.array::<8>("version")? != *MAGIC {
            return Err(FormatError::new("version", "not a paper of version 1"));
        }
        let from = r.name("from")?;
        let content = match r.u8("kind")? {
            1 => Content::Enrolment(Box::new(Enrolment::read(&mut r)?)),
            2 => Content::Benefit(OpenedBenefit::read(&mut r)?),
            3 => Content::Snapshot(r.snapshot()?),
            4 => Content::Prescription(r.prescription()?),
            5 => Content::Coverage(r.coverage()?),
            6 => Content::Authorisation(r.authorisation()?),
            7 => Content::Service(r.service()?),
            8 => Content::Challenge(r.challenge()?),
            _ => return Err(FormatError::new("kind", "not one of 1 to 8")),
        };
        r.finish()?;
        if content.signer().is_some_and(|signer| *signer != from) {
            return Err(FormatError::new("from", "is not the party that signed"));
        }
        content.check()?;
        Ok(Self { from, content })
    }
}

impl Enrolment {
    fn write(&self, w: &mut Writer) {
        w.raw(&self.ledger_id);
        w.membership(&self.membership);
        w.option(self.account.as_ref(), Writer::note);
        w.u64(self.from);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            ledger_id: r.array("ledger id")?,
            membership: r.membership()?,
            account: r.option("account", Reader::note)?,
            from: r.u64("from position")?,
        })
    }
}

impl OpenedBenefit {
    fn write(&self, w: &mut Writer) {
        w.raw(&self.ledger_id);
        w.name(&self.domain);
        w.fr(&self.plan.to_fr());
        w.benefit(&self.note);
        w.u64(self.from);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            ledger_id: r.array("ledger id")?,
            domain: r.name("domain")?,
            plan: r.plan()?,
            note: r.benefit()?,
            from: r.u64("from position")?,
        })
    }
}

impl Writer {
    /// A membership.
    pub fn membership(&mut self, m: &Membership) {
        self.name(&m.domain);
        self.u32(m.index);
        self.fr(&m.person);
        self.fr(&m.salt);
        self.raw(&*m.ts.to_bytes());
    }
}

impl Reader<'_> {
    /// A membership.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn membership(&mut self) -> Result<Membership, FormatError> {
        Ok(Membership {
            domain: self.name("domain")?,
            index: self.u32("index")?,
            person: self.fr("person")?,
            salt: self.fr("salt")?,
            ts: Secret::new(self.fr("ts")?),
        })
    }

    /// A plan word.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn plan(&mut self) -> Result<PlanWord, FormatError> {
        let word = self.fr("plan")?;
        PlanWord::from_fr(&word).ok_or_else(|| FormatError::new("plan", "not a plan, year and member"))
    }
}
