//! Secret files: the keys of one party, encrypted under a passphrase (age, scrypt).

use crate::{CliError, file_kind, journey::party::Party, read_bytes};
use age::secrecy::SecretString;
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Names the environment variable with the passphrase.
pub const PASSPHRASE_VARIABLE: &str = "MEDPROOF_PASSPHRASE";
/// scrypt's work factor, log2 of N: 2^17 (128 MiB, r = 8, p = 1), the least that OWASP recommends. It is fixed, since
/// age would measure the machine at each use.
const WORK_FACTOR: u8 = 17;
/// Largest work factor that is read: a file from elsewhere cannot ask for more than 1 GiB.
const MAX_WORK_FACTOR: u8 = 20;
/// Shortest passphrase in bytes.
const MIN_PASSPHRASE: usize = 8;
/// Largest secret file that is read.
const MAX_FILE: u64 = 64 * 1024;
/// First bytes of the plain text.
const MAGIC: &[u8; 8] = b"mpsk\0\0\0\x01";

/// Where the passphrase comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct PassphraseArgs {
    /// File whose first line is the passphrase [default: the environment variable MEDPROOF_PASSPHRASE].
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The passphrase.
    ///
    /// # Errors
    /// [`CliError::Usage`] when none is given or it is shorter than 8 bytes.
    pub fn passphrase(&self) -> Result<SecretString, CliError> {
        let text = match &self.passphrase_file {
            Some(path) => Zeroizing::new(crate::read_text(path, 4096)?),
            None => Zeroizing::new(std::env::var(PASSPHRASE_VARIABLE).map_err(|_| {
                CliError::Usage(format!(
                    "secret files need a passphrase: set {PASSPHRASE_VARIABLE} or give --passphrase-file"
                ))
            })?),
        };
        let line = text.lines().next().unwrap_or_default();
        if line.len() < MIN_PASSPHRASE {
            let source = match &self.passphrase_file {
                Some(path) => format!("--passphrase-file: the first line of `{}`", path.display()),
                None => PASSPHRASE_VARIABLE.to_owned(),
            };
            return Err(CliError::Usage(format!(
                "{source} has fewer than {MIN_PASSPHRASE} bytes; take a longer passphrase"
            )));
        }
        Ok(SecretString::from(line.to_owned()))
    }
}

/// Writes a party's keys, encrypted. An existing file is never overwritten.
///
/// # Errors
/// [`CliError::CannotCreate`].
pub fn write(path: &Path, party: &Party, passphrase: SecretString) -> Result<(), CliError> {
    create(path, &seal(passphrase, &encode(party))?)
}

/// Encrypts under a passphrase.
///
/// # Errors
/// [`CliError::Software`].
pub fn seal(passphrase: SecretString, plain: &[u8]) -> Result<Vec<u8>, CliError> {
    let mut recipient = age::scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(WORK_FACTOR);
    age::encrypt(&recipient, plain).map_err(|e| CliError::Software(e.to_string()))
}

/// Decrypts what [`seal`] encrypted; `None` for another passphrase or changed bytes.
pub fn unseal(passphrase: SecretString, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    age::decrypt(&identity, sealed).ok().map(Zeroizing::new)
}

/// Creates a new file, readable by its owner only. One that could not be written is taken away again.
///
/// # Errors
/// [`CliError::CannotCreate`], in particular when it exists.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |source| CliError::CannotCreate {
        path: path.display().to_string(),
        source,
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .inspect_err(|_| drop(std::fs::remove_file(path)))
        .map_err(failed)
}

/// Reads a party's keys.
///
/// # Errors
/// [`CliError::Data`] when the file is not a secret file or the passphrase is wrong.
pub fn read(path: &Path, passphrase: SecretString) -> Result<Party, CliError> {
    let sealed = read_bytes(path, MAX_FILE)?;
    let bad = |what: &str| CliError::Data(format!("`{}`: {what}", path.display()));
    let found = file_kind::describe(&sealed);
    if found != file_kind::SECRET {
        return Err(bad(&format!(
            "expected {} (medproof issuer keygen), this is {found}",
            file_kind::SECRET
        )));
    }
    let plain = unseal(passphrase, &sealed)
        .ok_or_else(|| bad("cannot be decrypted: wrong passphrase, or the file was changed or cut off"))?;
    decode(&plain).ok_or_else(|| bad("does not hold the keys of a party"))
}

/// The plain text of a secret file.
pub fn encode(party: &Party) -> Zeroizing<Vec<u8>> {
    let name = party.name().as_str();
    let mut plain = Zeroizing::new(Vec::with_capacity(8 + 1 + name.len() + 64));
    plain.extend(MAGIC);
    // A name has at most 30 bytes.
    plain.push(name.len() as u8);
    plain.extend(name.as_bytes());
    plain.extend(Zeroizing::new(party.posting().to_bytes()).iter());
    plain.extend(party.signing().seed());
    plain
}

/// Reads the plain text of a secret file; `None` when it is not that of [`encode`].
pub fn decode(plain: &[u8]) -> Option<Party> {
    let rest = plain.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (posting, signing) = rest.split_at_checked(32)?;
    let posting = Zeroizing::new(<[u8; 32]>::try_from(posting).ok()?);
    let signing = Zeroizing::new(<[u8; 32]>::try_from(signing).ok()?);
    let name = std::str::from_utf8(name).ok()?.parse().ok()?;
    Some(Party::from_seeds(name, &posting, &signing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::OsRng;

    #[test]
    fn keys_survive_and_a_wrong_passphrase_or_byte_does_not_open_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("party.age");
        let party = Party::generate("dr-lee".parse().unwrap(), &mut OsRng);
        let pass = |text: &str| SecretString::from(text.to_owned());
        write(&path, &party, pass("correct horse")).unwrap();
        let read_back = read(&path, pass("correct horse")).unwrap();
        assert_eq!(read_back.name(), party.name());
        assert_eq!(read_back.posting().to_bytes(), party.posting().to_bytes());
        assert_eq!(read_back.signing().seed(), party.signing().seed());
        assert!(matches!(read(&path, pass("wrong horse")), Err(CliError::Data(_))));
        assert!(matches!(
            write(&path, &party, pass("correct horse")),
            Err(CliError::CannotCreate { .. })
        ));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            read(&path, pass("correct horse")),
            Err(CliError::Data(_))
        ));
    }
}
