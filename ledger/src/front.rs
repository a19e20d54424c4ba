//! The network side of a ledger: gRPC, and HTTP where it is asked for.

use crate::{
    http::{self, Listener, Reads},
    server::{StartError, io_error},
    service::Service,
};
use medproof_proto::{incoming, ledger::ledger_server::LedgerServer, tls::ServerTls};
use medproof_verifier::entry::MAX_ENTRY_BYTES;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Longest time for a request that states no deadline of its own.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a request message: an entry and its frame.
const MAX_MESSAGE: usize = MAX_ENTRY_BYTES + 4096;

/// Where a service that has a `front` is found: the same at a ledger and at a mirror.
macro_rules! addresses {
    ($service:ty) => {
        impl $service {
            /// Where it listens.
            pub fn address(&self) -> std::net::SocketAddr {
                self.front.address()
            }

            /// The address as clients take it.
            pub fn url(&self) -> String {
                self.front.url()
            }

            /// Where it serves HTTP, if it does.
            pub fn http_address(&self) -> Option<std::net::SocketAddr> {
                self.front.http_address()
            }

            /// The URL of that.
            pub fn http_url(&self) -> Option<String> {
                self.front.http_url()
            }
        }
    };
}
pub(crate) use addresses;

/// What listens.
#[derive(Debug)]
pub(crate) struct Front {
    address: SocketAddr,
    http: Option<Listener>,
    tls: Option<ServerTls>,
    stop: Option<oneshot::Sender<()>>,
    service: JoinHandle<Result<(), tonic::transport::Error>>,
    accepting: JoinHandle<()>,
}

impl Front {
    /// Serves over gRPC at `listen`, and over HTTP at the address given with what it reads; ports 0 take free ones. With
    /// certificates both speak TLS, and gRPC alone may ask its clients for theirs: over HTTP everything is public.
    pub(crate) async fn start(
        (listen, tls): (SocketAddr, Option<ServerTls>),
        service: Service,
        http: Option<(SocketAddr, Reads)>,
    ) -> Result<Self, StartError> {
        let http = match http {
            Some((address, reads)) => {
                let identity = tls.as_ref().map(ServerTls::identity);
                let started = Listener::start_with(address, http::router(reads), identity).await;
                Some(started.map_err(io_error(address.to_string()))?)
            }
            None => None,
        };
        let listener = TcpListener::bind(listen)
            .await
            .map_err(io_error(listen.to_string()))?;
        let address = listener.local_addr().map_err(io_error(listen.to_string()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = LedgerServer::new(service).max_decoding_message_size(MAX_MESSAGE);
        let (incoming, accepting) = incoming::accepted(listener);
        let serve = ServerTls::server(tls.as_ref())
            .timeout(REQUEST_TIMEOUT)
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, async {
                // Either told to stop, or the handle was dropped.
                let _ = stopped.await;
            });
        Ok(Self {
            address,
            http,
            tls,
            stop: Some(stop),
            service: tokio::spawn(serve),
            accepting,
        })
    }

    /// Where it listens for gRPC.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of that.
    pub(crate) fn url(&self) -> String {
        ServerTls::url(self.tls.as_ref(), self.address)
    }

    /// The URL of where it serves HTTP, if it does.
    pub(crate) fn http_url(&self) -> Option<String> {
        let address = self.http_address()?;
        Some(ServerTls::url(self.tls.as_ref(), address))
    }

    /// Where it serves HTTP, if it does.
    pub(crate) fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Listener::address)
    }

    /// Takes no more requests. Streams that are still open are cut.
    pub(crate) async fn shutdown(mut self) {
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
        // The address is free from here on.
        let _ = self.accepting.await;
    }
}
