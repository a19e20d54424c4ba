//! `medproof ledger`: beginning one, governing it, reading it, and witnessing logs.

mod backup;
mod fsck;
mod govern;
mod init;
mod promote;
mod witness;

use crate::{
    CliError, Exit, Output,
    remote::{LedgerArgs, runtime},
    secret,
    verify::receipt_file,
};
use medproof_proto::{
    ledger::{StatusRequest, decode_entry},
    ledger_client::ClientError,
};
use medproof_verifier::{Checkpoint, Day, Entry, entry::NullifierKind, field::fr_to_be_bytes};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Arguments of `medproof ledger`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the genesis of a new ledger.
    Init(init::Args),
    /// Governance: register a party's key.
    Register(govern::RegisterArgs),
    /// Governance: accept a circuit's verifying key.
    AcceptCircuit(govern::CircuitArgs),
    /// Governance: accept a policy.
    AcceptPolicy(govern::PolicyArgs),
    /// Set the clock of a development ledger forward.
    SetClock {
        #[command(flatten)]
        ledger: LedgerArgs,
        /// The date; the clock is set to 10:00 UTC.
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
        on: Day,
    },
    /// Show health, size and counts.
    Status {
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Show one entry.
    Entry {
        #[command(flatten)]
        ledger: LedgerArgs,
        /// Leaf index of the entry.
        index: u64,
    },
    /// Fetch the receipt of an entry and write it to a file.
    Receipt {
        #[command(flatten)]
        ledger: LedgerArgs,
        /// Leaf index of the entry.
        index: u64,
        /// Wait (10 s at most) for a checkpoint that so many of the ledger's witnesses have cosigned.
        #[arg(long, value_name = "N", default_value_t = 0)]
        cosignatures: u32,
        /// The receipt file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Run a witness (C2SP tlog-witness): cosigns checkpoints of the given logs, never two histories of one.
    Witness(witness::Args),
    /// Check every row of a ledger's directory, or of a backup, against its entries.
    Fsck(fsck::Args),
    /// Copy a ledger, running or not, to a new directory.
    Backup(backup::BackupArgs),
    /// Make a ledger's directory from a backup, after checking it.
    Restore(backup::RestoreArgs),
    /// Make a ledger that signs out of a stopped mirror whose primary is lost.
    Promote(promote::Args),
}

/// Reads a date from the command line.
///
/// # Errors
/// A message that says what is expected.
pub fn date(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a date YYYY-MM-DD from 1900-01-01 to 2079-06-05".to_owned())
}

/// Runs `medproof ledger`.
///
/// # Errors
/// [`CliError`] when files or the ledger cannot be read, or the ledger refuses.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::Init(args) => init::run(args, output),
        Command::Register(args) => govern::register(args, output),
        Command::AcceptCircuit(args) => govern::accept_circuit(args, output),
        Command::AcceptPolicy(args) => govern::accept_policy(args, output),
        Command::SetClock { ledger, on } => set_clock(ledger, *on, output),
        Command::Status { ledger } => status(ledger, output),
        Command::Entry { ledger, index } => entry(ledger, *index, output),
        Command::Receipt {
            ledger,
            index,
            cosignatures,
            out,
        } => receipt(ledger, *index, *cosignatures, out, output),
        Command::Witness(args) => witness::run(args, output),
        Command::Fsck(args) => fsck::run(args, output),
        Command::Backup(args) => backup::run(args, output),
        Command::Restore(args) => backup::restore(args, output),
        Command::Promote(args) => promote::run(args, output),
    }
}

fn set_clock(ledger: &LedgerArgs, on: Day, output: &Output) -> Result<Exit, CliError> {
    let time = runtime()?.block_on(async {
        let mut client = ledger.connect().await?;
        let set = client.set_clock(on.to_unix_seconds() + 36_000).await;
        set.map_err(CliError::unavailable)
    })?;
    output.result(&json!({ "time": time }), || {
        format!("the ledger's clock stands at {time}")
    });
    Ok(Exit::Accept)
}

fn status(ledger: &LedgerArgs, output: &Output) -> Result<Exit, CliError> {
    let value = runtime()?.block_on(async {
        let mut client = ledger.connect().await?;
        let answer = client.raw().status(StatusRequest {}).await;
        let status = answer
            .map_err(|e| CliError::unavailable(ClientError::from(e)))?
            .into_inner();
        let checkpoint = Checkpoint::verify(&status.checkpoint, client.log_key());
        let checkpoint = checkpoint.map_err(CliError::unavailable)?;
        let nullifiers = NullifierKind::ALL.iter().zip(&status.nullifiers);
        let genesis = client.genesis();
        Ok::<_, CliError>(json!({
            "healthy": status.healthy,
            "ledger_id": hex::encode(client.ledger_id()),
            "ledger_key": client.log_key().to_string(),
            "development": genesis.development,
            "time": status.time,
            "date": Day::from_unix_seconds(status.time).to_string(),
            "entries": status.size,
            "batches": status.batches,
            "commitments": status.commitments,
            "nullifiers": nullifiers
                .map(|(kind, n)| (kind.as_str().to_owned(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
            "kinds": status.entries.iter()
                .map(|e| (e.kind.clone(), json!(e.count)))
                .collect::<serde_json::Map<_, _>>(),
            "checkpoint": { "size": checkpoint.size(), "root": hex::encode(checkpoint.root()) },
        }))
    })?;
    let healthy = value["healthy"] == json!(true);
    output.result(&value, || rows(&value));
    Ok(match healthy {
        true => Exit::Accept,
        false => Exit::Reject,
    })
}

/// The members of an object, one a line; the canonical bytes of an entry are for `--json`.
fn rows(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    let shown = members.filter(|(name, _)| *name != "entry");
    let lines = shown.map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{:<16}{text}", name.replace('_', " "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn receipt(
    ledger: &LedgerArgs,
    index: u64,
    cosignatures: u32,
    out: &Path,
    output: &Output,
) -> Result<Exit, CliError> {
    let (entry, receipt) = runtime()?.block_on(async {
        let mut client = ledger.connect().await?;
        let fetched = client.receipt(index, cosignatures).await;
        fetched.map_err(CliError::unavailable)
    })?;
    secret::create(out, receipt_file(&entry, &receipt).as_bytes())?;
    let value = json!({ "index": index, "receipt": out.display().to_string() });
    output.result(&value, || {
        format!("receipt of entry {index} written to `{}`", out.display())
    });
    Ok(Exit::Accept)
}

fn entry(ledger: &LedgerArgs, index: u64, output: &Output) -> Result<Exit, CliError> {
    let bytes = runtime()?.block_on(async {
        let mut client = ledger.connect().await?;
        let entries = client.entries(index, 1).await.map_err(CliError::unavailable)?;
        let found = entries.into_iter().next();
        found.ok_or_else(|| CliError::Data(format!("the ledger has no entry {index}")))
    })?;
    let entry = decode_entry(&bytes).map_err(CliError::unavailable)?;
    let mut value = json!({
        "index": index,
        "kind": entry.kind().as_str(),
        "bytes": bytes.len(),
        "leaf_hash": hex::encode(entry.leaf_hash()),
        "entry": hex::encode(&bytes),
    });
    let details = match &entry {
        Entry::Statement(post) => json!({
            "circuit_id": post.circuit_id.to_string(),
            "relying_party": post.relying_party.as_str(),
            "public_inputs": post.inputs.iter().map(|x| hex::encode(fr_to_be_bytes(x))).collect::<Vec<_>>(),
        }),
        Entry::Seal(seal) => json!({
            "batch": seal.batch,
            "time": seal.time,
            "commitments": seal.commitments,
        }),
        Entry::Open(open) => {
            json!({ "party": open.body.party.as_str(), "domain": open.body.domain.as_str() })
        }
        Entry::Close(close) => json!({ "party": close.body.party.as_str(), "index": close.body.index }),
        Entry::Void(void) => json!({ "party": void.body.party.as_str(), "dispense": void.body.dispense }),
        Entry::Burn(burn) => json!({
            "party": burn.body.party.as_str(),
            "fill_keys": burn.body.fill_keys.len(),
        }),
        Entry::Genesis(_) | Entry::Circuit(_) | Entry::Registry(_) | Entry::Policy(_) => json!({}),
    };
    if let (Some(object), Value::Object(details)) = (value.as_object_mut(), details) {
        object.extend(details);
    }
    output.result(&value, || rows(&value));
    Ok(Exit::Accept)
}
