//! Gadgets against circomlib's own behaviour where it has them, and their `.r1cs` files before snarkjs (C6).
//!
//! Each gadget is laid out as circom numbers wires: outputs, then its inputs, then everything else. The files
//! stay in the build's folder for tests (`CARGO_TARGET_TMPDIR/gadgets`), for other checkers of constraints.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected"
)]

use ark_bn254::Fr;
use ark_ec::{CurveGroup, twisted_edwards::TECurveConfig};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, UniformRand};
use ark_r1cs_std::{GR1CSVar, alloc::AllocVar, eq::EqGadget, fields::fp::FpVar};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisError,
};
use medproof_circom::{R1cs, SparseMatrix, r1cs::Wires, wtns};
use medproof_circuits::gadgets::{eddsa, linear, merkle, poseidon, range};
use medproof_tests::outside::{must, outputs};
use medproof_verifier::Path;
use medproof_verifier::curve::{BabyJubjub, Scalar};
use medproof_verifier::eddsa::{PublicKey, Signature, challenge};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Vectors made with circomlibjs.
const SIGNATURES: &str = include_str!("../vectors/eddsa_poseidon.json");

type Output = Result<Vec<FpVar<Fr>>, SynthesisError>;

/// A gadget with values: its constraints, its assignment, and whether that satisfies them.
struct Run {
    r1cs: R1cs,
    values: Vec<Fr>,
    satisfied: bool,
    outputs: Vec<Fr>,
}

/// Allocates `inputs`, runs `gadget` over them, and makes what it returns the public outputs.
fn run(inputs: &[Fr], gadget: impl FnOnce(ConstraintSystemRef<Fr>, &[FpVar<Fr>]) -> Output) -> Run {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    let allocated: Vec<FpVar<Fr>> = inputs
        .iter()
        .map(|x| linear::witness(&cs, || Ok(*x)).unwrap())
        .collect();
    let results = gadget(cs.clone(), &allocated).unwrap();
    let outputs: Vec<Fr> = results.iter().map(|x| x.value().unwrap()).collect();
    for (result, value) in results.iter().zip(&outputs) {
        let output = FpVar::new_input(cs.clone(), || Ok(*value)).unwrap();
        output.enforce_equal(result).unwrap();
    }
    cs.finalize();
    let matrices = cs.to_matrices().unwrap().remove(R1CS_PREDICATE_LABEL).unwrap();
    let [a, b, c] = matrices
        .iter()
        .map(SparseMatrix::from_rows)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let values = [
        cs.instance_assignment().unwrap(),
        cs.witness_assignment().unwrap(),
    ]
    .concat();
    let wires = Wires {
        total: values.len(),
        public_outputs: outputs.len(),
        public_inputs: 0,
        private_inputs: inputs.len(),
    };
    let r1cs = R1cs::new(wires, [a, b, c]).unwrap();
    Run {
        satisfied: r1cs.first_broken(&values).is_none(),
        r1cs,
        values,
        outputs,
    }
}

fn text(x: &Fr) -> String {
    x.into_bigint().to_string()
}

fn fr(value: &Value) -> Fr {
    Fr::from_bigint(value.as_str().unwrap().parse().unwrap()).unwrap()
}

/// snarkjs counts what we count, finds our assignment good, and any other first output bad.
fn c06(name: &str, run: &Run) {
    assert!(run.satisfied, "{name}");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gadgets");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |suffix: &str| folder.join(format!("{name}{suffix}"));
    std::fs::write(file(".r1cs"), run.r1cs.write()).unwrap();
    std::fs::write(file(".wtns"), wtns::write(&run.values)).unwrap();
    let mut wrong = run.values.clone();
    wrong[1] += Fr::ONE;
    std::fs::write(file("-wrong.wtns"), wtns::write(&wrong)).unwrap();
    let r1cs = file(".r1cs");
    let answers = must(&[
        json!({ "ask": "info", "r1cs": r1cs }),
        json!({ "ask": "check", "r1cs": r1cs, "wtns": file(".wtns") }),
        json!({ "ask": "check", "r1cs": r1cs, "wtns": file("-wrong.wtns") }),
    ]);
    std::fs::remove_file(file("-wrong.wtns")).unwrap();
    let wires = run.r1cs.wires();
    for (field, expected) in [
        ("wires", wires.total),
        ("constraints", run.r1cs.constraints()),
        ("public_outputs", wires.public_outputs),
        ("public_inputs", 0),
        ("private_inputs", wires.private_inputs),
    ] {
        assert_eq!(answers[0][field], json!(expected), "{name}: {field}");
    }
    assert_eq!(answers[1..], [json!(true), json!(false)], "{name}");
}

/// 0, 1, r-1, (r+-1)/2, 2^k - 1, 2^k and random elements.
fn elements(rng: &mut StdRng, count: usize) -> Vec<Fr> {
    let half = Fr::from(2u64).inverse().unwrap();
    let mut all = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, half, half - Fr::ONE];
    for k in [8u64, 64, 128, 253] {
        let power = Fr::from(2u64).pow([k]);
        all.extend([power, power - Fr::ONE]);
    }
    all.extend((all.len()..count).map(|_| Fr::rand(rng)));
    all
}

#[test]
fn c06_poseidon_is_circomlibs() {
    let mut rng = StdRng::seed_from_u64(1);
    let elements = elements(&mut rng, 40);
    let samples: Vec<[Fr; 6]> = (0..20)
        .map(|i| std::array::from_fn(|j| elements[(i * 7 + j * 11 + i * j) % elements.len()]))
        .collect();
    let inputs: Vec<Value> = samples
        .iter()
        .map(|values| json!({ "values": values.iter().map(text).collect::<Vec<_>>() }))
        .collect();
    let theirs = outputs("poseidon_prefixes", &inputs, 6);
    for (values, theirs) in samples.iter().zip(theirs) {
        let ours = run(values, |_, x| {
            (1..=6).map(|n| poseidon::poseidon(&x[..n])).collect()
        });
        assert!(ours.satisfied);
        let ours: Vec<String> = ours.outputs.iter().map(text).collect();
        assert_eq!(Some(ours), theirs);
    }
    c06(
        "poseidon-4",
        &run(&samples[3][..4], |_, x| Ok(vec![poseidon::poseidon(x)?])),
    );
}

#[test]
fn c06_a_quaternary_path_has_the_root_that_circomlibs_hash_gives() {
    const DEPTH: usize = 5;
    let mut rng = StdRng::seed_from_u64(2);
    let last = (1u64 << (2 * DEPTH)) - 1;
    let mut indices = vec![0, 1, 2, 3, 4, last, last - 1, 0b01_10_11_00_01];
    indices.extend((0..12).map(|_| rng.gen_range(0..=last)));
    let samples: Vec<(Fr, Path<DEPTH>)> = indices
        .iter()
        .map(|index| {
            let siblings = std::array::from_fn(|_| std::array::from_fn(|_| Fr::rand(&mut rng)));
            (Fr::rand(&mut rng), Path::new(*index, siblings).unwrap())
        })
        .collect();
    let input = |(leaf, path): &(Fr, Path<DEPTH>)| {
        let siblings: Vec<Vec<String>> = path
            .siblings()
            .iter()
            .map(|level| level.iter().map(text).collect())
            .collect();
        json!({ "leaf": text(leaf), "index": path.index().to_string(), "siblings": siblings })
    };
    let inputs: Vec<Value> = samples.iter().map(input).collect();
    let theirs = outputs("quaternary_root", &inputs, 1);
    let gadget = |path: &Path<DEPTH>, leaf: &Fr| {
        run(&[*leaf], |cs, x| {
            Ok(vec![merkle::PathVar::new_witness(cs, path)?.root(&x[0])?])
        })
    };
    for ((leaf, path), theirs) in samples.iter().zip(theirs) {
        let ours = gadget(path, leaf);
        assert!(ours.satisfied);
        assert_eq!(ours.outputs, [path.root(*leaf)]);
        assert_eq!(
            Some(vec![text(&ours.outputs[0])]),
            theirs,
            "index {}",
            path.index()
        );
    }
    let (leaf, path) = &samples[7];
    c06("quaternary-root-5", &gadget(path, leaf));
}

/// Signature, key and message as the vectors hold them.
fn signature(case: &Value) -> (PublicKey, Fr, Signature) {
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

fn verify(key: &PublicKey, message: Fr, signature: &Signature) -> Run {
    run(&[message], |cs, x| {
        let key = eddsa::PublicKeyVar::new_witness(cs.clone(), key)?;
        let signature = eddsa::SignatureVar::new_witness(cs, signature)?;
        eddsa::verify(&key, &x[0], &signature)?;
        // The message again, so that there is an output to look at.
        Ok(vec![x[0].clone()])
    })
}

/// A signature under `A + T` with the point `T` of order 2. circomlib's verifier multiplies the key by 8, which
/// takes `T` away; we refuse keys outside the prime-order subgroup, since one person would have several.
fn under_a_key_with_torsion() -> (PublicKey, Fr, Signature) {
    let base = BabyJubjub::GENERATOR;
    let (secret, nonce) = (Scalar::from(123_456_789u64), Scalar::from(987_654_321u64));
    let [key, r8] = [secret, nonce].map(|n| (base * n).into_affine());
    let key = PublicKey { x: -key.x, y: -key.y };
    let message = Fr::from(42u64);
    let challenge = challenge(&key, message, r8.x, r8.y);
    #[allow(
        clippy::disallowed_methods,
        reason = "the signer's equation holds modulo the group order"
    )]
    let challenge = Scalar::from_le_bytes_mod_order(&challenge.into_bigint().to_bytes_le());
    let s = nonce + challenge * Scalar::from(8u64) * secret;
    let signature = Signature {
        r8x: r8.x,
        r8y: r8.y,
        s: Fr::from_bigint(s.into_bigint()).unwrap(),
    };
    (key, message, signature)
}

#[test]
fn c06_signatures_are_judged_as_by_circomlib() {
    let vectors: Value = serde_json::from_str(SIGNATURES).unwrap();
    let cases = |name: &str| vectors[name].as_array().unwrap().clone();
    let (valid, invalid) = (cases("valid"), cases("invalid"));
    let all = valid
        .iter()
        .chain(&invalid)
        .map(|case| (signature(case), case["why"].to_string()));
    let mut all: Vec<_> = all.collect();
    all.push((under_a_key_with_torsion(), "key with torsion".to_owned()));
    let input = |((key, message, signature), _): &((PublicKey, Fr, Signature), String)| {
        json!({
            "Ax": text(&key.x), "Ay": text(&key.y), "S": text(&signature.s),
            "R8x": text(&signature.r8x), "R8y": text(&signature.r8y), "M": text(message),
        })
    };
    let inputs: Vec<Value> = all.iter().map(input).collect();
    let theirs = outputs("eddsa_verify", &inputs, 0);
    let last = all.len() - 1;
    for (i, (((key, message, signature), why), theirs)) in all.iter().zip(theirs).enumerate() {
        let ours = verify(key, *message, signature).satisfied;
        assert_eq!(ours, i < valid.len(), "{why}");
        assert_eq!(theirs.is_some(), ours || i == last, "{why}");
    }
    let (key, message, signature) = signature(&valid[0]);
    c06("eddsa-verify", &verify(&key, message, &signature));
}

#[test]
fn c06_comparisons_are_circomlibs() {
    const WIDTHS: [usize; 3] = [8, 32, 64];
    let mut rng = StdRng::seed_from_u64(3);
    let mut pairs = Vec::new();
    for i in 0..64 {
        pairs.push(WIDTHS.map(|n| {
            let top = u64::MAX >> (64 - n);
            let edges = [
                0,
                1,
                top,
                top - 1,
                top / 2,
                top / 2 + 1,
                rng.r#gen::<u64>() & top,
                rng.r#gen::<u64>() & top,
            ];
            (edges[i / 8], edges[i % 8])
        }));
    }
    let input = |row: &[(u64, u64); 3]| json!({ "a": row.map(|(a, _)| a.to_string()), "b": row.map(|(_, b)| b.to_string()) });
    let inputs: Vec<Value> = pairs.iter().map(input).collect();
    let theirs = outputs("compare", &inputs, 6);
    for (row, theirs) in pairs.iter().zip(theirs) {
        let mut less = Vec::new();
        let mut less_or_equal = Vec::new();
        for ((a, b), n) in row.iter().zip(WIDTHS) {
            let ours = compare(*a, *b, n);
            assert!(ours.satisfied);
            assert_eq!(ours.outputs, [Fr::from(a < b), Fr::from(a <= b)]);
            less.push(text(&ours.outputs[0]));
            less_or_equal.push(text(&ours.outputs[1]));
        }
        assert_eq!(Some([less, less_or_equal].concat()), theirs, "{row:?}");
    }
    c06("compare-64", &compare(u64::MAX - 1, u64::MAX, 64));
}

fn compare(a: u64, b: u64, n: usize) -> Run {
    run(&[Fr::from(a), Fr::from(b)], |_, x| {
        for value in x {
            range::enforce_range(value, n)?;
        }
        Ok(vec![
            FpVar::from(range::less_than(&x[0], &x[1], n)?),
            FpVar::from(range::less_or_equal(&x[0], &x[1], n)?),
        ])
    })
}
