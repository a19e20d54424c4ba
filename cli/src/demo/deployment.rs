//! Everything that runs during the demonstration: ledger, prover and gateways on free loopback ports.

use super::DemoError;
use crate::journey::{
    desk::{Counter, Staff},
    governance::Governance,
    party::Party,
    prove, sources,
};
use ed25519_dalek::SigningKey;
use medproof_gateway::{self as gateway, ManualClock};
use medproof_ledger as ledger;
use medproof_proto::ledger_client::Ledger;
use medproof_prover as prover;
use medproof_verifier::{
    CircuitName, Day, Name, Role, VerifyingKey,
    cosignature::WitnessPolicy,
    entry::{Genesis, PinnedCircuit},
};
use rand::{RngCore, rngs::OsRng};
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A relying party at work: its gateway, its staff's client, and the counter that holders come to.
pub struct Desk {
    /// The staff's client.
    pub staff: Staff,
    /// The holders' client.
    pub counter: Counter,
    /// The gateway's address.
    pub url: String,
    /// The staff token.
    pub token: Zeroizing<String>,
}

/// The running services. All of them end with [`Deployment::end`].
pub struct Deployment {
    /// A client of the ledger.
    pub ledger: Ledger,
    /// A client of the prover.
    pub prover: prove::Prover,
    /// The ledger's governance.
    pub governance: Governance,
    /// The clock of every gateway.
    pub clock: ManualClock,
    keys: Vec<VerifyingKey>,
    servers: Servers,
    directory: TempDir,
}

struct Servers {
    ledger: ledger::Server,
    prover: prover::Server,
    gateways: Vec<gateway::Handle>,
}

/// A free port of this machine, reachable from nowhere else.
fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn genesis(time: u64, log: &SigningKey, governance: &SigningKey, keys: &[VerifyingKey]) -> Genesis {
    let mut pinned: Vec<PinnedCircuit> = keys
        .iter()
        .map(|key| PinnedCircuit {
            name: key.name(),
            version: key.version(),
            id: key.circuit_id(),
        })
        .collect();
    pinned.sort_by_key(|c| (c.name, c.version));
    Genesis {
        nonce: random(),
        origin: "medproof.example/demo".into(),
        log_key: log.verifying_key(),
        development: true,
        time,
        reenrol_delay: 86_400,
        threshold: 1,
        governance: vec![governance.verifying_key()],
        pinned,
    }
}

impl Deployment {
    /// Starts a fresh development ledger at `time` (Unix seconds) and a prover with these circuits, and has
    /// governance accept the circuits.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn start(time: u64, prover: Arc<prover::Prover>) -> Result<Self, DemoError> {
        let directory = tempfile::tempdir().map_err(DemoError::Directory)?;
        let keys: Vec<VerifyingKey> = prover
            .circuits()
            .filter_map(|circuit| prover.verifying_key(circuit).cloned())
            .collect();
        let (log, governing) = (SigningKey::generate(&mut OsRng), SigningKey::generate(&mut OsRng));
        let genesis = genesis(time, &log, &governing, &keys);
        let mut config = ledger::Config::loopback(directory.path().join("ledger"), log, Some(genesis));
        config.http = Some(loopback());
        let ledger_server = ledger::Server::start(config).await?;
        let prover_server = prover::Server::start(prover, prover::ServerConfig::default()).await?;
        let mut client =
            Ledger::connect(&ledger_server.address().into(), Some(ledger_server.ledger_id())).await?;
        let governance = Governance::new(vec![(0, governing)]);
        for key in &keys {
            governance.accept_circuit(&mut client, key).await?;
        }
        let accepted = sources::verifying_keys(&mut client).await?;
        Ok(Self {
            prover: prove::Prover::connect(&prover_server.address().into(), accepted).await?,
            ledger: client,
            governance,
            clock: ManualClock::new(time),
            keys,
            servers: Servers {
                ledger: ledger_server,
                prover: prover_server,
                gateways: Vec::new(),
            },
            directory,
        })
    }

    /// Sets the ledger's development clock and the gateways' clock forward.
    ///
    /// # Errors
    /// [`DemoError::Client`].
    pub async fn set_clock(&mut self, time: u64) -> Result<(), DemoError> {
        self.ledger.set_clock(time).await?;
        self.clock.set(time);
        Ok(())
    }

    /// Registers a party's key, valid from `from` on.
    ///
    /// # Errors
    /// [`DemoError::Journey`].
    pub async fn register(
        &mut self,
        party: &Party,
        role: Role,
        scope: medproof_verifier::Fr,
        from: Day,
    ) -> Result<(), DemoError> {
        let leaf = party.leaf(role, scope, from, Day::OPEN);
        self.governance.register(&mut self.ledger, party, leaf).await?;
        Ok(())
    }

    /// Starts a party's gateway for the questions of a role.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn open_desk(&mut self, party: &Party, role: Role, domain: &Name) -> Result<Desk, DemoError> {
        let token = Zeroizing::new(hex::encode(random()));
        let number = self.servers.gateways.len();
        let journal: PathBuf = self.directory.path().join(format!("journal-{number}"));
        let mut config = gateway::Config::new(
            loopback(),
            gateway::Party {
                name: party.name().clone(),
                role,
                domain: domain.clone(),
            },
            self.servers.ledger.address().into(),
            self.servers.ledger.ledger_id(),
            SigningKey::from_bytes(&party.posting().to_bytes()),
            token.clone(),
            journal,
            self.keys.clone(),
        );
        config.development = true;
        let handle = gateway::Server::start(config, self.clock.clone()).await?;
        let (url, at) = (handle.url(), handle.addr.into());
        self.servers.gateways.push(handle);
        let log = self.servers.ledger.log_key();
        Ok(Desk {
            staff: Staff::connect(&at, &token, Some(log)).await?,
            counter: Counter::connect(&at, log).await?,
            url,
            token,
        })
    }

    /// An audit of the ledger's tiles, by somebody who knows its key and id.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn audit_config(&self) -> Result<ledger::AuditConfig, DemoError> {
        let server = &self.servers.ledger;
        // It was told to serve them, so there is an address.
        let http = server.http_address().ok_or(ledger::StartError::Stopped)?;
        let policy = WitnessPolicy::new(server.log_key().clone(), vec![], 0)?;
        let mut config = ledger::AuditConfig::new(http.into(), policy);
        config.ledger_id = Some(server.ledger_id());
        Ok(config)
    }

    /// Addresses of ledger and prover.
    pub fn urls(&self) -> (String, String) {
        (self.servers.ledger.url(), self.servers.prover.url())
    }

    /// Bytes of the verifying key of a circuit.
    pub fn verifying_key_bytes(&self, circuit: CircuitName) -> usize {
        let found = self.keys.iter().find(|key| key.name() == circuit);
        found.map_or(0, |key| key.to_bytes().len())
    }

    /// Ends everything that was started and removes its files.
    pub async fn end(self) {
        let Self {
            ledger,
            prover,
            servers,
            directory,
            ..
        } = self;
        drop((ledger, prover));
        for handle in servers.gateways {
            handle.shutdown().await;
        }
        servers.prover.shutdown().await;
        servers.ledger.shutdown().await;
        drop(directory);
    }
}
