//! Reading a whole ledger as a stranger would, and judging every entry again.

use crate::{
    refusal::Refusal,
    state::State,
    submission::Submission,
    table::MemoryBase,
    waiting::{Waiting, kind},
};
use medproof_proto::ledger_client::{ClientError, Ledger};
use medproof_verifier::{
    Checkpoint, Entry,
    checkpoint::CheckpointError,
    entry::{Kind, NULLIFIER_KINDS, Seal},
};

/// Entries asked for at once.
const CHUNK: u32 = 256;
/// Most problems that are listed; the rest are counted.
const MAX_LISTED: usize = 100;

/// Why an audit could not be made. What is wrong with the ledger's entries is in the report instead.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The latest checkpoint is not the log's.
    #[error("the latest checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The ledger has fewer entries than its checkpoint says, or gives none.
    #[error("the ledger withholds entry {0}, which its checkpoint covers")]
    Withheld(u64),
    /// The first entries are not a genesis and its seal.
    #[error("the log does not begin with the genesis of this ledger and its seal")]
    Genesis,
    /// The state machine's own memory fails.
    #[error(transparent)]
    State(#[from] Refusal),
}

/// Something wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Leaf index.
    pub index: u64,
    /// What is wrong.
    pub reason: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Entries by kind, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
    /// Batches whose seal was recomputed.
    pub batches: u64,
    /// Proofs verified.
    pub proofs: u64,
    /// Commitments in the tree.
    pub commitments: u64,
    /// Nullifiers spent, by kind.
    pub nullifiers: [u64; NULLIFIER_KINDS],
    /// Entries that the checkpoint covers.
    pub size: u64,
    /// The log's root in the checkpoint.
    pub root: [u8; 32],
    /// The first problems, at most 100.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problem_count: u64,
}

impl Report {
    /// Whether the ledger kept every rule.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, index: u64, reason: impl ToString) {
        self.problem_count += 1;
        if self.problems.len() < MAX_LISTED {
            self.problems.push(Problem {
                index,
                reason: reason.to_string(),
            });
        }
    }
}

/// Reads every entry that the latest checkpoint covers, judges each as if it were new (proofs and
/// signatures too), recomputes every root and seal, and compares the log's root with the checkpoint.
/// `progress` is told how many entries are done, of how many.
///
/// # Errors
/// [`AuditError`] when the ledger cannot be read to the end.
pub async fn audit(ledger: &mut Ledger, mut progress: impl FnMut(u64, u64)) -> Result<Report, AuditError> {
    let status = ledger
        .raw()
        .status(medproof_proto::ledger::StatusRequest {})
        .await
        .map_err(ClientError::from)?;
    let checkpoint = Checkpoint::verify(&status.into_inner().checkpoint, ledger.log_key())?;
    let mut auditor = Auditor::default();
    let mut next = 0;
    while next < checkpoint.size() {
        let wanted = u32::try_from(checkpoint.size() - next)
            .unwrap_or(CHUNK)
            .min(CHUNK);
        let entries = ledger.entries(next, wanted).await?;
        if entries.is_empty() || entries.len() > wanted as usize {
            return Err(AuditError::Withheld(next));
        }
        next += entries.len() as u64;
        auditor.take(entries, ledger)?;
        progress(next, checkpoint.size());
    }
    auditor.finish(&checkpoint)
}

/// The audit's state between chunks of entries.
#[derive(Default)]
struct Auditor {
    state: Option<State<MemoryBase>>,
    /// Entries that are not judged yet.
    waiting: Waiting,
    report: Report,
    /// Set when a seal was not the recomputed one: from there on only encodings, proofs and the log's
    /// own hashes are judged.
    diverged: bool,
}

impl Auditor {
    fn take(&mut self, entries: Vec<Vec<u8>>, ledger: &Ledger) -> Result<(), AuditError> {
        self.waiting.extend(entries);
        while let Some(at) = self.waiting.first_seal() {
            match self.state.take() {
                Some(mut state) => {
                    self.judge(&mut state, at)?;
                    self.state = Some(state);
                }
                None => {
                    let batch = self.waiting.take_unjudged(at + 1);
                    self.begin(&batch, ledger)?;
                }
            }
        }
        Ok(())
    }

    /// The batch of GENESIS: both entries must be exactly what the ledger's id leads to.
    fn begin(&mut self, batch: &[Vec<u8>], ledger: &Ledger) -> Result<(), AuditError> {
        let genesis = ledger.genesis();
        let (mut state, sealed) = State::create(MemoryBase::default(), genesis.clone())?;
        state.commit().map_err(Refusal::from)?;
        let expected = [
            Entry::Genesis(genesis.clone()).to_bytes(),
            Entry::Seal(sealed.seal).to_bytes(),
        ];
        if batch != expected {
            return Err(AuditError::Genesis);
        }
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
        if seal.time < state.head().time {
            self.report
                .problem(seal_index, "the seal's time lies before the previous seal's");
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
                state.append_refused(kind, bytes)?;
            } else {
                state.apply(&submission, time)?;
            }
            self.report.proofs += proofs;
            Ok(())
        });
        if let Err(refusal) = judged {
            self.report.problem(index, refusal);
            state.append_refused(kind, bytes).map_err(Refusal::from)?;
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
            state.append_refused(Kind::Seal, bytes).map_err(Refusal::from)?;
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
        Ok(state.append_refused(Kind::Seal, bytes).map_err(Refusal::from)?)
    }

    /// Takes a batch that cannot be judged into the log, so that the root can still be compared.
    fn only_log(&mut self, state: &mut State<MemoryBase>, seal: usize) -> Result<(), AuditError> {
        for bytes in self.waiting.take_unjudged(seal + 1) {
            state
                .append_refused(Kind::Statement, &bytes)
                .map_err(Refusal::from)?;
        }
        self.diverged = true;
        Ok(())
    }

    fn finish(mut self, checkpoint: &Checkpoint) -> Result<Report, AuditError> {
        let state = self.state.take().ok_or(AuditError::Genesis)?;
        let head = state.head();
        let report = &mut self.report;
        report.entries = head.size + self.waiting.len() as u64;
        report.kinds = head.kinds;
        report.commitments = head.commitments;
        report.nullifiers = head.nullifiers;
        report.size = checkpoint.size();
        report.root = *checkpoint.root();
        if self.waiting.len() > 0 {
            report.problem(head.size, "the checkpoint does not end with a seal");
        } else if state.log_root(head.size).map_err(Refusal::from)? != *checkpoint.root() {
            report.problem(head.size, "the log's root is not the checkpoint's");
        }
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
