//! `medproof bench`: sizes and times of the circuits, of verification and of the ledger on this machine.

mod kernels;
mod ledger;
mod memory;
mod plot;
mod service;
mod svg;
mod tables;
mod verification;
pub mod zkey;

use crate::backend::{Backend, BackendArgs, PreparationArgs};
use crate::output::{KeyProgress, bytes_text, table};
use crate::sample::{self, Visit};
use crate::{CliError, Exit, Output, keys};
use ark_bn254::Fr;
use medproof_circuits::statement::Circuit;
use medproof_prover::keys::CircuitKeys;
use medproof_prover::{Assignment, Prover};
use medproof_verifier::{CircuitName, PROOF_BYTES};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Arguments of `medproof bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Constraints, set-up, witness, proving and verifying times, key and proof sizes of each circuit, beside
    /// ark-groth16's proving times in the same run.
    Circuits(Options),
    /// Verification of single proofs and of batches on one core, beside ark-groth16's of the same proofs.
    Verify(Options),
    /// Durable entries a second of a throw-away development ledger, with proofs checked and without, the time to an
    /// acknowledgement, and the cost of an entry as the ledger grows.
    Ledger(ledger::Args),
    /// Entries a second of a mirror that begins beside a throw-away development ledger, and reads a second from a ledger,
    /// alone and with a mirror more, while it takes appends.
    Mirror(ledger::mirror::Args),
    /// Multi-scalar multiplications and transforms by size, beside those of arkworks.
    Kernels(kernels::Args),
    /// Time of a proof by size of the circuit, for the engine and ark-groth16, with a plot.
    Plot(plot::Args),
    /// Time of a proof by the memory that the engine's tables may take.
    Tables(tables::Args),
    /// Proofs a second through the prover's service, witnesses included, by the number of its workers.
    Service(service::Args),
    /// Proving with a key and a witness of snarkjs' making, beside ark-groth16.
    Zkey(zkey::Args),
}

#[derive(Debug, clap::Args)]
struct Options {
    #[command(flatten)]
    keys: keys::KeyArgs,
    /// Only this circuit (repeatable) [default: all but the large tier].
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name)]
    circuit: Vec<CircuitName>,
    /// Measurements of each time; the median is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Leave out the time of a key set-up (a minute and more for the largest circuit).
    #[arg(long)]
    no_setup: bool,
    /// Proofs in a batch of those that measure throughput; their witnesses are assigned before.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// Seconds of batches from each prover at least, in turn; 120 for a steady figure.
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    batch_seconds: u64,
    #[command(flatten)]
    preparation: PreparationArgs,
}

impl Options {
    /// A prover of one circuit on this backend, and the seconds that opening and preparing its keys took.
    fn prover(
        &self,
        backend: Backend,
        circuit: CircuitName,
        shown: &mut KeyProgress,
    ) -> Result<(Prover, f64), CliError> {
        let prepared = BackendArgs {
            backend,
            preparation: self.preparation.clone(),
        };
        let store = self.keys.store()?;
        let begin = Instant::now();
        let prover = prepared
            .prover()
            .opening(&store, &[circuit], &mut |p| shown.step(&p))
            .map_err(CliError::unavailable)?;
        Ok((prover, (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3))
    }
}

/// Runs `medproof bench`.
///
/// # Errors
/// [`CliError`] when keys cannot be opened or a proof fails.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let (options, verify) = match &args.command {
        Command::Circuits(options) => (options, false),
        Command::Verify(options) => (options, true),
        Command::Zkey(args) => return zkey::run(args, output),
        Command::Ledger(args) => return ledger::run(args, output),
        Command::Mirror(args) => return ledger::mirror::run(args, output),
        Command::Kernels(args) => {
            let spinner = output.spinner("measuring by size");
            let rows = kernels::measure(args);
            spinner.finish_and_clear();
            return Ok(show("kernels", "sizes", &rows?, output));
        }
        Command::Tables(args) => return Ok(show("tables", "limits", &tables::run(args, output)?, output)),
        Command::Service(args) => {
            return Ok(show("service", "workers", &service::run(args, output)?, output));
        }
        Command::Plot(args) => return Ok(show("plot", "sizes", &plot::run(args, output)?, output)),
    };
    let chosen: Vec<CircuitName> = if options.circuit.is_empty() {
        keys::circuits(false).collect()
    } else {
        options.circuit.clone()
    };
    let mut rows = Vec::new();
    for circuit in chosen {
        let mut shown = KeyProgress::new(output);
        // The key is made first, where it is missing: only reading and preparing it is timed.
        let (arkworks, _) = options.prover(Backend::Arkworks, circuit, &mut shown)?;
        let engine = match verify {
            true => None,
            false => Some(options.prover(Backend::Engine, circuit, &mut shown)?),
        };
        drop(shown);
        let spinner = output.spinner(&format!("measuring {}", circuit.as_str()));
        let row = sample::example(
            circuit,
            Fr::from(1u64),
            Measure {
                engine: engine.as_ref(),
                arkworks: &arkworks,
                options,
            },
        );
        spinner.finish_and_clear();
        match row? {
            Value::Array(several) => rows.extend(several),
            row => rows.push(row),
        }
    }
    let what = if verify { "verify" } else { "circuits" };
    let value = json!({ "bench": what, "machine": machine(), "runs": options.runs, "circuits": rows });
    output.result(&value, || format!("{}\n{}", machine(), text(&rows)));
    Ok(Exit::Accept)
}

fn show(what: &str, list: &str, rows: &[Value], output: &Output) -> Exit {
    let value = json!({ "bench": what, "machine": machine(), list: rows });
    output.result(&value, || format!("{}\n{}", machine(), text(rows)));
    Exit::Accept
}

struct Measure<'a> {
    /// With the seconds of opening and preparing its keys; none measures verification.
    engine: Option<&'a (Prover, f64)>,
    arkworks: &'a Prover,
    options: &'a Options,
}

impl Visit for Measure<'_> {
    type Output = Value;

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<Value, CliError> {
        let info = self
            .arkworks
            .circuit_info()
            .pop()
            .ok_or_else(|| CliError::Software("an opened circuit has no description".into()))?;
        let Some((prover, prepare)) = self.engine else {
            return self.verification::<C>(public, witness);
        };
        let setup = if self.options.no_setup {
            None
        } else {
            let begin = Instant::now();
            CircuitKeys::throw_away::<C>().map_err(CliError::unavailable)?;
            Some(begin.elapsed().as_secs_f64())
        };
        let (mut witnesses, mut provings, mut verifyings) = (Vec::new(), Vec::new(), Vec::new());
        let mut theirs = Vec::new();
        // Alternating, so that both see the same state of the machine.
        for _ in 0..self.options.runs {
            let proven = prover
                .prove::<C>(public, witness)
                .map_err(CliError::unavailable)?;
            witnesses.push(proven.timings.witness);
            provings.push(proven.timings.proving);
            verifyings.push(proven.timings.verifying);
            let proven = self
                .arkworks
                .prove::<C>(public, witness)
                .map_err(CliError::unavailable)?;
            theirs.push(proven.timings.proving);
        }
        let (ours, theirs) = (median_ms(provings), median_ms(theirs));
        let witness_ms = median_ms(witnesses);
        let assignments = (0..self.options.batch).map(|_| prover.assign::<C>(public, witness));
        let assignments: Vec<Assignment> = assignments
            .collect::<Result<_, _>>()
            .map_err(CliError::unavailable)?;
        let [batch, batch_theirs] = throughput(
            [prover, self.arkworks],
            C::NAME,
            &assignments,
            self.options.batch_seconds,
        )?;
        Ok(json!({
            "name": info.name.as_str(),
            "backend": prover.backend(),
            "constraints": info.constraints,
            "domain": info.domain,
            "setup_s": setup,
            "prepare_s": prepare,
            "prepare": prepare_parts(prover, C::NAME)?,
            "witness_ms": witness_ms,
            "witness_share": rounded(witness_ms / (witness_ms + ours)),
            "proving_ms": ours,
            "arkworks_proving_ms": theirs,
            "ratio_to_arkworks": rounded(theirs / ours),
            "proofs_per_second": rounded(batch.rate()),
            "throughput_proofs": batch.proofs,
            "throughput_ratio_to_arkworks": rounded(batch.rate() / batch_theirs.rate()),
            "verifying_ms": median_ms(verifyings),
            "proving_key_bytes": info.proving_key_bytes,
            "peak_memory_bytes": batch.peak,
            "arkworks_peak_memory_bytes": batch_theirs.peak,
            "proof_bytes": PROOF_BYTES,
        }))
    }
}

/// What opening and preparing the keys was made of. Converting is reading the converted key where it was found.
fn prepare_parts(prover: &Prover, circuit: CircuitName) -> Result<Value, CliError> {
    let times = prover.opening_times(circuit).map_err(CliError::unavailable)?;
    let seconds = |time: Duration| rounded(time.as_secs_f64());
    let converting = times.preparation.converting;
    Ok(json!({
        "synthesis_s": seconds(times.synthesis),
        "read_key_s": seconds(times.reading),
        "convert_s": converting.as_ref().map(|(time, _)| seconds(*time)),
        "converted_key": converting.as_ref().map(|(_, conversion)| conversion.as_str()),
        "tables_s": seconds(times.preparation.tables),
        "table_bytes": times.preparation.table_bytes,
    }))
}

fn write_plot(path: &std::path::Path, plot: &str) -> Result<(), CliError> {
    std::fs::write(path, plot)
        .map_err(|e| CliError::Unavailable(format!("cannot write `{}`: {e}", path.display())))
}

/// Batches of one prover.
#[derive(Default)]
struct Batches {
    proofs: usize,
    spent: Duration,
    /// The most memory that the process held while they were made, where the system tells.
    peak: Option<u64>,
}

impl Batches {
    fn add(&mut self, prover: &Prover, circuit: CircuitName, batch: &[Assignment]) -> Result<(), CliError> {
        let begin = Instant::now();
        let (proofs, peak) = memory::peak_while(|| prover.prove_batch(circuit, batch));
        self.spent += begin.elapsed();
        self.peak = self.peak.max(peak);
        // Each was verified, as every proof is.
        let proofs: Result<Vec<_>, _> = proofs.map_err(CliError::unavailable)?.into_iter().collect();
        self.proofs += proofs.map_err(CliError::unavailable)?.len();
        Ok(())
    }

    fn rate(&self) -> f64 {
        self.proofs as f64 / self.spent.as_secs_f64()
    }
}

/// Batches of both provers in turn, always of the one that has had less time, until each has had `seconds`.
fn throughput(
    provers: [&Prover; 2],
    circuit: CircuitName,
    batch: &[Assignment],
    seconds: u64,
) -> Result<[Batches; 2], CliError> {
    let mut all = [Batches::default(), Batches::default()];
    loop {
        let next = usize::from(all[1].spent < all[0].spent);
        if all[next].proofs > 0 && all[next].spent >= Duration::from_secs(seconds) {
            return Ok(all);
        }
        all[next].add(provers[next], circuit, batch)?;
    }
}

fn rounded(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}

impl Measure<'_> {
    fn verification<C: Circuit>(&self, public: &C::Public, witness: &C::Witness) -> Result<Value, CliError> {
        let proven = self
            .arkworks
            .prove::<C>(public, witness)
            .map_err(CliError::unavailable)?;
        let key = self
            .arkworks
            .verifying_key(C::NAME)
            .ok_or_else(|| CliError::Software("an opened circuit has no verifying key".into()))?;
        let runs = self.options.runs.max(5);
        let rows = verification::measure(C::NAME, key, &proven.public_inputs, &proven.proof, runs)?;
        Ok(Value::Array(rows))
    }
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    (median.as_secs_f64() * 1e6).round() / 1e3
}

/// The processor's name and the number of cores.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(": ").map(|(_, m)| m));
    format!("{} with {cores} cores", model.unwrap_or(std::env::consts::ARCH))
}

fn text(rows: &[Value]) -> String {
    let Some(first) = rows.first().and_then(Value::as_object) else {
        return String::new();
    };
    let head: Vec<&str> = first.keys().map(String::as_str).collect();
    let cell = |key: &str, value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(s) => s.clone(),
        Value::Object(parts) => {
            let part = |(name, value): (&String, &Value)| format!("{name} {value}");
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        v if key.ends_with("_key_bytes") || key.ends_with("_memory_bytes") => {
            bytes_text(v.as_u64().unwrap_or_default())
        }
        v => v.to_string(),
    };
    table(
        &head,
        rows.iter()
            .map(|row| head.iter().map(|k| cell(k, &row[*k])).collect()),
    )
}
