//! The file that says why a ledger or a mirror goes on no more, and keeps it from starting until somebody has read it.

use crate::folder;
use std::{io, path::Path};

/// Its name in the directory.
pub const HALTED_FILE: &str = "halted";

/// Writes the file; its first line is the reason.
pub(crate) fn record(directory: &Path, text: &[u8]) -> io::Result<()> {
    folder::replace(&directory.join(HALTED_FILE), text)
}

/// Why an earlier run has halted, if one has.
pub(crate) fn recorded(directory: &Path) -> io::Result<Option<String>> {
    match std::fs::read(directory.join(HALTED_FILE)) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
