//! `medproof verify`: a statement file or a receipt, offline.

use crate::output::KeyProgress;
use crate::statement_file::StatementFile;
use crate::trust::TrustArgs;
use crate::{CliError, Exit, Output, keys, read_bytes, read_text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use medproof_prover::Prover;
use medproof_verifier::entry::Entry;
use medproof_verifier::field::fr_to_be_bytes;
use medproof_verifier::receipt::Receipt;
use medproof_verifier::{Statement, VerifyingKey, statement};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The format's name and version.
const RECEIPT_SCHEMA: &str = "medproof/receipt/1";
const MAX_RECEIPT_FILE: u64 = 512 * 1024;
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Arguments of `medproof verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check a statement file: proof, public inputs and what they are bound to.
    Proof {
        /// The statement file.
        file: PathBuf,
        /// The verifying key (as `export` and `keys` write it) [default: that of the local key store].
        #[arg(long, value_name = "FILE")]
        verifying_key: Option<PathBuf>,
        #[command(flatten)]
        keys: keys::KeyArgs,
    },
    /// Check a ledger's receipt: the entry stands in a log that the ledger signed.
    Receipt {
        /// The receipt file.
        file: PathBuf,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

/// Runs `medproof verify`.
///
/// # Errors
/// [`CliError`] when an input cannot be read or is malformed; a well-formed proof or receipt that does not
/// hold is [`Exit::Reject`].
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::Proof {
            file,
            verifying_key,
            keys,
        } => proof(file, verifying_key.as_deref(), keys, output),
        Command::Receipt { file, trust } => receipt(file, trust, output),
    }
}

fn proof(
    file: &Path,
    verifying_key: Option<&Path>,
    keys: &keys::KeyArgs,
    output: &Output,
) -> Result<Exit, CliError> {
    let given = StatementFile::read(file)?;
    let key = match verifying_key {
        Some(path) => {
            let bytes = read_bytes(path, MAX_KEY_FILE)?;
            VerifyingKey::from_bytes(&bytes)
                .map_err(|e| CliError::Data(format!("`{}`: {e}", path.display())))?
        }
        None => local_key(&given, keys, output)?,
    };
    if keys.production && key.is_development() {
        return Err(CliError::Unavailable(
            "the verifying key is a development key (one machine ran its set-up): refused in production mode"
                .into(),
        ));
    }
    let verdict = statement::verify(&key, given.statement, given.context.clone(), &given.proof);
    let inputs: serde_json::Map<String, serde_json::Value> = Statement::names(given.circuit)
        .iter()
        .zip(given.statement.to_vec())
        .map(|(n, v)| ((*n).to_owned(), json!(hex::encode(fr_to_be_bytes(&v)))))
        .collect();
    let reason = verdict
        .as_ref()
        .err()
        .map_or("ok".to_owned(), ToString::to_string);
    let accepted = verdict.is_ok();
    let value = json!({
        "verdict": if accepted { "accept" } else { "reject" },
        "reason": reason,
        "circuit": given.circuit.as_str(),
        "circuit_id": given.context.circuit_id.to_string(),
        "relying_party": given.context.relying_party.to_string(),
        "development_key": key.is_development(),
        "public_inputs": inputs,
    });
    output.result(&value, || {
        let mark = if key.is_development() {
            " (DEVELOPMENT key)"
        } else {
            ""
        };
        let verb = if accepted { "holds" } else { "is refused" };
        format!(
            "the {} proof for {} {verb}: {reason}{mark}",
            given.circuit.as_str(),
            given.context.relying_party
        )
    });
    Ok(if accepted { Exit::Accept } else { Exit::Reject })
}

fn local_key(given: &StatementFile, keys: &keys::KeyArgs, output: &Output) -> Result<VerifyingKey, CliError> {
    let store = keys.store()?;
    let mut shown = KeyProgress::new(output);
    let prover =
        Prover::open(&store, &[given.circuit], &mut |p| shown.step(&p)).map_err(CliError::unavailable)?;
    prover
        .verifying_key(given.circuit)
        .cloned()
        .ok_or_else(|| CliError::Software("an opened circuit has no verifying key".into()))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptDocument {
    schema: String,
    entry: String,
    receipt: String,
}

/// The text of a receipt file: the entry's canonical bytes and the receipt's, both in base64.
pub fn receipt_file(entry: &[u8], receipt: &Receipt) -> String {
    let document = ReceiptDocument {
        schema: RECEIPT_SCHEMA.to_owned(),
        entry: STANDARD.encode(entry),
        receipt: STANDARD.encode(receipt.to_bytes()),
    };
    // Three strings always have a JSON form.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// Reads the text of a receipt file: the entry's bytes, whatever they are, and the receipt.
///
/// # Errors
/// A message naming the field that is wrong.
pub fn parse_receipt_file(text: &str) -> Result<(Vec<u8>, Receipt), String> {
    let document: ReceiptDocument =
        serde_json::from_str(text).map_err(|e| format!("not a receipt file: {e}"))?;
    if document.schema != RECEIPT_SCHEMA {
        return Err(format!("schema: `{}` is not `{RECEIPT_SCHEMA}`", document.schema));
    }
    let bytes = |field: &str, text: &str| STANDARD.decode(text).map_err(|_| format!("{field}: not base64"));
    let entry = bytes("entry", &document.entry)?;
    let receipt = Receipt::from_bytes(&bytes("receipt", &document.receipt)?);
    Ok((entry, receipt.map_err(|e| format!("receipt: {e}"))?))
}

fn receipt(file: &Path, trust: &TrustArgs, output: &Output) -> Result<Exit, CliError> {
    let bad = |what: String| CliError::Data(format!("`{}`: {what}", file.display()));
    let policy = trust.policy()?;
    let text = read_text(file, MAX_RECEIPT_FILE)?;
    let (entry, receipt) = parse_receipt_file(&text).map_err(bad)?;
    let decoded = Entry::from_bytes(&entry).map_err(|e| bad(format!("entry: {e}")))?;
    let verdict = receipt.verify_cosigned(&entry, &policy);
    let (accepted, reason, size) = match &verdict {
        Ok(cosigned) => (true, "ok".to_owned(), Some(cosigned.checkpoint.size())),
        Err(e) => (false, e.to_string(), None),
    };
    let cosigned = verdict.as_ref().map(|c| c.cosignatures.as_slice());
    let cosignatures = cosigned.unwrap_or_default();
    let value = json!({
        "verdict": if accepted { "accept" } else { "reject" },
        "reason": reason,
        "kind": decoded.kind().as_str(),
        "index": receipt.index,
        "tree_size": size,
        "cosignatures": cosignatures
            .iter()
            .map(|c| json!({ "witness": c.witness, "time": c.time }))
            .collect::<Vec<_>>(),
        "quorum": policy.quorum(),
    });
    output.result(&value, || match size {
        Some(size) => {
            let mut text = format!(
                "the {} entry is number {} of the {size} that {} signed",
                decoded.kind().as_str(),
                receipt.index,
                policy.log().origin()
            );
            for cosignature in cosignatures {
                text.push_str(&format!("\ncosigned by {}", cosignature.witness));
            }
            text
        }
        None => format!("the receipt is refused: {reason}"),
    });
    Ok(if accepted { Exit::Accept } else { Exit::Reject })
}
