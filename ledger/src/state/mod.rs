//! The state machine: which entries are accepted, and what they change. The same code runs in the
//! sequencer, at recovery and in an audit; it reads no clock and does no I/O of its own.

mod head;
pub(crate) mod log;
pub(crate) mod party;
mod roots;
mod rows;
mod statement;
#[cfg(test)]
mod tests;
pub(crate) mod tree;

pub(crate) use head::HEAD_KEY;
pub use head::Head;
pub use roots::ANCHOR_SECONDS;
pub(crate) use rows::{Event, Spent, find_event, read_entry, read_seal};

use crate::{
    overlay::{Overlay, Rows},
    refusal::Refusal,
    rules::Rules,
    submission::Submission,
    table::{Base, StoreError, Table, nullifier_key, number},
};
use medproof_verifier::{
    Day, Entry, Fr, Name, Statement, Tag,
    entry::{Genesis, Kind, NullifierKind, Opening, Seal, SignatureError},
    field::fr_to_be_bytes,
    inclusion::leaf_hash,
    poseidon::tagged_all,
    tagged,
    tree::{COMMITMENT_DEPTH, IDENTITY_DEPTH, REGISTRY_DEPTH},
};
use roots::Roots;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tree::Tree;

/// Longest time between a dispense and its VOID, in seconds (14 days).
pub const VOID_SECONDS: u64 = 14 * 86_400;

/// Longest step from a party's last sequence number to its next.
pub const MAX_SEQUENCE_STEP: u64 = 1 << 32;

/// Kind of a commitment: the ledger, not the poster, decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NoteKind {
    Account = 1,
    Benefit = 2,
}

/// What an accepted entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effects {
    /// Leaf index of the entry.
    pub index: u64,
    /// Position of the commitment that it appended, if it appended one.
    pub commitment_index: Option<u64>,
}

/// A sealed batch, ready to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The seal.
    pub seal: Seal,
    /// Entries in the log, the seal included.
    pub size: u64,
    /// The log's RFC 6962 root.
    pub root: [u8; 32],
}

/// The ledger's state over some base, with the batch in progress.
#[derive(Debug)]
pub struct State<B> {
    view: Overlay<B>,
    rules: Arc<Rules>,
    roots: Roots,
    head: Head,
    /// Leaf index of the first entry of the batch in progress.
    batch_first: u64,
    commitments: Tree,
    identities: Tree,
    registry: Tree,
}

impl<B: Base> State<B> {
    /// A new ledger: GENESIS and its seal, sealed but not yet committed.
    ///
    /// # Errors
    /// [`Refusal`] when the genesis is malformed or the base fails.
    pub fn create(base: B, genesis: Genesis) -> Result<(Self, SealedBatch), Refusal> {
        genesis.check()?;
        let time = genesis.time;
        let head = Head::empty(time);
        let bytes = Entry::Genesis(genesis.clone()).to_bytes();
        let mut state = Self::assemble(base, Rules::new(genesis), head, Roots::default());
        state.append(Kind::Genesis, &bytes, leaf_hash(&bytes))?;
        let sealed = state.seal(time)?;
        Ok((state, sealed))
    }

    /// Takes up a ledger where its base stands. `None` when the base is empty.
    ///
    /// # Errors
    /// [`Refusal::Store`] when rows are missing or malformed, another [`Refusal`] when a governance
    /// entry in the log would not be accepted.
    pub fn open(base: B) -> Result<Option<Self>, Refusal> {
        let Some(row) = base.get(Table::Meta, HEAD_KEY)? else {
            return Ok(None);
        };
        let head = Head::from_bytes(&row)?;
        let entry =
            |index: u64| -> Result<Entry, StoreError> { Ok(read_entry(|t, key| base.get(t, key), index)?.1) };
        let Entry::Genesis(genesis) = entry(0)? else {
            return Err(StoreError::damaged("entry 0 is not GENESIS").into());
        };
        let mut rules = Rules::new(genesis);
        for ordinal in 0..head.governance {
            let row = base.get(Table::Governance, &ordinal.to_be_bytes())?;
            let row =
                row.ok_or_else(|| StoreError::damaged(format!("governance entry {ordinal} is missing")))?;
            let entry = entry(number(Table::Governance, &row)?)?;
            rules.check(&entry)?;
            rules.accept(&entry);
        }
        let roots = recent_roots(&base, &head)?;
        Ok(Some(Self::assemble(base, rules, head, roots)))
    }

    fn assemble(base: B, rules: Rules, head: Head, roots: Roots) -> Self {
        Self {
            view: Overlay::new(base),
            rules: Arc::new(rules),
            roots,
            batch_first: head.size,
            commitments: Tree::new(Table::Commitment, COMMITMENT_DEPTH, head.commitment_root),
            identities: Tree::new(Table::Identity, IDENTITY_DEPTH, head.identity_root),
            registry: Tree::new(Table::Registry, REGISTRY_DEPTH, head.registry_root),
            head,
        }
    }

    /// The rules in force, those of the batch in progress included.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The figures so far; roots, time and seal are those of the last seal.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What holds the tables.
    pub fn base(&self) -> &B {
        self.view.base()
    }

    /// Puts a leaf into the commitment tree past every rule, as a dishonest operator could.
    #[cfg(test)]
    pub(crate) fn set_commitment(&mut self, leaf: &Fr) {
        self.commitments.set(0, *leaf);
    }

    #[cfg(test)]
    pub(crate) fn into_base(self) -> B {
        self.view.into_base()
    }

    /// Entries of the batch in progress.
    pub fn pending(&self) -> u64 {
        self.head.size - self.batch_first
    }

    /// Root of the log's first `size` entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn log_root(&self, size: u64) -> Result<[u8; 32], StoreError> {
        log::root(&self.view, size)
    }

    /// Whether the last of the first `size` entries, at least one, is a seal.
    pub(crate) fn ends_with_seal(&self, size: u64) -> Result<bool, StoreError> {
        let (_, last) = read_entry(|table, key| self.view.get(table, key), size - 1)?;
        Ok(matches!(last, Entry::Seal(_)))
    }

    /// Where the same event was appended before: a statement of the same circuit and public inputs,
    /// otherwise the same bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find(&self, submission: &Submission) -> Result<Option<Effects>, StoreError> {
        let get = |table, key: &[u8]| self.view.get(table, key);
        find_event(get, submission.event)
    }

    /// Judges an entry at `time` (the time of its seal) and, if it is accepted, takes it into the batch
    /// in progress. A refused entry changes nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn apply(&mut self, submission: &Submission, time: u64) -> Result<Effects, Refusal> {
        if time < self.head.time {
            return Err(Refusal::TimeRunsBack);
        }
        let commitment = match &submission.entry {
            Entry::Genesis(_) | Entry::Seal(_) => {
                return Err(Refusal::Reserved(submission.entry.kind()));
            }
            entry @ (Entry::Circuit(_) | Entry::Registry(_) | Entry::Policy(_)) => {
                self.govern(entry)?;
                None
            }
            Entry::Open(e) => self.open_identity(&e.body, submission, time)?,
            Entry::Close(e) => {
                self.close(&e.body, submission, time)?;
                None
            }
            Entry::Statement(post) => self.post(post, submission, time)?,
            Entry::Void(e) => Some(self.void(&e.body, submission, time)?),
            Entry::Burn(e) => {
                self.burn(&e.body, submission, time)?;
                None
            }
        };
        let index = self.append(submission.entry.kind(), &submission.bytes, submission.leaf_hash)?;
        if let Some(position) = commitment {
            self.view.put(
                Table::Placed,
                &index.to_be_bytes(),
                position.to_be_bytes().to_vec(),
            );
        }
        Ok(Effects {
            index,
            commitment_index: commitment,
        })
    }

    /// The seal that the batch in progress leads to, without taking it into the log.
    ///
    /// # Errors
    /// [`Refusal::TimeRunsBack`], [`Refusal::EmptyBatch`] or [`Refusal::Store`].
    pub(crate) fn next_seal(&mut self, time: u64) -> Result<Seal, Refusal> {
        if time < self.head.time {
            return Err(Refusal::TimeRunsBack);
        }
        // Seals cost their maker nothing: a log of nothing else could be made as long as anybody likes.
        if self.pending() == 0 {
            return Err(Refusal::EmptyBatch);
        }
        Ok(self.seal_at(time)?)
    }

    fn seal_at(&mut self, time: u64) -> Result<Seal, StoreError> {
        Ok(Seal {
            batch: self.head.batches,
            first: self.batch_first,
            previous: self.head.seal,
            time,
            commitment_root: self.commitments.seal(&mut self.view)?,
            identity_root: self.identities.seal(&mut self.view)?,
            registry_root: self.registry.seal(&mut self.view)?,
            commitments: self.head.commitments,
            nullifiers: self.head.nullifiers,
        })
    }

    /// Ends the batch in progress: roots, SEAL, figures. Nothing is durable before [`State::commit`].
    ///
    /// # Errors
    /// [`Refusal::TimeRunsBack`], [`Refusal::EmptyBatch`] or [`Refusal::Store`].
    pub fn seal(&mut self, time: u64) -> Result<SealedBatch, Refusal> {
        let seal = self.next_seal(time)?;
        Ok(self.take_seal(seal)?)
    }

    /// Seals past the rule that a batch has an entry, as a dishonest operator could.
    #[cfg(test)]
    pub(crate) fn seal_empty(&mut self, time: u64) {
        let seal = self.seal_at(time).unwrap();
        self.take_seal(seal).unwrap();
    }

    fn take_seal(&mut self, seal: Seal) -> Result<SealedBatch, StoreError> {
        let bytes = Entry::Seal(seal.clone()).to_bytes();
        let index = self.append(Kind::Seal, &bytes, leaf_hash(&bytes))?;
        self.view.put(
            Table::Batch,
            &seal.batch.to_be_bytes(),
            index.to_be_bytes().to_vec(),
        );
        self.roots.sealed(&seal);
        let head = &mut self.head;
        head.batches += 1;
        head.seal = Sha256::digest(&bytes).into();
        head.time = seal.time;
        head.commitment_root = seal.commitment_root;
        head.identity_root = seal.identity_root;
        head.registry_root = seal.registry_root;
        self.batch_first = head.size;
        let size = head.size;
        self.view.put(Table::Meta, HEAD_KEY, self.head.to_bytes());
        Ok(SealedBatch {
            seal,
            size,
            root: log::root(&self.view, size)?,
        })
    }

    /// Takes the log's signed checkpoint of the last sealed batch into the write that [`State::commit`] makes.
    pub(crate) fn put_checkpoint(&mut self, note: Vec<u8>) {
        self.view
            .put(Table::Checkpoint, &self.head.size.to_be_bytes(), note);
    }

    /// Makes the sealed batch durable, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; the state must be dropped then, for it is ahead of its base.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.view.commit()
    }

    /// Gives the rows of the sealed batch to whoever makes them durable, and goes on as if they were; the state must be
    /// dropped where that fails. Nothing may be judged before the batch handed over before is durable.
    pub(crate) fn hand_over(&mut self) -> Arc<Rows> {
        self.view.hand_over()
    }

    /// Takes the hash of an entry that the rules refuse into the log, so that an audit can go on to compare the log's root.
    /// The rest of the state does not change, and the entry is not kept: a log may hold any number of them.
    pub(crate) fn append_hash(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), StoreError> {
        self.append_leaf(kind, leaf_hash(bytes)).map(|_| ())
    }

    /// Takes bytes into the log and its store that the rules refuse, as a ledger does that breaks them.
    #[cfg(test)]
    pub(crate) fn append_refused(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), StoreError> {
        self.append(kind, bytes, leaf_hash(bytes)).map(|_| ())
    }

    fn govern(&mut self, entry: &Entry) -> Result<(), Refusal> {
        self.rules.check(entry)?;
        if let Some((index, leaf)) = Arc::make_mut(&mut self.rules).accept(entry) {
            self.registry.set(index, leaf);
        }
        let ordinal = self.head.governance.to_be_bytes();
        self.head.governance += 1;
        self.view
            .put(Table::Governance, &ordinal, self.head.size.to_be_bytes().to_vec());
        Ok(())
    }

    fn append(&mut self, kind: Kind, bytes: &[u8], leaf: [u8; 32]) -> Result<u64, StoreError> {
        let index = self.append_leaf(kind, leaf)?;
        let key = index.to_be_bytes();
        self.view.put(Table::Entry, &key, bytes.to_vec());
        self.view.put(Table::ByLeaf, &leaf, key.to_vec());
        Ok(index)
    }

    fn append_leaf(&mut self, kind: Kind, leaf: [u8; 32]) -> Result<u64, StoreError> {
        let index = self.head.size;
        log::append(&mut self.view, index, leaf)?;
        self.head.size += 1;
        // Kinds are numbered from 1 in the order of `Kind::ALL`.
        self.head.kinds[kind as usize - 1] += 1;
        Ok(index)
    }

    /// Checks that the party's signature was checked under the posting key that it has now.
    fn signed(&self, party: &Name, submission: &Submission) -> Result<(), Refusal> {
        let key = self
            .rules
            .posting_key(party)
            .ok_or_else(|| Refusal::UnknownParty(party.clone()))?;
        if submission.signer.as_ref() == Some(key) {
            Ok(())
        } else {
            Err(SignatureError::Party.into())
        }
    }

    fn check_sequence(&self, party: &Name, got: u64) -> Result<(), Refusal> {
        let last = match self.view.get(Table::Party, party.as_str().as_bytes())? {
            Some(row) => number(Table::Party, &row)?,
            None => 0,
        };
        let party = party.clone();
        if got <= last {
            return Err(Refusal::Sequence { party, last, got });
        }
        // One entry must not use up every number that is left.
        if got - last > MAX_SEQUENCE_STEP {
            return Err(Refusal::SequenceStep { party, last, got });
        }
        Ok(())
    }

    fn use_sequence(&mut self, party: &Name, sequence: u64) {
        self.view.put(
            Table::Party,
            party.as_str().as_bytes(),
            sequence.to_be_bytes().to_vec(),
        );
    }

    fn check_room(&self) -> Result<(), Refusal> {
        if self.head.commitments >> (2 * COMMITMENT_DEPTH) == 0 {
            Ok(())
        } else {
            Err(Refusal::TreeFull)
        }
    }

    /// Appends the leaf of a note commitment. Callers have checked that there is room.
    fn place(&mut self, leaf: Fr) -> u64 {
        let position = self.head.commitments;
        self.commitments.set(position as u32, leaf);
        self.head.commitments += 1;
        position
    }

    pub(crate) fn nullifier(&self, kind: NullifierKind, nullifier: &Fr) -> Result<Option<Spent>, StoreError> {
        let row = self
            .view
            .get(Table::Nullifier, &nullifier_key(kind, &fr_to_be_bytes(nullifier)))?;
        row.map(|row| Spent::from_bytes(&row)).transpose()
    }

    fn put_nullifier(&mut self, kind: NullifierKind, nullifier: &Fr, spent: Spent) {
        let key = nullifier_key(kind, &fr_to_be_bytes(nullifier));
        self.view.put(Table::Nullifier, &key, spent.to_bytes());
    }

    fn count_nullifier(&mut self, kind: NullifierKind) {
        self.head.nullifiers[kind as usize - 1] += 1;
    }

    fn free_nullifier(&mut self, kind: NullifierKind, nullifier: &Fr) {
        self.view
            .delete(Table::Nullifier, &nullifier_key(kind, &fr_to_be_bytes(nullifier)));
        self.head.nullifiers[kind as usize - 1] -= 1;
    }
}

/// The leaf of a note commitment of this kind and domain.
pub(crate) fn note_leaf(kind: NoteKind, domain: &Fr, commitment: &Fr) -> Fr {
    tagged(Tag::Leaf, note_words(kind, domain, commitment))
}

/// The leaves of notes that [`posted_note`] gave, in order.
pub(crate) fn note_leaves(notes: &[NoteWords]) -> Vec<Fr> {
    tagged_all::<2, 3>(Tag::Leaf, notes)
}

/// What the leaf of a note is the hash of.
pub(crate) type NoteWords = [Fr; 2];

fn note_words(kind: NoteKind, domain: &Fr, commitment: &Fr) -> NoteWords {
    // A domain is a name (checked against the policy or the registry), below 2^240: no wrap.
    [Fr::from(kind as u64) + Fr::from(256u64) * domain, *commitment]
}

/// The note whose leaf an opening or a statement appends once it is accepted, if it appends one. What a VOID appends stands
/// in the dispense that it names.
pub(crate) fn posted_note(entry: &Entry, statement: Option<&Statement>) -> Option<NoteWords> {
    match (entry, statement) {
        (Entry::Open(open), _) => {
            let domain = open.body.domain.to_fr();
            match &open.body.what {
                Opening::Account { note, .. } => Some(note_words(NoteKind::Account, &domain, note)),
                Opening::Benefit { note } => Some(note_words(NoteKind::Benefit, &domain, note)),
                Opening::Member { .. } => None,
            }
        }
        (_, Some(Statement::Dispense(p))) => Some(note_words(NoteKind::Account, &p.domain, &p.cm_note)),
        (_, Some(Statement::Claim(p))) => Some(note_words(NoteKind::Benefit, &p.domain, &p.cm_benefit)),
        _ => None,
    }
}

/// The windows of roots as the seals of the last 24 hours, and one more, leave them.
fn recent_roots<B: Base>(base: &B, head: &Head) -> Result<Roots, StoreError> {
    let mut seals = vec![];
    for batch in (0..head.batches).rev() {
        let (_, _, seal) = read_seal(base, batch)?;
        let last = seal.time.saturating_add(ANCHOR_SECONDS) < head.time;
        seals.push(seal);
        if last {
            break;
        }
    }
    let mut roots = Roots::default();
    for seal in seals.iter().rev() {
        roots.sealed(seal);
    }
    Ok(roots)
}

/// The day on which a time lies.
pub(crate) fn today(time: u64) -> Day {
    Day::from_unix_seconds(time)
}
