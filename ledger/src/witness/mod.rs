//! A witness (C2SP tlog-witness): cosigns checkpoints of logs that it knows, each only when it extends the one
//! before, so that no log can show two histories to those who ask for its cosignature.
//!
//! What it has cosigned is on disk before the cosignature exists. It keeps one checkpoint a log, and nothing of
//! the log's entries.

mod memory;
pub mod request;
mod service;

use crate::{clock::Clock, folder};
use medproof_verifier::{
    Checkpoint, CheckpointError, LogKey,
    checkpoint::origin,
    cosignature::{Cosigner, WitnessKey},
    inclusion::verify_consistency,
};
use memory::Memory;
use request::{AddCheckpoint, RequestError};
pub use service::WitnessServer;
pub(crate) use service::submit;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Its folder, a file in it, or the listening address.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("`{0}` is in use by another witness")]
    InUse(String),
    /// What it remembers of a log cannot be believed.
    #[error("`{file}` is damaged: {reason}; a witness that has forgotten what it cosigned needs a new key")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The same origin twice.
    #[error("log {0} is given twice")]
    LogTwice(String),
}

/// Why a checkpoint is not cosigned. Each has its status in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCosigned {
    /// 400: not a request of this form.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// 400: not a signed checkpoint.
    #[error("checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// 400: the old size is above the checkpoint's.
    #[error("old: is larger than the checkpoint's size")]
    OldSize,
    /// 404: another log's checkpoint.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// 403: not signed by the log's key.
    #[error("the checkpoint is not signed by the log's key")]
    Unsigned,
    /// 409: the old size is not the one last cosigned.
    #[error("the last checkpoint cosigned has another size")]
    OtherSize {
        /// The size last cosigned.
        latest: u64,
    },
    /// 409: another root for the size last cosigned: the log has signed two histories.
    #[error("another root was cosigned for this size")]
    OtherRoot {
        /// The size last cosigned.
        latest: u64,
    },
    /// 422: the consistency proof does not hold.
    #[error("the consistency proof does not hold")]
    Inconsistent,
    /// 500: the disk or the clock fails; nothing is cosigned for this log until the witness is started again.
    #[error("the witness cannot cosign: its disk or clock fails")]
    Broken,
}

/// One log and what was last cosigned of it.
struct Watched {
    key: LogKey,
    memory: Mutex<Memory>,
}

impl Watched {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic while it was held cannot leave a half-changed memory: it changes in one assignment.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A witness' state, without its network side.
pub struct Witness {
    cosigner: Cosigner,
    clock: Arc<dyn Clock>,
    logs: BTreeMap<String, Watched>,
    // Held as long as the witness lives.
    _lock: std::fs::File,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Witness({})", self.cosigner.witness_key())
    }
}

fn io_error(what: impl fmt::Display) -> impl FnOnce(io::Error) -> WitnessError {
    let what = what.to_string();
    move |source| WitnessError::Io { what, source }
}

/// Where the checkpoint of a log is kept that was cosigned last.
fn memory_file(directory: &Path, log: &LogKey) -> PathBuf {
    let digest = Sha256::digest(log.origin());
    let name: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    directory.join(format!("{name}.checkpoint"))
}

/// The checkpoint of a log that a witness which has ended cosigned last; none where there was no witness.
pub(crate) fn remembered(directory: &Path, log: &LogKey) -> Result<Option<Checkpoint>, WitnessError> {
    let memory = Memory::open(memory_file(directory, log), log)?;
    Ok(memory.latest().ok().flatten().cloned())
}

impl Witness {
    /// Opens a witness' folder, made if missing, and reads what was last cosigned of each log.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn open(
        directory: &Path,
        cosigner: Cosigner,
        logs: Vec<LogKey>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WitnessError> {
        folder::make(directory).map_err(io_error(directory.display()))?;
        let path = directory.join("lock");
        let lock = std::fs::File::create(&path).map_err(io_error(path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(WitnessError::InUse(directory.display().to_string()));
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io_error(path.display())(source)),
        }
        let mut watched = BTreeMap::new();
        for key in logs {
            let origin = key.origin().to_owned();
            let memory = Memory::open(memory_file(directory, &key), &key)?;
            let log = Watched {
                key,
                memory: Mutex::new(memory),
            };
            if watched.insert(origin.clone(), log).is_some() {
                return Err(WitnessError::LogTwice(origin));
            }
        }
        Ok(Self {
            cosigner,
            clock,
            logs: watched,
            _lock: lock,
        })
    }

    /// The key under which its cosignatures verify.
    pub fn key(&self) -> &WitnessKey {
        self.cosigner.witness_key()
    }

    /// Origins of the logs of which it remembers nothing, because they are new to it or because it has lost its memory.
    pub fn forgotten(&self) -> Vec<&str> {
        let nothing = |watched: &&Watched| watched.memory().latest().is_ok_and(|latest| latest.is_none());
        let logs = self.logs.values().filter(nothing);
        logs.map(|watched| watched.key.origin()).collect()
    }

    /// Whether it still cosigns for all of its logs: no write has failed.
    pub(crate) fn is_healthy(&self) -> bool {
        self.logs
            .values()
            .all(|watched| watched.memory().latest().is_ok())
    }

    /// The checkpoint of this log that it cosigned last.
    pub(crate) fn latest(&self, log: &LogKey) -> Option<Checkpoint> {
        let watched = self.logs.get(log.origin())?;
        watched.memory().latest().ok().flatten().cloned()
    }

    /// Judges the body of an `add-checkpoint` request; makes a new checkpoint durable, cosigns it, and gives the
    /// signature's line. Blocks while it writes.
    ///
    /// # Errors
    /// [`NotCosigned`].
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<u8>, NotCosigned> {
        let asked = AddCheckpoint::from_bytes(body)?;
        let origin = origin(&asked.checkpoint).map_err(NotCosigned::Checkpoint)?;
        let log = self.logs.get(&origin).ok_or(NotCosigned::UnknownLog)?;
        let checkpoint = match Checkpoint::verify(&asked.checkpoint, &log.key) {
            Ok(checkpoint) => checkpoint,
            Err(CheckpointError::Signature) => return Err(NotCosigned::Unsigned),
            Err(other) => return Err(NotCosigned::Checkpoint(other)),
        };
        let mut memory = log.memory();
        judge(
            &asked,
            &checkpoint,
            memory.latest().map_err(|_| NotCosigned::Broken)?,
        )?;
        let time = self.clock.now();
        if time == 0 {
            // A clock that is set before 1970.
            return Err(NotCosigned::Broken);
        }
        memory
            .remember(&asked.checkpoint, &checkpoint)
            .map_err(|_| NotCosigned::Broken)?;
        self.cosigner
            .cosign(&asked.checkpoint, time)
            .map_err(NotCosigned::Checkpoint)
    }
}

/// The text's checks, in its order, of a checkpoint against the one last cosigned.
fn judge(asked: &AddCheckpoint, new: &Checkpoint, latest: Option<&Checkpoint>) -> Result<(), NotCosigned> {
    if asked.old > new.size() {
        return Err(NotCosigned::OldSize);
    }
    let size = latest.map_or(0, Checkpoint::size);
    if asked.old != size {
        return Err(NotCosigned::OtherSize { latest: size });
    }
    if let Some(latest) = latest.filter(|latest| latest.size() == new.size()) {
        if latest.root() != new.root() {
            return Err(NotCosigned::OtherRoot { latest: size });
        }
        return match asked.proof.is_empty() {
            true => Ok(()),
            false => Err(NotCosigned::Inconsistent),
        };
    }
    let empty: [u8; 32] = Sha256::digest([]).into();
    if new.size() == 0 && *new.root() != empty {
        return Err(NotCosigned::Inconsistent);
    }
    let root = latest.map_or(&empty, Checkpoint::root);
    verify_consistency(size, root, new.size(), new.root(), &asked.proof)
        .map_err(|_| NotCosigned::Inconsistent)
}

#[cfg(test)]
mod tests;
