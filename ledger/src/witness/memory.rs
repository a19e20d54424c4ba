//! What a witness keeps of one log: the checkpoint that it cosigned last, as the log signed it, in a file that
//! is replaced as a whole.

use super::{WitnessError, io_error};
use crate::folder::replace;
use medproof_verifier::{Checkpoint, LogKey, checkpoint::MAX_CHECKPOINT_BYTES};
use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

pub(super) struct Memory {
    path: PathBuf,
    latest: Option<Checkpoint>,
    /// A write has failed: what the disk holds is not known before the next start.
    broken: bool,
}

impl Memory {
    /// Reads the file. It is signed by the log, so damage is seen; a file that is missing says that nothing was
    /// cosigned yet. What is read is written once more: a run that was killed, or whose sync failed, may have left
    /// it in the kernel's memory only, and it is cosigned again without another write.
    pub(super) fn open(path: PathBuf, key: &LogKey) -> Result<Self, WitnessError> {
        let mut note = vec![];
        let latest = match File::open(&path) {
            Ok(file) => {
                let mut limited = file.take(MAX_CHECKPOINT_BYTES as u64 + 1);
                limited.read_to_end(&mut note).map_err(io_error(path.display()))?;
                let checkpoint = Checkpoint::verify(&note, key).map_err(|e| WitnessError::Damaged {
                    file: path.display().to_string(),
                    reason: e.to_string(),
                })?;
                replace(&path, &note).map_err(io_error(path.display()))?;
                Some(checkpoint)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(io_error(path.display())(e)),
        };
        Ok(Self {
            path,
            latest,
            broken: false,
        })
    }

    /// The checkpoint that was cosigned last. An error after a write has failed.
    pub(super) fn latest(&self) -> io::Result<Option<&Checkpoint>> {
        match self.broken {
            true => Err(io::Error::other("an earlier write failed")),
            false => Ok(self.latest.as_ref()),
        }
    }

    /// Makes a checkpoint durable. Must return before it is cosigned.
    pub(super) fn remember(&mut self, note: &[u8], checkpoint: &Checkpoint) -> io::Result<()> {
        if self.latest.as_ref() == Some(checkpoint) {
            return Ok(());
        }
        let written = replace(&self.path, note);
        self.broken = written.is_err();
        if let Err(error) = &written {
            tracing::error!(%error, file = %self.path.display(), "the witness stops cosigning for this log");
        } else {
            self.latest = Some(checkpoint.clone());
        }
        written
    }
}
