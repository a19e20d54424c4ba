//! Valid inputs of each decoder, made from the repository's own code and data; always the same ones.

use super::{entries, files, policies};
use crate::folder;
use ark_bn254::Fr;
use medproof_circuits::scenario::{self, eligibility::Assignment};
use medproof_circuits::statements::{
    bind::Bind,
    claim::Claim,
    dispense::Dispense,
    eligibility::{Eligibility, Large, Standard},
};
use medproof_cli::holder::{
    paper::{Content, Enrolment, Paper},
    state::State,
};
use medproof_cli::journey::{party::Party, wallet::Membership};
use medproof_cli::statement_file::StatementFile;
use medproof_cli::{secret, verify};
use medproof_ledger::witness::request::AddCheckpoint;
use medproof_proto::field::fr_bytes;
use medproof_proto::gateway::{self as gateway_wire, Asked};
use medproof_proto::ledger::{self as ledger_wire, KnownCircuit, RegisteredKey};
use medproof_proto::prover::{self as prover_wire, ProveRequest};
use medproof_prover::wire::request;
use medproof_records::{
    dispensing::{Note, Ring},
    identity::Secret,
};
use medproof_verifier::asked::Asked as Question;
use medproof_verifier::context::bound;
use medproof_verifier::entry::{PolicyAction, RegistryAction};
use medproof_verifier::inclusion::leaf_hash;
use medproof_verifier::opening::{Amounts, DispenseOpening, Event, Opening, PayableOpening};
use medproof_verifier::tree::{COMMITMENT_DEPTH, DenseTree, REGISTRY_DEPTH, empty_root};
use medproof_verifier::{CircuitId, CircuitName, Context, Day, Entry, Name, Receipt, Statement};
use prost::Message;
use rand::{SeedableRng, rngs::StdRng};
use std::path::Path;
use tlog_tiles::tlog::{Hash, node_hash};

type Seeds = Vec<Vec<u8>>;

fn f(n: u64) -> Fr {
    Fr::from(n)
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The files of a folder of the acceptance data whose names end so, in order.
fn data(sub: &str, ending: &str) -> Seeds {
    let entries = std::fs::read_dir(folder().join(sub)).expect("the acceptance data are there");
    let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

pub(super) fn proof() -> Seeds {
    vec![entries::proof().to_bytes().to_vec()]
}

pub(super) fn verifying_key() -> Seeds {
    let keys = CircuitName::ALL.iter().map(|name| entries::verifying_key(*name));
    keys.map(|key| key.to_bytes()).collect()
}

pub(super) fn entry() -> Seeds {
    entries::examples().iter().map(Entry::to_bytes).collect()
}

pub(super) fn log() -> Seeds {
    entries::logs()
}

fn a_receipt() -> Receipt {
    let (a, b) = (leaf_hash(b"another"), leaf_hash(entries::RECEIPTED));
    let root = node_hash(Hash(a), Hash(b)).0;
    Receipt {
        index: 1,
        inclusion: vec![a],
        checkpoint: entries::log_signer().sign(2, &root).expect("a checkpoint"),
    }
}

pub(super) fn receipt() -> Seeds {
    let alone = Receipt {
        index: 0,
        inclusion: vec![],
        checkpoint: entries::log_signer()
            .sign(1, &leaf_hash(entries::RECEIPTED))
            .expect("a checkpoint"),
    };
    vec![a_receipt().to_bytes(), alone.to_bytes()]
}

pub(super) fn checkpoint() -> Seeds {
    let signer = entries::log_signer();
    let sign = |size| signer.sign(size, &[9; 32]).expect("a checkpoint");
    vec![sign(1), sign(u64::MAX), a_receipt().checkpoint]
}

pub(super) fn log_key() -> Seeds {
    vec![entries::log_signer().log_key().to_string().into_bytes()]
}

pub(super) fn witness_key() -> Seeds {
    vec![entries::cosigner().witness_key().to_string().into_bytes()]
}

pub(super) fn cosignatures() -> Seeds {
    let note = entries::log_signer().sign(2, &[9; 32]).expect("a checkpoint");
    let line = entries::cosigner()
        .cosign(&note, 1_700_000_000)
        .expect("a cosignature");
    vec![[&line[..], &line].concat(), line]
}

pub(super) fn add_checkpoint() -> Seeds {
    let checkpoint = a_receipt().checkpoint;
    let ask = |old, hashes| AddCheckpoint {
        old,
        proof: vec![[7; 32]; hashes],
        checkpoint: checkpoint.clone(),
    };
    vec![
        ask(0, 0).to_bytes(),
        ask(1, 1).to_bytes(),
        ask(u64::MAX, 63).to_bytes(),
    ]
}

pub(super) fn tile_path() -> Seeds {
    let paths = [
        "tile/0/000",
        "tile/1/x001/234.p/8",
        "tile/entries/x001/x234/067.p/255",
    ];
    paths.map(|path| path.as_bytes().to_vec()).to_vec()
}

/// The entries of the log's examples, and a tile of empty ones.
pub(super) fn entry_tile() -> Seeds {
    let framed = |bytes: Vec<u8>| [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat();
    let tile: Vec<u8> = entry().into_iter().take(4).flat_map(framed).collect();
    vec![tile, vec![0; 512]]
}

pub(super) fn leaf_range() -> Seeds {
    let mut out = vec![range::<REGISTRY_DEPTH>(256, 4, 300)];
    // A lone leaf of the deep tree, computed without the other 2^32.
    let path = lone_path();
    let siblings: Vec<Fr> = path.siblings()[4..].iter().flatten().copied().collect();
    out.push(encode_range(4, 0, &[f(5)], &siblings, path.root(f(5))));
    out
}

/// The path of the first leaf of an otherwise empty tree.
fn lone_path() -> medproof_verifier::Path<COMMITMENT_DEPTH> {
    let siblings = std::array::from_fn(|level| [empty_root(level); 3]);
    medproof_verifier::Path::new(0, siblings).expect("index 0")
}

fn range<const DEPTH: usize>(first: u64, levels: usize, leaves: u64) -> Vec<u8> {
    let tree = DenseTree::<DEPTH>::new((1..=leaves).map(f).collect()).expect("a tree");
    let path = tree.path(first).expect("a leaf of the tree");
    let siblings: Vec<Fr> = path.siblings()[levels..].iter().flatten().copied().collect();
    let leaves: Vec<Fr> = (first..leaves).map(|i| tree.leaf(i as usize)).collect();
    encode_range(levels as u8, first, &leaves, &siblings, tree.root())
}

fn encode_range(levels: u8, first: u64, leaves: &[Fr], siblings: &[Fr], root: Fr) -> Vec<u8> {
    let mut out = vec![levels];
    out.extend(first.to_be_bytes());
    out.extend((leaves.len() as u16).to_be_bytes());
    for x in leaves.iter().chain(siblings).chain([&root]) {
        out.extend(fr_bytes(x));
    }
    out
}

fn questions() -> Vec<Question> {
    vec![
        Question::Bind {
            issuer: name("dr-lee"),
            domain: name("us-ma"),
            identity: f(9),
        },
        Question::Dispense {
            domain: name("us-ma"),
            policy_id: f(1),
            date: Day(46_000),
            drug: 1 << 64 | 1_049_683,
            quantity: 60_000,
            identity: f(9),
            prescriber: Some(name("dr-1")),
        },
        Question::Eligibility {
            policy_id: f(2),
            date: Day(44_000),
        },
        Question::Claim {
            domain: name("acme"),
            policy_id: f(3),
            received: Day(46_010),
            plan: f(4),
            event: event(),
            pay: Some(960),
        },
    ]
}

fn event() -> Event {
    Event {
        npi: 1_234_567_893,
        service: Day(46_000),
        procedure: 5 << 64 | 77,
    }
}

fn openings() -> [Opening; 3] {
    let dispense = DispenseOpening {
        drug: 1 << 64 | 1_049_683,
        quantity: 60_000,
        days: 30,
        prescribed_quantity: 60_000,
        prescribed_days: 30,
        prescriber: name("dr-1"),
        person: f(3),
        r: f(4),
    };
    let payable = PayableOpening {
        plan: f(1),
        policy_id: f(2),
        event: event(),
        amounts: Amounts {
            allowed: 1_200,
            deductible: 0,
            coinsurance: 240,
            pay: 960,
        },
        r: f(4),
    };
    [
        Opening::Person { salt: f(5) },
        Opening::Dispense {
            opening: dispense,
            salt: f(5),
        },
        Opening::Payable(payable),
    ]
}

/// A message behind the byte that chooses its type.
fn chosen(kind: u8, message: &impl Message) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(message.encode_to_vec());
    out
}

pub(super) fn gateway() -> Seeds {
    let mut out = Vec::new();
    for question in &questions() {
        let asked = Asked::from(question);
        out.push(chosen(0, &asked));
        let message = gateway_wire::ChallengeRequest {
            asked: Some(asked),
            ..Default::default()
        };
        out.push(chosen(2, &message));
    }
    for opening in &openings() {
        let message = gateway_wire::PresentRequest {
            challenge: vec![6; 32],
            public_inputs: (1..=3).map(|i| fr_bytes(&f(i))).collect(),
            proof: entries::proof().to_bytes().to_vec(),
            opening: gateway_wire::opening_message(opening),
        };
        out.push(chosen(1, &message));
    }
    let answer = gateway_wire::PresentResponse {
        hand_over: true,
        entry: entry().swap_remove(1),
        receipt: a_receipt().to_bytes(),
        commitment_index: Some(7),
        time: 1_700_000_000,
    };
    out.push(chosen(3, &answer));
    out
}

pub(super) fn ledger() -> Seeds {
    let mut out = vec![chosen(0, &ledger_wire::Receipt::from(&a_receipt()))];
    for entry in entries::examples() {
        let message = ledger_wire::AppendRequest {
            entry: entry.to_bytes(),
        };
        match entry {
            Entry::Registry(e) => {
                if let RegistryAction::Put { leaf, posting_key } = e.body.action {
                    let key = RegisteredKey {
                        index: e.body.index,
                        leaf,
                        posting_key: posting_key.to_bytes(),
                    };
                    out.push(chosen(1, &ledger_wire::RegistryKey::from(&key)));
                }
            }
            Entry::Policy(e) => {
                if let PolicyAction::Accept(terms) = e.body.action {
                    out.push(chosen(2, &ledger_wire::Policy::from(&terms)));
                }
            }
            Entry::Void(_) | Entry::Burn(_) => out.push(chosen(5, &message)),
            _ => {}
        }
    }
    let circuit = KnownCircuit {
        key: entries::verifying_key(CircuitName::Bind),
        retired: true,
    };
    out.push(chosen(3, &ledger_wire::Circuit::from(&circuit)));
    let path = lone_path();
    let siblings = path.siblings()[4..].iter().flatten();
    let answer = ledger_wire::AuthPathResponse {
        leaves: vec![fr_bytes(&f(5))],
        siblings: siblings.map(fr_bytes).collect(),
        root: fr_bytes(&path.root(f(5))),
        size: 1,
    };
    out.push(chosen(4, &answer));
    let spent = ledger_wire::NullifierSpentRequest {
        kind: 2,
        nullifier: fr_bytes(&f(5)),
    };
    out.push(chosen(6, &spent));
    out
}

pub(super) fn prover() -> Seeds {
    let key = entries::verifying_key(CircuitName::Bind);
    let proof = prover_wire::Proof {
        circuit: "bind".into(),
        circuit_id: key.circuit_id().0.to_vec(),
        public_inputs: (1..=6).map(|i| fr_bytes(&f(i))).collect(),
        proof: entries::proof().to_bytes().to_vec(),
        ..Default::default()
    };
    let circuit = prover_wire::Circuit {
        name: "bind".into(),
        id: key.circuit_id().0.to_vec(),
        verifying_key: key.to_bytes(),
        ..Default::default()
    };
    let batch = prover_wire::ProveBatchRequest {
        requests: requests().into_iter().take(2).collect(),
    };
    vec![chosen(0, &proof), chosen(1, &circuit), chosen(2, &batch)]
}

fn requests() -> Vec<ProveRequest> {
    let mut rng = StdRng::seed_from_u64(1);
    let ctx = f(7);
    let (p, w) = scenario::bind::example(&mut rng, &name("us-ma"), &name("dr-lee"), ctx);
    let bind = request::<Bind>(&p, &w, 1_000);
    let (p, w) = scenario::dispensing::example(&mut rng, ctx);
    let dispense = request::<Dispense>(&p, &w, 0);
    let (p, w) = scenario::claim::example(&mut rng, ctx);
    let claim = request::<Claim>(&p, &w, 0);
    let screening = scenario::eligibility::example(&mut rng, ctx);
    // What fits the one tier fits the other.
    let (Assignment::Standard(p, w) | Assignment::Large(p, w)) = screening;
    let standard = request::<Eligibility<Standard>>(&p, &w, 0);
    let large = request::<Eligibility<Large>>(&p, &w, 0);
    vec![bind, dispense, claim, standard, large]
}

pub(super) fn witness() -> Seeds {
    requests().iter().map(Message::encode_to_vec).collect()
}

pub(super) fn bundle() -> Seeds {
    let mut out = data("dispensing", ".json");
    out.extend(data("eligibility", ".json"));
    let claims = data("claim", ".json");
    out.extend(
        claims
            .into_iter()
            .filter(|bytes| bytes.starts_with(b"{\"resourceType\"") || bytes.len() > 1_000),
    );
    out.retain(|bytes| bytes.len() < 12_000);
    out
}

pub(super) fn check() -> Seeds {
    bundle()
}

pub(super) fn claim_context() -> Seeds {
    data("claim", ".context.json")
}

pub(super) fn policy() -> Seeds {
    let mut out = Vec::new();
    for source in data("policies", ".toml") {
        let mut seed = String::from_utf8(source).expect("policies are UTF-8");
        let named: Vec<String> = seed
            .split('"')
            .filter(|text| text.ends_with(".csv"))
            .map(str::to_owned)
            .collect();
        for table in named {
            let csv = read(&folder().join("policies").join(&table));
            let csv = String::from_utf8(csv).expect("tables are UTF-8");
            // The first rows of a long table, and those of the example's drug.
            let rows = csv.lines().enumerate();
            let kept = rows.filter(|(i, line)| *i < 12 || line.starts_with("1049621,"));
            let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
            seed += &format!("{}{table}\n{}\n", policies::TABLE, kept.join("\n"));
        }
        out.push(seed.into_bytes());
    }
    out
}

pub(super) fn code() -> Seeds {
    let texts = [
        "icd10cm|E11.9",
        "icd10cm|E11.*",
        "rxnorm|1049621",
        "loinc|4548-4",
        "sct|44054006",
        "ndc|00093005801",
        "cpt|80053",
        "hcpcs|G0103",
        "cdt|D0120",
        "cvx|207",
        "7.01969999999999999999",
        "-1.5e-3",
        "10995116277.75",
        "2021-05-05",
        "2021-05",
        "2021",
        "2021-05-05T10:00:00.123-04:00",
        "us-ma",
        "1234567893",
        "ppo-2026",
        "mg/dL",
        "mL/min/{1.73_m2}",
        "%",
        "10*3/uL",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub(super) fn secret_file() -> Seeds {
    let party = |text: &str| Party::from_seeds(name(text), &[1; 32], &[2; 32]);
    let long = "x".repeat(30);
    vec![
        secret::encode(&party("dr-lee")).to_vec(),
        secret::encode(&party(&long)).to_vec(),
    ]
}

pub(super) fn wallet_file() -> Seeds {
    let mut state = State::generate(&mut StdRng::seed_from_u64(1));
    let empty = state.to_bytes().to_vec();
    state.parties.insert(name("us-ma-enrolment"));
    state.keep(enrolment().content);
    vec![empty, state.to_bytes().to_vec()]
}

pub(super) fn paper() -> Seeds {
    vec![enrolment().to_bytes().to_vec()]
}

/// What an authority gives a person whom it has enrolled.
fn enrolment() -> Paper {
    let membership = Membership {
        domain: name("us-ma"),
        index: 7,
        person: f(6),
        salt: f(7),
        ts: Secret::new(f(8)),
    };
    let account = Note {
        owner: f(1),
        ring: Ring::empty(),
        seq: 0,
        rho: f(2),
        rcm: f(3),
    };
    Paper {
        from: name("us-ma-enrolment"),
        content: Content::Enrolment(Box::new(Enrolment {
            ledger_id: [9; 32],
            membership,
            account: Some(account),
            from: 11,
        })),
    }
}

pub(super) fn statement_file() -> Seeds {
    let files = [CircuitName::Bind, CircuitName::Dispense].map(|circuit| {
        let inputs: Vec<Fr> = (1..=Statement::names(circuit).len() as u64).map(f).collect();
        StatementFile {
            circuit,
            development_key: true,
            statement: Statement::from_slice(circuit, &inputs).expect("the circuit's inputs"),
            context: Context {
                ledger_id: [1; 32],
                circuit_id: CircuitId([2; 32]),
                relying_party: name("pharmacy-1"),
                challenge: bound([3; 32]),
                payload_hash: bound([4; 32]),
            },
            proof: entries::proof(),
        }
    });
    files.map(|file| file.to_json().to_string().into_bytes()).to_vec()
}

pub(super) fn receipt_file() -> Seeds {
    let entry = entry().swap_remove(1);
    vec![verify::receipt_file(&entry, &a_receipt()).into_bytes()]
}

/// Journals of one record each and of all, and the records' bodies.
pub(super) fn journal() -> Seeds {
    let block = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let (challenge, time) = ([6u8; 32], 1_700_000_000u64.to_be_bytes());
    let position = [&[1u8][..], &7u64.to_be_bytes()].concat();
    let (entry, receipt) = (block(&entry().swap_remove(16)), block(&a_receipt().to_bytes()));
    let bodies = [
        [&[1][..], &challenge, &entry].concat(),
        [&[2][..], &challenge, &time, &time, &position, &receipt].concat(),
        [&[3][..], &challenge].concat(),
        [&[4][..], &challenge, &time, &[7; 32], &[8; 32]].concat(),
        [&[5][..], &challenge, &time, &position, &entry, &receipt].concat(),
        [&[6][..], &challenge, &time, &[7; 32], &[8; 32], &[9; 32]].concat(),
        [&[7][..], &challenge, &entry].concat(),
        [&[8][..], &challenge].concat(),
    ];
    let mut out: Seeds = bodies.iter().map(|body| files::record(body)).collect();
    let whole: Vec<u8> = bodies
        .iter()
        .flat_map(|body| files::record(body).split_off(8))
        .collect();
    out.push([&files::record(&[])[..8], &whole].concat());
    for version in [1, 2] {
        out.push([&b"mpgj\0\0\0"[..], &[version], &whole].concat());
    }
    out.extend(bodies);
    out
}

/// A key as a ceremony leaves it.
pub(super) fn zkey() -> Seeds {
    vec![include_bytes!("../../vectors/circom/cube.zkey").to_vec()]
}

pub(super) fn wtns_file() -> Seeds {
    vec![include_bytes!("../../vectors/circom/cube.wtns").to_vec()]
}

pub(super) fn r1cs() -> Seeds {
    vec![include_bytes!("../../vectors/circom/cube.r1cs").to_vec()]
}
