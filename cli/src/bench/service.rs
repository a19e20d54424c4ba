//! `medproof bench service`: proofs a second through the prover's service by the number of workers, witnesses included.

use super::{median_ms, memory, rounded};
use crate::backend::{Backend, BackendArgs, PreparationArgs};
use crate::output::KeyProgress;
use crate::sample::{self, Visit};
use crate::{CliError, Output, keys, remote};
use ark_bn254::Fr;
use medproof_prover::client::Client;
use medproof_prover::queue::Limits;
use medproof_prover::wire::WireWitness;
use medproof_prover::{Prover, Server, ServerConfig, Timings};
use medproof_verifier::{CircuitName, VerifyingKey};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime};

/// Time that one proof may take.
const DEADLINE: Duration = Duration::from_secs(600);

/// Arguments of `medproof bench service`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: keys::KeyArgs,
    /// The circuit.
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name, default_value = "dispense")]
    circuit: CircuitName,
    /// Proofs in work at once, as `serve prover --workers` has them; each number is measured.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 2, 3],
          value_parser = clap::value_parser!(u32).range(1..=16))]
    workers: Vec<u32>,
    /// Proofs of each measurement.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    proofs: u32,
    /// Measurements of each number, in turn; the median is shown.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    #[command(flatten)]
    preparation: PreparationArgs,
}

/// What was measured with one number of workers.
struct Measured {
    workers: u32,
    rates: Vec<f64>,
    totals: Vec<Duration>,
    peaks: Vec<Option<u64>>,
}

/// Measures each number of workers.
///
/// # Errors
/// [`CliError`] when keys cannot be opened or a proof fails.
pub(super) fn run(args: &Args, output: &Output) -> Result<Vec<Value>, CliError> {
    let mut shown = KeyProgress::new(output);
    let prover = BackendArgs {
        backend: Backend::Engine,
        preparation: args.preparation.clone(),
    };
    let opened = prover
        .prover()
        .opening(&args.keys.store()?, &[args.circuit], &mut |p| shown.step(&p));
    let prover = Arc::new(opened.map_err(CliError::unavailable)?);
    drop(shown);
    let spinner = output.spinner(&format!("measuring {}", args.circuit.as_str()));
    let rows = sample::example(args.circuit, Fr::from(1u64), Measure { args, prover });
    spinner.finish_and_clear();
    rows
}

struct Measure<'a> {
    args: &'a Args,
    prover: Arc<Prover>,
}

impl Visit for Measure<'_> {
    type Output = Vec<Value>;

    fn visit<C: WireWitness>(self, public: &C::Public, witness: &C::Witness) -> Result<Vec<Value>, CliError>
    where
        C::Public: Sync,
        C::Witness: Sync,
    {
        let runtime = remote::runtime()?;
        // The first proof makes what is made once.
        self.prover
            .prove::<C>(public, witness)
            .map_err(CliError::unavailable)?;
        let new = |workers: &u32| Measured {
            workers: *workers,
            rates: Vec::new(),
            totals: Vec::new(),
            peaks: Vec::new(),
        };
        let mut all: Vec<Measured> = self.args.workers.iter().map(new).collect();
        // In turn, so that all see the same state of the machine.
        for _ in 0..self.args.runs {
            for measured in &mut all {
                let (taken, peak) =
                    memory::peak_while(|| self.serve::<C>(&runtime, measured.workers, public, witness));
                let (rate, totals) = taken?;
                measured.rates.push(rate);
                measured.totals.extend(totals);
                measured.peaks.push(peak);
            }
        }
        Ok(all.into_iter().map(|measured| self.row::<C>(measured)).collect())
    }
}

impl Measure<'_> {
    fn row<C: WireWitness>(&self, mut measured: Measured) -> Value {
        measured.rates.sort_by(f64::total_cmp);
        let rate = measured.rates.get(measured.rates.len() / 2);
        json!({
            "name": C::NAME.as_str(),
            "workers": measured.workers,
            "proofs_per_second": rate.copied().map(rounded),
            "least": measured.rates.first().copied().map(rounded),
            "most": measured.rates.last().copied().map(rounded),
            "proof_ms": median_ms(measured.totals),
            "peak_memory_bytes": measured.peaks.into_iter().flatten().max(),
        })
    }

    /// Proofs a second, and how long each took from its witness to its verification, without the time in the queue.
    fn serve<C: WireWitness>(
        &self,
        runtime: &Runtime,
        workers: u32,
        public: &C::Public,
        witness: &C::Witness,
    ) -> Result<(f64, Vec<Duration>), CliError>
    where
        C::Public: Sync,
        C::Witness: Sync,
    {
        let config = ServerConfig {
            limits: Limits {
                workers: workers as usize,
                jobs_per_client: Limits::default().jobs,
                ..Limits::default()
            },
            ..ServerConfig::default()
        };
        let server = runtime.block_on(Server::start(Arc::clone(&self.prover), config));
        let server = server.map_err(CliError::unavailable)?;
        let client = runtime.block_on(Client::connect(&server.address().into()));
        let client = client.map_err(CliError::unavailable)?;
        let key = self
            .prover
            .verifying_key(C::NAME)
            .ok_or_else(|| CliError::Software("an opened circuit has no verifying key".into()))?;
        let left = AtomicU32::new(self.args.proofs);
        let begin = Instant::now();
        // One more than work: a job is always waiting.
        let totals: Result<Vec<Vec<Duration>>, CliError> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..=workers)
                .map(|_| {
                    let asker = Asker {
                        handle: runtime.handle(),
                        client: client.clone(),
                        key,
                        left: &left,
                    };
                    scope.spawn(|| asker.ask::<C>(public, witness))
                })
                .collect();
            let ended = asking.into_iter().map(|thread| {
                let panicked = |_| CliError::Software("a client of the prover panicked".into());
                thread.join().map_err(panicked)?
            });
            ended.collect()
        });
        let seconds = begin.elapsed().as_secs_f64();
        runtime.block_on(server.shutdown());
        let totals: Vec<Duration> = totals?.into_iter().flatten().collect();
        Ok((totals.len() as f64 / seconds, totals))
    }
}

/// One client: a proof after the other while some are left.
struct Asker<'a> {
    handle: &'a Handle,
    client: Client,
    key: &'a VerifyingKey,
    left: &'a AtomicU32,
}

impl Asker<'_> {
    fn ask<C: WireWitness>(
        mut self,
        public: &C::Public,
        witness: &C::Witness,
    ) -> Result<Vec<Duration>, CliError> {
        let mut totals = Vec::new();
        let take = |left: u32| left.checked_sub(1);
        while self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
        {
            let mut ignored = |_| ();
            let sent = self
                .client
                .prove::<C>(self.key, public, witness, DEADLINE, &mut ignored);
            let proven = self.handle.block_on(sent);
            let (_, timings): (_, Timings) = proven.map_err(CliError::unavailable)?;
            totals.push(timings.total());
        }
        Ok(totals)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn each_number_of_workers_is_measured() {
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        let line =
            "bench --circuit bind --workers 1,2 --proofs 3 --runs 1 --table-memory 0 --no-convert --keys";
        let line = line.split(' ').map(Into::into).chain([keys.into_os_string()]);
        let args = <Line as clap::Parser>::try_parse_from(line).unwrap().args;
        let rows = run(&args, &Output::new(true)).unwrap();
        let workers: Vec<_> = rows.iter().map(|row| row["workers"].as_u64().unwrap()).collect();
        assert_eq!(workers, [1, 2]);
        for row in &rows {
            assert!(row["proofs_per_second"].as_f64().unwrap() > 0.0);
            assert_eq!(row["least"], row["most"]);
            assert!(row["proof_ms"].as_f64().unwrap() > 0.0);
        }
    }
}
