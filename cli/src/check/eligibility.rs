//! `medproof check eligibility`.

use super::{Checker, Inputs, in_file, parse_day, read_bundle, wrong_policy};
use crate::{CliError, Exit, Output, policy};
use medproof_circuits::scenario::eligibility::Assignment;
use medproof_circuits::scenario::{self, Outcome};
use medproof_circuits::statements::eligibility::{Eligibility, Large, Standard, Tier, Witness};
use medproof_records::policy::Policy;
use medproof_verifier::Day;
use medproof_verifier::statement::EligibilityPublic;

/// Arguments of `medproof check eligibility`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The day on which the criteria are judged; the snapshot is made as of that day.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    on: Day,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let path = &args.inputs.policy;
    let policy = match policy::load(path)? {
        Policy::Eligibility(policy) => policy,
        other => return Err(wrong_policy(path, other.kind(), "eligibility")),
    };
    let bundle = read_bundle(&args.inputs.bundle)?;
    // The number of records decides on the circuit, and the circuit's id enters `ctx`: it is set afterwards.
    let rng = &mut rand::rngs::OsRng;
    let outcome = scenario::eligibility::check(rng, &policy, &bundle, args.on, ark_bn254::Fr::default())
        .map_err(|e| in_file(&args.inputs.bundle, e))?;
    let Outcome {
        verdict,
        reason,
        figures,
        assignment,
        nullifier_spent,
    } = outcome;
    let with = |assignment| Outcome {
        verdict,
        reason,
        figures,
        assignment,
        nullifier_spent,
    };
    match assignment {
        Some(Assignment::Large(public, witness)) => {
            finish::<Large>(&args.inputs, public, witness, with, output)
        }
        Some(Assignment::Standard(public, witness)) => {
            finish::<Standard>(&args.inputs, public, witness, with, output)
        }
        None => Checker::native()?.finish::<Eligibility<Standard>>(&with(None), output),
    }
}

fn finish<T: Tier>(
    inputs: &Inputs,
    mut public: EligibilityPublic,
    witness: Witness,
    with: impl FnOnce(Option<(EligibilityPublic, Witness)>) -> Outcome<(EligibilityPublic, Witness)>,
    output: &Output,
) -> Result<Exit, CliError> {
    let checker = Checker::new::<Eligibility<T>>(inputs, output)?;
    public.ctx = checker.ctx();
    checker.finish::<Eligibility<T>>(&with(Some((public, witness))), output)
}
