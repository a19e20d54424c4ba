//! Asking witnesses to cosign checkpoints (C2SP tlog-witness, the log's side).
//!
//! In rounds: all witnesses that answer are asked about one and the same checkpoint, the newest, so that their
//! cosignatures meet on it; then about the next newest. Nothing waits for a round but who asks to.

mod rows;

use crate::{
    http::client::{self, DEADLINE, Prefix, Unanswered},
    sequencer::Published,
    service::read,
    store::Store,
    table::StoreError,
    witness::{self, Witness, request::AddCheckpoint},
};
use hyper::StatusCode;
use medproof_verifier::cosignature::{CosignatureError, WitnessKey, attach};
pub(crate) use rows::{check_row, find};
use rows::{keep, newest};
use std::{sync::Arc, time::Duration};
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

/// A checkpoint with cosignatures.
#[derive(Debug, Clone)]
struct Head {
    size: u64,
    note: Vec<u8>,
    count: usize,
}

/// What witnesses have cosigned so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cosigned {
    /// The newest checkpoint that any witness has cosigned.
    latest: Option<Head>,
    /// The newest one that a quorum has cosigned.
    quorate: Option<Head>,
    /// The size of the largest tree with at least `n + 1` cosignatures, for each n.
    reached: Vec<u64>,
    /// Name of each witness and the size that it cosigned last.
    pub(crate) witnesses: Vec<(String, u64)>,
    /// Keys of the witnesses, as text.
    pub(crate) keys: Vec<String>,
    /// How many of them make a quorum.
    pub(crate) quorum: usize,
}

impl Cosigned {
    /// Whether a checkpoint that covers leaf `index` has at least this many cosignatures.
    pub(crate) fn covers(&self, index: u64, count: usize) -> bool {
        match count.checked_sub(1) {
            Some(at) => self.reached.get(at).is_some_and(|size| *size > index),
            None => true,
        }
    }

    /// The checkpoint to show: the newest that a quorum has cosigned, with what other cosignatures it has. Before
    /// there is one, the newest of all.
    pub(crate) fn shown(&self, published: &Published) -> Vec<u8> {
        let newest = self.latest.as_ref().filter(|l| l.size == published.head.size);
        match self.quorate.as_ref().or(newest) {
            Some(head) => head.note.clone(),
            None => published.checkpoint.clone(),
        }
    }

    fn add(&mut self, head: Head, quorum: usize, witness: usize) {
        if let Some((_, size)) = self.witnesses.get_mut(witness) {
            *size = head.size;
        }
        for reached in self.reached.iter_mut().take(head.count) {
            *reached = (*reached).max(head.size);
        }
        if quorum > 0 && head.count >= quorum {
            self.quorate = Some(head.clone());
        }
        self.latest = Some(head);
    }
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
    #[error("it answers another size each time")]
    Restless,
    #[error("its answer is refused: {0}")]
    Answer(#[from] CosignatureError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the request was cut off")]
    Stopped,
}

/// A witness as the ledger sees it.
struct Asked {
    witness: Cosignatory,
    /// The size that it is thought to have cosigned last.
    known: u64,
    /// The size that it cosigned last for this process.
    cosigned: u64,
    failures: u32,
    again: Instant,
}

/// Requests of a round: which witness, and its answer.
type Requests = JoinSet<(usize, Result<Vec<u8>, NotCosigned>)>;

/// The task that asks.
pub(crate) struct Cosigning {
    store: Store,
    published: watch::Receiver<Arc<Published>>,
    witnesses: Vec<Asked>,
    quorum: usize,
    cosigned: watch::Sender<Arc<Cosigned>>,
    /// The checkpoint of this round.
    head: Head,
}

/// A handle to the task, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    cosigned: watch::Receiver<Arc<Cosigned>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Cosigned>> {
        self.cosigned.clone()
    }

    /// Ends the task and lets go of the store.
    pub(crate) async fn shutdown(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

impl Cosigning {
    /// Begins to ask `witnesses`; `quorum` of them make a checkpoint that is shown.
    pub(crate) fn start(
        store: Store,
        published: watch::Receiver<Arc<Published>>,
        witnesses: Vec<Cosignatory>,
        quorum: usize,
    ) -> Result<Running, StoreError> {
        let mut cosigned = Cosigned {
            reached: vec![0; witnesses.len()],
            witnesses: witnesses.iter().map(|w| (w.key.name().to_owned(), 0)).collect(),
            keys: witnesses.iter().map(|w| w.key.to_string()).collect(),
            quorum,
            ..Cosigned::default()
        };
        // What a quorum has cosigned before the restart is shown until one cosigns anew.
        if quorum > 0 {
            cosigned.quorate = newest(&store, quorum)?;
        }
        let sender = watch::Sender::new(Arc::new(cosigned));
        let receiver = sender.subscribe();
        let now = Instant::now();
        let witnesses = witnesses.into_iter().map(|witness| Asked {
            witness,
            known: 0,
            cosigned: 0,
            failures: 0,
            again: now,
        });
        let cosigning = Self {
            store,
            published,
            witnesses: witnesses.collect(),
            quorum,
            cosigned: sender,
            head: Head {
                size: 0,
                note: vec![],
                count: 0,
            },
        };
        let (stop, stopped) = oneshot::channel();
        Ok(Running {
            cosigned: receiver,
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
        loop {
            let published = self.published.borrow_and_update().clone();
            if !published.healthy {
                return;
            }
            let size = published.head.size;
            if self.head.size != size {
                self.head = Head {
                    size,
                    note: published.checkpoint.clone(),
                    count: 0,
                };
            }
            let now = Instant::now();
            let open: Vec<usize> = (0..self.witnesses.len())
                .filter(|i| self.witnesses[*i].cosigned != size)
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
                () = pause => {}
            }
        }
    }

    /// Asks these witnesses about the checkpoint at hand, all at once.
    async fn round(&mut self, due: &[usize], requests: &mut Requests) {
        for &i in due {
            let (store, head) = (self.store.clone(), self.head.clone());
            let (place, known) = (self.witnesses[i].witness.place.clone(), self.witnesses[i].known);
            requests.spawn(async move {
                let asked = time::timeout(DEADLINE, ask(&store, &place, known, &head)).await;
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
                    witness.known = self.head.size;
                    witness.cosigned = self.head.size;
                    witness.failures = 0;
                }
                Err(error) => {
                    let pause = FIRST_PAUSE.saturating_mul(1 << witness.failures.min(10));
                    witness.failures += 1;
                    witness.again = Instant::now() + pause.min(LONGEST_PAUSE);
                    tracing::warn!(%error, witness = witness.witness.key.name(), "no cosignature");
                }
            }
        }
    }

    /// Adds a witness' answer to the checkpoint at hand, keeps it and shows it.
    fn take(&mut self, i: usize, answer: &[u8]) -> Result<(), NotCosigned> {
        let (note, _) = attach(&self.head.note, answer, &self.witnesses[i].witness.key)?;
        self.head.note = note;
        self.head.count += 1;
        keep(&self.store, &self.head)?;
        let (head, quorum) = (self.head.clone(), self.quorum);
        self.cosigned
            .send_modify(|cosigned| Arc::make_mut(cosigned).add(head, quorum, i));
        Ok(())
    }
}

/// Asks one witness, which is thought to know the first `old` leaves, to cosign a checkpoint.
async fn ask(store: &Store, place: &Place, mut old: u64, head: &Head) -> Result<Vec<u8>, NotCosigned> {
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
                if latest == old {
                    return Err(NotCosigned::Forked(latest));
                }
                old = latest;
            }
            other => return Err(NotCosigned::Status(other)),
        }
    }
    Err(NotCosigned::Restless)
}
