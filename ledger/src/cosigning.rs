//! Asking witnesses to cosign checkpoints (C2SP tlog-witness, the log's side).
//!
//! In rounds: all witnesses that answer are asked about one and the same checkpoint, the newest, so that their
//! cosignatures meet on it; then about the next newest. Nothing waits for a round but who asks to.

use crate::{
    http::client::{self, DEADLINE, Prefix, Unanswered},
    sequencer::Published,
    service::read,
    store::Store,
    table::{Base, StoreError, Table},
    witness::request::AddCheckpoint,
};
use medproof_verifier::cosignature::{CosignatureError, WitnessKey, attach};
use sha2::{Digest, Sha256};
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
    address: WitnessAddress,
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

/// Bytes of a row's checksum.
const SUM: usize = 8;

/// First bytes of the SHA-256 of a row's key, number of cosignatures and note: whose cosignatures they are, only
/// those who know the witnesses can check.
fn sum(key: &[u8], count: u8, note: &[u8]) -> [u8; SUM] {
    let digest = Sha256::new()
        .chain_update(key)
        .chain_update([count])
        .chain_update(note);
    let mut sum = [0; SUM];
    sum.copy_from_slice(&digest.finalize()[..SUM]);
    sum
}

/// Key and value of a row of `cosigned`: tree size; number of cosignatures, checksum, note.
fn row(head: &Head) -> (Vec<u8>, Vec<u8>) {
    let key = head.size.to_be_bytes().to_vec();
    // At most 32 witnesses.
    let count = head.count as u8;
    let mut value = vec![count];
    value.extend(sum(&key, count, &head.note));
    value.extend(&head.note);
    (key, value)
}

/// Tree size, number of cosignatures and note of a row; an error says what is wrong with it.
fn read_row<'a>(key: &[u8], value: &'a [u8]) -> Result<(u64, usize, &'a [u8]), StoreError> {
    let size = crate::table::number(Table::Cosigned, key)?;
    let parts = value.split_first();
    let parts = parts.and_then(|(count, rest)| Some((*count, rest.split_first_chunk::<SUM>()?)));
    match parts {
        Some((count, (found, note))) if *found == sum(key, count, note) => Ok((size, count.into(), note)),
        _ => Err(StoreError::damaged(format!(
            "the cosigned checkpoint of size {size} has another checksum"
        ))),
    }
}

/// Checks a row against the checkpoint of its size: the same note, then as many lines as it counts.
pub(crate) fn check_row(store: &Store, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let (size, count, note) = read_row(key, value)?;
    // The last checkpoint's row may be gone after a crash, and is signed again.
    let Some(plain) = store.get(Table::Checkpoint, key)? else {
        return Ok(());
    };
    let lines = note
        .strip_prefix(&plain[..])
        .map(|lines| lines.iter().filter(|b| **b == b'\n').count());
    if lines == Some(count) {
        return Ok(());
    }
    Err(StoreError::damaged(format!(
        "the cosigned checkpoint of size {size} is not the log's with {count} cosignatures"
    )))
}

/// Stores a checkpoint with its cosignatures, unless one with more is there: after a restart the witnesses are asked
/// anew, and not all of them may answer.
fn keep(store: &Store, head: &Head) -> Result<(), StoreError> {
    let (key, value) = row(head);
    if let Some(before) = store.get(Table::Cosigned, &key)?
        && read_row(&key, &before)?.1 > head.count
    {
        return Ok(());
    }
    // Not synced, so it does not wait for the disk: a lost row is cosigned again.
    store.write(vec![((Table::Cosigned, key), Some(value))], false)
}

/// The newest checkpoint with at least `count` cosignatures, among the last 1,024 that have any.
fn newest(store: &Store, count: usize) -> Result<Option<Head>, StoreError> {
    for row in store.rows_back(Table::Cosigned)?.take(1024) {
        let (key, value) = row?;
        let (size, cosignatures, note) = read_row(&key, &value)?;
        if cosignatures >= count {
            return Ok(Some(Head {
                size,
                note: note.to_vec(),
                count: cosignatures,
            }));
        }
    }
    Ok(None)
}

/// The first checkpoint from tree size `from` on with at least `count` cosignatures, among the first 1,024 that
/// have any.
pub(crate) fn find(store: &Store, from: u64, count: usize) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let mut key = from;
    for _ in 0..1024 {
        let Some((found, value)) = store.first(Table::Cosigned, &key.to_be_bytes())? else {
            return Ok(None);
        };
        let (size, cosignatures, note) = read_row(&found, &value)?;
        if cosignatures >= count {
            return Ok(Some((size, note.to_vec())));
        }
        key = size + 1;
    }
    Ok(None)
}

impl Cosigning {
    /// Begins to ask `witnesses`; `quorum` of them make a checkpoint that is shown.
    pub(crate) fn start(
        store: Store,
        published: watch::Receiver<Arc<Published>>,
        witnesses: Vec<WitnessAddress>,
        quorum: usize,
    ) -> Result<Running, StoreError> {
        let mut cosigned = Cosigned {
            reached: vec![0; witnesses.len()],
            witnesses: witnesses.iter().map(|w| (w.key.name().to_owned(), 0)).collect(),
            ..Cosigned::default()
        };
        // What a quorum has cosigned before the restart is shown until one cosigns anew.
        if quorum > 0 {
            cosigned.quorate = newest(&store, quorum)?;
        }
        let sender = watch::Sender::new(Arc::new(cosigned));
        let receiver = sender.subscribe();
        let now = Instant::now();
        let witnesses = witnesses.into_iter().map(|address| Asked {
            address,
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
            let (prefix, known) = (self.witnesses[i].address.prefix.clone(), self.witnesses[i].known);
            requests.spawn(async move {
                let asked = time::timeout(DEADLINE, ask(&store, &prefix, known, &head)).await;
                (i, asked.unwrap_or(Err(Unanswered::Deadline.into())))
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
                    tracing::warn!(%error, witness = witness.address.key.name(), "no cosignature");
                }
            }
        }
    }

    /// Adds a witness' answer to the checkpoint at hand, keeps it and shows it.
    fn take(&mut self, i: usize, answer: &[u8]) -> Result<(), NotCosigned> {
        let (note, _) = attach(&self.head.note, answer, &self.witnesses[i].address.key)?;
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
async fn ask(store: &Store, prefix: &Prefix, mut old: u64, head: &Head) -> Result<Vec<u8>, NotCosigned> {
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
        let (status, answer) = client::post(prefix, "add-checkpoint", asked.to_bytes()).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_held_to_its_checksum_and_its_checkpoint() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("db")).unwrap();
        let head = Head {
            size: 7,
            note: b"text\n\nlog\none\ntwo\n".to_vec(),
            count: 2,
        };
        let (key, value) = row(&head);
        assert_eq!(read_row(&key, &value).unwrap(), (7, 2, &head.note[..]));
        for at in 0..value.len() {
            let mut other = value.clone();
            other[at] ^= 1;
            assert!(check_row(&store, &key, &other).is_err(), "{at}");
            assert!(check_row(&store, &key, &value[..at]).is_err(), "{at}");
        }
        assert!(check_row(&store, &8u64.to_be_bytes(), &value).is_err());
        assert!(check_row(&store, &key[1..], &value).is_err());
        // Without its checkpoint nothing more can be said of it; with it, the note and the number must fit.
        assert!(check_row(&store, &key, &value).is_ok());
        for (plain, holds) in [
            ("text\n\nlog\n", true),
            ("text\n\nlog\none\n", false),
            ("other\n", false),
        ] {
            let change = ((Table::Checkpoint, key.clone()), Some(plain.as_bytes().to_vec()));
            store.write(vec![change], false).unwrap();
            assert_eq!(check_row(&store, &key, &value).is_ok(), holds, "{plain:?}");
        }
        store
            .write(vec![((Table::Cosigned, key), Some(value))], false)
            .unwrap();
        // Fewer do not take the place of more, more do that of fewer.
        let with = |count, note: &[u8]| Head {
            size: 7,
            note: note.to_vec(),
            count,
        };
        keep(&store, &with(1, b"fewer")).unwrap();
        assert_eq!(find(&store, 0, 1).unwrap(), Some((7, head.note.clone())));
        keep(&store, &with(3, b"more")).unwrap();
        assert_eq!(find(&store, 0, 3).unwrap(), Some((7, b"more".to_vec())));
        keep(&store, &head).unwrap();
        let later = Head {
            size: 9,
            ..with(1, b"later")
        };
        keep(&store, &later).unwrap();
        for (count, size) in [(1, Some(9)), (2, Some(7)), (3, Some(7)), (4, None)] {
            assert_eq!(
                newest(&store, count).unwrap().map(|head| head.size),
                size,
                "{count}"
            );
        }
        for (from, count, found) in [
            (0, 2, true),
            (7, 1, true),
            (8, 2, false),
            (10, 1, false),
            (0, 4, false),
        ] {
            let answer = find(&store, from, count).unwrap();
            assert_eq!(answer.is_some(), found, "{from} {count}");
        }
    }
}
