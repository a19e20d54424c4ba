//! `medproof policy`: a policy in words, and everything in it that cannot be resolved.

use crate::{CliError, Exit, Output};
use medproof_records::policy::{LoadError, Policy};
use medproof_verifier::field::fr_to_be_bytes;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `medproof policy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a policy in words.
    Explain {
        /// The policy, a TOML file; its tables are found beside it.
        file: PathBuf,
    },
    /// Compile a policy and name every code, unit or date that cannot be resolved.
    Check {
        /// The policy, a TOML file; its tables are found beside it.
        file: PathBuf,
    },
}

/// Loads a policy for a command.
///
/// # Errors
/// [`CliError`] naming the file and what is wrong in it.
pub fn load(path: &Path) -> Result<Policy, CliError> {
    Policy::load(path).map_err(|e| match e {
        LoadError::Read { path, source } => CliError::NoInput {
            path: path.display().to_string(),
            source,
        },
        other => CliError::data(other),
    })
}

/// Runs `medproof policy`.
///
/// # Errors
/// [`CliError`] when the policy cannot be read or does not compile.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let (file, explain) = match &args.command {
        Command::Explain { file } => (file, true),
        Command::Check { file } => (file, false),
    };
    let policy = load(file)?;
    let policy_id = hex::encode(fr_to_be_bytes(&policy.policy_id()));
    let mut value = json!({
        "kind": policy.kind(),
        "id": policy.id(),
        "version": policy.version(),
        "policy_id": policy_id,
    });
    if explain {
        value["text"] = json!(policy.explain());
    }
    output.result(&value, || {
        if explain {
            policy.explain()
        } else {
            let (kind, id, version) = (policy.kind(), policy.id(), policy.version());
            format!("{kind} policy `{id}`, version {version}: compiles\npolicy_id {policy_id}")
        }
    });
    Ok(Exit::Accept)
}
