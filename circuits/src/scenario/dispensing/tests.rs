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
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../tests/data/acceptance");
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

/// The example's bundle: index 0 Patient, 1 the history, 2 the candidate.
fn changed(changes: &[(&str, Value)]) -> Result<Outcome<Assignment>, Refusal> {
    let mut bundle: Value = serde_json::from_str(example::BUNDLE).unwrap();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = bundle.pointer_mut(&format!("/entry{parent}")).unwrap();
        if let Value::Array(list) = parent {
            list.push(value.clone());
        } else if value.is_null() {
            parent.as_object_mut().unwrap().remove(field).unwrap();
        } else {
            parent[field] = value.clone();
        }
    }
    run(&example_policy(), &bundle, Day::parse("2026-03-02"))
}

#[track_caller]
fn outcome(changes: &[(&str, Value)], verdict: &str, reason: &str, peak: Option<i64>) {
    let outcome = changed(changes).unwrap();
    assert_eq!(
        (outcome.verdict.as_str(), outcome.reason.as_str()),
        (verdict, reason)
    );
    assert_eq!(outcome.figures.get("peak_milli_mme").copied(), peak);
    assert!(agreed(&outcome));
}

const HISTORY: &str = "/1/resource";
const CANDIDATE: &str = "/2/resource";

fn drug(code: &str) -> Value {
    json!({"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]})
}

#[test]
fn what_is_missing_is_unprovable() {
    let of = |resource: &str, field: &str| format!("{resource}/{field}");
    let drug_field = "medicationCodeableConcept";
    let cases = [
        (of(HISTORY, drug_field), drug("5"), "drug not in the table"),
        (of(CANDIDATE, drug_field), drug("5"), "drug not in the table"),
        (of(HISTORY, drug_field), Value::Null, "drug not in the table"),
        (
            of(CANDIDATE, drug_field),
            json!({"text": "oxycodone"}),
            "drug not in the table",
        ),
        (of(HISTORY, "daysSupply"), Value::Null, "days supply missing"),
        (of(CANDIDATE, "daysSupply"), Value::Null, "days supply missing"),
        (
            of(CANDIDATE, "daysSupply"),
            json!({"value": 0}),
            "days supply missing",
        ),
        (
            of(CANDIDATE, "daysSupply"),
            json!({"value": 7.5}),
            "days supply missing",
        ),
        (
            of(CANDIDATE, "daysSupply"),
            json!({"value": 7, "unit": "mo"}),
            "days supply missing",
        ),
        (of(HISTORY, "quantity"), Value::Null, "quantity missing"),
        (of(CANDIDATE, "quantity"), json!({"value": 0}), "quantity missing"),
        (
            of(HISTORY, "whenHandedOver"),
            Value::Null,
            "date handed over missing",
        ),
        (
            of(HISTORY, "whenHandedOver"),
            json!("2026-02"),
            "date handed over missing",
        ),
        (
            of(HISTORY, "whenHandedOver"),
            json!("2026-03-03"),
            "history after the date",
        ),
    ];
    for (pointer, value, reason) in cases {
        outcome(&[(&pointer, value)], "unprovable", reason, None);
    }
    // The first reason that applies, wherever it is.
    outcome(
        &[
            ("/1/resource/daysSupply", Value::Null),
            ("/2/resource/medicationCodeableConcept", drug("5")),
        ],
        "unprovable",
        "drug not in the table",
        None,
    );
    // What does not count need not be complete.
    let left_out = [
        ("/1/resource/status", json!("cancelled")),
        ("/1/resource/daysSupply", Value::Null),
    ];
    outcome(&left_out, "reject", "first_fill", Some(40_000));
    let old = [
        ("/1/resource/whenHandedOver", json!("2024")),
        ("/1/resource/quantity", Value::Null),
    ];
    outcome(&old, "reject", "first_fill", Some(40_000));
    let other = [
        ("/1/resource/medicationCodeableConcept", drug("314076")),
        ("/1/resource/daysSupply", Value::Null),
    ];
    outcome(&other, "reject", "first_fill", Some(40_000));
}

#[test]
fn facts_change_the_verdict() {
    outcome(&[], "accept", "ok", Some(70_000));
    outcome(
        &[("/2/resource/quantity", json!({"value": 181}))],
        "reject",
        "mme_per_day",
        Some(90_333),
    );
    outcome(
        &[("/1/resource/status", Value::Null)],
        "accept",
        "ok",
        Some(70_000),
    );
    outcome(
        &[("/1/resource/whenHandedOver", json!("2026-02-05T23:30:00-11:00"))],
        "accept",
        "ok",
        Some(70_000),
    );
    outcome(
        &[("/2/resource/medicationCodeableConcept", drug("314076"))],
        "accept",
        "ok",
        Some(0),
    );
    let same = [
        ("/2/resource/medicationCodeableConcept", drug("1049683")),
        ("/2/resource/quantity", json!({"value": 60})),
    ];
    outcome(&same, "accept", "ok", Some(60_000));
    let early = [
        same[0].clone(),
        same[1].clone(),
        ("/1/resource/whenHandedOver", json!("2026-02-08")),
    ];
    outcome(&early, "reject", "refill", Some(60_000));
    let much = [
        ("/1/resource/quantity", json!({"value": 121})),
        ("/1/resource/daysSupply", json!({"value": 60})),
    ];
    outcome(&much, "reject", "quantity", Some(70_250));
}

#[test]
fn more_dispenses_than_the_ring_holds_are_unprovable() {
    let mut changes = Vec::new();
    for i in 0..32 {
        let mut more: Value = serde_json::from_str::<Value>(example::BUNDLE).unwrap()["entry"][1].clone();
        more["resource"]["id"] = json!(format!("more-{i}"));
        more["resource"]["whenHandedOver"] = json!("2025-12-20");
        changes.push(("/-", more));
    }
    // 33 entries, 32 with none to spare, and 31 with room for one.
    outcome(&changes, "unprovable", "more than 32 dispenses count", None);
    outcome(&changes[1..], "unprovable", "more than 32 dispenses count", None);
    outcome(&changes[2..], "accept", "ok", Some(70_000));
}

#[test]
fn unusable_bundles_are_refused_by_field() {
    let refused = |changes: &[(&str, Value)]| changed(changes).map(|_| ()).unwrap_err().to_string();
    let no_tag = refused(&[("/2/resource/meta", json!({}))]);
    assert!(
        no_tag.contains("no dispense carries the tag urn:acceptance|candidate"),
        "{no_tag}"
    );
    let tag = json!({"tag": [{"system": "urn:acceptance", "code": "candidate"}]});
    assert!(refused(&[("/1/resource/meta", tag)]).contains("more than one dispense carries the tag"));
    let negative = refused(&[("/2/resource/quantity", json!({"value": -1}))]);
    assert!(
        negative.contains("MedicationDispense/c: MedicationDispense.quantity.value"),
        "{negative}"
    );
    let somebody = json!({"resource": {"resourceType": "Patient", "id": "q"}});
    assert!(refused(&[("/-", somebody)]).contains("more than one Patient"));
    let mut bundle: Value = serde_json::from_str(example::BUNDLE).unwrap();
    bundle["entry"][2]["resource"]["whenHandedOver"] = json!("2026-03");
    let undated = run(&example_policy(), &bundle, None)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        undated.contains("MedicationDispense.whenHandedOver: no exact date"),
        "{undated}"
    );
}

#[test]
fn only_an_active_confirmed_condition_exempts() {
    let bundle: Value = serde_json::from_slice(&data("dispensing/R25.json")).unwrap();
    let policy = policy("policies/rx-mme-90.toml");
    let reason = |field: &str, value: Value| {
        let mut bundle = bundle.clone();
        bundle["entry"][3]["resource"][field] = value;
        let outcome = run(&policy, &bundle, None).unwrap();
        assert!(agreed(&outcome));
        outcome.reason
    };
    let coded = |code: &str| json!({"coding": [{"code": code}]});
    assert_eq!(reason("clinicalStatus", coded("relapse")), "exempt");
    for (field, value) in [
        ("clinicalStatus", coded("resolved")),
        ("clinicalStatus", json!({})),
        ("verificationStatus", coded("refuted")),
        ("verificationStatus", coded("provisional")),
        ("onsetDateTime", json!("2026-03-03")),
        ("abatementDateTime", json!("2026-03")),
        ("subject", json!({"reference": "Patient/other"})),
        (
            "code",
            json!({"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G89.4"}]}),
        ),
    ] {
        assert_eq!(reason(field, value.clone()), "mme_per_day", "{field} {value}");
    }
}
