//! `medproof ledger backup` and `ledger restore`.

use super::fsck;
use crate::{CliError, Exit, Output, output::bytes_text, read_bytes, trust::OptionalTrustArgs};
use medproof_ledger::backup::{self, BackupError};
use medproof_verifier::checkpoint::MAX_CHECKPOINT_BYTES;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `medproof ledger backup`.
#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// Directory of the ledger, which may be running on this machine.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Directory to make; must not exist.
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

/// Arguments of `medproof ledger restore`.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// A backup.
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// Directory to make; must not exist.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// File with the latest checkpoint that anybody has of this ledger. Without it no ledger will sign from DIR.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    trust: OptionalTrustArgs,
}

/// What no check of a backup shows: the checkpoint given is no newer than the backup's own, or it would have been refused.
const NOT_KNOWN: &str = "nothing newer than this backup is known here. If the ledger has signed anything since, whoever has that receipt or \
                         checkpoint can show a fork as soon as a ledger signs from the restored directory. Go on only if it \
                         was stopped before the backup was taken, or nobody who has receipts has a later one";

pub(super) fn run(args: &BackupArgs, output: &Output) -> Result<Exit, CliError> {
    let spinner = output.spinner("copying");
    let made = backup::backup(&args.directory, &args.out);
    spinner.finish_and_clear();
    let made = made.map_err(error)?;
    let checkpoint = String::from_utf8_lossy(&made.checkpoint).into_owned();
    let size = checkpoint.lines().nth(1).unwrap_or_default().to_owned();
    let value = json!({
        "backup": args.out.display().to_string(),
        "size": size.parse::<u64>().unwrap_or_default(),
        "bytes": made.bytes,
        "running": made.running,
        "checkpoint": checkpoint,
    });
    output.result(&value, || {
        let how = match made.running {
            true => "made by the running ledger between two batches",
            false => "copied; no ledger runs on the directory",
        };
        format!(
            "{}: {} ({how})\ncheckpoint of size {size}. Check it: medproof ledger fsck {}",
            args.out.display(),
            bytes_text(made.bytes),
            args.out.display()
        )
    });
    Ok(Exit::Accept)
}

pub(super) fn restore(args: &RestoreArgs, output: &Output) -> Result<Exit, CliError> {
    let policy = args.trust.policy()?;
    let checkpoint = args.checkpoint.as_deref();
    if checkpoint.is_none() && policy.is_some() {
        let what =
            "--ledger-key, --witness and --trust say who must have signed the checkpoint: give --checkpoint";
        return Err(CliError::Usage(what.into()));
    }
    let checkpoint = checkpoint
        .map(|path| read_bytes(path, MAX_CHECKPOINT_BYTES as u64))
        .transpose()?;
    let bar = output.bar(0, "rows checked");
    let restored = backup::restore(
        &args.backup,
        &args.directory,
        checkpoint.as_deref(),
        policy.as_ref(),
        |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        },
    );
    bar.finish_and_clear();
    let restored = restored.map_err(error)?;
    let value = json!({
        "directory": args.directory.display().to_string(),
        "entries": restored.report.entries,
        "root": hex::encode(restored.report.root),
        "signs": restored.signs,
    });
    if restored.signs {
        output.warning(NOT_KNOWN);
    }
    output.result(&value, || {
        let end = match restored.signs {
            true => "It contains the checkpoint given: start the ledger on it. If a later checkpoint turns up, it has \
                     forked.",
            false => "For reading: no ledger will sign from it. See docs/operations.md.",
        };
        format!("{}: {} entries, checked\n{end}", args.directory.display(), restored.report.entries)
    });
    Ok(Exit::Accept)
}

fn error(error: BackupError) -> CliError {
    match error {
        BackupError::Fsck(error) => fsck::error(error),
        BackupError::Exists(path) => CliError::CannotCreate {
            path: path.display().to_string(),
            source: std::io::Error::new(
                std::io::ErrorKind::AlreadyExists,
                "it exists, and nothing is written over what is there",
            ),
        },
        BackupError::Io { path, source } => CliError::CannotCreate {
            path: path.display().to_string(),
            source,
        },
        BackupError::NoLedger(_)
        | BackupError::NoCheckpoint
        | BackupError::Mirror
        | BackupError::Checkpoint(_)
        | BackupError::Cosignatures(_)
        | BackupError::OtherLog
        | BackupError::Damaged(_)
        | BackupError::Behind { .. }
        | BackupError::Forked(_) => CliError::data(error),
        BackupError::Store(_) | BackupError::Refused(_) => CliError::unavailable(error),
    }
}
