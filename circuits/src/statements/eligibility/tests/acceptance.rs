//! Every eligibility case of the acceptance data through relation and circuit.

use super::super::{Eligibility, Large, Standard};
use super::fixture::Small;
use crate::scenario::Verdict;
use crate::scenario::eligibility::{Assignment, check};
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::ConstraintSystem;
use medproof_records::fhir::Bundle;
use medproof_records::policy::eligibility::compile;
use medproof_verifier::Day;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::PathBuf;

fn data(path: &str) -> PathBuf {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../tests/data/acceptance");
    root.join(path)
}

/// The verdict of the relation, which the circuit must share; and the number of constraints.
fn proven<C: Circuit>(public: &C::Public, witness: &C::Witness) -> (bool, usize) {
    let cs = ConstraintSystem::<Fr>::new_ref();
    C::synthesise(cs.clone(), public, witness).unwrap();
    let satisfied = cs.is_satisfied().unwrap();
    let relation = C::relation(public, witness);
    assert_eq!(
        relation.is_ok(),
        satisfied,
        "{relation:?} but {:?}",
        cs.which_is_unsatisfied()
    );
    (satisfied, cs.num_constraints())
}

#[test]
fn acceptance_cases_have_their_verdicts() {
    let cases: serde_json::Value =
        serde_json::from_slice(&std::fs::read(data("cases.json")).unwrap()).unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    let (mut seen, mut large) = (0, 0);
    for case in cases.as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        if text("statement") != "eligibility" {
            continue;
        }
        seen += 1;
        let policy = compile(&std::fs::read_to_string(data(text("policy"))).unwrap()).unwrap();
        let bundle = Bundle::parse(&std::fs::read(data(text("bundle"))).unwrap()).unwrap();
        let on = Day::parse(text("on")).unwrap();
        let outcome = check(&mut rng, &policy, &bundle, on, Fr::from(3u64)).unwrap();
        let id = text("id");
        println!(
            "{id}: {} {} {:?}",
            outcome.verdict, outcome.reason, outcome.figures
        );
        assert_eq!(
            outcome.verdict.as_str(),
            text("expect"),
            "{id}: {}",
            outcome.reason
        );
        let satisfied = match outcome.assignment.unwrap() {
            // Made-up cases are small; one of them, and all real patients, meet the circuits that are shipped.
            Assignment::Standard(public, witness) if witness.fits::<Small>() && id != "T01" => {
                proven::<Eligibility<Small>>(&public, &witness).0
            }
            Assignment::Standard(public, witness) => proven::<Eligibility<Standard>>(&public, &witness).0,
            Assignment::Large(public, witness) => {
                large += 1;
                let (satisfied, count) = proven::<Eligibility<Large>>(&public, &witness);
                println!("large: {count} constraints");
                assert!(count <= Eligibility::<Large>::BUDGET, "{count}");
                satisfied
            }
        };
        assert_eq!(satisfied, outcome.verdict == Verdict::Accept, "{id}");
    }
    assert_eq!((seen, large), (18, 1));
}
