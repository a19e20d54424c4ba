//! A small world for tests: keys, parties, policies, and proofs under keys whose trapdoor is known.

pub(crate) mod child;
pub(crate) mod client;
pub(crate) mod directory;
pub(crate) mod timed;

use crate::{
    refusal::Refusal,
    state::{Effects, State},
    submission::Submission,
    table::MemoryBase,
};
use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ed25519_dalek::SigningKey;
use medproof_verifier::{
    CircuitName, Context, Day, Entry, Fr, KeyLeaf, Name, Proof, Role, Statement, VerifyingKey,
    context::bound,
    entry::{
        Burn, CircuitAction, CircuitChange, Close, Genesis, Governed, Open, Opening, PolicyAction,
        PolicyChange, PolicyPurpose, PolicyTerms, Post, RegistryAction, RegistryChange, Signed, Void,
    },
    statement::{ClaimPublic, DispensePublic, EligibilityPublic},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Mutex};

/// 2023-11-14T22:13:20Z.
pub(crate) const START: u64 = 1_700_000_000;
pub(crate) const HOUR: u64 = 3600;
pub(crate) const DAY: u64 = 86_400;

/// What a test of the campaign tried and how often: a line that `make test` shows at its end. The harness has begun one with
/// the test's name.
pub(crate) fn tried(what: &str) {
    println!("\ntried: {what}");
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn fr(n: u64) -> Fr {
    Fr::from(n)
}

/// The signing key of whoever has this name.
pub(crate) fn key_of(text: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(text).into())
}

fn governors() -> Vec<SigningKey> {
    let mut keys: Vec<_> = ["g0", "g1", "g2"].map(key_of).to_vec();
    keys.sort_by_key(|k| k.verifying_key().to_bytes());
    keys
}

pub(crate) fn genesis() -> Genesis {
    Genesis {
        nonce: [1; 32],
        origin: "ledger.example/test".into(),
        log_key: key_of("log").verifying_key(),
        development: true,
        time: START,
        reenrol_delay: DAY as u32,
        threshold: 2,
        governance: governors().iter().map(SigningKey::verifying_key).collect(),
        pinned: vec![],
    }
}

/// Discrete logarithms of a test key's points. Whoever knows them can make proofs of anything, which is
/// what tests of the ledger's own rules need. `salt` gives other keys of the same circuit.
struct Trapdoor {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    ic: Vec<Fr>,
}

fn trapdoor(circuit: CircuitName, salt: u64) -> Trapdoor {
    let base = 1000 * salt;
    Trapdoor {
        alpha: fr(base + 2),
        beta: fr(base + 3),
        gamma: fr(base + 5),
        delta: fr(base + 7),
        ic: (0..=Statement::names(circuit).len() as u64)
            .map(|i| fr(base + 11 + i))
            .collect(),
    }
}

fn g1(k: Fr) -> G1Affine {
    (G1Affine::generator() * k).into_affine()
}

fn g2(k: Fr) -> G2Affine {
    (G2Affine::generator() * k).into_affine()
}

pub(crate) fn verifying_key(circuit: CircuitName, salt: u64, development: bool) -> VerifyingKey {
    type Made = BTreeMap<(CircuitName, u64, bool), VerifyingKey>;
    // Making one takes as long as checking many proofs.
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    let make = || new_verifying_key(circuit, salt, development);
    made.entry((circuit, salt, development))
        .or_insert_with(make)
        .clone()
}

fn new_verifying_key(circuit: CircuitName, salt: u64, development: bool) -> VerifyingKey {
    let t = trapdoor(circuit, salt);
    let inner = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: g1(t.alpha),
        beta_g2: g2(t.beta),
        gamma_g2: g2(t.gamma),
        delta_g2: g2(t.delta),
        gamma_abc_g1: t.ic.into_iter().map(g1).collect(),
    };
    VerifyingKey::new(circuit, 1, development, inner).unwrap()
}

/// A proof of any inputs: A = a, B = b, C = (ab - alpha beta - gamma ic(x)) / delta.
pub(crate) fn proof(circuit: CircuitName, salt: u64, inputs: &[Fr]) -> Proof {
    let t = trapdoor(circuit, salt);
    let (a, b) = (fr(31 + salt), fr(37));
    let ic = t.ic[0] + t.ic[1..].iter().zip(inputs).map(|(k, x)| *k * x).sum::<Fr>();
    let c = (a * b - t.alpha * t.beta - t.gamma * ic) * t.delta.inverse().unwrap();
    Proof::new(ark_groth16::Proof {
        a: g1(a),
        b: g2(b),
        c: g1(c),
    })
    .unwrap()
}

/// Signs governance entries with two of three keys, in sequence.
pub(crate) struct Governance {
    pub(crate) ledger_id: [u8; 32],
    pub(crate) sequence: u64,
}

impl Governance {
    pub(crate) fn new(ledger_id: [u8; 32]) -> Self {
        Self {
            ledger_id,
            sequence: 0,
        }
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn sign<T: medproof_verifier::entry::Body>(&self, body: T) -> Governed<T> {
        let keys = governors();
        Governed::new(body, &self.ledger_id, &[(0, &keys[0]), (2, &keys[2])])
    }

    pub(crate) fn circuit(&mut self, action: CircuitAction) -> Entry {
        let body = CircuitChange {
            sequence: self.next(),
            action,
        };
        Entry::Circuit(self.sign(body))
    }

    pub(crate) fn registry(&mut self, index: u32, action: RegistryAction) -> Entry {
        let body = RegistryChange {
            sequence: self.next(),
            index,
            action,
        };
        Entry::Registry(self.sign(body))
    }

    pub(crate) fn put(&mut self, index: u32, role: Role, party: &str, scope: &str) -> Entry {
        self.registry(index, put_action(role, party, name(scope).to_fr()))
    }

    pub(crate) fn policy(&mut self, id: u64, domain: &str, purpose: PolicyPurpose) -> Entry {
        let action = PolicyAction::Accept(terms(id, domain, purpose));
        let body = PolicyChange {
            sequence: self.next(),
            action,
        };
        Entry::Policy(self.sign(body))
    }

    pub(crate) fn end_policy(&mut self, id: u64, valid_to: Day) -> Entry {
        let action = PolicyAction::End { id: fr(id), valid_to };
        let body = PolicyChange {
            sequence: self.next(),
            action,
        };
        Entry::Policy(self.sign(body))
    }

    /// Circuits, parties and policies that most tests need.
    pub(crate) fn setup(&mut self) -> Vec<Entry> {
        let accept = |c| CircuitAction::Accept(Box::new(verifying_key(c, 0, true)));
        let mut out: Vec<_> = CircuitName::ALL
            .into_iter()
            .map(|c| self.circuit(accept(c)))
            .collect();
        let parties = [
            (Role::EnrolmentAuthority, "authority", "us-ma"),
            (Role::EnrolmentAuthority, "authority-nh", "us-nh"),
            (Role::Pharmacy, "pharmacy-1", "us-ma"),
            (Role::Pharmacy, "pharmacy-2", "us-ma"),
            (Role::Pharmacy, "pharmacy-nh", "us-nh"),
            (Role::Prescriber, "dr-1", "us-ma"),
            (Role::Payer, "payer-a", "plan-a"),
            (Role::Payer, "payer-b", "plan-b"),
            (Role::InsurerGateway, "gateway-a", "plan-a"),
            (Role::Sponsor, "sponsor-1", "sponsor-1"),
            (Role::Sponsor, "sponsor-2", "sponsor-2"),
        ];
        out.extend(
            (0..)
                .zip(parties)
                .map(|(i, (role, party, scope))| self.put(i, role, party, scope)),
        );
        out.push(self.policy(100, "us-ma", PolicyPurpose::Dispense));
        out.push(self.policy(
            200,
            "us-ma",
            PolicyPurpose::Eligibility {
                sponsor: name("sponsor-1"),
            },
        ));
        out.push(self.policy(
            300,
            "plan-a",
            PolicyPurpose::Claim {
                payer: name("payer-a"),
                plan: 9,
            },
        ));
        out
    }
}

/// Some point of prime order.
pub(crate) fn signing_point() -> (Fr, Fr) {
    let point = ark_ec::twisted_edwards::Affine::<medproof_verifier::curve::BabyJubjub>::generator();
    (point.x, point.y)
}

pub(crate) fn put_action(role: Role, party: &str, scope: Fr) -> RegistryAction {
    let signs = matches!(
        role,
        Role::Prescriber | Role::Payer | Role::Provider | Role::RecordIssuer
    );
    let (ax, ay) = if signs { signing_point() } else { (fr(0), fr(0)) };
    RegistryAction::Put {
        leaf: KeyLeaf {
            ax,
            ay,
            role,
            party: name(party),
            scope,
            valid_from: Day::from_unix_seconds(START - 100 * DAY),
            valid_to: Day::OPEN,
        },
        posting_key: key_of(party).verifying_key(),
    }
}

pub(crate) fn terms(id: u64, domain: &str, purpose: PolicyPurpose) -> PolicyTerms {
    PolicyTerms {
        id: fr(id),
        name: name("policy"),
        version: name("1"),
        domain: name(domain),
        purpose,
        valid_from: Day::from_unix_seconds(START - 100 * DAY),
        valid_to: Day::from_unix_seconds(START + 100 * DAY),
        text_hash: [1; 32],
    }
}

/// Roots and day for the next statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) anchor: Fr,
    pub(crate) identity_root: Fr,
    pub(crate) registry_root: Fr,
    pub(crate) date: Fr,
}

/// A fill whose nullifiers and commitments follow from `n`.
pub(crate) fn dispense(now: &Now, n: u64) -> DispensePublic {
    DispensePublic {
        anchor: now.anchor,
        identity_root: now.identity_root,
        registry_root: now.registry_root,
        domain: name("us-ma").to_fr(),
        policy_id: fr(100),
        date: now.date,
        nf_note: fr(10_000 + n),
        cm_note: fr(20_000 + n),
        cm_undo: fr(30_000 + n),
        nf_fill: fr(40_000 + n),
        cm_dispense: fr(50_000 + n),
        ctx: fr(0),
    }
}

pub(crate) fn eligibility(now: &Now, n: u64) -> EligibilityPublic {
    EligibilityPublic {
        identity_root: now.identity_root,
        registry_root: now.registry_root,
        policy_id: fr(200),
        date: now.date,
        nf_trial: fr(60_000 + n),
        ctx: fr(0),
    }
}

pub(crate) fn claim(now: &Now, n: u64) -> ClaimPublic {
    ClaimPublic {
        anchor: now.anchor,
        identity_root: now.identity_root,
        registry_root: now.registry_root,
        domain: name("plan-a").to_fr(),
        policy_id: fr(300),
        received: now.date,
        nf_claim: fr(70_000 + n),
        nf_benefit: fr(80_000 + n),
        cm_benefit: fr(90_000 + n),
        cm_payable: fr(95_000 + n),
        ctx: fr(0),
    }
}

/// Proves, binds and signs a statement as `party`.
pub(crate) fn post(ledger_id: [u8; 32], statement: Statement, party: &str) -> Post {
    let circuit = match statement {
        Statement::Bind(_) => CircuitName::Bind,
        Statement::Dispense(_) => CircuitName::Dispense,
        Statement::Eligibility(_) => CircuitName::Eligibility,
        Statement::Claim(_) => CircuitName::Claim,
    };
    let context = Context {
        ledger_id,
        circuit_id: verifying_key(circuit, 0, true).circuit_id(),
        relying_party: name(party),
        challenge: bound([3; 32]),
        payload_hash: bound([4; 32]),
    };
    let ctx = context.to_fr();
    let statement = match statement {
        Statement::Bind(p) => Statement::Bind(medproof_verifier::statement::BindPublic { ctx, ..p }),
        Statement::Dispense(p) => Statement::Dispense(DispensePublic { ctx, ..p }),
        Statement::Eligibility(p) => Statement::Eligibility(EligibilityPublic { ctx, ..p }),
        Statement::Claim(p) => Statement::Claim(ClaimPublic { ctx, ..p }),
    };
    let proof = proof(circuit, 0, &statement.to_vec());
    Post::new(&statement, &context, proof, &key_of(party))
}

pub(crate) fn open(ledger_id: [u8; 32], sequence: u64, party: &str, domain: &str, what: Opening) -> Entry {
    let body = Open {
        sequence,
        party: name(party),
        domain: name(domain),
        what,
    };
    Entry::Open(Signed::new(body, &ledger_id, &key_of(party)))
}

pub(crate) fn account(index: u32, id: u64) -> Opening {
    Opening::Account {
        index,
        id: fr(id),
        note: fr(1_000_000 + id),
    }
}

/// A ledger in memory with the usual parties; every entry is a batch of its own.
pub(crate) struct World {
    pub(crate) state: State<MemoryBase>,
    pub(crate) governance: Governance,
    pub(crate) time: u64,
    sequence: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self::bare(genesis());
        for entry in world.governance.setup() {
            world.submit(&entry).unwrap();
        }
        world
    }

    pub(crate) fn bare(genesis: Genesis) -> Self {
        let governance = Governance::new(genesis.ledger_id());
        let (mut state, _) = State::create(MemoryBase::default(), genesis).unwrap();
        state.commit().unwrap();
        Self {
            state,
            governance,
            time: START,
            sequence: 0,
        }
    }

    pub(crate) fn id(&self) -> [u8; 32] {
        self.governance.ledger_id
    }

    /// Judges an entry; an accepted one is sealed and committed.
    pub(crate) fn submit(&mut self, entry: &Entry) -> Result<Effects, Refusal> {
        let before = self.state.head().clone();
        let submission = Submission::check(&entry.to_bytes(), self.state.rules())?;
        let effects = self.state.apply(&submission, self.time).inspect_err(|_| {
            assert_eq!(*self.state.head(), before, "a refused entry changes nothing");
        })?;
        self.state.seal(self.time).unwrap();
        self.state.commit().unwrap();
        Ok(effects)
    }

    /// Takes the ledger up from its tables alone.
    pub(crate) fn reopen(&mut self) {
        let (empty, _) = State::create(MemoryBase::default(), genesis()).unwrap();
        let base = std::mem::replace(&mut self.state, empty).into_base();
        self.state = State::open(base).unwrap().unwrap();
    }

    /// Seals a batch `seconds` later that changes no tree.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.time += seconds;
        let sponsor = name("sponsor-1");
        let id = 1_000 + self.governance.sequence;
        let policy = self
            .governance
            .policy(id, "us-ma", PolicyPurpose::Eligibility { sponsor });
        self.submit(&policy).unwrap();
    }

    pub(crate) fn now(&self) -> Now {
        let head = self.state.head();
        Now {
            anchor: head.commitment_root,
            identity_root: head.identity_root,
            registry_root: head.registry_root,
            date: fr(Day::from_unix_seconds(self.time).0.into()),
        }
    }

    pub(crate) fn post(&mut self, statement: Statement, party: &str) -> Result<Effects, Refusal> {
        let post = post(self.id(), statement, party);
        self.submit(&Entry::Statement(Box::new(post)))
    }

    /// A fill at pharmacy-1, changed by `change`.
    pub(crate) fn fill(
        &mut self,
        n: u64,
        change: impl FnOnce(&mut DispensePublic),
    ) -> Result<Effects, Refusal> {
        let mut public = dispense(&self.now(), n);
        change(&mut public);
        self.post(Statement::Dispense(public), "pharmacy-1")
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn open(&mut self, party: &str, domain: &str, what: Opening) -> Result<Effects, Refusal> {
        let sequence = self.next();
        self.submit(&open(self.id(), sequence, party, domain, what))
    }

    pub(crate) fn close(&mut self, party: &str, domain: &str, index: u32) -> Result<Effects, Refusal> {
        let body = Close {
            sequence: self.next(),
            party: name(party),
            domain: name(domain),
            index,
        };
        self.submit(&Entry::Close(Signed::new(body, &self.id(), &key_of(party))))
    }

    pub(crate) fn void(&mut self, party: &str, dispense: u64) -> Result<Effects, Refusal> {
        let body = Void {
            sequence: self.next(),
            party: name(party),
            dispense,
        };
        self.submit(&Entry::Void(Signed::new(body, &self.id(), &key_of(party))))
    }

    pub(crate) fn burn(&mut self, party: &str, fill_keys: Vec<Fr>) -> Result<Effects, Refusal> {
        let body = Burn {
            sequence: self.next(),
            party: name(party),
            fill_keys,
        };
        self.submit(&Entry::Burn(Signed::new(body, &self.id(), &key_of(party))))
    }
}
