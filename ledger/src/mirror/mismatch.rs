//! What a mirror halts on.

use crate::{halted, log_reader::ReadError, refusal::Refusal, table::StoreError};
use medproof_verifier::{CheckpointError, Day};
use std::{io, path::Path};

/// Something that an honest primary does not show. A mirror halts on what the log's key vouches for; bytes that anybody
/// on the way could have made, seals whose time may come, and only older checkpoints, are not followed, and asked for again ([`Mismatch::halts`]). No message holds more than the public log does.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Mismatch {
    /// What is shown at `/checkpoint` is not a checkpoint that the primary's key signed.
    #[error("the primary's checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// A signed checkpoint whose size no ledger reaches, or none at all.
    #[error("the primary has signed a checkpoint of {0} entries, which no ledger has")]
    Size(u64),
    /// A signed checkpoint that contradicts the entries here.
    #[error(
        "the primary has signed a second history: its checkpoint of {size} entries does not agree with the first \
         {agreed} here"
    )]
    Forked {
        /// Entries of the checkpoint.
        size: u64,
        /// Entries here, or of an earlier signed checkpoint.
        agreed: u64,
    },
    /// Tiles or entries that are not those under the signed root.
    #[error(transparent)]
    Unvouched(ReadError),
    /// The log does not begin with the genesis that was asked for and its seal.
    #[error("entry 0: {0}")]
    Genesis(String),
    /// An entry that the rules refuse.
    #[error("entry {index} (batch {batch}) is refused: {refusal}")]
    Entry {
        /// Leaf index.
        index: u64,
        /// Number of the batch.
        batch: u64,
        /// Why.
        refusal: Refusal,
    },
    /// A seal that is not what its batch leads to.
    #[error("entry {index} (batch {batch}): {what}")]
    Seal {
        /// Leaf index of the seal.
        index: u64,
        /// Number of the batch.
        batch: u64,
        /// What differs.
        what: String,
    },
    /// A seal of a production ledger whose time has not come yet, by more than
    /// [`TIME_TOLERANCE`](crate::clock::TIME_TOLERANCE).
    #[error(
        "entry {index} (batch {batch}): the seal's time {time} ({date} UTC) lies more than ten minutes ahead of this machine's \
         clock; one of the two clocks is wrong, and nothing newer is followed before the time has come",
        date = Day::from_unix_seconds(*.time)
    )]
    Ahead {
        /// Leaf index of the seal.
        index: u64,
        /// Number of the batch.
        batch: u64,
        /// Its Unix time in seconds.
        time: u64,
    },
    /// A batch without an end.
    #[error("no seal follows entry {0} within the limit of a batch")]
    Unsealed(u64),
    /// A checkpoint in the middle of a batch.
    #[error("the checkpoint of {0} entries does not end with a seal")]
    Open(u64),
    /// For long nothing but checkpoints that are older than one before: what is newer is held back, or lost.
    #[error(
        "the primary's checkpoint of {size} entries is older than the one of {seen} that it has shown before"
    )]
    Older {
        /// Entries of the checkpoint.
        size: u64,
        /// Entries of the largest that was seen.
        seen: u64,
    },
}

impl Mismatch {
    /// Whether a mirror halts on it: the log's key vouches for a lie (entries are judged only once they lead to a signed
    /// root), and no time mends it. What is older is signed, and true; anybody on the way may show it again.
    pub fn halts(&self) -> bool {
        match self {
            // Also with another origin: a signature is over the text, not over the name before it, so where the key signs
            // for two logs anybody can put one's name before the other's.
            Self::Checkpoint(_) | Self::Unvouched(_) | Self::Ahead { .. } | Self::Older { .. } => false,
            Self::Size(_)
            | Self::Forked { .. }
            | Self::Genesis(_)
            | Self::Entry { .. }
            | Self::Seal { .. }
            | Self::Unsealed(_)
            | Self::Open(_) => true,
        }
    }

    /// What is said of it where the mirror does not halt.
    pub(super) fn doubt(&self) -> String {
        match self {
            Self::Ahead { .. } | Self::Older { .. } => self.to_string(),
            other => format!("what is shown there is not vouched for by the log's key: {other}"),
        }
    }
}

/// Why following ends, for good or for now.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The primary has shown what it must not, or somebody in its place has.
    Mismatch(Box<Mismatch>),
    /// It does not answer, or not with success: asked again later.
    Unreachable(String),
    /// The mirror's own store fails.
    Store(StoreError),
    /// Told to stop.
    Stopped,
}

impl From<Mismatch> for Failed {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(Box::new(mismatch))
    }
}

impl From<ReadError> for Failed {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unreachable(error) => Self::Unreachable(error),
            ReadError::Stopped => Self::Stopped,
            other => Mismatch::Unvouched(other).into(),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes why the mirror has halted, and the checkpoint that led to it as it was shown, where there is one: whose
/// cosignatures it has is the strongest evidence of a second history.
pub(crate) fn record(directory: &Path, reason: &str, primary: &str, note: Option<&[u8]>) -> io::Result<()> {
    let mut text = format!("{reason}\nprimary {primary}\n").into_bytes();
    if let Some(note) = note {
        text.push(b'\n');
        text.extend(note);
    }
    halted::record(directory, &text)
}
