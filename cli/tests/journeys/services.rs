//! The services of a play, and who takes part in it.

use crate::player::Player;
use medproof_cli::{
    demo::deployment::{Deployment, Desk},
    journey::{
        governance::{PolicyDates, claim_terms, dispensing_terms, eligibility_terms},
        party::Party,
    },
    secret,
};
use medproof_prover::{KeyStore, Mode, Prover};
use medproof_records::policy::Policy;
use medproof_verifier::{CircuitName, Day, Fr, Name, Role};
use rand::rngs::OsRng;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

pub(crate) const PASSPHRASE: &str = "correct horse battery";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn today() -> Day {
    Day::parse("2026-03-02").unwrap()
}

pub(crate) fn data(path: &str) -> String {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../tests/data");
    root.join(path).to_str().unwrap().to_owned()
}

/// The services, and a folder in which all files of all parties lie.
pub(crate) struct World {
    pub(crate) d: Deployment,
    desks: BTreeMap<&'static str, Desk>,
    folder: tempfile::TempDir,
}

/// Who takes part in a play: circuits, policies, and desks with their party and role.
pub(crate) struct Cast {
    pub(crate) circuits: &'static [CircuitName],
    pub(crate) policies: &'static [&'static str],
    pub(crate) parties: &'static [(&'static str, &'static str, Role)],
}

impl World {
    pub(crate) async fn start(cast: Cast) -> Self {
        let store = KeyStore::at_default(Mode::Development).unwrap();
        let circuits = cast.circuits;
        let prover = tokio::task::spawn_blocking(move || Prover::open(&store, circuits, &mut |_| ()));
        let prover = Arc::new(prover.await.unwrap().unwrap());
        let morning = today().to_unix_seconds() + 36_000;
        let mut world = Self {
            d: Deployment::start(morning, prover).await.unwrap(),
            desks: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        world.policies(cast.policies).await;
        world.parties(cast.parties).await;
        world
    }

    async fn parties(&mut self, parties: &[(&'static str, &'static str, Role)]) {
        let from = Day::parse("2020-01-01").unwrap();
        let mut made: BTreeMap<&str, Party> = BTreeMap::new();
        let passphrase = || age::secrecy::SecretString::from(PASSPHRASE.to_owned());
        for &(desk, party, role) in parties {
            let Self { d, folder, .. } = self;
            let party = made.entry(party).or_insert_with(|| {
                let made = Party::generate(name(party), &mut OsRng);
                // Only those that enrol or sign need their secrets in a file.
                if !matches!(role, Role::Pharmacy | Role::Sponsor) {
                    secret::write(&folder.path().join(format!("{party}.age")), &made, passphrase()).unwrap();
                }
                made
            });
            let (scope, domain) = match role {
                Role::Provider => (Fr::from(1_234_567_893u64), name("us-ma")),
                Role::Sponsor => (party.name().to_fr(), name("us-ma")),
                Role::Payer | Role::InsurerGateway => (party.name().to_fr(), party.name().clone()),
                _ => (name("us-ma").to_fr(), name("us-ma")),
            };
            d.register(party, role, scope, from).await.unwrap();
            if role != Role::EnrolmentAuthority {
                let open = d.open_desk(party, role, &domain).await.unwrap();
                std::fs::write(folder.path().join(format!("{desk}.token")), open.token.as_str()).unwrap();
                self.desks.insert(desk, open);
            }
        }
    }

    async fn policies(&mut self, files: &[&str]) {
        for file in files {
            let path = PathBuf::from(data(&format!("acceptance/policies/{file}")));
            let text = std::fs::read_to_string(&path).unwrap();
            let dates = PolicyDates {
                from: Day::parse("2026-01-01").unwrap(),
                to: Day::OPEN,
                text: &text,
            };
            let terms = match Policy::load(&path).unwrap() {
                Policy::Dispensing(p) => dispensing_terms(&p, dates).unwrap(),
                Policy::Eligibility(p) => eligibility_terms(&p, dates).unwrap(),
                Policy::Claim(p) => claim_terms(&p, &p.rules().payer, dates),
            };
            let ledger = &mut self.d.ledger;
            self.d.governance.accept_policy(ledger, terms).await.unwrap();
        }
    }

    pub(crate) fn player(&self) -> Player {
        let (ledger, prover) = self.d.urls();
        Player {
            folder: self.folder.path().to_owned(),
            ledger,
            prover,
            gateways: self
                .desks
                .iter()
                .map(|(name, d)| (*name, d.url.clone()))
                .collect(),
        }
    }
}
