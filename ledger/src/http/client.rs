//! Requests to other services over HTTP, plain or within TLS: one connection each, with limits on time and answer.

use super::tls;
use axum::body::{self, Body};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1,
    header::{CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use medproof_proto::{
    address::Url,
    tls::{Authorities, NotSecured},
};
use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time,
};
use tokio_rustls::rustls::pki_types::ServerName;

/// Longest time for a request, connecting and reading the answer included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const ANSWER_BYTES: usize = 64 << 10;

/// The prefix of a service's URLs: `http[s]://HOST[:PORT][/PATH]`, without a slash at its end.
#[derive(Debug, Clone)]
pub struct Prefix {
    authority: String,
    /// Host and port to connect to.
    address: String,
    path: String,
    /// For `https`: the name that its certificate must be for, and who must have made it.
    tls: Option<(ServerName<'static>, Authorities)>,
}

/// Why a text is not a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]")]
pub struct PrefixError;

impl Prefix {
    /// The same, where an `https` service must be certified by one of these authorities.
    pub fn certified_by(mut self, authorities: &Authorities) -> Self {
        if let Some((_, by)) = &mut self.tls {
            *by = authorities.clone();
        }
        self
    }
}

impl From<SocketAddr> for Prefix {
    /// `http://` and this address.
    fn from(address: SocketAddr) -> Self {
        Self {
            authority: address.to_string(),
            address: address.to_string(),
            path: String::new(),
            tls: None,
        }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// An `https` service must be certified by one of [`Authorities::public`], unless others are named.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let url: Url = text.parse().map_err(|_| PrefixError)?;
        let tls = match url.secured {
            false => None,
            true => {
                let name = ServerName::try_from(url.name().to_owned()).map_err(|_| PrefixError)?;
                Some((name, Authorities::public()))
            }
        };
        let port = url.port.unwrap_or(if url.secured { 443 } else { 80 });
        Ok(Self {
            authority: url.authority(),
            address: format!("{}:{port}", url.host),
            path: url.path,
            tls,
        })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

/// Limits of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Longest time, connecting and reading the answer included.
    pub(crate) deadline: Duration,
    /// Most bytes of an answer.
    pub(crate) bytes: usize,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("the connection fails: {0}")]
    Http(hyper::Error),
    #[error("no secure connection: {0}")]
    Tls(#[from] NotSecured),
    #[error("it does not answer with HTTP; where it speaks TLS, its address begins with https://")]
    NotHttp,
    #[error("the answer is cut off or longer than {0} bytes")]
    Answer(usize),
    #[error("`{0}` is no address")]
    Address(String),
}

impl From<hyper::Error> for Unanswered {
    fn from(error: hyper::Error) -> Self {
        match error.is_parse() {
            true => Self::NotHttp,
            false => Self::Http(error),
        }
    }
}

/// Posts a body below a prefix and gives status and answer (5 s, 64 KiB).
pub(crate) async fn post(
    prefix: &Prefix,
    name: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    let limits = Limits {
        deadline: DEADLINE,
        bytes: ANSWER_BYTES,
    };
    request(prefix, (Method::POST, name), Body::from(body), limits).await
}

/// Gets what is below a prefix, with its status.
pub(crate) async fn get(
    prefix: &Prefix,
    name: &str,
    limits: Limits,
) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    request(prefix, (Method::GET, name), Body::empty(), limits).await
}

async fn request(
    prefix: &Prefix,
    what: (Method, &str),
    body: Body,
    limits: Limits,
) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    match time::timeout(limits.deadline, exchange(prefix, what, body, limits.bytes)).await {
        Ok(answer) => answer,
        Err(_) => Err(Unanswered::Deadline(limits.deadline)),
    }
}

async fn exchange(
    prefix: &Prefix,
    what: (Method, &str),
    body: Body,
    most: usize,
) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    let stream = TcpStream::connect(&prefix.address)
        .await
        .map_err(Unanswered::Connect)?;
    match &prefix.tls {
        None => converse(TokioIo::new(stream), prefix, what, body, most).await,
        Some((name, authorities)) => {
            let stream = tls::connect(authorities, name, stream).await?;
            converse(stream, prefix, what, body, most).await
        }
    }
}

/// A request and its answer on a connection that was made for it.
async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: TokioIo<S>,
    prefix: &Prefix,
    (method, name): (Method, &str),
    body: Body,
    most: usize,
) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    let (mut sender, connection) = http1::handshake(stream).await?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    let path = format!("{}/{name}", prefix.path);
    // A prefix is a URL and the name a plain word or path, so the two are one as well.
    *request.uri_mut() = path.parse().map_err(|_| Unanswered::Address(path))?;
    let host = prefix.authority.parse();
    let host = host.map_err(|_| Unanswered::Address(prefix.authority.clone()))?;
    request.headers_mut().insert(HOST, host);
    request
        .headers_mut()
        .insert(CONNECTION, hyper::header::HeaderValue::from_static("close"));
    let exchange = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let bytes = body::to_bytes(Body::new(answer.into_body()), most).await;
        let bytes = bytes.map_err(|_| Unanswered::Answer(most))?;
        Ok::<_, Unanswered>((status, bytes.to_vec()))
    };
    let mut exchange = std::pin::pin!(exchange);
    // The connection does the work; it may end before the answer has been taken.
    tokio::select! {
        answer = exchange.as_mut() => answer,
        ended = connection => {
            ended?;
            exchange.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_plain_urls() {
        for (text, address, shown) in [
            ("http://w.example", "w.example:80", "http://w.example"),
            ("http://w.example/", "w.example:80", "http://w.example"),
            (
                "http://w.example:81/a/b/",
                "w.example:81",
                "http://w.example:81/a/b",
            ),
            ("http://[::1]:7010", "[::1]:7010", "http://[::1]:7010"),
            ("https://w.example/", "w.example:443", "https://w.example"),
            ("https://[::1]:7010/a", "[::1]:7010", "https://[::1]:7010/a"),
        ] {
            let prefix: Prefix = text.parse().unwrap();
            assert_eq!(
                (prefix.address.as_str(), prefix.to_string().as_str()),
                (address, shown)
            );
        }
        let address: SocketAddr = "[::1]:7010".parse().unwrap();
        let same = "http://[::1]:7010".parse::<Prefix>().unwrap();
        assert_eq!(format!("{:?}", Prefix::from(address)), format!("{same:?}"));
        for bad in [
            "",
            "w.example",
            "w.example:80",
            "/path",
            "https://w.example.:443:",
            "https://-",
            "ftp://w.example",
            "http://",
            "http://a b",
            "http://user@w.example",
            "http://w.example/?a",
            "http://w.example:99999",
            "http://w.example:",
        ] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
    }
}
