//! `medproof keys`: where proving keys are, making development keys, taking over a ceremony's.

mod import;

use crate::output::{self, KeyProgress};
use crate::{CliError, Exit, Output, circuits};
use medproof_prover::{KeyStore, Mode, Prover};
use medproof_verifier::CircuitName;
use serde_json::json;
use std::path::PathBuf;

/// Where keys are and which may be used.
#[derive(Debug, Clone, clap::Args)]
pub struct KeyArgs {
    /// Directory of proving keys [default: $MEDPROOF_KEYS, or medproof/keys in the user's cache].
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
    /// Refuse development keys (made by one machine, which could forge proofs).
    #[arg(long)]
    pub production: bool,
}

impl KeyArgs {
    /// The key store that these arguments name.
    ///
    /// # Errors
    /// [`CliError::Unavailable`] when no directory is known.
    pub fn store(&self) -> Result<KeyStore, CliError> {
        let mode = if self.production {
            Mode::Production
        } else {
            Mode::Development
        };
        match &self.keys {
            Some(directory) => Ok(KeyStore::new(directory, mode)),
            None => KeyStore::at_default(mode).map_err(CliError::unavailable),
        }
    }
}

/// The circuits that every command makes keys for; the large tier of eligibility only on demand.
pub fn circuits(large: bool) -> impl Iterator<Item = CircuitName> {
    CircuitName::ALL
        .into_iter()
        .filter(move |c| large || *c != CircuitName::EligibilityLarge)
}

/// Reads a circuit's name from the command line.
///
/// # Errors
/// A message that lists the circuits.
pub fn circuit_name(text: &str) -> Result<CircuitName, String> {
    CircuitName::parse(text).ok_or_else(|| {
        let known: Vec<&str> = CircuitName::ALL.iter().map(|c| c.as_str()).collect();
        format!("no circuit `{text}`; there are {}", known.join(", "))
    })
}

/// Arguments of `medproof keys`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the missing development keys (one machine runs the set-up: never for production).
    Make {
        #[command(flatten)]
        keys: KeyArgs,
        /// Only this circuit (repeatable) [default: all but the large tier].
        #[arg(long, value_name = "NAME", value_parser = circuit_name)]
        circuit: Vec<CircuitName>,
    },
    /// Check the key of a set-up ceremony (`.zkey`) and keep it as the circuit's production key.
    Import(import::Args),
    /// List the keys in the directory.
    List {
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Print the directory of keys.
    Path {
        #[command(flatten)]
        keys: KeyArgs,
    },
}

/// Runs `medproof keys`.
///
/// # Errors
/// [`CliError`] when keys cannot be made or read.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::Import(args) => return import::run(args, output),
        Command::Path { keys } => {
            let store = keys.store()?;
            let path = store.directory().display().to_string();
            output.result(&json!({ "directory": path }), || path.clone());
        }
        Command::List { keys } => return list(keys, output),
        Command::Make { keys, circuit } => {
            if keys.production {
                return Err(CliError::Usage(
                    "`keys make` makes development keys; production keys come from a ceremony".into(),
                ));
            }
            let store = keys.store()?;
            let chosen: Vec<CircuitName> = if circuit.is_empty() {
                circuits(false).collect()
            } else {
                circuit.clone()
            };
            let mut shown = KeyProgress::new(output);
            let mut infos = Vec::new();
            for name in chosen {
                let prover = Prover::open(&store, &[name], &mut |p| shown.step(&p));
                infos.extend(prover.map_err(CliError::unavailable)?.circuit_info());
            }
            drop(shown);
            let value = infos.iter().map(circuits::to_json).collect();
            output.result(&value, || {
                let names: Vec<&str> = infos.iter().map(|i| i.name.as_str()).collect();
                format!(
                    "DEVELOPMENT keys of {} are in {}",
                    names.join(", "),
                    store.directory().display()
                )
            });
        }
    }
    Ok(Exit::Accept)
}

fn list(keys: &KeyArgs, output: &Output) -> Result<Exit, CliError> {
    let store = keys.store()?;
    let listed = store.list().map_err(CliError::unavailable)?;
    let name = |path: &std::path::Path| path.file_name().unwrap_or_default().display().to_string();
    let value: Vec<_> = listed
        .iter()
        .map(|found| match found {
            Ok(key) => json!({
                "file": name(&key.path),
                "circuit": key.circuit.as_str(),
                "version": key.version,
                "id": key.verifying.circuit_id().to_string(),
                "constraints": key.constraints,
                "bytes": key.bytes,
                "development_key": key.verifying.is_development(),
            }),
            Err(bad) => json!({ "file": name(&bad.path), "error": bad.error.to_string() }),
        })
        .collect();
    output.result(&json!(value), || {
        if listed.is_empty() {
            return format!(
                "no keys in {}; make development keys with `medproof keys make`",
                store.directory().display()
            );
        }
        let rows = listed.iter().map(|found| match found {
            Ok(key) => vec![
                format!("{} v{}", key.circuit.as_str(), key.version),
                key.constraints.to_string(),
                output::bytes_text(key.bytes),
                match key.verifying.is_development() {
                    true => "DEVELOPMENT".to_owned(),
                    false => "ceremony".to_owned(),
                },
                name(&key.path),
            ],
            Err(bad) => vec![
                "?".into(),
                "?".into(),
                "?".into(),
                bad.error.to_string(),
                name(&bad.path),
            ],
        });
        output::table(&["circuit", "constraints", "size", "made by", "file"], rows)
    });
    Ok(Exit::Accept)
}
