//! Time of one proof against the size of the circuit, for the engine and ark-groth16, as a table and a plot.

mod svg;

use super::{machine, median_ms, rounded};
use crate::{CliError, Output};
use ark_bn254::{Bn254, Fr};
use ark_ff::{Field, UniformRand};
use ark_groth16::{Groth16, Proof, ProvingKey};
use ark_relations::{
    gr1cs::{
        ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal,
        R1CS_PREDICATE_LABEL, SynthesisError, Variable,
    },
    lc,
};
use medproof_engine::{Form, Kernels, Matrices, Options, PreparedCircuit};
use medproof_prover::backend::{DEFAULT_TABLE_BYTES, blinding};
use rand::{Rng, SeedableRng, rngs::OsRng, rngs::StdRng};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Which sizes are measured, and where the plot goes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plot (SVG).
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Binary logarithm of the smallest evaluation domain.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(5..=20))]
    min_log: u32,
    /// Binary logarithm of the largest evaluation domain; its key, made for the occasion, takes most of the time.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(5..=20))]
    max_log: u32,
    /// Measurements of each time; the median is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
}

/// Instance variables of the circuit: the constant and one input.
const INPUTS: usize = 2;

/// A circuit that fills its evaluation domain: half its variables are bits, the others of full width.
#[derive(Clone, Copy)]
struct Mixed {
    log_domain: u32,
}

impl ConstraintSynthesizer<Fr> for Mixed {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let mut rng = StdRng::seed_from_u64(u64::from(self.log_domain));
        let mut x = Fr::rand(&mut rng);
        let mut wide = cs.new_input_variable(|| Ok(x))?;
        let (mut bit, mut b) = (Variable::One, Fr::ONE);
        for k in 0..(1usize << self.log_domain) - INPUTS {
            if k % 2 == 0 {
                b = Fr::from(rng.r#gen::<bool>());
                bit = cs.new_witness_variable(|| Ok(b))?;
                cs.enforce_r1cs_constraint(|| lc!() + bit, || lc!() + bit, || lc!() + bit)?;
            } else {
                let next = (x + b) * x;
                let variable = cs.new_witness_variable(|| Ok(next))?;
                let sum = lc!() + wide + bit;
                cs.enforce_r1cs_constraint(|| sum, || lc!() + wide, || lc!() + variable)?;
                (wide, x) = (variable, next);
            }
        }
        Ok(())
    }
}

/// One size, ready to be proven by both.
struct Subject {
    key: ProvingKey<Bn254>,
    matrices: Vec<Matrix<Fr>>,
    full: Vec<Fr>,
    engine: PreparedCircuit,
}

impl Subject {
    fn new(log_domain: u32) -> Result<Self, CliError> {
        let circuit = Mixed { log_domain };
        let failed = |e: SynthesisError| CliError::Software(format!("a circuit of 2^{log_domain}: {e}"));
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_optimization_goal(OptimizationGoal::Constraints);
        circuit.generate_constraints(cs.clone()).map_err(failed)?;
        cs.finalize();
        let mut predicates = cs.to_matrices().map_err(failed)?;
        let matrices = predicates.remove(R1CS_PREDICATE_LABEL).unwrap_or_default();
        let mut full = cs.instance_assignment().map_err(failed)?;
        full.extend(cs.witness_assignment().map_err(failed)?);
        let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit, &mut OsRng);
        let key = key.map_err(failed)?;
        let [a, b, c] = matrices.as_slice() else {
            return Err(failed(SynthesisError::Unsatisfiable));
        };
        let rows = Matrices {
            a,
            b,
            c,
            inputs: INPUTS,
            variables: full.len(),
        };
        let options = Options {
            form: Form::Coset,
            table_bytes: DEFAULT_TABLE_BYTES,
            kernels: Kernels::detect(),
        };
        let engine = PreparedCircuit::new(&key, rows, options).map_err(CliError::unavailable)?;
        Ok(Self {
            key,
            matrices,
            full,
            engine,
        })
    }

    fn arkworks(&self) -> Result<Proof<Bn254>, CliError> {
        let proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
            &self.key,
            Fr::rand(&mut OsRng),
            Fr::rand(&mut OsRng),
            &self.matrices,
            INPUTS,
            self.engine.constraints(),
            &self.full,
        );
        proof.map_err(CliError::unavailable)
    }

    /// Median milliseconds of the engine and of ark-groth16. Every proof is verified.
    fn measure(&self, runs: u32) -> Result<[f64; 2], CliError> {
        let key = ark_groth16::prepare_verifying_key(&self.key.vk);
        let (mut ours, mut theirs): (Vec<Duration>, Vec<Duration>) = Default::default();
        // Alternating, so that both see the same state of the machine.
        for _ in 0..runs {
            let begin = Instant::now();
            let engine = self.engine.prove(&self.full, &blinding());
            ours.push(begin.elapsed());
            let begin = Instant::now();
            let arkworks = self.arkworks()?;
            theirs.push(begin.elapsed());
            for proof in [engine.map_err(CliError::unavailable)?, arkworks] {
                if !matches!(
                    Groth16::<Bn254>::verify_proof(&key, &proof, &self.full[1..INPUTS]),
                    Ok(true)
                ) {
                    return Err(CliError::Software("a proof does not verify".into()));
                }
            }
        }
        Ok([median_ms(ours), median_ms(theirs)])
    }
}

/// Measures all sizes, writes the plot and gives a row for each size.
///
/// # Errors
/// [`CliError`] for an empty range of sizes, when a proof fails, or when the plot cannot be written.
pub(super) fn run(args: &Args, output: &Output) -> Result<Vec<Value>, CliError> {
    if args.min_log > args.max_log {
        return Err(CliError::Usage("--min-log is above --max-log".into()));
    }
    let mut points = Vec::new();
    let bar = output.bar(u64::from(args.max_log - args.min_log + 1), "proving by size");
    for log_domain in args.min_log..=args.max_log {
        points.push((log_domain, Subject::new(log_domain)?.measure(args.runs)?));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let title = format!("Time of one Groth16 proof by size of the circuit ({})", machine());
    let plot = svg::plot(&title, ["engine", "ark-groth16"], &points);
    std::fs::write(&args.out, plot)
        .map_err(|e| CliError::Unavailable(format!("cannot write `{}`: {e}", args.out.display())))?;
    let row = |(log_domain, [engine, arkworks]): &(u32, [f64; 2])| {
        json!({
            "log_domain": log_domain,
            "constraints": (1u64 << log_domain) - INPUTS as u64,
            "engine_ms": engine,
            "arkworks_ms": arkworks,
            "ratio_to_arkworks": rounded(arkworks / engine),
        })
    };
    Ok(points.iter().map(row).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_each_size() {
        let directory = tempfile::tempdir().unwrap();
        let args = |min_log, max_log, name: &str| Args {
            out: directory.path().join(name),
            min_log,
            max_log,
            runs: 1,
        };
        let output = Output::new(true);
        let rows = run(&args(5, 6, "plot.svg"), &output).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1]["constraints"], 62);
        let plot = std::fs::read_to_string(directory.path().join("plot.svg")).unwrap();
        assert_eq!(plot.matches("<circle").count(), 4);
        assert!(matches!(
            run(&args(6, 5, "plot.svg"), &output),
            Err(CliError::Usage(_))
        ));
        assert!(matches!(
            run(&args(5, 5, "none/plot.svg"), &output),
            Err(CliError::Unavailable(_))
        ));
    }
}
