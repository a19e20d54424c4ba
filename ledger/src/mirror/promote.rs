//! Making a ledger that signs out of a mirror whose primary is lost.

use super::{Halted, WITNESS_FOLDER, is_mirror, seen};
use crate::{
    fsck::{FsckError, Report, fsck},
    halted::{self, HALTED_FILE},
    recovery,
    server::StartError,
    signed_record::{SignedHead, SignedRecord},
    state::{State, read_seal},
    store::Store,
    table::{Base, Change, StoreError, Table},
    witness::{self, WitnessError},
};
use ed25519_dalek::SigningKey;
use medproof_verifier::{
    Checkpoint, CheckpointError, LogSigner,
    cosignature::{CosignatureError, WitnessPolicy},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Rows in one write.
const CHUNK: usize = 1024;

/// Why a mirror is not promoted.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// The directory cannot be checked: a mirror runs on it, or there is nothing.
    #[error(transparent)]
    Fsck(#[from] FsckError),
    /// The directory is damaged.
    #[error("the directory has {} problems, which `medproof ledger fsck` lists: promote a mirror that has none", .0.problem_count)]
    Damaged(Box<Report>),
    /// Not a mirror's directory.
    #[error("{} is no mirror's directory", .0.display())]
    NotAMirror(PathBuf),
    /// The mirror has halted.
    #[error(
        "{0}; what its primary has signed is not what this mirror has, so a ledger from it would sign a second history: \
         begin a new ledger"
    )]
    Halted(Halted),
    /// The mirror has followed nothing yet.
    #[error("the mirror has no entries")]
    Empty,
    /// The signing key is not that of the log.
    #[error("the log key is not the one in the ledger's genesis: no other key can sign this log")]
    LogKey,
    /// The policy is for another log.
    #[error("the ledger's public key that was given is not that of this mirror's log")]
    OtherLog,
    /// The checkpoint is refused.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CosignatureError),
    /// More was signed than the mirror has.
    #[error(
        "the mirror has {size} entries, but {what} has {signed}: a ledger from it would sign a second history. Promote a \
         mirror that has them"
    )]
    Behind {
        /// Entries here.
        size: u64,
        /// Which checkpoint.
        what: &'static str,
        /// Entries of the checkpoint.
        signed: u64,
    },
    /// A checkpoint of another history.
    #[error(
        "the mirror's first {size} entries are not those of {what}: one of the two is of another history"
    )]
    Forked {
        /// Which checkpoint.
        what: &'static str,
        /// Entries of the checkpoint.
        size: u64,
    },
    /// What the mirror has cosigned is not known, as after a restore.
    #[error(
        "{} does not say what this mirror has cosigned last, as after a restore: its key may have cosigned more of the log \
         than there is here. Promote another mirror, or, if the checkpoint given is the latest that anybody has, this one \
         without that check",
        .0.display()
    )]
    Forgotten(PathBuf),
    /// A promotion was begun with another head.
    #[error(
        "`signed-checkpoints` is there and names another head than this mirror's: nothing is signed beside it"
    )]
    Record,
    /// A file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be taken up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log's origin cannot be signed for.
    #[error(transparent)]
    Origin(#[from] CheckpointError),
    /// What the mirror has cosigned cannot be read.
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

/// What is asked of the mirror's memory of its own cosignatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// It must be there, and the log contain what it names.
    Needed,
    /// As above where it is there; without it the checkpoint given alone says how far the log was signed.
    Dispensable,
}

/// A mirror that was promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// Entries in the log.
    pub size: u64,
    /// Root of the log.
    pub root: [u8; 32],
    /// Entries of the checkpoint that was given.
    pub contained: u64,
    /// Entries of the checkpoint that the mirror cosigned last. None: that is not known.
    pub cosigned: Option<u64>,
    /// Checkpoints at the ends of batches that were signed once more: a mirror does not see each.
    pub signed: u64,
}

/// Makes the stopped mirror in `directory` a ledger that signs with the log's own key, after checking the directory in
/// full. The key in the genesis is the only one that can sign this log, so the operator brings it.
///
/// `checkpoint` is the last one that anybody has of the old primary; the log here must contain it, and every
/// checkpoint that the mirror itself has seen or cosigned. A promotion that was cut off is finished by the next.
///
/// # Errors
/// [`PromoteError`]; the directory is still a mirror's then, or, where the store or a file failed once the head was recorded, one
/// whose promotion is begun: no mirror starts on it, and the next promotion finishes it.
pub fn promote(
    directory: &Path,
    checkpoint: &[u8],
    policy: &WitnessPolicy,
    log_key: SigningKey,
    memory: Memory,
    progress: impl FnMut(u64, u64),
) -> Result<Promoted, PromoteError> {
    let halted_file = directory.join(HALTED_FILE);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PromoteError::Io { path, source }
    };
    if let Some(reason) = halted::recorded(directory).map_err(failed(&halted_file))? {
        let file = halted_file;
        return Err(PromoteError::Halted(Halted { reason, file }));
    }
    let report = fsck(directory, progress)?;
    if !report.is_clean() {
        return Err(PromoteError::Damaged(Box::new(report)));
    }
    let store = Store::open(&directory.join("db"))?;
    if !is_mirror(&store)? {
        return Err(PromoteError::NotAMirror(directory.to_owned()));
    }
    let state = State::open(store.clone()).map_err(crate::core::recovery_error)?;
    let state = state.ok_or(PromoteError::Empty)?;
    recovery::check_last_batch(&state)?;
    let genesis = state.rules().genesis();
    if log_key.verifying_key() != genesis.log_key {
        return Err(PromoteError::LogKey);
    }
    let signer = LogSigner::new(&genesis.origin, log_key)?;
    let log = signer.log_key();
    if *policy.log() != log {
        return Err(PromoteError::OtherLog);
    }
    let given = policy.check(checkpoint)?.checkpoint;
    contains(&state, &given, "the checkpoint given")?;
    if let Some(seen) = seen(&store, &log)? {
        contains(&state, &seen, "a checkpoint that the primary was seen to sign")?;
    }
    let folder = directory.join(WITNESS_FOLDER);
    let cosigned = witness::remembered(&folder, &log)?;
    match &cosigned {
        Some(cosigned) => contains(&state, cosigned, "the checkpoint that the mirror cosigned last")?,
        None if memory == Memory::Needed => return Err(PromoteError::Forgotten(folder)),
        None => {}
    }
    let head = SignedHead {
        size: state.head().size,
        root: state.log_root(state.head().size)?,
    };
    let path = directory.join("signed-checkpoints");
    record(&path, head)
        .map_err(failed(&path))?
        .ok_or(PromoteError::Record)?;
    let signed = sign_all(&store, &state, &signer)?;
    store.write(vec![((Table::Meta, super::PRIMARY_KEY.to_vec()), None)], true)?;
    Ok(Promoted {
        size: head.size,
        root: head.root,
        contained: given.size(),
        cosigned: cosigned.map(|cosigned| cosigned.size()),
        signed,
    })
}

/// Checks that a checkpoint is of the log here, and not longer.
fn contains(state: &State<Store>, checkpoint: &Checkpoint, what: &'static str) -> Result<(), PromoteError> {
    let (size, signed) = (state.head().size, checkpoint.size());
    if signed > size {
        return Err(PromoteError::Behind { size, what, signed });
    }
    match state.log_root(signed)? == *checkpoint.root() {
        true => Ok(()),
        false => Err(PromoteError::Forked { what, size: signed }),
    }
}

/// Makes the head durable before anything is signed; `None` where the file names another.
fn record(path: &Path, head: SignedHead) -> io::Result<Option<()>> {
    let mut record = SignedRecord::open(path)?;
    match record.last() {
        None => record.append(head).map(Some),
        Some(last) => Ok((last == head).then_some(())),
    }
}

/// Signs the end of each batch whose checkpoint the mirror has not seen: the same bytes as the old primary's, so that a
/// repeated request gets its first receipt.
fn sign_all(store: &Store, state: &State<Store>, signer: &LogSigner) -> Result<u64, PromoteError> {
    let mut rows: Vec<Change> = vec![];
    let mut signed = 0;
    for batch in 0..state.head().batches {
        let size = read_seal(store, batch)?.0 + 1;
        let key = size.to_be_bytes();
        if store.get(Table::Checkpoint, &key)?.is_none() {
            let note = signer.sign(size, &state.log_root(size)?)?;
            rows.push(((Table::Checkpoint, key.to_vec()), Some(note)));
            signed += 1;
        }
        if rows.len() >= CHUNK {
            store.write(std::mem::take(&mut rows), false)?;
        }
    }
    store.write(rows, true)?;
    Ok(signed)
}
