use super::*;
use crate::statement::Circuit;
use crate::statements::dispense::{Dispense, Refused};
use crate::tamper::System;
use medproof_records::policy::dispensing::compile;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::path::PathBuf;

fn data(path: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/acceptance");
    std::fs::read(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn policy(path: &str) -> DispensingPolicy {
    let text = String::from_utf8(data(path)).unwrap();
    compile(&text, &mut |file| Ok(data(&format!("policies/{file}")))).unwrap()
}

fn satisfied(public: &DispensePublic, witness: &Witness) -> bool {
    System::prove(|cs| Dispense::synthesise(cs, public, witness))
        .unwrap()
        .is_satisfied()
}

fn run(policy: &DispensingPolicy, bundle: &Value, on: Option<Day>) -> Result<Outcome<Assignment>, Refusal> {
    let bundle = Bundle::parse(bundle.to_string().as_bytes()).unwrap();
    check(&mut StdRng::seed_from_u64(7), policy, &bundle, on, Fr::from(9u64))
}

/// Verdict, reason and assignment must agree with relation and circuit.
fn agreed(outcome: &Outcome<Assignment>) -> bool {
    let Some((public, witness)) = &outcome.assignment else {
        return outcome.verdict == Verdict::Unprovable;
    };
    let relation = Dispense::relation(public, witness);
    let expected = match &relation {
        Ok(()) => outcome.verdict == Verdict::Accept,
        Err(Refused::Limit(rule)) => outcome.verdict == Verdict::Reject && rule.as_str() == outcome.reason,
        Err(_) => false,
    };
    expected && relation.is_ok() == satisfied(public, witness)
}

#[test]
fn every_acceptance_case_has_its_verdict_in_relation_and_circuit() {
    let cases: Vec<Value> = serde_json::from_slice(&data("cases.json")).unwrap();
    let mut seen = 0;
    for case in cases.iter().filter(|c| c["statement"] == "dispensing") {
        let bundle: Value = serde_json::from_slice(&data(case["bundle"].as_str().unwrap())).unwrap();
        let on = case["on"].as_str().and_then(Day::parse);
        assert!(on.is_some());
        let policy = policy(case["policy"].as_str().unwrap());
        for on in [on, None] {
            let outcome = run(&policy, &bundle, on).unwrap();
            assert_eq!(outcome.verdict.as_str(), case["expect"], "{case}");
            assert_eq!(outcome.reason, case["reason"].as_str().unwrap(), "{case}");
            assert_eq!(json!(outcome.figures), case["figures"], "{case}");
            assert!(agreed(&outcome), "{case}");
        }
        seen += 1;
    }
    assert_eq!(seen, 24);
}

#[test]
fn the_example_holds() {
    let mut rng = StdRng::seed_from_u64(3);
    let (public, witness) = example(&mut rng, Fr::from(5u64));
    assert_eq!(Dispense::relation(&public, &witness), Ok(()));
    assert!(satisfied(&public, &witness));
}
