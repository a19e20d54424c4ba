//! Where a gRPC service is reached, and why it is not.

use crate::tls::{ALIVE, ClientTls, KEEPALIVE, NotSecured, TlsError};
use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};
use tonic::{
    Request, TimeoutExpired,
    client::Grpc,
    codegen::http::{Uri, uri::PathAndQuery},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// Longest time for a TCP connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for the first answer on it.
const ANSWER: Duration = Duration::from_secs(30);

/// An `http` or `https` URL without user, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether it is `https`.
    pub secured: bool,
    /// The host, an IPv6 address within brackets.
    pub host: String,
    /// The port, where it is given.
    pub port: Option<u16>,
    /// The path, without a slash at its end.
    pub path: String,
}

/// A text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form http[s]://HOST[:PORT][/PATH]")]
pub struct UrlError;

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError)?;
        let authority = uri.authority().ok_or(UrlError)?;
        let secured = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(UrlError),
        };
        let host = authority.host();
        if uri.query().is_some() || authority.as_str().contains('@') || host.is_empty() {
            return Err(UrlError);
        }
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => None,
            Some(rest) => {
                let digits = rest.strip_prefix(':').ok_or(UrlError)?;
                Some(digits.parse().map_err(|_| UrlError)?)
            }
            None => return Err(UrlError),
        };
        Ok(Self {
            secured,
            host: host.to_owned(),
            port,
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl Url {
    /// The host as certificates name it: an IPv6 address without brackets.
    pub fn name(&self) -> &str {
        let plain = self
            .host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        plain.unwrap_or(&self.host)
    }

    /// Host and port as they stand in the URL.
    pub fn authority(&self) -> String {
        match self.port {
            None => self.host.clone(),
            Some(port) => format!("{}:{port}", self.host),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secured { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The address of a gRPC service, and how it is reached: `http://HOST:PORT`, or `https://HOST[:PORT]` with port 443
/// where none is given.
#[derive(Debug, Clone)]
pub struct Address {
    url: Url,
    endpoint: Endpoint,
    /// Whether the client shows a certificate.
    shows: bool,
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected http://HOST:PORT or https://HOST[:PORT]")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    /// An `https` service must be certified by one of [`crate::tls::Authorities::public`], unless others are named.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url: Url = text.parse().map_err(|_| AddressError)?;
        if !url.path.is_empty() || (!url.secured && url.port.is_none()) {
            return Err(AddressError);
        }
        let endpoint = Endpoint::from_shared(url.to_string()).map_err(|_| AddressError)?;
        let plain = Self {
            url,
            endpoint: patient(endpoint),
            shows: false,
        };
        // The only fault that is left is a host that no certificate can name.
        plain.secured_by(&ClientTls::default()).map_err(|_| AddressError)
    }
}

impl From<SocketAddr> for Address {
    /// `http://` and this address.
    fn from(address: SocketAddr) -> Self {
        let url = Url {
            secured: false,
            host: match address {
                SocketAddr::V4(v4) => v4.ip().to_string(),
                SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
            },
            port: Some(address.port()),
            path: String::new(),
        };
        let endpoint = Endpoint::from_shared(url.to_string()).expect("an IP address and a port are a URI");
        Self {
            url,
            endpoint: patient(endpoint),
            shows: false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Why a service is not reached.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// Nobody is there.
    #[error("{0}")]
    Connect(String),
    /// No TLS with it.
    #[error("no secure connection: {0}")]
    Tls(#[from] NotSecured),
    /// It takes the connection and says nothing.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// It breaks the connection off before its first answer.
    #[error("it ends the connection ({cause}): {advice}")]
    Ended {
        /// How that was seen.
        cause: String,
        /// What may help.
        advice: &'static str,
    },
}

const PLAIN: &str = "where it speaks TLS, its address begins with https://";
const NO_CERTIFICATE: &str =
    "where it asks for a client's certificate, name one (--tls-client-cert, --tls-client-key)";
const CERTIFICATE: &str =
    "it may not take the client's certificate (--tls-client-cert): of another authority, or out of date";

/// An error and what caused it.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The last cause of an error, in its own words.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// How long a service is waited for, and when one that has gone in the middle of a request is noticed.
fn patient(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(ALIVE)
}

impl Address {
    /// Whether what is sent there is nobody else's to read: it is `https`, or never leaves this machine.
    pub fn is_private(&self) -> bool {
        let name = self.url.name();
        let local = |address: IpAddr| address.to_canonical().is_loopback();
        self.url.secured || name == "localhost" || name.parse().is_ok_and(local)
    }

    /// The same, reached so where it is `https`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn secured_by(self, tls: &ClientTls) -> Result<Self, TlsError> {
        if !self.url.secured {
            return Ok(self);
        }
        Ok(Self {
            endpoint: self.endpoint.tls_config(tls.grpc())?,
            shows: tls.shows(),
            ..self
        })
    }

    /// Connects, and waits for a first answer: a service that asks for certificates takes a connection and ends it
    /// afterwards, and so does one that speaks TLS behind a plain address.
    ///
    /// # Errors
    /// [`NotReached`].
    pub async fn connect(&self) -> Result<Channel, NotReached> {
        let connected = self.endpoint.connect().await;
        let channel = connected.map_err(|error| match self.no_tls(&error) {
            Some(NotSecured::Alert(alert)) => self.ended(format!("{alert:?}")),
            Some(error) => error.into(),
            None => NotReached::Connect(innermost(&error)),
        })?;
        // The question of gRPC's health protocol. That there is no such method is an answer too.
        let mut client = Grpc::new(channel.clone());
        let mut question = Request::new(());
        question.set_timeout(ANSWER);
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        client.ready().await.map_err(|error| self.unanswered(&error))?;
        let answer = client
            .unary(question, path, ProstCodec::<(), ()>::default())
            .await;
        match answer.as_ref().map_err(|status| status.source()) {
            Err(Some(error)) => Err(self.unanswered(error)),
            _ => Ok(channel),
        }
    }

    fn no_tls(&self, error: &(dyn Error + 'static)) -> Option<NotSecured> {
        NotSecured::of(error, self.url.name())
    }

    fn unanswered(&self, error: &(dyn Error + 'static)) -> NotReached {
        if causes(error).any(|cause| cause.is::<TimeoutExpired>()) {
            return NotReached::Silent(ANSWER);
        }
        match self.no_tls(error) {
            None | Some(NotSecured::Alert(_)) => self.ended(innermost(error)),
            Some(error) => error.into(),
        }
    }

    fn ended(&self, cause: String) -> NotReached {
        let advice = match (self.url.secured, self.shows) {
            (false, _) => PLAIN,
            (true, false) => NO_CERTIFICATE,
            (true, true) => CERTIFICATE,
        };
        NotReached::Ended { cause, advice }
    }
}

#[cfg(test)]
mod tests;
