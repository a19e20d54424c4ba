//! An encrypted file that changes: a wallet, or an authority's register.
//!
//! The passphrase (age, scrypt) opens a key that stays the same, and the key (age, X25519) opens the content,
//! so that a change costs no second run of scrypt. A change is written beside the file, synced and renamed
//! over it; a lock keeps two commands from changing one file at once.

use crate::{CliError, file_kind, read_bytes, replace, secret};
use age::{
    secrecy::{ExposeSecret, SecretString},
    x25519,
};
use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// First bytes of a file.
const MAGIC: &[u8; 8] = b"mpvt\0\0\0\x01";
/// Largest wrapped key.
const MAX_WRAPPED: usize = 4096;
/// Largest file.
const MAX_FILE: u64 = 16 << 20;

/// An open file.
pub struct Vault {
    path: PathBuf,
    wrapped: Vec<u8>,
    recipient: x25519::Recipient,
    /// Held until the vault is dropped.
    _lock: File,
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn lock(path: &Path) -> Result<File, CliError> {
    let failed = |path: &Path, source| CliError::CannotCreate {
        path: path.display().to_string(),
        source,
    };
    let beside = beside(path, ".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(&beside).map_err(|e| failed(&beside, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CliError::Unavailable(format!(
            "`{}` is in use by another command: wait for it to end",
            path.display()
        ))),
        Err(TryLockError::Error(source)) => Err(failed(&beside, source)),
    }
}

fn seal(wrapped: &[u8], recipient: &x25519::Recipient, content: &[u8]) -> Result<Vec<u8>, CliError> {
    let body = age::encrypt(recipient, content).map_err(|e| CliError::Software(e.to_string()))?;
    let mut bytes = MAGIC.to_vec();
    // At most MAX_WRAPPED.
    bytes.extend((wrapped.len() as u32).to_be_bytes());
    bytes.extend(wrapped);
    bytes.extend(body);
    if bytes.len() as u64 > MAX_FILE {
        let what = format!("the file would be larger than {} MiB", MAX_FILE >> 20);
        return Err(CliError::Data(what));
    }
    Ok(bytes)
}

/// The wrapped key and the sealed content of a file's bytes.
fn parts<'a>(path: &Path, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), CliError> {
    let bad = |what: &str| CliError::Data(format!("`{}`: {what}", path.display()));
    let rest = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_first_chunk());
    let (length, rest) = rest.ok_or_else(|| match file_kind::describe(bytes) {
        file_kind::VAULT => bad("is cut off, or a wallet or register of another version"),
        found => bad(&format!(
            "expected a wallet (medproof wallet new) or register (medproof enrol init), this is {found}"
        )),
    })?;
    let length = u32::from_be_bytes(*length) as usize;
    let parts = rest.split_at_checked(length).filter(|_| length <= MAX_WRAPPED);
    parts.ok_or_else(|| bad("is cut off"))
}

impl Vault {
    /// Makes a new file with this content. An existing file is never overwritten.
    ///
    /// # Errors
    /// [`CliError::CannotCreate`].
    pub fn create(path: &Path, passphrase: SecretString, content: &[u8]) -> Result<Self, CliError> {
        let held = lock(path)?;
        let key = x25519::Identity::generate();
        let text = key.to_string();
        let wrapped = secret::seal(passphrase, text.expose_secret().as_bytes())?;
        secret::create(path, &seal(&wrapped, &key.to_public(), content)?)?;
        Ok(Self {
            path: path.to_owned(),
            wrapped,
            recipient: key.to_public(),
            _lock: held,
        })
    }

    /// Opens a file and returns its content.
    ///
    /// # Errors
    /// [`CliError::NoInput`] without the file, [`CliError::Unavailable`] while another command has it,
    /// [`CliError::Data`] for another passphrase or a file that was changed.
    pub fn open(path: &Path, passphrase: SecretString) -> Result<(Self, Zeroizing<Vec<u8>>), CliError> {
        let bad = |what: &str| CliError::Data(format!("`{}`: {what}", path.display()));
        // Looked at once before the lock, so that a file that is not there or no vault gets no lock beside it.
        parts(path, &read_bytes(path, MAX_FILE)?)?;
        let held = lock(path)?;
        let bytes = read_bytes(path, MAX_FILE)?;
        let (wrapped, body) = parts(path, &bytes)?;
        let key = secret::unseal(passphrase, wrapped)
            .ok_or_else(|| bad("cannot be decrypted: wrong passphrase, or the file was changed"))?;
        let key = std::str::from_utf8(&key).ok().and_then(|text| text.parse().ok());
        let key: x25519::Identity = key.ok_or_else(|| bad("does not hold a key"))?;
        let content = age::decrypt(&key, body).map_err(|_| bad("was changed or cut off"))?;
        let vault = Self {
            path: path.to_owned(),
            wrapped: wrapped.to_vec(),
            recipient: key.to_public(),
            _lock: held,
        };
        Ok((vault, Zeroizing::new(content)))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the content: after a crash the file has the old or the new one, whole.
    ///
    /// # Errors
    /// [`CliError::CannotCreate`].
    pub fn save(&self, content: &[u8]) -> Result<(), CliError> {
        let sealed = seal(&self.wrapped, &self.recipient, content)?;
        replace(&self.path, &sealed, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[test]
    fn content_survives_and_a_wrong_passphrase_a_changed_byte_or_a_second_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.age");
        let vault = Vault::create(&path, pass("correct horse"), b"one").unwrap();
        assert!(matches!(
            Vault::open(&path, pass("correct horse")),
            Err(CliError::Unavailable(_))
        ));
        assert!(Vault::create(&path, pass("correct horse"), b"two").is_err());
        vault.save(b"two").unwrap();
        // What could not be read again is not written.
        let large = vec![0; MAX_FILE as usize];
        assert!(matches!(vault.save(&large), Err(CliError::Data(_))));
        drop(vault);
        assert!(matches!(
            Vault::create(&path, pass("correct horse"), b"three"),
            Err(CliError::CannotCreate { .. })
        ));
        let (vault, content) = Vault::open(&path, pass("correct horse")).unwrap();
        assert_eq!(content.as_slice(), b"two");
        drop(vault);
        assert!(matches!(
            Vault::open(&path, pass("wrong horse")),
            Err(CliError::Data(_))
        ));
        let good = std::fs::read(&path).unwrap();
        for cut in [0, 8, 11, good.len() - 1] {
            std::fs::write(&path, &good[..cut]).unwrap();
            assert!(Vault::open(&path, pass("correct horse")).is_err(), "{cut}");
        }
        let mut changed = good;
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &changed).unwrap();
        assert!(matches!(
            Vault::open(&path, pass("correct horse")),
            Err(CliError::Data(_))
        ));
    }
}
