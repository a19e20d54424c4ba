//! Certificates and keys from the command line: what clients and services show, and whom they believe.

use crate::{CliError, read_bytes};
use medproof_proto::{
    address::Address,
    tls::{Authorities, ClientAuthorities, ClientTls, Identity, ServerTls, TlsError},
};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest file of certificates.
const MAX_PEM: u64 = 1 << 20;

/// How services at https addresses are reached.
#[derive(Debug, Clone, clap::Args)]
pub struct TlsArgs {
    /// Certificates (PEM) of the authorities that must have certified https addresses [default: those that browsers believe].
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// The client's own certificate, with those that lead to its authority (PEM), for services that ask for one. A wallet shows
    /// it to its prover alone.
    #[arg(long, value_name = "FILE", requires = "tls_client_key")]
    tls_client_cert: Option<PathBuf>,
    /// The private key (PEM) of the client's certificate, readable by its owner alone.
    #[arg(long, value_name = "FILE", requires = "tls_client_cert")]
    tls_client_key: Option<PathBuf>,
}

/// What a service shows of itself over TLS.
#[derive(Debug, Clone, clap::Args)]
pub struct CertificateArgs {
    /// The service's certificate, with those that lead to its authority (PEM): it is served over https then.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key (PEM) of the certificate, readable by the service alone.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// How a gRPC service is served.
#[derive(Debug, Clone, clap::Args)]
pub struct ServerArgs {
    #[command(flatten)]
    certificate: CertificateArgs,
    /// Certificates (PEM) of the authorities one of which must have certified each client of the gRPC service
    /// [default: clients are asked for no certificate].
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
}

fn refused(path: &Path) -> impl FnOnce(TlsError) -> CliError {
    move |error| CliError::Data(format!("`{}`: {error}", path.display()))
}

/// The authorities that https addresses must be certified by, where they are named.
///
/// # Errors
/// [`CliError`] when the file cannot be read or used.
pub fn authorities(tls_ca: Option<&Path>) -> Result<Option<Authorities>, CliError> {
    let Some(path) = tls_ca else {
        return Ok(None);
    };
    let read = Authorities::from_pem(&read_bytes(path, MAX_PEM)?);
    read.map(Some).map_err(refused(path))
}

/// What `make` makes of a certificate and its key.
fn pair<T>(
    (certificate, key): (&PathBuf, &PathBuf),
    make: impl FnOnce(&[u8], Zeroizing<Vec<u8>>) -> Result<T, TlsError>,
) -> Result<T, CliError> {
    let chain = read_bytes(certificate, MAX_PEM)?;
    let secret = Zeroizing::new(read_bytes(key, MAX_PEM)?);
    make(&chain, secret).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        CliError::Data(format!("`{certificate}` and `{key}`: {error}"))
    })
}

fn secured(address: &Address, tls: &ClientTls) -> Result<Address, CliError> {
    let secured = address.clone().secured_by(tls);
    secured.map_err(|error| CliError::Data(format!("TLS with {address}: {error}")))
}

impl TlsArgs {
    /// The address of a service, reached so where it is https.
    ///
    /// # Errors
    /// [`CliError`] when a file cannot be read or used.
    pub fn reach(&self, address: &Address) -> Result<Address, CliError> {
        let tls = match self.tls_client_cert.as_ref().zip(self.tls_client_key.as_ref()) {
            None => self.unnamed()?,
            Some(files) => {
                let tls = self.unnamed()?;
                pair(files, |chain, key| tls.showing(chain, key))?
            }
        };
        secured(address, &tls)
    }

    /// The address of a service that is to learn nothing of who asks: as [`TlsArgs::reach`], and no certificate is shown.
    ///
    /// # Errors
    /// [`CliError`] when a file cannot be read or used.
    pub fn reach_unnamed(&self, address: &Address) -> Result<Address, CliError> {
        secured(address, &self.unnamed()?)
    }

    fn unnamed(&self) -> Result<ClientTls, CliError> {
        let believed = authorities(self.tls_ca.as_deref())?;
        Ok(believed.map(ClientTls::new).unwrap_or_default())
    }
}

impl CertificateArgs {
    fn files(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.tls_cert.as_ref().zip(self.tls_key.as_ref())
    }

    /// What the service shows over HTTP; nothing where it is plain.
    ///
    /// # Errors
    /// [`CliError`] when a file cannot be read or used.
    pub fn identity(&self) -> Result<Option<Identity>, CliError> {
        let made = |files| pair(files, |chain, key| Identity::from_pem(chain, &key));
        self.files().map(made).transpose()
    }
}

impl ServerArgs {
    /// How the service speaks TLS; nothing where it is plain.
    ///
    /// # Errors
    /// [`CliError`] when a file cannot be read or used.
    pub fn tls(&self) -> Result<Option<ServerTls>, CliError> {
        let clients = match self.tls_client_ca.as_deref() {
            None => None,
            Some(path) => {
                let read = ClientAuthorities::from_pem(&read_bytes(path, MAX_PEM)?);
                Some(read.map_err(refused(path))?)
            }
        };
        let made = |files| pair(files, |chain, key| ServerTls::new(chain, &key, clients));
        self.certificate.files().map(made).transpose()
    }
}
