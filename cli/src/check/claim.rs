//! `medproof check claim`.

use super::{Checker, Inputs, in_file, read_bundle, wrong_policy};
use crate::{CliError, Exit, Output, policy, read_bytes};
use medproof_circuits::scenario;
use medproof_circuits::statements::claim::Claim;
use medproof_records::claim::ClaimContext;
use medproof_records::policy::Policy;
use std::path::PathBuf;

/// Largest context file that is read, in bytes.
const MAX_CONTEXT_BYTES: u64 = 1 << 20;

/// Arguments of `medproof check claim`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// Exclusion list, benefit balance in cents, and whether the event was claimed before (JSON).
    #[arg(long, value_name = "FILE")]
    context: PathBuf,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let path = &args.inputs.policy;
    let policy = match policy::load(path)? {
        Policy::Claim(policy) => policy,
        other => return Err(wrong_policy(path, other.kind(), "claims")),
    };
    let bundle = read_bundle(&args.inputs.bundle)?;
    let context = ClaimContext::parse(&read_bytes(&args.context, MAX_CONTEXT_BYTES)?)
        .map_err(|e| in_file(&args.context, e))?;
    let checker = Checker::new::<Claim>(&args.inputs, output)?;
    let outcome = scenario::claim::check(&mut rand::rngs::OsRng, &policy, &bundle, &context, checker.ctx())
        .map_err(|e| in_file(&args.inputs.bundle, e))?;
    checker.finish::<Claim>(&outcome, output)
}
