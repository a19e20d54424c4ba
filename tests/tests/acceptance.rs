//! Every acceptance case through relation and circuit, and some through real proofs (all of them in
//! `make soak`).

use medproof_circuits::statement::Circuit;
use medproof_prover::{Constraints, KeyStore, Mode, ProveError, Prover};
use medproof_tests::{Case, Judge, cases, run};
use medproof_verifier::{CircuitName, Public};
use std::collections::BTreeMap;

/// Compares the circuit with the relation.
#[derive(Default)]
struct ByCircuit {
    constraints: BTreeMap<CircuitName, Constraints>,
    judged: usize,
}

impl Judge for ByCircuit {
    fn judge<C: Circuit>(&mut self, case: &Case, public: C::Public, witness: &C::Witness, accepted: bool) {
        let constraints = self
            .constraints
            .entry(C::NAME)
            .or_insert_with(|| Constraints::of::<C>().expect("the circuit synthesises"));
        let assignment = constraints
            .assign::<C>(&public, witness)
            .expect("the witness is assigned");
        assert_eq!(
            constraints.is_satisfied(assignment.full()),
            accepted,
            "circuit and relation of {}",
            case.id
        );
        self.judged += 1;
    }
}

/// Makes and verifies a proof where the relation accepts, and makes sure that there is none where it refuses.
struct ByProof {
    prover: Prover,
    store: KeyStore,
    proven: usize,
    refused: usize,
}

impl ByProof {
    fn new() -> Self {
        Self {
            prover: Prover::default(),
            store: KeyStore::at_default(Mode::Development).expect("there is a place for keys"),
            proven: 0,
            refused: 0,
        }
    }
}

impl Judge for ByProof {
    fn judge<C: Circuit>(&mut self, case: &Case, public: C::Public, witness: &C::Witness, accepted: bool) {
        if self.prover.verifying_key(C::NAME).is_none() {
            self.prover
                .load::<C>(&self.store, &mut |_| {})
                .expect("the key is opened");
        }
        match self.prover.prove::<C>(&public, witness) {
            Ok(proven) => {
                assert!(accepted, "{} has a proof", case.id);
                let key = self.prover.verifying_key(C::NAME).expect("the key is loaded");
                assert_eq!(
                    key.verify(&public.to_vec(), &proven.proof),
                    Ok(()),
                    "proof of {}",
                    case.id
                );
                let mut other = public.to_vec();
                other[0] += ark_bn254::Fr::from(1u64);
                assert!(
                    key.verify(&other, &proven.proof).is_err(),
                    "{} with another input",
                    case.id
                );
                self.proven += 1;
            }
            Err(ProveError::Unsatisfied(_)) => {
                assert!(!accepted, "{} has no proof", case.id);
                self.refused += 1;
            }
            Err(e) => panic!("{}: {e}", case.id),
        }
    }
}

#[test]
fn d02_every_dispensing_case_through_relation_and_circuit() {
    every("dispensing", 24, 22);
}

#[test]
fn d02_every_eligibility_case_through_relation_and_circuit() {
    every("eligibility", 18, 18);
}

#[test]
fn d02_every_claim_case_through_relation_and_circuit() {
    every("claim", 16, 16);
}

fn every(statement: &str, expected: usize, with_assignment: usize) {
    let mut judge = ByCircuit::default();
    let cases: Vec<Case> = cases().into_iter().filter(|c| c.statement == statement).collect();
    assert_eq!(cases.len(), expected);
    for case in &cases {
        run(case, &mut judge);
    }
    assert_eq!(
        judge.judged, with_assignment,
        "all but the unprovable have an assignment"
    );
}

#[test]
fn d02_prove_a_choice_of_cases() {
    let chosen = [
        "R01",
        "R04",
        "R14",
        "R25",
        "F01",
        "F02",
        "T01",
        "T02",
        "S-Leonor_Trujillo",
        "C01",
        "C13",
        "C15",
        "C16",
    ];
    let mut judge = ByProof::new();
    let cases: Vec<Case> = cases()
        .into_iter()
        .filter(|c| chosen.contains(&c.id.as_str()))
        .collect();
    assert_eq!(cases.len(), chosen.len());
    for case in &cases {
        run(case, &mut judge);
    }
    assert_eq!((judge.proven, judge.refused), (10, 3));
}

#[test]
#[ignore = "soak: makes about forty proofs and the key of the large tier"]
fn d02_prove_every_case() {
    let mut judge = ByProof::new();
    for case in &cases() {
        run(case, &mut judge);
    }
    assert_eq!(judge.proven + judge.refused, 56);
}
