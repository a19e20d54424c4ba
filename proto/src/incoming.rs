//! Connections to a gRPC service: how many at once, of all and of each peer, and how long a silent one is kept. Each holds
//! a descriptor; a ledger without one left cannot open its store's next file, which ends it.

use crate::peers::{Counted, Peers};
use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::{self, Instant, Sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Connections at once; one more waits to be accepted. With a ledger's over HTTP and the files that its store keeps open they
/// are less than the 1,024 descriptors that a process usually has.
pub const CONNECTIONS: usize = 128;
/// Connections at once of one peer; one more is closed. Each carries many requests. From this machine, where a proxy stands
/// for everybody, all may come.
const EACH: usize = 32;
/// Longest silence of a peer. One that is there answers the questions of [`crate::tls::KEEPALIVE`] meanwhile; this ends those that
/// have not come so far as to be asked.
const SILENCE: Duration = Duration::from_secs(120);

/// A connection that holds its place until it ends.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// When its peer has been silent for too long.
    silence: (Duration, Pin<Box<Sleep>>),
    _place: (OwnedSemaphorePermit, Counted),
}

/// Connections as they come.
pub type Incoming = ReceiverStream<io::Result<Connection>>;

/// The connections that a listener accepts, and the task that accepts them: it ends, and nobody listens any more, once the
/// connections are dropped.
pub fn accepted(listener: TcpListener) -> (Incoming, JoinHandle<()>) {
    accepted_among(listener, CONNECTIONS, Peers::new(EACH, CONNECTIONS), SILENCE)
}

fn accepted_among(
    listener: TcpListener,
    most: usize,
    peers: Arc<Peers>,
    silence: Duration,
) -> (Incoming, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(most));
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = places.clone().acquire_owned().await.ok()?;
                let (stream, peer) = listener.accept().await.ok()?;
                Some((place, stream, peers.count(peer.ip())))
            };
            let next = tokio::select! {
                () = sender.closed() => return,
                next = next => next,
            };
            match next {
                // Its peer has as many as it may.
                Some((_, _, None)) => {}
                Some((place, stream, Some(counted))) => {
                    // Without it the end of an answer of some kilobytes waits for the client's delayed acknowledgement, 40 ms.
                    // A connection that is gone fails later.
                    let _ = stream.set_nodelay(true);
                    let connection = Connection {
                        stream,
                        silence: (silence, Box::pin(time::sleep(silence))),
                        _place: (place, counted),
                    };
                    if sender.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                // Out of descriptors, or the peer has gone: waiting helps with both.
                None => time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    (ReceiverStream::new(receiver), task)
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    /// Fails with `TimedOut` when nothing has come for too long.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let (most, sleep) = &mut self.silence;
        match read {
            Poll::Ready(read) => {
                sleep.as_mut().reset(Instant::now() + *most);
                Poll::Ready(read)
            }
            Poll::Pending => sleep
                .as_mut()
                .poll(cx)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpSocket,
    };
    use tokio_stream::StreamExt;

    /// A connection from an address of this machine.
    async fn from(last: u8, to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket.connect(to).await.unwrap()
    }

    /// What is accepted next, before the test would hang.
    async fn next(accepted: &mut Incoming) -> Connection {
        let next = time::timeout(Duration::from_secs(20), accepted.next()).await;
        next.unwrap().unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_loses_its_place() {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let at = listener.local_addr().unwrap();
        let silence = Duration::from_millis(200);
        let (mut accepted, _task) = accepted_among(listener, 1, Peers::new(0, 1), silence);
        let mut peer = from(1, at).await;
        let mut connection = next(&mut accepted).await;
        peer.write_all(b"here").await.unwrap();
        connection.read_exact(&mut [0; 4]).await.unwrap();
        let error = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn no_more_connections_are_taken_than_there_are_places() {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let at = listener.local_addr().unwrap();
        let (mut accepted, task) = accepted_among(listener, 3, Peers::new(0, 2), SILENCE);
        let one = from(1, at).await;
        let mut first = next(&mut accepted).await;
        let _two = from(1, at).await;
        let second = next(&mut accepted).await;
        // A third of the same peer is closed, one of another has the last place, and the next waits.
        let mut third = from(1, at).await;
        assert_eq!(third.read(&mut [0]).await.unwrap_or(0), 0);
        let _other = from(2, at).await;
        let other = next(&mut accepted).await;
        let mut waiting = from(3, at).await;
        let taken = time::timeout(Duration::from_millis(200), accepted.next()).await;
        assert!(taken.is_err(), "there is no place");
        drop(second);
        let mut last = next(&mut accepted).await;
        waiting.write_all(b"here").await.unwrap();
        let mut text = [0; 4];
        last.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"here");
        drop(one);
        assert_eq!(first.read(&mut text).await.unwrap(), 0);
        drop((accepted, other));
        task.await.unwrap();
        assert!(TcpStream::connect(at).await.is_err());
    }
}
