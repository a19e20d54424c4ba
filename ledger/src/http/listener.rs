//! Connections: how many, how long, and what is read of a request before it is answered.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use medproof_proto::{peers::Peers, tls::Identity};
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
/// Connections at once of one peer; one more is closed. A quarter, so that no host keeps others out, and as many answers at
/// once as a proxy on another machine needs. From this machine, where a proxy stands for everybody, all may come.
const EACH: usize = 64;
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
    /// As [`Listener::start_with`], plain.
    #[cfg(test)]
    pub(crate) async fn start(address: SocketAddr, router: Router) -> io::Result<Self> {
        Self::start_with(address, router, None).await
    }

    /// Serves `router` at `address`, within TLS where the service has an identity for it; port 0 takes a free one.
    pub(crate) async fn start_with(
        address: SocketAddr,
        router: Router,
        identity: Option<Identity>,
    ) -> io::Result<Self> {
        Self::start_among(Peers::new(EACH, CONNECTIONS), address, router, identity).await
    }

    async fn start_among(
        peers: Arc<Peers>,
        address: SocketAddr,
        router: Router,
        identity: Option<Identity>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let tls = identity.map(|identity| TlsAcceptor::from(identity.http()));
        let task = tokio::spawn(accept(listener, peers, (router, tls), stopped));
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
    peers: Arc<Peers>,
    (router, tls): (Router, Option<TlsAcceptor>),
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok()?;
            let (stream, peer) = listener.accept().await.ok()?;
            Some((place, stream, peers.count(peer.ip())))
        };
        tokio::select! {
            // Told to stop, or the handle was dropped.
            _ = stopped.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accepted => match accepted {
                // Its peer has as many as it may.
                Some((_, _, None)) => {}
                Some((place, stream, Some(counted))) => {
                    let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
                    connections.spawn(async move {
                        match tls {
                            None => serve(stream, router, stopped).await,
                            Some(tls) => secure(stream, &tls, router, stopped).await,
                        }
                        drop((place, counted));
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpSocket,
    };

    /// A connection from an address of this machine.
    async fn from(address: [u8; 4], to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((address, 0))).unwrap();
        socket.connect(to).await.unwrap()
    }

    /// What is answered; nothing where the connection is closed, with or without a reset.
    async fn answered(mut stream: TcpStream) -> String {
        let mut answer = vec![];
        let request = b"GET / HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n\r\n";
        if stream.write_all(request).await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_host_that_holds_its_connections_keeps_no_other_host_out() {
        let router = Router::new().route("/", get(|| async { "here" }));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let peers = Peers::new(0, 2);
        let listener = Listener::start_among(peers, address, router, None).await.unwrap();
        let at = listener.address();
        let held = [from([127, 0, 0, 1], at).await, from([127, 0, 0, 1], at).await];
        assert_eq!(answered(from([127, 0, 0, 1], at).await).await, "");
        let other = answered(from([127, 0, 0, 2], at).await).await;
        assert!(other.ends_with("here"), "{other}");
        let [one, _other] = held;
        let first = answered(one).await;
        assert!(first.ends_with("here"), "{first}");
        listener.shutdown().await;
    }
}
