//! Connections: how many, how long, and what is read of a request before it is answered.

use super::tls::Identity;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time,
};
use tokio_rustls::TlsAcceptor;

/// Connections at once; one more waits to be accepted.
const CONNECTIONS: usize = 256;
/// Longest wait for the head of a request, also for the next one on an open connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest life of a connection, slow readers included. What is being answered then may take
/// [`LAST_ANSWER`] more.
const LIFETIME: Duration = Duration::from_secs(120);
const LAST_ANSWER: Duration = Duration::from_secs(30);
/// Most bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// What is left to answer when the service ends.
const GRACE: Duration = Duration::from_secs(1);

/// An HTTP service that runs until it is told to stop or dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Serves `router` at `address`; port 0 takes a free one.
    pub(crate) async fn start(address: SocketAddr, router: Router) -> io::Result<Self> {
        Self::start_with(address, router, None).await
    }

    /// As [`Listener::start`], within TLS where the service has an identity for it.
    pub(crate) async fn start_with(
        address: SocketAddr,
        router: Router,
        identity: Option<Identity>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let tls = identity.map(|identity| identity.acceptor());
        let task = tokio::spawn(accept(listener, (router, tls), stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests and finishes those in hand, within a second.
    pub(crate) async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

async fn accept(
    listener: TcpListener,
    (router, tls): (Router, Option<TlsAcceptor>),
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok()?;
            listener.accept().await.map(|(stream, _)| (place, stream)).ok()
        };
        tokio::select! {
            // Told to stop, or the handle was dropped.
            _ = stopped.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accepted => match accepted {
                Some((place, stream)) => {
                    let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
                    connections.spawn(async move {
                        match tls {
                            None => serve(stream, router, stopped).await,
                            Some(tls) => secure(stream, &tls, router, stopped).await,
                        }
                        drop(place);
                    });
                }
                // Out of descriptors, or the peer has gone: waiting helps with both.
                None => time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    // What is not finished by then is cut when the set is dropped.
    let _ = time::timeout(GRACE, rest).await;
}

/// Serves within TLS. A client that does not come to terms in time is cut off; its errors are its own.
async fn secure(stream: TcpStream, tls: &TlsAcceptor, router: Router, mut stopped: watch::Receiver<bool>) {
    let accepted = tokio::select! {
        accepted = time::timeout(HEAD_TIMEOUT, tls.accept(stream)) => accepted,
        _ = stopped.changed() => return,
    };
    if let Ok(Ok(stream)) = accepted {
        serve(stream, router, stopped).await;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Errors are the peer's: a head that does not parse, a connection that breaks.
        _ = connection.as_mut() => return,
        () = time::sleep(LIFETIME) => {}
        _ = stopped.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = time::timeout(LAST_ANSWER, connection).await;
}
