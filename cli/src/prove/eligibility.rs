//! A screening, from one of the wallet's snapshots.

use super::session::{Answered, Session, same_policy};
use crate::{
    CliError,
    journey::{JourneyError, desk::Answer, trial},
};
use medproof_prover::Timings;
use medproof_records::policy::{Policy, eligibility::CompiledPolicy};
use medproof_verifier::{Name, asked::Asked};
use std::path::Path;

pub(super) fn policy(path: &Path) -> Result<CompiledPolicy, CliError> {
    match crate::policy::load(path)? {
        Policy::Eligibility(policy) => Ok(*policy),
        other => Err(CliError::Data(format!(
            "`{}` is a policy for {}, not for eligibility",
            path.display(),
            other.kind()
        ))),
    }
}

/// Proves and presents a screening. It changes no note.
pub(super) async fn answer(
    session: &mut Session,
    policy: &CompiledPolicy,
    issuer: Option<&Name>,
) -> Result<Answered, CliError> {
    if let Asked::Eligibility { policy_id, .. } = &session.challenge.asked {
        same_policy(policy_id, &policy.policy_id(), policy.id().as_str())?;
    }
    let snapshots = session.open.state.snapshots.iter();
    let named = snapshots.filter(|s| issuer.is_none_or(|i| *i == s.issuer));
    let latest = named.max_by_key(|s| (s.content.header.as_of, s.content.header.seq));
    let Some(snapshot) = latest else {
        return Err(CliError::Data(
            "the wallet has no such snapshot: ask a record issuer for one, then `medproof wallet add`".into(),
        ));
    };
    let challenge = &session.challenge;
    let wallet = &session.open.state.wallet;
    let ledger = &mut session.ledger;
    let prepared = trial::prepare(wallet, policy, snapshot, challenge, ledger).await;
    Ok(match prepared {
        Ok(prepared) => present(session, &prepared).await,
        Err(error) => Err(error),
    }
    .map(|(accepted, timings)| (accepted, Some(timings))))
}

async fn present(
    session: &mut Session,
    prepared: &trial::PreparedScreening,
) -> Result<(Answer, Timings), JourneyError> {
    prepared
        .judge()
        .map_err(|refused| JourneyError::Refused(refused.to_string()))?;
    let (challenge, prover) = (&session.challenge, &mut session.prover);
    let proven = prepared.prove(challenge, &session.ledger, prover).await?;
    let accepted = proven.present(challenge, &mut session.counter).await?;
    Ok((accepted, proven.timings))
}
