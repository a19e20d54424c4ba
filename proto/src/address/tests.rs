//! Addresses, and what is said of services that are not reached.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::tls::{
    ClientAuthorities, ServerTls,
    tests::{AUTHORITY, CLIENT, ELSEWHERE, EXPIRED, SERVER, STRANGER, STRANGERS, client},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{service::Routes, transport::server::TcpIncoming};

#[test]
fn an_address_has_a_host_and_no_path() {
    for (text, shown) in [
        ("http://l.example:7001", "http://l.example:7001"),
        ("http://[::1]:7001/", "http://[::1]:7001"),
        ("https://l.example", "https://l.example"),
        ("https://l.example:7001/", "https://l.example:7001"),
        ("https://[::1]:7001", "https://[::1]:7001"),
        ("HTTPS://l.example", "https://l.example"),
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
    }
    for bad in [
        "",
        "l.example",
        "l.example:7001",
        "127.0.0.1:7001",
        "http://l.example",
        "http://l.example:",
        "http://l.example:99999",
        "http://l.example:7001/path",
        "http://l.example:7001/?a",
        "http://user@l.example:7001",
        "http://:7001",
        "https://-",
        "https://l.example:7001:",
        "https://l.example/path",
        "ftp://l.example:7001",
        "unix:/tmp/socket",
    ] {
        assert!(bad.parse::<Address>().is_err(), "{bad}");
    }
    for address in ["127.0.0.1:7001", "[::1]:7001"] {
        let at = Address::from(address.parse::<SocketAddr>().unwrap());
        assert_eq!(at.to_string(), format!("http://{address}"));
    }
}

/// A service that knows no method, and the address of what listens there.
async fn service(tls: Option<ServerTls>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = ServerTls::server(tls.as_ref()).add_routes(Routes::default());
    let served = server.serve_with_incoming(TcpIncoming::from(listener));
    let task = tokio::spawn(async move { served.await.unwrap() });
    (address, task)
}

fn server((chain, key): (&[u8], &[u8]), clients: Option<&[u8]>) -> Option<ServerTls> {
    let clients = clients.map(|pem| ClientAuthorities::from_pem(pem).unwrap());
    Some(ServerTls::new(chain, key, clients).unwrap())
}

/// `ok`, or why it is not reached.
async fn reached(url: &str, tls: &ClientTls) -> String {
    let address = url.parse::<Address>().unwrap().secured_by(tls).unwrap();
    match address.connect().await {
        Ok(_) => "ok".into(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_certified_service_is_reached_and_no_other() {
    let (at, task) = service(server(SERVER, None)).await;
    let (believing, shown) = (client(AUTHORITY, None), client(AUTHORITY, Some(CLIENT)));
    let url = format!("https://{at}");
    assert_eq!(reached(&url, &believing).await, "ok");
    // The name is certified as well as the address; who need not show a certificate may.
    let named = format!("https://localhost:{}", at.port());
    assert_eq!(reached(&named, &shown).await, "ok");
    let refused = "authority that is not trusted here (--tls-ca names others)";
    for believes in [&client(STRANGERS, None), &ClientTls::default()] {
        let said = reached(&url, believes).await;
        assert!(
            said.starts_with("no secure connection: ") && said.contains(refused),
            "{said}"
        );
    }
    let said = reached(&format!("http://{at}"), &believing).await;
    assert!(
        said.starts_with("it ends the connection") && said.ends_with(PLAIN),
        "{said}"
    );
    task.abort();
    for (shows, refused) in [
        (ELSEWHERE, "for another name than 127.0.0.1"),
        (EXPIRED, "no longer valid"),
    ] {
        let (at, task) = service(server(shows, None)).await;
        let said = reached(&format!("https://{at}"), &believing).await;
        assert!(said.contains(refused), "{said}");
        task.abort();
    }
    let (at, task) = service(None).await;
    assert_eq!(reached(&format!("http://{at}"), &believing).await, "ok");
    let said = reached(&format!("https://{at}"), &believing).await;
    assert!(said.contains("give its address as http://"), "{said}");
    task.abort();
}

#[tokio::test]
async fn a_service_that_asks_takes_clients_of_its_authority_only() {
    let (at, task) = service(server(SERVER, Some(AUTHORITY))).await;
    let url = format!("https://{at}");
    assert_eq!(reached(&url, &client(AUTHORITY, Some(CLIENT))).await, "ok");
    let said = reached(&url, &client(AUTHORITY, None)).await;
    assert!(said.ends_with(NO_CERTIFICATE), "{said}");
    // Of another authority, and one that is not for clients.
    for shown in [STRANGER, ELSEWHERE] {
        let said = reached(&url, &client(AUTHORITY, Some(shown))).await;
        assert!(said.ends_with(CERTIFICATE), "{said}");
    }
    let said = reached(&format!("http://{at}"), &client(AUTHORITY, Some(CLIENT))).await;
    assert!(said.ends_with(PLAIN), "{said}");
    task.abort();
}

#[tokio::test]
async fn nobody_there_is_said_in_the_systems_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let said = reached(&format!("{scheme}://{at}"), &ClientTls::default()).await;
        assert!(said.starts_with("Connection refused"), "{said}");
    }
}

#[test]
fn only_https_and_this_machine_are_private() {
    for (text, private) in [
        ("http://127.0.0.1:1", true),
        ("http://[::1]:1", true),
        ("http://[::ffff:127.0.0.1]:1", true),
        ("http://localhost:1", true),
        ("https://prover.example", true),
        ("http://10.0.0.1:1", false),
        ("http://prover.example:1", false),
        ("http://127.0.0.1.example:1", false),
        ("http://0.0.0.0:1", false),
    ] {
        assert_eq!(text.parse::<Address>().unwrap().is_private(), private, "{text}");
    }
}
