//! The CPU pool between the service and the sequencer: decodes what clients send, looks it up, and checks
//! what is new, the proofs of all that is waiting in one batch.
//!
//! A thread takes what has come in since it last looked, up to [`BATCH`] entries, and never waits for more: an
//! idle ledger checks one entry at once, and the batches grow with the load.

use crate::{
    refusal::Refusal,
    sequencer::Published,
    state::{Effects, Event, find_event},
    store::Store,
    submission::{BATCH, Submission, Unproven},
    table::Base,
};
use medproof_verifier::{Entry, entry::DecodeError, inclusion::leaf_hash};
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};
use tokio::sync::{oneshot, watch};

/// An entry that was decoded and looked up.
pub(crate) enum Received {
    /// Its event is in the log.
    Known(Effects),
    /// It is new as of the last batch, and its proof and signatures hold.
    New(Box<Submission>),
}

/// Where to answer.
type Reply = oneshot::Sender<Result<Received, Refusal>>;

/// An entry's bytes and who waits for them.
type Waiting = (Vec<u8>, Reply);

enum Job {
    Check(Vec<u8>, Reply),
    Stop,
}

/// Why an entry is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Too many wait.
    Full,
    /// The pool has stopped.
    Stopped,
}

/// Hands entries to the pool.
#[derive(Debug, Clone)]
pub(crate) struct Intake(SyncSender<Job>);

impl Intake {
    /// Decodes, looks up and checks an entry.
    pub(crate) async fn receive(&self, bytes: Vec<u8>) -> Result<Result<Received, Refusal>, NotTaken> {
        let (reply, answer) = oneshot::channel();
        match self.0.try_send(Job::Check(bytes, reply)) {
            Ok(()) => answer.await.map_err(|_| NotTaken::Stopped),
            Err(TrySendError::Full(_)) => Err(NotTaken::Full),
            Err(TrySendError::Disconnected(_)) => Err(NotTaken::Stopped),
        }
    }
}

/// The threads of the pool.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: SyncSender<Job>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts a thread for each core. At most `queue` entries wait for them.
    pub(crate) fn start(
        store: &Store,
        published: &watch::Receiver<Arc<Published>>,
        queue: usize,
    ) -> io::Result<Self> {
        let (jobs, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores)
            .map(|_| {
                let worker = Worker {
                    store: store.clone(),
                    published: published.clone(),
                    jobs: Arc::clone(&receiver),
                };
                let name = "check".to_owned();
                thread::Builder::new().name(name).spawn(move || worker.run())
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { jobs, threads })
    }

    /// A way to hand entries in.
    pub(crate) fn intake(&self) -> Intake {
        Intake(self.jobs.clone())
    }

    /// Ends the threads after what waits before this call. Blocks.
    pub(crate) fn stop(self) {
        for _ in &self.threads {
            // It fails when every thread is gone.
            let _ = self.jobs.send(Job::Stop);
        }
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

struct Worker {
    store: Store,
    published: watch::Receiver<Arc<Published>>,
    jobs: Arc<Mutex<Receiver<Job>>>,
}

impl Worker {
    fn run(self) {
        while let Some((batch, more)) = self.collect() {
            self.check(batch);
            if !more {
                return;
            }
        }
    }

    /// What waits, and whether to go on after it; `None` when there is nothing left to do.
    fn collect(&self) -> Option<(Vec<Waiting>, bool)> {
        // A thread that panicked left the channel whole.
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(Job::Check(bytes, reply)) = jobs.recv() else {
            return None;
        };
        let mut batch = vec![(bytes, reply)];
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(Job::Check(bytes, reply)) => batch.push((bytes, reply)),
                Ok(Job::Stop) => return Some((batch, false)),
                // Nothing waits, or nobody is left to send: the next `recv` tells.
                Err(_) => break,
            }
        }
        Some((batch, true))
    }

    /// Answers a batch. Rules and size are of one published state.
    fn check(&self, batch: Vec<Waiting>) {
        let published = self.published.borrow().clone();
        let (mut unproven, mut replies) = (Vec::new(), Vec::new());
        let (entries, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let decoded = Entry::from_bytes_all(&entries);
        for ((bytes, entry), reply) in entries.iter().zip(decoded).zip(waiting) {
            match read(bytes, entry, &self.store, &published) {
                Ok(Read::New(entry)) => {
                    unproven.push(Ok(*entry));
                    replies.push(reply);
                }
                // Whoever has gone away needs no answer.
                Ok(Read::Known(effects)) => drop(reply.send(Ok(Received::Known(effects)))),
                Err(refusal) => drop(reply.send(Err(refusal))),
            }
        }
        for (reply, checked) in replies.into_iter().zip(Unproven::prove(unproven)) {
            drop(reply.send(checked.map(|submission| Received::New(Box::new(submission)))));
        }
    }
}

enum Read {
    Known(Effects),
    New(Box<Unproven>),
}

/// The lookup comes first: what was accepted is answered with its receipt, also where the party's key has
/// changed since. Rules and size are of one batch: an entry that these rules refuse is neither in the log
/// up to that size, nor will an earlier copy that still waits be accepted under the party's old key.
fn read(
    bytes: &[u8],
    entry: Result<Entry, DecodeError>,
    store: &Store,
    published: &Published,
) -> Result<Read, Refusal> {
    let entry = entry?;
    let leaf = leaf_hash(bytes);
    let event = Event::of(&entry, leaf);
    let known = find_event(|table, key| store.get(table, key), event)?;
    match known {
        // Beyond the published size an entry has no signed checkpoint yet; the sequencer finds it there.
        Some(effects) if published.healthy && effects.index < published.head.size => Ok(Read::Known(effects)),
        _ => Unproven::new(entry, bytes, (leaf, event), &published.rules)
            .map(|entry| Read::New(Box::new(entry))),
    }
}
