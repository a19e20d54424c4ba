//! `medproof wallet recover`: the live note, from what the wallet knows and the ledger.

use super::Followed;
use crate::{
    CliError, Exit, Output,
    holder::{state::State, wallet_file::OpenWallet},
    journey::recover::{self, Found, Known},
    policy,
    remote::runtime,
};
use medproof_proto::ledger_client::Ledger;
use medproof_records::policy::Policy;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `medproof wallet recover`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    followed: Followed,
    /// A policy under which something was proven that an older copy of the wallet does not know (repeatable).
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let followed = &args.followed;
    let mut policies = Vec::new();
    for path in &args.policy {
        policies.push(policy::load(path)?);
    }
    let mut open = OpenWallet::open(&followed.wallet, followed.passphrase.passphrase()?)?;
    let found = runtime()?.block_on(async {
        let mut ledger = open.ledger(&followed.ledger).await?;
        follow(&mut open.state, &policies, &mut ledger).await
    })?;
    open.save()?;
    let value = json!({ "accepted": found.accepted, "voided": found.voided });
    output.result(&value, || {
        format!(
            "every note is live: {} statements had been accepted, {} dispenses taken back",
            found.accepted, found.voided
        )
    });
    Ok(Exit::Accept)
}

/// Brings every note of a wallet to the one that is alive.
///
/// # Errors
/// [`CliError::Unavailable`].
async fn follow(state: &mut State, policies: &[Policy], ledger: &mut Ledger) -> Result<Found, CliError> {
    let known = Known {
        prescriptions: state.prescriptions.iter().map(|p| &p.signed).collect(),
        services: state.services.iter().map(|s| &s.content).collect(),
        dispensing: policies
            .iter()
            .filter_map(|p| match p {
                Policy::Dispensing(p) => Some(&**p),
                _ => None,
            })
            .collect(),
        plans: policies
            .iter()
            .filter_map(|p| match p {
                Policy::Claim(p) => Some(&**p),
                _ => None,
            })
            .collect(),
    };
    let found = recover::recover(&mut state.wallet, &known, ledger).await;
    let found = found.map_err(CliError::unavailable)?;
    state.mark_filled(&found.fills);
    Ok(found)
}
