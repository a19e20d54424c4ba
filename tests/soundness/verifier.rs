//! V2, V4 and V5 where outside bytes and shipped keys come in; the rest of V stands in
//! `verifier/tests/proofs_and_keys.rs`.

use crate::{
    ideal,
    world::{World, challenge, name, posting},
};
use ark_bn254::{Bn254, Fr};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use ark_groth16::Groth16;
use medproof_circuits::{
    statement::Circuit,
    statements::{
        bind::Bind,
        claim::Claim,
        dispense::Dispense,
        eligibility::{Eligibility, Standard},
    },
};
use medproof_cli::statement_file::StatementFile;
use medproof_ledger::Refusal;
use medproof_proto::field::frs;
use medproof_prover::{KeyStore, Mode};
use medproof_verifier::{
    CircuitName, Context, Entry, KeyError, Proof, Public, Statement, VerifyError, VerifyingKey,
    entry::{CircuitAction, Post, Problem},
    field::{fr_from_be_bytes, fr_to_be_bytes},
    statement::DispensePublic,
};

/// Encodings that are none: x + r for small, large and random x, and 2^256 - 1.
fn aliases() -> Vec<[u8; 32]> {
    let of = |x: Fr| {
        let mut sum = x.into_bigint();
        let carry = sum.add_with_carry(&Fr::MODULUS);
        (!carry).then(|| sum.to_bytes_be().try_into().unwrap())
    };
    let values = [
        Fr::from(0u64),
        Fr::from(1u64),
        Fr::from(46_083u64),
        -Fr::from(1u64),
        name("us-ma").to_fr(),
    ];
    let mut all: Vec<[u8; 32]> = values.into_iter().filter_map(of).collect();
    assert_eq!(all.len(), values.len(), "2 r is below 2^256");
    all.push([0xff; 32]);
    all
}

fn post() -> Post {
    let inputs: Vec<Fr> = (1..=12u64).map(Fr::from).collect();
    let context = Context {
        ledger_id: [7; 32],
        circuit_id: ideal::verifying_key(CircuitName::Dispense).circuit_id(),
        relying_party: name("pharmacy-1"),
        challenge: challenge(3),
        payload_hash: [0; 32],
    };
    let statement = Statement::Dispense(DispensePublic::from_slice(&inputs).unwrap());
    Post::new(
        &statement,
        &context,
        ideal::forge(&inputs),
        &posting("pharmacy-1"),
    )
}

#[test]
fn v02_no_decoder_takes_an_alias_another_length_or_trailing_bytes() {
    for alias in aliases() {
        assert!(fr_from_be_bytes(&alias).is_err());
        // As any of the inputs of an entry, which begin at byte 35.
        for at in 0..12 {
            let mut bytes = Entry::Statement(Box::new(post())).to_bytes();
            bytes[35 + 32 * at..][..32].copy_from_slice(&alias);
            let refused = Entry::from_bytes(&bytes).unwrap_err();
            assert_eq!(refused.field, "public input");
            assert!(matches!(refused.problem, Problem::Canonical(_)), "{refused}");
        }
        // As an input of a presentation at a gateway.
        let refused = frs("public_inputs", &[alias.to_vec()]).unwrap_err();
        assert_eq!(refused.field, "public_inputs");
    }
    let honest = fr_to_be_bytes(&Fr::from(5u64));
    for wrong in [
        &honest[..31],
        &[&[0u8][..], &honest[..]].concat(),
        &[&honest[..], &[0]].concat(),
        &[],
    ] {
        assert_eq!(
            frs("public_inputs", &[wrong.to_vec()]).unwrap_err().field,
            "public_inputs"
        );
    }
    let mut longer = Entry::Statement(Box::new(post())).to_bytes();
    longer.push(0);
    let refused = Entry::from_bytes(&longer).unwrap_err();
    assert_eq!(refused.problem, Problem::Leftover(1));
    // A count that takes the proof for a thirteenth input, or an input for the proof.
    for count in [11, 13] {
        let mut bytes = Entry::Statement(Box::new(post())).to_bytes();
        bytes[34] = count;
        assert!(Entry::from_bytes(&bytes).is_err(), "{count}");
    }
}

#[test]
fn v02_no_statement_file_with_an_alias_is_read() {
    let post = post();
    let file = StatementFile {
        circuit: CircuitName::Dispense,
        development_key: true,
        statement: Statement::from_slice(CircuitName::Dispense, &post.inputs).unwrap(),
        context: post.context([7; 32]),
        proof: post.proof,
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("statement.json");
    let read_with = |at: usize, value: &str| {
        let mut document = file.to_json();
        document["public_inputs"][at]["value"] = value.into();
        std::fs::write(&path, document.to_string()).unwrap();
        StatementFile::read(&path).err().map(|e| e.to_string())
    };
    let honest = hex::encode(fr_to_be_bytes(&Fr::from(5u64)));
    assert_eq!(read_with(0, &honest), None);
    let mut wrong: Vec<String> = aliases().iter().map(hex::encode).collect();
    wrong.extend([
        format!("{honest}00"),
        format!("00{honest}"),
        honest[2..].to_owned(),
        String::new(),
    ]);
    for value in wrong {
        for (at, name) in DispensePublic::NAMES.iter().enumerate() {
            let refused = read_with(at, &value).unwrap();
            assert!(refused.contains(&format!("public_inputs.{name}")), "{refused}");
        }
    }
}

#[test]
fn v04_a_key_of_another_hash_answers_for_nothing() {
    let mut w = World::new();
    let right = ideal::verifying_key(CircuitName::Dispense);
    // The same points under another version or mark are another circuit, which nobody accepted.
    for (version, development) in [(right.version() + 1, true), (right.version(), false)] {
        let other = VerifyingKey::new(right.name(), version, development, right.inner().clone()).unwrap();
        assert_ne!(other.hash(), right.hash());
        let mut post = post();
        post.circuit_id = other.circuit_id();
        let resigned = resign(&w, post);
        assert!(matches!(w.submit(&resigned), Err(Refusal::UnknownCircuit(id)) if id == other.circuit_id()));
    }
    // A retired key is known and refused.
    w.circuit(CircuitAction::Retire(right.circuit_id())).unwrap();
    let mut honest = post();
    let ctx = honest.context(w.id()).to_fr();
    *honest.inputs.last_mut().unwrap() = ctx;
    honest.proof = ideal::forge(&honest.inputs);
    let resigned = resign(&w, honest);
    assert!(matches!(w.submit(&resigned), Err(Refusal::RetiredCircuit(_))));
}

fn resign(w: &World, mut post: Post) -> Entry {
    use ed25519_dalek::Signer;
    let digest = medproof_verifier::entry::post_digest(&w.id(), &post.circuit_id, &post.inputs);
    post.signature = posting("pharmacy-1").sign(&digest);
    Entry::Statement(Box::new(post))
}

/// What the forger of a key without a real phase 2 presents: A = alpha, B = beta, C = -IC(x), and its kin.
fn forgeries(key: &ark_groth16::VerifyingKey<Bn254>, inputs: &[Fr]) -> Vec<Proof> {
    let ic = key.gamma_abc_g1[1..].iter().zip(inputs);
    let ic = ic.fold(key.gamma_abc_g1[0].into_group(), |sum, (p, x)| sum + *p * x);
    let ic = ic.into_affine();
    let (a, b) = (key.alpha_g1, key.beta_g2);
    [(a, b, -ic), (a, b, ic), (-a, -b, -ic), (-a, b, ic)]
        .into_iter()
        .map(|(a, b, c)| Proof::new(ark_groth16::Proof { a, b, c }).unwrap())
        .collect()
}

fn forger_fails(key: &VerifyingKey) {
    let count = Statement::names(key.name()).len() as u64;
    let inputs: Vec<Fr> = (1..=count).map(|i| Fr::from(1000 * i)).collect();
    for forged in forgeries(key.inner(), &inputs) {
        assert_eq!(key.verify(&inputs, &forged), Err(VerifyError::Proof));
    }
    // The same key without phase 2: the forger succeeds, so the key must not come in.
    let mut weak = key.inner().clone();
    weak.delta_g2 = weak.gamma_g2;
    let forged = &forgeries(&weak, &inputs)[0];
    let prepared = ark_groth16::prepare_verifying_key(&weak);
    let taken = Groth16::<Bn254>::verify_proof(&prepared, forged.inner(), &inputs);
    assert!(matches!(taken, Ok(true)), "the forger is no test of the keys");
    let refused = VerifyingKey::new(key.name(), key.version(), key.is_development(), weak);
    assert_eq!(refused.unwrap_err(), KeyError::Degenerate("gamma = +-delta"));
}

fn opened<C: Circuit>(store: &KeyStore) -> VerifyingKey {
    store.open::<C>(&mut |_| ()).unwrap().verifying_key().clone()
}

#[test]
fn v05_the_forger_fails_against_every_key_of_the_cache() {
    let store = KeyStore::at_default(Mode::Development).unwrap();
    let keys = [
        opened::<Bind>(&store),
        opened::<Dispense>(&store),
        opened::<Claim>(&store),
        opened::<Eligibility<Standard>>(&store),
    ];
    keys.iter().for_each(forger_fails);
    // And whatever else lies there: the large tier, keys of other builds. The verifying key stands at byte 64 of a
    // key file; the four bytes before it are its length (docs/format.md, section 20).
    let mut seen = 0;
    for file in std::fs::read_dir(store.directory()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "mppk") {
            continue;
        }
        let head = read(&path, 64);
        let length = u32::from_be_bytes(head[60..].try_into().unwrap()) as usize;
        let bytes = read(&path, 64 + length);
        // A key of an older build may be of a circuit that has other inputs now: it is refused, not used.
        if let Ok(key) = VerifyingKey::from_bytes(&bytes[64..]) {
            forger_fails(&key);
            seen += 1;
        }
    }
    assert!(seen >= keys.len());
}

fn read(path: &std::path::Path, length: usize) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = vec![0; length];
    std::fs::File::open(path).unwrap().read_exact(&mut bytes).unwrap();
    bytes
}
