//! Gadgets against vectors of circomlibjs (`tests/vectors/README.md`).

#![allow(clippy::unwrap_used, reason = "a vector that cannot be read fails the test")]

use ark_bn254::Fr;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use medproof_circuits::gadgets::eddsa::{PublicKeyVar, SignatureVar, verify, verify_if};
use medproof_circuits::gadgets::linear::{enforce_equal, witness};
use medproof_circuits::gadgets::merkle::PathVar;
use medproof_circuits::gadgets::poseidon::poseidon;
use medproof_circuits::tamper::System;
use medproof_verifier::eddsa::{PublicKey, Signature};
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
fn c08_poseidon_equals_circomlib_at_every_width() {
    let vectors = read(include_str!("../../tests/vectors/poseidon.json"));
    let cases = list(&vectors, "cases");
    assert_eq!(cases.len(), 48);
    for case in cases {
        let system = System::prove(|cs| {
            let inputs = list(case, "inputs")
                .iter()
                .map(|x| witness(&cs, || Ok(fr(x))))
                .collect::<Result<Vec<_>, _>>()?;
            let hash = poseidon(&inputs)?;
            assert_eq!(hash.value()?, fr(&case["hash"]));
            let expected = witness(&cs, || Ok(fr(&case["hash"])))?;
            enforce_equal(&hash, &expected)
        });
        assert!(system.unwrap().is_satisfied());
    }
}

fn check_path<const DEPTH: usize>(case: &Value) {
    let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
    for (slot, level) in siblings.iter_mut().zip(list(case, "siblingsFromLeaf")) {
        let level: Vec<Fr> = level.as_array().unwrap().iter().map(fr).collect();
        *slot = level.try_into().unwrap();
    }
    let index: u64 = case["index"].as_str().unwrap().parse().unwrap();
    for (index, right) in [(index, true), (index ^ 1, false), (index ^ 2, false)] {
        let path = Path::<DEPTH>::new(index, siblings).unwrap();
        let system = System::prove(|cs| {
            let leaf = witness(&cs, || Ok(fr(&case["leaf"])))?;
            let root = witness(&cs, || Ok(fr(&case["root"])))?;
            let path = PathVar::new_witness(cs, &path)?;
            let sum: u64 = path
                .index_bits()
                .iter()
                .enumerate()
                .map(|(i, b)| u64::from(b.value().unwrap()) << i)
                .sum();
            assert_eq!(sum, index);
            enforce_equal(&path.root(&leaf)?, &root)
        });
        assert_eq!(system.unwrap().is_satisfied(), right);
    }
}

#[test]
fn c08_quaternary_paths_lead_to_the_root() {
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

fn verification(case: &Value, condition: Option<bool>) -> System {
    System::prove(|cs| {
        let key = PublicKey {
            x: fr(&case["A"][0]),
            y: fr(&case["A"][1]),
        };
        let signature = Signature {
            r8x: fr(&case["R8"][0]),
            r8y: fr(&case["R8"][1]),
            s: fr(&case["S"]),
        };
        let key = PublicKeyVar::new_witness(cs.clone(), &key)?;
        let message = witness(&cs, || Ok(fr(&case["message"])))?;
        let signature = SignatureVar::new_witness(cs.clone(), &signature)?;
        match condition {
            None => verify(&key, &message, &signature),
            Some(value) => {
                let condition = Boolean::new_witness(cs, || Ok(value))?;
                verify_if(&condition, &key, &message, &signature)
            }
        }
    })
    .unwrap()
}

#[test]
fn c13_valid_signatures_satisfy_the_circuit() {
    let vectors = read(include_str!("../../tests/vectors/eddsa_poseidon.json"));
    assert_eq!(list(&vectors, "valid").len(), 24);
    for case in list(&vectors, "valid") {
        assert!(verification(case, None).is_satisfied());
        assert!(verification(case, Some(true)).is_satisfied());
        assert!(verification(case, Some(false)).is_satisfied());
    }
}

#[test]
fn c13_no_invalid_signature_satisfies_the_circuit() {
    let vectors = read(include_str!("../../tests/vectors/eddsa_poseidon.json"));
    assert_eq!(list(&vectors, "invalid").len(), 14);
    for case in list(&vectors, "invalid") {
        let why = case["why"].as_str().unwrap();
        assert!(!verification(case, None).is_satisfied(), "{why}");
        assert!(!verification(case, Some(true)).is_satisfied(), "{why}");
        assert!(verification(case, Some(false)).is_satisfied(), "{why}");
    }
}
