//! Known answers, and that nothing but an entry's one encoding decodes.

use super::*;
use crate::{
    CircuitId, CircuitName, Context, Day, Fr, KeyLeaf, Name, Proof, Role, Statement, VerifyingKey,
    context::bound,
    statement::{DispensePublic, Public},
};
use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

const LEDGER: [u8; 32] = [7; 32];

fn name(text: &str) -> Name {
    text.parse().unwrap()
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

fn verifying_key(name: CircuitName) -> VerifyingKey {
    let inner = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: g1(2),
        beta_g2: g2(3),
        gamma_g2: g2(5),
        delta_g2: g2(7),
        gamma_abc_g1: (0..=Statement::names(name).len() as u64)
            .map(|i| g1(11 + i))
            .collect(),
    };
    VerifyingKey::new(name, 1, true, inner).unwrap()
}

fn genesis() -> Genesis {
    let mut governance: Vec<_> = [1, 2, 3].map(|s| signer(s).verifying_key()).to_vec();
    governance.sort_by_key(|k| k.to_bytes());
    Genesis {
        nonce: [9; 32],
        origin: "ledger.example/test".into(),
        log_key: signer(10).verifying_key(),
        development: true,
        time: 1_700_000_000,
        reenrol_delay: 60,
        threshold: 2,
        governance,
        pinned: vec![PinnedCircuit {
            name: CircuitName::Dispense,
            version: 1,
            id: verifying_key(CircuitName::Dispense).circuit_id(),
        }],
    }
}

fn governed<T: Body>(body: T) -> Governed<T> {
    Governed::new(
        body,
        &LEDGER,
        &[(2, &signer(2)), (0, &signer(1)), (2, &signer(2))],
    )
}

fn post() -> Post {
    let inputs: Vec<Fr> = (1..=12u64).map(Fr::from).collect();
    let proof = Proof::new(ark_groth16::Proof {
        a: g1(1),
        b: g2(1),
        c: g1(2),
    })
    .unwrap();
    let context = Context {
        ledger_id: LEDGER,
        circuit_id: CircuitId([5; 32]),
        relying_party: name("pharmacy-1"),
        challenge: bound([6; 32]),
        payload_hash: bound([8; 32]),
    };
    let statement = Statement::Dispense(DispensePublic::from_slice(&inputs).unwrap());
    Post::new(&statement, &context, proof, &signer(4))
}

fn leaf() -> KeyLeaf {
    KeyLeaf {
        ax: Fr::from(3u64),
        ay: Fr::from(4u64),
        role: Role::Prescriber,
        party: name("dr-1"),
        scope: name("us-ma").to_fr(),
        valid_from: Day(100),
        valid_to: Day::OPEN,
    }
}

fn terms(purpose: PolicyPurpose) -> PolicyTerms {
    PolicyTerms {
        id: Fr::from(77u64),
        name: name("opioid"),
        version: name("2026.1"),
        domain: name("us-ma"),
        purpose,
        valid_from: Day(1),
        valid_to: Day(2),
        text_hash: [1; 32],
    }
}

/// One of every entry and action.
fn examples() -> Vec<Entry> {
    let circuit = |action| Entry::Circuit(governed(CircuitChange { sequence: 1, action }));
    let registry = |action| {
        Entry::Registry(governed(RegistryChange {
            sequence: 2,
            index: 5,
            action,
        }))
    };
    let policy = |action| Entry::Policy(governed(PolicyChange { sequence: 3, action }));
    let accept = |purpose| policy(PolicyAction::Accept(terms(purpose)));
    let open = |what| {
        let body = Open {
            sequence: 4,
            party: name("authority"),
            domain: name("us-ma"),
            what,
        };
        Entry::Open(Signed::new(body, &LEDGER, &signer(4)))
    };
    let (id, note, index) = (Fr::from(8u64), -Fr::from(9u64), 6);
    vec![
        Entry::Genesis(genesis()),
        circuit(CircuitAction::Accept(Box::new(verifying_key(
            CircuitName::Dispense,
        )))),
        circuit(CircuitAction::Retire(CircuitId([3; 32]))),
        registry(RegistryAction::Put {
            leaf: leaf(),
            posting_key: signer(5).verifying_key(),
        }),
        registry(RegistryAction::End { valid_to: Day(9) }),
        registry(RegistryAction::Zero),
        accept(PolicyPurpose::Dispense),
        accept(PolicyPurpose::Eligibility {
            sponsor: name("sponsor"),
        }),
        accept(PolicyPurpose::Claim {
            payer: name("payer"),
            plan: (1 << 96) - 1,
        }),
        policy(PolicyAction::End {
            id: Fr::from(77u64),
            valid_to: Day(1),
        }),
        open(Opening::Account { index, id, note }),
        open(Opening::Member { index, id }),
        open(Opening::Benefit { note }),
        Entry::Close(Signed::new(
            Close {
                sequence: 5,
                party: name("authority"),
                domain: name("us-ma"),
                index,
            },
            &LEDGER,
            &signer(4),
        )),
        Entry::Statement(Box::new(post())),
        Entry::Void(Signed::new(
            Void {
                sequence: 6,
                party: name("pharmacy-1"),
                dispense: 12,
            },
            &LEDGER,
            &signer(4),
        )),
        Entry::Burn(Signed::new(
            Burn {
                sequence: 7,
                party: name("dr-1"),
                fill_keys: vec![Fr::from(1u64), Fr::from(2u64)],
            },
            &LEDGER,
            &signer(4),
        )),
        Entry::Seal(Seal {
            batch: 1,
            first: 2,
            previous: [4; 32],
            time: 1_700_000_001,
            commitment_root: Fr::from(1u64),
            identity_root: Fr::from(2u64),
            registry_root: Fr::from(3u64),
            commitments: 4,
            nullifiers: [1, 2, 3, 4, 5],
        }),
    ]
}

#[test]
fn every_entry_round_trips_and_every_prefix_or_leftover_is_refused() {
    for entry in examples() {
        let bytes = entry.to_bytes();
        assert!(bytes.len() <= MAX_ENTRY_BYTES);
        assert_eq!(bytes[..2], [ENTRY_VERSION, entry.kind() as u8]);
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
        for cut in 0..bytes.len() {
            let error = Entry::from_bytes(&bytes[..cut]).unwrap_err();
            assert!(!error.field.is_empty());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Entry::from_bytes(&longer).is_err(), "{:?}", entry.kind());
    }
    let kinds: std::collections::BTreeSet<_> = examples().iter().map(Entry::kind).collect();
    assert_eq!(kinds.len(), Kind::ALL.len());
}

/// The field that decoding names after one change of an example's bytes.
fn refused_field(kind: Kind, change: impl Fn(&mut Vec<u8>)) -> &'static str {
    let entry = examples().into_iter().find(|e| e.kind() == kind).unwrap();
    let mut bytes = entry.to_bytes();
    change(&mut bytes);
    Entry::from_bytes(&bytes).unwrap_err().field
}

#[test]
fn l04_a_bad_field_is_named() {
    let set =
        |at: usize, with: &'static [u8]| move |b: &mut Vec<u8>| b[at..at + with.len()].copy_from_slice(with);
    assert_eq!(refused_field(Kind::Void, set(0, &[2])), "version");
    assert_eq!(refused_field(Kind::Void, set(1, &[0])), "kind");
    assert_eq!(refused_field(Kind::Void, set(1, &[11])), "kind");
    assert_eq!(refused_field(Kind::Void, |b| b.push(0)), "entry");
    assert_eq!(
        refused_field(Kind::Void, |b| b.resize(MAX_ENTRY_BYTES + 1, 0)),
        "entry"
    );
    assert_eq!(refused_field(Kind::Void, set(10, &[0])), "party");
    assert_eq!(refused_field(Kind::Void, set(11, b" ")), "party");
    // GENESIS: nonce 2..34, origin 34.., log key 54..86, flag 86, time, delay, threshold 99, count 100.
    assert_eq!(refused_field(Kind::Genesis, set(36, b"+")), "origin");
    assert_eq!(refused_field(Kind::Genesis, set(54, &[0; 32])), "log key");
    assert_eq!(refused_field(Kind::Genesis, set(86, &[2])), "development");
    assert_eq!(refused_field(Kind::Genesis, set(86, &[0])), "reenrol delay");
    assert_eq!(refused_field(Kind::Genesis, set(99, &[0])), "threshold");
    assert_eq!(refused_field(Kind::Genesis, set(99, &[4])), "threshold");
    assert_eq!(
        refused_field(Kind::Genesis, |b| {
            let first: Vec<u8> = b[101..133].to_vec();
            b[133..165].copy_from_slice(&first);
        }),
        "governance"
    );
    assert_eq!(refused_field(Kind::Genesis, set(198, &[9])), "pinned circuit");
    assert_eq!(refused_field(Kind::Circuit, set(10, &[3])), "circuit action");
    assert_eq!(refused_field(Kind::Circuit, set(14, &[1])), "verifying key");
    assert_eq!(
        refused_field(Kind::Registry, set(10, &[0, 16, 0, 0])),
        "registry index"
    );
    assert_eq!(refused_field(Kind::Registry, set(14, &[4])), "registry action");
    assert_eq!(refused_field(Kind::Registry, set(15, &[0xff; 32])), "ax");
    assert_eq!(refused_field(Kind::Registry, set(79, &[9])), "role");
    assert_eq!(refused_field(Kind::Policy, set(10, &[3])), "policy action");
    assert_eq!(refused_field(Kind::Policy, set(11, &[0xff; 32])), "policy id");
    assert_eq!(refused_field(Kind::Open, set(26, &[4])), "opening");
    assert_eq!(refused_field(Kind::Open, set(31, &[0xff; 32])), "id");
    assert_eq!(refused_field(Kind::Open, set(63, &[0xff; 32])), "note");
    assert_eq!(refused_field(Kind::Statement, set(34, &[0])), "input count");
    assert_eq!(refused_field(Kind::Statement, set(34, &[65])), "input count");
    assert_eq!(
        refused_field(Kind::Statement, set(35, &[0xff; 32])),
        "public input"
    );
    assert_eq!(
        refused_field(Kind::Statement, set(35 + 12 * 32, &[0xff; 32])),
        "proof"
    );
    // Relying party `pharmacy-1` at 547, challenge 558..590, payload hash 590..622.
    assert_eq!(refused_field(Kind::Statement, set(589, &[1])), "challenge");
    assert_eq!(refused_field(Kind::Statement, set(621, &[1])), "payload hash");
    assert_eq!(refused_field(Kind::Burn, set(15, &[0])), "fill key count");
    assert_eq!(refused_field(Kind::Burn, set(15, &[65])), "fill key count");
    assert_eq!(refused_field(Kind::Burn, |b| b[47] = 2), "fill key");
    assert_eq!(refused_field(Kind::Seal, set(58, &[0xff; 32])), "commitment root");
    // The list of governance signatures: key 0, then key 2.
    let tail = 2 * 65 + 1;
    assert_eq!(
        refused_field(Kind::Registry, |b| {
            let at = b.len() - tail;
            b[at] = 17;
        }),
        "signature count"
    );
    assert_eq!(
        refused_field(Kind::Registry, |b| {
            let at = b.len() - tail;
            b[at + 66] = 0;
        }),
        "governance key"
    );
}

/// Statements among other entries, whole, cut off, too long, with proofs that are none and proofs of others: each is decoded as
/// by itself.
#[test]
fn l04_many_are_decoded_as_each() {
    let statement = Entry::Statement(Box::new(post())).to_bytes();
    let mut entries: Vec<Vec<u8>> = vec![vec![], statement.clone()];
    entries.extend(examples().iter().map(Entry::to_bytes));
    let proof = 2 + 32 + 1 + 32 * usize::from(statement[34]);
    for at in [
        0,
        1,
        34,
        35,
        proof,
        proof + 31,
        proof + 95,
        proof + 127,
        statement.len() - 1,
    ] {
        for with in [0x00, 0x40, 0xff] {
            let mut changed = statement.clone();
            changed[at] = with;
            entries.push(changed);
        }
        entries.push(statement[..at].to_vec());
    }
    let mut negative = statement.clone();
    negative[proof + 31] ^= 1 << 7;
    entries.push(negative);
    entries.push([&statement[..], &[0]].concat());
    entries.push([&statement[..], &vec![0; MAX_ENTRY_BYTES]].concat());
    let singly: Vec<_> = entries.iter().map(|bytes| Entry::from_bytes(bytes)).collect();
    assert!(singly.iter().filter(|entry| entry.is_ok()).count() > 20);
    assert_eq!(Entry::from_bytes_all(&entries), singly);
    // Another order, so that each has other neighbours.
    entries.rotate_left(3);
    let singly: Vec<_> = entries.iter().map(|bytes| Entry::from_bytes(bytes)).collect();
    assert_eq!(Entry::from_bytes_all(&entries), singly);
}

#[test]
fn encodings_and_digests_have_their_known_answers() {
    // python3: bytes as docs/format.md section 11 lays them out, hashlib.sha256 over them.
    let close = Close {
        sequence: 5,
        party: name("authority"),
        domain: name("us-ma"),
        index: 6,
    };
    let bytes = Entry::Close(Signed::new(close.clone(), &LEDGER, &signer(4))).to_bytes();
    assert_eq!(
        hex::encode(&bytes[..30]),
        "0106000000000000000509617574686f726974790575732d6d6100000006"
    );
    assert_eq!(bytes.len(), 30 + 64);
    assert_eq!(
        hex::encode(close.signing_digest(&LEDGER)),
        "0bd7828f29ac0b76469511ba2699cd9c87e301c5ca0848633be4be6b49cc5834"
    );
    assert_eq!(
        hex::encode(post_digest(
            &LEDGER,
            &CircuitId([5; 32]),
            &[Fr::from(1u64), Fr::from(258u64)]
        )),
        "4775cf380db5dd3d459fda2dc238b8057eee1ab1e72978bb1ec8f7b93111d9f6"
    );
    assert_eq!(
        hex::encode(statement_key(
            &CircuitId([5; 32]),
            &[Fr::from(1u64), Fr::from(258u64)]
        )),
        "f877953c13649d162ccc55f7f2e394a2342b99b388fad83d5aceb9e561833d38"
    );
}

#[test]
fn signatures_hold_for_one_ledger_body_and_key() {
    let body = Void {
        sequence: 6,
        party: name("p"),
        dispense: 12,
    };
    let signed = Signed::new(body.clone(), &LEDGER, &signer(4));
    let key = signer(4).verifying_key();
    assert_eq!(signed.verify(&LEDGER, &key), Ok(()));
    assert_eq!(signed.verify(&[8; 32], &key), Err(SignatureError::Party));
    assert_eq!(
        signed.verify(&LEDGER, &signer(5).verifying_key()),
        Err(SignatureError::Party)
    );
    let other = Signed {
        body: Void { dispense: 13, ..body },
        ..signed
    };
    assert_eq!(other.verify(&LEDGER, &key), Err(SignatureError::Party));

    let keys = [1, 9, 2].map(|s| signer(s).verifying_key());
    let governed = governed(RegistryChange {
        sequence: 1,
        index: 0,
        action: RegistryAction::Zero,
    });
    assert_eq!(governed.signatures().len(), 2);
    assert_eq!(governed.verify(&LEDGER, &keys, 2), Ok(()));
    assert_eq!(
        governed.verify(&LEDGER, &keys, 3),
        Err(SignatureError::Threshold { got: 2, threshold: 3 })
    );
    assert_eq!(
        governed.verify(&LEDGER, &keys[..2], 1),
        Err(SignatureError::UnknownKey(2))
    );
    assert_eq!(
        governed.verify(&[8; 32], &keys, 1),
        Err(SignatureError::Governance(0))
    );

    let post = post();
    assert_eq!(post.verify_signature(&LEDGER, &key), Ok(()));
    assert_eq!(post.verify_signature(&[8; 32], &key), Err(SignatureError::Party));
    let mut changed = post.clone();
    changed.inputs[3] += Fr::from(1u64);
    assert_eq!(
        changed.verify_signature(&LEDGER, &key),
        Err(SignatureError::Party)
    );
    assert_ne!(changed.key(), post.key());
}

#[test]
fn the_ledger_id_commits_to_all_of_genesis() {
    let base = genesis();
    base.check().unwrap();
    let changes: [fn(&mut Genesis); 7] = [
        |g| g.nonce[0] ^= 1,
        |g| g.origin.push('x'),
        |g| g.log_key = signer(11).verifying_key(),
        |g| g.threshold = 1,
        |g| g.time += 1,
        |g| g.governance.truncate(2),
        |g| g.pinned.clear(),
    ];
    for change in changes {
        let mut other = base.clone();
        change(&mut other);
        assert_ne!(other.ledger_id(), base.ledger_id());
    }
    let mut production = Genesis {
        development: false,
        reenrol_delay: MIN_REENROL_DELAY,
        ..base
    };
    production.check().unwrap();
    production.reenrol_delay -= 1;
    assert_eq!(production.check().unwrap_err().field, "reenrol delay");
}

proptest! {
    #[test]
    fn l04_whatever_decodes_encodes_back(which in 0usize..18, at in 0usize..4096, with in any::<u8>()) {
        let mut bytes = examples()[which].to_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        if let Ok(entry) = Entry::from_bytes(&bytes) {
            prop_assert_eq!(entry.to_bytes(), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0u8..12) {
        let _ = Entry::from_bytes(&bytes);
        let _ = Entry::from_bytes(&[&[1, kind], &bytes[..]].concat());
    }
}
