//! `medproof prove`: a holder answers a relying party's challenge from the wallet.

mod claim;
mod dispensing;
mod eligibility;
mod session;

use crate::{CliError, Exit, Output, remote::runtime};
use medproof_verifier::asked::Asked;
use session::{Session, Where};
use std::path::PathBuf;

/// Arguments of `medproof prove`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show an issuer that its pseudonym for you is yours; nothing is posted.
    Bind {
        #[command(flatten)]
        at: Where,
    },
    /// Show a pharmacy that a fill keeps every limit, over the complete history.
    Dispensing {
        #[command(flatten)]
        at: Where,
        /// The policy that the pharmacy asks about.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Number of the prescription, where several fit (`wallet show` lists them).
        #[arg(long, value_name = "NUMBER")]
        prescription: Option<usize>,
        /// Number of the fill [default: the first that was not filled].
        #[arg(long, value_name = "NUMBER")]
        fill: Option<u8>,
    },
    /// Show a sponsor that a trial's criteria are met, and for the first time.
    Eligibility {
        #[command(flatten)]
        at: Where,
        /// The policy that the sponsor asks about.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Issuer of the snapshot, where there are several [default: the latest].
        #[arg(long, value_name = "NAME")]
        issuer: Option<medproof_verifier::Name>,
    },
    /// Show an insurer that a claim is payable, and how much.
    Claim {
        #[command(flatten)]
        at: Where,
        /// The policy that the insurer asks about.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
    },
}

/// Runs `medproof prove`.
///
/// # Errors
/// [`CliError`] when a file cannot be used or a service not be reached; a refusal is [`Exit::Reject`].
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let runtime = runtime()?;
    match &args.command {
        Command::Bind { at } => runtime.block_on(async {
            let mut session = Session::begin(at, "bind").await?;
            let answered = bind(&mut session).await;
            session.finish(answered, output)
        }),
        Command::Dispensing {
            at,
            policy,
            prescription,
            fill,
        } => {
            let chosen = dispensing::Chosen {
                prescription: *prescription,
                fill: *fill,
            };
            let policy = dispensing::policy(policy)?;
            runtime.block_on(async {
                let mut session = Session::begin(at, "dispensing").await?;
                let answered = dispensing::answer(&mut session, &policy, &chosen).await?;
                session.finish(answered, output)
            })
        }
        Command::Eligibility { at, policy, issuer } => {
            let policy = eligibility::policy(policy)?;
            runtime.block_on(async {
                let mut session = Session::begin(at, "eligibility").await?;
                let answered = eligibility::answer(&mut session, &policy, issuer.as_ref()).await?;
                session.finish(answered, output)
            })
        }
        Command::Claim { at, policy } => {
            let policy = claim::policy(policy)?;
            runtime.block_on(async {
                let mut session = Session::begin(at, "claim").await?;
                let answered = claim::answer(&mut session, &policy).await?;
                session.finish(answered, output)
            })
        }
    }
}

async fn bind(session: &mut Session) -> session::Answered {
    let answer = crate::journey::bind::answer(
        &session.open.state.wallet,
        &session.challenge,
        &mut session.ledger,
        &mut session.prover,
        &mut session.counter,
    );
    Ok((answer.await?, None))
}

/// The statement that a question is about, as the command line calls it.
fn statement(asked: &Asked) -> &'static str {
    match asked {
        Asked::Bind { .. } => "bind",
        Asked::Dispense { .. } => "dispensing",
        Asked::Eligibility { .. } => "eligibility",
        Asked::Claim { .. } => "claim",
    }
}
