//! Reads of every kind from some services, beside appends to the first of them.

use super::{connected, world};
use crate::CliError;
use medproof_ledger::tile::{TileKind, TilePath};
use medproof_proto::{
    ledger::{AppendRequest, AuthPathRequest, GetRequest, ReceiptRequest, Tree},
    ledger_client::{Ledger, RANGE_LEAVES},
};
use medproof_verifier::entry::NullifierKind;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};

/// Appends in flight at the primary.
pub(super) const IN_FLIGHT: usize = 256;
/// Connections that they share.
const CONNECTIONS: usize = 4;
/// Leaves of a tile.
const WIDTH: u64 = 256;

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    /// A full hash tile of level 0, over HTTP.
    HashTile,
    /// A full bundle of entries, over HTTP.
    Bundle,
    /// An entry and its receipt, over gRPC: two calls.
    Receipt,
    /// A range of leaves of the commitment tree with its path, over gRPC.
    Path,
    /// Whether a nullifier is spent, over gRPC; every second one is.
    Nullifier,
}

impl Read {
    pub(super) const ALL: [Self; 5] = [
        Self::HashTile,
        Self::Bundle,
        Self::Receipt,
        Self::Path,
        Self::Nullifier,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HashTile => "hash tile",
            Self::Bundle => "entry bundle",
            Self::Receipt => "entry and receipt",
            Self::Path => "path range",
            Self::Nullifier => "nullifier",
        }
    }
}

/// Where a service is.
pub(super) struct Service {
    pub(super) url: String,
    pub(super) http: SocketAddr,
}

/// What every service has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Entries of the log.
    pub(super) size: u64,
    /// Statements among the first of them, each with a commitment and a nullifier.
    pub(super) statements: u64,
}

/// One measurement.
pub(super) struct Phase {
    pub(super) read: Option<Read>,
    /// Of each service.
    pub(super) clients: u32,
    pub(super) time: Duration,
    pub(super) extent: Extent,
}

/// What was measured, each a second.
pub(super) struct Rates {
    /// By service.
    pub(super) reads: Vec<f64>,
    pub(super) appends: f64,
}

impl Phase {
    /// Reads from each service and appends to the one at `primary`, until the time is over or all entries are appended.
    pub(super) async fn run(
        &self,
        services: &[Service],
        primary: &str,
        entries: Vec<Vec<u8>>,
    ) -> Result<Rates, CliError> {
        let mut readers = vec![];
        for (place, service) in services.iter().enumerate() {
            for n in 0..self.clients {
                let seed = 1000 * place as u64 + u64::from(n);
                readers.push((place, Client::connect(service, self.extent, seed).await?));
            }
        }
        let mut writers = vec![];
        for _ in 0..CONNECTIONS {
            writers.push(connected(primary).await?);
        }
        let over = Arc::new(AtomicBool::new(false));
        let entries = Arc::new(Mutex::new(entries.into_iter()));
        let mut reading = JoinSet::new();
        let mut appending = JoinSet::new();
        let begin = Instant::now();
        for writer in writers.iter().cycle().take(IN_FLIGHT) {
            let (writer, entries, over) = (writer.clone(), Arc::clone(&entries), Arc::clone(&over));
            appending.spawn(append(writer, move || {
                let next = entries.lock().unwrap_or_else(PoisonError::into_inner).next();
                over.fetch_or(next.is_none(), Ordering::Relaxed);
                next.filter(|_| !over.load(Ordering::Relaxed))
            }));
        }
        if let Some(read) = self.read {
            for (place, mut client) in readers {
                let over = Arc::clone(&over);
                reading.spawn(async move {
                    let mut count = 0u64;
                    while !over.load(Ordering::Relaxed) {
                        client.read(read).await?;
                        count += 1;
                    }
                    Ok::<_, CliError>((place, count))
                });
            }
        }
        while begin.elapsed() < self.time && !over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        over.store(true, Ordering::Relaxed);
        let mut counts = vec![0; services.len()];
        while let Some(ended) = reading.join_next().await {
            let (place, count) = ended.map_err(CliError::unavailable)??;
            counts[place] += count;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let mut appended = 0;
        while let Some(ended) = appending.join_next().await {
            appended += ended.map_err(CliError::unavailable)??;
        }
        Ok(Rates {
            reads: counts.into_iter().map(|count| count as f64 / seconds).collect(),
            appends: appended as f64 / begin.elapsed().as_secs_f64(),
        })
    }
}

/// Appends one entry after the other; how many.
async fn append(mut ledger: Ledger, mut next: impl FnMut() -> Option<Vec<u8>>) -> Result<u64, CliError> {
    let mut count = 0;
    while let Some(entry) = next() {
        let answer = ledger.raw().append(AppendRequest { entry }).await;
        answer.map_err(super::refused)?;
        count += 1;
    }
    Ok(count)
}

/// A client with a connection for each protocol.
struct Client {
    http: BufReader<TcpStream>,
    ledger: Ledger,
    extent: Extent,
    random: StdRng,
}

fn broken(what: &str) -> CliError {
    CliError::Software(format!("a read of the measurement: {what}"))
}

impl Client {
    async fn connect(service: &Service, extent: Extent, seed: u64) -> Result<Self, CliError> {
        let http = TcpStream::connect(service.http)
            .await
            .map_err(CliError::unavailable)?;
        http.set_nodelay(true).map_err(CliError::unavailable)?;
        Ok(Self {
            http: BufReader::new(http),
            ledger: connected(&service.url).await?,
            extent,
            random: StdRng::seed_from_u64(seed),
        })
    }

    /// Reads something of this kind at a place at random. What is answered is not verified: that is the client's cost.
    async fn read(&mut self, read: Read) -> Result<(), CliError> {
        match read {
            Read::HashTile => self.tile(TileKind::Hashes(0)).await,
            Read::Bundle => self.tile(TileKind::Entries).await,
            Read::Receipt => self.receipt().await,
            Read::Path => self.range().await,
            Read::Nullifier => self.nullifier().await,
        }
    }

    async fn tile(&mut self, kind: TileKind) -> Result<(), CliError> {
        let index = self.random.gen_range(0..self.extent.size / WIDTH);
        let path = TilePath::new(kind, index, WIDTH as u16).map_err(CliError::unavailable)?;
        let length = self.get(&path.to_string()).await.map_err(CliError::unavailable)?;
        let least = match kind {
            TileKind::Hashes(_) => 32 * WIDTH,
            TileKind::Entries => 2 * WIDTH,
        };
        match length {
            Some(length) if length >= least => Ok(()),
            other => Err(broken(&format!("{path}: {other:?} bytes"))),
        }
    }

    /// The length of what is at a path; none where the answer is no success.
    async fn get(&mut self, path: &str) -> std::io::Result<Option<u64>> {
        let request = format!("GET /{path} HTTP/1.1\r\nhost: ledger\r\n\r\n");
        self.http.write_all(request.as_bytes()).await?;
        let mut head = String::new();
        // The head ends with an empty line.
        while !head.ends_with("\r\n\r\n") {
            if self.http.read_line(&mut head).await? == 0 {
                return Ok(None);
            }
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length = length.and_then(|length| length.parse().ok());
        let Some(length) = length.filter(|_| head.starts_with("http/1.1 200")) else {
            return Ok(None);
        };
        let mut body = vec![0; length];
        self.http.read_exact(&mut body).await?;
        Ok(Some(length as u64))
    }

    async fn receipt(&mut self) -> Result<(), CliError> {
        let index = self.random.gen_range(0..self.extent.size);
        let ask = GetRequest {
            first: index,
            count: 1,
        };
        let answer = self.ledger.raw().get(ask).await.map_err(CliError::unavailable)?;
        if answer.into_inner().entries.len() != 1 {
            return Err(broken("no entry"));
        }
        let ask = ReceiptRequest {
            index,
            cosignatures: 0,
            witnesses: vec![],
        };
        let answer = self.ledger.raw().receipt(ask).await;
        let answer = answer.map_err(CliError::unavailable)?.into_inner();
        answer.receipt.map(|_| ()).ok_or_else(|| broken("no receipt"))
    }

    async fn range(&mut self) -> Result<(), CliError> {
        let leaf = self.random.gen_range(0..self.extent.statements);
        let ask = AuthPathRequest {
            tree: Tree::Commitment.into(),
            first: leaf / RANGE_LEAVES * RANGE_LEAVES,
            // Four children a node.
            levels: RANGE_LEAVES.ilog2() / 2,
        };
        let answer = self.ledger.raw().auth_path(ask).await;
        match answer.map_err(CliError::unavailable)?.into_inner().leaves.len() {
            0 => Err(broken("no leaves")),
            _ => Ok(()),
        }
    }

    async fn nullifier(&mut self) -> Result<(), CliError> {
        let number = self.random.gen_range(0..self.extent.statements);
        let spent: bool = self.random.r#gen();
        let nullifier = match spent {
            true => world::account_nullifier(number),
            false => world::scattered(self.random.gen_range(1 << 50..1 << 60)),
        };
        let found = self
            .ledger
            .nullifier_spent(NullifierKind::Account, &nullifier)
            .await
            .map_err(CliError::unavailable)?;
        match found == spent {
            true => Ok(()),
            false => Err(broken("a nullifier is not as it should be")),
        }
    }
}
