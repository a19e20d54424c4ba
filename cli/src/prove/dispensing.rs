//! A fill, from the wallet's account and one of its prescriptions.

use super::session::{Answered, Session, same_policy};
use crate::{
    CliError,
    holder::state::State,
    journey::{JourneyError, fill},
};
use medproof_records::policy::{Policy, dispensing::DispensingPolicy};
use medproof_verifier::asked::Asked;
use std::path::Path;

/// What the holder chose on the command line.
pub(super) struct Chosen {
    pub(super) prescription: Option<usize>,
    pub(super) fill: Option<u8>,
}

pub(super) fn policy(path: &Path) -> Result<DispensingPolicy, CliError> {
    match crate::policy::load(path)? {
        Policy::Dispensing(policy) => Ok(*policy),
        other => Err(CliError::Data(format!(
            "`{}` is a policy for {}, not for dispensing",
            path.display(),
            other.kind()
        ))),
    }
}

/// The prescription that answers the question, and the number of the fill.
fn choose(state: &State, asked: &Asked, chosen: &Chosen) -> Result<(usize, u8), CliError> {
    let Asked::Dispense { drug, prescriber, .. } = asked else {
        return Err(CliError::Software("a question of another kind".into()));
    };
    let fits = |number: &usize| {
        let kept = &state.prescriptions[*number];
        let named = prescriber.as_ref().is_none_or(|p| *p == kept.signed.signer);
        let left = (0..kept.signed.content.fills).any(|n| !kept.filled.contains(&n));
        kept.signed.content.drug.packed() == *drug && named && (left || chosen.fill.is_some())
    };
    let number = match chosen.prescription {
        Some(number) if number < state.prescriptions.len() => number,
        Some(number) => {
            return Err(CliError::Usage(format!(
                "--prescription: the wallet has no number {number} (medproof wallet show)"
            )));
        }
        None => {
            let found: Vec<usize> = (0..state.prescriptions.len()).filter(fits).collect();
            match found.as_slice() {
                [number] => *number,
                [] => {
                    return Err(CliError::Data(
                        "the wallet has no prescription of this drug (and prescriber) with a fill left"
                            .into(),
                    ));
                }
                several => {
                    return Err(CliError::Usage(format!(
                        "prescriptions {several:?} fit: choose one with --prescription"
                    )));
                }
            }
        }
    };
    let kept = &state.prescriptions[number];
    let next = (0..kept.signed.content.fills).find(|n| !kept.filled.contains(n));
    let fill = chosen.fill.or(next);
    let fill = fill.ok_or_else(|| CliError::Data("every fill of this prescription is filled".into()))?;
    Ok((number, fill))
}

/// Proves and presents a fill. The wallet is on disk with the candidate before it is presented, and with the new
/// note after it was accepted.
pub(super) async fn answer(
    session: &mut Session,
    policy: &DispensingPolicy,
    chosen: &Chosen,
) -> Result<Answered, CliError> {
    if let Asked::Dispense { policy_id, .. } = &session.challenge.asked {
        same_policy(policy_id, &policy.policy_id(), policy.name().as_str())?;
    }
    let (number, fill_no) = choose(&session.open.state, &session.challenge.asked, chosen)?;
    let mut proven = match prove(session, policy, number, fill_no).await {
        Ok(proven) => proven,
        Err(error) => return Ok(Err(error)),
    };
    let wallet = &mut session.open.state.wallet;
    if let Err(error) = proven.remember(wallet) {
        return Ok(Err(error));
    }
    session.open.save()?;
    let wallet = &session.open.state.wallet;
    let answer = proven
        .present(wallet, &session.challenge, &mut session.counter)
        .await;
    let accepted = match answer {
        Ok(accepted) => accepted,
        Err(error) => return Ok(Err(error)),
    };
    let timings = proven.timings;
    let state = &mut session.open.state;
    if let Err(error) = proven.settle(&mut state.wallet, &accepted) {
        return Ok(Err(error));
    }
    state.prescriptions[number].filled.insert(fill_no);
    session.open.save()?;
    Ok(Ok((accepted, Some(timings))))
}

async fn prove(
    session: &mut Session,
    policy: &DispensingPolicy,
    number: usize,
    fill_no: u8,
) -> Result<fill::ProvenFill, JourneyError> {
    let state = &session.open.state;
    let rx = &state.prescriptions[number].signed;
    let (challenge, ledger) = (&session.challenge, &mut session.ledger);
    let prepared = fill::prepare(&state.wallet, policy, rx, fill_no, challenge, ledger).await?;
    prepared
        .judge()
        .map_err(|refused| JourneyError::Refused(refused.to_string()))?;
    prepared.prove(challenge, ledger, &mut session.prover).await
}
