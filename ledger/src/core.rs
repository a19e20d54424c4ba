//! A ledger without its network side: store, clock, signer, sequencer and pool, which [`crate::Server`] and
//! [`crate::Embedded`] build on.

use crate::{
    clock::{Clock, DevelopmentClock, SystemClock},
    cosigning::Cosigned,
    folder,
    halted::{self, HALTED_FILE},
    mirror,
    pool::{Intake, Pool},
    recovery::{self, RecoveryError},
    refusal::Refusal,
    sequencer::{Command, Published, Sequencer, Stopped},
    server::{Config, StartError, io_error},
    service::{Appends, CLOCK_KEY, Sequenced, Service},
    signed_record::SignedRecord,
    state::State,
    store::Store,
    table::{Base, StoreError, Table},
};
use medproof_verifier::{LogKey, LogSigner, cosignature::WitnessPolicy};
use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};
use tokio::sync::{Semaphore, watch};

/// A ledger that runs, and its threads.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) log_key: LogKey,
    pub(crate) ledger_id: [u8; 32],
    pub(crate) commands: SyncSender<Command>,
    pub(crate) stopped: Stopped,
    pub(crate) published: watch::Receiver<Arc<Published>>,
    clock: Arc<dyn Clock>,
    intake: Intake,
    /// Entries that may be in the hands of the service at once.
    queue: usize,
    threads: Option<(Pool, thread::JoinHandle<()>)>,
}

impl Core {
    /// Opens the store, checks it, signs its head, and starts the threads. Addresses of `config` are not used.
    pub(crate) fn start(config: Config) -> Result<Self, StartError> {
        let (store, state, record) = open(&config)?;
        let genesis = state.rules().genesis().clone();
        if config.log_key.verifying_key() != genesis.log_key {
            return Err(StartError::LogKey);
        }
        let ledger_id = *state.rules().ledger_id();
        let signer = LogSigner::new(&genesis.origin, config.log_key)?;
        let log_key = signer.log_key();
        let keys = config.witnesses.into_iter().map(|w| w.key).collect();
        WitnessPolicy::new(log_key.clone(), keys, config.quorum)?;
        let clock = match config.clock {
            Some(clock) => clock,
            None => default_clock(&store, &state)?,
        };
        let sequencer = Sequencer::start(state, store.clone(), signer, record, clock.clone(), config.limits)?;
        let (commands, receiver) = sync_channel(config.limits.queue);
        let (published, stopped) = (sequencer.subscribe(), sequencer.stopped());
        let pool = Pool::start(&store, &published, config.limits.queue)
            .map_err(io_error("the threads that check entries"))?;
        let thread = sequencer
            .spawn(receiver)
            .map_err(io_error("the sequencer's threads"))?;
        Ok(Self {
            store,
            log_key,
            ledger_id,
            commands,
            stopped,
            published,
            clock,
            intake: pool.intake(),
            queue: config.limits.queue,
            threads: Some((pool, thread)),
        })
    }

    /// What answers requests; `cosigned` is what witnesses have cosigned, and how many are asked.
    pub(crate) fn service(&self, cosigned: Option<(watch::Receiver<Arc<Cosigned>>, usize)>) -> Service {
        Service {
            store: self.store.clone(),
            published: self.published.clone(),
            appends: Appends::Taken(Sequenced {
                intake: self.intake.clone(),
                commands: self.commands.clone(),
                places: Arc::new(Semaphore::new(self.queue)),
            }),
            clock: self.clock.clone(),
            cosigned,
        }
    }

    /// Finishes what was checked and the batch in hand. Blocks: the queues may be full for a moment.
    pub(crate) fn stop(&mut self) {
        let Some((pool, sequencer)) = self.threads.take() else {
            return;
        };
        // What was checked goes to the sequencer, or its client is told that it has stopped.
        pool.stop();
        // It fails when the sequencer has stopped by itself.
        let _ = self.commands.send(Command::Stop);
        let _ = sequencer.join();
    }
}

/// Opens the store and the state on it, beginning a new ledger where there is none.
fn open(config: &Config) -> Result<(Store, State<Store>, SignedRecord), StartError> {
    let directory = &config.directory;
    folder::make(directory).map_err(io_error(directory.display().to_string()))?;
    if let Some(reason) = halted::recorded(directory).map_err(io_error(HALTED_FILE))? {
        let file = directory.join(HALTED_FILE);
        return Err(StartError::ContradictedBefore { reason, file });
    }
    let store = Store::open(&directory.join("db"))?;
    if mirror::is_mirror(&store)? {
        return Err(StartError::Mirror(directory.clone()));
    }
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

pub(crate) fn recovery_error(refusal: Refusal) -> StartError {
    match refusal {
        Refusal::Store(error) => error.into(),
        other => RecoveryError::Rules(other).into(),
    }
}

/// The clock of a ledger that is given none. A development ledger begins at the time of its last seal, which is its
/// genesis' where it is new, and keeps its distance to the machine's clock over restarts.
fn default_clock(store: &Store, state: &State<Store>) -> Result<Arc<dyn Clock>, StoreError> {
    if !state.rules().genesis().development {
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
            let distance = i128::from(state.head().time) - i128::from(SystemClock.now());
            let offset = i64::try_from(distance).map_err(|_| StoreError::damaged("the last seal's time"))?;
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
