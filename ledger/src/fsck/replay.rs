//! Every entry in order, and what it leads to in every table.

use super::{Findings, commitments::Commitments, cursor::Cursor, log::Log, nullifiers::Nullifiers};
use crate::{
    audit::{LATER, differences},
    overlay::Overlay,
    refusal::Refusal,
    rules::Rules,
    signed_record::SignedHead,
    state::{HEAD_KEY, Head, NoteKind, note_leaf, party::Member, read_entry, tree::Tree},
    store::Store,
    table::{Base, MemoryBase, StoreError, Table},
};
use medproof_verifier::{
    Checkpoint, Entry, Fr, LogKey, Name, Statement, Tag,
    entry::{Kind, Opening, Post, Seal},
    field::fr_to_be_bytes,
    inclusion::leaf_hash,
    statement::DispensePublic,
    tagged,
    tree::{IDENTITY_DEPTH, REGISTRY_DEPTH, empty_root},
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The tables that are written in the order of the log.
struct Cursors<'a> {
    placed: Cursor<'a>,
    dispense: Cursor<'a>,
    governance: Cursor<'a>,
    batch: Cursor<'a>,
    checkpoint: Cursor<'a>,
}

/// What is known after the last entry.
pub(super) struct Finished {
    /// Rows read, by table.
    pub(super) rows: Vec<(Table, u64)>,
    /// The rules in force; none without a genesis.
    pub(super) rules: Option<Rules>,
}

/// What the entries so far lead to.
pub(super) struct Replay<'a> {
    store: &'a Store,
    rules: Option<Rules>,
    log_key: Option<LogKey>,
    pub(super) head: Head,
    log: Log<'a>,
    cursors: Cursors<'a>,
    commitments: Commitments<'a>,
    identities: Tree,
    registry: Tree,
    sparse: Overlay<MemoryBase>,
    nullifiers: Nullifiers<'a>,
    persons: BTreeSet<[u8; 32]>,
    members: BTreeMap<u32, Member>,
    parties: BTreeMap<Name, u64>,
    /// First entry, closed identities, dispenses and voided dispenses of the batch in progress.
    first: u64,
    closes: Vec<u32>,
    dispenses: Vec<u64>,
    voids: Vec<u64>,
    /// Dispenses that the table calls voided, and whose VOID has not come yet.
    voided: HashSet<u64>,
    /// Heads that the record says were signed, and that no seal has shown yet.
    signed: BTreeMap<u64, [u8; 32]>,
    /// The largest of them.
    signed_last: u64,
    /// Root of the log at the last seal.
    pub(super) root: [u8; 32],
    /// Checkpoints whose signature holds.
    pub(super) checkpoints: u64,
    /// An entry cannot be read or a seal was wrong: what later seals claim cannot be recomputed.
    diverged: bool,
    /// A mirror's store, which has not a checkpoint for each batch.
    mirror: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        store: &'a Store,
        signed: &[SignedHead],
        mirror: bool,
        findings: &mut Findings,
    ) -> Self {
        let mut cursor = |table| Cursor::new(store, table, findings);
        let cursors = Cursors {
            placed: cursor(Table::Placed),
            dispense: cursor(Table::Dispense),
            governance: cursor(Table::Governance),
            batch: cursor(Table::Batch),
            checkpoint: cursor(Table::Checkpoint),
        };
        Self {
            store,
            rules: None,
            log_key: None,
            head: Head::empty(0),
            log: Log::new(store, findings),
            cursors,
            commitments: Commitments::new(store, findings),
            identities: Tree::new(Table::Identity, IDENTITY_DEPTH, empty_root(IDENTITY_DEPTH)),
            registry: Tree::new(Table::Registry, REGISTRY_DEPTH, empty_root(REGISTRY_DEPTH)),
            sparse: Overlay::new(MemoryBase::default()),
            nullifiers: Nullifiers::new(store),
            persons: BTreeSet::new(),
            members: BTreeMap::new(),
            parties: BTreeMap::new(),
            first: 0,
            closes: vec![],
            dispenses: vec![],
            voids: vec![],
            voided: HashSet::new(),
            signed: signed.iter().map(|head| (head.size, head.root)).collect(),
            signed_last: signed.iter().map(|head| head.size).max().unwrap_or(0),
            root: [0; 32],
            checkpoints: 0,
            diverged: false,
            mirror,
        }
    }

    /// An entry that is not there: its stored leaf hash stands in for it, so that the rest can be checked.
    pub(super) fn missing(&mut self, findings: &mut Findings) -> Result<(), StoreError> {
        let index = self.head.size;
        findings.problem(Table::Entry.as_str(), format!("entry {index} is missing"));
        self.diverged = true;
        let leaf = self.log.stored_leaf(index)?.unwrap_or_default();
        self.log.append(index, leaf, findings)?;
        self.head.size += 1;
        Ok(())
    }

    /// Takes the next entry.
    pub(super) fn take(&mut self, bytes: &[u8], findings: &mut Findings) -> Result<(), StoreError> {
        let index = self.head.size;
        let leaf = leaf_hash(bytes);
        self.log.append(index, leaf, findings)?;
        self.point(Table::ByLeaf, &leaf, index, findings);
        let entry = match Entry::from_bytes(bytes) {
            Ok(entry) => entry,
            Err(error) => {
                findings.problem(Table::Entry.as_str(), format!("entry {index}: {error}"));
                self.diverged = true;
                self.head.size += 1;
                return Ok(());
            }
        };
        if let Entry::Seal(seal) = &entry {
            return self.seal(seal, bytes, findings);
        }
        if let Some(leaf) = self.effects(&entry, findings)? {
            let position = self.head.commitments;
            self.cursors
                .placed
                .expect(&index.to_be_bytes(), &position.to_be_bytes(), findings);
            self.commitments.append(leaf, findings);
            self.head.commitments += 1;
        }
        self.count(entry.kind());
        Ok(())
    }

    fn count(&mut self, kind: Kind) {
        // Kinds are numbered from 1 in the order of `Kind::ALL`.
        self.head.kinds[kind as usize - 1] += 1;
        self.head.size += 1;
    }

    /// A table that is looked up by key: the row must name entry `index`.
    fn point(&self, table: Table, key: &[u8], index: u64, findings: &mut Findings) {
        let what = match self.store.get(table, key) {
            Ok(Some(row)) if row == index.to_be_bytes() => return,
            Ok(Some(_)) => format!("the row of entry {index} names another entry"),
            Ok(None) => format!("the row of entry {index} is missing"),
            Err(error) => format!("the row of entry {index}: {error}"),
        };
        findings.problem(table.as_str(), what);
    }

    /// What an entry changes beyond the log; gives the leaf that it appends to the commitment tree.
    fn effects(&mut self, entry: &Entry, findings: &mut Findings) -> Result<Option<Fr>, StoreError> {
        let index = self.head.size;
        match entry {
            Entry::Genesis(genesis) => {
                if index > 0 {
                    findings.problem(
                        Table::Entry.as_str(),
                        format!("entry {index} is a second genesis"),
                    );
                    return Ok(None);
                }
                self.log_key = LogKey::new(&genesis.origin, genesis.log_key).ok();
                self.head.time = genesis.time;
                self.rules = Some(Rules::new(genesis.clone()));
                Ok(None)
            }
            Entry::Circuit(_) | Entry::Registry(_) | Entry::Policy(_) => {
                self.govern(entry, findings);
                Ok(None)
            }
            Entry::Open(open) => {
                let open = &open.body;
                self.parties.insert(open.party.clone(), open.sequence);
                let domain = open.domain.to_fr();
                if let Opening::Account { index, id, .. } | Opening::Member { index, id } = open.what {
                    let owner = tagged(Tag::Ident, [domain, id]);
                    self.identities.set(index, owner);
                    self.persons.insert(fr_to_be_bytes(&id));
                    self.members.insert(index, Member { domain, closed: None });
                }
                Ok(match &open.what {
                    Opening::Account { note, .. } => Some(note_leaf(NoteKind::Account, &domain, note)),
                    Opening::Benefit { note } => Some(note_leaf(NoteKind::Benefit, &domain, note)),
                    Opening::Member { .. } => None,
                })
            }
            Entry::Close(close) => {
                let close = &close.body;
                self.parties.insert(close.party.clone(), close.sequence);
                self.identities.set(close.index, Fr::from(0u64));
                self.closes.push(close.index);
                Ok(None)
            }
            Entry::Statement(post) => self.statement(post, findings),
            Entry::Void(void) => {
                let void = &void.body;
                self.parties.insert(void.party.clone(), void.sequence);
                let Some(public) = self.dispense(void.dispense)? else {
                    let what = format!(
                        "entry {index} voids entry {}, which is no dispense",
                        void.dispense
                    );
                    findings.problem(Table::Entry.as_str(), what);
                    return Ok(None);
                };
                self.voids.push(void.dispense);
                self.nullifiers.free(&public.nf_fill, void.dispense, index)?;
                Ok(Some(note_leaf(
                    NoteKind::Account,
                    &public.domain,
                    &public.cm_undo,
                )))
            }
            Entry::Burn(burn) => {
                self.parties.insert(burn.body.party.clone(), burn.body.sequence);
                for key in &burn.body.fill_keys {
                    self.nullifiers.burn(&tagged(Tag::Fill, [*key]), index)?;
                }
                Ok(None)
            }
            Entry::Seal(_) => Ok(None),
        }
    }

    fn govern(&mut self, entry: &Entry, findings: &mut Findings) {
        let index = self.head.size;
        let ordinal = self.head.governance;
        self.head.governance += 1;
        self.cursors
            .governance
            .expect(&ordinal.to_be_bytes(), &index.to_be_bytes(), findings);
        let Some(rules) = &mut self.rules else {
            return;
        };
        match rules.check(entry) {
            Ok(()) => {
                if let Some((index, leaf)) = rules.accept(entry) {
                    self.registry.set(index, leaf);
                }
            }
            Err(refusal) => findings.problem(Table::Entry.as_str(), format!("entry {index}: {refusal}")),
        }
    }

    fn read(&self, post: &Post) -> Option<Statement> {
        let circuit = self.rules.as_ref()?.circuit(&post.circuit_id)?;
        Statement::from_slice(circuit.key.name(), &post.inputs).ok()
    }

    fn statement(&mut self, post: &Post, findings: &mut Findings) -> Result<Option<Fr>, StoreError> {
        let index = self.head.size;
        self.point(Table::Statement, &post.key(), index, findings);
        let Some(statement) = self.read(post) else {
            let what = format!("entry {index} is a statement of no accepted circuit");
            findings.problem(Table::Entry.as_str(), what);
            self.diverged = true;
            return Ok(None);
        };
        for (kind, nullifier) in statement.nullifiers() {
            self.nullifiers.spend((kind, &nullifier), index, findings)?;
        }
        Ok(match statement {
            Statement::Dispense(p) => {
                self.dispenses.push(index);
                Some(note_leaf(NoteKind::Account, &p.domain, &p.cm_note))
            }
            Statement::Claim(p) => Some(note_leaf(NoteKind::Benefit, &p.domain, &p.cm_benefit)),
            Statement::Bind(_) | Statement::Eligibility(_) => None,
        })
    }

    /// The public inputs of a dispense before this entry.
    fn dispense(&self, index: u64) -> Result<Option<DispensePublic>, StoreError> {
        if index >= self.head.size {
            return Ok(None);
        }
        let Ok((_, Entry::Statement(post))) = read_entry(|t, key| self.store.get(t, key), index) else {
            return Ok(None);
        };
        Ok(match self.read(&post) {
            Some(Statement::Dispense(public)) => Some(public),
            _ => None,
        })
    }

    /// Compares a seal with what the entries before it lead to, and the log with what was signed at it.
    fn seal(&mut self, seal: &Seal, bytes: &[u8], findings: &mut Findings) -> Result<(), StoreError> {
        let index = self.head.size;
        let expected = Seal {
            batch: self.head.batches,
            first: self.first,
            previous: self.head.seal,
            time: seal.time,
            commitment_root: self.commitments.root(),
            identity_root: self.identities.seal(&mut self.sparse)?,
            registry_root: self.registry.seal(&mut self.sparse)?,
            commitments: self.head.commitments,
            nullifiers: self.nullifiers.counts,
        };
        self.sparse.commit()?;
        if seal.time < self.head.time {
            let what = format!("the seal at {index} lies before the previous seal's time");
            findings.problem(Table::Entry.as_str(), what);
        }
        if self.first == index {
            findings.problem(
                Table::Entry.as_str(),
                format!("entry {index}: {}", Refusal::EmptyBatch),
            );
        }
        if !self.diverged && expected != *seal {
            let what = format!("entry {index}: {}{LATER}", differences(seal, &expected));
            findings.problem(Table::Entry.as_str(), what);
            self.diverged = true;
        }
        self.batch_rows(seal.time, findings);
        self.cursors
            .batch
            .expect(&self.head.batches.to_be_bytes(), &index.to_be_bytes(), findings);
        self.count(Kind::Seal);
        self.first = self.head.size;
        let head = &mut self.head;
        head.batches += 1;
        head.seal = Sha256::digest(bytes).into();
        head.time = seal.time;
        head.nullifiers = self.nullifiers.counts;
        head.commitment_root = expected.commitment_root;
        head.identity_root = expected.identity_root;
        head.registry_root = expected.registry_root;
        self.root = self.log.root(self.head.size)?;
        self.signed_here(findings);
        Ok(())
    }

    /// Rows that carry the time of the batch's seal.
    fn batch_rows(&mut self, time: u64, findings: &mut Findings) {
        for index in std::mem::take(&mut self.closes) {
            if let Some(member) = self.members.get_mut(&index) {
                member.closed = Some(time);
            }
        }
        for index in std::mem::take(&mut self.dispenses) {
            let key = index.to_be_bytes();
            let row = |voided: bool| [&time.to_be_bytes()[..], &[voided.into()]].concat();
            let found = self.cursors.dispense.value(&key, findings);
            if found == Some(row(true)) {
                self.voided.insert(index);
            } else if found != Some(row(false)) && !self.cursors.dispense.failed() {
                let what = format!("row {index} is missing or not what the entries lead to");
                findings.problem(Table::Dispense.as_str(), what);
            }
        }
        for index in std::mem::take(&mut self.voids) {
            if !self.voided.remove(&index) && !self.cursors.dispense.failed() {
                let what = format!("row {index} does not say that the dispense was voided");
                findings.problem(Table::Dispense.as_str(), what);
            }
        }
    }

    /// The stored checkpoint and the recorded head of this size, where they are.
    fn signed_here(&mut self, findings: &mut Findings) {
        let size = self.head.size;
        match self.signed.remove(&size) {
            Some(root) if root != self.root => findings.problem(
                "signed-checkpoints",
                format!("the head of size {size} is not that of the log: the ledger has forked"),
            ),
            _ => {}
        }
        let Some(note) = self.cursors.checkpoint.value(&size.to_be_bytes(), findings) else {
            if self.cursors.checkpoint.failed() || self.mirror {
                return;
            }
            // Rows of checkpoints are not synced on their own, so the last may be gone after a crash.
            match size >= self.last_size() {
                true => findings.note(format!(
                    "the checkpoint of size {size} is not stored; the next start signs it again"
                )),
                false => findings.problem(
                    Table::Checkpoint.as_str(),
                    format!("the checkpoint of size {size} is missing"),
                ),
            }
            return;
        };
        let Some(key) = &self.log_key else {
            return;
        };
        match Checkpoint::verify(&note, key) {
            Ok(checkpoint) if (checkpoint.size(), checkpoint.root()) == (size, &self.root) => {
                self.checkpoints += 1;
                if size > self.signed_last && self.signed_last > 0 {
                    let what = format!(
                        "ends at size {}, but the checkpoint of size {size} was signed: records are missing",
                        self.signed_last
                    );
                    findings.problem("signed-checkpoints", what);
                }
            }
            Ok(_) => findings.problem(
                Table::Checkpoint.as_str(),
                format!("the checkpoint of size {size} is not that of the log"),
            ),
            Err(error) => findings.problem(
                Table::Checkpoint.as_str(),
                format!("the checkpoint of size {size}: {error}"),
            ),
        }
    }

    /// Entries that the head row speaks of, for telling the last batch from others.
    fn last_size(&self) -> u64 {
        let row = self.store.get(Table::Meta, HEAD_KEY).ok().flatten();
        row.and_then(|row| Head::from_bytes(&row).ok())
            .map_or(0, |head| head.size)
    }

    /// After the last entry: what is left, and the tables that are compared as a whole.
    pub(super) fn finish(mut self, findings: &mut Findings) -> Finished {
        if self.first != self.head.size {
            let open = self.head.size - self.first;
            findings.problem(
                Table::Entry.as_str(),
                format!("{open} entries after the last seal"),
            );
        }
        for (size, _) in std::mem::take(&mut self.signed) {
            let what = match size > self.head.size {
                true => format!(
                    "a checkpoint of size {size} was signed, but there are {} entries: this is an old backup, or \
                     entries are lost",
                    self.head.size
                ),
                false => format!("the head of size {size} does not end with a seal"),
            };
            findings.problem("signed-checkpoints", what);
        }
        for index in std::mem::take(&mut self.voided) {
            let what = format!("row {index} says voided, and no entry voids it");
            findings.problem(Table::Dispense.as_str(), what);
        }
        let mut rows = vec![];
        let persons = self.persons.iter().map(|id| (id.to_vec(), vec![]));
        rows.push(self.whole(Table::Person, persons, findings));
        let members = self
            .members
            .iter()
            .map(|(i, m)| (i.to_be_bytes().to_vec(), m.to_bytes()));
        rows.push(self.whole(Table::Member, members, findings));
        let mut parties: Vec<_> = self
            .parties
            .iter()
            .map(|(party, last)| (party.as_str().as_bytes().to_vec(), last.to_be_bytes().to_vec()))
            .collect();
        parties.sort_unstable();
        rows.push(self.whole(Table::Party, parties.into_iter(), findings));
        for table in [Table::Identity, Table::Registry] {
            let nodes = self.sparse.base().rows(table);
            let nodes = nodes.into_iter().map(|(k, v)| (k.to_vec(), v.to_vec()));
            rows.push(self.whole(table, nodes, findings));
        }
        self.nullifiers.finish(findings);
        let cursors = self.cursors;
        rows.extend([
            (Table::Hash, self.log.finish(findings)),
            (Table::Commitment, self.commitments.finish(findings)),
            (Table::Placed, cursors.placed.finish(findings)),
            (Table::Dispense, cursors.dispense.finish(findings)),
            (Table::Governance, cursors.governance.finish(findings)),
            (Table::Batch, cursors.batch.finish(findings)),
            (Table::Checkpoint, cursors.checkpoint.finish(findings)),
        ]);
        Finished {
            rows,
            rules: self.rules,
        }
    }

    /// Compares a whole table.
    fn whole(
        &self,
        table: Table,
        expected: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
        findings: &mut Findings,
    ) -> (Table, u64) {
        let mut cursor = Cursor::new(self.store, table, findings);
        for (key, value) in expected {
            cursor.expect(&key, &value, findings);
        }
        (table, cursor.finish(findings))
    }
}
