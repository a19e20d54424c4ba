//! Requests within TLS: what comes through, and what is said of what does not. How the certificates were made says
//! `tests/data/tls/make.sh`.

use crate::{
    http::{
        client::{self, Limits, Prefix},
        listener::Listener,
    },
    testing::client::LOOPBACK,
};
use axum::{Router, routing::get};
use hyper::StatusCode;
use medproof_proto::tls::{Authorities, Identity};
use std::{net::SocketAddr, time::Duration};

const AUTHORITY: &[u8] = include_bytes!("../../../../tests/data/tls/ca.pem");
const SERVER: (&[u8], &[u8]) = (
    include_bytes!("../../../../tests/data/tls/server.pem"),
    include_bytes!("../../../../tests/data/tls/server.key"),
);
const ELSEWHERE: (&[u8], &[u8]) = (
    include_bytes!("../../../../tests/data/tls/elsewhere.pem"),
    include_bytes!("../../../../tests/data/tls/elsewhere.key"),
);
const EXPIRED: (&[u8], &[u8]) = (
    include_bytes!("../../../../tests/data/tls/expired.pem"),
    include_bytes!("../../../../tests/data/tls/expired.key"),
);

/// The tests' own authority.
pub(crate) fn authorities() -> Authorities {
    Authorities::from_pem(AUTHORITY).unwrap()
}

/// A service on 127.0.0.1 that this authority has certified.
pub(crate) fn identity() -> Identity {
    Identity::from_pem(SERVER.0, SERVER.1).unwrap()
}

async fn service(identity: Option<Identity>) -> Listener {
    let router = Router::new().route("/word", get(|| async { "hello" }));
    Listener::start_with(LOOPBACK, router, identity).await.unwrap()
}

fn prefix(scheme: &str, at: SocketAddr) -> Prefix {
    format!("{scheme}://{at}").parse().unwrap()
}

async fn ask(prefix: &Prefix) -> Result<(StatusCode, Vec<u8>), String> {
    let limits = Limits {
        deadline: Duration::from_secs(10),
        bytes: 100,
    };
    let answer = client::get(prefix, "word", limits).await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_certified_service_is_asked_and_no_other() {
    let service_of = |(chain, key)| service(Some(Identity::from_pem(chain, key).unwrap()));
    let server = service_of(SERVER).await;
    let trusted = prefix("https", server.address()).certified_by(&authorities());
    assert_eq!(ask(&trusted).await, Ok((StatusCode::OK, b"hello".to_vec())));
    // By an authority of nobody else's, for another name, and out of date.
    let stranger = ask(&prefix("https", server.address())).await.unwrap_err();
    assert!(
        stranger.contains("authority that is not trusted here"),
        "{stranger}"
    );
    for (other, said) in [
        (ELSEWHERE, "for another name than 127.0.0.1"),
        (EXPIRED, "no longer valid"),
    ] {
        let other = service_of(other).await;
        let refused = ask(&prefix("https", other.address()).certified_by(&authorities())).await;
        let refused = refused.unwrap_err();
        assert!(refused.contains(said), "{refused}");
        other.shutdown().await;
    }
    // Each kind of address at the other kind of service.
    let plain = service(None).await;
    let refused = ask(&prefix("https", plain.address()).certified_by(&authorities())).await;
    assert!(
        refused.as_ref().is_err_and(|e| e.contains("http://")),
        "{refused:?}"
    );
    let refused = ask(&prefix("http", server.address())).await;
    assert!(
        refused.as_ref().is_err_and(|e| e.contains("https://")),
        "{refused:?}"
    );
    // Named authorities change nothing for plain addresses.
    let unsecured = prefix("http", plain.address()).certified_by(&authorities());
    assert!(ask(&unsecured).await.is_ok());
    plain.shutdown().await;
    server.shutdown().await;
}
