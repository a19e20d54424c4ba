//! One order for all entries: takes checked entries, judges them batch by batch, and hands each sealed batch to the
//! writer. While that makes a batch durable, the next is judged against the state after it; at most one is on its
//! way, and none of the next is written, signed or answered before it is durable.

mod writer;

use crate::{
    clock::Clock,
    cosigning::Contradicted,
    refusal::Refusal,
    rules::Rules,
    signed_record::SignedRecord,
    state::{Effects, Head, State},
    store::Store,
    submission::Submission,
    table::StoreError,
};
use medproof_verifier::LogSigner;
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};
use writer::{Handle, Sealed, Work, Writer};

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

/// Set once witnesses vouch for another history; the writer looks at it at each step.
pub(crate) type Stopped = Arc<OnceLock<Contradicted>>;

/// What the sequencer is asked.
pub(crate) enum Command {
    Append(Box<Submission>, Reply),
    /// Copy the database to this directory, between two batches: those of what was asked before and after. Gives the
    /// checkpoint of what is in the copy.
    Backup(PathBuf, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    /// Witnesses vouch for another history: acknowledge nothing more. It wakes a sequencer that has nothing to do; one that is
    /// at work finds [`Stopped`] set before.
    Contradicted(Contradicted),
    Stop,
}

/// What follows a batch.
enum Next {
    Batch,
    Backup(PathBuf, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    Failed(Failure),
    Stop,
}

/// Why nothing more is acknowledged.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Contradicted(Contradicted),
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
    /// With the batch that the writer has.
    state: State<Store>,
    writer: Writer,
    clock: Arc<dyn Clock>,
    limits: BatchLimits,
}

impl Sequencer {
    /// Signs the store's head and takes over. The caller has checked the store (`recovery`).
    pub(crate) fn start(
        state: State<Store>,
        store: Store,
        signer: LogSigner,
        record: SignedRecord,
        clock: Arc<dyn Clock>,
        limits: BatchLimits,
    ) -> Result<Self, StoreError> {
        let root = state.log_root(state.head().size)?;
        let writer = Writer::new(store, signer, record, state.head(), state.rules(), root)?;
        Ok(Self {
            state,
            writer,
            clock,
            limits,
        })
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.writer.subscribe()
    }

    /// Ends all writing when it is set.
    pub(crate) fn stopped(&self) -> Stopped {
        self.writer.stopped()
    }

    /// Starts the threads, which run until they are told to stop, every sender is gone, or the store fails. The handle
    /// is that of the last to end.
    pub(crate) fn spawn(self, commands: Receiver<Command>) -> io::Result<thread::JoinHandle<()>> {
        let Self {
            state,
            writer,
            clock,
            limits,
        } = self;
        let judge = Judge { state, clock, limits };
        let writer = writer.spawn()?;
        let run = move || judge.run(&commands, writer);
        thread::Builder::new().name("sequencer".into()).spawn(run)
    }
}

/// The thread that judges.
struct Judge {
    state: State<Store>,
    clock: Arc<dyn Clock>,
    limits: BatchLimits,
}

impl Judge {
    fn run(mut self, commands: &Receiver<Command>, writer: Handle) {
        while let Some((batch, next)) = self.collect(commands) {
            if let Next::Failed(failure) = next {
                // What was collected would be of a second history. It is dropped, unanswered, once the writer has told
                // everyone.
                let _ = writer.give(Work::Failed(failure));
                return writer.finish();
            }
            let (submissions, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let healthy = match self.process(&submissions) {
                Ok((sealed, answers)) => {
                    let answers = replies.into_iter().zip(answers).collect();
                    writer.give(Work::Batch(sealed.map(Box::new), answers))
                }
                Err(error) => {
                    // The replies are dropped, unanswered, once the writer has told everyone.
                    let _ = writer.give(Work::Failed(error.into()));
                    return writer.finish();
                }
            };
            let healthy = healthy
                && match next {
                    Next::Batch => true,
                    Next::Stop | Next::Failed(_) => break,
                    Next::Backup(path, reply) => writer.give(Work::Backup(path, reply)),
                };
            // The state is ahead of the store for good.
            if !healthy {
                break;
            }
        }
        writer.finish();
    }

    /// The next batch, which may be empty, and what follows it; `None` when there is nothing left to do.
    fn collect(&self, commands: &Receiver<Command>) -> Option<(Vec<Waiting>, Next)> {
        let mut batch = match commands.recv() {
            Ok(Command::Append(submission, reply)) => vec![(submission, reply)],
            Ok(Command::Backup(path, reply)) => return Some((vec![], Next::Backup(path, reply))),
            Ok(Command::Contradicted(by)) => {
                return Some((vec![], Next::Failed(Failure::Contradicted(by))));
            }
            Ok(Command::Stop) | Err(_) => return None,
        };
        let until = Instant::now() + self.limits.wait;
        while batch.len() < self.limits.entries {
            match commands.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Command::Append(submission, reply)) => batch.push((submission, reply)),
                Ok(Command::Backup(path, reply)) => return Some((batch, Next::Backup(path, reply))),
                Ok(Command::Contradicted(by)) => {
                    return Some((batch, Next::Failed(Failure::Contradicted(by))));
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Some((batch, Next::Stop)),
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Some((batch, Next::Batch))
    }

    /// Judges a batch and seals what was accepted. Gives the answers, in order.
    fn process(&mut self, batch: &[Box<Submission>]) -> Result<Processed, StoreError> {
        // The machine's clock may be set back; the ledger's time never runs back.
        let time = self.clock.now().max(self.state.head().time);
        let mut answers = Vec::with_capacity(batch.len());
        for submission in batch {
            match self.judge(submission, time) {
                Err(Refusal::Store(error)) => return Err(error),
                answer => answers.push(answer),
            }
        }
        if self.state.pending() == 0 {
            return Ok((None, answers));
        }
        let sealed = match self.state.seal(time) {
            Ok(sealed) => sealed,
            Err(Refusal::Store(error)) => return Err(error),
            // `time` is not below the last seal's, there is an entry, and sealing refuses nothing else.
            Err(other) => return Err(StoreError::damaged(other.to_string())),
        };
        let sealed = Sealed {
            rows: self.state.hand_over(),
            size: sealed.size,
            root: sealed.root,
            head: self.state.head().clone(),
            rules: Arc::clone(self.state.rules()),
        };
        Ok((Some(sealed), answers))
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

/// The batch to be written, if anything was accepted, and the answers to all of it.
type Processed = (Option<Sealed>, Vec<Result<Outcome, Refusal>>);

#[cfg(test)]
mod tests;
