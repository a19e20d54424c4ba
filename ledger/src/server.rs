//! Starting and stopping a ledger.

use crate::{
    admin::Admin,
    clock::Clock,
    core::Core,
    cosigning::{Contradicted, Cosigning, Running, WitnessAddress},
    front::{Front, addresses},
    http::Reads,
    mirror::Halted,
    recovery::RecoveryError,
    refusal::Refusal,
    sequencer::BatchLimits,
    table::StoreError,
    witness::WitnessError,
};
use ed25519_dalek::SigningKey;
use medproof_proto::tls::ServerTls;
use medproof_verifier::{
    LogKey, checkpoint::CheckpointError, cosignature::WitnessPolicyError, entry::Genesis,
};
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

/// How to run a ledger.
pub struct Config {
    /// Directory of the database and of the record of signed checkpoints; made if missing.
    pub directory: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to serve tiles, health and metrics over HTTP, if anywhere; port 0 takes a free one.
    pub http: Option<SocketAddr>,
    /// Certificates, where both speak TLS. Only clients of gRPC may be asked for theirs.
    pub tls: Option<ServerTls>,
    /// Witnesses that are asked to cosign each checkpoint, at most 32.
    pub witnesses: Vec<WitnessAddress>,
    /// How many of them make a checkpoint that is shown at `/checkpoint`; as many (at least one) that vouch for another
    /// history stop the ledger.
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
            tls: None,
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
    /// The directory is a mirror's.
    #[error("{} is a mirror's: nothing is signed from it before `medproof ledger promote`", .0.display())]
    Mirror(PathBuf),
    /// The directory is a ledger's that signs, and a mirror was to be started on it.
    #[error(
        "{} is a ledger's that signs (or its promotion was begun: finish it), not a mirror's: name another directory",
        .0.display()
    )]
    Primary(PathBuf),
    /// The mirror has halted, in this run or an earlier one.
    #[error("{0}")]
    Halted(Halted),
    /// The mirror was told to stop before it had anything to serve.
    #[error("the mirror was stopped before it had read its primary's log")]
    Stopped,
    /// What the mirror has cosigned cannot be kept.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// A mirror's key has cosigned checkpoints that its directory remembers no more.
    #[error(
        "the mirror's key has cosigned checkpoints of this log, and `{}` does not have the last of them (it is not in a \
         backup): with this key the mirror could cosign a second history. Start it with a new key and name",
        .0.display()
    )]
    Forgotten(PathBuf),
    /// Witnesses vouch for another history.
    #[error(transparent)]
    Contradicted(#[from] Contradicted),
    /// Witnesses vouched for another history in an earlier run.
    #[error("an earlier run has halted, and nothing is signed here while `{}` is there: {reason}", .file.display())]
    ContradictedBefore {
        /// What was said then.
        reason: String,
        /// The file that keeps it from starting.
        file: PathBuf,
    },
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

/// Why a ledger has stopped acknowledging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// An error of the store or of the record of signed checkpoints, which is in the log.
    #[error(
        "the ledger's store has failed and nothing more is acknowledged: find the disk's fault, then start it again"
    )]
    Store,
    /// Witnesses vouch for another history.
    #[error(transparent)]
    Contradicted(#[from] Contradicted),
}

/// A running ledger.
#[derive(Debug)]
pub struct Server {
    core: Core,
    /// Ends when it is dropped.
    _admin: Admin,
    cosigning: Option<Running>,
    front: Front,
}

addresses!(Server);

pub(crate) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> StartError {
    let what = what.into();
    move |source| StartError::Io { what, source }
}

impl Server {
    /// Opens the store, checks it, signs its head, asks the witnesses whether they have seen more (3 s at most), and serves.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (listen, http) = ((config.listen, config.tls.clone()), config.http);
        let (witnesses, quorum) = (config.witnesses.clone(), config.quorum);
        let directory = config.directory.clone();
        let mut core = Core::start(config)?;
        let asked = witnesses.len();
        let (store, published) = (core.store.clone(), core.published.clone());
        let cosigning = match asked {
            0 => None,
            _ => Some(Cosigning::start(
                (store.clone(), directory.clone()),
                published.clone(),
                (core.stopped.clone(), core.commands.clone()),
                witnesses.into_iter().map(Into::into).collect(),
                quorum,
            )?),
        };
        if let Some(running) = &cosigning
            && let Err(contradicted) = running.heed().asked_once().await
        {
            let _ = tokio::task::spawn_blocking(move || core.stop()).await;
            if let Some(cosigning) = cosigning {
                cosigning.shutdown().await;
            }
            return Err(contradicted.into());
        }
        let cosigned = cosigning.as_ref().map(Running::subscribe);
        let http = http.map(|address| (address, Reads::new(store, published, cosigned.clone(), None)));
        let admin = Admin::start(&directory, core.commands.clone()).map_err(io_error(format!(
            "the socket for `ledger backup` in {}",
            directory.display()
        )))?;
        let service = core.service(cosigned.map(|cosigned| (cosigned, asked)));
        Ok(Self {
            front: Front::start(listen, service, http).await?,
            core,
            _admin: admin,
            cosigning,
        })
    }

    /// The key under which its checkpoints verify.
    pub fn log_key(&self) -> &LogKey {
        &self.core.log_key
    }

    /// The ledger's id.
    pub fn ledger_id(&self) -> [u8; 32] {
        self.core.ledger_id
    }

    /// Returns when the ledger has stopped acknowledging. The process should end then; the cause is in its log.
    pub async fn failed(&self) -> Failed {
        let mut published = self.core.published.clone();
        // An error means that the sequencer is gone, which is the same to the caller.
        let _ = published.wait_for(|p| !p.healthy).await;
        let contradicted = self.cosigning.as_ref().and_then(|c| c.heed().contradicted());
        contradicted.map_or(Failed::Store, Failed::Contradicted)
    }

    /// Finishes the batch in hand, answers, and closes the store. Streams that are still open are cut.
    pub async fn shutdown(self) {
        let Self {
            mut core,
            cosigning,
            front,
            ..
        } = self;
        // Every step of it may block.
        let stopped = tokio::task::spawn_blocking(move || core.stop());
        let _ = stopped.await;
        if let Some(cosigning) = cosigning {
            cosigning.shutdown().await;
        }
        front.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
