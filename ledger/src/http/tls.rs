//! TLS (rustls, versions 1.2 and 1.3): whose certificates are believed for `https` addresses, and what a service shows
//! of itself. Nobody's identity as a log or a witness rests on it: those sign what they say.

use hyper_util::rt::TokioIo;
use std::{fmt, io, sync::Arc, sync::OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    client::TlsStream,
    rustls::{
        CertificateError, ClientConfig, Error, InvalidMessage, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{
            CertificateDer, PrivateKeyDer, ServerName,
            pem::{Error as PemError, PemObject},
        },
    },
};

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
}

/// Why a connection over TLS does not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSecured {
    #[error("its certificate is of an authority that is not trusted here (--tls-ca names others)")]
    Authority,
    #[error("its certificate is for another name than {0}")]
    Name(String),
    #[error("its certificate is no longer valid, or not yet")]
    Time,
    #[error("its certificate is refused: {0:?}")]
    Certificate(CertificateError),
    #[error("it does not speak TLS: give its address as http://")]
    Plain,
    #[error("TLS fails: {0}")]
    Other(io::Error),
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
pub struct Authorities(Arc<ClientConfig>);

impl Authorities {
    fn new(roots: RootCertStore) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
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

    /// Begins TLS with a service that must be certified under this name or address.
    pub(crate) async fn connect(
        &self,
        name: &ServerName<'static>,
        stream: TcpStream,
    ) -> Result<TokioIo<TlsStream<TcpStream>>, NotSecured> {
        let connector = TlsConnector::from(Arc::clone(&self.0));
        match connector.connect(name.clone(), stream).await {
            Ok(stream) => Ok(TokioIo::new(stream)),
            Err(error) => Err(cause(error, name)),
        }
    }
}

fn cause(error: io::Error, name: &ServerName<'_>) -> NotSecured {
    use CertificateError as C;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(reason)) => match reason {
            C::UnknownIssuer => NotSecured::Authority,
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                NotSecured::Name(name.to_str().into_owned())
            }
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                NotSecured::Time
            }
            other => NotSecured::Certificate(other.clone()),
        },
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => NotSecured::Plain,
        _ => NotSecured::Other(error),
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorities")
    }
}

/// The certificates and the key with which a service shows who it is.
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

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

#[cfg(test)]
pub(crate) mod tests;
