//! A ledger inside this process, without its network side: what `medproof bench ledger` drives.

use crate::{
    core::Core,
    refusal::Refusal,
    rules::Rules,
    sequencer::Command,
    server::{Config, StartError},
    service::Service,
    state::{Effects, Head},
    submission::Submission,
    table::StoreError,
};
use medproof_proto::ledger::{AppendRequest, AppendResponse, ledger_server::Ledger};
use std::sync::Arc;
use tokio::sync::oneshot;
use tonic::{Request, Status};

/// A running ledger with the store, pool, sequencer and service of [`crate::Server`], and no listener.
pub struct Embedded {
    core: Core,
    service: Service,
}

fn gone() -> StoreError {
    StoreError::Database("the sequencer has stopped; its log says why".into())
}

impl Embedded {
    /// Opens the store, checks it and signs its head. Addresses of `config` are not used, and no witness is asked.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: Config) -> Result<Self, StartError> {
        let core = Core::start(config)?;
        let service = core.service(None);
        Ok(Self { core, service })
    }

    /// The rules of the last durable batch.
    pub fn rules(&self) -> Arc<Rules> {
        self.core.published.borrow().rules.clone()
    }

    /// Where the last durable batch left the ledger.
    pub fn head(&self) -> Head {
        self.core.published.borrow().head.clone()
    }

    /// Appends an entry as the service does, from its bytes to the receipt. Needs a tokio runtime.
    ///
    /// # Errors
    /// The service's [`Status`].
    pub async fn append(&self, entry: Vec<u8>) -> Result<AppendResponse, Status> {
        let answer = self.service.append(Request::new(AppendRequest { entry })).await?;
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
            self.core
                .commands
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
        self.core.stop();
    }
}
