//! The one writer: takes checked entries, judges them in order, writes each batch with one synced write,
//! signs the checkpoint, and only then answers.

use crate::{
    clock::Clock,
    refusal::Refusal,
    rules::Rules,
    signed_record::{SignedHead, SignedRecord},
    state::{Effects, Head, State},
    store::Store,
    submission::Submission,
    table::{StoreError, Table},
};
use medproof_verifier::LogSigner;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// Limits of a batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Most entries in a batch, its seal not counted.
    pub entries: usize,
    /// Longest wait for more entries after the first.
    pub wait: Duration,
    /// Most entries that wait for the sequencer; one more is refused.
    pub queue: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self {
            entries: 1024,
            wait: Duration::from_millis(2),
            queue: 4096,
        }
    }
}

/// What the sequencer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) effects: Effects,
    /// The event was in the log already.
    pub(crate) repeated: bool,
}

/// Where to answer.
pub(crate) type Reply = oneshot::Sender<Result<Outcome, Refusal>>;

/// An entry and who waits for it.
type Waiting = (Box<Submission>, Reply);

/// What the sequencer is asked.
pub(crate) enum Command {
    Append(Box<Submission>, Reply),
    /// Copy the database to this directory, between two batches. Gives the checkpoint of what is in the copy.
    Backup(PathBuf, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    Stop,
}

/// What follows a batch.
enum Next {
    Batch,
    Backup(PathBuf, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    Stop,
}

/// The state that readers see: that of the last durable batch.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) head: Head,
    pub(crate) rules: Arc<Rules>,
    /// The latest signed checkpoint.
    pub(crate) checkpoint: Vec<u8>,
    /// False after the first error of store or record: nothing more is acknowledged.
    pub(crate) healthy: bool,
}

/// The sequencer's own side.
pub(crate) struct Sequencer {
    state: State<Store>,
    store: Store,
    signer: LogSigner,
    record: SignedRecord,
    clock: Arc<dyn Clock>,
    limits: BatchLimits,
    published: watch::Sender<Arc<Published>>,
}

impl Sequencer {
    /// Signs the store's head and takes over. The caller has checked the store (`recovery`).
    pub(crate) fn start(
        state: State<Store>,
        store: Store,
        signer: LogSigner,
        mut record: SignedRecord,
        clock: Arc<dyn Clock>,
        limits: BatchLimits,
    ) -> Result<Self, StoreError> {
        let root = state.log_root(state.head().size)?;
        let checkpoint = sign(&signer, &mut record, &store, state.head().size, root)?;
        let published = Published {
            head: state.head().clone(),
            rules: state.rules().clone(),
            checkpoint,
            healthy: true,
        };
        let published = watch::Sender::new(Arc::new(published));
        Ok(Self {
            state,
            store,
            signer,
            record,
            clock,
            limits,
            published,
        })
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    /// Runs until it is told to stop, every sender is gone, or the store fails.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        while let Some((batch, next)) = self.collect(commands) {
            let (submissions, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            match self.process(&submissions) {
                Ok(answers) => {
                    for (reply, answer) in replies.into_iter().zip(answers) {
                        // A client that has gone away may ask again; its entry is in the log.
                        let _ = reply.send(answer);
                    }
                }
                Err(error) => {
                    // Nobody is answered: whoever waits learns, after this, that the ledger is
                    // unavailable, and may repeat the request later.
                    tracing::error!(%error, "the ledger stops acknowledging");
                    self.published.send_modify(|p| Arc::make_mut(p).healthy = false);
                    return;
                }
            }
            match next {
                Next::Batch => {}
                Next::Stop => return,
                Next::Backup(path, reply) => {
                    // Whoever asked may have gone. A copy that fails leaves the store as it is.
                    let _ = reply.send(self.backup(&path));
                }
            }
        }
    }

    fn backup(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        self.store.checkpoint(path)?;
        Ok(self.published.borrow().checkpoint.clone())
    }

    /// The next batch, which may be empty, and what follows it; `None` when there is nothing left to do.
    fn collect(&self, commands: &Receiver<Command>) -> Option<(Vec<Waiting>, Next)> {
        let mut batch = match commands.recv() {
            Ok(Command::Append(submission, reply)) => vec![(submission, reply)],
            Ok(Command::Backup(path, reply)) => return Some((vec![], Next::Backup(path, reply))),
            Ok(Command::Stop) | Err(_) => return None,
        };
        let until = Instant::now() + self.limits.wait;
        while batch.len() < self.limits.entries {
            match commands.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Command::Append(submission, reply)) => batch.push((submission, reply)),
                Ok(Command::Backup(path, reply)) => return Some((batch, Next::Backup(path, reply))),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Some((batch, Next::Stop)),
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Some((batch, Next::Batch))
    }

    /// Judges a batch, makes it durable and publishes it. Gives the answers, in order.
    fn process(&mut self, batch: &[Box<Submission>]) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        // The machine's clock may be set back; the ledger's time never runs back.
        let time = self.clock.now().max(self.state.head().time);
        let mut answers = Vec::with_capacity(batch.len());
        for submission in batch {
            match self.judge(submission, time) {
                Err(Refusal::Store(error)) => return Err(error),
                answer => answers.push(answer),
            }
        }
        if self.state.pending() > 0 {
            let sealed = match self.state.seal(time) {
                Ok(sealed) => sealed,
                Err(Refusal::Store(error)) => return Err(error),
                // `time` is not below the last seal's, and sealing refuses nothing else.
                Err(other) => return Err(StoreError::damaged(other.to_string())),
            };
            self.state.commit()?;
            let checkpoint = sign(
                &self.signer,
                &mut self.record,
                &self.store,
                sealed.size,
                sealed.root,
            )?;
            self.published.send_replace(Arc::new(Published {
                head: self.state.head().clone(),
                rules: self.state.rules().clone(),
                checkpoint,
                healthy: true,
            }));
        }
        Ok(answers)
    }

    fn judge(&mut self, submission: &Submission, time: u64) -> Result<Outcome, Refusal> {
        if let Some(effects) = self.state.find(submission)? {
            return Ok(Outcome {
                effects,
                repeated: true,
            });
        }
        let effects = self.state.apply(submission, time)?;
        Ok(Outcome {
            effects,
            repeated: false,
        })
    }
}

/// Records a head, signs it and keeps the note. The record is durable before the signature exists.
fn sign(
    signer: &LogSigner,
    record: &mut SignedRecord,
    store: &Store,
    size: u64,
    root: [u8; 32],
) -> Result<Vec<u8>, StoreError> {
    record
        .append(SignedHead { size, root })
        .map_err(|e| StoreError::Database(format!("signed-checkpoints: {e}")))?;
    let note = signer
        .sign(size, &root)
        .map_err(|e| StoreError::Database(e.to_string()))?;
    let row = (
        (Table::Checkpoint, size.to_be_bytes().to_vec()),
        Some(note.clone()),
    );
    // Not synced: signing is deterministic, so a lost row is made again at the next start.
    store.write(vec![row], false)?;
    Ok(note)
}

#[cfg(test)]
mod tests;
