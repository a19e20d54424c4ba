//! A bounded queue of proving jobs: by count, by client and by bytes; fair between clients; with
//! deadlines, cancellation between stages and a graceful end.
//!
//! Jobs of one client are served in order, clients in turn. A job that nobody waits for any longer (its
//! [`Ticket`] was dropped) leaves the queue at once, with its witness, or stops at its next stage.

mod control;
#[cfg(test)]
mod tests;

pub use control::{Control, Event, Status, Ticket};

use crate::Stopped;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::AtomicBool, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// How much a queue holds, waiting and running together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that run at once, each on a thread of its own: their proofs share the cores, and while one assigns its
    /// witness, which takes one core, another proves.
    pub workers: usize,
    /// Jobs of all clients.
    pub jobs: usize,
    /// Jobs of one client.
    pub jobs_per_client: usize,
    /// Bytes of all jobs.
    pub bytes: usize,
}

impl Default for Limits {
    /// Two jobs at a time (`docs/adr/008-workers.md`), 64 jobs, 16 a client, 64 MiB.
    fn default() -> Self {
        Self {
            workers: 2,
            jobs: 64,
            jobs_per_client: 16,
            bytes: 64 << 20,
        }
    }
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full.
    #[error("the prover's queue is full; try again in {} ms", retry_after.as_millis())]
    Full {
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// This client has its share of the queue already.
    #[error("this client has {limit} jobs in the queue already; try again in {} ms", retry_after.as_millis())]
    ClientFull {
        /// Jobs that one client may have.
        limit: usize,
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// The job is larger than the whole queue may be.
    #[error("a job of {bytes} bytes exceeds the queue's {limit}")]
    TooLarge {
        /// Bytes of the job.
        bytes: usize,
        /// Bytes of the queue.
        limit: usize,
    },
    /// The queue takes no more jobs.
    #[error("the prover is shutting down")]
    Closed,
}

/// Why a job that was taken has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It was given up.
    #[error("the job was given up: {0}")]
    Stopped(#[from] Stopped),
    /// It panicked; the queue goes on.
    #[error("the job failed unexpectedly")]
    Panicked,
    /// The queue ended before its turn.
    #[error("the prover shut down before the job's turn")]
    Closed,
}

/// A job: computes its result, telling the control about each stage.
pub type Work<T> = Box<dyn FnOnce(&Control) -> T + Send>;

struct Entry<T> {
    id: u64,
    client: String,
    bytes: usize,
    work: Work<T>,
    control: Control,
    done: oneshot::Sender<Result<T, JobError>>,
}

struct State<T> {
    open: bool,
    next_id: u64,
    waiting: HashMap<String, VecDeque<Entry<T>>>,
    /// Clients with waiting jobs, the next to be served first.
    turns: VecDeque<String>,
    /// Jobs of each client, waiting and running.
    held: BTreeMap<String, usize>,
    jobs: usize,
    bytes: usize,
    running: HashMap<u64, Arc<AtomicBool>>,
    /// Moving average of a job's running time.
    typical: Duration,
}

impl<T> State<T> {
    /// The next job, clients in turn.
    fn pop(&mut self) -> Option<Entry<T>> {
        let client = self.turns.pop_front()?;
        let jobs = self.waiting.get_mut(&client)?;
        let entry = jobs.pop_front();
        if jobs.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        entry
    }

    /// Takes a waiting job out.
    fn remove(&mut self, client: &str, id: u64) -> Option<Entry<T>> {
        let jobs = self.waiting.get_mut(client)?;
        let at = jobs.iter().position(|entry| entry.id == id)?;
        let entry = jobs.remove(at);
        if jobs.is_empty() {
            self.waiting.remove(client);
            self.turns.retain(|c| c != client);
        }
        entry
    }

    fn release(&mut self, client: &str, bytes: usize) {
        self.jobs -= 1;
        self.bytes -= bytes;
        if let Some(count) = self.held.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(client);
            }
        }
    }

    /// Tells every waiting job how many are before it: one of each client a round.
    fn publish_positions(&self) {
        for (turn, client) in self.turns.iter().enumerate() {
            for (round, entry) in self.waiting.get(client).into_iter().flatten().enumerate() {
                let before = |(other, name): (usize, &String)| {
                    let jobs = self.waiting.get(name).map_or(0, VecDeque::len);
                    if other == turn {
                        round
                    } else {
                        jobs.min(round + usize::from(other < turn))
                    }
                };
                let ahead = self.turns.iter().enumerate().map(before).sum();
                entry.control.publish(Status::Queued { ahead });
            }
        }
    }

    fn retry_after(&self, workers: usize) -> Duration {
        let rounds = self.jobs.div_ceil(workers.max(1)).max(1) as u32;
        // A place is free when the next job ends; half the queue's time spreads the retries.
        (self.typical * rounds / 2).clamp(Duration::from_millis(50), Duration::from_secs(60))
    }
}

struct Shared<T> {
    limits: Limits,
    state: Mutex<State<T>>,
    /// Signalled when a job was added, a job ended or the queue was closed.
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Jobs run outside the lock and under `catch_unwind`; nothing inside it panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bounded, fair queue with its worker threads.
pub struct Queue<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    workers: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the workers.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(limits: Limits) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            limits,
            state: Mutex::new(State {
                open: true,
                next_id: 0,
                waiting: HashMap::new(),
                turns: VecDeque::new(),
                held: BTreeMap::new(),
                jobs: 0,
                bytes: 0,
                running: HashMap::new(),
                typical: Duration::from_secs(1),
            }),
            changed: Condvar::new(),
        });
        let workers = (0..limits.workers.max(1)).map(|n| {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("prover-{n}"))
                .spawn(move || work(&shared))
        });
        let workers = workers.collect::<Result<_, _>>()?;
        Ok(Self {
            shared,
            workers: Mutex::new(workers),
        })
    }

    /// Adds a job of `client` that holds `bytes` and is worth nothing after `deadline`.
    ///
    /// # Errors
    /// [`SubmitError`] when it was not taken.
    pub fn submit(
        &self,
        client: &str,
        bytes: usize,
        deadline: Instant,
        work: Work<T>,
    ) -> Result<Ticket<T>, SubmitError> {
        let limits = &self.shared.limits;
        if bytes > limits.bytes {
            return Err(SubmitError::TooLarge {
                bytes,
                limit: limits.bytes,
            });
        }
        let mut state = self.shared.lock();
        if !state.open {
            return Err(SubmitError::Closed);
        }
        let retry_after = state.retry_after(limits.workers);
        if state.held.get(client).copied().unwrap_or(0) >= limits.jobs_per_client {
            return Err(SubmitError::ClientFull {
                limit: limits.jobs_per_client,
                retry_after,
            });
        }
        if state.jobs >= limits.jobs || state.bytes + bytes > limits.bytes {
            return Err(SubmitError::Full { retry_after });
        }
        let id = state.next_id;
        state.next_id += 1;
        let (done, result) = oneshot::channel();
        let (sender, status) = watch::channel(Status::Queued { ahead: 0 });
        let control = Control::new(deadline, sender);
        let cancelled = control.cancelled();
        let entry = Entry {
            id,
            client: client.to_owned(),
            bytes,
            work,
            control,
            done,
        };
        if !state.waiting.contains_key(client) {
            state.turns.push_back(client.to_owned());
        }
        state
            .waiting
            .entry(client.to_owned())
            .or_default()
            .push_back(entry);
        *state.held.entry(client.to_owned()).or_default() += 1;
        state.jobs += 1;
        state.bytes += bytes;
        state.publish_positions();
        drop(state);
        self.shared.changed.notify_all();
        let (shared, client) = (Arc::clone(&self.shared), client.to_owned());
        let leave = Box::new(move || withdraw(&shared, &client, id));
        Ok(Ticket::new(status, result, deadline, cancelled, leave))
    }

    /// Jobs in the queue, waiting and running.
    pub fn len(&self) -> usize {
        self.shared.lock().jobs
    }

    /// Whether no job is waiting or running.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether jobs are taken.
    pub fn is_open(&self) -> bool {
        self.shared.lock().open
    }

    /// Takes no more jobs, lets those in the queue end within `grace`, stops the rest, and ends the workers.
    /// Blocks until then; calling it again does nothing.
    pub fn drain(&self, grace: Duration) {
        let end = Instant::now() + grace;
        let mut state = self.shared.lock();
        state.open = false;
        self.shared.changed.notify_all();
        while state.jobs > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        while let Some(entry) = state.pop() {
            state.release(&entry.client, entry.bytes);
            // The receiver may have gone.
            let _ = entry.done.send(Err(JobError::Closed));
        }
        for cancelled in state.running.values() {
            cancelled.store(true, Ordering::Release);
        }
        drop(state);
        self.shared.changed.notify_all();
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            // A worker cannot panic: jobs run under `catch_unwind`.
            let _ = worker.join();
        }
    }
}

impl<T: Send + 'static> Drop for Queue<T> {
    fn drop(&mut self) {
        self.drain(Duration::ZERO);
    }
}

/// Takes a job out that nobody waits for; its witness is dropped outside the lock.
fn withdraw<T>(shared: &Shared<T>, client: &str, id: u64) {
    let mut state = shared.lock();
    let entry = state.remove(client, id);
    if let Some(entry) = &entry {
        state.release(client, entry.bytes);
        state.publish_positions();
    }
    drop(state);
    shared.changed.notify_all();
}

fn work<T>(shared: &Shared<T>) {
    loop {
        let mut state = shared.lock();
        let entry = loop {
            if let Some(entry) = state.pop() {
                break entry;
            }
            if !state.open {
                return;
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.running.insert(entry.id, entry.control.cancelled());
        state.publish_positions();
        drop(state);
        let Entry {
            id,
            client,
            bytes,
            work,
            control,
            done,
        } = entry;
        let begin = Instant::now();
        let result = match control.begin() {
            Ok(()) => catch_unwind(AssertUnwindSafe(|| work(&control))).map_err(|_| JobError::Panicked),
            Err(stopped) => {
                drop(work);
                Err(stopped.into())
            }
        };
        let ran = result.is_ok().then(|| begin.elapsed());
        let mut state = shared.lock();
        state.running.remove(&id);
        state.release(&client, bytes);
        if let Some(ran) = ran {
            state.typical = (state.typical * 3 + ran) / 4;
        }
        drop(state);
        // The receiver may have gone.
        let _ = done.send(result);
        shared.changed.notify_all();
    }
}
