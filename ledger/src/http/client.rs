//! Requests to other services over plain HTTP: one connection each, with limits on time and answer.

use axum::body::{self, Body};
use hyper::{
    Method, Request, StatusCode, Uri,
    client::conn::http1,
    header::{CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use std::{fmt, str::FromStr, time::Duration};
use tokio::{net::TcpStream, time};

/// Longest time for a request, connecting and reading the answer included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const ANSWER_BYTES: usize = 64 << 10;

/// The prefix of a service's URLs: `http://HOST[:PORT][/PATH]`, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    authority: String,
    /// Host and port to connect to.
    address: String,
    path: String,
}

/// Why a text is not a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form http://HOST[:PORT][/PATH] (for https put a TLS proxy in between)")]
pub struct PrefixError;

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let uri: Uri = text.parse().map_err(|_| PrefixError)?;
        let authority = uri.authority().ok_or(PrefixError)?;
        let plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        if !plain || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(PrefixError);
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            Some(rest) => {
                let digits = rest.strip_prefix(':').ok_or(PrefixError)?;
                digits.parse::<u16>().map_err(|_| PrefixError)?
            }
            None => return Err(PrefixError),
        };
        Ok(Self {
            authority: authority.to_string(),
            address: format!("{}:{port}", authority.host()),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
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
    Http(#[from] hyper::Error),
    #[error("the answer is cut off or longer than {0} bytes")]
    Answer(usize),
    #[error("`{0}` is no address")]
    Address(String),
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
    (method, name): (Method, &str),
    body: Body,
    most: usize,
) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    let stream = TcpStream::connect(&prefix.address)
        .await
        .map_err(Unanswered::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
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
        ] {
            let prefix: Prefix = text.parse().unwrap();
            assert_eq!(
                (prefix.address.as_str(), prefix.to_string().as_str()),
                (address, shown)
            );
        }
        for bad in [
            "",
            "w.example",
            "w.example:80",
            "/path",
            "https://w.example",
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
