//! Enrolment: an authority or payer checks a person and opens identity, account or benefit.

use super::{
    JourneyError,
    party::Party,
    wallet::{Account, Membership},
};
use medproof_proto::ledger_client::{Appended, Ledger};
use medproof_records::{
    claim::{Balances, BenefitNote},
    dispensing::{Note, Ring},
    identity::{self, Secret},
};
use medproof_verifier::{Fr, Name, entry::Opening, field::fr_from_248};
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What an identity card says: the same for everyone who looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Full name.
    pub name: String,
    /// Date of birth, `YYYY-MM-DD`.
    pub birth_date: String,
    /// Number of the document.
    pub document: String,
}

impl Card {
    /// The identity digest: 248 bits of
    /// `SHA-256("medproof/person/1" || name || birth date || document)`, each with its length (u32) before it.
    pub fn digest(&self) -> Fr {
        let mut hash = Sha256::new();
        hash.update(b"medproof/person/1");
        for part in [&self.name, &self.birth_date, &self.document] {
            // Text of a card is far below 4 GiB.
            hash.update((part.len() as u32).to_be_bytes());
            hash.update(part.as_bytes());
        }
        fr_from_248(&hash.finalize().into())
    }
}

/// An enrolment desk: the authority's or payer's registers, as far as the journeys need them.
pub struct Desk<'a> {
    /// Who enrols.
    pub party: &'a Party,
    /// In which domain.
    pub domain: Name,
    /// First index that is not in use.
    next_index: u32,
    /// Everyone with a live identity here: identity digest and owner key.
    enrolled: BTreeMap<Fr, Fr>,
}

impl<'a> Desk<'a> {
    /// A desk for an empty stretch of the identity tree that begins at `first_index`.
    pub fn new(party: &'a Party, domain: Name, first_index: u32) -> Self {
        Self {
            party,
            domain,
            next_index: first_index,
            enrolled: BTreeMap::new(),
        }
    }

    /// One live identity and one key a person: a second account would split the history, and two people on
    /// one key would share it.
    fn enter(
        &mut self,
        card: &Card,
        pk: Fr,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Membership, Fr), JourneyError> {
        let digest = card.digest();
        if self.enrolled.contains_key(&digest) {
            return Err(JourneyError::Enrolled("this person has an identity here"));
        }
        if self.enrolled.values().any(|known| *known == pk) {
            return Err(JourneyError::Enrolled("this key belongs to another person here"));
        }
        let salt = Secret::generate(rng).expose();
        let ts = Secret::generate(rng);
        let person = identity::person(digest, salt);
        let id = identity::id(pk, person, ts.expose());
        let membership = Membership {
            domain: self.domain.clone(),
            index: self.next_index,
            person,
            salt,
            ts,
        };
        self.next_index += 1;
        self.enrolled.insert(digest, pk);
        Ok((membership, id))
    }

    /// Opens identity and account of a person whose card was checked, seeded with the history that a PDMP or
    /// PBM reports. `pk` is the holder's owner key.
    ///
    /// # Errors
    /// [`JourneyError::Enrolled`] or [`JourneyError::Ledger`].
    pub async fn open_account(
        &mut self,
        ledger: &mut Ledger,
        card: &Card,
        pk: Fr,
        history: Ring,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Membership, Account, Appended), JourneyError> {
        let (membership, id) = self.enter(card, pk, rng)?;
        let note = Note {
            owner: identity::owner(self.domain.to_fr(), id),
            ring: history,
            seq: 0,
            rho: Secret::generate(rng).expose(),
            rcm: Secret::generate(rng).expose(),
        };
        let what = Opening::Account {
            index: membership.index,
            id,
            note: note.commitment(),
        };
        let appended = self.party.open(ledger, &self.domain, what).await?;
        let position = appended
            .commitment_index
            .ok_or(JourneyError::NotOnLedger("the account note"))?;
        let account = Account::new(self.domain.clone(), note, position);
        Ok((membership, account, appended))
    }

    /// Opens an identity alone: a payer's member.
    ///
    /// # Errors
    /// [`JourneyError::Enrolled`] or [`JourneyError::Ledger`].
    pub async fn open_member(
        &mut self,
        ledger: &mut Ledger,
        card: &Card,
        pk: Fr,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Membership, Appended), JourneyError> {
        let (membership, id) = self.enter(card, pk, rng)?;
        let what = Opening::Member {
            index: membership.index,
            id,
        };
        let appended = self.party.open(ledger, &self.domain, what).await?;
        Ok((membership, appended))
    }

    /// Opens a member's balance of one plan year.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn open_benefit(
        &mut self,
        ledger: &mut Ledger,
        owner: Fr,
        plan: Fr,
        balances: Balances,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(BenefitNote, u64, Appended), JourneyError> {
        let note = BenefitNote {
            owner,
            plan,
            balances,
            rho: Secret::generate(rng).expose(),
            rcm: Secret::generate(rng).expose(),
        };
        let what = Opening::Benefit {
            note: note.commitment(),
        };
        let appended = self.party.open(ledger, &self.domain, what).await?;
        let position = appended
            .commitment_index
            .ok_or(JourneyError::NotOnLedger("the benefit note"))?;
        Ok((note, position, appended))
    }
}
