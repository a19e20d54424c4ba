//! Which ledger and which witnesses the command line believes: options, or a file.

use crate::{CliError, read_text};
use medproof_verifier::{
    LogKey,
    cosignature::{WitnessKey, WitnessPolicy},
};
use serde::Deserialize;
use std::path::PathBuf;

/// Largest trust file.
const MAX_TRUST: u64 = 64 * 1024;

/// Whom to believe about a receipt.
#[derive(Debug, Clone, clap::Args)]
pub struct TrustArgs {
    /// The ledger's public key, in the form NAME+ID+KEY.
    #[arg(long, value_name = "KEY", required_unless_present = "trust")]
    ledger_key: Option<String>,
    /// Public key of a witness, in the form NAME+ID+KEY (repeatable).
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// How many of the witnesses must have cosigned [default: all that are given].
    #[arg(long, value_name = "N")]
    quorum: Option<usize>,
    /// A file with these three (TOML: ledger_key, witnesses, quorum) in place of the options.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ledger_key", "witness", "quorum"])]
    trust: Option<PathBuf>,
}

/// The same, where nobody need be named: then only the log's own signature is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct OptionalTrustArgs {
    /// The ledger's public key, in the form NAME+ID+KEY; needed with `--witness`.
    #[arg(long, value_name = "KEY")]
    ledger_key: Option<String>,
    /// Public key of a witness, in the form NAME+ID+KEY (repeatable).
    #[arg(long, value_name = "KEY", requires = "ledger_key")]
    witness: Vec<String>,
    /// How many of the witnesses must have cosigned [default: all that are given].
    #[arg(long, value_name = "N", requires = "ledger_key")]
    quorum: Option<usize>,
    /// A file with these three (TOML: ledger_key, witnesses, quorum) in place of the options.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ledger_key", "witness", "quorum"])]
    trust: Option<PathBuf>,
}

impl OptionalTrustArgs {
    /// The policy that they state, if they state one.
    ///
    /// # Errors
    /// Those of [`TrustArgs::policy`].
    pub fn policy(&self) -> Result<Option<WitnessPolicy>, CliError> {
        if self.ledger_key.is_none() && self.trust.is_none() {
            return Ok(None);
        }
        let Self {
            ledger_key,
            witness,
            quorum,
            trust,
        } = self.clone();
        let stated = TrustArgs {
            ledger_key,
            witness,
            quorum,
            trust,
        };
        stated.policy().map(Some)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    ledger_key: String,
    #[serde(default)]
    witnesses: Vec<String>,
    quorum: Option<usize>,
}

impl TrustArgs {
    /// The policy that they state.
    ///
    /// # Errors
    /// [`CliError`] naming the option or the file's field that is wrong.
    pub fn policy(&self) -> Result<WitnessPolicy, CliError> {
        match &self.trust {
            Some(path) => {
                let text = read_text(path, MAX_TRUST)?;
                let file: Result<TrustFile, _> = toml::from_str(&text);
                let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
                let file = file.map_err(|e| bad(e.to_string()))?;
                let names = ["ledger_key", "witnesses", "quorum"];
                policy(&file.ledger_key, &file.witnesses, file.quorum, names).map_err(bad)
            }
            None => {
                let key = self.ledger_key.as_deref().unwrap_or_default();
                let names = ["--ledger-key", "--witness", "--quorum"];
                policy(key, &self.witness, self.quorum, names).map_err(CliError::Usage)
            }
        }
    }
}

/// Puts a policy together; an error begins with the name of what is wrong.
fn policy(
    ledger_key: &str,
    witnesses: &[String],
    quorum: Option<usize>,
    [key_name, witness_name, quorum_name]: [&str; 3],
) -> Result<WitnessPolicy, String> {
    let log: LogKey = ledger_key.parse().map_err(|e| format!("{key_name}: {e}"))?;
    let parsed = witnesses.iter().map(|text| text.parse::<WitnessKey>());
    let witnesses: Vec<WitnessKey> = parsed
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{witness_name}: {e}"))?;
    let quorum = quorum.unwrap_or(witnesses.len());
    if quorum > witnesses.len() {
        let given = witnesses.len();
        return Err(format!(
            "{quorum_name}: {quorum} cosignatures cannot come from {given} witnesses"
        ));
    }
    WitnessPolicy::new(log, witnesses, quorum).map_err(|e| format!("{witness_name}: {e}"))
}
