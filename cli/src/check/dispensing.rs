//! `medproof check dispensing`.

use super::{Checker, Inputs, in_file, parse_day, read_bundle, wrong_policy};
use crate::{CliError, Exit, Output, policy};
use medproof_circuits::scenario;
use medproof_circuits::statements::dispense::Dispense;
use medproof_records::policy::Policy;
use medproof_verifier::Day;

/// Arguments of `medproof check dispensing`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The day of the fill [default: that of the candidate dispense].
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    on: Option<Day>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let path = &args.inputs.policy;
    let policy = match policy::load(path)? {
        Policy::Dispensing(policy) => policy,
        other => return Err(wrong_policy(path, other.kind(), "dispensing")),
    };
    let bundle = read_bundle(&args.inputs.bundle)?;
    let checker = Checker::new::<Dispense>(&args.inputs, output)?;
    let outcome =
        scenario::dispensing::check(&mut rand::rngs::OsRng, &policy, &bundle, args.on, checker.ctx())
            .map_err(|e| in_file(&args.inputs.bundle, e))?;
    checker.finish::<Dispense>(&outcome, output)
}
