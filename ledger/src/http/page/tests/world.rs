//! A ledger with entries of every kind over a day, cosigned by two witnesses; and what stands before it and lies.

use crate::{
    Config, Mirror, MirrorConfig, Server,
    clock::DevelopmentClock,
    cosigning::WitnessAddress,
    http::{listener::Listener, raw::Answer},
    testing::{
        DAY, Governance, HOUR, START, account, claim,
        client::{LOOPBACK, get, log_key, now},
        dispense, eligibility, fr, genesis, key_of, name, open, post,
    },
    witness::{Witness, WitnessServer},
};
use axum::{Router, body::Body, http::Uri, response::Response};
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::{
    Entry, Statement,
    cosignature::Cosigner,
    entry::{Burn, Close, PolicyPurpose, Signed, Void},
};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

/// A ledger and its witnesses.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) http: SocketAddr,
    pub(super) witnesses: Vec<WitnessServer>,
    pub(super) keys: Vec<String>,
}

impl World {
    /// A ledger with nothing but GENESIS and its seal, and `witnesses` witnesses, all of them a quorum.
    pub(super) async fn empty(directory: &Path, witnesses: u8) -> Self {
        let mut config = Config::loopback(directory.join("ledger"), key_of("log"), Some(genesis()));
        config.http = Some(LOOPBACK);
        config.quorum = witnesses.into();
        let mut servers = vec![];
        for n in 1..=witnesses {
            let cosigner =
                Cosigner::new(&format!("witness-{n}.example"), key_of(&format!("witness {n}"))).unwrap();
            let key = cosigner.witness_key().clone();
            let folder = directory.join(format!("witness-{n}"));
            let clock = Arc::new(DevelopmentClock::default());
            let witness = Witness::open(&folder, cosigner, vec![log_key()], clock).unwrap();
            let server = WitnessServer::start(witness, LOOPBACK).await.unwrap();
            let prefix = format!("http://{}", server.address()).parse().unwrap();
            config.witnesses.push(WitnessAddress { key, prefix });
            servers.push(server);
        }
        let keys = config.witnesses.iter().map(|w| w.key.to_string()).collect();
        let server = Server::start(config).await.unwrap();
        let http = server.http_address().unwrap();
        Self {
            server,
            http,
            witnesses: servers,
            keys,
        }
    }

    /// Entries of every kind, more than fit into one tile.
    pub(super) async fn grow(&self) {
        let mut ledger = Ledger::connect(&self.server.address().into(), None)
            .await
            .unwrap();
        let id = ledger.ledger_id();
        let mut governance = Governance::new(id);
        let mut entries = governance.setup();
        entries.push(open(id, 1, "authority", "us-ma", account(9, 1)));
        entries.push(open(id, 2, "authority", "us-ma", account(10, 2)));
        for entry in &entries {
            ledger.append(entry).await.unwrap();
        }
        let mut dispensed = 0;
        for hour in 1..20u64 {
            ledger.set_clock(START + hour * HOUR).await.unwrap();
            for policy in 0..5 {
                let purpose = PolicyPurpose::Eligibility {
                    sponsor: name("sponsor-1"),
                };
                let policy = governance.policy(1000 + 10 * hour + policy, "us-ma", purpose);
                ledger.append(&policy).await.unwrap();
            }
            // A busy noon, and nothing at night.
            for n in 0..[0, 0, 1, 3, 5, 2, 1, 2, 0, 1][hour as usize % 10] {
                let now = now(&mut ledger).await;
                let statement = Statement::Dispense(dispense(&now, 100 * hour + n));
                dispensed = append(&mut ledger, post(id, statement, "pharmacy-1")).await;
            }
        }
        ledger.set_clock(START + DAY - 2 * HOUR).await.unwrap();
        let now = now(&mut ledger).await;
        append(
            &mut ledger,
            post(id, Statement::Eligibility(eligibility(&now, 1)), "sponsor-1"),
        )
        .await;
        append(
            &mut ledger,
            post(id, Statement::Claim(claim(&now, 1)), "gateway-a"),
        )
        .await;
        let void = Void {
            sequence: 1,
            party: name("pharmacy-1"),
            dispense: dispensed,
        };
        let burn = Burn {
            sequence: 1,
            party: name("dr-1"),
            fill_keys: vec![fr(1), fr(2)],
        };
        let close = Close {
            sequence: 3,
            party: name("authority"),
            domain: name("us-ma"),
            index: 10,
        };
        for entry in [
            Entry::Void(Signed::new(void, &id, &key_of("pharmacy-1"))),
            Entry::Burn(Signed::new(burn, &id, &key_of("dr-1"))),
            Entry::Close(Signed::new(close, &id, &key_of("authority"))),
        ] {
            ledger.append(&entry).await.unwrap();
        }
        self.cosigned().await;
    }

    /// Waits until the checkpoint that is shown is the newest one.
    pub(super) async fn cosigned(&self) {
        for _ in 0..500 {
            let note = get(self.http, "/checkpoint").body;
            let summary: serde_json::Value =
                serde_json::from_slice(&get(self.http, "/api/summary").body).unwrap();
            let size = summary["size"].to_string();
            let lines: Vec<_> = std::str::from_utf8(&note).unwrap().lines().collect();
            if lines[1] == size && lines.len() == 5 + self.witnesses.len() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the newest checkpoint is never cosigned");
    }

    /// A mirror of it that names the same witnesses.
    pub(super) async fn mirror(&self, directory: &Path) -> Mirror {
        let cosigner = Cosigner::new("mirror.example", key_of("mirror")).unwrap();
        let keys = self.keys.iter().map(|key| key.parse().unwrap());
        let config = MirrorConfig {
            directory: directory.to_owned(),
            listen: LOOPBACK,
            http: Some(LOOPBACK),
            tls: None,
            primary: format!("http://{}", self.http).parse().unwrap(),
            log_key: log_key(),
            genesis: None,
            witnesses: keys.collect(),
            poll: Duration::from_millis(50),
        };
        Mirror::start(config, cosigner).await.unwrap()
    }

    pub(super) async fn shutdown(self) {
        self.server.shutdown().await;
        for witness in self.witnesses {
            witness.shutdown().await;
        }
    }
}

async fn append(ledger: &mut Ledger, post: medproof_verifier::entry::Post) -> u64 {
    let entry = Entry::Statement(Box::new(post));
    ledger.append(&entry).await.unwrap().receipt.index
}

/// What stands before a ledger (the one that `ledger` gives at the time) and changes the answers to some paths.
pub(super) async fn liar(
    ledger: impl Fn() -> SocketAddr + Clone + Send + Sync + 'static,
    lie: impl Fn(&str, &mut Vec<u8>) + Clone + Send + Sync + 'static,
) -> Listener {
    let answer = move |uri: Uri| {
        let lie = lie.clone();
        async move {
            let path = uri.path().to_owned();
            let (asked, ledger) = (path.clone(), ledger());
            let Answer {
                status,
                head,
                mut body,
            } = tokio::task::spawn_blocking(move || get(ledger, &asked))
                .await
                .unwrap();
            lie(&path, &mut body);
            let mut response = Response::builder().status(status);
            for line in head.lines().skip(1) {
                let (name, value) = line.split_once(": ").unwrap();
                if !["content-length", "connection", "cache-control"].contains(&name) {
                    response = response.header(name, value);
                }
            }
            response = response.header("cache-control", "no-store");
            response.body(Body::from(body)).unwrap()
        }
    };
    Listener::start(LOOPBACK, Router::new().fallback(answer))
        .await
        .unwrap()
}
