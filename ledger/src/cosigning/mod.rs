//! Asking witnesses to cosign checkpoints (C2SP tlog-witness, the log's side).
//!
//! In rounds: all witnesses that answer are asked about one and the same checkpoint, the newest, so that their
//! cosignatures meet on it; then about the next newest. Nothing waits for a round but who asks to.
//!
//! A ledger whose witnesses vouch for another history, as many of them as are believed (`enough`), acknowledges nothing
//! more: it runs on an old copy of its directory, or was forked. They are asked once before it takes the first entry.
//!
//! A mirror asks its own witness alone, and hears on its primary's checkpoints who else has cosigned.

mod alarm;
mod rows;
mod shown;

use crate::{
    http::client::{self, DEADLINE, Prefix, Unanswered},
    sequencer::{Command, Published, Stopped},
    service::read,
    store::Store,
    table::{Base, StoreError, Table},
    witness::{self, Witness, request::AddCheckpoint},
};
use alarm::Alarm;
pub use alarm::Contradicted;
pub(crate) use alarm::Heed;
use hyper::StatusCode;
use medproof_verifier::cosignature::{CosignatureError, WitnessKey, attach};
pub(crate) use rows::{check_row, note};
use shown::Head;
pub(crate) use shown::{Cosigned, Set, lines_of};
use std::{
    path::PathBuf,
    sync::{Arc, mpsc::SyncSender},
    time::Duration,
};
use tokio::{
    sync::{oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::{self, Instant},
};

/// Wait after a witness' first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest wait before a witness is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Requests to one witness in one round: the first may be answered with the size that it knows.
const ATTEMPTS: usize = 3;

/// A witness and where it is asked.
#[derive(Debug, Clone)]
pub struct WitnessAddress {
    /// Its key.
    pub key: WitnessKey,
    /// Its submission prefix.
    pub prefix: Prefix,
}

/// A witness that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Cosignatory {
    pub(crate) key: WitnessKey,
    pub(crate) place: Place,
}

/// Where a witness is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Over HTTP.
    At(Prefix),
    /// In this process: a mirror's own.
    Here(Arc<Witness>),
}

impl Place {
    /// Gives a request to the witness; status and body of its answer.
    async fn submit(&self, body: Vec<u8>) -> Result<(StatusCode, Vec<u8>), NotCosigned> {
        match self {
            Self::At(prefix) => Ok(client::post(prefix, "add-checkpoint", body).await?),
            Self::Here(witness) => {
                let witness = Arc::clone(witness);
                let submitted = tokio::task::spawn_blocking(move || witness::submit(&witness, &body));
                submitted.await.map_err(|_| NotCosigned::Stopped)
            }
        }
    }
}

impl From<WitnessAddress> for Cosignatory {
    fn from(address: WitnessAddress) -> Self {
        Self {
            key: address.key,
            place: Place::At(address.prefix),
        }
    }
}

/// What a mirror has read at its primary: a checkpoint of its own log, with lines that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Entries that it covers; the mirror has them, under the same root.
    pub(crate) size: u64,
    /// The checkpoint with the log's signature alone.
    pub(crate) plain: Vec<u8>,
    /// As it was read.
    pub(crate) note: Vec<u8>,
}

/// Witnesses that are not asked: their cosignatures are heard.
pub(crate) struct Others {
    pub(crate) keys: Vec<WitnessKey>,
    pub(crate) heard: watch::Receiver<Option<Heard>>,
}

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("it answers with status {0}")]
    Status(u16),
    #[error(
        "it has cosigned {latest} entries of this log, of which only {size} are here: this may be an old copy"
    )]
    Ahead { latest: u64, size: u64 },
    #[error("it has cosigned another root for {0} entries: the log was forked")]
    Forked(u64),
    #[error(
        "it answers that it knows {latest} entries, and has cosigned {before}: it has lost its memory, and would cosign a \
         second history. It needs a new key"
    )]
    Forgot { latest: u64, before: u64 },
    #[error("it answers that it knows {0} entries, and that it does not")]
    Denied(u64),
    #[error("it answers another size each time")]
    Restless,
    #[error("its answer is refused: {0}")]
    Answer(#[from] CosignatureError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the request was cut off")]
    Stopped,
}

impl NotCosigned {
    /// Whether the witness vouches for a history that is not the one here.
    fn contradicts(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Forked(_))
    }
}

/// A witness as the ledger sees it.
struct Asked {
    witness: Cosignatory,
    /// Its last word was that it vouches for another history.
    contradicts: bool,
    /// It has said in this process what it knows.
    answered: bool,
    /// The size that it is thought to have cosigned last.
    known: u64,
    /// The size that it cosigned last, as far as this process knows.
    cosigned: u64,
    failures: u32,
    again: Instant,
}

impl Asked {
    /// Whether it is to be asked about the checkpoint of this size. One whose cosignature an earlier run has kept may have
    /// seen more since.
    fn is_open(&self, size: u64) -> bool {
        !self.answered || self.cosigned != size
    }
}

/// Requests of a round: which witness, and its answer.
type Requests = JoinSet<(usize, Result<Vec<u8>, NotCosigned>)>;

/// The task that asks.
pub(crate) struct Cosigning {
    store: Store,
    published: watch::Receiver<Arc<Published>>,
    witnesses: Vec<Asked>,
    /// Keys of all witnesses: first those that are asked, then the others.
    keys: Vec<WitnessKey>,
    heard: Option<watch::Receiver<Option<Heard>>>,
    /// `None` for a mirror, which halts by itself.
    alarm: Option<Alarm>,
    cosigned: watch::Sender<Arc<Cosigned>>,
    /// The checkpoint of this round.
    head: Head,
}

/// A handle to the task, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    cosigned: watch::Receiver<Arc<Cosigned>>,
    heed: Heed,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Cosigned>> {
        self.cosigned.clone()
    }

    /// What the witnesses are heard to say of the ledger itself.
    pub(crate) fn heed(&self) -> &Heed {
        &self.heed
    }

    /// Ends the task and lets go of the store.
    pub(crate) async fn shutdown(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

impl Cosigning {
    /// Begins to ask `witnesses`; `quorum` of them make a checkpoint that is shown. Where [`enough`] contradict the ledger,
    /// its directory is marked and its sequencer told.
    pub(crate) fn start(
        (store, directory): (Store, PathBuf),
        published: watch::Receiver<Arc<Published>>,
        (stopped, commands): (Stopped, SyncSender<Command>),
        witnesses: Vec<Cosignatory>,
        quorum: usize,
    ) -> Result<Running, StoreError> {
        let alarm = Some(Alarm::new(
            enough(quorum, witnesses.len()),
            directory,
            (stopped, commands),
        ));
        let shown = (quorum, Set::default());
        Self::begin((store, published), witnesses, None, alarm, shown)
    }

    /// Begins to ask a mirror's own witness and to hear of others; what its own has cosigned is shown.
    pub(crate) fn start_mirror(
        store: Store,
        published: watch::Receiver<Arc<Published>>,
        own: Cosignatory,
        others: Others,
    ) -> Result<Running, StoreError> {
        let shown = (1, Set::of(0));
        Self::begin((store, published), vec![own], Some(others), None, shown)
    }

    fn begin(
        (store, published): (Store, watch::Receiver<Arc<Published>>),
        witnesses: Vec<Cosignatory>,
        others: Option<Others>,
        alarm: Option<Alarm>,
        quorum: (usize, Set),
    ) -> Result<Running, StoreError> {
        let mut keys: Vec<WitnessKey> = witnesses.iter().map(|w| w.key.clone()).collect();
        let heard = others.map(|others| {
            keys.extend(others.keys);
            others.heard
        });
        let mut cosigned = Cosigned::new(&keys, quorum, rows::load(&store, &keys)?);
        // What a quorum has cosigned before the restart is shown until one cosigns anew.
        if let Some(size) = cosigned.newest_quorate()
            && let Some(plain) = store.get(Table::Checkpoint, &size.to_be_bytes())?
        {
            cosigned.add(rows::taken_up(&store, (size, &plain), &keys)?);
        }
        let before: Vec<u64> = cosigned.witnesses.iter().map(|(_, size)| *size).collect();
        let sender = watch::Sender::new(Arc::new(cosigned));
        let receiver = sender.subscribe();
        let heed = alarm.as_ref().map(Alarm::heed).unwrap_or_default();
        let now = Instant::now();
        let witnesses = witnesses.into_iter().zip(before).map(|(witness, known)| Asked {
            witness,
            contradicts: false,
            answered: alarm.is_none(),
            known,
            cosigned: 0,
            failures: 0,
            again: now,
        });
        let cosigning = Self {
            store,
            published,
            witnesses: witnesses.collect(),
            keys,
            heard,
            alarm,
            cosigned: sender,
            head: Head::default(),
        };
        let (stop, stopped) = oneshot::channel();
        Ok(Running {
            cosigned: receiver,
            heed,
            stop,
            task: tokio::spawn(cosigning.run(stopped)),
        })
    }

    /// Runs until it is told to stop or the ledger stops acknowledging.
    async fn run(mut self, stopped: oneshot::Receiver<()>) {
        let mut requests = JoinSet::new();
        tokio::select! {
            () = self.rounds(&mut requests) => {}
            _ = stopped => {}
        }
        requests.shutdown().await;
    }

    async fn rounds(&mut self, requests: &mut Requests) {
        if self.alarm.is_some() {
            let published = self.published.borrow_and_update().clone();
            self.turn_to(published.head.size, &published.checkpoint);
            // Those too whose cosignature is here: an old copy holds old cosignatures.
            let all: Vec<usize> = (0..self.witnesses.len()).collect();
            self.round(&all, requests).await;
        }
        if let Some(alarm) = &self.alarm {
            alarm.asked();
        }
        while !self.is_contradicted().await {
            let published = self.published.borrow_and_update().clone();
            if !published.healthy {
                return;
            }
            let size = published.head.size;
            if self.head.size != size {
                self.turn_to(size, &published.checkpoint);
            }
            let now = Instant::now();
            let open: Vec<usize> = (0..self.witnesses.len())
                .filter(|i| self.witnesses[*i].is_open(size))
                .collect();
            let due: Vec<usize> = open
                .iter()
                .copied()
                .filter(|i| self.witnesses[*i].again <= now)
                .collect();
            if !due.is_empty() {
                self.round(&due, requests).await;
                continue;
            }
            let next = open.iter().map(|i| self.witnesses[*i].again).min();
            let pause = async {
                match next {
                    Some(at) => time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.published.changed() => if changed.is_err() { return },
                heard = next_heard(&mut self.heard) => self.hear(&heard),
                () = pause => {}
            }
        }
    }

    /// Whether so many witnesses contradict the ledger that it must stop; tells it so then.
    async fn is_contradicted(&self) -> bool {
        let contradicting = self.witnesses.iter().filter(|asked| asked.contradicts).count();
        match &self.alarm {
            Some(alarm) => alarm.judge(contradicting, self.witnesses.len()).await,
            None => false,
        }
    }

    /// Takes up another checkpoint, with what an earlier run or a primary has of its cosignatures.
    fn turn_to(&mut self, size: u64, plain: &[u8]) {
        self.head = rows::taken_up(&self.store, (size, plain), &self.keys).unwrap_or_else(|error| {
            tracing::warn!(%error, size, "its cosignatures are asked for again");
            Head::plain(size, plain.to_vec())
        });
        let by = self.head.by;
        for (place, asked) in self.witnesses.iter_mut().enumerate().filter(|(i, _)| by.has(*i)) {
            (asked.known, asked.cosigned) = (size, size);
            tracing::debug!(place, size, "cosigned before");
        }
        if by.len() > 0 {
            let head = self.head.clone();
            self.cosigned
                .send_modify(|cosigned| Arc::make_mut(cosigned).add(head));
        }
    }

    /// Keeps those cosignatures on a primary's checkpoint that hold.
    fn hear(&mut self, heard: &Heard) {
        let head = match heard.size == self.head.size {
            true => Ok(self.head.clone()),
            false => self.earlier(heard),
        };
        let kept = head.and_then(|mut head| match head.gather(&heard.note, &self.keys) {
            true => self.keep(head),
            false => Ok(()),
        });
        if let Err(error) = kept {
            tracing::warn!(%error, "cosignatures at the primary are not kept");
        }
    }

    /// A checkpoint that is not the one at hand, as it is stored.
    fn earlier(&self, heard: &Heard) -> Result<Head, StoreError> {
        let plain = self.store.get(Table::Checkpoint, &heard.size.to_be_bytes())?;
        let plain = plain.unwrap_or_else(|| heard.plain.clone());
        rows::taken_up(&self.store, (heard.size, &plain), &self.keys)
    }

    /// Asks these witnesses about the checkpoint at hand, all at once. Ends with the answer that makes those enough which
    /// contradict the ledger: one that is slow must not keep the others from being believed.
    async fn round(&mut self, due: &[usize], requests: &mut Requests) {
        for &i in due {
            let (store, head) = (self.store.clone(), self.head.clone());
            let (place, known) = (self.witnesses[i].witness.place.clone(), self.witnesses[i].known);
            let before = self.cosigned.borrow().witnesses[i].1;
            requests.spawn(async move {
                let asked = time::timeout(DEADLINE, ask(&store, &place, (known, before), &head)).await;
                (i, asked.unwrap_or(Err(Unanswered::Deadline(DEADLINE).into())))
            });
        }
        while let Some(done) = requests.join_next().await {
            // A task that has panicked says nothing of its witness, which is asked again in the next round.
            let Ok((i, answer)) = done else { continue };
            let taken = match answer {
                Ok(answer) => self.take(i, &answer),
                Err(error) => Err(error),
            };
            let witness = &mut self.witnesses[i];
            match taken {
                Ok(()) => {
                    witness.answered = true;
                    witness.contradicts = false;
                    witness.known = self.head.size;
                    witness.cosigned = self.head.size;
                    witness.failures = 0;
                }
                Err(error) => {
                    if let NotCosigned::Ahead { latest, .. } = error
                        && latest <= self.published.borrow().head.size
                    {
                        // Somebody else has shown it a checkpoint that was published meanwhile: it is asked about the newest.
                        witness.known = latest;
                        continue;
                    }
                    // One that does not answer has not taken its word back.
                    witness.contradicts |= error.contradicts();
                    witness.answered |= error.contradicts();
                    let pause = FIRST_PAUSE.saturating_mul(1 << witness.failures.min(10));
                    witness.failures += 1;
                    witness.again = Instant::now() + pause.min(LONGEST_PAUSE);
                    let name = witness.witness.key.name();
                    match error {
                        NotCosigned::Forgot { .. } => {
                            tracing::error!(%error, witness = name, "no cosignature")
                        }
                        _ => tracing::warn!(%error, witness = name, "no cosignature"),
                    }
                    if witness.contradicts && self.is_contradicted().await {
                        return;
                    }
                }
            }
        }
    }

    /// Adds a witness' answer to the checkpoint at hand, keeps it and shows it.
    fn take(&mut self, i: usize, answer: &[u8]) -> Result<(), NotCosigned> {
        let mut head = self.head.clone();
        if !head.by.has(i) {
            head.note = attach(&head.note, answer, &self.witnesses[i].witness.key)?.0;
            head.by = head.by.and(Set::of(i));
            self.keep(head)?;
        }
        Ok(())
    }

    fn keep(&mut self, head: Head) -> Result<(), StoreError> {
        let mut kept = self.cosigned.borrow().kept.clone();
        kept.insert(head.size, head.by);
        let surplus = rows::surplus(&kept);
        rows::keep(&self.store, &head, &surplus)?;
        kept.retain(|size, _| !surplus.contains(size));
        if head.size == self.head.size {
            self.head = head.clone();
        }
        self.cosigned.send_modify(|cosigned| {
            let cosigned = Arc::make_mut(cosigned);
            cosigned.kept = kept;
            cosigned.add(head);
        });
        Ok(())
    }
}

/// What is heard next; never, where nothing is.
async fn next_heard(heard: &mut Option<watch::Receiver<Option<Heard>>>) -> Heard {
    if let Some(heard) = heard {
        while heard.changed().await.is_ok() {
            if let Some(heard) = heard.borrow_and_update().clone() {
                return heard;
            }
        }
    }
    std::future::pending().await
}

/// How many witnesses must contradict a ledger to be believed: a quorum of them (most of them, where there is none), or so
/// many that no quorum is left beside them. One of several is believed only where one is a quorum.
fn enough(quorum: usize, witnesses: usize) -> usize {
    let quorum = match quorum {
        0 => witnesses / 2 + 1,
        quorum => quorum,
    };
    let left_out = (witnesses + 1).saturating_sub(quorum);
    quorum.min(left_out.max(2))
}

/// Asks one witness, which is thought to know the first `old` leaves and has cosigned the first `before`, to cosign a
/// checkpoint.
async fn ask(
    store: &Store,
    place: &Place,
    (mut old, before): (u64, u64),
    head: &Head,
) -> Result<Vec<u8>, NotCosigned> {
    for _ in 0..ATTEMPTS {
        let size = head.size;
        let proof = match old {
            0 => vec![],
            same if same == size => vec![],
            old => {
                let store = store.clone();
                let proof = tokio::task::spawn_blocking(move || read::consistency(&store, old, size));
                proof.await.map_err(|_| NotCosigned::Stopped)??
            }
        };
        let asked = AddCheckpoint {
            old,
            proof,
            checkpoint: head.note.clone(),
        };
        let (status, answer) = place.submit(asked.to_bytes()).await?;
        match status.as_u16() {
            200 => return Ok(answer),
            409 => {
                let latest = std::str::from_utf8(&answer).ok();
                let latest = latest.and_then(|text| text.strip_suffix('\n')?.parse::<u64>().ok());
                let latest = latest.ok_or(NotCosigned::Status(409))?;
                if latest > size {
                    return Err(NotCosigned::Ahead { latest, size });
                }
                if latest < before {
                    return Err(NotCosigned::Forgot { latest, before });
                }
                if latest == old && latest == size {
                    return Err(NotCosigned::Forked(latest));
                }
                if latest == old {
                    return Err(NotCosigned::Denied(latest));
                }
                old = latest;
            }
            // The proof is right, so the root that the witness knows for the first `old` leaves is not that of this log.
            422 if old > 0 => return Err(NotCosigned::Forked(old)),
            other => return Err(NotCosigned::Status(other)),
        }
    }
    Err(NotCosigned::Restless)
}

#[cfg(test)]
mod tests;
