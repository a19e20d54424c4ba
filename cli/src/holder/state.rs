//! What a wallet file holds: the journeys' wallet, and the papers to prove with.

use super::{
    address,
    codec::{FormatError, Reader, Writer},
    paper::{Content, MAX_PAPER, Paper},
};
use crate::journey::{
    attested::Attested,
    trial::SignedSnapshot,
    wallet::{Account, Benefit, Candidate, MAX_CANDIDATES, Wallet},
};
use medproof_records::{
    claim::{Coverage, PriorAuthorisation, RenderedService},
    dispensing::Prescription,
    identity::Secret,
};
use medproof_verifier::{Fr, Name};
use rand::{CryptoRng, RngCore};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// First bytes of the plain content.
const MAGIC: &[u8; 8] = b"mpwk\0\0\0\x02";
/// Most of anything that a wallet keeps.
pub const MAX_KEPT: usize = 256;

/// A prescription and the fills that were accepted.
pub struct KeptPrescription {
    /// As the prescriber signed it.
    pub signed: Attested<Prescription>,
    /// Numbers of the fills that the ledger has.
    pub filled: BTreeSet<u8>,
}

/// A wallet as it is kept. Neither `Clone` nor `Debug`.
pub struct State {
    /// The only ledger that this wallet follows, once it has met one.
    pub ledger_id: Option<[u8; 32]>,
    /// Secret, identities and notes.
    pub wallet: Wallet,
    /// Parties that were told an address.
    pub parties: BTreeSet<Name>,
    /// Prescriptions.
    pub prescriptions: Vec<KeptPrescription>,
    /// Snapshots; the latest of each issuer.
    pub snapshots: Vec<SignedSnapshot>,
    /// Coverage.
    pub coverages: Vec<Attested<Coverage>>,
    /// Prior authorisations.
    pub authorisations: Vec<Attested<PriorAuthorisation>>,
    /// Rendered services.
    pub services: Vec<Attested<RenderedService>>,
}

/// Why a paper is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// None of the wallet's addresses opens it.
    #[error(
        "cannot be decrypted: it is for another wallet, it was changed, or this wallet was not introduced to \
         its sender (medproof wallet introduce)"
    )]
    NotMine,
    /// The content is not in its form, or its signature does not hold.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// The address was told to somebody else than the sender.
    #[error("from: `{from}` used the address that was told to `{told}`; do not use it")]
    Sender {
        /// Who says that the paper is theirs.
        from: Name,
        /// Who was told the address.
        told: Name,
    },
    /// The record names another pseudonym than the holder's.
    #[error("subject: the {0} is for someone else")]
    Subject(&'static str),
}

impl State {
    /// A wallet with a fresh secret and nothing in it.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self::around(Wallet::generate(rng))
    }

    fn around(wallet: Wallet) -> Self {
        Self {
            ledger_id: None,
            wallet,
            parties: BTreeSet::new(),
            prescriptions: Vec::new(),
            snapshots: Vec::new(),
            coverages: Vec::new(),
            authorisations: Vec::new(),
            services: Vec::new(),
        }
    }

    /// Decrypts and reads a paper for this wallet.
    ///
    /// # Errors
    /// [`PaperError`].
    pub fn open(&self, sealed: &[u8]) -> Result<Paper, PaperError> {
        if sealed.len() > MAX_PAPER + 4096 {
            return Err(FormatError::new("length", format!("more than {MAX_PAPER} bytes")).into());
        }
        for told in &self.parties {
            let Ok(plain) = age::decrypt(&address::identity(self.wallet.sk(), told), sealed) else {
                continue;
            };
            let plain = Zeroizing::new(plain);
            let paper = Paper::from_bytes(&plain)?;
            if paper.from != *told {
                return Err(PaperError::Sender {
                    from: paper.from,
                    told: told.clone(),
                });
            }
            let mine = self.wallet.subject(told);
            return match paper.content.subject() {
                Some(subject) if subject != mine => Err(PaperError::Subject(paper.content.kind())),
                _ => Ok(paper),
            };
        }
        Err(PaperError::NotMine)
    }

    /// Keeps a signed record. The same one again, or an older snapshot, changes nothing.
    pub fn keep(&mut self, content: Content) {
        match content {
            Content::Snapshot(new) => {
                let header = &new.content.header;
                let older = |s: &SignedSnapshot| {
                    s.issuer == new.issuer
                        && s.content.header.scope == header.scope
                        && (s.content.header.as_of, s.content.header.seq) < (header.as_of, header.seq)
                };
                self.snapshots.retain(|s| !older(s));
                let known = self
                    .snapshots
                    .iter()
                    .any(|s| s.issuer == new.issuer && s.content.header.scope == header.scope);
                if !known {
                    self.snapshots.push(new);
                }
            }
            Content::Prescription(new) => {
                let known = |p: &KeptPrescription| p.signed.content.message() == new.content.message();
                if !self.prescriptions.iter().any(known) {
                    self.prescriptions.push(KeptPrescription {
                        signed: new,
                        filled: BTreeSet::new(),
                    });
                }
            }
            Content::Coverage(new) => keep(&mut self.coverages, new, Coverage::hash),
            Content::Authorisation(new) => keep(&mut self.authorisations, new, PriorAuthorisation::hash),
            Content::Service(new) => keep(&mut self.services, new, RenderedService::hash),
            // These change notes and are kept once the ledger has shown them; a question is answered.
            Content::Enrolment(_) | Content::Benefit(_) | Content::Challenge(_) => {}
        }
    }

    /// Marks fills, named by their nullifiers, as those that the ledger has.
    pub fn mark_filled(&mut self, fills: &[Fr]) {
        for kept in &mut self.prescriptions {
            let rx = &kept.signed.content;
            let accepted = (0..rx.fills).filter(|n| fills.contains(&rx.fill_nullifier(*n)));
            kept.filled.extend(accepted);
        }
    }

    /// Whether nothing is over its limit, so that what is written can be read again.
    pub fn has_room(&self) -> bool {
        let lengths = [
            self.parties.len(),
            self.wallet.memberships().count(),
            self.wallet.benefits.len(),
            self.prescriptions.len(),
            self.snapshots.len(),
            self.coverages.len(),
            self.authorisations.len(),
            self.services.len(),
        ];
        lengths.into_iter().all(|length| length <= MAX_KEPT)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut w = Writer::default();
        w.raw(MAGIC);
        w.option(self.ledger_id, |w, id| w.raw(&id));
        w.raw(&*self.wallet.sk().to_bytes());
        let parties: Vec<&Name> = self.parties.iter().collect();
        w.list(&parties, |w, party| w.name(party));
        let memberships: Vec<_> = self.wallet.memberships().collect();
        w.list(&memberships, |w, m| w.membership(m));
        let accounts: Vec<_> = self.wallet.accounts().collect();
        w.list(&accounts, |w, a| w.account(a));
        w.list(&self.wallet.benefits, Writer::balance);
        w.list(&self.prescriptions, |w, p| {
            w.prescription(&p.signed);
            let filled: Vec<u8> = p.filled.iter().copied().collect();
            w.list(&filled, |w, n| w.u8(*n));
        });
        w.list(&self.snapshots, Writer::snapshot);
        w.list(&self.coverages, Writer::coverage);
        w.list(&self.authorisations, Writer::authorisation);
        w.list(&self.services, Writer::service);
        w.finish()
    }

    /// Reads a wallet's content.
    ///
    /// # Errors
    /// [`FormatError`] naming the first bad field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut r = Reader::new(bytes);
        if r.array::<8>("version")? != *MAGIC {
            let what = match bytes.starts_with(b"mprg") {
                true => "this is a register, not a wallet",
                false => "not a wallet of version 2",
            };
            return Err(FormatError::new("version", what));
        }
        let ledger_id = r.option("ledger id", |r| r.array("ledger id"))?;
        let mut state = Self::around(Wallet::from_secret(Secret::new(r.fr("secret")?)));
        state.ledger_id = ledger_id;
        let parties = r.list("parties", MAX_KEPT, |r| r.name("party"))?;
        if !parties.is_sorted_by(|a, b| a < b) {
            return Err(FormatError::new("parties", "not ascending"));
        }
        state.parties = parties.into_iter().collect();
        let memberships = r.list("identities", MAX_KEPT, Reader::membership)?;
        if !memberships.is_sorted_by(|a, b| a.domain < b.domain) {
            return Err(FormatError::new("identities", "not ascending by domain"));
        }
        let accounts = r.list("accounts", MAX_KEPT, Reader::account)?;
        if !accounts.is_sorted_by(|a, b| a.domain() < b.domain()) {
            return Err(FormatError::new("accounts", "not ascending by domain"));
        }
        memberships.into_iter().for_each(|m| state.wallet.join(m));
        accounts.into_iter().for_each(|a| state.wallet.keep_account(a));
        state.wallet.benefits = r.list("balances", MAX_KEPT, Reader::balance)?;
        state.prescriptions = r.list("prescriptions", MAX_KEPT, |r| {
            let signed = r.prescription()?;
            let filled = r.list("filled", MAX_KEPT, |r| r.u8("filled"))?;
            if !filled.is_sorted_by(|a, b| a < b) {
                return Err(FormatError::new("filled", "not ascending"));
            }
            Ok(KeptPrescription {
                signed,
                filled: filled.into_iter().collect(),
            })
        })?;
        state.snapshots = r.list("snapshots", MAX_KEPT, Reader::snapshot)?;
        state.coverages = r.list("coverages", MAX_KEPT, Reader::coverage)?;
        state.authorisations = r.list("authorisations", MAX_KEPT, Reader::authorisation)?;
        state.services = r.list("services", MAX_KEPT, Reader::service)?;
        r.finish()?;
        Ok(state)
    }
}

fn keep<T>(all: &mut Vec<Attested<T>>, new: Attested<T>, hash: impl Fn(&T) -> Fr) {
    let message = hash(&new.content);
    if !all.iter().any(|known| hash(&known.content) == message) {
        all.push(new);
    }
}

impl Writer {
    fn account(&mut self, a: &Account) {
        self.name(a.domain());
        self.note(a.note());
        self.u64(a.position());
        self.option(a.undo(), Writer::note);
        self.list(a.candidates(), |w, c| {
            w.note(&c.note);
            w.day(c.date);
            w.u64(c.from);
            w.fr(&c.event);
        });
    }

    fn balance(&mut self, b: &Benefit) {
        self.name(&b.domain);
        self.benefit(&b.note);
        self.u64(b.position);
        self.list(b.candidates(), |w, c| {
            w.benefit(&c.note);
            w.day(c.date);
            w.u64(c.from);
            w.fr(&c.event);
        });
    }
}

impl Reader<'_> {
    fn account(&mut self) -> Result<Account, FormatError> {
        let domain = self.name("domain")?;
        let note = self.note()?;
        let position = self.u64("position")?;
        let undo = self.option("undo", Reader::note)?;
        let candidates = self.list("candidates", MAX_CANDIDATES, |r| {
            Ok(Candidate {
                note: r.note()?,
                date: r.day("date")?,
                from: r.u64("from position")?,
                event: r.fr("event")?,
            })
        })?;
        Ok(Account::restore(domain, note, position, undo, candidates))
    }

    fn balance(&mut self) -> Result<Benefit, FormatError> {
        let domain = self.name("domain")?;
        let note = self.benefit()?;
        let position = self.u64("position")?;
        let candidates = self.list("candidates", MAX_CANDIDATES, |r| {
            Ok(Candidate {
                note: r.benefit()?,
                date: r.day("date")?,
                from: r.u64("from position")?,
                event: r.fr("event")?,
            })
        })?;
        Ok(Benefit::restore(domain, note, position, candidates))
    }
}
