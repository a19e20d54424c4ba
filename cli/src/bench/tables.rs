//! Time of one proof by the memory that tables may take, as a table and a plot.

use super::{machine, median_ms, svg};
use crate::keys::{self, KeyArgs};
use crate::output::KeyProgress;
use crate::sample::{self, Visit};
use crate::{CliError, Output};
use ark_bn254::Fr;
use medproof_circuits::statement::Circuit;
use medproof_prover::Prover;
use medproof_prover::backend::{EngineBackend, Form, Preparation};
use medproof_verifier::CircuitName;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which circuits and limits are measured, and where the plot goes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: KeyArgs,
    /// Only this circuit (repeatable, at most three).
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name, required = true)]
    circuit: Vec<CircuitName>,
    /// The limits in MiB, ascending; 0 keeps one copy of the bases and no tables.
    #[arg(long, value_name = "MIB", value_delimiter = ',', default_value = "0,64,128,256,512,1024,2048,3072",
          value_parser = clap::value_parser!(u64).range(0..=1 << 20))]
    limits: Vec<u64>,
    /// Measurements of each time; the median is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// The plot (SVG).
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A row for each circuit and limit. The tables of all limits are in memory at the same time.
///
/// # Errors
/// [`CliError`] when keys cannot be opened, a proof fails, or the plot cannot be written.
pub(super) fn run(args: &Args, output: &Output) -> Result<Vec<Value>, CliError> {
    if args.circuit.len() > 3 {
        return Err(CliError::Usage(
            "--circuit may be given three times at most".into(),
        ));
    }
    let mut rows = Vec::new();
    for circuit in &args.circuit {
        rows.extend(sample::example(
            *circuit,
            Fr::from(1u64),
            Measure { args, output },
        )?);
    }
    if let Some(path) = &args.out {
        write(path, args, &rows)?;
    }
    Ok(rows)
}

struct Measure<'a> {
    args: &'a Args,
    output: &'a Output,
}

impl Visit for Measure<'_> {
    type Output = Vec<Value>;

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<Vec<Value>, CliError> {
        let store = self.args.keys.store()?;
        let mut shown = KeyProgress::new(self.output);
        let keys = store.open::<C>(&mut |p| shown.step(&p));
        let keys = Arc::new(keys.map_err(CliError::unavailable)?);
        drop(shown);
        let spinner = self.output.spinner(&format!("measuring {}", C::NAME.as_str()));
        let mut provers = Vec::new();
        for limit in &self.args.limits {
            let mut prover = Prover::with_backend(Box::new(EngineBackend::new(Preparation {
                form: Form::Coset,
                table_bytes: usize::try_from(limit << 20).unwrap_or(usize::MAX),
            })));
            prover.insert(Arc::clone(&keys)).map_err(CliError::unavailable)?;
            provers.push((limit, prover, Vec::new()));
        }
        // In turn, so that all see the same state of the machine.
        for _ in 0..self.args.runs {
            for (_, prover, times) in &mut provers {
                let proven = prover.prove::<C>(public, witness);
                times.push(proven.map_err(CliError::unavailable)?.timings.proving);
            }
        }
        let mut rows = Vec::new();
        for (limit, prover, times) in provers {
            let opening = prover.opening_times(C::NAME).map_err(CliError::unavailable)?;
            rows.push(json!({
                "name": C::NAME.as_str(),
                "limit_mib": limit,
                "table_bytes": opening.preparation.table_bytes,
                "tables_s": super::rounded(opening.preparation.tables.as_secs_f64()),
                "proving_ms": median_ms(times),
            }));
        }
        spinner.finish_and_clear();
        Ok(rows)
    }
}

fn write(path: &Path, args: &Args, rows: &[Value]) -> Result<(), CliError> {
    let points = |circuit: &CircuitName| {
        let own = rows.iter().filter(|row| row["name"] == circuit.as_str());
        own.filter_map(|row| row["proving_ms"].as_f64())
            .enumerate()
            .collect()
    };
    let tick = |limit: &u64| match limit {
        0 => "none".to_owned(),
        mib if mib.is_multiple_of(1024) => format!("{} GiB", mib / 1024),
        mib => format!("{mib} MiB"),
    };
    let plot = svg::draw(&svg::Plot {
        title: "Time of one proof by memory for tables",
        subtitle: &machine(),
        horizontal: "limit of --table-memory",
        vertical: "time of one proof",
        ticks: args.limits.iter().map(tick).collect(),
        series: args
            .circuit
            .iter()
            .map(|circuit| svg::Series {
                name: circuit.as_str(),
                points: points(circuit),
            })
            .collect(),
    });
    super::write_plot(path, &plot)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_measured_and_drawn() {
        let directory = tempfile::tempdir().unwrap();
        let args = Args {
            keys: KeyArgs {
                keys: Some(directory.path().join("keys")),
                production: false,
            },
            circuit: vec![CircuitName::Bind],
            limits: vec![0, 64],
            runs: 1,
            out: Some(directory.path().join("plot.svg")),
        };
        let rows = run(&args, &Output::new(true)).unwrap();
        let limits: Vec<_> = rows
            .iter()
            .map(|row| row["limit_mib"].as_u64().unwrap())
            .collect();
        assert_eq!(limits, [0, 64]);
        let bytes = |row: &Value| row["table_bytes"].as_u64().unwrap();
        assert!(bytes(&rows[0]) < bytes(&rows[1]) && bytes(&rows[1]) <= 64 << 20);
        let plot = std::fs::read_to_string(args.out.as_ref().unwrap()).unwrap();
        assert!(plot.contains("at none") && plot.contains("at 64 MiB"));
        let several = Args {
            circuit: vec![CircuitName::Bind; 4],
            ..args
        };
        assert!(matches!(
            run(&several, &Output::new(true)),
            Err(CliError::Usage(_))
        ));
    }
}
