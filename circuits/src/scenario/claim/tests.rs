use super::*;
use crate::tamper::System;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::path::PathBuf;

fn data(path: &str) -> Vec<u8> {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../tests/data/acceptance");
    std::fs::read(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn policy() -> ClaimPolicy {
    let text = String::from_utf8(data("policies/claim-lab.toml")).unwrap();
    ClaimPolicy::compile(&text, &mut |path| Ok(data(&format!("policies/{path}")))).unwrap()
}

fn satisfied(public: &ClaimPublic, witness: &Witness) -> bool {
    System::prove(|cs| Claim::synthesise(cs, public, witness))
        .unwrap()
        .is_satisfied()
}

fn run(bundle: &Value, context: &Value) -> Result<Outcome<Assignment>, Refusal> {
    let bundle = Bundle::parse(bundle.to_string().as_bytes()).unwrap();
    let context = ClaimContext::parse(context.to_string().as_bytes()).unwrap();
    check(
        &mut StdRng::seed_from_u64(7),
        &policy(),
        &bundle,
        &context,
        Fr::from(9u64),
    )
}

/// Relation and circuit must agree, and a rejection must be refused by one of circuit and ledger.
fn agreed(outcome: &Outcome<Assignment>) -> bool {
    let (public, witness) = outcome.assignment.as_ref().unwrap();
    let holds = Claim::relation(public, witness).is_ok();
    let accepted = outcome.verdict == Verdict::Accept;
    holds == satisfied(public, witness) && holds == (accepted || outcome.nullifier_spent)
}

#[test]
fn every_acceptance_case_has_its_verdict_in_relation_and_circuit() {
    let cases: Vec<Value> = serde_json::from_slice(&data("cases.json")).unwrap();
    let mut seen = 0;
    for case in cases.iter().filter(|c| c["statement"] == "claim") {
        let bundle: Value = serde_json::from_slice(&data(case["bundle"].as_str().unwrap())).unwrap();
        let context: Value = serde_json::from_slice(&data(case["context"].as_str().unwrap())).unwrap();
        let outcome = run(&bundle, &context).unwrap();
        assert_eq!(outcome.verdict.as_str(), case["expect"], "{case}");
        assert_eq!(outcome.reason, case["reason"].as_str().unwrap(), "{case}");
        assert_eq!(json!(outcome.figures), case["figures"], "{case}");
        assert!(agreed(&outcome), "{case}");
        seen += 1;
    }
    assert_eq!(seen, 16);
}

/// Resources of a case's bundle, to be changed: index 1 Coverage, 2 Practitioner, 3 Procedure, 4 Claim.
fn changed(case: &str, change: impl FnOnce(&mut Value, &mut Value)) -> Result<Outcome<Assignment>, Refusal> {
    let mut bundle: Value = serde_json::from_slice(&data(&format!("claim/{case}.json"))).unwrap();
    let mut context: Value = serde_json::from_slice(&data(&format!("claim/{case}.context.json"))).unwrap();
    change(&mut bundle, &mut context);
    run(&bundle, &context)
}

fn set(bundle: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = bundle.pointer_mut(&format!("/entry/{parent}")).unwrap();
    match parent {
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        _ if value.is_null() => drop(parent.as_object_mut().unwrap().remove(field).unwrap()),
        _ => parent[field] = value,
    }
}

#[test]
fn a_fact_that_fails_has_its_reason() {
    let null = Value::Null;
    let nobody = json!({"reference": "Patient/p2"});
    let icd = "http://hl7.org/fhir/sid/icd-10-cm";
    let cases: Vec<(&str, &str, Value, &str)> = vec![
        ("C01", "1/resource/status", json!("cancelled"), "coverage"),
        ("C01", "1/resource/beneficiary", nobody.clone(), "coverage"),
        ("C01", "1/resource/period", null.clone(), "coverage"),
        ("C01", "1/resource/period/start", null.clone(), "coverage"),
        ("C01", "1/resource/period/end", null.clone(), "ok"),
        ("C01", "1/resource/period/start", json!("2026-02"), "coverage"),
        ("C01", "1/resource/period/end", json!("2026-02"), "coverage"),
        ("C01", "1/resource/period/end", json!("2026-02-09"), "coverage"),
        (
            "C01",
            "1/resource/class",
            json!([{"type": {"coding": [{"code": "plan"}]}, "value": "hmo-2026"}]),
            "coverage",
        ),
        (
            "C01",
            "1/resource/class",
            json!([{"type": {"coding": [{"code": "plan"}]}, "value": "a plan!"}]),
            "coverage",
        ),
        (
            "C01",
            "1/resource/class",
            json!([{"type": {"coding": [{"code": "plan"}]}, "value": "ppo-2026"}]),
            "ok",
        ),
        ("C01", "4/resource/insurance", json!([]), "coverage"),
        ("C01", "4/resource/patient", nobody.clone(), "coverage"),
        ("C01", "2/resource/qualification", json!([]), "provider"),
        (
            "C01",
            "2/resource/qualification/0/period",
            null.clone(),
            "provider",
        ),
        (
            "C01",
            "2/resource/qualification/0/period/start",
            json!("2026-02-11"),
            "provider",
        ),
        (
            "C01",
            "2/resource/qualification/0/period/start",
            json!("2026-02-10"),
            "ok",
        ),
        (
            "C01",
            "2/resource/identifier/0/value",
            json!("1234567890"),
            "provider",
        ),
        ("C01", "2/resource/active", json!(false), "provider"),
        ("C01", "3/resource/status", json!("not-done"), "provider"),
        ("C01", "3/resource/subject", nobody.clone(), "provider"),
        ("C01", "3/resource/performer", json!([]), "provider"),
        (
            "C01",
            "3/resource/performedDateTime",
            json!("2026-02-11"),
            "provider",
        ),
        (
            "C01",
            "3/resource/performedDateTime",
            json!("2026-02-10T23:59:00-05:00"),
            "ok",
        ),
        (
            "C01",
            "3/resource/code/coding/0/code",
            json!("80061"),
            "diagnosis and procedure",
        ),
        (
            "C01",
            "3/resource/reasonCode/0/coding/0/code",
            json!("E11.65"),
            "diagnosis and procedure",
        ),
        (
            "C01",
            "3/resource/reasonCode",
            json!([]),
            "diagnosis and procedure",
        ),
        ("C07", "3/resource/reasonCode", json!([]), "timely filing"),
        (
            "C01",
            "4/resource/diagnosis",
            json!([]),
            "diagnosis and procedure",
        ),
        (
            "C01",
            "4/resource/item/0/diagnosisSequence",
            json!([2]),
            "diagnosis and procedure",
        ),
        ("C01", "4/resource/item/0/diagnosisSequence", json!([]), "ok"),
        (
            "C01",
            "4/resource/diagnosis/0/diagnosisCodeableConcept",
            json!({"coding": [{"system": icd, "code": "I10"}, {"system": icd, "code": "E11.9"}]}),
            "ok",
        ),
        ("C01", "4/resource/created", json!("2026-02-09"), "timely filing"),
        ("C01", "4/resource/created", json!("2026-02-10"), "ok"),
        ("C01", "4/resource/item/0/quantity", null.clone(), "units"),
        ("C01", "4/resource/item/0/quantity/value", json!(0), "units"),
        ("C01", "4/resource/item/0/quantity/value", json!(0.5), "units"),
        ("C01", "4/resource/item/0/quantity/value", json!(65537), "units"),
        (
            "C01",
            "4/resource/item/0/quantity/comparator",
            json!("<"),
            "units",
        ),
        (
            "C15",
            "5/resource/status",
            json!("cancelled"),
            "prior authorisation",
        ),
        ("C15", "5/resource/use", json!("claim"), "prior authorisation"),
        (
            "C15",
            "5/resource/outcome",
            json!("queued"),
            "prior authorisation",
        ),
        ("C15", "5/resource/patient", nobody, "prior authorisation"),
        (
            "C15",
            "5/resource/item/0/itemSequence",
            json!(2),
            "prior authorisation",
        ),
        ("C15", "5/resource/item", json!([]), "prior authorisation"),
        (
            "C15",
            "5/resource/preAuthPeriod",
            null.clone(),
            "prior authorisation",
        ),
        (
            "C15",
            "5/resource/preAuthPeriod/start",
            json!("2026-02-11"),
            "prior authorisation",
        ),
        (
            "C15",
            "5/resource/preAuthPeriod/end",
            json!("2026-02-09"),
            "prior authorisation",
        ),
        ("C15", "5/resource/preAuthPeriod/end", json!("2026-02-10"), "ok"),
        ("C15", "5/resource/preAuthPeriod/end", null, "ok"),
    ];
    for (case, pointer, value, reason) in cases {
        let outcome = changed(case, |bundle, _| set(bundle, pointer, value.clone())).unwrap();
        assert_eq!(outcome.reason, reason, "{case} {pointer} {value}");
        assert!(agreed(&outcome), "{case} {pointer} {value}");
    }
}

/// The answer of C15 is entry 5; `more` is what else the bundle has.
fn authorised(answer: &[(&str, Value)], more: Option<Value>) -> Outcome<Assignment> {
    let outcome = changed("C15", |bundle, _| {
        for (field, value) in answer {
            set(bundle, &format!("5/resource/{field}"), value.clone());
        }
        bundle["entry"].as_array_mut().unwrap().extend(more);
    });
    let outcome = outcome.unwrap();
    assert!(agreed(&outcome), "{answer:?}");
    outcome
}

/// A request for authorisation `Claim/r1` of one line.
fn request(r#use: &str, procedure: &str, sequence: u32, units: u32) -> Option<Value> {
    Some(json!({"resource": {
        "resourceType": "Claim", "id": "r1", "status": "active", "use": r#use,
        "patient": {"reference": "Patient/p1"},
        "item": [{"sequence": sequence, "quantity": {"value": units}, "productOrService":
            {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": procedure}]}}],
    }}))
}

#[test]
fn an_authorisation_is_about_the_lines_of_what_it_answers() {
    let missing = "prior authorisation";
    let names = |reference: &str| [("request", json!({"reference": reference}))];
    let own = names("Claim/r1");
    // The bundle's own claim, the request in the bundle, and one that is not there.
    let claim = json!({"reference": "Claim/cl1"});
    assert_eq!(authorised(&[("request", claim)], None).reason, "ok");
    let lines = |r#use, procedure, sequence, units| {
        authorised(&own, request(r#use, procedure, sequence, units)).reason
    };
    assert_eq!(lines("preauthorization", "95250", 1, 1), "ok");
    assert_eq!(lines("preauthorization", "95250", 2, 1), missing);
    assert_eq!(lines("preauthorization", "83036", 1, 1), missing);
    assert_eq!(lines("preauthorization", "95250", 1, 0), missing);
    // Not a request for authorisation, not in the bundle, not a claim, not resolvable.
    assert_eq!(lines("predetermination", "95250", 1, 1), missing);
    assert_eq!(authorised(&own, None).reason, missing);
    assert_eq!(authorised(&names("Patient/p1"), None).reason, missing);
    assert_eq!(authorised(&[("request", json!({}))], None).reason, missing);
}

#[test]
fn an_authorisation_has_a_number_and_is_not_denied() {
    let missing = "prior authorisation";
    for number in [Value::Null, json!(""), json!(" ")] {
        assert_eq!(authorised(&[("preAuthRef", number)], None).reason, missing);
    }
    let items = |items: Value| authorised(&[("item", items)], None).reason;
    let line = |decision: Value| items(json!([{"itemSequence": 1, "adjudication": [{}, decision]}]));
    let code = |code: &str| json!({"coding": [{"code": code}]});
    assert_eq!(line(json!({"category": code("denied")})), missing);
    assert_eq!(line(json!({"category": code("denialreason")})), missing);
    assert_eq!(line(json!({"category": {"text": "Rejected"}})), missing);
    assert_eq!(
        line(json!({"category": code("submitted"), "reason": {"text": "DENIED: not covered"}})),
        missing
    );
    assert_eq!(line(json!({"reason": {"text": "Not certified"}})), missing);
    assert_eq!(
        line(json!({"category": code("eligible"), "reason": code("ar001")})),
        "ok"
    );
    // A line that is denied as well as approved is denied; another line's denial is its own.
    let denied = json!([{"category": code("denied")}]);
    assert_eq!(
        items(json!([{"itemSequence": 1}, {"itemSequence": 1, "adjudication": denied}])),
        missing
    );
    assert_eq!(
        items(json!([{"itemSequence": 1}, {"itemSequence": 2, "adjudication": denied}])),
        "ok"
    );
}

#[test]
fn a_bundle_that_does_not_say_what_is_claimed_is_refused_by_field() {
    let null = Value::Null;
    let cases = [
        ("4/resource/status", json!("cancelled"), "Claim.status"),
        ("4/resource/use", json!("predetermination"), "no Claim"),
        ("4/resource/created", null.clone(), "Claim.created"),
        ("4/resource/created", json!("2026-02"), "Claim.created"),
        ("4/resource/item", json!([]), "Claim.item"),
        (
            "4/resource/item/0/servicedDate",
            json!("2026"),
            "Claim.item[0].serviced",
        ),
        ("4/resource/item/0/net", null.clone(), "Claim.item[0].net"),
        (
            "4/resource/item/0/net/currency",
            json!("EUR"),
            "Claim.item[0].net.currency",
        ),
        (
            "4/resource/item/0/net/value",
            json!(-1),
            "Claim.item[0].net.value",
        ),
        (
            "4/resource/item/0/net/value",
            json!(15.001),
            "Claim.item[0].net.value",
        ),
        ("1/resource/subscriberId", null, "Coverage.subscriberId"),
        (
            "1/resource/subscriberId",
            json!("M_100200"),
            "Coverage.subscriberId",
        ),
        (
            "3/resource/performedDateTime",
            json!("2026-02"),
            "Procedure.performed",
        ),
    ];
    for (pointer, value, part) in cases {
        let refused = changed("C01", |bundle, _| set(bundle, pointer, value.clone()))
            .err()
            .unwrap();
        assert!(refused.to_string().contains(part), "{pointer}: {refused}");
    }
    let several = changed("C01", |bundle, _| {
        let item = bundle["entry"][4]["resource"]["item"][0].clone();
        bundle["entry"][4]["resource"]["item"]
            .as_array_mut()
            .unwrap()
            .push(item);
    });
    assert!(several.err().unwrap().to_string().contains("one line"));
    let twice = changed("C01", |bundle, _| {
        let mut claim = bundle["entry"][4].clone();
        claim["resource"]["id"] = json!("cl2");
        bundle["entry"].as_array_mut().unwrap().push(claim);
    });
    assert!(twice.err().unwrap().to_string().contains("more than one Claim"));
}

#[test]
fn the_focal_coverage_and_the_fitting_procedure_are_taken() {
    let outcome = changed("C01", |bundle, _| {
        let mut other = bundle["entry"][1].clone();
        other["resource"]["id"] = json!("cov2");
        other["resource"]["status"] = json!("cancelled");
        let mut early = bundle["entry"][3].clone();
        early["resource"]["id"] = json!("proc0");
        early["resource"]["performedDateTime"] = json!("2026-01-10");
        let list = bundle["entry"].as_array_mut().unwrap();
        list.insert(0, early);
        list.push(other);
        let insurance = json!([
            {"sequence": 1, "focal": false, "coverage": {"reference": "Coverage/cov2"}},
            {"sequence": 2, "focal": true, "coverage": {"reference": "Coverage/cov1"}},
        ]);
        bundle["entry"][5]["resource"]["insurance"] = insurance;
    })
    .unwrap();
    assert_eq!(outcome.reason, "ok");
}

#[test]
fn balances_move_by_the_plan_and_a_duplicate_comes_before_the_annual_limit() {
    let with = |deductible: u64, out_of_pocket: u64, annual: u64, claimed: bool| {
        changed("C01", |_, context| {
            context["balance_cents"] = json!({"deductible_left": deductible, "out_of_pocket_left": out_of_pocket, "annual_left": annual});
            context["already_claimed"] = json!(claimed);
        })
        .unwrap()
    };
    let over = with(0, 100_000, 959, false);
    assert_eq!(
        (over.verdict, over.reason.as_str()),
        (Verdict::Reject, "annual limit")
    );
    assert!(over.figures.is_empty() && agreed(&over));
    let both = with(0, 100_000, 959, true);
    assert_eq!((both.reason.as_str(), both.nullifier_spent), ("duplicate", false));
    assert!(agreed(&both));
    let duplicate = with(0, 100_000, 960, true);
    assert_eq!(
        (duplicate.reason.as_str(), duplicate.nullifier_spent),
        ("duplicate", true)
    );
    assert!(agreed(&duplicate));
    let part = with(500, 100_000, 560, false);
    assert_eq!(
        json!(part.figures),
        json!({"allowed": 1200, "deductible": 500, "coinsurance": 140, "pay": 560})
    );
    let capped = with(500, 550, 650, false);
    assert_eq!(
        json!(capped.figures),
        json!({"allowed": 1200, "deductible": 500, "coinsurance": 50, "pay": 650})
    );
    let largest = with(u64::MAX, u64::MAX, u64::MAX, false);
    assert_eq!(
        json!(largest.figures),
        json!({"allowed": 1200, "deductible": 1200, "coinsurance": 0, "pay": 0})
    );
    for outcome in [part, capped, largest] {
        assert!(agreed(&outcome));
    }
}

#[test]
fn the_example_holds_and_needs_an_authorisation() {
    let (public, witness) = example(&mut StdRng::seed_from_u64(1), Fr::from(3u64));
    assert!(witness.row.prior_authorisation);
    assert_eq!(Claim::relation(&public, &witness), Ok(()));
    assert!(satisfied(&public, &witness));
    assert_eq!(public.ctx, Fr::from(3u64));
}

#[test]
fn long_coverages_are_signed_year_by_year() {
    let day = |text: &str| Day::parse(text).unwrap();
    let year = |start: &str, end: Option<&str>, service: &str| {
        let filed = FiledCoverage {
            holds: true,
            plan: None,
            member: "m".parse().unwrap(),
            period: Some((day(start), end.map_or(Day::OPEN, day))),
        };
        let ((first, last), year) = plan_year(Some(&filed), day(service));
        (first.to_string(), last.to_string(), year)
    };
    let expect = |a: &str, b: &str, y| (a.to_owned(), b.to_owned(), y);
    let plain = expect("2026-01-01", "2026-12-31", 2026);
    assert_eq!(year("2026-01-01", Some("2026-12-31"), "2026-02-10"), plain);
    assert_eq!(year("2026-01-01", Some("2026-12-31"), "2025-12-31"), plain);
    assert_eq!(
        year("2026-01-01", Some("2026-06-30"), "2026-12-31"),
        expect("2026-01-01", "2026-06-30", 2026)
    );
    assert_eq!(
        year("2020-07-01", None, "2026-06-30"),
        expect("2025-07-01", "2026-06-30", 2025)
    );
    assert_eq!(
        year("2020-07-01", None, "2026-07-01"),
        expect("2026-07-01", "2027-06-30", 2026)
    );
    assert_eq!(
        year("2024-02-29", None, "2025-02-28"),
        expect("2024-02-29", "2025-02-28", 2024)
    );
    assert_eq!(
        year("2024-02-29", None, "2025-03-01"),
        expect("2025-03-01", "2026-02-28", 2025)
    );
    assert!(plan_year(None, day("2026-01-01")).0.0 == Day::OPEN);
}
