//! TLS (rustls, versions 1.2 and 1.3): whose certificates are believed, and what clients and services show of
//! themselves. Nobody's identity as a log, a witness or a party rests on it: those sign what they say.

use crate::address::{causes, innermost};
use std::{error::Error as StdError, fmt, io, sync::Arc, sync::OnceLock, time::Duration};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error as PemError, PemObject},
    },
};
use tonic::transport::{self, Certificate, ClientTlsConfig, Server, ServerTlsConfig};
use zeroize::Zeroizing;

/// Longest time in which client and service must come to terms.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time after which a silent peer is asked whether it is there.
pub const KEEPALIVE: Duration = Duration::from_secs(20);
/// Longest wait for its answer: it may be at work on all its cores.
pub const ALIVE: Duration = Duration::from_secs(60);
/// Requests at once on one connection; one more waits at its client.
const REQUESTS: u32 = 256;

/// Why certificates or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Damaged PEM.
    #[error("the certificates are damaged: {0}")]
    Certificates(PemError),
    /// There is none.
    #[error("there is no certificate (PEM, `-----BEGIN CERTIFICATE-----`)")]
    NoCertificate,
    /// No key, or damaged PEM.
    #[error("there is no private key (PEM, PKCS #8, SEC 1 or PKCS #1): {0}")]
    Key(PemError),
    /// A certificate cannot be used, or the key is not that of the certificate.
    #[error("a certificate is refused, or the key is not its own: {0}")]
    Refused(#[from] Error),
    /// gRPC does not take them.
    #[error("gRPC cannot use them: {0}")]
    Grpc(String),
}

impl From<transport::Error> for TlsError {
    fn from(error: transport::Error) -> Self {
        Self::Grpc(innermost(&error))
    }
}

/// Why a connection over TLS does not come about.
#[derive(Debug, thiserror::Error)]
pub enum NotSecured {
    /// Nobody who is trusted has certified the service.
    #[error("its certificate is of an authority that is not trusted here (--tls-ca names others)")]
    Authority,
    /// The service is certified under other names than this one.
    #[error("its certificate is for another name than {0}")]
    Name(String),
    /// Out of date, by this machine's clock.
    #[error("its certificate is no longer valid, or not yet")]
    Time,
    /// Another fault of the certificate.
    #[error("its certificate is refused: {0:?}")]
    Certificate(CertificateError),
    /// The service answers, but not with TLS.
    #[error("it does not speak TLS: give its address as http://")]
    Plain,
    /// The service breaks off.
    #[error("it refuses the connection: {0:?}")]
    Alert(AlertDescription),
    /// Anything else.
    #[error("TLS fails: {0}")]
    Other(String),
}

impl NotSecured {
    /// What an error says of TLS with the service of this name or address; `None` where TLS is not its cause.
    pub fn of(error: &(dyn StdError + 'static), name: &str) -> Option<Self> {
        use CertificateError as C;
        Some(match rustls_error(error)? {
            Error::InvalidCertificate(reason) => match reason {
                C::UnknownIssuer => Self::Authority,
                C::NotValidForName | C::NotValidForNameContext { .. } => Self::Name(name.to_owned()),
                C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                    Self::Time
                }
                other => Self::Certificate(other.clone()),
            },
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::Plain,
            Error::AlertReceived(alert) => Self::Alert(*alert),
            other => Self::Other(other.to_string()),
        })
    }
}

fn rustls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    causes(error).find_map(|error| {
        // What an I/O error was made of is not among its sources.
        let made_of = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = made_of.and_then(|inner| inner.downcast_ref());
        found.or_else(|| error.downcast_ref())
    })
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| Arc::new(ring::default_provider()))
        .clone()
}

/// The certificates in PEM text, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(TlsError::Certificates)?;
    match found.is_empty() {
        true => Err(TlsError::NoCertificate),
        false => Ok(found),
    }
}

/// The authorities whose certificates are believed.
#[derive(Clone)]
pub struct Authorities {
    roots: Arc<RootCertStore>,
    http: Arc<ClientConfig>,
}

impl Authorities {
    fn new(roots: RootCertStore) -> Result<Self, TlsError> {
        let roots = Arc::new(roots);
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = config
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        let http = Arc::new(config);
        Ok(Self { roots, http })
    }

    /// Those that browsers believe: Mozilla's, as they were when the `webpki-roots` package was made.
    pub fn public() -> Self {
        static PUBLIC: OnceLock<Authorities> = OnceLock::new();
        let made = || {
            let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
            // The provider has both versions of the protocol, whatever the roots are.
            Self::new(roots).expect("ring knows TLS 1.2 and 1.3")
        };
        PUBLIC.get_or_init(made).clone()
    }

    /// Those with the certificates in this PEM text, and no others.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots.add(certificate)?;
        }
        Self::new(roots)
    }

    /// How a client of HTTP/1.1 connects. It shows no certificate.
    pub fn http(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.http)
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorities")
    }
}

/// How a client of gRPC services speaks TLS: whom it believes, and what it shows to services that ask.
pub struct ClientTls {
    authorities: Authorities,
    identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl ClientTls {
    /// Believes these authorities, and shows nothing.
    pub fn new(authorities: Authorities) -> Self {
        Self {
            authorities,
            identity: None,
        }
    }

    /// Shows a certificate, in PEM with those that lead to its authority, and proves with its private key (PKCS #8, SEC 1
    /// or PKCS #1) that it is its own.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn showing(self, chain: &[u8], key: Zeroizing<Vec<u8>>) -> Result<Self, TlsError> {
        Identity::from_pem(chain, &key)?;
        Ok(Self {
            identity: Some((chain.to_vec(), key)),
            ..self
        })
    }

    pub(crate) fn shows(&self) -> bool {
        self.identity.is_some()
    }

    pub(crate) fn grpc(&self) -> ClientTlsConfig {
        let roots = self.authorities.roots.roots.iter().cloned();
        let config = ClientTlsConfig::new().trust_anchors(roots).timeout(HANDSHAKE);
        match &self.identity {
            None => config,
            Some((chain, key)) => config.identity(transport::Identity::from_pem(chain, key)),
        }
    }
}

impl Default for ClientTls {
    /// Believes [`Authorities::public`], and shows nothing.
    fn default() -> Self {
        Self::new(Authorities::public())
    }
}

/// The certificates and the key with which an HTTP service shows who it is.
#[derive(Clone)]
pub struct Identity(Arc<ServerConfig>);

impl Identity {
    /// From PEM texts: the certificate with those that lead to its authority, and its private key (PKCS #8, SEC 1 or
    /// PKCS #1).
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = config.with_no_client_auth().with_single_cert(chain, key)?;
        Ok(Self(Arc::new(config)))
    }

    /// How it is served. Clients are asked for no certificate.
    pub fn http(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// The authorities one of which must have certified each client of a service.
pub struct ClientAuthorities(Certificate);

impl ClientAuthorities {
    /// Those with the certificates in this PEM text.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        // gRPC's own reading leaves out what it cannot use.
        Authorities::from_pem(pem)?;
        Ok(Self(Certificate::from_pem(pem)))
    }
}

/// How a gRPC service speaks TLS.
#[derive(Clone)]
pub struct ServerTls {
    grpc: Server,
    identity: Identity,
    asks: bool,
}

impl ServerTls {
    /// With the certificate and key as [`Identity::from_pem`] takes them. Where `clients` are named, a client must show a
    /// certificate of theirs.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(chain: &[u8], key: &[u8], clients: Option<ClientAuthorities>) -> Result<Self, TlsError> {
        let identity = Identity::from_pem(chain, key)?;
        let shown = transport::Identity::from_pem(chain, key);
        let config = ServerTlsConfig::new().identity(shown).timeout(HANDSHAKE);
        let asks = clients.is_some();
        let config = match clients {
            None => config,
            Some(ClientAuthorities(authorities)) => config.client_ca_root(authorities),
        };
        Ok(Self {
            grpc: Server::builder().tls_config(config)?,
            identity,
            asks,
        })
    }

    /// A gRPC server that speaks TLS, or a plain one where there are no certificates.
    pub fn server(tls: Option<&Self>) -> Server {
        let server = tls.map_or_else(Server::builder, |tls| tls.grpc.clone());
        server
            .max_concurrent_streams(REQUESTS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(ALIVE))
    }

    /// The service's URL.
    pub fn url(tls: Option<&Self>, address: std::net::SocketAddr) -> String {
        let scheme = if tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// What the same party shows over HTTP, where it asks clients for nothing.
    pub fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// Whether clients must show a certificate.
    pub fn asks_clients(&self) -> bool {
        self.asks
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

#[cfg(test)]
pub(crate) mod tests;
