//! `medproof bench zkey`: proves with a key and a witness of the circom world, the engine beside ark-groth16, so that
//! other provers can be timed on the same files.

use super::rounded;
use crate::backend::{Backend, TableArgs};
use crate::output::table;
use crate::{CliError, Exit, Output, read_bytes};
use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use ark_relations::gr1cs::Matrix;
use medproof_circom::{CircomReduction, MAX_SIZE, Witness, Zkey, wtns};
use medproof_engine::{Form, Kernels, Matrices, Options, PreparedCircuit, Steps};
use medproof_prover::backend::blinding;
use medproof_prover::snarkjs;
use medproof_verifier::Proof;
use rand::rngs::OsRng;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

/// Arguments of `medproof bench zkey`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A Groth16 key over BN254 (`.zkey`).
    #[arg(value_name = "KEY")]
    key: PathBuf,
    /// A witness of its circuit (`.wtns`).
    #[arg(value_name = "WTNS")]
    witness: PathBuf,
    /// Number of proofs of each prover; the last one is printed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Only this prover [default: both in turn, with the ratio of their medians; the engine's proof is printed].
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    #[command(flatten)]
    tables: TableArgs,
}

/// A key that is ready to prove, as one backend wants it.
trait Prepared {
    /// One proof with fresh blinding.
    fn prove(&self, witness: &[Fr]) -> Result<ark_groth16::Proof<Bn254>, String>;

    /// How long the steps of one proof take, where the backend can tell.
    fn steps(&self, witness: &[Fr]) -> Option<Steps>;
}

struct Arkworks<'a> {
    key: &'a Zkey,
    matrices: [Matrix<Fr>; 2],
}

impl Prepared for Arkworks<'_> {
    fn prove(&self, witness: &[Fr]) -> Result<ark_groth16::Proof<Bn254>, String> {
        let (mut r, mut s) = (Fr::rand(&mut OsRng), Fr::rand(&mut OsRng));
        let proof = Groth16::<Bn254, CircomReduction>::create_proof_with_reduction_and_matrices(
            self.key.proving_key(),
            r,
            s,
            &self.matrices,
            self.key.public() + 1,
            self.key.constraints(),
            witness,
        );
        r.zeroize();
        s.zeroize();
        proof.map_err(|e| e.to_string())
    }

    fn steps(&self, _: &[Fr]) -> Option<Steps> {
        None
    }
}

impl Prepared for PreparedCircuit {
    fn prove(&self, witness: &[Fr]) -> Result<ark_groth16::Proof<Bn254>, String> {
        PreparedCircuit::prove(self, witness, &blinding()).map_err(|e| e.to_string())
    }

    fn steps(&self, witness: &[Fr]) -> Option<Steps> {
        let proven = self.prove_in_steps(witness, &blinding());
        proven.ok().map(|(_, steps)| steps)
    }
}

/// The engine with the key as it is, and tables of at most so many bytes.
///
/// # Errors
/// [`CliError::Data`] when the parts of the key do not fit each other.
pub fn engine(key: &Zkey, table_bytes: usize) -> Result<PreparedCircuit, CliError> {
    let matrices = Matrices {
        a: &key.a().to_rows(),
        b: &key.b().to_rows(),
        c: &[],
        inputs: key.public() + 1,
        variables: key.variables(),
    };
    let options = Options {
        form: Form::Snarkjs,
        table_bytes,
        kernels: Kernels::detect(),
    };
    PreparedCircuit::new(key.proving_key(), matrices, options).map_err(CliError::data)
}

/// Runs `medproof bench zkey`. Loading and checking the files is not timed; every proof is verified.
///
/// # Errors
/// [`CliError::NoInput`] and [`CliError::Data`] name the file that cannot be used.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let spinner = output.spinner("reading and checking the key");
    let key = read_key(&args.key)?;
    let witness = read_witness(&args.witness)?;
    if witness.values().len() != key.variables() {
        let (got, expected) = (witness.values().len(), key.variables());
        return Err(CliError::Data(format!(
            "`{}` has {got} values, `{}` has {expected} wires: they are of different circuits",
            args.witness.display(),
            args.key.display(),
        )));
    }
    let backends = match args.backend {
        Some(one) => vec![one],
        None => vec![Backend::Engine, Backend::Arkworks],
    };
    let mut provers = Vec::with_capacity(backends.len());
    for backend in backends {
        provers.push(Measured::new(backend, &key, args)?);
    }
    spinner.set_message("proving");
    measure(args, &key, &witness, &mut provers)?;
    let value = figures(&key, &witness, &provers);
    spinner.finish_and_clear();
    output.result(&value, || text(&value));
    Ok(Exit::Accept)
}

/// A prover with what was measured of it.
struct Measured<'a> {
    backend: Backend,
    prepared: Box<dyn Prepared + 'a>,
    seconds: Vec<f64>,
    last: Option<Proof>,
}

impl<'a> Measured<'a> {
    fn new(backend: Backend, key: &'a Zkey, args: &Args) -> Result<Self, CliError> {
        let prepared: Box<dyn Prepared + 'a> = match backend {
            Backend::Arkworks => Box::new(Arkworks {
                matrices: [key.a().to_rows(), key.b().to_rows()],
                key,
            }),
            Backend::Engine => Box::new(engine(key, args.tables.bytes())?),
        };
        Ok(Self {
            backend,
            prepared,
            seconds: Vec::new(),
            last: None,
        })
    }
}

/// What is printed: of the first prover, and the second, if there is one, beside it.
fn figures(key: &Zkey, witness: &Witness, provers: &[Measured<'_>]) -> Value {
    let mut value = json!({
        "constraints": key.constraints(),
        "domain": key.domain(),
        "public": snarkjs::public(public(key, witness)),
    });
    if let Some(first) = provers.first() {
        value["backend"] = first.backend.as_str().into();
        value["seconds"] = first.seconds.clone().into();
        value["median"] = median(&first.seconds).into();
        value["proof"] = first.last.as_ref().map(snarkjs::proof).into();
        if let Some(steps) = first.prepared.steps(witness.values()) {
            value["steps_ms"] = steps_ms(&steps);
        }
    }
    if let [first, second] = provers {
        let (ours, theirs) = (median(&first.seconds), median(&second.seconds));
        value["arkworks_seconds"] = second.seconds.clone().into();
        value["arkworks_median"] = theirs.into();
        value["ratio_to_arkworks"] = rounded(theirs / ours).into();
    }
    value
}

fn steps_ms(steps: &Steps) -> Value {
    let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    json!({
        "products": ms(steps.products),
        "transforms": ms(steps.transforms),
        "msm_a": ms(steps.msm_a),
        "msm_b": ms(steps.msm_b),
        "msm_c": ms(steps.msm_c),
        "blinding": ms(steps.blinding),
    })
}

/// Proofs of all provers in turn, so that they see the same state of the machine.
fn measure(args: &Args, key: &Zkey, witness: &Witness, provers: &mut [Measured<'_>]) -> Result<(), CliError> {
    let verifying = ark_groth16::prepare_verifying_key(&key.proving_key().vk);
    let unsatisfied = || {
        CliError::Data(format!(
            "the proof does not verify: `{}` does not satisfy the circuit of `{}`",
            args.witness.display(),
            args.key.display()
        ))
    };
    for _ in 0..args.runs {
        for prover in &mut *provers {
            let begin = Instant::now();
            let proof = prover.prepared.prove(witness.values());
            let took = begin.elapsed().as_secs_f64();
            let proof = proof.map_err(CliError::Software)?;
            prover.seconds.push((took * 1e6).round() / 1e6);
            match Groth16::<Bn254>::verify_proof(&verifying, &proof, public(key, witness)) {
                Ok(true) => prover.last = Some(Proof::new(proof).map_err(|_| unsatisfied())?),
                _ => return Err(unsatisfied()),
            }
        }
    }
    Ok(())
}

/// Reads and checks a `.zkey` file.
///
/// # Errors
/// [`CliError`] that names the file and what is wrong with it.
pub fn read_key(path: &Path) -> Result<Zkey, CliError> {
    // A wire costs up to 576 bytes of points and a few coefficients.
    let bytes = read_bytes(path, MAX_SIZE as u64 * 1024)?;
    Zkey::read(&bytes).map_err(|e| refused(path, e))
}

fn read_witness(path: &Path) -> Result<Witness, CliError> {
    let bytes = Zeroizing::new(read_bytes(path, MAX_SIZE as u64 * 32 + 4096)?);
    wtns::read(&bytes).map_err(|e| refused(path, e))
}

fn refused(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::Data(format!("`{}` is refused: {error}", path.display()))
}

/// The public inputs. The witness has one value a wire, and the key has more wires than public inputs.
fn public<'a>(key: &Zkey, witness: &'a Witness) -> &'a [Fr] {
    witness.values().get(1..=key.public()).unwrap_or_default()
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn text(value: &Value) -> String {
    let head = ["backend", "constraints", "domain", "runs", "median (s)"];
    let row = |backend: &Value, seconds: &Value, median: &Value| {
        vec![
            backend.as_str().unwrap_or_default().to_owned(),
            value["constraints"].to_string(),
            value["domain"].to_string(),
            seconds.as_array().map_or(0, Vec::len).to_string(),
            median.to_string(),
        ]
    };
    let mut rows = vec![row(&value["backend"], &value["seconds"], &value["median"])];
    let mut lines = Vec::new();
    if !value["ratio_to_arkworks"].is_null() {
        let arkworks = Backend::Arkworks.as_str().into();
        rows.push(row(
            &arkworks,
            &value["arkworks_seconds"],
            &value["arkworks_median"],
        ));
        lines.push(format!("ratio to arkworks: {}", value["ratio_to_arkworks"]));
    }
    if !value["steps_ms"].is_null() {
        lines.push(format!("steps, one after the other (ms): {}", value["steps_ms"]));
    }
    lines.push(value["proof"].to_string());
    format!("{}\n{}", table(&head, rows), lines.join("\n"))
}
