//! `medproof keys import`: takes over the key of a set-up ceremony.

use super::circuit_name;
use crate::bench::zkey::read_key;
use crate::output::table;
use crate::sample::{self, Visit};
use crate::{CliError, Exit, Output};
use ark_bn254::Fr;
use medproof_circom::Zkey;
use medproof_circom::zkey::{Contribution, ContributionKind};
use medproof_circuits::statement::Circuit;
use medproof_prover::keys::CircuitKeys;
use medproof_prover::{KeyStore, Mode, Prover};
use medproof_verifier::CircuitName;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `medproof keys import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The final key of the ceremony over this circuit's `.r1cs` (see `medproof export --format r1cs`).
    #[arg(value_name = "FILE.zkey")]
    file: PathBuf,
    /// The circuit.
    #[arg(long, value_name = "NAME", value_parser = circuit_name)]
    circuit: CircuitName,
    /// The hash of a contribution that you got from its contributor (repeatable). Without one the key is only
    /// checked and shown.
    #[arg(long, value_name = "HEX", value_parser = hash)]
    contribution: Vec<ContributionHash>,
    /// Directory of proving keys [default: $MEDPROOF_KEYS, or medproof/keys in the user's cache].
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

/// BLAKE2b-512 of a contribution, as snarkjs shows it to the contributor.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ContributionHash([u8; 64]);

/// Reads 128 hexadecimal digits; white space, as snarkjs prints it, does not count.
fn hash(text: &str) -> Result<ContributionHash, String> {
    let digits: String = text.split_whitespace().collect();
    let mut out = [0; 64];
    hex::decode_to_slice(&digits, &mut out)
        .map_err(|_| "a contribution hash has 128 hexadecimal digits".to_owned())?;
    Ok(ContributionHash(out))
}

/// Runs `medproof keys import`.
///
/// # Errors
/// [`CliError::Data`] says why a key is refused.
pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let store = match &args.keys {
        Some(directory) => KeyStore::new(directory, Mode::Production),
        None => KeyStore::at_default(Mode::Production).map_err(CliError::unavailable)?,
    };
    let spinner = output.spinner("reading and checking the key");
    let zkey = read_key(&args.file)?;
    let circuit_hash = hex::encode(zkey.circuit_hash());
    let contributions = zkey.contributions().to_vec();
    confirm(args, &contributions)?;
    spinner.set_message("comparing it with the circuit, converting it, proving an example");
    let keys = sample::example(args.circuit, Fr::from(1u64), TakeOver { zkey })?;
    let stored = match args.contribution.is_empty() {
        true => None,
        false => Some(store.install(&keys).map_err(CliError::data)?),
    };
    spinner.finish_and_clear();
    let rows: Vec<Value> = contributions
        .iter()
        .enumerate()
        .map(|(i, c)| row(args, i, c))
        .collect();
    let value = json!({
        "circuit": args.circuit.as_str(),
        "circuit_id": keys.circuit_id().to_string(),
        "verifying_key_hash": hex::encode(keys.verifying_key().hash()),
        "circuit_hash": circuit_hash,
        "contributions": rows,
        "stored": stored.map(|path| path.display().to_string()),
    });
    output.result(&value, || text(&value));
    Ok(Exit::Accept)
}

/// Every hash that the operator gives is one of the key's, and one of them is not a beacon's.
fn confirm(args: &Args, contributions: &[Contribution]) -> Result<(), CliError> {
    let mut secret = args.contribution.is_empty();
    for given in &args.contribution {
        let found = contributions
            .iter()
            .find(|c| *c.hash() == given.0)
            .ok_or_else(|| {
                CliError::Data(format!(
                    "--contribution: `{}` has no contribution {}: it is not the key that was contributed to",
                    args.file.display(),
                    hex::encode(given.0)
                ))
            })?;
        secret |= *found.kind() == ContributionKind::Secret;
    }
    if secret {
        return Ok(());
    }
    Err(CliError::Data(
        "--contribution: a beacon's contribution is public; give the hash of one contributor whom you trust"
            .into(),
    ))
}

struct TakeOver {
    zkey: Zkey,
}

impl Visit for TakeOver {
    type Output = Arc<CircuitKeys>;

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<Self::Output, CliError> {
        let keys = Arc::new(CircuitKeys::from_zkey::<C>(self.zkey).map_err(CliError::data)?);
        let mut prover = Prover::default();
        prover.insert(Arc::clone(&keys)).map_err(CliError::unavailable)?;
        prover.prove::<C>(public, witness).map_err(|e| {
            CliError::Data(format!(
                "the key does not prove the circuit's example, it is of another circuit: {e}"
            ))
        })?;
        Ok(keys)
    }
}

fn row(args: &Args, index: usize, contribution: &Contribution) -> Value {
    let kind = match contribution.kind() {
        ContributionKind::Secret => "secret",
        ContributionKind::Beacon { .. } => "beacon",
    };
    json!({
        "number": index + 1,
        "name": contribution.name(),
        "kind": kind,
        "hash": hex::encode(contribution.hash()),
        "confirmed": args.contribution.iter().any(|given| given.0 == *contribution.hash()),
    })
}

fn text(value: &Value) -> String {
    let string = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let rows = value["contributions"].as_array().into_iter().flatten().map(|c| {
        vec![
            c["number"].to_string(),
            // A stranger's text: control characters must not reach the terminal.
            string(&c["name"]).escape_debug().to_string(),
            string(&c["kind"]),
            if c["confirmed"] == json!(true) {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            string(&c["hash"]),
        ]
    });
    let contributions = table(&["#", "name", "kind", "confirmed", "contribution hash"], rows);
    let outcome = match value["stored"].as_str() {
        Some(path) => format!("stored as the production key at {path}"),
        None => {
            "not stored: ask contributors for their hashes and give at least one with --contribution HEX; \
                 `snarkjs zkey verify` checks the key against the first phase"
                .to_owned()
        }
    };
    format!(
        "{contributions}\ncircuit hash        {}\nverifying key hash  {}\ncircuit id          {}\n{outcome}",
        string(&value["circuit_hash"]),
        string(&value["verifying_key_hash"]),
        string(&value["circuit_id"]),
    )
}
