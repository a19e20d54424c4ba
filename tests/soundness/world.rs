//! A ledger in memory with real holders, prescribers, policies and notes around it. Its three trees are computed
//! again in full after every entry (L6).

use crate::ideal;
use ark_bn254::Fr;
use ed25519_dalek::SigningKey as PostingKey;
use medproof_circuits::{
    gadgets::registry::AcceptedKey,
    statement::Circuit,
    statements::dispense::{self, Dispense, OpenedPolicy, no_row},
};
use medproof_ledger::{Effects, Refusal, State, Submission, table::MemoryBase};
use medproof_records::{
    claim::benefit_leaf,
    code::Code,
    dispensing::{Note, Prescription, Ring, account_leaf},
    identity::{self, Identity, Secret},
    policy::dispensing::{DispensingPolicy, compile},
    signing::SigningKey,
};
use medproof_verifier::{
    CircuitName, Context, Day, Entry, KeyLeaf, Name, Proof, Public, Role, Statement,
    context::bound,
    entry::{
        Body, Burn, CircuitAction, CircuitChange, Close, Genesis, Governed, Open, Opening, PolicyAction,
        PolicyChange, PolicyPurpose, PolicyTerms, Post, RegistryAction, RegistryChange, Signed, Void,
    },
    statement::{ClaimPublic, DispensePublic},
    tree::{COMMITMENT_DEPTH, DenseTree, IDENTITY_DEPTH, REGISTRY_DEPTH},
};
use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// 2026-03-02, 10:00 UTC.
pub(crate) const START: u64 = 1_772_445_600;
pub(crate) const MINUTE: u64 = 60;
pub(crate) const DAY: u64 = 86_400;

/// Hydrocodone, 10 MME a unit, and a drug without limits.
pub(crate) const OPIOID: &str = "rxnorm|856999";
pub(crate) const OTHER: &str = "rxnorm|314076";

const TABLE: &str = "rxcui,class,ingredient_rxcui,micro_mme_per_unit
856999,opioid,5489,10000000
314076,other,314076,0
";

const POLICY: &str = r#"
schema = "medproof/dispensing/1"
id = "opioids"
version = "1"
domain = "us-ma"
[drug_table]
file = "drugs"
unknown_code = "unprovable"
[history]
not_counted = []
[[class]]
name = "opioid"
mme_per_day = { op = "<=", value = "90" }
refill = { used_percent_min = 75 }
"#;

/// The domain's policy, or a like one after `change`.
pub(crate) fn policy(change: impl Fn(&str) -> String) -> DispensingPolicy {
    compile(&change(POLICY), &mut |_| Ok(TABLE.as_bytes().to_vec())).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn seed(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The key with which the party of this name posts.
pub(crate) fn posting(party: &str) -> PostingKey {
    PostingKey::from_bytes(&seed(party))
}

/// The key with which it signs prescriptions and records.
pub(crate) fn signing(party: &str) -> SigningKey {
    SigningKey::from_seed(&seed(party))
}

/// What stopped an attack.
#[derive(Debug)]
pub(crate) enum Stopped<R> {
    /// There is no proof: this clause does not hold.
    Circuit(R),
    /// There is a proof, and the ledger does not take it.
    Ledger(Refusal),
}

/// Asserts what stopped an attack.
macro_rules! stopped {
    ($result:expr, $pattern:pat) => {{
        let result = $result;
        assert!(matches!(result, Err($pattern)), "{result:?}");
    }};
}
pub(crate) use stopped;

/// A holder with an identity and an account.
pub(crate) struct Patient {
    pub(crate) sk: Secret,
    pub(crate) domain: Name,
    pub(crate) index: u32,
    pub(crate) person: Fr,
    pub(crate) ts: Secret,
    pub(crate) note: Note,
    pub(crate) position: u64,
}

impl Patient {
    pub(crate) fn owner(&self) -> Fr {
        let id = identity::id(self.sk.pk(), self.person, self.ts.expose());
        identity::owner(self.domain.to_fr(), id)
    }

    /// The same holder with another note.
    pub(crate) fn with_note(&self, note: Note, position: u64) -> Self {
        Self {
            sk: self.sk.duplicate(),
            domain: self.domain.clone(),
            index: self.index,
            person: self.person,
            ts: self.ts.duplicate(),
            note,
            position,
        }
    }

    /// After an accepted fill: the note with the entry, and the one that a void would bring to life.
    pub(crate) fn after(&self, fill: &Fill, position: u64) -> (Self, Note) {
        let next = fill.witness.next_note(fill.date).unwrap();
        (self.with_note(next, position), fill.witness.undo_note())
    }
}

/// A prescription with its signer.
pub(crate) struct Rx {
    pub(crate) content: Prescription,
    pub(crate) prescriber: &'static str,
}

/// A fill, put together but not proven.
pub(crate) struct Fill {
    pub(crate) public: DispensePublic,
    pub(crate) witness: dispense::Witness,
    pub(crate) date: Day,
}

pub(crate) struct World {
    state: State<MemoryBase>,
    pub(crate) time: u64,
    pub(crate) rng: StdRng,
    sequence: u64,
    governed: u64,
    commitments: Vec<Fr>,
    identities: BTreeMap<u32, Fr>,
    registry: BTreeMap<u32, KeyLeaf>,
    dispensed: BTreeMap<u64, DispensePublic>,
}

impl World {
    /// A ledger with parties in two domains and at a payer.
    pub(crate) fn new() -> Self {
        let genesis = Genesis {
            nonce: [1; 32],
            origin: "ledger.example/soundness".into(),
            log_key: posting("log").verifying_key(),
            development: true,
            time: START,
            reenrol_delay: DAY as u32,
            threshold: 1,
            governance: vec![posting("governance").verifying_key()],
            pinned: vec![],
        };
        let (mut state, _) = State::create(MemoryBase::default(), genesis).unwrap();
        state.commit().unwrap();
        let mut world = Self {
            state,
            time: START,
            rng: StdRng::seed_from_u64(1),
            sequence: 0,
            governed: 0,
            commitments: vec![],
            identities: BTreeMap::new(),
            registry: BTreeMap::new(),
            dispensed: BTreeMap::new(),
        };
        for circuit in [CircuitName::Dispense, CircuitName::Eligibility] {
            let key = Box::new(ideal::verifying_key(circuit));
            world.circuit(CircuitAction::Accept(key)).unwrap();
        }
        for (role, party, scope) in [
            (Role::EnrolmentAuthority, "authority", "us-ma"),
            (Role::EnrolmentAuthority, "authority-nh", "us-nh"),
            (Role::Pharmacy, "pharmacy-1", "us-ma"),
            (Role::Pharmacy, "pharmacy-2", "us-ma"),
            (Role::Pharmacy, "pharmacy-nh", "us-nh"),
            (Role::Pharmacy, "pharmacy-plan", "plan-a"),
            (Role::Prescriber, "dr-1", "us-ma"),
            (Role::Prescriber, "dr-2", "us-ma"),
            (Role::Prescriber, "dr-nh", "us-nh"),
            (Role::Prescriber, "dr-plan", "plan-a"),
            (Role::Payer, "payer-a", "plan-a"),
            (Role::Sponsor, "sponsor-a", "sponsor-a"),
            (Role::Sponsor, "sponsor-b", "sponsor-b"),
            (Role::RecordIssuer, "hospital", "us-ma"),
        ] {
            world.register(role, party, scope).unwrap();
        }
        for domain in ["us-ma", "us-nh", "plan-a"] {
            let policy = policy(|text| text.replace("us-ma", domain));
            world.accept(&policy).unwrap();
        }
        world
    }

    pub(crate) fn id(&self) -> [u8; 32] {
        *self.state.rules().ledger_id()
    }

    pub(crate) fn today(&self) -> Day {
        Day::from_unix_seconds(self.time)
    }

    /// Judges an entry, seals and commits it, and computes every root again.
    pub(crate) fn submit(&mut self, entry: &Entry) -> Result<Effects, Refusal> {
        let before = self.state.head().clone();
        let submission = Submission::check(&entry.to_bytes(), self.state.rules())?;
        if let Some(known) = self.state.find(&submission).unwrap() {
            return Ok(known);
        }
        let effects = self
            .state
            .apply(&submission, self.time)
            .inspect_err(|_| assert_eq!(*self.state.head(), before, "a refused entry changes nothing"))?;
        self.state.seal(self.time).unwrap();
        self.state.commit().unwrap();
        self.follow(entry, effects.index);
        let head = self.state.head();
        assert_eq!(head.commitment_root, self.commitment_tree().root());
        assert_eq!(head.identity_root, self.identity_tree().root());
        assert_eq!(head.registry_root, self.registry_tree().root());
        Ok(effects)
    }

    /// What the entry does to the trees, by the specification.
    fn follow(&mut self, entry: &Entry, index: u64) {
        match entry {
            Entry::Open(e) => {
                let domain = e.body.domain.to_fr();
                match e.body.what {
                    Opening::Account { index, id, note } => {
                        self.identities.insert(index, identity::owner(domain, id));
                        self.commitments.push(account_leaf(domain, note));
                    }
                    Opening::Member { index, id } => {
                        self.identities.insert(index, identity::owner(domain, id));
                    }
                    Opening::Benefit { note } => self.commitments.push(benefit_leaf(domain, note)),
                }
            }
            Entry::Close(e) => {
                self.identities.insert(e.body.index, Fr::from(0u64));
            }
            Entry::Statement(post) if post.inputs.len() == DispensePublic::NAMES.len() => {
                let public = DispensePublic::from_slice(&post.inputs).unwrap();
                self.commitments.push(account_leaf(public.domain, public.cm_note));
                self.dispensed.insert(index, public);
            }
            Entry::Statement(post) if post.inputs.len() == ClaimPublic::NAMES.len() => {
                let public = ClaimPublic::from_slice(&post.inputs).unwrap();
                self.commitments
                    .push(benefit_leaf(public.domain, public.cm_benefit));
            }
            Entry::Void(e) => {
                let public = self.dispensed[&e.body.dispense];
                self.commitments.push(account_leaf(public.domain, public.cm_undo));
            }
            Entry::Registry(e) => {
                let index = e.body.index;
                match &e.body.action {
                    RegistryAction::Put { leaf, .. } => {
                        self.registry.insert(index, leaf.clone());
                    }
                    RegistryAction::End { valid_to } => {
                        self.registry.get_mut(&index).unwrap().valid_to = *valid_to;
                    }
                    RegistryAction::Zero => {
                        self.registry.remove(&index);
                    }
                }
            }
            _ => {}
        }
    }

    /// Every leaf of the commitment tree.
    pub(crate) fn commitments(&self) -> &[Fr] {
        &self.commitments
    }

    pub(crate) fn commitment_tree(&self) -> DenseTree<COMMITMENT_DEPTH> {
        DenseTree::new(self.commitments.clone()).unwrap()
    }

    pub(crate) fn identity_tree(&self) -> DenseTree<IDENTITY_DEPTH> {
        let last = self.identities.keys().last().map_or(0, |last| last + 1);
        let leaf = |i| self.identities.get(&i).copied().unwrap_or_default();
        DenseTree::new((0..last).map(leaf).collect()).unwrap()
    }

    fn registry_tree(&self) -> DenseTree<REGISTRY_DEPTH> {
        let last = self.registry.keys().last().map_or(0, |last| last + 1);
        let leaf = |i| self.registry.get(&i).map(KeyLeaf::hash).unwrap_or_default();
        DenseTree::new((0..last).map(leaf).collect()).unwrap()
    }

    // Governance.

    fn govern<T: Body>(
        &mut self,
        body: impl FnOnce(u64) -> T,
        entry: fn(Governed<T>) -> Entry,
    ) -> Result<Effects, Refusal> {
        let body = body(self.governed + 1);
        let signed = Governed::new(body, &self.id(), &[(0, &posting("governance"))]);
        let effects = self.submit(&entry(signed))?;
        self.governed += 1;
        Ok(effects)
    }

    pub(crate) fn circuit(&mut self, action: CircuitAction) -> Result<Effects, Refusal> {
        self.govern(|sequence| CircuitChange { sequence, action }, Entry::Circuit)
    }

    pub(crate) fn registry(&mut self, index: u32, action: RegistryAction) -> Result<Effects, Refusal> {
        let body = |sequence| RegistryChange {
            sequence,
            index,
            action,
        };
        self.govern(body, Entry::Registry)
    }

    pub(crate) fn policy(&mut self, action: PolicyAction) -> Result<Effects, Refusal> {
        self.govern(|sequence| PolicyChange { sequence, action }, Entry::Policy)
    }

    /// Puts the party's key into the next leaf.
    pub(crate) fn register(&mut self, role: Role, party: &str, scope: &str) -> Result<Effects, Refusal> {
        let signs = matches!(role, Role::Prescriber | Role::Payer | Role::RecordIssuer);
        let key = signing(party).public_key();
        let zero = Fr::from(0u64);
        let leaf = KeyLeaf {
            ax: if signs { key.x } else { zero },
            ay: if signs { key.y } else { zero },
            role,
            party: name(party),
            scope: name(scope).to_fr(),
            valid_from: Day(0),
            valid_to: Day::OPEN,
        };
        let index = self.registry.keys().last().map_or(0, |last| last + 1);
        let posting_key = posting(party).verifying_key();
        self.registry(index, RegistryAction::Put { leaf, posting_key })
    }

    /// The leaf of a party.
    pub(crate) fn leaf_of(&self, party: &str) -> u32 {
        let found = self.registry.iter().find(|(_, leaf)| leaf.party == name(party));
        *found.unwrap().0
    }

    /// Accepts a dispensing policy for a year.
    pub(crate) fn accept(&mut self, policy: &DispensingPolicy) -> Result<Effects, Refusal> {
        let from = self.today();
        self.policy(PolicyAction::Accept(PolicyTerms {
            id: policy.policy_id(),
            name: policy.name().clone(),
            version: name(policy.version()),
            domain: policy.domain().clone(),
            purpose: PolicyPurpose::Dispense,
            valid_from: from,
            valid_to: Day(from.0 + 365),
            text_hash: [0; 32],
        }))
    }

    // Parties.

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn open(&mut self, party: &str, domain: &str, what: Opening) -> Result<Effects, Refusal> {
        let body = Open {
            sequence: self.next(),
            party: name(party),
            domain: name(domain),
            what,
        };
        self.submit(&Entry::Open(Signed::new(body, &self.id(), &posting(party))))
    }

    pub(crate) fn close(&mut self, party: &str, domain: &str, index: u32) -> Result<Effects, Refusal> {
        let body = Close {
            sequence: self.next(),
            party: name(party),
            domain: name(domain),
            index,
        };
        self.submit(&Entry::Close(Signed::new(body, &self.id(), &posting(party))))
    }

    pub(crate) fn void(&mut self, party: &str, dispense: u64) -> Result<Effects, Refusal> {
        let body = Void {
            sequence: self.next(),
            party: name(party),
            dispense,
        };
        self.submit(&Entry::Void(Signed::new(body, &self.id(), &posting(party))))
    }

    pub(crate) fn burn(&mut self, party: &str, mut fill_keys: Vec<Fr>) -> Result<Effects, Refusal> {
        fill_keys.sort();
        let body = Burn {
            sequence: self.next(),
            party: name(party),
            fill_keys,
        };
        self.submit(&Entry::Burn(Signed::new(body, &self.id(), &posting(party))))
    }

    /// A secret that nobody else has.
    pub(crate) fn fresh(&mut self) -> Secret {
        Secret::generate(&mut self.rng)
    }

    /// Enrols a holder with a fresh identity and an empty account; `ts` is the authority's for the person.
    pub(crate) fn enrol(
        &mut self,
        (party, domain): (&str, &str),
        index: u32,
        sk: &Secret,
        ts: &Secret,
    ) -> Result<Patient, Refusal> {
        let person = identity::person(Fr::from(1970u64), self.fresh().expose());
        let id = identity::id(sk.pk(), person, ts.expose());
        let note = Note {
            owner: identity::owner(name(domain).to_fr(), id),
            ring: Ring::empty(),
            seq: 0,
            rho: self.fresh().expose(),
            rcm: self.fresh().expose(),
        };
        let what = Opening::Account {
            index,
            id,
            note: note.commitment(),
        };
        let position = self.open(party, domain, what)?.commitment_index.unwrap();
        Ok(Patient {
            sk: sk.duplicate(),
            domain: name(domain),
            index,
            person,
            ts: ts.duplicate(),
            note,
            position,
        })
    }

    /// A new holder in us-ma.
    pub(crate) fn patient(&mut self, index: u32) -> Patient {
        let (sk, ts) = (self.fresh(), self.fresh());
        self.enrol(("authority", "us-ma"), index, &sk, &ts).unwrap()
    }

    /// 20 units for 5 days with three fills, signed by the prescriber for the patient's pseudonym.
    pub(crate) fn prescribe(&mut self, prescriber: &'static str, patient: &Patient, drug: &str) -> Rx {
        let today = self.today();
        Rx {
            content: Prescription {
                subject: patient.sk.subject(name(prescriber).to_fr()),
                person: patient.person,
                drug: Code::parse(drug).unwrap(),
                quantity: 20_000,
                days: 5,
                fills: 3,
                issued: today,
                earliest: today,
                expires: Day(today.0 + 90),
                rx_secret: self.fresh().expose(),
                exemption: Code::NONE,
            },
            prescriber,
        }
    }

    /// The path of a registered key; of nobody's leaf once it is zeroed.
    pub(crate) fn key(&self, index: u32, leaf: KeyLeaf) -> AcceptedKey {
        let path = self.registry_tree().path(index.into()).unwrap();
        AcceptedKey { leaf, path }
    }

    pub(crate) fn leaf(&self, index: u32) -> Option<KeyLeaf> {
        self.registry.get(&index).cloned()
    }

    pub(crate) fn identity(&self, patient: &Patient) -> Identity {
        Identity {
            sk: patient.sk.duplicate(),
            person: patient.person,
            ts: patient.ts.duplicate(),
            domain: patient.domain.to_fr(),
            path: self.identity_tree().path(patient.index.into()).unwrap(),
        }
    }

    /// A fill against the ledger's present roots; what the roots do not hold is claimed all the same.
    pub(crate) fn fill(&self, patient: &Patient, rx: &Rx, fill_no: u8) -> Fill {
        let policy = policy(|text| text.replace("us-ma", patient.domain.as_str()));
        self.fill_under(&policy, patient, rx, fill_no)
    }

    /// [`World::fill`] under some policy.
    pub(crate) fn fill_under(
        &self,
        policy: &DispensingPolicy,
        patient: &Patient,
        rx: &Rx,
        fill_no: u8,
    ) -> Fill {
        let index = self.leaf_of(rx.prescriber);
        let key = self.key(index, self.leaf(index).unwrap());
        self.fill_with_key(policy, patient, rx, fill_no, key)
    }

    /// [`World::fill_under`] with this key of the prescriber.
    pub(crate) fn fill_with_key(
        &self,
        policy: &DispensingPolicy,
        patient: &Patient,
        rx: &Rx,
        fill_no: u8,
        prescriber: AcceptedKey,
    ) -> Fill {
        let date = self.today();
        let drug = rx.content.drug;
        let (class, found) = (policy.drug(drug).unwrap().0.class, policy.table().lookup(drug));
        let note = patient.note.duplicate();
        let witness = dispense::Witness {
            identity: self.identity(patient),
            slot: note.ring.free_slot(date).unwrap(),
            note,
            note_path: self.commitment_tree().path(patient.position).unwrap(),
            prescription: rx.content.duplicate(),
            signature: signing(rx.prescriber).sign(rx.content.message()),
            prescriber,
            policy: OpenedPolicy {
                rules: policy.rules(),
                table_root: policy.table().root(),
                version: policy.version_fr(),
                drug: found.leaf,
                drug_path: found.path,
                row: policy.row(class).cloned().unwrap_or_else(no_row),
                row_path: policy.row_path(class).unwrap(),
            },
            fill_no,
            q: rx.content.quantity,
            d: rx.content.days,
            exemption: 0,
            r: Fr::from(5u64),
        };
        let head = self.state.head();
        let mut public = witness.public(head.registry_root, date, Fr::from(0u64));
        // Whatever the paths lead to, the ledger takes its own roots only.
        public.anchor = head.commitment_root;
        public.identity_root = head.identity_root;
        Fill {
            public,
            witness,
            date,
        }
    }

    // Posts.

    fn context(&self, circuit: CircuitName, party: &str) -> Context {
        Context {
            ledger_id: self.id(),
            circuit_id: ideal::verifying_key(circuit).circuit_id(),
            relying_party: name(party),
            challenge: challenge(3),
            payload_hash: [0; 32],
        }
    }

    /// A post as an honest gateway makes it, from a proof that it has checked.
    pub(crate) fn post<C: Circuit>(
        &self,
        party: &str,
        public: &C::Public,
        proof: impl FnOnce(&C::Public) -> Result<Proof, C::Refused>,
    ) -> Result<Entry, Stopped<C::Refused>> {
        let context = self.context(C::NAME, party);
        let mut inputs = public.to_vec();
        // `ctx` is the last input of every statement.
        *inputs.last_mut().unwrap() = context.to_fr();
        let public = C::Public::from_slice(&inputs).unwrap();
        let proof = proof(&public).map_err(Stopped::Circuit)?;
        let statement = Statement::from_slice(C::NAME, &inputs).unwrap();
        Ok(Entry::Statement(Box::new(Post::new(
            &statement,
            &context,
            proof,
            &posting(party),
        ))))
    }

    /// Proves a fill, if it can be proven, and has the pharmacy post it.
    pub(crate) fn dispense(
        &mut self,
        pharmacy: &str,
        fill: &Fill,
    ) -> Result<Effects, Stopped<dispense::Refused>> {
        let prove = |public: &DispensePublic| ideal::prove::<Dispense>(public, &fill.witness);
        let entry = self.post::<Dispense>(pharmacy, &fill.public, prove)?;
        self.submit(&entry).map_err(Stopped::Ledger)
    }
}

/// A challenge.
pub(crate) fn challenge(byte: u8) -> [u8; 32] {
    bound([byte; 32])
}
