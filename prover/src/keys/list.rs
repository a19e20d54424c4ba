//! What keys lie in a directory, by the heads of their files: nothing is synthesised and no key is loaded.

use super::{
    KeyStore, KeysError,
    file::{self, FormatError},
};
use medproof_verifier::{CircuitName, VerifyingKey};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// A key file, as its head describes it. Whether the rest is whole is found when it is opened.
#[derive(Debug, Clone)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// The circuit.
    pub circuit: CircuitName,
    /// The circuit's version.
    pub version: u16,
    /// Number of constraints.
    pub constraints: u32,
    /// The verifying key in it.
    pub verifying: VerifyingKey,
}

/// A file of the directory whose head is not that of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadKeyFile {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: FormatError,
}

impl KeyStore {
    /// The key files of the directory, of either mode, by name. A directory that is not there has none.
    ///
    /// # Errors
    /// [`KeysError::Io`].
    pub fn list(&self) -> Result<Vec<Result<KeyFile, BadKeyFile>>, KeysError> {
        let failed = |source| KeysError::io("read", self.directory())(source);
        let entries = match fs::read_dir(self.directory()) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|e| e == "mppk") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| head(path)).collect()
    }
}

fn head(path: &Path) -> Result<Result<KeyFile, BadKeyFile>, KeysError> {
    let failed = |source| KeysError::io("read", path)(source);
    let mut file = fs::File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let mut head = Vec::new();
    file.by_ref()
        .take(file::MAX_HEAD)
        .read_to_end(&mut head)
        .map_err(failed)?;
    Ok(match file::read_head(&head) {
        Ok((constraints, verifying)) => Ok(KeyFile {
            path: path.to_owned(),
            bytes,
            circuit: verifying.name(),
            version: verifying.version(),
            constraints,
            verifying,
        }),
        Err(error) => Err(BadKeyFile {
            path: path.to_owned(),
            error,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Mode;

    #[test]
    fn a_directory_without_keys_has_none_and_a_bad_head_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = KeyStore::new(dir.path().join("keys"), Mode::Development);
        assert!(store.list().unwrap().is_empty());
        fs::create_dir(dir.path().join("keys")).unwrap();
        for (name, content) in [("a.mppk", &b"mppk"[..]), ("b.lock", b""), ("c.mppk", &[0; 200])] {
            fs::write(dir.path().join("keys").join(name), content).unwrap();
        }
        let listed = store.list().unwrap();
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().all(|found| matches!(
            found,
            Err(BadKeyFile {
                error: FormatError::Magic,
                ..
            })
        )));
    }
}
