//! The prover's gRPC service (`proto/proto/prover.proto`; limits in `docs/format.md`, section 21).
//!
//! It logs and counts circuits, times and outcomes, never anything derived from a witness. Requests carry
//! secrets, so without TLS it listens on loopback only.

mod rpc;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use rpc::CLIENT;

use crate::{
    Job, Prover,
    queue::{Limits, Queue},
    wire::{self, WireError},
};
use medproof_proto::{
    incoming,
    prover::{ProveRequest, prover_server::ProverServer},
    tls::ServerTls,
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// How the service runs.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen; loopback, where it does not speak TLS. Port 0 takes a free port.
    pub address: SocketAddr,
    /// Certificates, where it speaks TLS.
    pub tls: Option<ServerTls>,
    /// What the queue holds.
    pub limits: Limits,
    /// Longest request in bytes.
    pub max_request_bytes: usize,
    /// Most requests of one batch.
    pub max_batch: usize,
    /// Time that a proof is worth waiting for where the request names none.
    pub default_deadline: Duration,
    /// Longest time that a request may name.
    pub max_deadline: Duration,
    /// Time that jobs get to end when the server ends.
    pub grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            limits: Limits::default(),
            max_request_bytes: 1 << 20,
            max_batch: 16,
            default_deadline: Duration::from_secs(120),
            max_deadline: Duration::from_secs(600),
            grace: Duration::from_secs(30),
        }
    }
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Requests carry secrets in the clear.
    #[error(
        "without TLS the prover listens on loopback only, not on {0}: requests carry secrets; give it a certificate \
         (--tls-cert, --tls-key)"
    )]
    NotLoopback(SocketAddr),
    /// The address is not free, or there are no threads.
    #[error("the prover cannot start on {address}: {source}")]
    Start {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl ServerConfig {
    /// Checks that a service could listen there now, before circuits are opened for it, which takes long.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn check(&self) -> Result<(), ServeError> {
        self.private()?;
        let address = self.address;
        match std::net::TcpListener::bind(address) {
            Ok(_) => Ok(()),
            Err(source) => Err(ServeError::Start { address, source }),
        }
    }

    /// Nobody on the way sees what requests carry.
    fn private(&self) -> Result<(), ServeError> {
        match self.address.ip().is_loopback() || self.tls.is_some() {
            true => Ok(()),
            false => Err(ServeError::NotLoopback(self.address)),
        }
    }
}

/// How a request becomes a job.
type Decode = fn(&ProveRequest) -> Result<Job, WireError>;

/// A running prover service.
pub struct Server {
    address: SocketAddr,
    tls: Option<ServerTls>,
    queue: Arc<Queue<rpc::Outcome>>,
    grace: Duration,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts the service on the current tokio runtime.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(prover: Arc<Prover>, config: ServerConfig) -> Result<Self, ServeError> {
        Self::start_with(prover, config, wire::job).await
    }

    async fn start_with(
        prover: Arc<Prover>,
        config: ServerConfig,
        decode: Decode,
    ) -> Result<Self, ServeError> {
        config.private()?;
        let failed = |source| ServeError::Start {
            address: config.address,
            source,
        };
        let listener = TcpListener::bind(config.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let queue = Arc::new(Queue::start(config.limits).map_err(failed)?);
        let (stop, stopped) = oneshot::channel::<()>();
        let (grace, max_request_bytes) = (config.grace, config.max_request_bytes);
        let tls = config.tls.clone();
        if !address.ip().is_loopback() && !tls.as_ref().is_some_and(ServerTls::asks_clients) {
            tracing::warn!(
                %address,
                "whoever reaches the prover can have proofs made: it asks clients for no certificate (--tls-client-ca)"
            );
        }
        let service = rpc::Service::new(prover, Arc::clone(&queue), config, decode);
        let service = ProverServer::new(service).max_decoding_message_size(max_request_bytes);
        let (incoming, accepting) = incoming::accepted(listener);
        let server = ServerTls::server(tls.as_ref())
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, async {
                // A dropped sender ends the server as well.
                let _ = stopped.await;
            });
        let task = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the prover service ended");
            }
            let _ = accepting.await;
        });
        Ok(Self {
            address,
            tls,
            queue,
            grace,
            stop: Some(stop),
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL.
    pub fn url(&self) -> String {
        ServerTls::url(self.tls.as_ref(), self.address)
    }

    /// Takes no more jobs, lets those in the queue end within the configured grace, and ends the server.
    pub async fn shutdown(mut self) {
        let (queue, grace) = (Arc::clone(&self.queue), self.grace);
        // Draining blocks; it cannot panic, and if it did there would be nothing left to wait for.
        let _ = tokio::task::spawn_blocking(move || queue.drain(grace)).await;
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Idle connections of clients do not keep the server.
        let ended = tokio::time::timeout(Duration::from_secs(2), &mut self.task).await;
        if ended.is_err() {
            self.task.abort();
        }
    }
}
