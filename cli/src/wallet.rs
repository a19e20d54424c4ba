//! `medproof wallet`: a holder's secret, and what others are told of it.

use crate::{
    CliError, Exit, Output, read_bytes,
    secret::{PassphraseArgs, create},
};
use age::secrecy::SecretString;
use medproof_records::identity::Secret;
use medproof_verifier::{Name, field::fr_to_be_bytes};
use rand::rngs::OsRng;
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// First bytes of the plain text of a wallet file.
const MAGIC: &[u8; 8] = b"mpwk\0\0\0\x01";
/// Largest wallet file that is read.
const MAX_FILE: u64 = 64 * 1024;

/// Arguments of `medproof wallet`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a holder's secret, in an encrypted file.
    New {
        /// The wallet file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Print the owner key, and the pseudonyms at issuers.
    Show {
        /// The wallet file.
        file: PathBuf,
        /// An issuer's party id (repeatable).
        #[arg(long, value_name = "NAME")]
        issuer: Vec<Name>,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
}

/// Runs `medproof wallet`.
///
/// # Errors
/// [`CliError`] when the file cannot be read or written, or the passphrase is missing or wrong.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let (secret, issuers): (_, &[Name]) = match &args.command {
        Command::New { out, passphrase } => {
            let passphrase = passphrase.passphrase()?;
            let secret = Secret::generate(&mut OsRng);
            write(out, &secret, passphrase)?;
            (secret, &[])
        }
        Command::Show {
            file,
            issuer,
            passphrase,
        } => (read(file, passphrase.passphrase()?)?, issuer),
    };
    let owner = hex::encode(fr_to_be_bytes(&secret.pk()));
    let subject = |issuer: &Name| hex::encode(fr_to_be_bytes(&secret.subject(issuer.to_fr())));
    let subjects: Vec<(String, String)> = issuers.iter().map(|i| (i.to_string(), subject(i))).collect();
    let shown: serde_json::Map<_, _> = subjects.iter().map(|(i, s)| (i.clone(), json!(s))).collect();
    output.result(&json!({ "owner_key": owner, "subjects": shown }), || {
        let mut text = format!("owner key  {owner}");
        for (issuer, subject) in &subjects {
            text += &format!("\n{issuer}  {subject}");
        }
        text
    });
    Ok(Exit::Accept)
}

fn write(path: &Path, secret: &Secret, passphrase: SecretString) -> Result<(), CliError> {
    let plain = encode(secret);
    let recipient = age::scrypt::Recipient::new(passphrase);
    let sealed = age::encrypt(&recipient, &plain).map_err(|e| CliError::Software(e.to_string()))?;
    create(path, &sealed)
}

fn read(path: &Path, passphrase: SecretString) -> Result<Secret, CliError> {
    let sealed = read_bytes(path, MAX_FILE)?;
    let bad = |what: &str| CliError::Data(format!("`{}`: {what}", path.display()));
    let identity = age::scrypt::Identity::new(passphrase);
    let plain = age::decrypt(&identity, &sealed)
        .map_err(|_| bad("cannot be decrypted: wrong passphrase, or not a wallet file"))?;
    let plain = Zeroizing::new(plain);
    decode(&plain).ok_or_else(|| bad("does not hold a wallet"))
}

/// The plain text of a wallet file.
pub fn encode(secret: &Secret) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(40));
    plain.extend(MAGIC);
    plain.extend(secret.to_bytes().iter());
    plain
}

/// Reads the plain text of a wallet file; `None` when it is not that of [`encode`].
pub fn decode(plain: &[u8]) -> Option<Secret> {
    let bytes = plain.strip_prefix(MAGIC)?.try_into().ok()?;
    Secret::from_bytes(&Zeroizing::new(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_survives_and_another_passphrase_does_not_open_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.age");
        let secret = Secret::generate(&mut OsRng);
        let pass = |text: &str| SecretString::from(text.to_owned());
        write(&path, &secret, pass("correct horse")).unwrap();
        let again = read(&path, pass("correct horse")).unwrap();
        assert_eq!(again.expose(), secret.expose());
        assert!(matches!(read(&path, pass("wrong horse")), Err(CliError::Data(_))));
        assert!(matches!(
            write(&path, &secret, pass("correct horse")),
            Err(CliError::CannotCreate { .. })
        ));
    }
}
