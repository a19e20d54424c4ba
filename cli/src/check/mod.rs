//! `medproof check`: one statement over one bundle, natively and on request by a real proof.

mod claim;
mod dispensing;
mod eligibility;

use crate::output::KeyProgress;
use crate::statement_file::StatementFile;
use crate::{CliError, Exit, Output, keys, read_bytes};
use ark_bn254::Fr;
use clap::ValueHint;
use medproof_circuits::scenario::{Outcome, Verdict};
use medproof_circuits::statement::Circuit;
use medproof_prover::{ProveError, Proven, Prover};
use medproof_records::fhir::{Bundle, MAX_BUNDLE_BYTES};
use medproof_verifier::{Context, Day, Name, PROOF_BYTES, Statement, context::bound, statement};
use rand::RngCore;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Arguments of `medproof check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Whether a fill keeps every limit of a policy, over the complete history.
    Dispensing(dispensing::Args),
    /// Whether a trial's criteria are met on a day.
    Eligibility(eligibility::Args),
    /// Whether a claim is payable, and how much.
    Claim(claim::Args),
}

/// What every check takes.
#[derive(Debug, clap::Args)]
struct Inputs {
    /// The policy, a TOML file; its tables are found beside it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    policy: PathBuf,
    /// The FHIR R4 bundle.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    bundle: PathBuf,
    /// Make and verify a real proof too, and compare the verdicts.
    #[arg(long)]
    prove: bool,
    /// With a proof: write it, with its public inputs and what it is bound to, as a statement file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    #[command(flatten)]
    keys: keys::KeyArgs,
}

/// Runs `medproof check`.
///
/// # Errors
/// [`CliError`] when an input cannot be used, or when native verdict and proof disagree.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::Dispensing(args) => dispensing::run(args, output),
        Command::Eligibility(args) => eligibility::run(args, output),
        Command::Claim(args) => claim::run(args, output),
    }
}

fn read_bundle(path: &Path) -> Result<Bundle, CliError> {
    let bytes = read_bytes(path, MAX_BUNDLE_BYTES as u64)?;
    Bundle::parse(&bytes).map_err(|e| in_file(path, e))
}

/// Reads a date from the command line.
fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a date from 1900-01-01 to 2079-06-05 as YYYY-MM-DD".to_owned())
}

fn in_file(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::Data(format!("`{}`: {error}", path.display()))
}

fn wrong_policy(path: &Path, found: &str, expected: &str) -> CliError {
    CliError::Data(format!(
        "`{}` is a policy for {found}, not for {expected}",
        path.display()
    ))
}

/// A prover for `C` when a proof is asked for, and a context to bind it to.
struct Checker {
    prover: Option<Prover>,
    context: Context,
    out: Option<PathBuf>,
}

impl Checker {
    /// Opens the circuit's keys where a proof is asked for.
    fn new<C: Circuit>(inputs: &Inputs, output: &Output) -> Result<Self, CliError> {
        let mut checker = Self::native()?;
        if inputs.out.is_some() && !inputs.prove {
            return Err(CliError::Usage("--out writes a proof: give --prove too".into()));
        }
        checker.out = inputs.out.clone();
        if inputs.prove {
            let store = inputs.keys.store()?;
            let mut shown = KeyProgress::new(output);
            let mut prover = Prover::default();
            prover
                .load::<C>(&store, &mut |p| shown.step(&p))
                .map_err(CliError::unavailable)?;
            checker.context.circuit_id = prover.circuit_id(C::NAME).map_err(CliError::unavailable)?;
            checker.prover = Some(prover);
        }
        Ok(checker)
    }

    /// Without a prover.
    fn native() -> Result<Self, CliError> {
        let random = || {
            let mut bytes = [0u8; 32];
            rand::rngs::OsRng.fill_bytes(&mut bytes);
            bytes
        };
        let relying_party: Name = "check".parse().map_err(CliError::data)?;
        let context = Context {
            ledger_id: random(),
            circuit_id: medproof_verifier::CircuitId([0; 32]),
            relying_party,
            challenge: bound(random()),
            payload_hash: [0; 32],
        };
        Ok(Self {
            prover: None,
            context,
            out: None,
        })
    }

    fn ctx(&self) -> Fr {
        self.context.to_fr()
    }

    /// Compares the native verdict with the circuit's where a proof is asked for, and prints the outcome.
    fn finish<C: Circuit>(
        &self,
        outcome: &Outcome<(C::Public, C::Witness)>,
        output: &Output,
    ) -> Result<Exit, CliError> {
        let assignment = outcome.assignment.as_ref().map(|(p, w)| (p, w));
        let proof = match (&self.prover, assignment) {
            (Some(prover), Some((public, witness))) => {
                let spinner = output.spinner("proving");
                let holds = outcome.verdict == Verdict::Accept || outcome.nullifier_spent;
                let proof = compare::<C>(prover, public, witness, holds, &self.context, self.out.as_deref());
                spinner.finish_and_clear();
                // A duplicate's proof holds; its nullifier is what the ledger refuses.
                proof?.filter(|_| outcome.verdict == Verdict::Accept)
            }
            _ => None,
        };
        print(outcome, proof.as_ref(), output);
        Ok(match outcome.verdict {
            Verdict::Accept => Exit::Accept,
            Verdict::Reject => Exit::Reject,
            Verdict::Unprovable => Exit::Unprovable,
        })
    }
}

/// Proves where the statement `holds`; where it does not, makes sure that the circuit is unsatisfied.
fn compare<C: Circuit>(
    prover: &Prover,
    public: &C::Public,
    witness: &C::Witness,
    holds: bool,
    context: &Context,
    out: Option<&Path>,
) -> Result<Option<Value>, CliError> {
    if !holds {
        return match prover.assign::<C>(public, witness) {
            Err(ProveError::Unsatisfied(_)) => Ok(None),
            Ok(_) => Err(CliError::Software(
                "the relation refuses what the circuit accepts".into(),
            )),
            Err(e) => Err(CliError::unavailable(e)),
        };
    }
    match prover.prove::<C>(public, witness) {
        Ok(proven) => summary(prover, &proven, context, out).map(Some),
        Err(ProveError::Unsatisfied(_)) => Err(CliError::Software(
            "the relation accepts what the circuit refuses".into(),
        )),
        Err(e) => Err(CliError::unavailable(e)),
    }
}

/// Verifies the proof as a relying party would, and says how long everything took.
fn summary(
    prover: &Prover,
    proven: &Proven,
    context: &Context,
    out: Option<&Path>,
) -> Result<Value, CliError> {
    let fault = |e: &dyn std::fmt::Display| CliError::Software(e.to_string());
    let key = prover
        .verifying_key(proven.circuit)
        .ok_or_else(|| CliError::Software("an opened circuit has no verifying key".into()))?;
    let claimed = Statement::from_slice(proven.circuit, &proven.public_inputs).map_err(|e| fault(&e))?;
    let begin = Instant::now();
    statement::verify(key, claimed, context.clone(), &proven.proof).map_err(|e| fault(&e))?;
    if let Some(path) = out {
        let file = StatementFile::new(proven, context.clone(), key.is_development())?;
        crate::secret::create(path, format!("{}\n", file.to_json()).as_bytes())?;
    }
    let ms = |d: std::time::Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
    Ok(json!({
        "circuit": proven.circuit.as_str(),
        "circuit_id": proven.circuit_id.to_string(),
        "development_key": key.is_development(),
        "proof_bytes": PROOF_BYTES,
        "public_inputs": proven.public_inputs.len(),
        "witness_ms": ms(proven.timings.witness),
        "proving_ms": ms(proven.timings.proving),
        "verifying_ms": ms(begin.elapsed()),
    }))
}

fn print<A>(outcome: &Outcome<A>, proof: Option<&Value>, output: &Output) {
    let value = json!({
        "verdict": outcome.verdict.as_str(),
        "reason": outcome.reason,
        "figures": outcome.figures,
        "proof": proof,
    });
    output.result(&value, || {
        let mut text = format!("{}: {}", outcome.verdict, outcome.reason);
        for (name, figure) in &outcome.figures {
            text += &format!("\n  {name} {figure}");
        }
        if let Some(proof) = proof {
            text += &format!(
                "\nproof of {} bytes, made in {} ms, verified in {} ms (DEVELOPMENT key: {})",
                proof["proof_bytes"], proof["proving_ms"], proof["verifying_ms"], proof["development_key"]
            );
        }
        text + "\nThis says whether the policy is met by the data given, nothing about data elsewhere."
    });
}
