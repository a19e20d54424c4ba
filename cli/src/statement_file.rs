//! Statement files: one proof with its public inputs and what it is bound to, as JSON.

use crate::CliError;
use ark_bn254::Fr;
use medproof_prover::Proven;
use medproof_verifier::field::{fr_from_be_bytes, fr_to_be_bytes};
use medproof_verifier::{CircuitId, CircuitName, Context, Name, Proof, Statement};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The format's name and version.
const SCHEMA: &str = "medproof/statement/1";
/// Largest statement file that is read.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    circuit: String,
    version: u16,
    circuit_id: String,
    development_key: bool,
    ledger_id: String,
    relying_party: String,
    challenge: String,
    payload_hash: String,
    public_inputs: Vec<Input>,
    proof: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    name: String,
    value: String,
}

/// A proof, what it shows and what it is bound to.
pub struct StatementFile {
    /// The circuit.
    pub circuit: CircuitName,
    /// Whether one machine made the key.
    pub development_key: bool,
    /// The statement.
    pub statement: Statement,
    /// What it is bound to.
    pub context: Context,
    /// The proof.
    pub proof: Proof,
}

impl StatementFile {
    /// A proof as it comes from the prover.
    ///
    /// # Errors
    /// [`CliError::Software`] when the prover's inputs are not those of its circuit.
    pub fn new(proven: &Proven, context: Context, development_key: bool) -> Result<Self, CliError> {
        let statement = Statement::from_slice(proven.circuit, &proven.public_inputs);
        Ok(Self {
            circuit: proven.circuit,
            development_key,
            statement: statement.map_err(|e| CliError::Software(e.to_string()))?,
            context,
            proof: proven.proof.clone(),
        })
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`CliError`] naming the field that is wrong.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let text = crate::read_text(path, MAX_BYTES)?;
        Self::parse(&text).map_err(|e| CliError::Data(format!("`{}`: {e}", path.display())))
    }

    /// Reads and checks a file's text.
    ///
    /// # Errors
    /// A message naming the field that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document =
            serde_json::from_str(text).map_err(|e| format!("not a statement file: {e}"))?;
        Self::check(document)
    }

    fn check(d: Document) -> Result<Self, String> {
        if d.schema != SCHEMA {
            return Err(format!("schema: `{}` is not `{SCHEMA}`", d.schema));
        }
        let circuit =
            CircuitName::parse(&d.circuit).ok_or_else(|| format!("circuit: there is no `{}`", d.circuit))?;
        if d.version != circuit.version() {
            return Err(format!(
                "version: this program verifies version {} of {}, the proof is of {}",
                circuit.version(),
                circuit.as_str(),
                d.version
            ));
        }
        let names = Statement::names(circuit);
        if d.public_inputs.len() != names.len() {
            return Err(format!(
                "public_inputs: {} where {} has {}",
                d.public_inputs.len(),
                circuit.as_str(),
                names.len()
            ));
        }
        let mut inputs = Vec::with_capacity(names.len());
        for (given, name) in d.public_inputs.iter().zip(names) {
            if given.name != *name {
                return Err(format!(
                    "public_inputs: `{}` where `{name}` is expected",
                    given.name
                ));
            }
            inputs.push(element(&given.value).map_err(|e| format!("public_inputs.{name}: {e}"))?);
        }
        let proof = hex::decode(&d.proof).map_err(|_| "proof: not hexadecimal".to_owned())?;
        let relying_party: Name = d
            .relying_party
            .parse()
            .map_err(|e| format!("relying_party: {e}"))?;
        Ok(Self {
            circuit,
            development_key: d.development_key,
            statement: Statement::from_slice(circuit, &inputs).map_err(|e| format!("public_inputs: {e}"))?,
            context: Context {
                ledger_id: bytes32("ledger_id", &d.ledger_id)?,
                circuit_id: CircuitId(bytes32("circuit_id", &d.circuit_id)?),
                relying_party,
                challenge: bytes32("challenge", &d.challenge)?,
                payload_hash: bytes32("payload_hash", &d.payload_hash)?,
            },
            proof: Proof::from_bytes(&proof).map_err(|e| format!("proof: {e}"))?,
        })
    }

    /// The file's text.
    pub fn to_json(&self) -> serde_json::Value {
        let names = Statement::names(self.circuit);
        let input = |(name, value): (&&str, &Fr)| Input {
            name: (*name).to_owned(),
            value: hex::encode(fr_to_be_bytes(value)),
        };
        let document = Document {
            schema: SCHEMA.to_owned(),
            circuit: self.circuit.as_str().to_owned(),
            version: self.circuit.version(),
            circuit_id: self.context.circuit_id.to_string(),
            development_key: self.development_key,
            ledger_id: hex::encode(self.context.ledger_id),
            relying_party: self.context.relying_party.to_string(),
            challenge: hex::encode(self.context.challenge),
            payload_hash: hex::encode(self.context.payload_hash),
            public_inputs: names.iter().zip(&self.statement.to_vec()).map(input).collect(),
            proof: hex::encode(self.proof.to_bytes()),
        };
        // Strings, numbers and lists of them always have a JSON form.
        serde_json::to_value(document).unwrap_or_default()
    }
}

/// Reads 32 bytes of hexadecimal.
fn bytes32(field: &str, text: &str) -> Result<[u8; 32], String> {
    let mut out = [0u8; 32];
    hex::decode_to_slice(text, &mut out).map_err(|_| format!("{field}: not 32 bytes of hexadecimal"))?;
    Ok(out)
}

fn element(text: &str) -> Result<Fr, String> {
    let bytes = bytes32("value", text)?;
    fr_from_be_bytes(&bytes).map_err(|e| e.to_string())
}
