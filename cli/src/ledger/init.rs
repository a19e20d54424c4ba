//! `medproof ledger init`: the genesis of a new ledger.

use crate::{
    CliError, Exit, Output,
    keys::{self, KeyArgs},
    output::KeyProgress,
    secret::{self, PassphraseArgs},
};
use medproof_prover::Prover;
use medproof_verifier::{
    CircuitName, Day, Entry, LogKey,
    entry::{Genesis, MIN_REENROL_DELAY, PinnedCircuit},
};
use rand::{RngCore, rngs::OsRng};
use serde_json::json;
use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

/// Arguments of `medproof ledger init`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the log in its checkpoints, for example ledger.example/us-ma.
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Secret file with the key that will sign checkpoints.
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// Secret file of a governance key (repeatable).
    #[arg(long, value_name = "FILE", required = true)]
    governance: Vec<PathBuf>,
    /// Governance signatures that a governance entry needs.
    #[arg(long, default_value_t = 1)]
    threshold: u8,
    /// Circuit to pin (repeatable) [default: all but the large tier].
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name)]
    circuit: Vec<CircuitName>,
    /// Begin a development ledger: development keys are accepted and the clock can be set.
    #[arg(long)]
    development: bool,
    /// The date on which a development ledger begins [default: today].
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::date, requires = "development")]
    on: Option<Day>,
    /// Seconds between the end of an identity and a new one on its place.
    #[arg(long, default_value_t = MIN_REENROL_DELAY)]
    reenrol_delay: u32,
    /// The genesis file to write; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let passphrase = args.passphrase.passphrase()?;
    let log = secret::read(&args.log_key, passphrase.clone())?;
    let mut governance = Vec::new();
    for path in &args.governance {
        governance.push(secret::read(path, passphrase.clone())?.posting().verifying_key());
    }
    governance.sort_by_key(|key| key.to_bytes());
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = match args.on {
        Some(day) => day.to_unix_seconds() + 36_000,
        None => now
            .map_err(|_| CliError::Unavailable("the machine's clock is set before 1970".into()))?
            .as_secs(),
    };
    let genesis = Genesis {
        nonce,
        origin: args.origin.clone(),
        log_key: log.posting().verifying_key(),
        development: args.development,
        time,
        reenrol_delay: args.reenrol_delay,
        threshold: args.threshold,
        governance,
        pinned: pinned(args, output)?,
    };
    genesis
        .check()
        .map_err(|e| CliError::Usage(format!("the genesis: {e}")))?;
    let key = LogKey::new(&genesis.origin, genesis.log_key).map_err(|e| CliError::Usage(e.to_string()))?;
    let ledger_id = hex::encode(genesis.ledger_id());
    let pinned = genesis.pinned.len();
    secret::create(&args.out, &Entry::Genesis(genesis).to_bytes())?;
    let value = json!({
        "ledger_id": ledger_id,
        "ledger_key": key.to_string(),
        "pinned_circuits": pinned,
        "development": args.development,
    });
    output.result(&value, || {
        let mark = match args.development {
            true => "  (DEVELOPMENT)",
            false => "",
        };
        format!("ledger id   {ledger_id}{mark}\nledger key  {key}\npinned      {pinned} circuits")
    });
    Ok(Exit::Accept)
}

fn pinned(args: &Args, output: &Output) -> Result<Vec<PinnedCircuit>, CliError> {
    let store = args.keys.store()?;
    let circuits: Vec<CircuitName> = match args.circuit.is_empty() {
        true => keys::circuits(false).collect(),
        false => args.circuit.clone(),
    };
    let mut shown = KeyProgress::new(output);
    let mut pinned = Vec::new();
    // One circuit at a time: memory holds one key.
    for circuit in circuits {
        let prover =
            Prover::open(&store, &[circuit], &mut |p| shown.step(&p)).map_err(CliError::unavailable)?;
        let infos = prover.circuit_info();
        pinned.extend(infos.iter().map(|info| PinnedCircuit {
            name: info.name,
            version: info.version,
            id: info.id,
        }));
    }
    pinned.sort_by_key(|c| (c.name, c.version));
    Ok(pinned)
}
