//! Mirrors: a second copy of a ledger that believes nothing of the first.
//!
//! A mirror reads the primary's signed checkpoint and tiles as any stranger can (C2SP tlog-tiles), holds each entry
//! against the signed root, and judges it as if it were new: encoding, proof, signatures, every rule, every seal. Only then
//! it is stored, with the same write as at the primary, together with the primary's checkpoint. It serves what is read
//! from a ledger, signs nothing in the log's name, and cosigns as a witness that has checked everything.

mod follower;
mod judge;
mod looks;
mod mismatch;
mod promote;

use crate::{
    admin::Admin,
    clock::{Clock, SealTime, SystemClock},
    core::recovery_error,
    cosigning::{self, Cosignatory, Cosigned, Cosigning, Others, Place, Running},
    folder,
    front::{Front, addresses},
    halted::{self, HALTED_FILE},
    http::{Reads, client::Prefix},
    log_reader::LogReader,
    recovery,
    sequencer::{Command, Published},
    server::{StartError, io_error},
    service::{Appends, Service},
    state::State,
    store::Store,
    table::{Base, StoreError, Table, number},
    witness::Witness,
};
use follower::{Follower, PATIENCE};
use judge::Judge;
use looks::Looks;
use medproof_proto::tls::ServerTls;
use medproof_verifier::{
    Checkpoint, LogKey,
    cosignature::{Cosigner, WitnessKey, WitnessPolicy},
    entry::Genesis,
};
pub use mismatch::Mismatch;
pub use promote::{Memory, PromoteError, Promoted, promote};
use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};

/// Key of the largest checkpoint that the primary was seen to sign, in the `meta` table. Only a mirror's store has it.
pub(crate) const PRIMARY_KEY: &[u8] = b"primary";
/// Judged entries that are held in memory before a seal is written that no checkpoint was signed at: only a mirror
/// that is this far behind shows anything between two signed checkpoints.
const HELD: u64 = 16_384;
/// Requests of the operator that wait.
const COMMANDS: usize = 16;
/// The folder of what was cosigned, in the mirror's directory.
const WITNESS_FOLDER: &str = "witness";

/// How to run a mirror.
pub struct MirrorConfig {
    /// Directory of the mirror's database; made if missing.
    pub directory: PathBuf,
    /// Where to listen for gRPC; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to serve tiles, health and metrics over HTTP, if anywhere.
    pub http: Option<SocketAddr>,
    /// Certificates, where both speak TLS. Only clients of gRPC may be asked for theirs.
    pub tls: Option<ServerTls>,
    /// Where the primary, or another mirror of it, serves its tiles.
    pub primary: Prefix,
    /// The key that the primary's checkpoints must be signed with.
    pub log_key: LogKey,
    /// The genesis that the log must have, where more than the key is known of it.
    pub genesis: Option<Genesis>,
    /// Witnesses of the primary (or mirrors of it), at most 31, whose cosignatures on its checkpoints are checked,
    /// kept and shown.
    pub witnesses: Vec<WitnessKey>,
    /// Time between two looks at the primary's checkpoint; twice that after a failure, and so on up to a minute.
    pub poll: Duration,
}

/// What a mirror knows of its primary.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    /// Its address.
    pub(crate) primary: String,
    /// Entries of the last signed checkpoint that was read; 0 before there is one.
    pub(crate) size: u64,
    /// When the last was read that is as large as the largest that was seen.
    pub(crate) read: Option<Instant>,
    /// Since when only older ones were read.
    pub(crate) older: Option<Instant>,
    /// How often it could not be followed.
    pub(crate) failures: u64,
    /// Why it is not followed now, though it answers, until it is followed again.
    pub(crate) doubted: Option<String>,
    /// Seconds by which the last seal of the newest checkpoint lies before a look that did not show it yet: more than clocks
    /// may differ where the primary's stands or runs behind. 0 for a development ledger.
    pub(crate) seal_behind: u64,
    /// Why it is followed no more.
    pub(crate) halted: Option<String>,
}

impl Following {
    /// How long ago the primary's checkpoint was read, older ones than the largest that was seen left out.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.read.map(|read| read.elapsed())
    }
}

impl fmt::Display for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { primary, size, .. } = self;
        if let Some(reason) = &self.halted {
            return write!(f, "the mirror of {primary} has halted: {reason}");
        }
        if let Some(doubt) = &self.doubted {
            return write!(f, "the mirror of {primary} cannot follow: {doubt}");
        }
        if let Some(older) = self.older {
            let older = older.elapsed().as_secs();
            return write!(
                f,
                "mirror of {primary}, which for {older} s has shown checkpoints that are older than one before, the last \
                 of {size} entries"
            );
        }
        match self.age() {
            None => write!(f, "mirror of {primary}, which has not answered since the start"),
            Some(age) => {
                let age = age.as_secs();
                write!(
                    f,
                    "mirror of {primary}, whose checkpoint of {size} entries was read {age} s ago"
                )
            }
        }
    }
}

/// A mirror follows its primary no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    /// What is wrong, and where.
    pub reason: String,
    /// The file that says so, and keeps the mirror from starting again.
    pub file: PathBuf,
}

impl fmt::Display for Halted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, file) = (&self.reason, self.file.display());
        write!(
            f,
            "the mirror has halted: {reason}. What it had checked before is kept. See `{file}` and \"A mirror has halted\" \
             in docs/operations.md"
        )
    }
}

/// Why a running mirror has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The primary has signed what an honest one does not.
    Halted(Halted),
    /// The mirror's own store has failed; the cause is in its log.
    Failed,
}

/// A running mirror.
#[derive(Debug)]
pub struct Mirror {
    directory: PathBuf,
    log_key: LogKey,
    witness_key: WitnessKey,
    ledger_id: [u8; 32],
    commands: SyncSender<Command>,
    stop: watch::Sender<bool>,
    published: watch::Receiver<Arc<Published>>,
    following: watch::Receiver<Following>,
    follower: Option<thread::JoinHandle<()>>,
    _admin: Admin,
    cosigning: Running,
    front: Front,
}

addresses!(Mirror);

/// Whether a store is a mirror's.
pub(crate) fn is_mirror(store: &Store) -> Result<bool, StoreError> {
    Ok(store.get(Table::Meta, PRIMARY_KEY)?.is_some())
}

/// Makes the largest checkpoint that the primary was seen to sign durable.
fn remember(store: &Store, note: &[u8]) -> Result<(), StoreError> {
    let row = ((Table::Meta, PRIMARY_KEY.to_vec()), Some(note.to_vec()));
    store.write(vec![row], true)
}

/// The largest checkpoint that the primary was seen to sign.
fn seen(store: &Store, log_key: &LogKey) -> Result<Option<Checkpoint>, StartError> {
    let Some(note) = store.get(Table::Meta, PRIMARY_KEY)? else {
        return Ok(None);
    };
    Ok(Some(Checkpoint::verify(&note, log_key)?))
}

/// Opens a mirror's store and what is in it, which must be a mirror's or nothing.
fn open(config: &MirrorConfig) -> Result<(Store, Option<State<Store>>), StartError> {
    let directory = &config.directory;
    folder::make(directory).map_err(io_error(directory.display().to_string()))?;
    let halted = halted::recorded(directory).map_err(io_error(HALTED_FILE))?;
    if let Some(reason) = halted {
        let file = directory.join(HALTED_FILE);
        return Err(StartError::Halted(Halted { reason, file }));
    }
    let store = Store::open(&directory.join("db"))?;
    let state = State::open(store.clone()).map_err(recovery_error)?;
    let record = directory.join("signed-checkpoints");
    let begun = record.metadata().is_ok_and(|file| file.len() > 0);
    if begun || (state.is_some() && !is_mirror(&store)?) {
        return Err(StartError::Primary(directory.clone()));
    }
    if let Some(state) = &state {
        let genesis = state.rules().genesis();
        if config.genesis.as_ref().is_some_and(|asked| asked != genesis) {
            return Err(StartError::OtherGenesis(directory.clone()));
        }
        if genesis.origin != config.log_key.origin() || genesis.log_key != *config.log_key.key() {
            return Err(StartError::LogKey);
        }
        recovery::check_last_batch(state)?;
    }
    Ok((store, state))
}

impl Mirror {
    /// `cosigner` is the mirror's own key, with which it cosigns; it must serve this mirror only.
    ///
    /// Opens the mirror's store and follows the primary; returns when there is something to serve: at once, or where
    /// nothing was followed before (or a long way was cut off) when the primary's checkpoint is reached.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::Halted`] when the primary, now or in an earlier run, signed what it must not.
    pub async fn start(config: MirrorConfig, cosigner: Cosigner) -> Result<Self, StartError> {
        Self::start_holding(config, cosigner, HELD).await
    }

    /// As [`Mirror::start`], with another number of judged entries that are held in memory on a long way.
    async fn start_holding(config: MirrorConfig, cosigner: Cosigner, held: u64) -> Result<Self, StartError> {
        Self::start_at(config, cosigner, (held, Arc::new(SystemClock))).await
    }

    /// The same by a clock: what the seals of a production ledger are held to, and cosignatures tell.
    async fn start_at(
        config: MirrorConfig,
        cosigner: Cosigner,
        (held, clock): (u64, Arc<dyn Clock>),
    ) -> Result<Self, StartError> {
        let witness_key = cosigner.witness_key().clone();
        let keys = config.witnesses.clone();
        let named = [std::slice::from_ref(&witness_key), &keys].concat();
        let named = WitnessPolicy::new(config.log_key.clone(), named, 1)?;
        let (store, state) = open(&config)?;
        let folder = config.directory.join(WITNESS_FOLDER);
        let logs = vec![config.log_key.clone()];
        let witness = Witness::open(&folder, cosigner, logs, clock.clone())?;
        if witness.latest(&config.log_key).is_none() && has_cosigned(&store, &config.log_key, &witness_key)? {
            return Err(StartError::Forgotten(folder));
        }
        let (stop, stopped) = watch::channel(false);
        let addresses = ((config.listen, config.tls.clone()), config.http);
        let (directory, log_key) = (config.directory.clone(), config.log_key.clone());
        let mut follower = follower(config, (store.clone(), state, held), &witness, stopped)?;
        follower.judge.clock = clock;
        let following = follower.following.subscribe();
        let heard = follower.heard.subscribe();
        let (commands, receiver) = sync_channel(COMMANDS);
        let (ready, first) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("follower".into())
            .spawn(move || follower.run(&receiver, ready))
            .map_err(io_error("the follower's thread"))?;
        let published = first.await.unwrap_or(Err(StartError::Stopped))?;
        let own = Cosignatory {
            key: witness_key.clone(),
            place: Place::Here(Arc::new(witness)),
        };
        let others = Others { keys, heard };
        let cosigning = Cosigning::start_mirror(store.clone(), published.clone(), own, others)?;
        let cosigned = (cosigning.subscribe(), named.witnesses().len());
        let (front, ledger_id) =
            serve(store, addresses, published.clone(), cosigned, following.clone()).await?;
        let admin = Admin::start(&directory, commands.clone());
        Ok(Self {
            _admin: admin.map_err(io_error(directory.display().to_string()))?,
            directory,
            log_key,
            witness_key,
            ledger_id,
            commands,
            stop,
            published,
            following,
            follower: Some(thread),
            cosigning,
            front,
        })
    }

    /// The key of the log that is followed.
    pub fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// The key under which the mirror's cosignatures verify.
    pub fn witness_key(&self) -> &WitnessKey {
        &self.witness_key
    }

    /// The ledger's id.
    pub fn ledger_id(&self) -> [u8; 32] {
        self.ledger_id
    }

    /// Returns when it follows no more. The process should end then.
    pub async fn ended(&self) -> Ended {
        let mut published = self.published.clone();
        // An error means that the follower is gone, which is the same to the caller.
        let _ = published.wait_for(|p| !p.healthy).await;
        match &self.following.borrow().halted {
            Some(reason) => Ended::Halted(Halted {
                reason: reason.clone(),
                file: self.directory.join(HALTED_FILE),
            }),
            None => Ended::Failed,
        }
    }

    /// Stops following and serving, and closes the store.
    pub async fn shutdown(mut self) {
        let (commands, thread) = (self.commands.clone(), self.follower.take());
        let _ = self.stop.send(true);
        let stopped = tokio::task::spawn_blocking(move || {
            // It fails when the follower has ended by itself.
            let _ = commands.send(Command::Stop);
            if let Some(thread) = thread {
                let _ = thread.join();
            }
        });
        let _ = stopped.await;
        self.cosigning.shutdown().await;
        self.front.shutdown().await;
    }
}

/// Whether the store has a cosignature that this key has made: its memory was on disk before, and is lost.
fn has_cosigned(store: &Store, log: &LogKey, key: &WitnessKey) -> Result<bool, StartError> {
    let policy = WitnessPolicy::new(log.clone(), vec![key.clone()], 1)?;
    for row in store.rows_back(Table::Cosigned)? {
        let size = number(Table::Cosigned, &row?.0)?;
        if cosigning::note(store, size)?.is_some_and(|note| policy.check(&note).is_ok()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What follows, from where the store stands.
fn follower(
    config: MirrorConfig,
    (store, state, held): (Store, Option<State<Store>>, u64),
    witness: &Witness,
    stopped: watch::Receiver<bool>,
) -> Result<Follower, StartError> {
    let log_key = config.log_key;
    let following = Following {
        primary: config.primary.to_string(),
        size: 0,
        read: None,
        older: None,
        failures: 0,
        doubted: None,
        seal_behind: 0,
        halted: None,
    };
    let (seen, cosigned) = (seen(&store, &log_key)?, witness.latest(&log_key));
    let mut judge = Judge::new(store.clone(), state, (log_key.clone(), config.genesis), held);
    for known in [&seen, &cosigned].into_iter().flatten() {
        judge.expect(known);
    }
    Ok(Follower {
        directory: config.directory,
        primary: Arc::new(LogReader::new(config.primary, Handle::current(), stopped)),
        judge,
        seen,
        cosigned,
        following: watch::Sender::new(following),
        heard: watch::Sender::new(None),
        poll: config.poll,
        looks: Looks::default(),
        patience: PATIENCE,
        published: None,
        note: None,
        store,
        log_key,
    })
}

/// Serves what the mirror has.
async fn serve(
    store: Store,
    (listen, http): ((SocketAddr, Option<ServerTls>), Option<SocketAddr>),
    published: watch::Receiver<Arc<Published>>,
    cosigned: (watch::Receiver<Arc<Cosigned>>, usize),
    following: watch::Receiver<Following>,
) -> Result<(Front, [u8; 32]), StartError> {
    let (development, ledger_id) = {
        let published = published.borrow();
        let rules = &published.rules;
        (rules.genesis().development, *rules.ledger_id())
    };
    let clock: Arc<dyn Clock> = match development {
        true => Arc::new(SealTime),
        false => Arc::new(SystemClock),
    };
    let primary = following.borrow().primary.clone();
    let reads = |address| {
        let cosigned = Some(cosigned.0.clone());
        (
            address,
            Reads::new(store.clone(), published.clone(), cosigned, Some(following)),
        )
    };
    let http = http.map(reads);
    let service = Service {
        store: store.clone(),
        published: published.clone(),
        appends: Appends::Elsewhere(primary),
        clock,
        cosigned: Some(cosigned.clone()),
    };
    Ok((Front::start(listen, service, http).await?, ledger_id))
}

#[cfg(test)]
mod tests;
