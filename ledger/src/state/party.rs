//! Acceptance of OPEN, CLOSE, VOID and BURN entries.

use super::{NoteKind, Spent, State, VOID_SECONDS, note_leaf, read_entry, today};
use crate::{
    refusal::Refusal,
    submission::Submission,
    table::{Base, StoreError, Table},
};
use medproof_verifier::{
    Entry, Fr, Role, Statement, Tag,
    entry::{Burn, Close, NullifierKind, Open, Opening, Void},
    field::{fr_from_be_bytes, fr_to_be_bytes},
    tagged,
};

/// What is known of an identity index: its domain, and when it was closed.
pub(crate) struct Member {
    pub(crate) domain: Fr,
    pub(crate) closed: Option<u64>,
}

impl Member {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = fr_to_be_bytes(&self.domain).to_vec();
        if let Some(time) = self.closed {
            out.extend(time.to_be_bytes());
        }
        out
    }

    fn from_bytes(row: &[u8]) -> Option<Self> {
        let (domain, closed) = row.split_first_chunk::<32>()?;
        let closed = match closed {
            [] => None,
            time => Some(u64::from_be_bytes(time.try_into().ok()?)),
        };
        Some(Self {
            domain: fr_from_be_bytes(domain).ok()?,
            closed,
        })
    }
}

/// A dispense that may still be voided.
pub(crate) struct Dispense {
    time: u64,
    pub(crate) voided: bool,
}

impl<B: Base> State<B> {
    fn member(&self, index: u32) -> Result<Option<Member>, StoreError> {
        let row = self.view.get(Table::Member, &index.to_be_bytes())?;
        let read = |row: Vec<u8>| {
            Member::from_bytes(&row).ok_or_else(|| StoreError::damaged(format!("identity index {index}")))
        };
        row.map(read).transpose()
    }

    pub(crate) fn dispense(&self, index: u64) -> Result<Option<Dispense>, StoreError> {
        let row = self.view.get(Table::Dispense, &index.to_be_bytes())?;
        let read = |row: Vec<u8>| match row.split_first_chunk::<8>() {
            Some((time, [voided @ (0 | 1)])) => Ok(Dispense {
                time: u64::from_be_bytes(*time),
                voided: *voided == 1,
            }),
            _ => Err(StoreError::damaged(format!("dispense {index}"))),
        };
        row.map(read).transpose()
    }

    pub(super) fn put_dispense(&mut self, index: u64, time: u64, voided: bool) {
        let mut row = time.to_be_bytes().to_vec();
        row.push(voided.into());
        self.view.put(Table::Dispense, &index.to_be_bytes(), row);
    }

    /// Gives the position of the note that is opened, if one is.
    pub(super) fn open_identity(
        &mut self,
        open: &Open,
        submission: &Submission,
        time: u64,
    ) -> Result<Option<u64>, Refusal> {
        self.signed(&open.party, submission)?;
        self.check_sequence(&open.party, open.sequence)?;
        // The kind of note follows from the entry's kind and the signer's role, its domain from the
        // signer's scope: a payer cannot mint an account, nor anyone a note of another domain.
        let role = match open.what {
            Opening::Account { .. } => Role::EnrolmentAuthority,
            Opening::Member { .. } | Opening::Benefit { .. } => Role::Payer,
        };
        let domain = open.domain.to_fr();
        self.rules
            .require(&open.party, role, Some(&domain), today(time))?;
        let identity = match open.what {
            Opening::Account { index, id, .. } | Opening::Member { index, id } => Some((index, id)),
            Opening::Benefit { .. } => None,
        };
        if let Some((index, id)) = identity {
            self.check_identity(index, &id, &domain, time)?;
        }
        self.check_room()?;

        self.use_sequence(&open.party, open.sequence);
        if let Some((index, id)) = identity {
            let owner = tagged(Tag::Ident, [domain, id]);
            self.identities.set(index, owner);
            self.view.put(Table::Person, &fr_to_be_bytes(&id), vec![]);
            let member = Member { domain, closed: None };
            self.view
                .put(Table::Member, &index.to_be_bytes(), member.to_bytes());
        }
        Ok(submission.note.map(|leaf| self.place(leaf)))
    }

    /// An identity is never seen twice, in any domain; an index has one live leaf, and a closed one may
    /// be opened again, in its domain, only after the delay in which late reports arrive.
    fn check_identity(&self, index: u32, id: &Fr, domain: &Fr, time: u64) -> Result<(), Refusal> {
        if self.view.get(Table::Person, &fr_to_be_bytes(id))?.is_some() {
            return Err(Refusal::KnownIdentity);
        }
        match self.member(index)? {
            None => Ok(()),
            Some(member) if member.domain != *domain => Err(Refusal::IndexDomain(index)),
            Some(Member { closed: None, .. }) => Err(Refusal::IndexInUse(index)),
            Some(Member {
                closed: Some(closed), ..
            }) => {
                let from = closed.saturating_add(self.rules.genesis().reenrol_delay.into());
                if time < from {
                    Err(Refusal::TooEarly { index, from })
                } else {
                    Ok(())
                }
            }
        }
    }

    pub(super) fn close(&mut self, close: &Close, submission: &Submission, time: u64) -> Result<(), Refusal> {
        self.signed(&close.party, submission)?;
        self.check_sequence(&close.party, close.sequence)?;
        let domain = close.domain.to_fr();
        let today = today(time);
        // A domain has either an authority or a payer, so whichever role fits is its opener's.
        self.rules
            .require(&close.party, Role::EnrolmentAuthority, Some(&domain), today)
            .or_else(|refusal| {
                self.rules
                    .require(&close.party, Role::Payer, Some(&domain), today)
                    .map_err(|_| refusal)
            })?;
        match self.member(close.index)? {
            Some(member) if member.domain != domain => return Err(Refusal::IndexDomain(close.index)),
            Some(Member { closed: None, .. }) => {}
            _ => return Err(Refusal::IndexNotOpen(close.index)),
        }
        self.use_sequence(&close.party, close.sequence);
        self.identities.set(close.index, Fr::from(0u64));
        let member = Member {
            domain,
            closed: Some(time),
        };
        self.view
            .put(Table::Member, &close.index.to_be_bytes(), member.to_bytes());
        Ok(())
    }

    /// Gives the position of the note that comes back to life.
    pub(super) fn void(&mut self, void: &Void, submission: &Submission, time: u64) -> Result<u64, Refusal> {
        self.signed(&void.party, submission)?;
        self.check_sequence(&void.party, void.sequence)?;
        let target = void.dispense;
        let dispense = self.dispense(target)?.ok_or(Refusal::NotADispense(target))?;
        let (relying_party, public) = self.read_dispense(target)?;
        if relying_party != void.party {
            return Err(Refusal::OtherPharmacy);
        }
        self.rules
            .require(&void.party, Role::Pharmacy, Some(&public.domain), today(time))?;
        if dispense.voided {
            return Err(Refusal::VoidedBefore);
        }
        if time > dispense.time.saturating_add(VOID_SECONDS) {
            return Err(Refusal::VoidTooLate);
        }
        let fill = self.nullifier(NullifierKind::Fill, &public.nf_fill)?;
        self.check_room()?;

        self.use_sequence(&void.party, void.sequence);
        self.put_dispense(target, dispense.time, true);
        // The fill was spent by this dispense and by no other: it is freed only here, and once. One that
        // its prescriber burned meanwhile stays spent.
        if fill.is_some_and(|spent| spent.index == target && !spent.burned) {
            self.free_nullifier(NullifierKind::Fill, &public.nf_fill);
        }
        let leaf = note_leaf(NoteKind::Account, &public.domain, &public.cm_undo);
        Ok(self.place(leaf))
    }

    /// Poster and public inputs of a dispense, which may stand in the batch in progress.
    pub(crate) fn read_dispense(
        &self,
        index: u64,
    ) -> Result<
        (
            medproof_verifier::Name,
            medproof_verifier::statement::DispensePublic,
        ),
        Refusal,
    > {
        let Entry::Statement(post) = read_entry(|t, key| self.view.get(t, key), index)?.1 else {
            return Err(Refusal::NotADispense(index));
        };
        let circuit = self
            .rules
            .circuit(&post.circuit_id)
            .ok_or(Refusal::NotADispense(index))?;
        match Statement::from_slice(circuit.key.name(), &post.inputs) {
            Ok(Statement::Dispense(public)) => Ok((post.relying_party, public)),
            _ => Err(Refusal::NotADispense(index)),
        }
    }

    pub(super) fn burn(&mut self, burn: &Burn, submission: &Submission, time: u64) -> Result<(), Refusal> {
        self.signed(&burn.party, submission)?;
        self.check_sequence(&burn.party, burn.sequence)?;
        self.rules
            .require(&burn.party, Role::Prescriber, None, today(time))?;
        let mut fills = Vec::with_capacity(burn.fill_keys.len());
        for key in &burn.fill_keys {
            // Only who knows rx_secret knows fk; hashing it here keeps other kinds of nullifier out of reach.
            let nullifier = tagged(Tag::Fill, [*key]);
            fills.push((nullifier, self.nullifier(NullifierKind::Fill, &nullifier)?));
        }
        self.use_sequence(&burn.party, burn.sequence);
        let index = self.head.size;
        for (nullifier, spent) in fills {
            if spent.is_none() {
                self.count_nullifier(NullifierKind::Fill);
            }
            let index = spent.map_or(index, |spent| spent.index);
            self.put_nullifier(NullifierKind::Fill, &nullifier, Spent { index, burned: true });
        }
        Ok(())
    }
}
