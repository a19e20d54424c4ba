//! `medproof ledger witness`: cosigns checkpoints of logs until it is interrupted.

use crate::{
    CliError, Exit, Output,
    remote::runtime,
    secret::{self, PassphraseArgs},
    serve::{announce, interrupted},
};
use ed25519_dalek::SigningKey;
use medproof_ledger::{
    SystemClock,
    witness::{Witness, WitnessServer},
};
use medproof_verifier::{LogKey, cosignature::Cosigner};
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use zeroize::Zeroizing;

/// Arguments of `medproof ledger witness`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of what the witness remembers; made if missing. With another folder it needs another key.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Secret file with the witness' key. It must serve this witness only.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The witness' name, for example witness.example/w1 [default: the party in the secret file].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Public key of a log to witness, NAME+ID+KEY (repeatable).
    #[arg(long, value_name = "KEY", required = true)]
    log: Vec<LogKey>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7010")]
    listen: SocketAddr,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let party = secret::read(&args.key, args.passphrase.passphrase()?)?;
    let key = SigningKey::from_bytes(&Zeroizing::new(party.posting().to_bytes()));
    let name = args.name.as_deref().unwrap_or(party.name().as_str());
    let cosigner = Cosigner::new(name, key).map_err(|e| CliError::Usage(format!("--name: {e}")))?;
    let clock = Arc::new(SystemClock);
    let witness =
        Witness::open(&args.directory, cosigner, args.log.clone(), clock).map_err(CliError::unavailable)?;
    let public = witness.key().to_string();
    runtime()?.block_on(async {
        let started = WitnessServer::start(witness, args.listen).await;
        let server = started.map_err(CliError::unavailable)?;
        announce(
            output,
            "witness",
            server.address(),
            json!({ "witness_key": public }),
        );
        output.say(format!("witness key {public}"));
        let ended = interrupted().await;
        server.shutdown().await;
        ended.map(|()| Exit::Accept)
    })
}
