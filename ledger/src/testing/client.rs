//! A served ledger as its clients see it, for tests.

use super::{Now, fr, genesis};
use crate::{
    audit::{AuditConfig, Report, audit},
    http::raw::{Answer, send, send_to_mortal},
};
use axum::{Router, http::Uri};
use hyper::StatusCode;
use medproof_proto::{ledger as wire, ledger_client::Ledger};
use medproof_verifier::{Checkpoint, Day, LogKey, cosignature::WitnessPolicy, entry::NullifierKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A free port on loopback.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The key under which the checkpoints of the tests' ledger verify.
pub(crate) fn log_key() -> LogKey {
    LogKey::new(&genesis().origin, genesis().log_key).unwrap()
}

pub(crate) async fn connect(url: &str) -> Ledger {
    let address = url.parse().unwrap();
    Ledger::connect(&address, Some(genesis().ledger_id()))
        .await
        .unwrap()
}

/// Roots and day for the next statement, as the ledger says them.
pub(crate) async fn now(ledger: &mut Ledger) -> Now {
    let anchors = ledger.anchors().await.unwrap();
    Now {
        anchor: anchors.anchors[0],
        identity_root: anchors.identity_root,
        registry_root: anchors.registry_root,
        date: fr(Day::from_unix_seconds(anchors.time).0.into()),
    }
}

/// The checkpoint of the last batch, with its signature checked.
pub(crate) async fn checkpoint(ledger: &mut Ledger) -> Checkpoint {
    let status = ledger.raw().status(wire::StatusRequest {}).await.unwrap();
    Checkpoint::verify(&status.into_inner().checkpoint, ledger.log_key()).unwrap()
}

/// Whether nullifier `n` of this kind is spent.
pub(crate) async fn is_spent(ledger: &mut Ledger, kind: NullifierKind, n: u64) -> bool {
    ledger.nullifier_spent(kind, &fr(n)).await.unwrap()
}

/// What is at a path over HTTP.
pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    request("GET", address, path)
}

/// What is at a path of a service that may be killed meanwhile.
pub(crate) fn get_from_mortal(address: SocketAddr, path: &str) -> Option<Answer> {
    send_to_mortal(address, bare("GET", path).as_bytes())
}

/// The answer to a request without a body.
pub(crate) fn request(method: &str, address: SocketAddr, path: &str) -> Answer {
    send(address, bare(method, path).as_bytes())
}

fn bare(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n\r\n")
}

/// An audit of what is served over HTTP at an address, by somebody who knows the tests' ledger and asks no witness.
pub(crate) fn audit_of(http: SocketAddr) -> AuditConfig {
    let policy = WitnessPolicy::new(log_key(), vec![], 0).unwrap();
    let mut config = AuditConfig::new(http.into(), policy);
    config.ledger_id = Some(genesis().ledger_id());
    config
}

/// What [`audit_of`] finds.
pub(crate) async fn audited(http: SocketAddr) -> Report {
    audit(audit_of(http), |_, _| ()).await.unwrap()
}

/// Hands requests on to a ledger, and its answers back as `change` makes them of their path and body; none is a 404.
pub(crate) fn between(
    ledger: SocketAddr,
    change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>> + Clone + Send + Sync + 'static,
) -> Router {
    Router::new().fallback(move |uri: Uri| {
        let change = change.clone();
        async move {
            let (path, asked) = (uri.path().to_owned(), uri.path().to_owned());
            let answer = tokio::task::spawn_blocking(move || get(ledger, &asked)).await;
            let answer = answer.unwrap();
            match change(&path, answer.body) {
                Some(body) => (StatusCode::from_u16(answer.status).unwrap(), body),
                None => (StatusCode::NOT_FOUND, vec![]),
            }
        }
    })
}
