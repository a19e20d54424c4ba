//! Reading a whole log as a stranger would, by its tiles alone, and judging every entry again.
//!
//! Of the ledger only its key is known. Nothing is believed that does not lead to a checkpoint that this key signed, that
//! enough witnesses have cosigned, and that contains every checkpoint which the auditor has from before: a ledger that
//! shows each reader a history of their own passes none of these.

mod auditor;

use crate::{
    clock::{Clock, SystemClock},
    http::client::Prefix,
    log_reader::{self, LogReader, ReadError, Tiles},
    refusal::Refusal,
};
use auditor::Auditor;
pub(crate) use auditor::{LATER, differences};
use medproof_verifier::{
    Checkpoint,
    checkpoint::CheckpointError,
    cosignature::{Cosignature, CosignatureError, Cosigned, WitnessPolicy},
    entry::{Kind, NULLIFIER_KINDS},
};
use std::{
    cmp::Ordering,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::{runtime::Handle, sync::watch, task};

/// Bundles that wait while others are judged, 256 entries and at most 16 MiB each. One more is in the reader's hands, and
/// one more than these are judged together.
const AHEAD: usize = 4;
/// Pauses before a bundle that did not come is asked for again; after the last the audit ends.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
/// Most problems that are listed; the rest are counted.
const MAX_LISTED: usize = 100;

/// What is audited, and what it is held to.
#[derive(Debug, Clone)]
pub struct AuditConfig {
    /// Where the ledger, or a mirror of it, serves its tiles.
    pub log: Prefix,
    /// The log's key, and how many of which witnesses must have cosigned its checkpoint.
    pub policy: WitnessPolicy,
    /// The ledger's id, where more than the log's key is known of it.
    pub ledger_id: Option<[u8; 32]>,
    /// The auditor's clock: no seal of a production ledger may lie ahead of it by more than [`TIME_TOLERANCE`].
    ///
    /// [`TIME_TOLERANCE`]: crate::clock::TIME_TOLERANCE
    pub clock: Arc<dyn Clock>,
    earlier: Vec<Earlier>,
}

/// A checkpoint that the log's key signed, as the auditor has it from before.
#[derive(Debug, Clone)]
struct Earlier {
    checkpoint: Checkpoint,
    note: Vec<u8>,
}

impl AuditConfig {
    /// An audit of the log at this address, by the machine's clock.
    pub fn new(log: Prefix, policy: WitnessPolicy) -> Self {
        Self {
            log,
            policy,
            ledger_id: None,
            clock: Arc::new(SystemClock),
            earlier: vec![],
        }
    }

    /// Holds the log to a checkpoint that somebody has from before (a signed note): it must be contained.
    ///
    /// # Errors
    /// [`CheckpointError`] when the log's key has not signed it.
    pub fn hold_to(&mut self, note: Vec<u8>) -> Result<(), CheckpointError> {
        let checkpoint = Checkpoint::verify(&note, self.policy.log())?;
        self.earlier.push(Earlier { checkpoint, note });
        Ok(())
    }

    /// Checks that the tree of a checkpoint begins with those of all that are known from before. That one of them is not
    /// reached is said last: it says the least of the ledger.
    fn contained(&self, tiles: &Tiles<'_>, checkpoint: &Checkpoint, note: &[u8]) -> Result<(), AuditError> {
        let mut longer = None;
        for earlier in &self.earlier {
            let agreed = earlier.size();
            if !log_reader::is_size(agreed) {
                return Err(AuditError::Size(agreed));
            }
            let root = match agreed.cmp(&checkpoint.size()) {
                Ordering::Less => tiles.root(agreed)?,
                Ordering::Equal => *checkpoint.root(),
                Ordering::Greater => {
                    longer = longer.or(Some(earlier));
                    continue;
                }
            };
            if root != earlier.root() {
                return Err(earlier.forked(note));
            }
        }
        longer.map_or(Ok(()), |earlier| Err(earlier.withheld(note)))
    }
}

/// A note for a message, line by line. Its signatures may be anybody's, and nobody has checked what their lines say: whatever
/// could move a terminal's cursor or turn the direction of its text is escaped.
fn text(note: &[u8]) -> String {
    let mut text = String::with_capacity(note.len());
    for c in String::from_utf8_lossy(note).chars() {
        match c {
            '\n' | '"' | '\'' => text.push(c),
            other => text.extend(other.escape_debug()),
        }
    }
    text
}

impl Earlier {
    fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    fn root(&self) -> [u8; 32] {
        *self.checkpoint.root()
    }

    fn forked(&self, shown: &[u8]) -> AuditError {
        AuditError::Forked {
            size: self.size(),
            earlier: text(&self.note),
            shown: text(shown),
        }
    }

    fn withheld(&self, shown: &[u8]) -> AuditError {
        AuditError::Withheld {
            size: self.size(),
            earlier: text(&self.note),
            shown: text(shown),
        }
    }
}

/// Why an audit could not be made to its end. What is wrong with the ledger's entries is in the report instead.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log does not answer, or with what is not under its signed root.
    #[error("the log cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The latest checkpoint is not the log's, or not cosigned as the policy asks.
    #[error("the log's checkpoint: {0}{advice}", advice = advice(.0))]
    Checkpoint(#[from] CosignatureError),
    /// A signed checkpoint whose size no ledger has.
    #[error("the ledger has signed a checkpoint of {0} entries, which no ledger has")]
    Size(u64),
    /// The log is not the one that was seen before.
    #[error(
        "the ledger has forked: it has signed two histories. Its log does not contain the checkpoint of {size} entries \
         that was given. Keep both; together they are the proof. Given:\n\n{earlier}\nShown:\n\n{shown}"
    )]
    Forked {
        /// Entries of the checkpoint that was given.
        size: u64,
        /// That checkpoint, with its signatures.
        earlier: String,
        /// The one that is shown.
        shown: String,
    },
    /// The log is shorter than one that was seen before.
    #[error(
        "the log ends before the checkpoint of {size} entries that was given: a mirror, or a copy on the way, may be behind; a \
         ledger that shows this for long withholds what it has signed. Ask again later, or at another address. Given:\n\n\
         {earlier}\nShown:\n\n{shown}"
    )]
    Withheld {
        /// Entries of the checkpoint that was given.
        size: u64,
        /// That checkpoint, with its signatures.
        earlier: String,
        /// The one that is shown.
        shown: String,
    },
    /// The log does not begin with the genesis of this ledger and its seal.
    #[error("entry 0: {0}")]
    Genesis(String),
    /// A batch without an end.
    #[error("no seal follows entry {0} within the limit of a batch")]
    Unsealed(u64),
    /// The state machine's own memory fails.
    #[error(transparent)]
    State(#[from] Refusal),
}

/// What to do about a checkpoint that is refused.
fn advice(error: &CosignatureError) -> &'static str {
    match error {
        CosignatureError::Quorum { .. } => {
            "; witnesses may be away, or whoever hands the log on leaves their cosignatures out: ask again later, or the \
             ledger or a mirror of it at another address"
        }
        _ => "",
    }
}

impl AuditError {
    /// Whether it says something of the ledger, because its key has signed it. What anybody on the way can cause says nothing:
    /// a log that cannot be read or is shown as it was some time ago, cosignatures that are left out or made up.
    pub fn is_verdict(&self) -> bool {
        match self {
            // Also with another origin, which anybody can put this log's name before (`Mismatch::halts`).
            Self::Checkpoint(_) | Self::Read(_) | Self::Withheld { .. } | Self::State(_) => false,
            Self::Size(_) | Self::Forked { .. } | Self::Genesis(_) | Self::Unsealed(_) => true,
        }
    }
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
    /// The ledger's id: the hash of the genesis that the log begins with.
    pub ledger_id: [u8; 32],
    /// A development ledger: its circuits may have keys whose makers can prove anything, and its clock is set by hand.
    pub development: bool,
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
    /// The checkpoint, as it was shown: with its cosignatures, and with lines that nobody has checked.
    pub note: Vec<u8>,
    /// Cosignatures of the policy's witnesses on it.
    pub cosignatures: Vec<Cosignature>,
    /// Sizes of the checkpoints from before that it contains.
    pub contained: Vec<u64>,
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

/// Reads every entry that the latest checkpoint covers, judges each as if it were new (proofs and signatures too), and
/// recomputes every root and seal. The checkpoint must satisfy the policy and contain those that are known from before.
/// `progress` is told how many entries are done, of how many. Needs a tokio runtime; ends when its future is dropped.
///
/// # Errors
/// [`AuditError`] when the log cannot be read to the end, or is not the one that was asked for.
pub async fn audit(
    config: AuditConfig,
    progress: impl FnMut(u64, u64) + Send + 'static,
) -> Result<Report, AuditError> {
    // Gone with this future: whatever is being read for it ends then.
    let (_wanted, stopped) = watch::channel(false);
    let runtime = Handle::current();
    let audited = task::spawn_blocking(move || {
        let log = LogReader::new(config.log.clone(), runtime, stopped).paced();
        whole(&config, &log, progress)
    });
    match audited.await.map_err(task::JoinError::try_into_panic) {
        Ok(report) => report,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => Err(ReadError::Stopped.into()),
    }
}

fn whole(
    config: &AuditConfig,
    log: &LogReader,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, AuditError> {
    let (note, shown) = shown(config, log)?;
    let (checkpoint, size) = (shown.checkpoint.clone(), shown.checkpoint.size());
    if !log_reader::is_size(size) {
        return Err(AuditError::Size(size));
    }
    let tiles = Tiles::new(log, &checkpoint);
    config.contained(&tiles, &checkpoint, &note)?;
    let mut auditor = Auditor::new(config);
    thread::scope(|scope| {
        let (sender, bundles) = sync_channel(AHEAD);
        scope.spawn(move || read(&tiles, &sender));
        let mut done = 0;
        while let Ok(bundle) = bundles.recv() {
            // What was read meanwhile is checked together.
            let mut entries = bundle?;
            for more in bundles.try_iter().take(AHEAD) {
                entries.extend(more?);
            }
            done += entries.len() as u64;
            auditor.take(entries)?;
            progress(done, size);
        }
        Ok::<_, AuditError>(())
    })?;
    auditor.finish(shown, note)
}

/// The latest checkpoint. Witnesses cosign a little after the log has signed: it is asked for again before it is said to have
/// too few cosignatures.
fn shown(config: &AuditConfig, log: &LogReader) -> Result<(Vec<u8>, Cosigned), AuditError> {
    for pause in PAUSES {
        let note = patiently(|| log.checkpoint())?;
        match config.policy.check(&note) {
            Err(CosignatureError::Quorum { .. }) => thread::sleep(pause),
            checked => return Ok((note, checked?)),
        }
    }
    let note = log.checkpoint()?;
    let checked = config.policy.check(&note)?;
    Ok((note, checked))
}

/// Reads every bundle under the checkpoint, until one cannot be read or nobody waits for more.
fn read(tiles: &Tiles<'_>, sender: &SyncSender<Result<Vec<Vec<u8>>, ReadError>>) {
    let mut next = 0;
    while next < tiles.size() {
        let bundle = patiently(|| tiles.entries(next));
        let failed = bundle.is_err();
        next += bundle.as_ref().map_or(0, |entries| entries.len() as u64);
        if sender.send(bundle).is_err() || failed {
            return;
        }
    }
}

/// A long audit does not end over one answer that did not come.
fn patiently<T>(read: impl Fn() -> Result<T, ReadError>) -> Result<T, ReadError> {
    for pause in PAUSES {
        match read() {
            Err(ReadError::Unreachable(error)) => {
                tracing::warn!(%error, "asked again");
                thread::sleep(pause);
            }
            other => return other,
        }
    }
    read()
}

#[cfg(test)]
mod tests;
