//! `medproof bench ledger`: what a durable entry costs, with its proof checked and without.

pub(super) mod mirror;
mod world;

use super::{machine, memory, rounded, text};
use crate::{CliError, Exit, Output, remote::runtime};
use indicatif::ProgressBar;
use medproof_ledger::{Embedded, Submission, server::Config};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use world::{Roots, Still, World};

/// Entries that are made, checked and committed in one go while the ledger grows.
const CHUNK: u64 = 8192;
/// Proofs that are checked together, as the ledger does.
const BATCH: usize = 128;
/// Requests in flight where throughput is measured: half of the ledger's queue.
const IN_FLIGHT: usize = 2048;
/// Writes whose sync is timed.
const SYNCS: usize = 100;

/// Arguments of `medproof bench ledger`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The power of ten of entries at which the ledger's growth is measured first.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=7))]
    min_log: u32,
    /// The power of ten of entries up to which the ledger grows; 7 takes many minutes and some gigabytes.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(2..=7))]
    max_log: u32,
    /// Statements of each throughput measurement.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(64..=1_000_000))]
    statements: u32,
    /// Seconds for which acknowledgements are timed.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    ack_seconds: u32,
    /// Statements a second, evenly spread, while acknowledgements are timed [default: half the rate that was reached].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    ack_load: Option<u32>,
    /// A folder on the disk to be measured; the ledger there is removed at the end [default: that for temporary files].
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Measures a throw-away development ledger.
///
/// # Errors
/// [`CliError`] when the ledger fails or refuses an entry.
pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.min_log > args.max_log {
        return Err(CliError::Usage("--min-log is above --max-log".into()));
    }
    let directory = throw_away(args.directory.as_deref())?;
    let spinner = output.spinner("measuring the ledger");
    let measured = measure(args, directory.path(), &spinner);
    spinner.finish_and_clear();
    let value = measured?;
    output.result(&value, || report(&value));
    Ok(Exit::Accept)
}

/// A folder in `directory`, or among the temporary files, that goes with what is returned.
fn throw_away(directory: Option<&Path>) -> Result<TempDir, CliError> {
    let made = match directory {
        Some(directory) => TempDir::with_prefix_in("medproof-bench-", directory),
        None => TempDir::with_prefix("medproof-bench-"),
    };
    made.map_err(|source| CliError::CannotCreate {
        path: match directory {
            Some(path) => path.display().to_string(),
            None => "a folder for temporary files".into(),
        },
        source,
    })
}

fn measure(args: &Args, directory: &Path, shown: &ProgressBar) -> Result<Value, CliError> {
    shown.set_message("timing the disk's syncs");
    let [fsync, fsync_p99] = syncs(directory).map_err(CliError::unavailable)?;
    let mut bench = Bench::start(directory, shown)?;
    let statements = u64::from(args.statements);
    let commit = bench.commit(statements)?;
    let with_proofs = bench.with_proofs(statements)?;
    let load = args.ack_load.map_or(with_proofs / 2.0, f64::from);
    let [p50, p99] = bench.acknowledgements(load, args.ack_seconds)?;
    let growth = bench.growth(args.min_log, args.max_log)?;
    Ok(json!({
        "bench": "ledger",
        "machine": machine(),
        "commit_entries_per_second": commit.round(),
        "statements_per_second": with_proofs.round(),
        "ack_load_per_second": load.round(),
        "ack_p50_ms": rounded(p50),
        "ack_p99_ms": rounded(p99),
        "fsync_ms": rounded(fsync),
        "fsync_p99_ms": rounded(fsync_p99),
        "statements": args.statements,
        "growth": growth,
    }))
}

fn report(value: &Value) -> String {
    let row = json!({
        "commit_entries_per_second": value["commit_entries_per_second"],
        "statements_per_second": value["statements_per_second"],
        "ack_load_per_second": value["ack_load_per_second"],
        "ack_p50_ms": value["ack_p50_ms"],
        "ack_p99_ms": value["ack_p99_ms"],
        "fsync_ms": value["fsync_ms"],
        "fsync_p99_ms": value["fsync_p99_ms"],
    });
    let growth = value["growth"].as_array().map_or(&[][..], Vec::as_slice);
    format!(
        "{}\n{}\ngrowth, by entries without proofs:\n{}",
        machine(),
        text(&[row]),
        text(growth)
    )
}

/// Median and 99th percentile of a write of 4 KiB with its sync, in milliseconds.
fn syncs(directory: &Path) -> std::io::Result<[f64; 2]> {
    let path = directory.join("sync");
    let mut file = File::create_new(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096])?;
        let begin = Instant::now();
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(percentiles(times))
}

fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| {
        let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    })
}

struct Bench<'a> {
    world: Arc<World>,
    ledger: Arc<Embedded>,
    directory: PathBuf,
    shown: &'a ProgressBar,
    /// Number of the next fill.
    next: u64,
}

fn refused(error: impl std::fmt::Display) -> CliError {
    CliError::Software(format!("the ledger refuses an entry of the measurement: {error}"))
}

impl<'a> Bench<'a> {
    fn start(directory: &Path, shown: &'a ProgressBar) -> Result<Self, CliError> {
        shown.set_message("beginning a ledger");
        let world = World::new()?;
        let directory = directory.join("ledger");
        let mut config = Config::loopback(directory.clone(), world.log_key(), Some(world.genesis()));
        config.clock = Some(Arc::new(Still));
        let bench = Self {
            ledger: Arc::new(Embedded::start(config).map_err(CliError::unavailable)?),
            world: Arc::new(world),
            directory,
            shown,
            next: 0,
        };
        for entry in bench.world.governance() {
            // One at a time: each changes the rules under which the next is checked.
            bench.append_checked(&[entry])?;
        }
        Ok(bench)
    }

    /// Checks entries, which is not timed, and gives how long the ledger took to make them durable.
    fn append_checked(&self, entries: &[Vec<u8>]) -> Result<Duration, CliError> {
        let rules = self.ledger.rules();
        let checked: Result<Vec<_>, _> = entries
            .par_chunks(BATCH)
            .flat_map_iter(|entries| Submission::check_all(entries, &rules))
            .collect();
        let checked = checked.map_err(refused)?;
        let begin = Instant::now();
        let answers = self
            .ledger
            .append_checked(checked)
            .map_err(CliError::unavailable)?;
        let time = begin.elapsed();
        match answers.into_iter().find_map(Result::err) {
            Some(refusal) => Err(refused(refusal)),
            None => Ok(time),
        }
    }

    fn fills(&mut self, count: u64) -> Result<Vec<Vec<u8>>, CliError> {
        let numbers = self.next..self.next + count;
        self.next = numbers.end;
        self.world.fills(&Roots::of(&self.ledger.head()), numbers)
    }

    /// Durable statements a second whose proofs were checked before.
    fn commit(&mut self, count: u64) -> Result<f64, CliError> {
        self.shown.set_message("the commit path, proofs checked before");
        let entries = self.fills(count)?;
        let time = self.append_checked(&entries)?;
        Ok(count as f64 / time.as_secs_f64())
    }

    /// Statements a second from their bytes to the receipt.
    fn with_proofs(&mut self, count: u64) -> Result<f64, CliError> {
        self.shown.set_message("statements with their proofs");
        let entries = self.fills(count)?;
        let ledger = &self.ledger;
        runtime()?.block_on(async {
            let places = Arc::new(Semaphore::new(IN_FLIGHT));
            let mut tasks = tokio::task::JoinSet::new();
            let begin = Instant::now();
            for entry in entries {
                let place = places
                    .clone()
                    .acquire_owned()
                    .await
                    .map_err(CliError::unavailable)?;
                let ledger = Arc::clone(ledger);
                tasks.spawn(async move {
                    let answer = ledger.append(entry).await;
                    drop(place);
                    answer
                });
            }
            while let Some(answer) = tasks.join_next().await {
                answer
                    .map_err(CliError::unavailable)?
                    .map_err(CliError::unavailable)?;
            }
            Ok(count as f64 / begin.elapsed().as_secs_f64())
        })
    }

    /// Median and 99th percentile, in milliseconds, of the time from when a statement is due to its receipt, while
    /// `load` of them a second come in evenly.
    fn acknowledgements(&mut self, load: f64, seconds: u32) -> Result<[f64; 2], CliError> {
        self.shown.set_message("acknowledgements at an even load");
        let count = (load * f64::from(seconds)).ceil().max(1.0) as u64;
        let entries = self.fills(count)?;
        let ledger = &self.ledger;
        runtime()?.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            let begin = Instant::now();
            for (n, entry) in entries.into_iter().enumerate() {
                let due = begin + Duration::from_secs_f64(n as f64 / load);
                tokio::time::sleep_until(due.into()).await;
                let ledger = Arc::clone(ledger);
                tasks.spawn(async move { ledger.append(entry).await.map(|_| due.elapsed()) });
            }
            let mut times = Vec::new();
            while let Some(answer) = tasks.join_next().await {
                times.push(
                    answer
                        .map_err(CliError::unavailable)?
                        .map_err(CliError::unavailable)?,
                );
            }
            Ok(percentiles(times))
        })
    }

    /// A row for each power of ten of entries: the rate of the entries up to there since the row before, what the
    /// ledger's directory and this process hold.
    fn growth(&mut self, min_log: u32, max_log: u32) -> Result<Vec<Value>, CliError> {
        let before = (
            self.ledger.head().size,
            bytes_of(&self.directory).map_err(CliError::unavailable)?,
        );
        let mut rows = Vec::new();
        let mut done = 0;
        for size in (min_log..=max_log).map(|log| 10u64.pow(log)) {
            let (from, mut time) = (done, Duration::ZERO);
            while done < size {
                self.shown
                    .set_message(format!("growing to {size} entries: {done}"));
                let count = CHUNK.min(size - done);
                let entries = self.world.openings(done + 1..done + count + 1);
                time += self.append_checked(&entries)?;
                done += count;
            }
            let bytes = bytes_of(&self.directory).map_err(CliError::unavailable)?;
            let rate = (size - from) as f64 / time.as_secs_f64();
            rows.push(json!({
                "entries": size,
                "entries_in_log": self.ledger.head().size,
                "commit_entries_per_second": rate.round(),
                "entry_us": rounded(1e6 / rate),
                "disk_bytes_per_entry": rounded(bytes.saturating_sub(before.1) as f64 / done as f64),
                "resident_memory_bytes": memory::held(),
            }));
        }
        Ok(rows)
    }
}

/// Bytes of all files in a directory tree that nothing but the ledger writes.
fn bytes_of(directory: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        sum += match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_of(&entry.path())?,
            Ok(data) => data.len(),
            // Compaction removes files while this looks.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests;
