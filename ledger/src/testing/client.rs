//! A served ledger as its clients see it, for tests.

use super::{Now, fr, genesis};
use crate::http::raw::{Answer, send};
use medproof_proto::{ledger as wire, ledger_client::Ledger};
use medproof_verifier::{Checkpoint, Day, LogKey, entry::NullifierKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A free port on loopback.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The key under which the checkpoints of the tests' ledger verify.
pub(crate) fn log_key() -> LogKey {
    LogKey::new(&genesis().origin, genesis().log_key).unwrap()
}

pub(crate) async fn connect(url: &str) -> Ledger {
    Ledger::connect(url, Some(genesis().ledger_id())).await.unwrap()
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

/// The answer to a request without a body.
pub(crate) fn request(method: &str, address: SocketAddr, path: &str) -> Answer {
    let text = format!("{method} {path} HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n\r\n");
    send(address, text.as_bytes())
}
