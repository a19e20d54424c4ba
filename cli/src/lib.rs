//! The `medproof` command line: one module a subcommand. The contract is in `docs/cli.md`.

pub mod circuits;
mod error;
pub mod keys;
pub mod output;

pub use error::{CliError, Exit};
pub use output::Output;

use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Zero-knowledge proofs about medical records: a yes or no, and nothing else.
#[derive(Debug, Parser)]
#[command(
    name = "medproof",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the circuits with their sizes, inputs and keys.
    Circuits(circuits::Args),
    /// Make development keys, or show where keys are.
    Keys(keys::Args),
}

/// Runs the program with these arguments (the first is its name) and says how it ends.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let wants_json = args.iter().any(|a| a == "--json");
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let informs = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if informs || !wants_json {
                // Nothing can be done about a closed stdout or stderr.
                let _ = error.print();
            } else {
                let message = error.to_string();
                Output::new(true).error(Exit::Usage as u8, message.trim_end());
            }
            return if informs { Exit::Accept } else { Exit::Usage };
        }
    };
    let output = Output::new(cli.json);
    let result = match &cli.command {
        Command::Circuits(args) => circuits::run(args, &output),
        Command::Keys(args) => keys::run(args, &output),
    };
    result.unwrap_or_else(|error| {
        output.error(error.exit() as u8, &error.to_string());
        error.exit()
    })
}
