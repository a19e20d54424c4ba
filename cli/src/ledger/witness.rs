//! `medproof ledger witness`: cosigns checkpoints of logs until it is interrupted.

use crate::{
    CliError, Exit, Output,
    log::LogArgs,
    remote::runtime,
    secret::{self, PassphraseArgs},
    serve::{Ending, announce},
    tls::CertificateArgs,
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
    /// Begin with the log of this name (repeatable), of which the folder remembers nothing. Give it when a log is new to the
    /// witness, and only then: a folder that was lost, or is not mounted, must not be taken for a new one.
    #[arg(long, value_name = "NAME")]
    begin: Vec<String>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7010")]
    listen: SocketAddr,
    #[command(flatten)]
    certificate: CertificateArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    logging: LogArgs,
}

/// Checks that the witness begins with exactly those logs with which it is told to.
fn begins(witness: &Witness, args: &Args) -> Result<(), CliError> {
    let (new, folder) = (witness.forgotten(), args.directory.display());
    if let Some(log) = new.iter().find(|log| !args.begin.iter().any(|name| name == *log)) {
        return Err(CliError::Usage(format!(
            "`{folder}` remembers nothing of {log}: give --begin {log} if this key has never cosigned that log. If it has, the \
             folder is lost or not the right one, and with this key the witness could cosign a second history"
        )));
    }
    match args.begin.iter().find(|name| !new.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(CliError::Usage(format!(
            "--begin {name}: it is not a log that is new to `{folder}`; leave it out, so that a folder that is lost is noticed"
        ))),
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    args.logging.begin();
    let party = secret::read(&args.key, args.passphrase.passphrase()?)?;
    let key = SigningKey::from_bytes(&Zeroizing::new(party.posting().to_bytes()));
    let name = args.name.as_deref().unwrap_or(party.name().as_str());
    let identity = args.certificate.identity()?;
    let scheme = if identity.is_some() { "https" } else { "http" };
    let cosigner = Cosigner::new(name, key).map_err(|e| CliError::Usage(format!("--name: {e}")))?;
    let clock = Arc::new(SystemClock);
    let witness =
        Witness::open(&args.directory, cosigner, args.log.clone(), clock).map_err(CliError::unavailable)?;
    begins(&witness, args)?;
    let public = witness.key().to_string();
    runtime()?.block_on(async {
        let started = WitnessServer::start_with(witness, args.listen, identity).await;
        let server = started.map_err(CliError::unavailable)?;
        let mut ending = Ending::watch()?;
        announce(
            output,
            "witness",
            format!("{scheme}://{}", server.address()),
            json!({ "witness_key": public }),
        );
        output.say(format!("witness key {public}"));
        ending.asked().await;
        server.shutdown().await;
        Ok(Exit::Accept)
    })
}
