//! Starting and stopping.

use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    desk::Desk,
    journal::JournalError,
    ledger::RemoteLedger,
    service::Service,
};
use medproof_proto::{
    gateway::gateway_server::GatewayServer,
    incoming,
    ledger_client::{ClientError, Ledger},
    tls::ServerTls,
};
use medproof_verifier::cosignature::{WitnessPolicy, WitnessPolicyError};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// How long open connections may delay the end.
const GRACE: Duration = Duration::from_secs(2);
/// Longest message in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 65_536;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// The witnesses cannot be counted together.
    #[error("configuration: `witnesses`: {0}")]
    Witnesses(#[from] WitnessPolicyError),
    /// The ledger cannot be reached, or is another one.
    #[error(transparent)]
    Ledger(#[from] ClientError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address or port 0")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The gateway's gRPC server.
pub struct Server;

/// A running gateway.
pub struct Handle {
    /// Where it listens.
    pub addr: SocketAddr,
    tls: Option<ServerTls>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Handle {
    /// The address as a URL.
    pub fn url(&self) -> String {
        ServerTls::url(self.tls.as_ref(), self.addr)
    }

    /// Stops taking requests and waits for those being worked on, but not for idle connections.
    pub async fn shutdown(self) {
        let Self { stop, mut task, .. } = self;
        // The server may have ended by itself.
        let _ = stop.send(());
        match tokio::time::timeout(GRACE, &mut task).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(cause = %error, "the gateway's server failed"),
            Ok(Err(error)) => tracing::warn!(cause = %error, "the gateway's task ended early"),
            Err(_) => task.abort(),
        }
    }

    /// Waits until the server ends by itself.
    ///
    /// # Errors
    /// The transport's error.
    pub async fn wait(self) -> Result<(), tonic::transport::Error> {
        let Self { stop, task, .. } = self;
        let ended = task.await;
        drop(stop);
        ended.unwrap_or(Ok(()))
    }
}

impl Server {
    /// Connects to the ledger, takes up where the journal ends, and listens.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start<C: Clock>(config: Config, clock: C) -> Result<Handle, StartError> {
        config.check()?;
        let ledger = Ledger::connect(&config.ledger, Some(config.ledger_id)).await?;
        let (address, deadline, tls) = (config.listen, config.deadline, config.tls.clone());
        if tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                "without TLS the staff's token and what holders present cross the network in the clear (--tls-cert, --tls-key)"
            );
        }
        let (token, concurrent) = (config.staff_token.clone(), config.concurrent_requests);
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let policy = match config.quorum {
            0 => None,
            quorum => {
                let policy = WitnessPolicy::new(ledger.log_key().clone(), config.witnesses.clone(), quorum)?;
                Some(policy)
            }
        };
        let desk = Arc::new(Desk::open(config, policy, RemoteLedger(ledger), clock)?);
        desk.settle().await;
        let service = GatewayServer::new(Service::new(Arc::clone(&desk), &token, concurrent))
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        let (stop, stopped) = oneshot::channel();
        let (incoming, accepting) = incoming::accepted(listener);
        let server = ServerTls::server(tls.as_ref())
            .timeout(deadline)
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, async {
                // A dropped handle stops the server, too.
                let _ = stopped.await;
            });
        Ok(Handle {
            addr,
            tls,
            stop,
            task: tokio::spawn(async move {
                let ended = server.await;
                // The address is free from here on.
                let _ = accepting.await;
                ended
            }),
        })
    }
}
