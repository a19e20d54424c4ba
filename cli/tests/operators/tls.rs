//! TLS, with and without certificates of clients, at every gRPC service; and what is said of files and addresses that
//! do not fit.

use super::desk::{Desk, data, genesis};
use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ed25519_dalek::SigningKey;
use medproof_cli::journey::desk::Staff;
use medproof_gateway::{self as gateway, ManualClock};
use medproof_ledger as ledger;
use medproof_proto::{
    address::Address,
    ledger_client::Ledger,
    tls::{Authorities, ClientAuthorities, ClientTls, ServerTls},
};
use medproof_prover::{self as prover, client::Client};
use medproof_verifier::{CircuitName, Role, Statement, VerifyingKey};
use std::{fs, path::Path, sync::Arc};
use zeroize::Zeroizing;

const FILES: [&str; 8] = [
    "ca.pem",
    "strangers.pem",
    "server.pem",
    "server.key",
    "client.pem",
    "client.key",
    "stranger.pem",
    "stranger.key",
];

fn pem(name: &str) -> Vec<u8> {
    fs::read(data(&format!("tls/{name}"))).unwrap()
}

/// A client that believes the tests' authority, and shows the certificate of this name.
fn client(shown: Option<&str>) -> ClientTls {
    let believes = ClientTls::new(Authorities::from_pem(&pem("ca.pem")).unwrap());
    match shown {
        None => believes,
        Some(name) => {
            let key = Zeroizing::new(pem(&format!("{name}.key")));
            believes.showing(&pem(&format!("{name}.pem")), key).unwrap()
        }
    }
}

fn at(url: &str, tls: &ClientTls) -> Address {
    url.parse::<Address>().unwrap().secured_by(tls).unwrap()
}

/// A key that nobody can prove with; a gateway wants one.
fn key() -> VerifyingKey {
    let g1 = |n: u64| (G1Affine::generator() * ark_bn254::Fr::from(n)).into_affine();
    let g2 = |n: u64| (G2Affine::generator() * ark_bn254::Fr::from(n)).into_affine();
    let inputs = Statement::names(CircuitName::Bind).len() as u64;
    let key = ark_groth16::VerifyingKey {
        alpha_g1: g1(2),
        beta_g2: g2(3),
        gamma_g2: g2(5),
        delta_g2: g2(7),
        gamma_abc_g1: (0..=inputs).map(|i| g1(11 + i)).collect(),
    };
    VerifyingKey::new(CircuitName::Bind, 1, true, key).unwrap()
}

const TOKEN: &str = "a token of the staff";

/// A ledger, a prover and a gateway, which reaches the ledger over TLS too.
struct Services {
    ledger: ledger::Server,
    prover: prover::Server,
    gateway: gateway::Handle,
}

impl Services {
    async fn start(folder: &Path, tls: &ServerTls) -> Self {
        let log = SigningKey::from_bytes(&[1; 32]);
        let genesis = genesis(&log, &SigningKey::from_bytes(&[2; 32]));
        let mut config = ledger::Config::loopback(folder.join("ledger"), log, Some(genesis));
        config.tls = Some(tls.clone());
        let ledger = ledger::Server::start(config).await.unwrap();
        let config = prover::ServerConfig {
            tls: Some(tls.clone()),
            ..prover::ServerConfig::default()
        };
        let prover = prover::Server::start(Arc::new(prover::Prover::default()), config)
            .await
            .unwrap();
        let name = "pharmacy-a".parse::<medproof_verifier::Name>().unwrap();
        let mut config = gateway::Config::new(
            "127.0.0.1:0".parse().unwrap(),
            gateway::Party {
                name: name.clone(),
                role: Role::Pharmacy,
                domain: name,
            },
            at(&ledger.url(), &client(Some("client"))),
            ledger.ledger_id(),
            SigningKey::from_bytes(&[3; 32]),
            Zeroizing::new(TOKEN.into()),
            folder.join("journal"),
            vec![key()],
        );
        (config.tls, config.development) = (Some(tls.clone()), true);
        let gateway = gateway::Server::start(config, ManualClock::new(1_772_445_600)).await;
        Self {
            ledger,
            prover,
            gateway: gateway.unwrap(),
        }
    }

    /// Asks each of them something that only it can answer.
    async fn answer(&self, tls: &ClientTls) {
        let mut ledger = Ledger::connect(&at(&self.ledger.url(), tls), None).await.unwrap();
        assert_eq!(ledger.last_sequence(None).await.unwrap(), 0);
        let mut prover = Client::connect(&at(&self.prover.url(), tls)).await.unwrap();
        assert!(prover.health().await.unwrap().serving);
        let token = Zeroizing::new(TOKEN.to_owned());
        let address = at(&self.gateway.url(), tls);
        let mut staff = Staff::connect(&address, &token, None).await.unwrap();
        let unknown = staff.outcome(&[0; 32]).await.unwrap_err();
        assert_eq!(unknown.gateway_code(), Some("challenge-unknown"));
    }

    /// How each of them refuses: the URL's scheme, the client, and what is said.
    async fn refuse(&self, scheme: &str, tls: &ClientTls, said: &str) {
        for url in [self.ledger.url(), self.prover.url(), self.gateway.url()] {
            let url = url.replacen("https", scheme, 1);
            let refused = at(&url, tls).connect().await.unwrap_err().to_string();
            assert!(refused.contains(said), "{url}: {refused}");
        }
    }

    async fn shutdown(self) {
        self.gateway.shutdown().await;
        self.prover.shutdown().await;
        self.ledger.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_speaks_tls_and_takes_the_clients_that_it_should() {
    let folder = tempfile::tempdir().unwrap();
    for asks in [false, true] {
        let clients = asks.then(|| ClientAuthorities::from_pem(&pem("ca.pem")).unwrap());
        let tls = ServerTls::new(&pem("server.pem"), &pem("server.key"), clients).unwrap();
        let services = Services::start(&folder.path().join(asks.to_string()), &tls).await;
        services.answer(&client(Some("client"))).await;
        services
            .refuse("http", &client(None), "its address begins with https://")
            .await;
        services
            .refuse("https", &ClientTls::default(), "not trusted here (--tls-ca")
            .await;
        match asks {
            false => services.answer(&client(None)).await,
            true => {
                services
                    .refuse("https", &client(None), "asks for a client's certificate")
                    .await;
                services
                    .refuse("https", &client(Some("stranger")), "may not take the client's")
                    .await;
            }
        }
        services.shutdown().await;
    }
}

/// The folder has the certificates, too.
fn desk() -> Desk {
    let desk = Desk::new();
    for name in FILES {
        fs::copy(data(&format!("tls/{name}")), desk.path(name)).unwrap();
    }
    desk
}

const LEDGER: &str =
    "serve ledger --directory ledger --genesis genesis.bin --log-key log.age --listen 127.0.0.1:0";

#[test]
fn commands_reach_a_ledger_that_asks_for_certificates() {
    let desk = desk();
    let ledger = desk.serve(&format!(
        "{LEDGER} --http 127.0.0.1:0 --tls-cert server.pem --tls-key server.key --tls-client-ca ca.pem"
    ));
    let (url, http) = (ledger.text("url"), ledger.text("http"));
    assert!(
        url.starts_with("https://") && http.starts_with("https://"),
        "{url} {http}"
    );
    let status = format!("ledger status --ledger {url}");
    let shown = "--tls-client-cert client.pem --tls-client-key client.key";
    let healthy = desk.ok(&format!("{status} --tls-ca ca.pem {shown}"));
    assert_eq!(healthy["ledger_id"], ledger.said["ledger_id"]);
    // What is public is asked of nobody's certificate.
    let key = ledger.text("ledger_key");
    let audited = desk.ok(&format!("audit --http {http} --ledger-key {key} --tls-ca ca.pem"));
    assert_eq!(audited["clean"], true);
    let stranger = "--tls-client-cert stranger.pem --tls-client-key stranger.key";
    let plain = url.replacen("https", "http", 1);
    for (line, said) in [
        (format!("{status} {shown}"), "not trusted here"),
        (
            format!("{status} --tls-ca strangers.pem {shown}"),
            "not trusted here",
        ),
        (format!("{status} --tls-ca ca.pem"), "name one (--tls-client-cert"),
        (
            format!("{status} --tls-ca ca.pem {stranger}"),
            "may not take the client's certificate",
        ),
        (
            format!("ledger status --ledger {plain}"),
            "its address begins with https://",
        ),
    ] {
        let (exit, error) = desk.fails(&line);
        let reached = error.contains("cannot reach the ledger at http");
        assert!(
            exit == 69 && reached && error.contains(said),
            "{line}: {exit} {error}"
        );
    }
    ledger.end();
}

#[test]
fn files_and_addresses_that_do_not_fit_are_refused_before_anything_is_served() {
    let desk = desk();
    let status = "ledger status --ledger https://127.0.0.1:1";
    for (line, code, said) in [
        // Certificates without their keys, and the other way round.
        (format!("{LEDGER} --tls-cert server.pem"), 64, "--tls-key"),
        (format!("{LEDGER} --tls-client-ca ca.pem"), 64, "--tls-cert"),
        (
            format!("{status} --tls-client-key client.key"),
            64,
            "--tls-client-cert",
        ),
        // Of another, none at all, and nothing to read.
        (
            format!("{LEDGER} --tls-cert server.pem --tls-key client.key"),
            65,
            "`server.pem` and `client.key`: a certificate is refused, or the key is not its own",
        ),
        (
            format!("{LEDGER} --tls-cert server.pem --tls-key server.key --tls-client-ca server.key"),
            65,
            "`server.key`: there is no certificate",
        ),
        (
            format!("{status} --tls-client-cert client.pem --tls-client-key stranger.key"),
            65,
            "`client.pem` and `stranger.key`: ",
        ),
        (
            format!("{status} --tls-ca genesis.bin"),
            65,
            "`genesis.bin`: there is no certificate",
        ),
        (
            format!("{LEDGER} --tls-cert missing.pem --tls-key server.key"),
            66,
            "cannot read `missing.pem`",
        ),
        // A prover that would be sent witnesses in the clear.
        (
            "serve prover --listen 0.0.0.0:0".into(),
            69,
            "without TLS the prover listens on loopback only",
        ),
        // Addresses: port 443 is the default of https alone.
        (
            "ledger status --ledger https://127.0.0.1".into(),
            69,
            "cannot reach the ledger at https://127.0.0.1: ",
        ),
        (
            "ledger status --ledger http://127.0.0.1".into(),
            64,
            "expected http://HOST:PORT or https://HOST[:PORT]",
        ),
        (
            "ledger status --ledger ftp://127.0.0.1:7001".into(),
            64,
            "expected http://HOST:PORT or https://HOST[:PORT]",
        ),
    ] {
        let (exit, error) = desk.fails(&line);
        assert!(exit == code && error.contains(said), "{line}: {exit} {error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
    assert!(!desk.path("ledger").exists());
}
