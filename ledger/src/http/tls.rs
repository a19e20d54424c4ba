//! TLS around HTTP: how a client begins it.

use hyper_util::rt::TokioIo;
use medproof_proto::tls::{Authorities, NotSecured};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

/// Begins TLS with a service that these authorities must have certified under this name or address.
pub(crate) async fn connect(
    authorities: &Authorities,
    name: &ServerName<'static>,
    stream: TcpStream,
) -> Result<TokioIo<TlsStream<TcpStream>>, NotSecured> {
    let connector = TlsConnector::from(authorities.http());
    match connector.connect(name.clone(), stream).await {
        Ok(stream) => Ok(TokioIo::new(stream)),
        Err(error) => {
            let known = NotSecured::of(&error, &name.to_str());
            Err(known.unwrap_or_else(|| NotSecured::Other(error.to_string())))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
