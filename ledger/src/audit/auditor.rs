//! Judging a log's entries again, batch by batch, and going on where one breaks a rule.

use super::{AuditConfig, AuditError, Report};
use crate::{
    clock::ahead,
    refusal::Refusal,
    state::State,
    submission::Submission,
    table::MemoryBase,
    waiting::{Unsealed, Waiting, kind},
};
use medproof_verifier::{
    Entry,
    cosignature::{Cosignature, Cosigned},
    entry::{Kind, Seal},
};

/// The audit's state between bundles of entries.
pub(super) struct Auditor<'a> {
    config: &'a AuditConfig,
    /// None before the genesis.
    state: Option<State<MemoryBase>>,
    /// Entries that are not judged yet.
    waiting: Waiting,
    report: Report,
    /// The auditor's clock, read once the checkpoint was there: no seal under it can be newer.
    now: u64,
    /// Leaf index and time of the last seal that was read.
    last_seal: (u64, u64),
    /// Set when a seal was not the recomputed one: from there on only encodings, proofs and the log's
    /// own hashes are judged.
    diverged: bool,
}

impl<'a> Auditor<'a> {
    pub(super) fn new(config: &'a AuditConfig) -> Self {
        Self {
            config,
            state: None,
            waiting: Waiting::default(),
            report: Report::default(),
            now: config.clock.now(),
            last_seal: (0, 0),
            diverged: false,
        }
    }

    /// Takes the next entries, and judges the batches that are whole.
    pub(super) fn take(&mut self, entries: Vec<Vec<u8>>) -> Result<(), AuditError> {
        self.waiting.extend(entries);
        while let Some(at) = self.first_seal()? {
            match self.state.take() {
                Some(mut state) => {
                    self.judge(&mut state, at)?;
                    self.state = Some(state);
                }
                None => {
                    let batch = self.waiting.take_unjudged(at + 1);
                    self.begin(&batch)?;
                }
            }
        }
        Ok(())
    }

    /// Where the next batch ends among the entries that wait, if it does.
    fn first_seal(&self) -> Result<Option<usize>, AuditError> {
        let first = self.waiting.first_seal();
        first.map_err(|Unsealed| AuditError::Unsealed(self.size()))
    }

    /// Entries that were judged.
    fn size(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.head().size)
    }

    /// Holds the time of a seal to the auditor's clock. One that lies behind says nothing: an idle ledger seals nothing. The
    /// clock of a development ledger is set by hand.
    fn time(&mut self, index: u64, time: u64) {
        self.last_seal = (index, time);
        if let Some(ahead) = ahead(time, self.now).filter(|_| !self.report.development) {
            let what = format!("the seal's time lies {ahead} s ahead of the auditor's clock");
            self.report.problem(index, what);
        }
    }

    /// Holds the time of the last seal to the clocks of the witnesses that have cosigned after it.
    fn cosigned(&mut self, cosignatures: &[Cosignature]) {
        let (index, time) = self.last_seal;
        if self.report.development {
            return;
        }
        let before = cosignatures
            .iter()
            .filter(|c| ahead(time, c.time).is_some())
            .count();
        // One whose clock is behind takes nothing from a quorum of others.
        let enough = cosignatures.len() - before >= self.config.policy.quorum().max(1);
        for Cosignature {
            witness,
            time: cosigned,
        } in cosignatures
        {
            if let Some(ahead) = ahead(time, *cosigned) {
                if enough {
                    tracing::warn!(%witness, ahead, "its cosignature is older than the seal that it covers: its clock is behind");
                    continue;
                }
                let what = format!(
                    "the seal's time lies {ahead} s after {witness} cosigned it: the ledger's clock runs ahead, or the \
                     witness' behind"
                );
                self.report.problem(index, what);
            }
        }
    }

    /// The batch of GENESIS: the log's key stands in it, and the seal is what it leads to.
    fn begin(&mut self, batch: &[Vec<u8>]) -> Result<(), AuditError> {
        let wrong = |what: &str| AuditError::Genesis(what.to_owned());
        let genesis = match batch.first().map(|bytes| Entry::from_bytes(bytes)) {
            Some(Ok(Entry::Genesis(genesis))) => genesis,
            Some(Err(error)) => return Err(wrong(&error.to_string())),
            _ => return Err(wrong("is no genesis")),
        };
        let log = self.config.policy.log();
        if genesis.origin != log.origin() || genesis.log_key != *log.key() {
            return Err(wrong(
                "the genesis has another origin or log key than the one given",
            ));
        }
        let id = genesis.ledger_id();
        if self.config.ledger_id.is_some_and(|asked| asked != id) {
            return Err(wrong("the genesis is not that of the ledger id given"));
        }
        self.report.development = genesis.development;
        let time = genesis.time;
        let bytes = Entry::Genesis(genesis.clone()).to_bytes();
        let created = State::create(MemoryBase::default(), genesis);
        let (mut state, sealed) = created.map_err(|refusal| match refusal {
            Refusal::Store(_) => AuditError::State(refusal),
            other => wrong(&other.to_string()),
        })?;
        state.commit().map_err(Refusal::from)?;
        if batch != [bytes, Entry::Seal(sealed.seal).to_bytes()] {
            return Err(wrong("what follows is not the seal of the genesis"));
        }
        self.time(1, time);
        self.report.ledger_id = id;
        self.report.batches = 1;
        self.state = Some(state);
        Ok(())
    }

    /// Judges the batch whose seal is entry `at` of those that wait.
    fn judge(&mut self, state: &mut State<MemoryBase>, at: usize) -> Result<(), AuditError> {
        let first = state.head().size;
        let seal_index = first + at as u64;
        let seal = match self.waiting.get(at).map(Entry::from_bytes) {
            Some(Ok(Entry::Seal(seal))) => seal,
            _ => {
                self.report.problem(seal_index, "the seal does not decode");
                return self.only_log(state, at);
            }
        };
        self.time(seal_index, seal.time);
        if seal.time < state.head().time {
            self.report
                .problem(seal_index, "the seal's time lies before the previous seal's");
            return self.only_log(state, at);
        }
        if at == 0 {
            let what = format!("{}{LATER}", Refusal::EmptyBatch);
            self.report.problem(seal_index, what);
            return self.only_log(state, at);
        }
        for index in first..seal_index {
            let Some((bytes, submission)) = self.waiting.next(state.rules()) else {
                break;
            };
            self.one(state, index, &bytes, submission, seal.time)?;
        }
        match self.waiting.next(state.rules()) {
            Some((last, _)) => self.seal(state, seal_index, &seal, &last),
            None => Ok(()),
        }
    }

    fn one(
        &mut self,
        state: &mut State<MemoryBase>,
        index: u64,
        bytes: &[u8],
        submission: Result<Submission, Refusal>,
        time: u64,
    ) -> Result<(), AuditError> {
        let kind = kind(bytes).unwrap_or(Kind::Statement);
        let judged = submission.and_then(|submission| {
            let proofs = u64::from(kind == Kind::Statement);
            if self.diverged {
                state.append_hash(kind, bytes)?;
            } else {
                state.apply(&submission, time)?;
            }
            self.report.proofs += proofs;
            Ok(())
        });
        if let Err(refusal) = judged {
            self.report.problem(index, refusal);
            state.append_hash(kind, bytes).map_err(Refusal::from)?;
        }
        Ok(())
    }

    fn seal(
        &mut self,
        state: &mut State<MemoryBase>,
        index: u64,
        seal: &Seal,
        bytes: &[u8],
    ) -> Result<(), AuditError> {
        if self.diverged {
            state.append_hash(Kind::Seal, bytes).map_err(Refusal::from)?;
            return Ok(());
        }
        let expected = state.next_seal(seal.time)?;
        if expected == *seal {
            state.seal(seal.time)?;
            state.commit().map_err(Refusal::from)?;
            self.report.batches += 1;
            return Ok(());
        }
        let what = format!("{}{LATER}", differences(seal, &expected));
        self.report.problem(index, what);
        self.diverged = true;
        Ok(state.append_hash(Kind::Seal, bytes).map_err(Refusal::from)?)
    }

    /// Takes a batch that cannot be judged into the log, so that the root can still be compared.
    fn only_log(&mut self, state: &mut State<MemoryBase>, seal: usize) -> Result<(), AuditError> {
        for bytes in self.waiting.take_unjudged(seal + 1) {
            state
                .append_hash(Kind::Statement, &bytes)
                .map_err(Refusal::from)?;
        }
        self.diverged = true;
        Ok(())
    }

    /// Ends with the checkpoint that was audited: the root that the entries lead to is compared with it, and with those
    /// that are known from before.
    pub(super) fn finish(mut self, shown: Cosigned, note: Vec<u8>) -> Result<Report, AuditError> {
        let Some(state) = self.state.take() else {
            return Err(AuditError::Unsealed(0));
        };
        self.cosigned(&shown.cosignatures);
        let (head, checkpoint) = (state.head(), shown.checkpoint);
        let root = |size| state.log_root(size).map_err(Refusal::from);
        let report = &mut self.report;
        report.entries = head.size + self.waiting.len() as u64;
        report.kinds = head.kinds;
        report.commitments = head.commitments;
        report.nullifiers = head.nullifiers;
        report.size = checkpoint.size();
        report.root = *checkpoint.root();
        report.cosignatures = shown.cosignatures;
        if self.waiting.len() > 0 {
            report.problem(head.size, "the checkpoint does not end with a seal");
        } else if root(head.size)? != *checkpoint.root() {
            report.problem(head.size, "the log's root is not the checkpoint's");
        }
        for earlier in &self.config.earlier {
            let size = earlier.size();
            if size <= head.size && root(size)? != earlier.root() {
                return Err(earlier.forked(&note));
            }
            report.contained.push(size);
        }
        report.note = note;
        Ok(self.report)
    }
}

/// What follows from a seal that is wrong, where reading goes on.
pub(crate) const LATER: &str = "; later entries are checked one by one only";

/// Names what differs between a seal and the recomputed one.
pub(crate) fn differences(found: &Seal, expected: &Seal) -> String {
    let parts = [
        ("batch number", found.batch != expected.batch),
        ("first entry", found.first != expected.first),
        ("previous seal", found.previous != expected.previous),
        (
            "commitment root",
            found.commitment_root != expected.commitment_root,
        ),
        ("identity root", found.identity_root != expected.identity_root),
        ("registry root", found.registry_root != expected.registry_root),
        ("commitments", found.commitments != expected.commitments),
        ("nullifiers", found.nullifiers != expected.nullifiers),
    ];
    let wrong: Vec<_> = parts
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| *name)
        .collect();
    format!(
        "the seal is not what the entries before it lead to ({})",
        wrong.join(", ")
    )
}
