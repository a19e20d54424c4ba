//! `medproof serve ledger --mirror`: follows a ledger until it is interrupted, or the ledger signs what it must not.

use super::{Ending, LedgerArgs, announce};
use crate::{CliError, Exit, Output, remote::runtime, secret, tls::authorities};
use ed25519_dalek::SigningKey;
use medproof_ledger::{Mirror, MirrorConfig, StartError, mirror::Ended};
use medproof_verifier::{cosignature::Cosigner, entry::Genesis};
use serde_json::json;
use std::time::Duration;
use zeroize::Zeroizing;

/// Time between two looks at the primary's checkpoint.
const POLL: Duration = Duration::from_secs(1);

/// Runs a mirror. One that has halted is [`Exit::Reject`]: the ledger that it follows is.
pub(super) fn serve(args: &LedgerArgs, genesis: Option<Genesis>, output: &Output) -> Result<Exit, CliError> {
    let (Some(primary), Some(log_key), Some(file)) = (&args.mirror, &args.primary_key, &args.mirror_key)
    else {
        return Err(CliError::Usage(
            "--mirror needs --primary-key and --mirror-key".into(),
        ));
    };
    let party = secret::read(file, args.passphrase.passphrase()?)?;
    let key = SigningKey::from_bytes(&Zeroizing::new(party.posting().to_bytes()));
    let name = args.mirror_name.as_deref().unwrap_or(party.name().as_str());
    let cosigner = Cosigner::new(name, key).map_err(|e| CliError::Usage(format!("--mirror-name: {e}")))?;
    let followed = match authorities(args.tls_ca.as_deref())? {
        Some(authorities) => primary.clone().certified_by(&authorities),
        None => primary.clone(),
    };
    let config = MirrorConfig {
        directory: args.directory.clone(),
        listen: args.listen,
        http: args.http,
        tls: args.tls.tls()?,
        primary: followed,
        log_key: log_key.clone(),
        genesis,
        witnesses: args.primary_witness.clone(),
        poll: POLL,
    };
    runtime()?.block_on(async {
        let mut ending = Ending::watch()?;
        let spinner = output.spinner("checking the primary's log");
        let started = tokio::select! {
            started = Mirror::start(config, cosigner) => started,
            () = ending.asked() => return Ok(Exit::Accept),
        };
        spinner.finish_and_clear();
        let mirror = match started {
            Ok(mirror) => mirror,
            Err(StartError::Halted(halted)) => return Ok(super::halts(&halted, output)),
            Err(error) => return Err(CliError::unavailable(error)),
        };
        let extra = json!({
            "ledger_id": hex::encode(mirror.ledger_id()),
            "ledger_key": mirror.log_key().to_string(),
            "witness_key": mirror.witness_key().to_string(),
            "mirror_of": primary.to_string(),
            "http": mirror.http_url(),
        });
        announce(output, "mirror", mirror.url(), extra);
        output.say(format!("it cosigns with {}", mirror.witness_key()));
        if let Some(url) = mirror.http_url() {
            output.say(format!("tiles on {url}"));
        }
        let exit = tokio::select! {
            () = ending.asked() => Ok(Exit::Accept),
            ended = mirror.ended() => match ended {
                Ended::Halted(halted) => Ok(super::halts(&halted, output)),
                Ended::Failed => Err(CliError::Unavailable(
                    "the mirror's store has failed: find the disk's fault, then start it again".into(),
                )),
            },
        };
        mirror.shutdown().await;
        exit
    })
}
