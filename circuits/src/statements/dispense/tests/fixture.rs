//! A world that tests may bend before it is signed and committed to.

use super::super::*;
use crate::scenario::world::{self, Registry, lone_path};
use crate::tamper::System;
use medproof_records::policy::dispensing::{DispensingPolicy, compile};
use medproof_records::signing::SigningKey;
use medproof_verifier::{Name, Role};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(super) const TABLE: &str = "rxcui,class,ingredient_rxcui,micro_mme_per_unit
1049683,opioid,7804,15000000
1049999,opioid,4337,18446744073709551615
238129,opioid,1819,0
314076,other,314076,0
197321,benzodiazepine,596,0
197322,stimulant,597,1000000
863850,opioid,5640,1
";

pub(super) const POLICY: &str = r#"
schema = "medproof/dispensing/1"
id = "test-policy"
version = "1"
domain = "us-ma"
[drug_table]
file = "drugs.csv"
unknown_code = "unprovable"
[history]
not_counted = []
[[class]]
name = "opioid"
mme_per_day = { op = "<=", value = "90" }
quantity = { window_days = 30, max = "120" }
fills = { window_days = 30, max = 3 }
first_fill = { lookback_days = 60, max_days = 20 }
refill = { used_percent_min = 75 }
[class.exempt]
conditions = ["icd10cm|G89.3", "icd10cm|D57.*"]
[[class]]
name = "stimulant"
"#;

pub(super) fn policy(text: &str, table: &str) -> DispensingPolicy {
    compile(text, &mut |_| Ok(table.as_bytes().to_vec())).unwrap()
}

/// Everything that is signed, registered or committed to, before it is.
pub(super) struct Parts {
    pub(super) date: Day,
    pub(super) policy: DispensingPolicy,
    pub(super) ring: Ring,
    pub(super) rx: Prescription,
    /// Whose pseudonym the prescription names; the holder's when `None`.
    pub(super) subject: Option<Fr>,
    /// Whom the prescription names; the holder when `None`.
    pub(super) person: Option<Fr>,
    pub(super) role: Role,
    pub(super) scope: Fr,
    pub(super) valid: (Day, Day),
    pub(super) fill_no: u8,
    pub(super) q: u32,
    pub(super) d: u16,
    pub(super) slot: usize,
    pub(super) exemption: usize,
    /// The code whose table leaf is opened.
    pub(super) opened: Code,
    /// The row that is opened, and where.
    pub(super) row: ClassRow,
    pub(super) row_at: u8,
    /// What the prescriber signs.
    pub(super) message: fn(&Prescription) -> Fr,
    /// The prescriber's name on a second leaf for the same key, which is the one that is opened.
    pub(super) second_leaf: Option<Name>,
}

impl Parts {
    fn new() -> Self {
        let policy = policy(POLICY, TABLE);
        let date = Day(46_000);
        let drug = Code::parse("rxnorm|1049683").unwrap();
        Self {
            date,
            ring: Ring::empty(),
            rx: Prescription {
                subject: Fr::from(0u64),
                person: Fr::from(0u64),
                drug,
                quantity: 30_000,
                days: 12,
                fills: 2,
                issued: date,
                earliest: date,
                expires: Day(date.0 + 30),
                rx_secret: Fr::from(77u64),
                exemption: Code::NONE,
            },
            subject: None,
            person: None,
            role: Role::Prescriber,
            scope: policy.domain().to_fr(),
            valid: (Day(40_000), Day::OPEN),
            fill_no: 0,
            q: 30_000,
            d: 12,
            slot: 0,
            exemption: 0,
            opened: drug,
            row: policy.row(1).unwrap().clone(),
            row_at: 1,
            message: Prescription::message,
            second_leaf: None,
            policy,
        }
    }

    /// Prescribes another drug, opening its own leaf and row.
    pub(super) fn drug(&mut self, rxcui: &str) {
        let code = Code::parse(&format!("rxnorm|{rxcui}")).unwrap();
        (self.rx.drug, self.opened) = (code, code);
        let class = self.policy.drug(code).unwrap().0.class;
        self.row = self.policy.row(class).cloned().unwrap_or_else(no_row);
        self.row_at = class;
    }

    /// Takes another policy.
    pub(super) fn policy(&mut self, policy: DispensingPolicy) {
        self.policy = policy;
        self.drug("1049683");
    }

    /// Names a condition, and points at an interval.
    pub(super) fn exempt(&mut self, code: &str, at: usize) {
        self.rx.exemption = Code::parse(code).unwrap();
        self.exemption = at;
    }

    /// 32 entries of another ingredient that start on `start`, without MME.
    pub(super) fn fill_ring(&mut self, start: u16) {
        self.ring = Ring::from_entries(&[self.entry(start); 32]).unwrap();
    }

    /// An entry of the opioid class that adds to no limit in the fixture but fills and quantity.
    pub(super) fn entry(&self, start: u16) -> RingEntry {
        RingEntry {
            start: Day(start),
            days: 60,
            class: 2,
            ingredient: 596,
            milli_mme: 0,
            quantity: 1_000,
        }
    }

    /// Adds an opioid entry of the given age in days.
    pub(super) fn opioid(&mut self, age: u16, change: impl FnOnce(&mut RingEntry)) {
        let slot = self.ring.free_slot(Day(0)).unwrap();
        let mut entry = RingEntry {
            class: 1,
            ingredient: 5489,
            milli_mme: 1_000,
            quantity: 1_000,
            days: 1,
            ..self.entry(self.date.0 - age)
        };
        change(&mut entry);
        self.ring.entries[slot] = entry;
        self.slot = slot + 1;
    }
}

/// The statement about the changed parts; the public inputs are what the prover would claim.
pub(super) fn build(seed: u64, change: &dyn Fn(&mut Parts)) -> (DispensePublic, Witness) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut parts = Parts::new();
    change(&mut parts);
    let domain = parts.policy.domain();
    let (identity, _) = world::identity(&mut rng, domain);
    let party: Name = "dr-lee".parse().unwrap();
    let key = SigningKey::generate(&mut rng);
    let mut registry = Registry::default();
    let _ = registry.add(
        &SigningKey::generate(&mut rng),
        Role::Payer,
        &party,
        parts.scope,
        parts.valid,
    );
    let mut at = registry.add(&key, parts.role, &party, parts.scope, parts.valid);
    if let Some(second) = &parts.second_leaf {
        at = registry.add(&key, parts.role, second, parts.scope, parts.valid);
    }
    let own = identity.sk.subject(party.to_fr());
    parts.rx.subject = parts.subject.unwrap_or(own);
    parts.rx.person = parts.person.unwrap_or(identity.person);
    let found = parts.policy.table().lookup(parts.opened);
    let note = Note {
        owner: identity.owner(),
        ring: parts.ring,
        seq: 41,
        rho: Fr::from(rng.r#gen::<u64>()),
        rcm: Fr::from(rng.r#gen::<u64>()),
    };
    let witness = Witness {
        note,
        note_path: lone_path(rng.r#gen::<u32>().into()).unwrap(),
        signature: key.sign((parts.message)(&parts.rx)),
        prescription: parts.rx,
        prescriber: registry.accepted(at).unwrap(),
        policy: OpenedPolicy {
            rules: parts.policy.rules(),
            table_root: parts.policy.table().root(),
            version: parts.policy.version_fr(),
            drug: found.leaf,
            drug_path: found.path,
            row: parts.row,
            row_path: parts.policy.row_path(parts.row_at).unwrap(),
        },
        fill_no: parts.fill_no,
        q: parts.q,
        d: parts.d,
        slot: parts.slot,
        exemption: parts.exemption,
        r: Fr::from(rng.r#gen::<u64>()),
        identity,
    };
    let public = witness.public(registry.root(), parts.date, Fr::from(seed));
    (public, witness)
}

pub(super) fn system(public: &DispensePublic, witness: &Witness) -> System {
    System::prove(|cs| Dispense::synthesise(cs, public, witness)).unwrap()
}

/// Relation and circuit must give the same verdict.
#[track_caller]
pub(super) fn agree(public: &DispensePublic, witness: &Witness, expected: Result<(), Refused>) {
    assert_eq!(Dispense::relation(public, witness), expected);
    let satisfied = system(public, witness).is_satisfied();
    assert_eq!(satisfied, expected.is_ok(), "the circuit differs: {expected:?}");
}
