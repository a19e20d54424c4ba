use super::*;
use crate::import::{Scope, import};
use crate::record::{Kind, Record};
use crate::unit::Unit;
use medproof_verifier::Day;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::PathBuf;

pub(crate) fn data(folder: &str) -> Vec<PathBuf> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../tests/data")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap_or_else(|e| panic!("{}: {e}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .filter(|path| !path.to_string_lossy().ends_with(".context.json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no test data in {}", root.display());
    files
}

pub(crate) fn bundle(resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources.iter().map(|r| json!({ "resource": r })).collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

pub(crate) fn parse(value: &Value) -> Result<Bundle, FhirError> {
    Bundle::parse(value.to_string().as_bytes())
}

fn reference(text: &str) -> Reference {
    Reference {
        reference: Some(text.to_owned()),
        ..Reference::default()
    }
}

#[test]
fn every_shipped_bundle_is_read() {
    for folder in [
        "synthea",
        "us-core",
        "acceptance/dispensing",
        "acceptance/eligibility",
        "acceptance/claim",
    ] {
        for file in data(folder) {
            let bytes = std::fs::read(&file).unwrap();
            let bundle = Bundle::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            let ignored: usize = bundle.ignored().values().sum();
            assert!(!bundle.entries().is_empty() || ignored == 1, "{}", file.display());
            for (_, dispense) in bundle.medication_dispenses() {
                let drug = bundle.medication(
                    dispense.medication_codeable_concept.as_ref(),
                    dispense.medication_reference.as_ref(),
                    &dispense.contained,
                );
                assert_eq!(drug.unwrap().codes().unwrap().len(), 1, "{}", file.display());
            }
        }
    }
}

#[test]
fn references_of_both_styles_lead_to_the_same_entry() {
    let value = json!({ "resourceType": "Bundle", "entry": [
        { "fullUrl": "urn:uuid:7f0e", "resource": { "resourceType": "Patient", "id": "p1" } },
        { "fullUrl": "https://a.example/fhir/Practitioner/d1", "resource": { "resourceType": "Practitioner", "id": "d1" } },
        { "resource": { "resourceType": "Coverage", "id": "shared" } },
        { "resource": { "resourceType": "Claim", "id": "shared" } },
    ] });
    let bundle = parse(&value).unwrap();
    let (patient, _) = bundle.patient().unwrap();
    for text in [
        "urn:uuid:7f0e",
        "Patient/p1",
        " Patient/p1\u{200b}",
        "Patient/p1/_history/3",
        "https://elsewhere.example/Patient/p1",
        "urn:uuid:p1",
    ] {
        assert!(bundle.is_patient(Some(&reference(text)), patient), "{text}");
    }
    for text in [
        "Patient/p2",
        "Practitioner/p1",
        "p1",
        "#p1",
        "",
        "urn:uuid:",
        "Patient/",
        "urn:uuid:shared",
    ] {
        assert!(!bundle.is_patient(Some(&reference(text)), patient), "{text}");
        assert!(bundle.resolve(&reference(text)).is_none(), "{text}");
    }
    assert!(!bundle.is_patient(None, patient));
    // The same type and id on another server is another resource.
    assert!(
        bundle
            .resolve(&reference("https://b.example/fhir/Practitioner/d1"))
            .is_none()
    );
    assert!(
        bundle
            .resolve(&reference("https://a.example/fhir/Practitioner/d1/_history/2"))
            .is_some()
    );
    assert!(bundle.resolve(&reference("Practitioner/d1")).is_some());
}

#[test]
fn refusals_name_resource_and_fhirpath() {
    let cases = [
        (
            json!({ "resourceType": "Observation", "id": "abc", "valueQuantity": { "value": "7.0" } }),
            "Observation/abc: Observation.value.ofType(Quantity).value: ",
        ),
        (
            json!({ "resourceType": "Observation", "id": "abc", "component": [{}, { "valueQuantity": { "value": true } }] }),
            "Observation/abc: Observation.component[1].value.ofType(Quantity).value: ",
        ),
        (
            json!({ "resourceType": "Observation", "id": "abc", "effectiveDateTime": "2024-02-30" }),
            "Observation/abc: Observation.effective.ofType(dateTime): `2024-02-30` is not a date",
        ),
        (
            json!({ "resourceType": "Patient", "id": "p", "birthDate": "01/02/1970" }),
            "Patient/p: Patient.birthDate: ",
        ),
        (
            json!({ "resourceType": "Patient", "deceasedBoolean": "no" }),
            "Patient: Patient.deceased.ofType(boolean): ",
        ),
        (
            json!({ "resourceType": "Condition", "id": "c", "code": { "coding": { "code": "x" } } }),
            "Condition/c: Condition.code.coding: ",
        ),
        (
            json!({ "resourceType": "Claim", "id": "c", "item": [{ "diagnosisSequence": [-1] }] }),
            "Claim/c: Claim.item[0].diagnosisSequence[0]: ",
        ),
        (
            json!({ "resourceType": "Coverage", "id": "c", "period": { "end": 2026 } }),
            "Coverage/c: Coverage.period.end: ",
        ),
        (
            json!({ "resourceType": "Patient", "id": 5 }),
            "Patient: Patient.id: ",
        ),
    ];
    for (resource, expected) in cases {
        let message = parse(&bundle(&[resource])).err().unwrap().to_string();
        assert!(message.starts_with(expected), "{message}\nexpected {expected}");
    }
}

#[test]
fn things_that_are_no_bundle_are_refused() {
    let refused = |text: &str| Bundle::parse(text.as_bytes()).err().unwrap();
    for text in ["", "{", "\u{0}", "[1,", "{\"resourceType\": \"Bundle\"} x"] {
        assert!(matches!(refused(text), FhirError::NotJson(_)), "{text:?}");
    }
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert!(matches!(refused(&deep), FhirError::NotJson(_)));
    for text in ["[]", "null", "7", "{}", "{\"resourceType\": 5}"] {
        assert!(matches!(refused(text), FhirError::NotAResource(_)), "{text:?}");
    }
    let nameless = json!({ "resourceType": "Bundle", "entry": [{ "resource": { "id": "x" } }] });
    let message = parse(&nameless).err().unwrap().to_string();
    assert!(
        message.ends_with("missing in Bundle.entry[0].resource"),
        "{message}"
    );
    let flat = json!({ "resourceType": "Bundle", "entry": { "resource": {} } });
    assert_eq!(
        parse(&flat).err().unwrap().to_string(),
        "Bundle: Bundle.entry: expected a list"
    );
    let huge = vec![b' '; MAX_BUNDLE_BYTES + 1];
    assert_eq!(
        Bundle::parse(&huge).err().unwrap(),
        FhirError::TooLarge(MAX_BUNDLE_BYTES + 1)
    );
}

#[test]
fn limits_hold_at_and_one_past() {
    let list = |n: usize| {
        bundle(&[json!({ "resourceType": "Condition", "id": "c", "code": { "coding": vec![json!({}); n] } })])
    };
    assert!(parse(&list(MAX_LIST)).is_ok());
    let message = parse(&list(MAX_LIST + 1)).err().unwrap().to_string();
    assert_eq!(
        message,
        "Condition/c: Condition.code.coding: the list has more than 1000 items"
    );
    let entries = |n: usize| {
        let text = vec!["{}"; n].join(",");
        Bundle::parse(format!("{{\"resourceType\":\"Bundle\",\"entry\":[{text}]}}").as_bytes())
    };
    assert_eq!(
        entries(MAX_ENTRIES).unwrap().ignored()["(no resource)"],
        MAX_ENTRIES
    );
    assert_eq!(
        entries(MAX_ENTRIES + 1).err().unwrap(),
        FhirError::TooManyEntries(MAX_ENTRIES + 1)
    );
}

#[test]
fn elements_that_may_turn_the_meaning_round_are_refused() {
    let message = |resource: Value| parse(&bundle(&[resource])).err().map(|e| e.to_string());
    let extension = json!([{ "url": "urn:not" }]);
    let top = json!({ "resourceType": "Condition", "id": "c", "modifierExtension": extension });
    let expected = "Condition/c: Condition.modifierExtension: it may change the meaning";
    assert!(message(top).unwrap().starts_with(expected));
    let deep = json!({ "resourceType": "Observation", "id": "o", "component": [{ "modifierExtension": extension }] });
    let expected = "Observation/o: Observation.component.modifierExtension: ";
    assert!(message(deep).unwrap().starts_with(expected));
    let rules = json!({ "resourceType": "Patient", "id": "p", "implicitRules": "urn:x" });
    assert!(
        message(rules)
            .unwrap()
            .starts_with("Patient/p: Patient.implicitRules: ")
    );
    assert_eq!(
        message(json!({ "resourceType": "Patient", "modifierExtension": [] })),
        None
    );
    assert_eq!(
        message(json!({ "resourceType": "Encounter", "modifierExtension": extension })),
        None
    );
}

/// Small resources with one value replaced by another; whatever comes in, nothing panics.
fn twisted() -> impl Strategy<Value = Vec<u8>> {
    let samples = ["acceptance/claim", "acceptance/dispensing", "us-core"];
    let files: Vec<PathBuf> = samples.iter().flat_map(|s| data(s).into_iter().take(8)).collect();
    let odd = prop::sample::select(vec![
        "null",
        "[]",
        "{}",
        "-1",
        "1e999",
        "\"\"",
        "\"\u{200b}\"",
        "\"2026-02-30\"",
        "\"9999\"",
        "true",
        "[[[]]]",
        "99999999999999999999",
        "{\"value\":-1e300}",
        "\"Patient/p1\"",
    ]);
    (prop::sample::select(files), any::<prop::sample::Index>(), odd).prop_map(|(file, at, odd)| {
        let text = std::fs::read_to_string(file).unwrap();
        // Values start after a colon and end at the next comma or bracket of the same line.
        let colons: Vec<usize> = text.match_indices(": ").map(|(i, _)| i + 2).collect();
        let start = colons[at.index(colons.len())];
        let length = text[start..].find([',', '\n', '}', ']']).unwrap_or(0);
        [&text[..start], odd, &text[start + length..]]
            .concat()
            .into_bytes()
    })
}

proptest! {
    #[test]
    fn twisted_bundles_are_read_or_refused(bytes in twisted()) {
        let Ok(bundle) = Bundle::parse(&bytes) else { return Ok(()) };
        for scope in [Scope::clinical_summary(Day(46_000)), Scope::everything(Day::LAST)] {
            if let Ok(out) = import(&bundle, &scope) {
                for record in &out.records {
                    let back = Record::from_words(record.to_words(), record.actor2, record.source);
                    prop_assert!(back.is_ok_and(|b| b == *record));
                }
            }
        }
    }
}

#[test]
fn unknown_things_are_ignored_and_counted() {
    let value = bundle(&[
        json!({ "resourceType": "Patient", "id": "p", "photo": [{ "x": 1 }], "_birthDate": { "extension": [] } }),
        json!({ "resourceType": "Encounter", "id": "e" }),
        json!({ "resourceType": "Encounter", "id": "e2" }),
        json!({ "resourceType": "Bu\u{200b}ndle" }),
    ]);
    let bundle = parse(&value).unwrap();
    assert_eq!(bundle.entries().len(), 1);
    assert_eq!(bundle.ignored()["Encounter"], 2);
    assert_eq!(bundle.ignored()["Bu\\u{200b}ndle"], 1);
    let with_mark = [b"\xef\xbb\xbf".as_slice(), value.to_string().as_bytes()].concat();
    assert_eq!(Bundle::parse(&with_mark).unwrap().entries().len(), 1);
}

#[test]
fn the_same_resource_twice_counts_once_and_two_with_one_id_are_refused() {
    let dispense = |quantity: u32| json!({ "resourceType": "MedicationDispense", "id": "d", "quantity": { "value": quantity } });
    let twice = parse(&bundle(&[dispense(1), dispense(1)])).unwrap();
    assert_eq!((twice.entries().len(), twice.duplicates()), (1, 1));
    let message = parse(&bundle(&[dispense(1), dispense(2)]))
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("MedicationDispense/d: MedicationDispense.id: two different"),
        "{message}"
    );
}

#[test]
fn the_digest_is_of_the_canonical_resource() {
    let digest = |text: &str| Bundle::parse(text.as_bytes()).unwrap().entries()[0].digest;
    let one = digest(r#"{"resourceType":"Patient","id":"p","active":true}"#);
    assert_eq!(
        one,
        digest("{ \"id\" : \"p\",\n\"active\":true, \"resourceType\":\"Patient\" }")
    );
    assert_ne!(
        one,
        digest(r#"{"resourceType":"Patient","id":"p","active":false}"#)
    );
    let decimal = |text: &str| digest(&format!(r#"{{"resourceType":"Patient","x":{text}}}"#));
    assert_ne!(decimal("1.0"), decimal("1.00"));
}

#[test]
fn one_patient_is_asked_for() {
    let patient = |id: &str| json!({ "resourceType": "Patient", "id": id });
    assert!(parse(&bundle(&[patient("a")])).unwrap().patient().is_ok());
    let none = parse(&bundle(&[])).unwrap().patient().err().unwrap().to_string();
    assert_eq!(
        none,
        "Bundle: Bundle.entry.resource.ofType(Patient): there is no Patient"
    );
    assert!(
        parse(&bundle(&[patient("a"), patient("b")]))
            .unwrap()
            .patient()
            .is_err()
    );
}

#[test]
fn a_medication_may_be_a_code_a_reference_or_contained() {
    let codes = |file: &str| {
        let path = data("us-core").into_iter().find(|p| p.ends_with(file)).unwrap();
        let mut bytes: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let medication = json!({ "resourceType": "Medication", "id": "uscore-med2", "code": { "coding": [
            { "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "582620" }] } });
        let parsed = parse(&bundle(&[bytes.take(), medication])).unwrap();
        let (_, order) = parsed.medication_requests().next().unwrap();
        let concept = parsed.medication(
            order.medication_codeable_concept.as_ref(),
            order.medication_reference.as_ref(),
            &order.contained,
        );
        concept.unwrap().codes().unwrap()[0].to_string()
    };
    assert_eq!(codes("medicationrequest-coded-oral-axid.json"), "rxnorm|476872");
    assert_eq!(
        codes("medicationrequest-contained-oral-axid.json"),
        "rxnorm|582620"
    );
    assert_eq!(
        codes("medicationrequest-referenced-oral-axid.json"),
        "rxnorm|582620"
    );
}

#[test]
fn units_come_from_ucum_codes_or_text() {
    let unit = |value: Value| serde_json::from_value::<Quantity>(value).unwrap().unit();
    let percent = Unit::from_ucum("%");
    assert_eq!(
        unit(json!({ "code": "%", "system": UCUM, "unit": "percent of total" })),
        percent
    );
    assert_eq!(unit(json!({ "code": "%" })), percent);
    assert_eq!(unit(json!({ "unit": "%" })), percent);
    assert_eq!(
        unit(json!({ "unit": "%", "system": "urn:other", "code": "pct" })),
        percent
    );
    assert_eq!(unit(json!({ "unit": "furlong" })), Unit::UNKNOWN);
    assert_eq!(unit(json!({ "system": "urn:other", "code": "%" })), Unit::UNKNOWN);
    assert_eq!(unit(json!({})), Unit::NONE);
}

#[test]
fn days_supply_is_whole_days_or_weeks() {
    let days = |value: Value| serde_json::from_value::<Quantity>(value).unwrap().days();
    assert_eq!(
        days(json!({ "value": 30, "code": "d", "system": UCUM })),
        Ok(Some(30))
    );
    assert_eq!(days(json!({ "value": 30.0 })), Ok(Some(30)));
    assert_eq!(days(json!({ "value": 30, "unit": "days" })), Ok(Some(30)));
    assert_eq!(days(json!({ "value": 2, "code": "wk" })), Ok(Some(14)));
    assert_eq!(days(json!({ "unit": "days" })), Ok(None));
    assert_eq!(days(json!({ "value": 1, "unit": "mo" })), Err(DaysError::Unit));
    assert_eq!(days(json!({ "value": 9363, "unit": "wk" })), Err(DaysError::Unit));
    assert_eq!(
        days(json!({ "value": 1, "comparator": ">" })),
        Err(DaysError::Bound)
    );
    for bad in [json!(0), json!(-1), json!(7.5), json!(65535)] {
        assert!(
            matches!(days(json!({ "value": bad })), Err(DaysError::Number(_))),
            "{bad}"
        );
    }
}

#[test]
fn kinds_and_categories_have_stable_numbers() {
    assert_eq!(Kind::Allergy.id(), 11);
    assert_eq!(Kind::from_name("claim line"), Some(Kind::ClaimLine));
}
