//! Starting and stopping a ledger.

use crate::{
    admin::Admin,
    clock::{Clock, DevelopmentClock, SystemClock},
    cosigning::{Cosigning, Running, WitnessAddress},
    folder,
    http::{self, Listener, Reads},
    pool::Pool,
    recovery::{self, RecoveryError},
    refusal::Refusal,
    sequencer::{BatchLimits, Command, Published, Sequencer},
    service::{CLOCK_KEY, Service},
    signed_record::SignedRecord,
    state::State,
    store::Store,
    table::{Base, StoreError, Table},
};
use ed25519_dalek::SigningKey;
use medproof_proto::ledger::ledger_server::LedgerServer;
use medproof_verifier::{
    LogKey, LogSigner,
    checkpoint::CheckpointError,
    cosignature::{WitnessPolicy, WitnessPolicyError},
    entry::{Genesis, MAX_ENTRY_BYTES},
};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot, watch},
    task::JoinHandle,
};
use tokio_stream::wrappers::TcpListenerStream;

/// Longest time for a request that states no deadline of its own.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a request message: an entry and its frame.
const MAX_MESSAGE: usize = MAX_ENTRY_BYTES + 4096;

/// How to run a ledger.
pub struct Config {
    /// Directory of the database and of the record of signed checkpoints; made if missing.
    pub directory: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to serve tiles, health and metrics over HTTP, if anywhere; port 0 takes a free one.
    pub http: Option<SocketAddr>,
    /// Witnesses that are asked to cosign each checkpoint, at most 32.
    pub witnesses: Vec<WitnessAddress>,
    /// How many of them make a checkpoint that is shown at `/checkpoint`.
    pub quorum: usize,
    /// The log's signing key; must be the one in GENESIS.
    pub log_key: SigningKey,
    /// Begins a new ledger when the directory is empty. A ledger that is already there must have
    /// exactly this genesis, where one is given.
    pub genesis: Option<Genesis>,
    /// The clock; without one, the machine's, or for a development ledger one that can be set.
    pub clock: Option<Arc<dyn Clock>>,
    /// Limits of batches and of the queue.
    pub limits: BatchLimits,
}

impl Config {
    /// A ledger in `directory` on a free loopback port.
    pub fn loopback(directory: PathBuf, log_key: SigningKey, genesis: Option<Genesis>) -> Self {
        Self {
            directory,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            http: None,
            witnesses: vec![],
            quorum: 0,
            log_key,
            genesis,
            clock: None,
            limits: BatchLimits::default(),
        }
    }
}

/// Why a ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or the listening address.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store's content is refused.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The genesis is refused.
    #[error("the genesis is refused: {0}")]
    Genesis(Refusal),
    /// No ledger there, and no genesis to begin one.
    #[error("there is no ledger in {0}: begin one with a genesis")]
    Empty(PathBuf),
    /// Another ledger is there.
    #[error("the ledger in {0} has another genesis")]
    OtherGenesis(PathBuf),
    /// The log's key is not that of genesis.
    #[error("the log key is not the one in the ledger's genesis")]
    LogKey,
    /// The witnesses cannot be counted together.
    #[error("the witnesses: {0}")]
    Witnesses(#[from] WitnessPolicyError),
    /// The origin cannot name a log.
    #[error(transparent)]
    Origin(#[from] CheckpointError),
}

/// A running ledger.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    log_key: LogKey,
    ledger_id: [u8; 32],
    commands: SyncSender<Command>,
    published: watch::Receiver<Arc<Published>>,
    sequencer: Option<thread::JoinHandle<()>>,
    pool: Option<Pool>,
    /// Ends when it is dropped.
    _admin: Admin,
    stop: Option<oneshot::Sender<()>>,
    http: Option<Listener>,
    cosigning: Option<Running>,
    service: JoinHandle<Result<(), tonic::transport::Error>>,
}

pub(crate) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> StartError {
    let what = what.into();
    move |source| StartError::Io { what, source }
}

/// Opens the store and the state on it, beginning a new ledger where there is none.
pub(crate) fn open(config: &Config) -> Result<(Store, State<Store>, SignedRecord), StartError> {
    let directory = &config.directory;
    folder::make(directory).map_err(io_error(directory.display().to_string()))?;
    let store = Store::open(&directory.join("db"))?;
    let path = directory.join("signed-checkpoints");
    let record = SignedRecord::open(&path).map_err(io_error(path.display().to_string()))?;
    let state = match State::open(store.clone()).map_err(recovery_error)? {
        Some(state) => {
            if config
                .genesis
                .as_ref()
                .is_some_and(|g| g != state.rules().genesis())
            {
                return Err(StartError::OtherGenesis(directory.clone()));
            }
            state
        }
        None if record.last().is_some() => {
            let signed = record.last().map_or(0, |head| head.size);
            return Err(RecoveryError::Behind { size: 0, signed }.into());
        }
        None => {
            let genesis = config
                .genesis
                .clone()
                .ok_or_else(|| StartError::Empty(directory.clone()))?;
            let (mut state, _) = State::create(store.clone(), genesis).map_err(StartError::Genesis)?;
            state.commit()?;
            state
        }
    };
    recovery::check(&state, record.last())?;
    Ok((store, state, record))
}

fn recovery_error(refusal: Refusal) -> StartError {
    match refusal {
        Refusal::Store(error) => error.into(),
        other => RecoveryError::Rules(other).into(),
    }
}

/// The clock of a ledger that is given none. A development ledger begins at its genesis' time and
/// keeps its distance to the machine's clock over restarts.
pub(crate) fn default_clock(store: &Store, genesis: &Genesis) -> Result<Arc<dyn Clock>, StoreError> {
    if !genesis.development {
        return Ok(Arc::new(SystemClock));
    }
    let offset = match store.get(Table::Meta, CLOCK_KEY)? {
        Some(row) => {
            let bytes = row
                .try_into()
                .map_err(|_| StoreError::damaged("the clock's offset"))?;
            i64::from_be_bytes(bytes)
        }
        None => {
            let distance = i128::from(genesis.time) - i128::from(SystemClock.now());
            let offset = i64::try_from(distance).map_err(|_| StoreError::damaged("the genesis' time"))?;
            let row = (
                (Table::Meta, CLOCK_KEY.to_vec()),
                Some(offset.to_be_bytes().to_vec()),
            );
            store.write(vec![row], true)?;
            offset
        }
    };
    Ok(Arc::new(DevelopmentClock::new(offset)))
}

impl Server {
    /// Opens the store, checks it, signs its head, and serves.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (store, state, record) = open(&config)?;
        let genesis = state.rules().genesis().clone();
        if config.log_key.verifying_key() != genesis.log_key {
            return Err(StartError::LogKey);
        }
        let ledger_id = *state.rules().ledger_id();
        let signer = LogSigner::new(&genesis.origin, config.log_key)?;
        let log_key = signer.log_key();
        let keys = config.witnesses.iter().map(|w| w.key.clone()).collect();
        WitnessPolicy::new(log_key.clone(), keys, config.quorum)?;
        let clock = match config.clock {
            Some(clock) => clock,
            None => default_clock(&store, &genesis)?,
        };
        let sequencer = Sequencer::start(state, store.clone(), signer, record, clock.clone(), config.limits)?;
        let (commands, receiver) = sync_channel(config.limits.queue);
        let published = sequencer.subscribe();
        let pool = Pool::start(&store, &published, config.limits.queue)
            .map_err(io_error("the threads that check entries"))?;
        let asked = config.witnesses.len();
        let cosigning = match config.witnesses {
            none if none.is_empty() => None,
            some => Some(Cosigning::start(
                store.clone(),
                published.clone(),
                some,
                config.quorum,
            )?),
        };
        let cosigned = cosigning.as_ref().map(Running::subscribe);
        let http = match config.http {
            Some(address) => {
                let reads = Reads::new(store.clone(), published.clone(), cosigned.clone());
                let router = http::router(reads);
                let started = Listener::start(address, router).await;
                Some(started.map_err(io_error(address.to_string()))?)
            }
            None => None,
        };
        let service = Service {
            store,
            intake: pool.intake(),
            published: published.clone(),
            commands: commands.clone(),
            places: Arc::new(Semaphore::new(config.limits.queue)),
            clock,
            cosigned: cosigned.map(|cosigned| (cosigned, asked)),
        };
        let admin = Admin::start(&config.directory, commands.clone()).map_err(io_error(format!(
            "the socket for `ledger backup` in {} (its whole path can have 107 bytes at most)",
            config.directory.display()
        )))?;
        let sequencer = thread::Builder::new()
            .name("sequencer".into())
            .spawn(move || sequencer.run(&receiver))
            .map_err(io_error("the sequencer's thread"))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(io_error(config.listen.to_string()))?;
        let address = listener
            .local_addr()
            .map_err(io_error(config.listen.to_string()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = LedgerServer::new(service).max_decoding_message_size(MAX_MESSAGE);
        let serve = tonic::transport::Server::builder()
            .timeout(REQUEST_TIMEOUT)
            .add_service(service)
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
                // Either told to stop, or the handle was dropped.
                let _ = stopped.await;
            });
        Ok(Self {
            address,
            log_key,
            ledger_id,
            commands,
            published,
            sequencer: Some(sequencer),
            pool: Some(pool),
            _admin: admin,
            stop: Some(stop),
            http,
            cosigning,
            service: tokio::spawn(serve),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients take it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it serves HTTP, if it does.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Listener::address)
    }

    /// The key under which its checkpoints verify.
    pub fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// The ledger's id.
    pub fn ledger_id(&self) -> [u8; 32] {
        self.ledger_id
    }

    /// Returns when the ledger has stopped acknowledging: its store has failed. The process should end
    /// then; the cause is in its log.
    pub async fn failed(&self) {
        let mut published = self.published.clone();
        // An error means that the sequencer is gone, which is the same to the caller.
        let _ = published.wait_for(|p| !p.healthy).await;
    }

    /// Finishes the batch in hand, answers, and closes the store. Streams that are still open are cut.
    pub async fn shutdown(mut self) {
        let commands = self.commands.clone();
        let (pool, sequencer) = (self.pool.take(), self.sequencer.take());
        // The queues may be full for a moment, and the threads at work; every call may block.
        let stopped = tokio::task::spawn_blocking(move || {
            // What was checked goes to the sequencer, or its client is told that it has stopped.
            if let Some(pool) = pool {
                pool.stop();
            }
            let _ = commands.send(Command::Stop);
            if let Some(thread) = sequencer {
                let _ = thread.join();
            }
        });
        let _ = stopped.await;
        if let Some(cosigning) = self.cosigning.take() {
            cosigning.shutdown().await;
        }
        if let Some(http) = self.http.take() {
            http.shutdown().await;
        }
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Watch streams end only with their clients, so the wait for them has a limit.
        if tokio::time::timeout(Duration::from_secs(1), &mut self.service)
            .await
            .is_err()
        {
            self.service.abort();
            let _ = (&mut self.service).await;
        }
    }
}

#[cfg(test)]
mod tests;
