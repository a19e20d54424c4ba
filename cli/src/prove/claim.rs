//! A claim, from the wallet's coverage, balance and the provider's service.

use super::session::{Answered, Session, same_policy};
use crate::{
    CliError,
    holder::state::State,
    journey::{
        JourneyError,
        attested::Attested,
        claim::{self, Papers},
    },
};
use medproof_records::{
    claim::Coverage,
    policy::{Policy, claim::ClaimPolicy},
};
use medproof_verifier::asked::Asked;
use std::path::Path;

pub(super) fn policy(path: &Path) -> Result<ClaimPolicy, CliError> {
    match crate::policy::load(path)? {
        Policy::Claim(policy) => Ok(*policy),
        other => Err(CliError::Data(format!(
            "`{}` is a policy for {}, not for claims",
            path.display(),
            other.kind()
        ))),
    }
}

/// The papers behind the event that is asked about.
fn papers(state: &State, asked: &Asked, policy: &ClaimPolicy) -> Result<Papers, CliError> {
    let Asked::Claim { plan, event, .. } = asked else {
        return Err(CliError::Software("a question of another kind".into()));
    };
    let missing = |what: &str| CliError::Data(format!("the wallet has no {what} (medproof wallet add)"));
    let service = state.services.iter().rfind(|s| s.content.event() == *event);
    let service = service.ok_or_else(|| missing("service of this provider, day and procedure"))?;
    let day = service.content.service;
    let fits = |c: &&Attested<Coverage>| c.content.plan_digest() == *plan && c.content.covers(day);
    let coverage = state.coverages.iter().rfind(fits);
    let coverage = coverage.ok_or_else(|| missing("coverage of this plan year on the day of the service"))?;
    let row = policy.find(service.content.diagnosis, service.content.procedure);
    let needed = row
        .and_then(|at| policy.rows().get(at))
        .is_some_and(|row| row.prior_authorisation);
    let authorisation = match needed {
        false => None,
        true => {
            let mut all = state.authorisations.iter();
            let found = all.rfind(|a| {
                a.signer == policy.rules().payer
                    && a.content.procedure == service.content.procedure
                    && a.content.covers(day)
            });
            Some(
                found
                    .ok_or_else(|| missing("prior authorisation of this service"))?
                    .duplicate(),
            )
        }
    };
    Ok(Papers {
        coverage: coverage.duplicate(),
        service: service.duplicate(),
        authorisation,
    })
}

/// Proves and presents a claim. The wallet is on disk with the candidate before it is presented, and with the new
/// balance after it was accepted.
pub(super) async fn answer(session: &mut Session, policy: &ClaimPolicy) -> Result<Answered, CliError> {
    if let Asked::Claim { policy_id, .. } = &session.challenge.asked {
        same_policy(policy_id, &policy.policy_id(), policy.id().as_str())?;
    }
    let papers = papers(&session.open.state, &session.challenge.asked, policy)?;
    let proven = claim::prove(
        &session.open.state.wallet,
        policy,
        papers,
        &session.challenge,
        &mut session.ledger,
        &mut session.prover,
    )
    .await;
    let proven = match proven {
        Ok(proven) => proven,
        Err(error) if error.is_unsatisfied() => {
            let reason = "the plan does not pay for this claim".to_owned();
            return Ok(Err(JourneyError::Refused(reason)));
        }
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = proven.remember(&mut session.open.state.wallet) {
        return Ok(Err(error));
    }
    session.open.save()?;
    let timings = proven.timings;
    let wallet = &mut session.open.state.wallet;
    let answer = claim::present(wallet, proven, &session.challenge, &mut session.counter).await;
    if answer.is_ok() {
        session.open.save()?;
    }
    Ok(answer.map(|accepted| (accepted, Some(timings))))
}
