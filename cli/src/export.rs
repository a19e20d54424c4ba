//! `medproof export`: circuits, keys, proofs and public inputs in the formats of other tools.

use crate::output::KeyProgress;
use crate::sample::{self, Visit};
use crate::statement_file::StatementFile;
use crate::{CliError, Exit, Output, keys};
use ark_bn254::Fr;
use clap::ValueEnum;
use medproof_circom::R1cs;
use medproof_circuits::statement::Circuit;
use medproof_prover::{Constraints, Prover, snarkjs};
use medproof_verifier::{CircuitName, Proof};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Arguments of `medproof export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The format.
    #[arg(long, value_enum)]
    format: Format,
    /// The circuit.
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name)]
    circuit: CircuitName,
    /// The folder for the files; created if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A statement file to export [default: a sample proof of a built-in example].
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    keys: keys::KeyArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// verification_key.json, proof.json and public.json for `snarkjs groth16 verify`.
    Snarkjs,
    /// NAME.r1cs and, of a built-in example, NAME.wtns: for set-up ceremonies and outside checkers.
    R1cs,
}

/// Runs `medproof export`.
///
/// # Errors
/// [`CliError`] when keys, the statement file or the folder cannot be used.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match args.format {
        Format::Snarkjs => snarkjs_files(args, output),
        Format::R1cs => circuit_files(args, output),
    }
}

fn snarkjs_files(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let given = args.proof.as_deref().map(StatementFile::read).transpose()?;
    if let Some(file) = given.as_ref().filter(|f| f.circuit != args.circuit) {
        let (asked, got) = (args.circuit.as_str(), file.circuit.as_str());
        return Err(CliError::Usage(format!(
            "--proof holds a proof of `{got}`, not of `{asked}`"
        )));
    }
    let store = args.keys.store()?;
    let mut shown = KeyProgress::new(output);
    let prover =
        Prover::open(&store, &[args.circuit], &mut |p| shown.step(&p)).map_err(CliError::unavailable)?;
    drop(shown);
    let key = prover
        .verifying_key(args.circuit)
        .ok_or_else(|| CliError::Software("an opened circuit has no verifying key".into()))?;
    let (inputs, proof) = match given {
        Some(file) => {
            let inputs = file.statement.to_vec();
            if file.context.circuit_id != key.circuit_id() || key.verify(&inputs, &file.proof).is_err() {
                return Err(CliError::Data(
                    "--proof: the proof does not hold under the key of this key store".into(),
                ));
            }
            (inputs, file.proof)
        }
        None => {
            let spinner = output.spinner("proving the built-in example");
            let made = sample::example(args.circuit, Fr::from(1u64), Prove { prover: &prover });
            spinner.finish_and_clear();
            made?
        }
    };
    let files = [
        ("verification_key.json", snarkjs::verification_key(key)),
        ("proof.json", snarkjs::proof(&proof)),
        ("public.json", snarkjs::public(&inputs)),
    ];
    write(&args.out, &files)?;
    let value = json!({
        "circuit": args.circuit.as_str(),
        "circuit_id": key.circuit_id().to_string(),
        "development_key": key.is_development(),
        "sample": args.proof.is_none(),
        "files": files.iter().map(|(name, _)| args.out.join(name).display().to_string()).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        let mark = if key.is_development() {
            " (DEVELOPMENT key)"
        } else {
            ""
        };
        format!(
            "wrote verification_key.json, proof.json and public.json of {} to {}{mark}",
            args.circuit.as_str(),
            args.out.display()
        )
    });
    Ok(Exit::Accept)
}

struct Prove<'a> {
    prover: &'a Prover,
}

impl Visit for Prove<'_> {
    type Output = (Vec<Fr>, Proof);

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<Self::Output, CliError> {
        let proven = self
            .prover
            .prove::<C>(public, witness)
            .map_err(CliError::unavailable)?;
        Ok((proven.public_inputs, proven.proof))
    }
}

/// Writes the constraints and an example's values; needs no keys.
fn circuit_files(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.proof.is_some() {
        let message = "--format r1cs exports a circuit; --proof goes with --format snarkjs";
        return Err(CliError::Usage(message.into()));
    }
    let spinner = output.spinner("reading the circuit");
    let name = args.circuit.as_str();
    let made = sample::example(args.circuit, Fr::from(1u64), Describe);
    spinner.finish_and_clear();
    let (r1cs, wtns) = made?;
    create(&args.out)?;
    let files = [
        (args.out.join(format!("{name}.r1cs")), &r1cs.write()),
        (args.out.join(format!("{name}.wtns")), &*wtns),
    ];
    for (path, bytes) in &files {
        std::fs::write(path, bytes).map_err(cannot_create(path))?;
    }
    let wires = r1cs.wires();
    let value = json!({
        "circuit": name,
        "constraints": r1cs.constraints(),
        "wires": wires.total,
        "public_inputs": wires.public_inputs,
        "files": files.iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        format!(
            "wrote {name}.r1cs ({} constraints, {} wires) and {name}.wtns (a made-up example) to {}",
            r1cs.constraints(),
            wires.total,
            args.out.display()
        )
    });
    Ok(Exit::Accept)
}

struct Describe;

impl Visit for Describe {
    type Output = (R1cs, Zeroizing<Vec<u8>>);

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<Self::Output, CliError> {
        let constraints = Constraints::of::<C>().map_err(CliError::unavailable)?;
        let assignment = constraints
            .assign::<C>(public, witness)
            .map_err(CliError::unavailable)?;
        if !constraints.is_satisfied(assignment.full()) {
            return Err(CliError::Software("the built-in example does not hold".into()));
        }
        let r1cs = snarkjs::constraints(&constraints).map_err(CliError::unavailable)?;
        Ok((r1cs, snarkjs::witness(&assignment)))
    }
}

fn cannot_create(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.display().to_string();
    move |source| CliError::CannotCreate { path, source }
}

fn create(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(cannot_create(folder))
}

fn write(folder: &Path, files: &[(&str, Value)]) -> Result<(), CliError> {
    create(folder)?;
    for (name, value) in files {
        let path = folder.join(name);
        std::fs::write(&path, format!("{value:#}\n")).map_err(cannot_create(&path))?;
    }
    Ok(())
}
