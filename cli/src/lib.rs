//! The `medproof` command line: one module a subcommand. The contract is in `docs/cli.md`.

pub mod audit;
pub mod backend;
pub mod bench;
pub mod check;
pub mod circuits;
pub mod demo;
pub mod desk;
pub mod enrol;
mod error;
pub mod export;
mod file_kind;
pub mod holder;
pub mod issuer;
pub mod journey;
pub mod keys;
pub mod ledger;
mod log;
pub mod output;
pub mod policy;
pub mod prove;
pub mod remote;
pub mod sample;
pub mod secret;
pub mod serve;
pub mod statement_file;
pub mod tls;
pub mod trust;
pub mod verify;
pub mod wallet;

pub use error::{CliError, Exit};
pub use output::Output;

use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;

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
    /// Read a whole ledger as a stranger would, and judge every entry again.
    Audit(audit::Args),
    /// Evaluate a statement over a bundle, with or without a proof.
    Check(check::Args),
    /// Play the three journeys over real services on loopback, and check every line.
    Demo(demo::Args),
    /// A relying party's or issuer's staff: ask a holder, see the outcome, take a fill back.
    Desk(desk::Args),
    /// List the circuits with their sizes, inputs and keys.
    Circuits(circuits::Args),
    /// An enrolment authority's or payer's identities, accounts and balances.
    Enrol(enrol::Args),
    /// Write keys, proofs and public inputs for other tools.
    Export(export::Args),
    /// Measure circuits, verification and the ledger on this machine.
    Bench(bench::Args),
    /// Make or show a party's keys, and sign for holders.
    Issuer(issuer::Args),
    /// Make development keys, or show where keys are.
    Keys(keys::Args),
    /// Begin, govern and read a ledger.
    Ledger(ledger::Args),
    /// Explain or check a policy.
    Policy(policy::Args),
    /// Answer a relying party's challenge from a wallet.
    Prove(Box<prove::Args>),
    /// Check a proof or a receipt offline.
    Verify(verify::Args),
    /// Run a ledger, a prover or a gateway.
    Serve(serve::Args),
    /// A holder's wallet: make, show, add papers, recover notes.
    Wallet(wallet::Args),
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
    let result = match cli.command {
        Command::Audit(args) => audit::run(&args, &output),
        Command::Check(args) => check::run(&args, &output),
        Command::Circuits(args) => circuits::run(&args, &output),
        Command::Demo(args) => demo::run(&args, &output),
        Command::Desk(args) => desk::run(&args, &output),
        Command::Enrol(args) => enrol::run(&args, &output),
        Command::Export(args) => export::run(&args, &output),
        Command::Bench(args) => bench::run(&args, &output),
        Command::Issuer(args) => issuer::run(&args, &output),
        Command::Keys(args) => keys::run(&args, &output),
        Command::Ledger(args) => ledger::run(&args, &output),
        Command::Policy(args) => policy::run(&args, &output),
        Command::Prove(args) => prove::run(&args, &output),
        Command::Serve(args) => serve::run(&args, &output),
        Command::Verify(args) => verify::run(&args, &output),
        Command::Wallet(args) => wallet::run(&args, &output),
    };
    result.unwrap_or_else(|error| {
        output.error(error.exit() as u8, &error.to_string());
        error.exit()
    })
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`CliError::NoInput`] when it cannot be read, [`CliError::Data`] when it is longer.
pub fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let fail = |source| CliError::NoInput {
        path: path.display().to_string(),
        source,
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(CliError::Data(format!(
            "`{}` is longer than {limit} bytes",
            path.display()
        )));
    }
    Ok(bytes)
}

/// Puts new content in a file's place, or makes it (Unix: with this mode, less the umask): after a crash it has the old
/// content or the new one, whole.
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), CliError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Another process may do the same.
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let write = || {
        let mut file = options.open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)?;
        std::fs::File::open(folder_of(path))?.sync_all()
    };
    write().map_err(|source| CliError::CannotCreate {
        path: path.display().to_string(),
        source,
    })
}

/// The folder that a file is in. A path of one part lies in the working directory.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Reads a UTF-8 file of at most `limit` bytes.
///
/// # Errors
/// Those of [`read_bytes`], and [`CliError::Data`] when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, CliError> {
    String::from_utf8(read_bytes(path, limit)?)
        .map_err(|_| CliError::Data(format!("`{}` is not UTF-8 text", path.display())))
}
