//! Copies of a ledger, and ledgers from copies.
//!
//! A backup is a directory with `db` and `checkpoint`, the latest signed checkpoint of what is in it. It has no
//! `signed-checkpoints`: what was signed after it was taken is not in it, so no ledger may sign from it as it is.

use crate::{
    admin,
    fsck::{FsckError, Report, fsck},
    signed_record::{self, SignedHead},
    state::read_entry,
    store::Store,
    table::{Base, StoreError, Table},
};
use medproof_verifier::{
    Checkpoint, Entry, LogKey,
    checkpoint::CheckpointError,
    cosignature::{CosignatureError, WitnessPolicy},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use tlog_tiles::tlog::tree_hash;

/// The signed checkpoint in a backup.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// Where a running ledger collects a backup before it is copied, in its own directory: the hard links need its file
/// system.
const STAGING: &str = "backup.staging";

/// Why there is no backup, or no ledger from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or directory.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is overwritten.
    #[error("`{}` exists: nothing is written over what is there; name another directory", .0.display())]
    Exists(PathBuf),
    /// No ledger there.
    #[error("there is no ledger in {}", .0.display())]
    NoLedger(PathBuf),
    /// The ledger that runs on the directory did not make the backup.
    #[error("the running ledger: {0}")]
    Refused(String),
    /// No signed checkpoint in the store.
    #[error("no checkpoint is stored: start the ledger once, so that it signs one, and stop it again")]
    NoCheckpoint,
    /// A mirror's backup cannot be restored to sign.
    #[error(
        "the backup is a mirror's: restore it without --checkpoint, then promote it (`medproof ledger promote`)"
    )]
    Mirror,
    /// The checkpoint is not one of this ledger.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not cosigned as the policy asks.
    #[error("the checkpoint: {0}")]
    Cosignatures(#[from] CosignatureError),
    /// The policy is for another log.
    #[error("the ledger's public key that was given is not that of this backup's log")]
    OtherLog,
    /// The backup cannot be checked.
    #[error(transparent)]
    Fsck(#[from] FsckError),
    /// The backup is damaged.
    #[error("the copy of the backup has {} problems, the first in {}: {}", .0.problem_count, first(.0).0, first(.0).1)]
    Damaged(Box<Report>),
    /// The backup is older than what was signed.
    #[error(
        "the backup has {size} entries, but a checkpoint of {signed} was signed: a ledger from it would sign a second \
         history. Without --checkpoint it is restored for reading only"
    )]
    Behind {
        /// Entries in the backup.
        size: u64,
        /// Entries of the checkpoint.
        signed: u64,
    },
    /// The checkpoint is of another history.
    #[error("the backup's first {0} entries are not those of the checkpoint: it is of another history")]
    Forked(u64),
}

fn first(report: &Report) -> (&str, &str) {
    let problem = report.problems.first();
    problem.map_or(("", ""), |problem| (&problem.place, &problem.what))
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The signed checkpoint in it.
    pub checkpoint: Vec<u8>,
    /// Bytes copied.
    pub bytes: u64,
    /// A running ledger made it between two batches.
    pub running: bool,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { path, source }
}

/// Makes a backup of the ledger in `directory` as the new directory `out`: through the ledger that runs on it, or from
/// its files where none runs.
///
/// # Errors
/// [`BackupError`]; `out` is then not there.
pub fn backup(directory: &Path, out: &Path) -> Result<Backup, BackupError> {
    let db = directory.join("db");
    if !db.is_dir() {
        return Err(BackupError::NoLedger(directory.to_owned()));
    }
    if out.exists() {
        return Err(BackupError::Exists(out.to_owned()));
    }
    // Held until the copy is made, so that no ledger starts meanwhile.
    let store = match Store::open_read_only(&db) {
        Ok(store) => store,
        Err(StoreError::InUse(_)) => return admin::request_backup(directory, out),
        Err(error) => return Err(error.into()),
    };
    let (_, checkpoint) = store.last(Table::Checkpoint)?.ok_or(BackupError::NoCheckpoint)?;
    let bytes = publish(&db, &checkpoint, out)?;
    drop(store);
    Ok(Backup {
        checkpoint,
        bytes,
        running: false,
    })
}

/// Where a running ledger's sequencer puts a copy of the database; what an earlier run left there is removed.
pub(crate) fn stage(directory: &Path) -> Result<PathBuf, BackupError> {
    let staging = directory.join(STAGING);
    match fs::remove_dir_all(&staging) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&staging)(error)),
    }
    Ok(staging)
}

/// Copies a database and its checkpoint to `out`, which appears whole or not at all. Gives the bytes copied.
pub(crate) fn publish(db: &Path, checkpoint: &[u8], out: &Path) -> Result<u64, BackupError> {
    if out.exists() {
        return Err(BackupError::Exists(out.to_owned()));
    }
    let partial = begin(out)?;
    let made = fill(db, checkpoint, &partial).and_then(|bytes| {
        put_in_place(&partial, out)?;
        Ok(bytes)
    });
    if made.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&partial);
    }
    made
}

fn fill(db: &Path, checkpoint: &[u8], partial: &Path) -> Result<u64, BackupError> {
    let bytes = copy_files(db, &partial.join("db"))?;
    let note = partial.join(CHECKPOINT_FILE);
    fs::write(&note, checkpoint)
        .and_then(|()| File::open(&note)?.sync_all())
        .and_then(|()| File::open(partial)?.sync_all())
        .map_err(failed(&note))?;
    Ok(bytes + checkpoint.len() as u64)
}

/// Makes the directory that is filled before it gets its name. One that is there is somebody else's, or of a run that
/// was cut off: not ours to remove.
fn begin(out: &Path) -> Result<PathBuf, BackupError> {
    let mut name = out.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    fs::create_dir(&partial).map_err(failed(&partial))?;
    Ok(partial)
}

fn put_in_place(partial: &Path, out: &Path) -> Result<(), BackupError> {
    fs::rename(partial, out).map_err(failed(out))?;
    // A relative path of one part lies in the working directory.
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let synced = File::open(parent).and_then(|d| d.sync_all());
    if synced.is_err() {
        // The name may be gone after a power cut: the caller removes the copy under its first name.
        let _ = fs::rename(out, partial);
    }
    synced.map_err(failed(parent))
}

/// Copies the files of a directory, each synced. RocksDB's database has no folders in it.
fn copy_files(from: &Path, to: &Path) -> Result<u64, BackupError> {
    fs::create_dir(to).map_err(failed(to))?;
    let mut bytes = 0;
    for entry in fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        if !entry.file_type().map_err(failed(from))?.is_file() {
            continue;
        }
        let target = to.join(entry.file_name());
        bytes += fs::copy(entry.path(), &target).map_err(failed(&target))?;
        File::open(&target)
            .and_then(|f| f.sync_all())
            .map_err(failed(&target))?;
    }
    File::open(to).and_then(|d| d.sync_all()).map_err(failed(to))?;
    Ok(bytes)
}

/// A ledger that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the check of the copy found.
    pub report: Report,
    /// A ledger may sign from it: the checkpoint that was given is contained in it.
    pub signs: bool,
}

/// Makes the new directory `directory` from a backup, after checking the copy in full.
///
/// `checkpoint` is the latest checkpoint that anybody has of this ledger. With it, and if the backup contains it, a
/// ledger can go on from the directory. Without it the directory can be read, and a ledger refuses to start from it.
/// `policy` says whose cosignatures it must have, where anybody's: the log's own key has signed old checkpoints too.
///
/// # Errors
/// [`BackupError`]; `directory` is then not there.
pub fn restore(
    backup: &Path,
    directory: &Path,
    checkpoint: Option<&[u8]>,
    policy: Option<&WitnessPolicy>,
    progress: impl FnMut(u64, u64),
) -> Result<Restored, BackupError> {
    let db = backup.join("db");
    if !db.is_dir() {
        return Err(BackupError::NoLedger(backup.to_owned()));
    }
    if directory.exists() {
        return Err(BackupError::Exists(directory.to_owned()));
    }
    let note = backup.join(CHECKPOINT_FILE);
    let taken = fs::read(&note).map_err(failed(&note))?;
    let partial = begin(directory)?;
    let made = fill(&db, &taken, &partial).and_then(|_| {
        let report = fsck(&partial, progress)?;
        if !report.is_clean() {
            return Err(BackupError::Damaged(Box::new(report)));
        }
        if let Some(checkpoint) = checkpoint {
            if report.mirror {
                return Err(BackupError::Mirror);
            }
            let head = contained(&partial, checkpoint, policy)?;
            let path = partial.join("signed-checkpoints");
            signed_record::create(&path, &head).map_err(failed(&path))?;
        }
        put_in_place(&partial, directory)?;
        Ok(Restored {
            report,
            signs: checkpoint.is_some(),
        })
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    made
}

/// The store's own head, if it extends the checkpoint.
fn contained(
    directory: &Path,
    checkpoint: &[u8],
    policy: Option<&WitnessPolicy>,
) -> Result<SignedHead, BackupError> {
    let store = Store::open_read_only(&directory.join("db"))?;
    let Entry::Genesis(genesis) = read_entry(|t, key| store.get(t, key), 0)?.1 else {
        return Err(StoreError::damaged("entry 0 is not GENESIS").into());
    };
    let key = LogKey::new(&genesis.origin, genesis.log_key)?;
    let checkpoint = match policy {
        Some(policy) if *policy.log() != key => return Err(BackupError::OtherLog),
        Some(policy) => policy.check(checkpoint)?.checkpoint,
        None => Checkpoint::verify(checkpoint, &key)?,
    };
    let size = match store.last(Table::Entry)? {
        Some((key, _)) => crate::table::number(Table::Entry, &key)? + 1,
        None => 0,
    };
    if checkpoint.size() > size {
        return Err(BackupError::Behind {
            size,
            signed: checkpoint.size(),
        });
    }
    let root = |size| -> Result<[u8; 32], StoreError> {
        let reader = crate::state::log::Hashes(|key: &[u8]| store.get(Table::Hash, key));
        Ok(tree_hash(size, &reader).map_err(crate::state::log::damaged)?.0)
    };
    if root(checkpoint.size())? != *checkpoint.root() {
        return Err(BackupError::Forked(checkpoint.size()));
    }
    Ok(SignedHead {
        size,
        root: root(size)?,
    })
}

#[cfg(test)]
mod tests;
