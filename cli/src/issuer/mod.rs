//! `medproof issuer`: the keys of a party that signs or posts, and what it signs for holders.

mod sign;

use crate::{
    CliError, Exit, Output,
    journey::party::Party,
    secret::{self, PassphraseArgs},
};
use medproof_verifier::{Name, field::fr_to_be_bytes};
use rand::rngs::OsRng;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `medproof issuer`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a party's posting key (Ed25519) and signing key (EdDSA-Poseidon), in one encrypted file.
    Keygen {
        /// The party's id: 1 to 30 letters, digits, `.`, `_` or `-`.
        #[arg(long, value_name = "NAME")]
        party: Name,
        /// The secret file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Sign records for a holder whom a bind has shown; the file is encrypted to the holder.
    #[command(subcommand)]
    Sign(sign::Command),
    /// Cancel the fills of a signed order that are still to come.
    Cancel(Box<sign::CancelArgs>),
    /// Print a party's public keys.
    Show {
        /// The secret file.
        file: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
}

/// Runs `medproof issuer`.
///
/// # Errors
/// [`CliError`] when a file cannot be read or written, or the passphrase is missing or wrong.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let party = match &args.command {
        Command::Keygen {
            party,
            out,
            passphrase,
        } => {
            let passphrase = passphrase.passphrase()?;
            let party = Party::generate(party.clone(), &mut OsRng);
            secret::write(out, &party, passphrase)?;
            party
        }
        Command::Show { file, passphrase } => secret::read(file, passphrase.passphrase()?)?,
        Command::Sign(command) => return sign::run(command, output),
        Command::Cancel(args) => return sign::cancel(args, output),
    };
    let shown = public(&party);
    output.result(&shown, || {
        format!(
            "party        {}\nposting key  {}\nsigning key  {}\n             {}",
            party.name(),
            text(&shown, "/posting_key"),
            text(&shown, "/signing_key/x"),
            text(&shown, "/signing_key/y"),
        )
    });
    Ok(Exit::Accept)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What governance needs to register the party.
fn public(party: &Party) -> Value {
    let key = party.signing().public_key();
    json!({
        "party": party.name().as_str(),
        "posting_key": hex::encode(party.posting().verifying_key().to_bytes()),
        "signing_key": {
            "x": hex::encode(fr_to_be_bytes(&key.x)),
            "y": hex::encode(fr_to_be_bytes(&key.y)),
        },
    })
}
