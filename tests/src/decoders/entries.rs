//! Entries of a small ledger whose keys are all known, and the log as a decoder: whatever people with keys sign,
//! the state machine takes it or refuses it.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ed25519_dalek::SigningKey;
use medproof_ledger::table::MemoryBase;
use medproof_ledger::{State, Submission};
use medproof_records::signing;
use medproof_verifier::checkpoint::LogSigner;
use medproof_verifier::context::bound;
use medproof_verifier::cosignature::Cosigner;
use medproof_verifier::entry::{
    Body, Burn, CircuitAction, CircuitChange, Close, Genesis, Governed, Open, Opening, PinnedCircuit,
    PolicyAction, PolicyChange, PolicyPurpose, PolicyTerms, Post, RegistryAction, RegistryChange, Seal,
    Signed, Void,
};
use medproof_verifier::statement::{DispensePublic, Public};
use medproof_verifier::{
    CircuitId, CircuitName, Context, Day, Entry, KeyLeaf, Name, Proof, Role, Statement, VerifyingKey,
};

/// The leaf that the seeds' receipts are for.
pub const RECEIPTED: &[u8] = b"an entry";
const ORIGIN: &str = "ledger.example/test";
const DOMAIN: &str = "us-ma";
/// Seed of the posting key that every party has.
const PARTY: u8 = 4;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn g1(k: u64) -> G1Affine {
    (G1Affine::generator() * Fr::from(k)).into_affine()
}

fn g2(k: u64) -> G2Affine {
    (G2Affine::generator() * Fr::from(k)).into_affine()
}

/// A well-formed proof of nothing.
pub fn proof() -> Proof {
    let (a, b, c) = (g1(1), g2(1), g1(2));
    Proof::new(ark_groth16::Proof { a, b, c }).expect("points of the subgroup")
}

/// A well-formed verifying key whose trapdoors everybody knows.
pub fn verifying_key(name: CircuitName) -> VerifyingKey {
    let inner = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: g1(2),
        beta_g2: g2(3),
        gamma_g2: g2(5),
        delta_g2: g2(7),
        gamma_abc_g1: (0..=Statement::names(name).len() as u64)
            .map(|i| g1(11 + i))
            .collect(),
    };
    VerifyingKey::new(name, 1, true, inner).expect("a key that is not degenerate")
}

/// The log's signer.
pub fn log_signer() -> LogSigner {
    LogSigner::new(ORIGIN, signer(10)).expect("an origin")
}

/// A witness of it.
pub fn cosigner() -> Cosigner {
    Cosigner::new("witness.example/w1", signer(11)).expect("a name")
}

/// `text` as a note signed by the log; `None` where the text cannot be one.
pub fn sign_text(text: &str) -> Option<Vec<u8>> {
    let mut note = signed_note::Note::new(text.as_bytes(), &[]).ok()?;
    note.add_sigs(&[&log_signer()]).ok()?;
    Some(note.to_bytes())
}

fn genesis(time: u64) -> Genesis {
    let mut governance = [1, 2, 3].map(|s| signer(s).verifying_key()).to_vec();
    governance.sort_by_key(|k| k.to_bytes());
    Genesis {
        nonce: [9; 32],
        origin: ORIGIN.into(),
        log_key: signer(10).verifying_key(),
        development: true,
        time,
        reenrol_delay: 60,
        threshold: 2,
        governance,
        pinned: vec![PinnedCircuit {
            name: CircuitName::Claim,
            version: 9,
            id: CircuitId([7; 32]),
        }],
    }
}

fn governed<T: Body>(body: T, ledger: &[u8; 32]) -> Governed<T> {
    let mut keys = [1, 2, 3].map(signer);
    keys.sort_by_key(|k| k.verifying_key().to_bytes());
    Governed::new(body, ledger, &[(0, &keys[0]), (2, &keys[2])])
}

fn party<T: Body>(body: T, ledger: &[u8; 32]) -> Signed<T> {
    Signed::new(body, ledger, &signer(PARTY))
}

/// The entry with its signatures made anew by whoever must sign it.
fn signed_anew(entry: Entry, ledger: &[u8; 32]) -> Entry {
    match entry {
        Entry::Circuit(e) => Entry::Circuit(governed(e.body, ledger)),
        Entry::Registry(e) => Entry::Registry(governed(e.body, ledger)),
        Entry::Policy(e) => Entry::Policy(governed(e.body, ledger)),
        Entry::Open(e) => Entry::Open(party(e.body, ledger)),
        Entry::Close(e) => Entry::Close(party(e.body, ledger)),
        Entry::Void(e) => Entry::Void(party(e.body, ledger)),
        Entry::Burn(e) => Entry::Burn(party(e.body, ledger)),
        Entry::Statement(post) => {
            use ed25519_dalek::Signer;
            let digest = medproof_verifier::entry::post_digest(ledger, &post.circuit_id, &post.inputs);
            let signature = signer(PARTY).sign(&digest);
            Entry::Statement(Box::new(Post { signature, ..*post }))
        }
        own @ (Entry::Genesis(_) | Entry::Seal(_)) => own,
    }
}

fn put(role: Role, party: &str, scope: Fr) -> RegistryAction {
    let signs = matches!(
        role,
        Role::Prescriber | Role::RecordIssuer | Role::Payer | Role::Provider
    );
    let zero = Fr::from(0u64);
    let key = signing::SigningKey::from_seed(&[3; signing::SEED_BYTES]).public_key();
    let (ax, ay) = if signs { (key.x, key.y) } else { (zero, zero) };
    RegistryAction::Put {
        leaf: KeyLeaf {
            ax,
            ay,
            role,
            party: name(party),
            scope,
            valid_from: Day(100),
            valid_to: Day::OPEN,
        },
        posting_key: signer(PARTY).verifying_key(),
    }
}

fn terms(id: u64, purpose: PolicyPurpose) -> PolicyAction {
    PolicyAction::Accept(PolicyTerms {
        id: Fr::from(id),
        name: name("opioid"),
        version: name("2026.1"),
        domain: name(DOMAIN),
        purpose,
        valid_from: Day(1),
        valid_to: Day(60_000),
        text_hash: [1; 32],
    })
}

fn statement() -> Post {
    let inputs: Vec<Fr> = (1..=12u64).map(Fr::from).collect();
    let public = DispensePublic::from_slice(&inputs).expect("twelve inputs");
    let context = Context {
        ledger_id: [7; 32],
        circuit_id: verifying_key(CircuitName::Dispense).circuit_id(),
        relying_party: name("pharmacy-1"),
        challenge: bound([6; 32]),
        payload_hash: bound([8; 32]),
    };
    Post::new(&Statement::Dispense(public), &context, proof(), &signer(PARTY))
}

/// Entries of governance: every action, in an order that a ledger accepts.
fn governance(ledger: &[u8; 32]) -> Vec<Entry> {
    let mut sequence = 0;
    let mut next = || {
        sequence += 1;
        sequence
    };
    let domain = name(DOMAIN).to_fr();
    let key = Box::new(verifying_key(CircuitName::Dispense));
    let id = key.circuit_id();
    let registry = [
        (1, put(Role::EnrolmentAuthority, "authority", domain)),
        (2, put(Role::Prescriber, "dr-1", domain)),
        (3, put(Role::Pharmacy, "pharmacy-1", domain)),
        (4, put(Role::Provider, "dr-1", Fr::from(1_234_567_893u64))),
        (5, put(Role::Payer, "payer", name("acme").to_fr())),
        (4, RegistryAction::End { valid_to: Day(900) }),
        (4, RegistryAction::Zero),
    ];
    let purposes = [
        PolicyPurpose::Dispense,
        PolicyPurpose::Eligibility {
            sponsor: name("sponsor"),
        },
        PolicyPurpose::Claim {
            payer: name("payer"),
            plan: (1 << 96) - 1,
        },
    ];
    let mut out = Vec::new();
    for action in [CircuitAction::Accept(key), CircuitAction::Retire(id)] {
        let sequence = next();
        out.push(Entry::Circuit(governed(
            CircuitChange { sequence, action },
            ledger,
        )));
    }
    for (index, action) in registry {
        let body = RegistryChange {
            sequence: next(),
            index,
            action,
        };
        out.push(Entry::Registry(governed(body, ledger)));
    }
    let accepted = (77..).zip(purposes).map(|(id, purpose)| terms(id, purpose));
    let ended = PolicyAction::End {
        id: Fr::from(77u64),
        valid_to: Day(9),
    };
    for action in accepted.chain([ended]) {
        let sequence = next();
        out.push(Entry::Policy(governed(PolicyChange { sequence, action }, ledger)));
    }
    out
}

/// Entries of parties: every kind, in an order that a ledger accepts but for the statement and the void.
fn parties(ledger: &[u8; 32]) -> Vec<Entry> {
    let (id, note) = (Fr::from(8u64), -Fr::from(9u64));
    let open = |sequence, party_name, domain, what| {
        let (party_name, domain) = (name(party_name), name(domain));
        let body = Open {
            sequence,
            party: party_name,
            domain,
            what,
        };
        Entry::Open(party(body, ledger))
    };
    let close = Close {
        sequence: 2,
        party: name("authority"),
        domain: name(DOMAIN),
        index: 6,
    };
    let void = Void {
        sequence: 3,
        party: name("pharmacy-1"),
        dispense: 12,
    };
    let burn = Burn {
        sequence: 1,
        party: name("dr-1"),
        fill_keys: vec![Fr::from(1u64), Fr::from(2u64)],
    };
    vec![
        open(1, "authority", DOMAIN, Opening::Account { index: 6, id, note }),
        open(1, "payer", "acme", Opening::Member { index: 7, id: note }),
        open(2, "payer", "acme", Opening::Benefit { note }),
        Entry::Close(party(close, ledger)),
        Entry::Statement(Box::new(statement())),
        Entry::Void(party(void, ledger)),
        Entry::Burn(party(burn, ledger)),
    ]
}

/// One of every entry and action.
pub fn examples() -> Vec<Entry> {
    let genesis = genesis(1_700_000_000);
    let ledger = genesis.ledger_id();
    let seal = Seal {
        batch: 1,
        first: 2,
        previous: [4; 32],
        time: 1_700_000_001,
        commitment_root: Fr::from(1u64),
        identity_root: Fr::from(2u64),
        registry_root: Fr::from(3u64),
        commitments: 4,
        nullifiers: [1, 2, 3, 4, 5],
    };
    let mut all = vec![Entry::Genesis(genesis)];
    all.extend(governance(&ledger));
    all.extend(parties(&ledger));
    all.push(Entry::Seal(seal));
    all
}

/// Logs: the time of the genesis, then records of a length and an entry, or of length 0 and the time of a seal.
pub fn logs() -> Vec<Vec<u8>> {
    let time = 1_700_000_000u64;
    let mut log = time.to_be_bytes().to_vec();
    let add = |log: &mut Vec<u8>, entry: &Entry| {
        let bytes = entry.to_bytes();
        log.extend((bytes.len() as u16).to_be_bytes());
        log.extend(bytes);
    };
    let seal = |log: &mut Vec<u8>, time: u64| {
        log.extend([0, 0]);
        log.extend(time.to_be_bytes());
    };
    let ledger = genesis(time).ledger_id();
    for entry in governance(&ledger) {
        add(&mut log, &entry);
    }
    seal(&mut log, time + 1);
    let mut late = log.clone();
    for entry in parties(&ledger) {
        add(&mut log, &entry);
        seal(&mut log, time + 2);
        add(&mut late, &entry);
    }
    seal(&mut late, u64::MAX);
    vec![log, late]
}

/// A log whose entries are signed by those who must sign them: nothing panics, a refused entry changes nothing,
/// and figures only grow.
pub(super) fn log(bytes: &[u8]) -> bool {
    let Some((time, mut rest)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let mut time = u64::from_be_bytes(*time);
    let (mut state, _) = State::create(MemoryBase::default(), genesis(time)).expect("a good genesis");
    state.commit().expect("memory does not fail");
    let ledger = *state.rules().ledger_id();
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 {
            let Some((next, tail)) = tail.split_first_chunk::<8>() else {
                break;
            };
            time = u64::from_be_bytes(*next);
            if state.seal(time).is_ok() {
                state.commit().expect("memory does not fail");
            }
            rest = tail;
            continue;
        }
        let (entry, tail) = tail.split_at(length.min(tail.len()));
        rest = tail;
        let Ok(entry) = Entry::from_bytes(entry) else {
            continue;
        };
        let bytes = signed_anew(entry, &ledger).to_bytes();
        let before = (state.head().size, state.head().commitments);
        let Ok(submission) = Submission::check(&bytes, state.rules()) else {
            continue;
        };
        let applied = state.apply(&submission, time);
        let after = (state.head().size, state.head().commitments);
        match applied {
            Ok(effects) => {
                assert_eq!(effects.index, before.0);
                assert_eq!(after.0, before.0 + 1);
                assert!(state.find(&submission).expect("memory does not fail").is_some());
            }
            Err(_) => assert_eq!(after, before),
        }
    }
    let size = state.head().size;
    state.log_root(size).expect("the log's own size");
    // The genesis and its seal are there before.
    size > 2
}
