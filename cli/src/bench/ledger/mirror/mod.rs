//! `medproof bench mirror`: how fast a mirror catches up, and how many reads a ledger answers, alone and with a mirror
//! beside it, while it takes appends.
//!
//! Ledger, mirror and all clients are in one process on one machine. What a mirror on a machine of its own would add
//! cannot be seen here: only what it costs where it shares the primary's cores.

mod reads;

use super::{Bench, CHUNK, machine, refused, rounded, runtime, text, throw_away, world};
use crate::{CliError, Exit, Output};
use indicatif::ProgressBar;
use medproof_ledger::{
    Mirror, MirrorConfig,
    server::{Config, Server},
};
use medproof_proto::{ledger::StatusRequest, ledger_client::Ledger};
use medproof_verifier::cosignature::Cosigner;
use reads::{Extent, Phase, Read, Service};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use world::{Still, World};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Time between two looks of the mirror at its primary: so short that its work falls into the phase that causes it.
const POLL: Duration = Duration::from_millis(100);
/// Entries that are made for the first phase, for each of its seconds, and at least for any.
const FIRST: f64 = 6000.0;
const LEAST: f64 = 256.0;

/// Arguments of `medproof bench mirror`.
#[derive(Debug, clap::Args)]
pub(in crate::bench) struct Args {
    /// Statements of the ledger that a mirror follows from its beginning, and that is read from then.
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(512..=1_000_000))]
    statements: u32,
    /// Openings of another ledger that a mirror follows from its beginning.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    openings: u32,
    /// Seconds of each measurement of reads and appends; there are twelve.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=30))]
    seconds: u32,
    /// Clients that read from each service, each the next when it has the last.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    clients: u32,
    /// A folder on the disk to be measured; the ledgers there are removed at the end [default: that for temporary files].
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Measures throw-away development ledgers and their mirrors.
///
/// # Errors
/// [`CliError`] when a service fails or an entry is refused.
pub(in crate::bench) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let directory = throw_away(args.directory.as_deref())?;
    let spinner = output.spinner("measuring mirrors");
    let measured = measure(args, directory.path(), &spinner);
    spinner.finish_and_clear();
    let value = measured?;
    output.result(&value, || report(&value));
    Ok(Exit::Accept)
}

fn measure(args: &Args, directory: &Path, shown: &ProgressBar) -> Result<Value, CliError> {
    let runtime = runtime()?;
    let filled = Filled::openings(&directory.join("openings"), args, shown)?;
    let mut pair = Pair::begin(&runtime, filled)?;
    let mut catching_up = vec![pair.caught_up("openings", args.openings, shown)?];
    pair.end();
    let filled = Filled::statements(&directory.join("statements"), args, shown)?;
    let mut pair = Pair::begin(&runtime, filled)?;
    catching_up.push(pair.caught_up("statements", args.statements, shown)?);
    pair.stop_mirror();
    let mut reads = pair.reads(args, shown)?;
    pair.follow()?;
    reads.extend(pair.reads(args, shown)?);
    pair.end();
    Ok(json!({
        "bench": "mirror",
        "machine": machine(),
        "clients": args.clients,
        "appends_in_flight": reads::IN_FLIGHT,
        "catching_up": catching_up,
        "reads": reads,
    }))
}

fn report(value: &Value) -> String {
    let rows = |key: &str| text(value[key].as_array().map_or(&[][..], Vec::as_slice));
    format!(
        "{}\na mirror that begins beside a ledger:\n{}\nreads from each service by {} clients of its own, beside {} appends in \
         flight at the primary:\n{}",
        machine(),
        rows("catching_up"),
        value["clients"],
        value["appends_in_flight"],
        rows("reads"),
    )
}

/// A ledger's directory with entries in it, which nobody has open.
struct Filled {
    world: Arc<World>,
    directory: PathBuf,
    /// Number of the next fill.
    next: u64,
}

impl Filled {
    fn openings(directory: &Path, args: &Args, shown: &ProgressBar) -> Result<Self, CliError> {
        let number = |n: u64| n + 1;
        Self::new(directory, args.openings, shown, |bench, done, count| {
            Ok(bench.world.openings(number(done)..number(done + count)))
        })
    }

    fn statements(directory: &Path, args: &Args, shown: &ProgressBar) -> Result<Self, CliError> {
        Self::new(directory, args.statements, shown, |bench, _, count| {
            bench.fills(count)
        })
    }

    fn new(
        directory: &Path,
        count: u32,
        shown: &ProgressBar,
        entries: impl Fn(&mut Bench<'_>, u64, u64) -> Result<Vec<Vec<u8>>, CliError>,
    ) -> Result<Self, CliError> {
        let mut bench = Bench::start(directory, shown)?;
        let (mut done, count) = (0, u64::from(count));
        while done < count {
            shown.set_message(format!("filling a ledger: {done} of {count}"));
            let some = CHUNK.min(count - done);
            let entries = entries(&mut bench, done, some)?;
            bench.append_checked(&entries)?;
            done += some;
        }
        Ok(Self {
            world: Arc::clone(&bench.world),
            directory: bench.directory.clone(),
            next: bench.next,
        })
    }
}

/// A served ledger, and a mirror of it while there is one.
struct Pair<'a> {
    runtime: &'a Runtime,
    filled: Filled,
    primary: Server,
    mirror: Option<Mirror>,
    /// Statements a second, as the last measurement without reads found them.
    rate: f64,
}

impl<'a> Pair<'a> {
    fn begin(runtime: &'a Runtime, filled: Filled) -> Result<Self, CliError> {
        let (key, genesis) = (filled.world.log_key(), filled.world.genesis());
        let mut config = Config::loopback(filled.directory.clone(), key, Some(genesis));
        config.http = Some(LOOPBACK);
        config.clock = Some(Arc::new(Still));
        let primary = runtime.block_on(Server::start(config));
        Ok(Self {
            runtime,
            filled,
            primary: primary.map_err(CliError::unavailable)?,
            mirror: None,
            rate: FIRST,
        })
    }

    /// Starts the mirror, and returns when it has what its primary has.
    fn follow(&mut self) -> Result<(), CliError> {
        // Any key will do, as long as the mirror keeps it.
        let cosigner = Cosigner::new("bench.invalid/mirror", self.filled.world.mirror_key());
        let config = MirrorConfig {
            directory: self.filled.directory.with_extension("mirror"),
            listen: LOOPBACK,
            http: Some(LOOPBACK),
            tls: None,
            primary: http_of(self.primary.http_address())?.into(),
            log_key: self.primary.log_key().clone(),
            genesis: None,
            witnesses: vec![],
            poll: POLL,
        };
        let mirror = self
            .runtime
            .block_on(Mirror::start(config, cosigner.map_err(CliError::unavailable)?));
        self.mirror = Some(mirror.map_err(CliError::unavailable)?);
        self.reached()
    }

    /// Waits until the mirror has what its primary has.
    fn reached(&self) -> Result<(), CliError> {
        let Some(mirror) = &self.mirror else {
            return Ok(());
        };
        self.runtime.block_on(async {
            let wanted = size_of(&self.primary.url()).await?;
            while size_of(&mirror.url()).await? < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        })
    }

    /// The rate of a mirror that begins with nothing.
    fn caught_up(&mut self, entries: &str, count: u32, shown: &ProgressBar) -> Result<Value, CliError> {
        shown.set_message(format!("a mirror follows {count} {entries}"));
        let begin = Instant::now();
        self.follow()?;
        let seconds = begin.elapsed().as_secs_f64();
        let size = self.runtime.block_on(size_of(&self.primary.url()))?;
        Ok(json!({
            "entries": entries,
            "count": count,
            "entries_in_log": size,
            "seconds": rounded(seconds),
            "entries_per_second": (size as f64 / seconds).round(),
        }))
    }

    /// A row for each kind of read, and one for none, from all services that there are.
    fn reads(&mut self, args: &Args, shown: &ProgressBar) -> Result<Vec<Value>, CliError> {
        let mut services = vec![Service {
            url: self.primary.url(),
            http: http_of(self.primary.http_address())?,
        }];
        if let Some(mirror) = &self.mirror {
            services.push(Service {
                url: mirror.url(),
                http: http_of(mirror.http_address())?,
            });
        }
        let kinds = [None].into_iter().chain(Read::ALL.map(Some));
        let rows = kinds.map(|read| {
            let name = read.map_or("none", Read::name);
            shown.set_message(format!("services {}, reads: {name}", services.len()));
            self.phase(args, &services, read, name)
        });
        rows.collect()
    }

    fn phase(
        &mut self,
        args: &Args,
        services: &[Service],
        read: Option<Read>,
        name: &str,
    ) -> Result<Value, CliError> {
        let seconds = f64::from(args.seconds);
        // Some more than the primary is likely to take; where it takes them all, the measurement ends with them.
        let count = (self.rate * seconds * 1.5).max(LEAST) as u64;
        let entries = self.fills(count)?;
        let phase = Phase {
            read,
            clients: args.clients,
            time: Duration::from_secs_f64(seconds),
            extent: self.extent(args)?,
        };
        let url = self.primary.url();
        let rates = self.runtime.block_on(phase.run(services, &url, entries))?;
        if read.is_none() {
            self.rate = rates.appends.max(1.0);
        }
        self.reached()?;
        let of = |place: usize| rates.reads.get(place).filter(|_| read.is_some());
        Ok(json!({
            "services": services.len(),
            "read": name,
            "primary_reads_per_second": of(0).map(|rate| rate.round()),
            "mirror_reads_per_second": of(1).map(|rate| rate.round()),
            "appends_per_second": rates.appends.round(),
        }))
    }

    fn fills(&mut self, count: u64) -> Result<Vec<Vec<u8>>, CliError> {
        let numbers = self.filled.next..self.filled.next + count;
        self.filled.next = numbers.end;
        let anchors = self.runtime.block_on(async {
            let mut ledger = connected(&self.primary.url()).await?;
            ledger.anchors().await.map_err(CliError::unavailable)
        })?;
        let [anchor, ..] = anchors.anchors[..] else {
            return Err(refused("it has no anchor"));
        };
        let roots = world::Roots {
            anchor,
            identity_root: anchors.identity_root,
            registry_root: anchors.registry_root,
        };
        self.filled.world.fills(&roots, numbers)
    }

    /// What every service has.
    fn extent(&self, args: &Args) -> Result<Extent, CliError> {
        Ok(Extent {
            size: self.runtime.block_on(size_of(&self.primary.url()))?,
            statements: args.statements.into(),
        })
    }

    fn stop_mirror(&mut self) {
        if let Some(mirror) = self.mirror.take() {
            self.runtime.block_on(mirror.shutdown());
        }
    }

    fn end(mut self) {
        self.stop_mirror();
        self.runtime.block_on(self.primary.shutdown());
    }
}

fn http_of(address: Option<SocketAddr>) -> Result<SocketAddr, CliError> {
    address.ok_or_else(|| CliError::Software("a service without HTTP".into()))
}

async fn connected(url: &str) -> Result<Ledger, CliError> {
    let address = url.parse().map_err(CliError::unavailable)?;
    Ledger::connect(&address, None)
        .await
        .map_err(CliError::unavailable)
}

/// Entries that a service has.
async fn size_of(url: &str) -> Result<u64, CliError> {
    let mut ledger = connected(url).await?;
    let status = ledger.raw().status(StatusRequest {}).await;
    Ok(status.map_err(CliError::unavailable)?.into_inner().size)
}

#[cfg(test)]
mod tests;
