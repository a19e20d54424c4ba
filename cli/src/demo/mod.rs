//! `medproof demo`: all three journeys over real services on loopback, every line checked.

mod claims;
mod data;
pub mod deployment;
mod fills;
mod report;
mod screening;
mod stage;

use crate::{
    CliError, Exit, Output,
    journey::{JourneyError, enrolment, party::Party},
    keys::{self, KeyArgs},
    output::KeyProgress,
};
use data::Data;
use deployment::Deployment;
use medproof_gateway as gateway;
use medproof_ledger as ledger;
use medproof_proto::ledger_client::ClientError;
use medproof_prover::{Prover, ServeError};
use medproof_verifier::{CircuitName, Day, PROOF_BYTES, cosignature::WitnessPolicyError};
use rand::rngs::OsRng;
use report::Report;
use stage::Stage;
use std::{sync::Arc, time::Instant};

/// Arguments of `medproof demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    keys: KeyArgs,
}

/// Why the demonstration cannot be played. What is not as expected stands in the report instead.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No place for its files.
    #[error("cannot make a temporary directory: {0}")]
    Directory(std::io::Error),
    /// The shipped data do not parse: a fault of the build.
    #[error("the shipped data: {0}")]
    Data(String),
    /// The ledger does not start.
    #[error("the ledger does not start: {0}")]
    Ledger(#[from] ledger::StartError),
    /// The prover does not start.
    #[error("the prover does not start: {0}")]
    Prover(#[from] ServeError),
    /// A gateway does not start.
    #[error("a gateway does not start: {0}")]
    Gateway(#[from] gateway::StartError),
    /// The ledger does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A step failed that should not.
    #[error("a step failed: {0}")]
    Journey(#[from] JourneyError),
    /// The audit could not be made.
    #[error("the audit: {0}")]
    Audit(#[from] ledger::audit::AuditError),
    /// The auditor's keys cannot be put together.
    #[error("the auditor's keys: {0}")]
    Policy(#[from] WitnessPolicyError),
}

/// Plays the demonstration.
///
/// # Errors
/// [`CliError`] when keys or services cannot be made; a line that is not as expected is [`Exit::Reject`].
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.keys.production {
        return Err(CliError::Usage(
            "the demonstration runs on development keys and a settable clock: leave out --production".into(),
        ));
    }
    let store = args.keys.store()?;
    output.say(
        "medproof demonstration. Keys and clock are for DEVELOPMENT: they prove nothing to anyone else.",
    );
    let mut shown = KeyProgress::new(output);
    let circuits: Vec<CircuitName> = keys::circuits(false).collect();
    let prover =
        Prover::open(&store, &circuits, &mut |step| shown.step(&step)).map_err(CliError::unavailable)?;
    drop(shown);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::unavailable)?;
    let mut report = Report::new(output);
    runtime
        .block_on(play(Arc::new(prover), &mut report))
        .map_err(CliError::unavailable)?;
    report.finish();
    Ok(match report.unexpected() {
        0 => Exit::Accept,
        _ => Exit::Reject,
    })
}

/// 10:00 UTC of a date.
fn morning(date: &str) -> u64 {
    // The dates of the story are constants.
    Day::parse(date).map_or(0, Day::to_unix_seconds) + 10 * 3_600
}

async fn play(prover: Arc<Prover>, report: &mut Report<'_>) -> Result<(), DemoError> {
    let data = Data::load()?;
    let infos = prover.circuit_info();
    for info in &infos {
        let name = info.name.as_str();
        report.count(&format!("{name}_constraints"), info.constraints as u64);
    }
    let mut deployment = Deployment::start(morning(screening::FIRST_DAY), prover).await?;
    let played = story(&mut deployment, &data, report).await;
    // Whatever happened: end what was started.
    deployment.end().await;
    played
}

async fn story(deployment: &mut Deployment, data: &Data, report: &mut Report<'_>) -> Result<(), DemoError> {
    let size = deployment.verifying_key_bytes(CircuitName::Dispense);
    report.size("proof", PROOF_BYTES);
    report.size("verifying_key_of_dispense", size);
    let mut stage = Stage {
        d: deployment,
        data,
        report,
    };
    let authority = Party::generate(stage::name("ma-enrolment"), &mut OsRng);
    let mut enrolment = enrolment::Desk::new(&authority, stage::name(screening::DOMAIN), 0);
    screening::play(&mut stage, &mut enrolment).await?;
    let mut patient = fills::play(&mut stage, &mut enrolment).await?;
    claims::play(&mut stage, &mut patient).await?;
    audit(&mut stage).await
}

async fn audit(stage: &mut Stage<'_, '_>) -> Result<(), DemoError> {
    stage.report.scene("An auditor reads the whole ledger");
    let begin = Instant::now();
    let found = ledger::audit(stage.d.audit_config()?, |_, _| ()).await?;
    let report = &mut stage.report;
    report.time("audit", begin.elapsed());
    report.count("ledger_entries", found.entries);
    report.count("ledger_proofs", found.proofs);
    report.sees(
        "auditor",
        format!(
            "{} entries in {} batches, {} proofs verified again, {} commitments, nullifiers by kind {:?}",
            found.entries, found.batches, found.proofs, found.commitments, found.nullifiers
        ),
    );
    report.sees(
        "auditor",
        format!(
            "checkpoint: size {}, root {}",
            found.size,
            hex::encode(found.root)
        ),
    );
    for problem in &found.problems {
        report.sees("auditor", format!("entry {}: {}", problem.index, problem.reason));
    }
    report.expect(
        found.is_clean() && found.entries == found.size && found.proofs > 0,
        "auditor",
        "every entry, proof, signature, root and seal holds",
    );
    Ok(())
}
