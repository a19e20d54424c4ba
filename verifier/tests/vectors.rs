//! Native hashes, trees and signatures against vectors of circomlibjs (`tests/vectors/README.md`).

#![allow(clippy::unwrap_used, reason = "a vector that cannot be read fails the test")]

use ark_bn254::Fr;
use medproof_verifier::eddsa::{EddsaError, PublicKey, Signature, verify};
use medproof_verifier::poseidon::poseidon;
use medproof_verifier::tree::Path;
use serde_json::Value;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a Vec<Value> {
    value[field].as_array().unwrap()
}

/// A decimal string as a field element; the vectors have no value of r or more.
fn fr(value: &Value) -> Fr {
    let text = value.as_str().unwrap();
    assert!(text.len() <= 77);
    text.bytes().fold(Fr::from(0u64), |sum, digit| {
        assert!(digit.is_ascii_digit());
        sum * Fr::from(10u64) + Fr::from(digit - b'0')
    })
}

#[test]
fn poseidon_equals_circomlib_at_every_width() {
    let vectors = read(include_str!("../../tests/vectors/poseidon.json"));
    let mut widths = [0; 13];
    for case in list(&vectors, "cases") {
        let inputs: Vec<Fr> = list(case, "inputs").iter().map(fr).collect();
        widths[inputs.len()] += 1;
        assert_eq!(poseidon(&inputs), fr(&case["hash"]));
    }
    assert_eq!(widths[1..], [4; 12]);
}

fn check_path<const DEPTH: usize>(case: &Value) {
    let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
    let given = list(case, "siblingsFromLeaf");
    assert_eq!(given.len(), DEPTH);
    for (slot, level) in siblings.iter_mut().zip(given) {
        let level: Vec<Fr> = level.as_array().unwrap().iter().map(fr).collect();
        *slot = level.try_into().unwrap();
    }
    let index: u64 = case["index"].as_str().unwrap().parse().unwrap();
    let (leaf, root) = (fr(&case["leaf"]), fr(&case["root"]));
    assert_eq!(Path::new(index, siblings).unwrap().root(leaf), root);
    let moved = Path::new(index ^ 1, siblings).unwrap();
    assert_ne!(moved.root(leaf), root);
}

#[test]
fn quaternary_paths_lead_to_the_root() {
    let vectors = read(include_str!("../../tests/vectors/merkle_quaternary.json"));
    let cases = list(&vectors, "cases");
    assert_eq!(cases.len(), 10);
    for case in cases {
        match case["depth"].as_u64().unwrap() {
            1 => check_path::<1>(case),
            2 => check_path::<2>(case),
            9 => check_path::<9>(case),
            10 => check_path::<10>(case),
            16 => check_path::<16>(case),
            depth => panic!("a depth of {depth} is new"),
        }
    }
}

fn triple(case: &Value) -> (PublicKey, Fr, Signature) {
    let key = PublicKey {
        x: fr(&case["A"][0]),
        y: fr(&case["A"][1]),
    };
    let signature = Signature {
        r8x: fr(&case["R8"][0]),
        r8y: fr(&case["R8"][1]),
        s: fr(&case["S"]),
    };
    (key, fr(&case["message"]), signature)
}

#[test]
fn valid_signatures_are_accepted_and_round_trip() {
    let vectors = read(include_str!("../../tests/vectors/eddsa_poseidon.json"));
    assert_eq!(list(&vectors, "valid").len(), 24);
    for case in list(&vectors, "valid") {
        let (key, message, signature) = triple(case);
        assert_eq!(verify(&key, message, &signature), Ok(()));
        assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key));
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
    }
}

#[test]
fn invalid_signatures_are_refused_for_their_reason() {
    let vectors = read(include_str!("../../tests/vectors/eddsa_poseidon.json"));
    assert_eq!(list(&vectors, "invalid").len(), 14);
    for case in list(&vectors, "invalid") {
        let (key, message, signature) = triple(case);
        let why = case["why"].as_str().unwrap();
        let expected = match why {
            "S + l: not canonical" => EddsaError::NotReduced,
            _ if why.starts_with("A ") => EddsaError::Key,
            "R8 of another signature" | "R8 is the identity" => EddsaError::Mismatch,
            _ if why.starts_with("R8 ") => EddsaError::Nonce,
            _ => EddsaError::Mismatch,
        };
        assert_eq!(verify(&key, message, &signature), Err(expected), "{why}");
        if expected == EddsaError::Key {
            assert_eq!(
                PublicKey::from_bytes(&key.to_bytes()),
                Err(EddsaError::Key),
                "{why}"
            );
        }
    }
}
