//! `medproof ledger promote`.

use super::fsck;
use crate::{
    CliError, Exit, Output, read_bytes,
    secret::{self, PassphraseArgs},
    trust::TrustArgs,
};
use ed25519_dalek::SigningKey;
use medproof_ledger::mirror::{Memory, PromoteError, promote};
use medproof_verifier::checkpoint::MAX_CHECKPOINT_BYTES;
use serde_json::json;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `medproof ledger promote`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of a stopped mirror.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// File with the last checkpoint that anybody has of the old primary, with its cosignatures.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Secret file with the key that signs the log's checkpoints: the one in its genesis, and no other.
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// Promote a mirror that does not know what it has cosigned (`DIR/witness` is lost, or was not in the backup).
    #[arg(long)]
    without_memory: bool,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let policy = args.trust.policy()?;
    let checkpoint = read_bytes(&args.checkpoint, MAX_CHECKPOINT_BYTES as u64)?;
    let log = secret::read(&args.log_key, args.passphrase.passphrase()?)?;
    let key = SigningKey::from_bytes(&Zeroizing::new(log.posting().to_bytes()));
    let bar = output.bar(0, "rows checked");
    let memory = match args.without_memory {
        true => Memory::Dispensable,
        false => Memory::Needed,
    };
    let promoted = promote(&args.directory, &checkpoint, &policy, key, memory, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let promoted = promoted.map_err(error)?;
    let directory = args.directory.display().to_string();
    let value = json!({
        "directory": directory,
        "entries": promoted.size,
        "root": hex::encode(promoted.root),
        "contained": promoted.contained,
        "cosigned": promoted.cosigned,
        "quorum": policy.quorum(),
        "signed": promoted.signed,
    });
    let unknown = match promoted.cosigned {
        Some(_) => "",
        None => "What the mirror itself had cosigned is not known, and was not compared.\n",
    };
    output.result(&value, || {
        format!(
            "{directory}: {} entries, which contain the checkpoint of {}\n{unknown}Start the ledger on it with the same log key, and \
             never the old one again: two ledgers with one key are a fork.",
            promoted.size, promoted.contained
        )
    });
    Ok(Exit::Accept)
}

fn error(error: PromoteError) -> CliError {
    match error {
        PromoteError::Fsck(error) => fsck::error(error),
        PromoteError::Io { path, source } => CliError::CannotCreate {
            path: path.display().to_string(),
            source,
        },
        PromoteError::Start(_) | PromoteError::Store(_) | PromoteError::Witness(_) => {
            CliError::unavailable(error)
        }
        PromoteError::Forgotten(_) => CliError::data(format!("{error} (--without-memory)")),
        other => CliError::data(other),
    }
}
