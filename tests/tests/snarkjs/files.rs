//! `.r1cs` and `.wtns` files of the statements, as snarkjs reads and checks them; proofs under cached keys.

use ark_bn254::Fr;
use ark_ff::Field;
use medproof_circom::{R1cs, Zkey, wtns};
use medproof_circuits::statement::Circuit;
use medproof_cli::CliError;
use medproof_cli::bench::zkey;
use medproof_cli::sample::{self, Visit};
use medproof_prover::backend::{EngineBackend, Preparation, blinding};
use medproof_prover::{Constraints, KeyStore, Mode, Prover, snarkjs};
use medproof_tests::outside::must;
use medproof_verifier::{CircuitName, Proof, Public};
use serde_json::json;

/// Writes a circuit and its example, and the same with one value changed, and has snarkjs look at them.
struct Exported;

impl Visit for Exported {
    type Output = ();

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<(), CliError> {
        let constraints = Constraints::of::<C>().unwrap();
        let assignment = constraints.assign::<C>(public, witness).unwrap();
        let r1cs = snarkjs::constraints(&constraints).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let bytes = r1cs.write();
        assert_eq!(R1cs::read(&bytes).unwrap(), r1cs);
        std::fs::write(file("c.r1cs"), bytes).unwrap();
        std::fs::write(file("good.wtns"), snarkjs::witness(&assignment)).unwrap();
        let mut requests = vec![
            json!({ "ask": "info", "r1cs": file("c.r1cs") }),
            json!({ "ask": "check", "r1cs": file("c.r1cs"), "wtns": file("good.wtns") }),
        ];
        // A public input, the first private value, one in the middle, the last one.
        let (inputs, all) = (constraints.num_instance_variables(), assignment.full().len());
        for at in [1, inputs, (inputs + all) / 2, all - 1] {
            let mut values = assignment.full().to_vec();
            values[at] += Fr::ONE;
            assert!(r1cs.first_broken(&values).is_some(), "value {at}");
            let name = format!("{at}.wtns");
            std::fs::write(file(&name), wtns::write(&values)).unwrap();
            requests.push(json!({ "ask": "check", "r1cs": file("c.r1cs"), "wtns": file(&name) }));
        }
        let mut answers = must(&requests).into_iter();
        let info = json!({
            "prime": "21888242871839275222246405745257275088548364400416034343698204186575808495617",
            "wires": all,
            "constraints": constraints.num_constraints(),
            "public_outputs": 0,
            "public_inputs": C::Public::NAMES.len(),
            "private_inputs": 0,
        });
        assert_eq!(answers.next(), Some(info));
        assert_eq!(answers.next(), Some(json!(true)), "{}", C::NAME.as_str());
        assert!(answers.all(|answer| answer == json!(false)));
        Ok(())
    }
}

fn exported(circuit: CircuitName) {
    sample::example(circuit, Fr::from(1u64), Exported).unwrap();
}

#[test]
fn snarkjs_checks_the_witness_of_bind() {
    exported(CircuitName::Bind);
}

#[test]
fn snarkjs_checks_the_witness_of_dispense() {
    exported(CircuitName::Dispense);
}

#[test]
fn snarkjs_checks_the_witness_of_claim() {
    exported(CircuitName::Claim);
}

#[test]
#[ignore = "soak: a large circuit through snarkjs, five times"]
fn snarkjs_checks_the_witness_of_eligibility() {
    exported(CircuitName::Eligibility);
}

/// A proof under the cached key, with the right and with other inputs.
struct Verified;

impl Visit for Verified {
    type Output = ();

    fn visit<C: Circuit>(self, public: &C::Public, witness: &C::Witness) -> Result<(), CliError> {
        let store = KeyStore::at_default(Mode::Development).unwrap();
        // As `serve prover` has it.
        let prover = Prover::with_backend(Box::new(EngineBackend::new(Preparation::MANY)));
        let prover = prover.opening(&store, &[C::NAME], &mut |_| {}).unwrap();
        let proven = prover.prove::<C>(public, witness).unwrap();
        let key = snarkjs::verification_key(prover.verifying_key(C::NAME).unwrap());
        let proof = snarkjs::proof(&proven.proof);
        let mut requests = Vec::new();
        for changed in 0..=proven.public_inputs.len() {
            let mut inputs = proven.public_inputs.clone();
            if let Some(input) = inputs.get_mut(changed) {
                *input += Fr::ONE;
            }
            let inputs = snarkjs::public(&inputs);
            requests.push(json!({ "ask": "verify", "key": key, "inputs": inputs, "proof": proof }));
        }
        let mut answers = must(&requests);
        assert_eq!(answers.pop(), Some(json!(true)), "{}", C::NAME.as_str());
        assert!(answers.iter().all(|answer| *answer == json!(false)));
        Ok(())
    }
}

#[test]
fn v09_snarkjs_verifies_proofs_of_the_statements() {
    for circuit in [CircuitName::Bind, CircuitName::Dispense, CircuitName::Claim] {
        sample::example(circuit, Fr::from(1u64), Verified).unwrap();
    }
}

#[test]
#[ignore = "soak: a proof of a large circuit"]
fn v09_snarkjs_verifies_a_proof_of_eligibility() {
    sample::example(CircuitName::Eligibility, Fr::from(1u64), Verified).unwrap();
}

/// The engine takes a key and a witness of snarkjs' making, with tables and without, and snarkjs its proof.
#[test]
fn v09_snarkjs_verifies_the_engines_proof_under_a_key_of_its_own() {
    let folder =
        std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("vectors/circom");
    let [file, wtns_file] = ["cube.zkey", "cube.wtns"].map(|name| folder.join(name));
    let key = Zkey::read(&std::fs::read(&file).unwrap()).unwrap();
    let witness = wtns::read(&std::fs::read(wtns_file).unwrap()).unwrap();
    let public = &witness.values()[1..=key.public()];
    let mut other = public.to_vec();
    other[0] += Fr::ONE;
    let exported = must(&[json!({ "ask": "key", "zkey": file })]).remove(0);
    let verify = |proof: &Proof, inputs: &[Fr]| {
        let (inputs, proof) = (snarkjs::public(inputs), snarkjs::proof(proof));
        json!({ "ask": "verify", "key": exported, "inputs": inputs, "proof": proof })
    };
    let mut requests = Vec::new();
    for table_bytes in [0, 1 << 24] {
        let engine = zkey::engine(&key, table_bytes).unwrap();
        let proof = engine.prove(witness.values(), &blinding()).unwrap();
        let proof = Proof::new(proof).unwrap();
        requests.extend([verify(&proof, public), verify(&proof, &other)]);
    }
    let [yes, no] = [true, false].map(|verdict| json!(verdict));
    assert_eq!(must(&requests), [yes.clone(), no.clone(), yes, no]);
}
