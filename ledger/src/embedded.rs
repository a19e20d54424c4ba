//! A ledger inside this process, without its network side: what `medproof bench ledger` drives.

use crate::{
    clock::Clock,
    pool::Pool,
    refusal::Refusal,
    rules::Rules,
    sequencer::{Command, Published, Sequencer},
    server::{Config, StartError, default_clock, io_error, open},
    service::Service,
    state::{Effects, Head},
    submission::Submission,
    table::StoreError,
};
use medproof_proto::ledger::{AppendRequest, AppendResponse, ledger_server::Ledger};
use medproof_verifier::LogSigner;
use std::{
    sync::{Arc, mpsc::SyncSender},
    thread::{self, JoinHandle},
};
use tokio::sync::{Semaphore, oneshot, watch};
use tonic::{Request, Status};

/// A running ledger with the store, pool, sequencer and service of [`crate::Server`], and no listener.
pub struct Embedded {
    commands: SyncSender<Command>,
    published: watch::Receiver<Arc<Published>>,
    service: Option<Service>,
    pool: Option<Pool>,
    sequencer: Option<JoinHandle<()>>,
}

fn gone() -> StoreError {
    StoreError::Database("the sequencer has stopped; its log says why".into())
}

impl Embedded {
    /// Opens the store, checks it and signs its head. Addresses and witnesses of `config` are not used.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (store, state, record) = open(&config)?;
        let genesis = state.rules().genesis().clone();
        if config.log_key.verifying_key() != genesis.log_key {
            return Err(StartError::LogKey);
        }
        let signer = LogSigner::new(&genesis.origin, config.log_key)?;
        let clock: Arc<dyn Clock> = match config.clock {
            Some(clock) => clock,
            None => default_clock(&store, &genesis)?,
        };
        let sequencer = Sequencer::start(state, store.clone(), signer, record, clock.clone(), config.limits)?;
        let (commands, receiver) = std::sync::mpsc::sync_channel(config.limits.queue);
        let published = sequencer.subscribe();
        let pool = Pool::start(&store, &published, config.limits.queue)
            .map_err(io_error("the threads that check entries"))?;
        let service = Service {
            store,
            intake: pool.intake(),
            published: published.clone(),
            commands: commands.clone(),
            places: Arc::new(Semaphore::new(config.limits.queue)),
            clock,
            cosigned: None,
        };
        let sequencer = thread::Builder::new()
            .name("sequencer".into())
            .spawn(move || sequencer.run(&receiver))
            .map_err(io_error("the sequencer's thread"))?;
        Ok(Self {
            commands,
            published,
            service: Some(service),
            pool: Some(pool),
            sequencer: Some(sequencer),
        })
    }

    /// The rules of the last durable batch.
    pub fn rules(&self) -> Arc<Rules> {
        self.published.borrow().rules.clone()
    }

    /// Where the last durable batch left the ledger.
    pub fn head(&self) -> Head {
        self.published.borrow().head.clone()
    }

    /// Appends an entry as the service does, from its bytes to the receipt. Needs a tokio runtime.
    ///
    /// # Errors
    /// The service's [`Status`].
    pub async fn append(&self, entry: Vec<u8>) -> Result<AppendResponse, Status> {
        let service = self
            .service
            .as_ref()
            .ok_or_else(|| Status::unavailable("stopped"))?;
        let answer = service.append(Request::new(AppendRequest { entry })).await?;
        Ok(answer.into_inner())
    }

    /// Hands entries whose proofs and signatures were checked to the sequencer, in order, and returns when each is
    /// durable or refused. Blocks: not for a thread of a runtime.
    ///
    /// # Errors
    /// [`StoreError`] when the sequencer has stopped.
    pub fn append_checked(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Result<Effects, Refusal>>, StoreError> {
        let mut answers = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let (reply, answer) = oneshot::channel();
            self.commands
                .send(Command::Append(Box::new(submission), reply))
                .map_err(|_| gone())?;
            answers.push(answer);
        }
        answers
            .into_iter()
            .map(|answer| {
                let outcome = answer.blocking_recv().map_err(|_| gone())?;
                Ok(outcome.map(|outcome| outcome.effects))
            })
            .collect()
    }
}

impl Drop for Embedded {
    /// Finishes what waits and closes the store.
    fn drop(&mut self) {
        drop(self.service.take());
        if let Some(pool) = self.pool.take() {
            pool.stop();
        }
        // It fails when the sequencer has stopped by itself.
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.sequencer.take() {
            let _ = thread.join();
        }
    }
}
