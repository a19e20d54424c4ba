//! `medproof circuits`: every circuit with its size, inputs and key.

use crate::output::{KeyProgress, bytes_text, table};
use crate::{CliError, Exit, Output, keys};
use medproof_prover::{CircuitInfo, Prover};
use serde_json::{Value, json};

/// Arguments of `medproof circuits`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    keys: keys::KeyArgs,
    /// Include the large tier of eligibility, whose key is made on demand (minutes).
    #[arg(long)]
    large: bool,
}

/// Lists the circuits, making missing development keys first.
///
/// # Errors
/// [`CliError`] when keys cannot be made or read.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let store = args.keys.store()?;
    let mut shown = KeyProgress::new(output);
    let mut infos = Vec::new();
    // One circuit at a time: memory holds one key.
    for circuit in keys::circuits(args.large) {
        let prover =
            Prover::open(&store, &[circuit], &mut |p| shown.step(&p)).map_err(CliError::unavailable)?;
        infos.extend(prover.circuit_info());
    }
    drop(shown);
    output.result(&Value::Array(infos.iter().map(to_json).collect()), || {
        text(&infos)
    });
    Ok(Exit::Accept)
}

/// The JSON form of the command contract.
pub fn to_json(info: &CircuitInfo) -> Value {
    json!({
        "name": info.name.as_str(),
        "version": info.version,
        "id": info.id.to_string(),
        "constraints": info.constraints,
        "domain": info.domain,
        "public_inputs": info.public_inputs,
        "proving_key_bytes": info.proving_key_bytes,
        "verifying_key_hash": hex::encode(info.verifying_key_hash),
        "development_key": info.development_key,
    })
}

fn text(infos: &[CircuitInfo]) -> String {
    let head = [
        "circuit",
        "version",
        "constraints",
        "domain",
        "inputs",
        "proving key",
        "key",
    ];
    table(
        &head,
        infos.iter().map(|i| {
            vec![
                i.name.as_str().to_owned(),
                i.version.to_string(),
                i.constraints.to_string(),
                i.domain.to_string(),
                i.public_inputs.len().to_string(),
                bytes_text(i.proving_key_bytes),
                if i.development_key {
                    "DEVELOPMENT".to_owned()
                } else {
                    "production".to_owned()
                },
            ]
        }),
    )
}
