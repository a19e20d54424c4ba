//! One claim with the keys of everybody who signs, so that each part can be changed and signed again.

use crate::scenario::world::{Registry, identity, lone_path};
use crate::statement::Circuit;
use crate::statements::claim::{Claim, Refused, Signed, Witness, no_authorisation};
use crate::tamper::System;
use ark_bn254::Fr;
use medproof_records::claim::{
    Balances, BenefitNote, Coverage, PlanWord, PriorAuthorisation, RenderedService,
};
use medproof_records::code::{Code, CodeInterval};
use medproof_records::identity::Secret;
use medproof_records::policy::claim::{ClaimRules, PairRow};
use medproof_records::record::Cents;
use medproof_records::signing::SigningKey;
use medproof_verifier::statement::ClaimPublic;
use medproof_verifier::tree::{DenseTree, TABLE_DEPTH};
use medproof_verifier::{Day, Name, Role};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(super) const DAY: Day = Day(46_000);

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn cents(cents: u64) -> Cents {
    Cents::new(cents).unwrap()
}

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Registered keys, by their position in the registry.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Payer = 1,
    Provider,
    /// The payer's key, registered for records.
    PayerAsIssuer,
    /// The payer in another domain.
    PayerElsewhere,
    /// The payer's key that ended the day before the service.
    PayerEnded,
    /// The payer's key that begins the day after the service.
    PayerLater,
    /// Another payer of the same domain.
    OtherPayer,
    /// The provider's key, registered for prescriptions.
    ProviderAsPrescriber,
    /// Another provider.
    OtherProvider,
    ProviderEnded,
    /// The provider's key that begins the day after the service.
    ProviderLater,
    /// Keys without a first or last day.
    PayerAlways,
    ProviderAlways,
}

impl Key {
    pub(super) fn signer(self) -> SigningKey {
        match self {
            Self::Payer | Self::PayerAsIssuer | Self::PayerElsewhere => key(1),
            Self::Provider | Self::ProviderAsPrescriber => key(2),
            other => key(other as u8 + 10),
        }
    }
}

pub(super) struct World {
    pub(super) public: ClaimPublic,
    pub(super) witness: Witness,
    registry: Registry,
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    let (acme, clinic) = (name("acme"), name("clinic"));
    let domain = name("acme-members").to_fr();
    let npi = Fr::from(1_234_567_893u64);
    let always = (Day(0), Day::OPEN);
    let keys = [
        (Key::Payer, Role::Payer, &acme, domain, (DAY, DAY)),
        (Key::Provider, Role::Provider, &clinic, npi, (DAY, DAY)),
        (Key::PayerAsIssuer, Role::RecordIssuer, &acme, domain, always),
        (
            Key::PayerElsewhere,
            Role::Payer,
            &acme,
            name("elsewhere").to_fr(),
            always,
        ),
        (
            Key::PayerEnded,
            Role::Payer,
            &acme,
            domain,
            (Day(0), Day(DAY.0 - 1)),
        ),
        (
            Key::PayerLater,
            Role::Payer,
            &acme,
            domain,
            (Day(DAY.0 + 1), Day::OPEN),
        ),
        (Key::OtherPayer, Role::Payer, &name("other-payer"), domain, always),
        (Key::ProviderAsPrescriber, Role::Prescriber, &clinic, npi, always),
        (
            Key::OtherProvider,
            Role::Provider,
            &name("other-clinic"),
            Fr::from(1_245_319_599u64),
            always,
        ),
        (
            Key::ProviderEnded,
            Role::Provider,
            &clinic,
            npi,
            (Day(0), Day(DAY.0 - 1)),
        ),
        (
            Key::ProviderLater,
            Role::Provider,
            &clinic,
            npi,
            (Day(DAY.0 + 1), Day::OPEN),
        ),
        (Key::PayerAlways, Role::Payer, &acme, domain, always),
        (Key::ProviderAlways, Role::Provider, &clinic, npi, always),
    ];
    for (at, role, party, scope, valid) in keys {
        assert_eq!(registry.add(&at.signer(), role, party, scope, valid), at as usize);
    }
    registry
}

impl World {
    /// A claim that holds, of a service that needs an authorisation.
    pub(super) fn new() -> Self {
        Self::with_row(true)
    }

    /// A claim that holds; `needed` says whether its row asks for an authorisation.
    pub(super) fn with_row(needed: bool) -> Self {
        Self::of(11, needed)
    }

    /// [`World::with_row`] of another holder, with other secrets and salts.
    pub(super) fn of(seed: u64, needed: bool) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let registry = registry();
        let (acme, domain) = (name("acme"), name("acme-members"));
        let (identity, _) = identity(&mut rng, &domain);
        let mut fresh = || Secret::generate(&mut rng).expose();
        let salts: [Fr; 8] = std::array::from_fn(|_| fresh());
        let (diagnosis, procedure) = (code("icd10cm|E11.9"), code("cpt|95250"));
        let row = |diagnosis: &str, procedure, needed| PairRow {
            diagnosis: CodeInterval::parse(diagnosis).unwrap(),
            procedure,
            fee: cents(1200),
            max_units: 2,
            prior_authorisation: needed,
        };
        let rows = [
            row("icd10cm|I10", code("cpt|93000"), false),
            row("icd10cm|E11.*", procedure, needed),
        ];
        let table = DenseTree::<TABLE_DEPTH>::new(rows.iter().map(PairRow::hash).collect()).unwrap();
        let [_, row] = rows;
        let plan = PlanWord {
            plan: "ppo-2026".parse().unwrap(),
            year: 2026,
            member: "M-100200".parse().unwrap(),
        };
        let coverage = Coverage {
            subject: identity.sk.subject(acme.to_fr()),
            payer: acme.clone(),
            plan,
            member_secret: salts[0],
            start: DAY,
            end: DAY,
        };
        let service = RenderedService {
            subject: identity.sk.subject(name("clinic").to_fr()),
            procedure,
            diagnosis,
            units: 2,
            charge: cents(3000),
            service: DAY,
            npi: Some("1234567893".parse().unwrap()),
            facility: Some(name("clinic-north")),
            source: salts[1],
            salt: salts[2],
        };
        let authorisation = PriorAuthorisation {
            subject: identity.sk.subject(acme.to_fr()),
            procedure,
            units: 2,
            start: DAY,
            end: DAY,
            payer: acme.clone(),
            source: salts[3],
            salt: salts[4],
        };
        let note = BenefitNote {
            owner: identity.owner(),
            plan: plan.digest(&acme),
            balances: Balances {
                deductible: 500,
                out_of_pocket: 850,
                annual: 1_550,
            },
            rho: salts[5],
            rcm: salts[6],
        };
        let signed = |at: Key, hash: Fr| (registry.accepted(at as usize).unwrap(), at.signer().sign(hash));
        let (payer, coverage_signature) = signed(Key::Payer, coverage.hash());
        let (provider, service_signature) = signed(Key::Provider, service.hash());
        let (_, authorisation_signature) = signed(Key::Payer, authorisation.hash());
        let witness = Witness {
            identity,
            note,
            note_path: lone_path(77).unwrap(),
            coverage: Signed {
                content: coverage,
                key: payer.clone(),
                signature: coverage_signature,
            },
            service: Signed {
                content: service,
                key: provider,
                signature: service_signature,
            },
            authorisation: match needed {
                true => Signed {
                    content: authorisation,
                    key: payer,
                    signature: authorisation_signature,
                },
                false => no_authorisation(),
            },
            rules: ClaimRules {
                payer: acme,
                plan: plan.plan,
                max_days: 365,
                coinsurance_bp: 2000,
                table_root: table.root(),
                version: Fr::from(5u64),
            },
            row,
            row_path: table.path(1).unwrap(),
            r: salts[7],
        };
        let public = witness.public(registry.root(), Day(DAY.0 + 365), Fr::from(1234u64));
        Self {
            public,
            witness,
            registry,
        }
    }

    /// Public inputs that belong to the witness as it is now, received on the same day.
    pub(super) fn refresh(&mut self) {
        let received = self.public.received;
        self.public = self
            .witness
            .public(self.public.registry_root, DAY, self.public.ctx);
        self.public.received = received;
    }

    pub(super) fn sign_coverage(&mut self, at: Key) {
        let signed = &mut self.witness.coverage;
        signed.signature = at.signer().sign(signed.content.hash());
        signed.key = self.registry.accepted(at as usize).unwrap();
    }

    pub(super) fn sign_service(&mut self, at: Key) {
        let signed = &mut self.witness.service;
        signed.signature = at.signer().sign(signed.content.hash());
        signed.key = self.registry.accepted(at as usize).unwrap();
    }

    pub(super) fn sign_authorisation(&mut self, at: Key) {
        let signed = &mut self.witness.authorisation;
        signed.signature = at.signer().sign(signed.content.hash());
        signed.key = self.registry.accepted(at as usize).unwrap();
    }

    /// A policy of one row.
    pub(super) fn set_row(&mut self, change: impl FnOnce(&mut PairRow)) {
        change(&mut self.witness.row);
        let table = DenseTree::<TABLE_DEPTH>::new(vec![self.witness.row.hash()]).unwrap();
        self.witness.rules.table_root = table.root();
        self.witness.row_path = table.path(0).unwrap();
    }

    pub(super) fn system(&self) -> System {
        System::prove(|cs| Claim::synthesise(cs, &self.public, &self.witness)).unwrap()
    }

    /// What relation and circuit say, which must be the same.
    pub(super) fn verdict(&self) -> Result<(), Refused> {
        let relation = Claim::relation(&self.public, &self.witness);
        assert_eq!(self.system().is_satisfied(), relation.is_ok(), "{relation:?}");
        relation
    }
}

/// A world with one change.
pub(super) fn changed(change: impl FnOnce(&mut World)) -> Result<(), Refused> {
    let mut world = World::new();
    change(&mut world);
    world.verdict()
}
