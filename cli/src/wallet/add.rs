//! `medproof wallet add`: papers are decrypted, checked, and compared with the ledger before they are kept.

use super::Followed;
use crate::{
    CliError, Exit, Output,
    holder::{
        paper::{Content, Enrolment, OpenedBenefit, Paper},
        state::State,
        wallet_file::OpenWallet,
    },
    journey::{
        JourneyError, sources,
        wallet::{Account, Benefit},
    },
    remote::runtime,
};
use medproof_proto::{ledger::Tree, ledger_client::Ledger};
use medproof_verifier::{Name, Role, eddsa::PublicKey, tree::IDENTITY_DEPTH};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `medproof wallet add`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    followed: Followed,
    /// The encrypted files.
    #[arg(value_name = "PAPER", required = true)]
    papers: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let followed = &args.followed;
    let mut open = OpenWallet::open(&followed.wallet, followed.passphrase.passphrase()?)?;
    let mut papers = Vec::new();
    for path in &args.papers {
        papers.push((path.as_path(), open.paper(path)?));
    }
    let added = runtime()?.block_on(async {
        let mut ledger = open.ledger(&followed.ledger).await?;
        let mut added = Vec::new();
        for (path, paper) in papers {
            let (kind, from) = (paper.content.kind(), paper.from.clone());
            take(&mut open.state, path, paper, &mut ledger).await?;
            added.push((kind, from));
        }
        Ok::<_, CliError>(added)
    })?;
    open.save()?;
    let value: Vec<_> = added
        .iter()
        .map(|(kind, from)| json!({ "added": kind, "from": from.as_str() }))
        .collect();
    output.result(&json!(value), || {
        let lines: Vec<String> = added
            .iter()
            .map(|(kind, from)| format!("added: {kind} from {from}"))
            .collect();
        lines.join("\n")
    });
    Ok(Exit::Accept)
}

/// Takes one paper, after the ledger has shown what it rests on.
///
/// # Errors
/// [`CliError`] naming the file and what does not hold.
async fn take(state: &mut State, path: &Path, paper: Paper, ledger: &mut Ledger) -> Result<(), CliError> {
    let failed = |e: JourneyError| in_file(path, e);
    match paper.content {
        Content::Enrolment(enrolment) => enrol(state, path, *enrolment, ledger).await,
        Content::Benefit(benefit) => balance(state, path, benefit, ledger).await,
        Content::Challenge(_) => Err(CliError::Data(format!(
            "`{}`: kind: a challenge is answered (medproof prove), not kept",
            path.display()
        ))),
        signed => {
            let (role, key) = signer(&signed);
            accepted(ledger, &paper.from, role, key).await.map_err(failed)?;
            state.keep(signed);
            Ok(())
        }
    }
}

fn in_file(path: &Path, error: JourneyError) -> CliError {
    match error {
        JourneyError::NotOnLedger(_) | JourneyError::Answer(_) => {
            CliError::Data(format!("`{}`: {error}", path.display()))
        }
        other => CliError::unavailable(other),
    }
}

fn signer(content: &Content) -> (Role, Option<PublicKey>) {
    match content {
        Content::Snapshot(s) => (Role::RecordIssuer, Some(s.key)),
        Content::Prescription(p) => (Role::Prescriber, Some(p.key)),
        Content::Coverage(c) => (Role::Payer, Some(c.key)),
        Content::Authorisation(a) => (Role::Payer, Some(a.key)),
        Content::Service(s) => (Role::Provider, Some(s.key)),
        Content::Enrolment(_) | Content::Benefit(_) | Content::Challenge(_) => {
            (Role::EnrolmentAuthority, None)
        }
    }
}

/// Whether the registry has the key: a paper under another one proves nothing to anybody.
async fn accepted(
    ledger: &mut Ledger,
    party: &Name,
    role: Role,
    key: Option<PublicKey>,
) -> Result<(), JourneyError> {
    if let Some(key) = key {
        sources::accepted(ledger, party, role, &key).await?;
    }
    Ok(())
}

fn same_ledger(path: &Path, named: &[u8; 32], ledger: &Ledger) -> Result<(), CliError> {
    match *named == ledger.ledger_id() {
        true => Ok(()),
        false => Err(CliError::Data(format!(
            "`{}`: ledger id: the paper is for the ledger {}",
            path.display(),
            hex::encode(named)
        ))),
    }
}

async fn enrol(
    state: &mut State,
    path: &Path,
    enrolment: Enrolment,
    ledger: &mut Ledger,
) -> Result<(), CliError> {
    same_ledger(path, &enrolment.ledger_id, ledger)?;
    let failed = |e: JourneyError| in_file(path, e);
    let membership = enrolment.membership;
    let owner = membership.owner(state.wallet.sk());
    let leaf = ledger
        .path::<IDENTITY_DEPTH>(Tree::Identity, membership.index.into())
        .await;
    if leaf.map_err(|e| failed(e.into()))?.0 != owner {
        return Err(failed(JourneyError::NotOnLedger("this identity")));
    }
    let domain = membership.domain.clone();
    let known = state
        .wallet
        .membership(&domain)
        .map(|m| m.owner(state.wallet.sk()));
    // The same enrolment again would put an account back to its first note.
    if known.is_ok_and(|known| known == owner) {
        return Ok(());
    }
    let account = match enrolment.account {
        None => None,
        Some(note) => {
            let leaf = note.leaf(domain.to_fr());
            let at = sources::find_commitment(ledger, &[leaf], enrolment.from).await;
            let (_, position) = at
                .map_err(failed)?
                .filter(|_| note.owner == owner)
                .ok_or_else(|| failed(JourneyError::NotOnLedger("this account")))?;
            Some(Account::new(domain, note, position))
        }
    };
    state.wallet.join(membership);
    if let Some(account) = account {
        state.wallet.keep_account(account);
    }
    Ok(())
}

async fn balance(
    state: &mut State,
    path: &Path,
    opened: OpenedBenefit,
    ledger: &mut Ledger,
) -> Result<(), CliError> {
    same_ledger(path, &opened.ledger_id, ledger)?;
    let failed = |e: JourneyError| in_file(path, e);
    let domain = opened.domain;
    let membership = state.wallet.membership(&domain).map_err(failed)?;
    if membership.owner(state.wallet.sk()) != opened.note.owner {
        return Err(CliError::Data(format!(
            "`{}`: owner: the balance is for another identity",
            path.display()
        )));
    }
    let known = state.wallet.benefit(&domain, opened.note.plan);
    // The same balance again would put it back to its first note.
    if known.is_ok_and(|known| known.note.owner == opened.note.owner) {
        return Ok(());
    }
    let leaf = opened.note.leaf(&domain);
    let at = sources::find_commitment(ledger, &[leaf], opened.from).await;
    let (_, position) = at
        .map_err(failed)?
        .ok_or_else(|| failed(JourneyError::NotOnLedger("this balance")))?;
    state
        .wallet
        .keep_benefit(Benefit::new(domain, opened.note, position));
    Ok(())
}
