//! The holder's side: secret, identities and notes.

use super::JourneyError;
use medproof_records::{
    claim::BenefitNote,
    dispensing::Note,
    identity::{self, Identity, Secret},
};
use medproof_verifier::{Fr, Name, Path, tree::IDENTITY_DEPTH};
use rand::{CryptoRng, RngCore};
use std::collections::BTreeMap;

/// What an enrolment gives the holder. Neither `Clone` nor `Debug`.
pub struct Membership {
    /// Domain of the identity leaf.
    pub domain: Name,
    /// Its index.
    pub index: u32,
    /// The person's salted digest.
    pub person: Fr,
    /// The salt, shown to those who see the card.
    pub salt: Fr,
    /// The authority's secret for the person.
    pub ts: Secret,
}

impl Membership {
    /// The identity leaf of the holder of `sk`.
    pub fn owner(&self, sk: &Secret) -> Fr {
        identity::owner(
            self.domain.to_fr(),
            identity::id(sk.pk(), self.person, self.ts.expose()),
        )
    }

    /// The private input of every statement in this domain.
    pub fn identity(&self, sk: &Secret, path: Path<IDENTITY_DEPTH>) -> Identity {
        Identity {
            sk: sk.duplicate(),
            person: self.person,
            ts: self.ts.duplicate(),
            domain: self.domain.to_fr(),
            path,
        }
    }
}

/// The account of one domain: the live note and, after a dispense, the note that a void would bring to life.
pub struct Account {
    domain: Name,
    note: Note,
    position: u64,
    /// The undo note of the last dispense.
    undo: Option<Note>,
}

impl Account {
    /// An account with its first note, which lies at `position` in the commitment tree.
    pub fn new(domain: Name, note: Note, position: u64) -> Self {
        Self {
            domain,
            note,
            position,
            undo: None,
        }
    }

    /// The domain.
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    /// The note to spend next.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Its position in the commitment tree.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The ledger has accepted a dispense.
    pub fn dispensed(&mut self, next: Note, undo: Note, position: u64) {
        self.note = next;
        self.position = position;
        self.undo = Some(undo);
    }

    /// The pharmacy has voided the last dispense: the note before it is alive again at `position`.
    ///
    /// # Errors
    /// [`JourneyError::Missing`] when there was no dispense.
    pub fn voided(&mut self, position: u64) -> Result<(), JourneyError> {
        self.note = self
            .undo
            .take()
            .ok_or(JourneyError::Missing("dispense to take back"))?;
        self.position = position;
        Ok(())
    }
}

/// A balance and where it lies.
pub struct Benefit {
    /// The note.
    pub note: BenefitNote,
    /// Its position in the commitment tree.
    pub position: u64,
}

/// A holder's wallet. Neither `Clone` nor `Debug`; what is secret in it is wiped on drop.
pub struct Wallet {
    sk: Secret,
    memberships: BTreeMap<Name, Membership>,
    /// The account of dispensing, when there is one.
    pub account: Option<Account>,
    /// The balance, when there is one.
    pub benefit: Option<Benefit>,
}

impl Wallet {
    /// A wallet with a fresh secret.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self::from_secret(Secret::generate(rng))
    }

    /// A wallet around a secret.
    pub fn from_secret(sk: Secret) -> Self {
        Self {
            sk,
            memberships: BTreeMap::new(),
            account: None,
            benefit: None,
        }
    }

    /// The holder's secret.
    pub fn sk(&self) -> &Secret {
        &self.sk
    }

    /// Keeps what an enrolment gave.
    pub fn join(&mut self, membership: Membership) {
        self.memberships.insert(membership.domain.clone(), membership);
    }

    /// The membership in a domain.
    ///
    /// # Errors
    /// [`JourneyError::Missing`].
    pub fn membership(&self, domain: &Name) -> Result<&Membership, JourneyError> {
        self.memberships
            .get(domain)
            .ok_or(JourneyError::Missing("enrolment in this domain"))
    }

    /// The pseudonym at an issuer.
    pub fn subject(&self, issuer: &Name) -> Fr {
        self.sk.subject(issuer.to_fr())
    }
}
