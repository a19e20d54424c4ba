//! The holder's side: secret, identities and notes.

use super::JourneyError;
use medproof_records::{
    claim::BenefitNote,
    dispensing::Note,
    identity::{self, Identity, Secret},
};
use medproof_verifier::{Day, Fr, Name, Path, tree::IDENTITY_DEPTH};
use rand::{CryptoRng, RngCore};
use std::collections::BTreeMap;

/// Most presented statements of one note whose fate is not known.
pub const MAX_CANDIDATES: usize = 32;

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

/// A note that is alive once its statement is on the ledger. It is kept from before the statement is
/// presented until the ledger has shown which one came through.
pub struct Candidate<N> {
    /// What the account or balance becomes by the statement.
    pub note: N,
    /// Date of the statement: the ledger takes it only near that day.
    pub date: Day,
    /// Commitments that the ledger had when the statement was made: the note lies at this position or later.
    pub from: u64,
    /// Nullifier of the fill or event.
    pub event: Fr,
}

/// What a proven statement's candidate has beside its note.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presented {
    pub(super) date: Day,
    pub(super) from: u64,
    pub(super) event: Fr,
}

impl Presented {
    pub(super) fn candidate<N>(self, note: N) -> Candidate<N> {
        let Self { date, from, event } = self;
        Candidate {
            note,
            date,
            from,
            event,
        }
    }
}

fn keep<N>(candidates: &mut Vec<Candidate<N>>, candidate: Candidate<N>) -> Result<(), JourneyError> {
    if candidates.len() >= MAX_CANDIDATES {
        return Err(JourneyError::Unsettled);
    }
    candidates.push(candidate);
    Ok(())
}

/// The account of one domain: the live note and, after a dispense, the note that a void would bring to life.
pub struct Account {
    domain: Name,
    note: Note,
    position: u64,
    /// The undo note of the last dispense.
    undo: Option<Note>,
    candidates: Vec<Candidate<Note>>,
}

impl Account {
    /// An account with its first note, which lies at `position` in the commitment tree.
    pub fn new(domain: Name, note: Note, position: u64) -> Self {
        Self::restore(domain, note, position, None, Vec::new())
    }

    /// An account as it was kept.
    pub fn restore(
        domain: Name,
        note: Note,
        position: u64,
        undo: Option<Note>,
        candidates: Vec<Candidate<Note>>,
    ) -> Self {
        Self {
            domain,
            note,
            position,
            undo,
            candidates,
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

    /// The note that a void of the last dispense brings to life.
    pub fn undo(&self) -> Option<&Note> {
        self.undo.as_ref()
    }

    /// Fills that were presented from the live note, with what the account becomes by each.
    pub fn candidates(&self) -> &[Candidate<Note>] {
        &self.candidates
    }

    /// Keeps what a fill would make of the account; before it is presented.
    ///
    /// # Errors
    /// [`JourneyError::Unsettled`] at the limit.
    pub fn present(&mut self, candidate: Candidate<Note>) -> Result<(), JourneyError> {
        keep(&mut self.candidates, candidate)
    }

    /// The ledger has accepted a dispense, whose note lies at `position`.
    pub fn dispensed(&mut self, next: Note, undo: Note, position: u64) {
        self.note = next;
        self.position = position;
        self.undo = Some(undo);
        self.candidates.clear();
    }

    /// The pharmacy has voided the last dispense: the note before it is alive again at `position`. Candidates stay:
    /// they spend the same nullifier.
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

    /// Takes the candidate at `index` for accepted, with its note at `position`, and returns the nullifier of its
    /// fill. `nk` is the holder's.
    pub fn settled(&mut self, index: usize, position: u64, nk: Fr) -> Option<Fr> {
        if index >= self.candidates.len() {
            return None;
        }
        let candidate = self.candidates.swap_remove(index);
        let undo = self.note.undo(nk);
        self.dispensed(candidate.note, undo, position);
        Some(candidate.event)
    }

    /// Forgets candidates dated before `day`: the ledger takes them no more.
    pub fn forget_before(&mut self, day: Day) {
        self.candidates.retain(|c| c.date >= day);
    }
}

/// A balance and where it lies.
pub struct Benefit {
    /// The payer's domain.
    pub domain: Name,
    /// The note.
    pub note: BenefitNote,
    /// Its position in the commitment tree.
    pub position: u64,
    candidates: Vec<Candidate<BenefitNote>>,
}

impl Benefit {
    /// A balance whose note lies at `position` in the commitment tree.
    pub fn new(domain: Name, note: BenefitNote, position: u64) -> Self {
        Self::restore(domain, note, position, Vec::new())
    }

    /// A balance as it was kept.
    pub fn restore(
        domain: Name,
        note: BenefitNote,
        position: u64,
        candidates: Vec<Candidate<BenefitNote>>,
    ) -> Self {
        Self {
            domain,
            note,
            position,
            candidates,
        }
    }

    /// Claims that were presented on the live note.
    pub fn candidates(&self) -> &[Candidate<BenefitNote>] {
        &self.candidates
    }

    /// Keeps what a claim would leave of the balance; before it is presented.
    ///
    /// # Errors
    /// [`JourneyError::Unsettled`] at the limit.
    pub fn present(&mut self, candidate: Candidate<BenefitNote>) -> Result<(), JourneyError> {
        keep(&mut self.candidates, candidate)
    }

    /// The ledger has accepted a claim, whose note lies at `position`.
    pub fn claimed(&mut self, next: BenefitNote, position: u64) {
        self.note = next;
        self.position = position;
        self.candidates.clear();
    }

    /// Takes the candidate at `index` for accepted, with its note at `position`.
    pub fn settled(&mut self, index: usize, position: u64) {
        if index < self.candidates.len() {
            let next = self.candidates.swap_remove(index).note;
            self.claimed(next, position);
        }
    }

    /// Forgets candidates dated before `day`: the ledger takes them no more.
    pub fn forget_before(&mut self, day: Day) {
        self.candidates.retain(|c| c.date >= day);
    }
}

/// A holder's wallet. Neither `Clone` nor `Debug`; what is secret in it is wiped on drop.
pub struct Wallet {
    sk: Secret,
    memberships: BTreeMap<Name, Membership>,
    accounts: BTreeMap<Name, Account>,
    /// The balances, one a plan year.
    pub benefits: Vec<Benefit>,
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
            accounts: BTreeMap::new(),
            benefits: Vec::new(),
        }
    }

    /// The holder's secret.
    pub fn sk(&self) -> &Secret {
        &self.sk
    }

    /// Keeps what an enrolment gave. One identity a domain: an earlier one and its account are dead.
    pub fn join(&mut self, membership: Membership) {
        self.accounts.remove(&membership.domain);
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

    /// All memberships, by domain.
    pub fn memberships(&self) -> impl Iterator<Item = &Membership> {
        self.memberships.values()
    }

    /// Keeps the account of a domain.
    pub fn keep_account(&mut self, account: Account) {
        self.accounts.insert(account.domain.clone(), account);
    }

    /// The account of a domain.
    ///
    /// # Errors
    /// [`JourneyError::Missing`].
    pub fn account(&self, domain: &Name) -> Result<&Account, JourneyError> {
        self.accounts
            .get(domain)
            .ok_or(JourneyError::Missing("account in this domain"))
    }

    /// The account of a domain, to go on with.
    ///
    /// # Errors
    /// [`JourneyError::Missing`].
    pub fn account_mut(&mut self, domain: &Name) -> Result<&mut Account, JourneyError> {
        self.accounts
            .get_mut(domain)
            .ok_or(JourneyError::Missing("account in this domain"))
    }

    /// All accounts, by domain.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// All accounts, to go on with.
    pub fn accounts_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.accounts.values_mut()
    }

    /// Keeps a balance in place of the one of the same plan year.
    pub fn keep_benefit(&mut self, benefit: Benefit) {
        let same = |b: &Benefit| b.domain == benefit.domain && b.note.plan == benefit.note.plan;
        self.benefits.retain(|b| !same(b));
        self.benefits.push(benefit);
    }

    /// The balance of a member's plan year.
    ///
    /// # Errors
    /// [`JourneyError::Missing`].
    pub fn benefit(&self, domain: &Name, plan: Fr) -> Result<&Benefit, JourneyError> {
        let mut all = self.benefits.iter();
        all.find(|b| b.domain == *domain && b.note.plan == plan)
            .ok_or(JourneyError::Missing("balance of this plan year"))
    }

    /// The balance of a member's plan year, to go on with.
    ///
    /// # Errors
    /// [`JourneyError::Missing`].
    pub fn benefit_mut(&mut self, domain: &Name, plan: Fr) -> Result<&mut Benefit, JourneyError> {
        let mut all = self.benefits.iter_mut();
        all.find(|b| b.domain == *domain && b.note.plan == plan)
            .ok_or(JourneyError::Missing("balance of this plan year"))
    }

    /// The pseudonym at an issuer.
    pub fn subject(&self, issuer: &Name) -> Fr {
        self.sk.subject(issuer.to_fr())
    }
}
