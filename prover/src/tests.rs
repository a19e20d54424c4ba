//! The facade and both backends on a small circuit.

use crate::{
    Assignment, Observer, ProofStage, ProveError, Prover, Stopped, Unobserved,
    backend::{ArkworksBackend, BackendError, CircuitHandle, EngineBackend, Preparation, ProverBackend},
    example::{Cube, Root, public_of},
    keys::CircuitKeys,
};
use ark_bn254::Fr;
use ark_ff::One;
use medproof_circuits::statement::Circuit;
use medproof_verifier::{CircuitName, Proof, statement::Public};
use std::sync::{Arc, Mutex};

fn prover() -> Prover {
    let mut prover = Prover::default();
    prover.insert(CircuitKeys::throw_away::<Cube>().unwrap()).unwrap();
    prover
}

#[test]
fn a_true_statement_is_proven_and_verifies() {
    let prover = prover();
    let public = public_of(3);
    assert!(Cube::relation(&public, &Root(Fr::from(3u64))).is_ok());
    let proven = prover.prove::<Cube>(&public, &Root(Fr::from(3u64))).unwrap();
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    assert_eq!(key.verify(&public.to_vec(), &proven.proof), Ok(()));
    assert_eq!(proven.public_inputs, public.to_vec());
    assert_eq!(proven.circuit_id, key.circuit_id());
    assert!(proven.timings.total() >= proven.timings.proving);
    // Blinded: the same statement and witness give another proof.
    let again = prover.prove::<Cube>(&public, &Root(Fr::from(3u64))).unwrap();
    assert_ne!(again.proof, proven.proof);
}

#[test]
fn c15_a_false_witness_is_an_error_without_its_value() {
    let prover = prover();
    let secret = 918_273_645_546_372_819u64;
    assert!(Cube::relation(&public_of(3), &Root(Fr::from(secret))).is_err());
    let error = prover
        .prove::<Cube>(&public_of(3), &Root(Fr::from(secret)))
        .unwrap_err();
    assert!(matches!(error, ProveError::Unsatisfied("bind")));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(&secret.to_string()), "{shown}");
}

#[test]
fn changing_any_value_of_an_assignment_is_noticed() {
    let prover = prover();
    let assign = || {
        prover
            .assign::<Cube>(&public_of(3), &Root(Fr::from(3u64)))
            .unwrap()
    };
    let length = assign().full().len();
    for at in 0..length {
        let mut changed = assign();
        changed.full_mut()[at] += Fr::one();
        let proof = prover.prove_assignment(CircuitName::Bind, changed, &Unobserved);
        match at {
            // The constant 1: refused before anything is computed.
            0 => assert!(matches!(proof, Err(ProveError::Backend(_)))),
            _ => assert!(matches!(proof, Err(ProveError::Invalid { .. })), "value {at}"),
        }
    }
}

#[test]
fn batches_keep_their_order() {
    let prover = prover();
    let assignments: Vec<Assignment> = (2..5)
        .map(|x| prover.assign::<Cube>(&public_of(x), &Root(Fr::from(x))).unwrap())
        .collect();
    let proofs = prover.prove_batch(CircuitName::Bind, &assignments).unwrap();
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    for (proof, x) in proofs.into_iter().zip(2..5) {
        assert_eq!(key.verify(&public_of(x).to_vec(), &proof.unwrap()), Ok(()));
    }
}

/// A backend that returns proofs of something else.
struct Lying {
    honest: ArkworksBackend,
    stale: Mutex<Option<Proof>>,
}

impl ProverBackend for Lying {
    fn name(&self) -> &'static str {
        "lying"
    }

    fn load(&self, keys: Arc<CircuitKeys>) -> Result<CircuitHandle, BackendError> {
        self.honest.load(keys)
    }

    fn prove_batch(
        &self,
        circuit: CircuitHandle,
        assignments: &[Assignment],
    ) -> Vec<Result<Proof, BackendError>> {
        let mut stale = self.stale.lock().unwrap();
        let mut proofs = self.honest.prove_batch(circuit, assignments);
        let fresh = proofs.remove(0).unwrap();
        vec![Ok(stale.get_or_insert(fresh).clone())]
    }
}

#[test]
fn a_wrong_proof_does_not_leave() {
    let mut prover = Prover::with_backend(Box::new(Lying {
        honest: ArkworksBackend::new(),
        stale: Mutex::new(None),
    }));
    prover.insert(CircuitKeys::throw_away::<Cube>().unwrap()).unwrap();
    assert!(prover.prove::<Cube>(&public_of(3), &Root(Fr::from(3u64))).is_ok());
    let error = prover
        .prove::<Cube>(&public_of(4), &Root(Fr::from(4u64)))
        .unwrap_err();
    assert!(matches!(
        error,
        ProveError::Invalid {
            backend: "lying",
            circuit: "bind"
        }
    ));
}

/// Stops at one stage and notes those before.
struct StopAt(ProofStage, Mutex<Vec<ProofStage>>);

impl Observer for StopAt {
    fn enter(&self, stage: ProofStage) -> Result<(), Stopped> {
        self.1.lock().unwrap().push(stage);
        if stage == self.0 {
            Err(Stopped::Cancelled)
        } else {
            Ok(())
        }
    }
}

#[test]
fn a_proof_stops_at_each_stage() {
    use ProofStage::{Proving, Verifying, Witness};
    let prover = prover();
    for (stage, seen) in [
        (Witness, vec![Witness]),
        (Proving, vec![Witness, Proving]),
        (Verifying, vec![Witness, Proving, Verifying]),
    ] {
        let stop = StopAt(stage, Mutex::new(Vec::new()));
        let result = prover.prove_observed::<Cube>(&public_of(3), &Root(Fr::from(3u64)), &stop);
        assert!(matches!(result, Err(ProveError::Stopped(Stopped::Cancelled))));
        assert_eq!(*stop.1.lock().unwrap(), seen);
    }
}

#[test]
fn circuits_that_are_not_loaded_are_named() {
    let prover = Prover::default();
    let error = prover
        .prove::<Cube>(&public_of(3), &Root(Fr::from(3u64)))
        .unwrap_err();
    assert!(error.to_string().contains("`bind` is not loaded"), "{error}");
}

#[test]
fn circuit_info_tells_what_the_contract_asks() {
    let prover = prover();
    let info = prover.circuit_info();
    assert_eq!(info.len(), 1);
    assert_eq!(info[0].name.as_str(), "bind");
    assert_eq!(
        info[0].public_inputs,
        medproof_verifier::statement::BindPublic::NAMES
    );
    assert!(info[0].constraints >= 9 && info[0].domain.is_power_of_two());
    assert!(info[0].development_key);
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    assert_eq!(&info[0].verifying_key_hash, key.hash());
    assert_eq!(info[0].id, key.circuit_id());
}

#[test]
fn snarkjs_structures_have_decimal_strings_and_c0_first() {
    let prover = prover();
    let public = public_of(3);
    let proven = prover.prove::<Cube>(&public, &Root(Fr::from(3u64))).unwrap();
    let key = prover.verifying_key(CircuitName::Bind).unwrap();
    let vk = crate::snarkjs::verification_key(key);
    assert_eq!(vk["protocol"], "groth16");
    assert_eq!(vk["curve"], "bn128");
    assert_eq!(vk["nPublic"], 6);
    assert_eq!(vk["IC"].as_array().unwrap().len(), 7);
    let beta = key.inner().beta_g2;
    assert_eq!(vk["vk_beta_2"][0][0], beta.x.c0.to_string());
    assert_eq!(vk["vk_beta_2"][0][1], beta.x.c1.to_string());
    assert_eq!(vk["vk_beta_2"][1][0], beta.y.c0.to_string());
    assert_eq!(vk["vk_beta_2"][2], serde_json::json!(["1", "0"]));
    let proof = crate::snarkjs::proof(&proven.proof);
    assert_eq!(proof["pi_a"][0], proven.proof.inner().a.x.to_string());
    assert_eq!(proof["pi_a"][2], "1");
    assert_eq!(proof["pi_b"][1][1], proven.proof.inner().b.y.c1.to_string());
    let minus_one = -Fr::one();
    let inputs = [Fr::from(0u64), Fr::from(1_000_000_000u64), minus_one];
    assert_eq!(
        crate::snarkjs::public(&inputs),
        serde_json::json!(["0", "1000000000", minus_one.to_string()])
    );
    assert_eq!(
        minus_one.to_string(),
        "21888242871839275222246405745257275088548364400416034343698204186575808495616"
    );
}

/// Every backend and preparation proves the same statements, one by one and in batches, and refuses what the
/// others refuse.
#[test]
fn backends_prove_the_same_statements() {
    let backends: [Box<dyn ProverBackend>; 4] = [
        Box::new(ArkworksBackend::new()),
        Box::new(EngineBackend::new(Preparation::BRIEF)),
        Box::new(EngineBackend::new(Preparation::MANY)),
        Box::new(EngineBackend::new(Preparation::UNCONVERTED)),
    ];
    for backend in backends {
        let mut prover = Prover::with_backend(backend);
        prover.insert(CircuitKeys::throw_away::<Cube>().unwrap()).unwrap();
        let name = prover.backend();
        let proven = prover
            .prove::<Cube>(&public_of(3), &Root(Fr::from(3u64)))
            .unwrap();
        let again = prover
            .prove::<Cube>(&public_of(3), &Root(Fr::from(3u64)))
            .unwrap();
        assert_ne!(proven.proof, again.proof, "{name}: proofs are blinded afresh");
        let assign = |x: u64| prover.assign::<Cube>(&public_of(x), &Root(Fr::from(x))).unwrap();
        let mut wrong = assign(5);
        wrong.full_mut()[10] += Fr::one();
        let proofs = prover
            .prove_batch(CircuitName::Bind, &[assign(4), wrong, assign(6)])
            .unwrap();
        let valid: Vec<bool> = proofs.iter().map(Result::is_ok).collect();
        assert_eq!(valid, [true, false, true], "{name}");
    }
}

#[test]
fn the_engine_knows_only_its_own_handles() {
    let engine = EngineBackend::new(Preparation::BRIEF);
    let prover = prover();
    let assignment = prover
        .assign::<Cube>(&public_of(2), &Root(Fr::from(2u64)))
        .unwrap();
    let proofs = engine.prove_batch(CircuitHandle(0), std::slice::from_ref(&assignment));
    assert!(matches!(proofs[..], [Err(BackendError::Handle)]));
    assert_eq!(engine.bytes(), 0);
    engine
        .load(Arc::new(CircuitKeys::throw_away::<Cube>().unwrap()))
        .unwrap();
    assert!(engine.bytes() > 0);
}
