//! Time of one proof against the size of the circuit, for the engine and ark-groth16, as a table and a plot.

use super::{machine, median_ms, rounded, svg};
use crate::{CliError, Output, read_text};
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
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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
    /// Largest size for ark-groth16, which takes most of the time and memory beyond 2^18.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=20))]
    arkworks_max_log: u32,
    /// The JSON output of an earlier run on this machine, whose sizes are drawn too (repeatable).
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
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

    /// Median milliseconds of the engine and, where wanted, of ark-groth16. Every proof is verified.
    fn measure(&self, runs: u32, with_arkworks: bool) -> Result<(f64, Option<f64>), CliError> {
        let key = ark_groth16::prepare_verifying_key(&self.key.vk);
        let (mut ours, mut theirs): (Vec<Duration>, Vec<Duration>) = Default::default();
        // Alternating, so that both see the same state of the machine.
        for _ in 0..runs {
            let begin = Instant::now();
            let engine = self.engine.prove(&self.full, &blinding());
            ours.push(begin.elapsed());
            let mut proofs = vec![engine.map_err(CliError::unavailable)?];
            if with_arkworks {
                let begin = Instant::now();
                proofs.push(self.arkworks()?);
                theirs.push(begin.elapsed());
            }
            for proof in proofs {
                if !matches!(
                    Groth16::<Bn254>::verify_proof(&key, &proof, &self.full[1..INPUTS]),
                    Ok(true)
                ) {
                    return Err(CliError::Software("a proof does not verify".into()));
                }
            }
        }
        let arkworks = with_arkworks.then(|| median_ms(theirs));
        Ok((median_ms(ours), arkworks))
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
    let mut rows = BTreeMap::new();
    for path in &args.with {
        rows.extend(earlier(path)?);
    }
    let bar = output.bar(u64::from(args.max_log - args.min_log + 1), "proving by size");
    for log_domain in args.min_log..=args.max_log {
        let with_arkworks = log_domain <= args.arkworks_max_log;
        let (engine, arkworks) = Subject::new(log_domain)?.measure(args.runs, with_arkworks)?;
        let row = json!({
            "log_domain": log_domain,
            "constraints": (1u64 << log_domain) - INPUTS as u64,
            "engine_ms": engine,
            "arkworks_ms": arkworks,
            "ratio_to_arkworks": arkworks.map(|arkworks| rounded(arkworks / engine)),
        });
        rows.insert(log_domain, row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    super::write_plot(&args.out, &drawn(&rows))?;
    Ok(rows.into_values().collect())
}

/// The rows of an earlier run by binary logarithm of the domain.
fn earlier(path: &Path) -> Result<BTreeMap<u32, Value>, CliError> {
    let bad = |what: &str| CliError::Data(format!("`{}`: {what}", path.display()));
    let text = read_text(path, 1 << 20)?;
    let value: Value = serde_json::from_str(&text).map_err(|e| bad(&e.to_string()))?;
    if value["bench"] != "plot" || value["machine"] != machine().as_str() {
        return Err(bad("is not the JSON output of `bench plot` on this machine"));
    }
    let rows = value["sizes"]
        .as_array()
        .ok_or_else(|| bad("sizes: not a list"))?;
    let size = |row: &Value| {
        let log_domain = row["log_domain"].as_u64().and_then(|log| u32::try_from(log).ok());
        let log_domain = log_domain.filter(|log| (5..=20).contains(log));
        let log_domain = log_domain.ok_or_else(|| bad("log_domain: not a size of 5 to 20"))?;
        if row["engine_ms"].as_f64().is_none_or(|time| time <= 0.0) {
            return Err(bad("engine_ms: not a time"));
        }
        Ok((log_domain, row.clone()))
    };
    rows.iter().map(size).collect()
}

fn drawn(rows: &BTreeMap<u32, Value>) -> String {
    let points = |name: &str| {
        let times = rows.values().enumerate();
        times
            .filter_map(|(tick, row)| Some((tick, row[name].as_f64()?)))
            .collect()
    };
    svg::draw(&svg::Plot {
        title: "Time of one Groth16 proof by size of the circuit",
        subtitle: &machine(),
        horizontal: "constraints (half the variables bits, half of full width)",
        vertical: "time of one proof",
        ticks: rows.keys().map(|log| format!("2{}", superscript(*log))).collect(),
        series: vec![
            svg::Series {
                name: "engine",
                points: points("engine_ms"),
            },
            svg::Series {
                name: "ark-groth16",
                points: points("arkworks_ms"),
            },
        ],
    })
}

fn superscript(number: u32) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| c.to_digit(10).map_or(c, |digit| digits[digit as usize]);
    number.to_string().chars().map(digit).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_each_size() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let args = |min_log, max_log, name: &str| Args {
            out: at(name),
            min_log,
            max_log,
            arkworks_max_log: 6,
            with: Vec::new(),
            runs: 1,
        };
        let output = Output::new(true);
        let rows = run(&args(5, 6, "plot.svg"), &output).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1]["constraints"], 62);
        let plot = std::fs::read_to_string(at("plot.svg")).unwrap();
        // One more in the legend.
        assert_eq!(plot.matches("<circle").count(), 3);
        let refused = |args: &Args| run(args, &output).err();
        assert!(matches!(
            refused(&args(6, 5, "plot.svg")),
            Some(CliError::Usage(_))
        ));
        assert!(matches!(
            refused(&args(5, 5, "none/plot.svg")),
            Some(CliError::Unavailable(_))
        ));
        // Another size joins those of the earlier run; ark-groth16 is left out there.
        let earlier = json!({ "bench": "plot", "machine": machine(), "sizes": rows });
        std::fs::write(at("earlier.json"), earlier.to_string()).unwrap();
        let more = Args {
            with: vec![at("earlier.json")],
            ..args(7, 7, "more.svg")
        };
        let rows = run(&more, &output).unwrap();
        let logs: Vec<_> = rows
            .iter()
            .map(|row| row["log_domain"].as_u64().unwrap())
            .collect();
        assert_eq!(logs, [5, 6, 7]);
        assert!(rows[1]["arkworks_ms"].is_number() && rows[2]["arkworks_ms"].is_null());
        assert!(std::fs::read_to_string(at("more.svg")).unwrap().contains("at 2⁷"));
        for (field, value) in [
            ("machine", json!("another")),
            ("sizes", json!([{ "log_domain": 30, "engine_ms": 1.0 }])),
            ("sizes", json!([{ "log_domain": 7, "engine_ms": "fast" }])),
        ] {
            let mut bad = earlier.clone();
            bad[field] = value;
            std::fs::write(at("earlier.json"), bad.to_string()).unwrap();
            assert!(matches!(refused(&more), Some(CliError::Data(_))), "{field}");
        }
    }
}
