mod fields;
mod partial;

use super::*;
use crate::code::Code;
use crate::decimal::{OFFSET, value_text};
use crate::fhir::tests::{bundle, data, parse};
use crate::record::{ClinicalStatus, Comparator, Intent, Kind, Status, Verification, VitalStatus};
use crate::unit::Unit;
use serde_json::{Value, json};

const AS_OF: &str = "2026-03-02";
const SCT: &str = "http://snomed.info/sct";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

/// Lays fields over a minimal resource of a type.
fn resource(kind: &str, fields: Value) -> Value {
    let code = |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    let mut value = match kind {
        "Condition" => json!({ "code": code(SCT, "44054006"), "onsetDateTime": "2020-01-01" }),
        "Observation" => {
            json!({ "status": "final", "code": code(LOINC, "4548-4"), "effectiveDateTime": "2026-02-01",
            "valueQuantity": { "value": 7.0, "code": "%" } })
        }
        "MedicationRequest" | "MedicationDispense" | "MedicationStatement" => {
            json!({ "status": "active", "medicationCodeableConcept": code(RXNORM, "5856") })
        }
        "Procedure" => {
            json!({ "status": "completed", "code": code("http://www.ama-assn.org/go/cpt", "83036") })
        }
        "Immunization" => {
            json!({ "status": "completed", "vaccineCode": code("http://hl7.org/fhir/sid/cvx", "08") })
        }
        "AllergyIntolerance" => json!({ "code": code(SCT, "91935009") }),
        _ => json!({}),
    };
    value["resourceType"] = json!(kind);
    value["id"] = json!("r1");
    let subject = if matches!(kind, "Immunization" | "AllergyIntolerance") {
        "patient"
    } else {
        "subject"
    };
    value[subject] = json!({ "reference": "Patient/p1" });
    for (key, field) in fields.as_object().unwrap() {
        value[key] = field.clone();
    }
    value
}

fn patient(fields: Value) -> Value {
    let mut value =
        json!({ "resourceType": "Patient", "id": "p1", "birthDate": "1970-05-17", "gender": "female" });
    for (key, field) in fields.as_object().unwrap() {
        value[key] = field.clone();
    }
    value
}

fn imported(resources: &[Value], scope: &Scope) -> Result<Import, Refusal> {
    let all: Vec<Value> = [patient(json!({}))]
        .into_iter()
        .chain(resources.iter().cloned())
        .collect();
    import(&parse(&bundle(&all)).unwrap(), scope)
}

/// The records of one resource and the remarks as text, everything in scope.
fn one(kind: &str, fields: Value) -> (Vec<Record>, Vec<String>) {
    let out = imported(&[resource(kind, fields)], &Scope::everything(day(AS_OF))).unwrap();
    let remarks = out.remarks.iter().map(ToString::to_string).collect();
    (out.records[1..].to_vec(), remarks)
}

fn single(kind: &str, fields: Value) -> Record {
    let (records, remarks) = one(kind, fields);
    assert_eq!(records.len(), 1, "{remarks:?}");
    records[0].clone()
}

#[test]
fn every_shipped_bundle_is_imported_in_every_scope() {
    for folder in [
        "synthea",
        "acceptance/dispensing",
        "acceptance/eligibility",
        "acceptance/claim",
    ] {
        for file in data(folder) {
            let parsed = Bundle::parse(&std::fs::read(&file).unwrap()).unwrap();
            for as_of in ["1990-01-01", "2017-01-20", "2021-03-15", AS_OF] {
                let all = import(&parsed, &Scope::everything(day(as_of))).unwrap();
                let summary = import(&parsed, &Scope::clinical_summary(day(as_of))).unwrap();
                assert!(summary.records.len() <= all.records.len());
                // A person may be born after the day.
                for record in &all.records[1..] {
                    assert!(record.start <= day(as_of), "{}", file.display());
                    let back = Record::from_words(record.to_words(), record.actor2, record.source);
                    assert!(back.unwrap() == *record, "{}", file.display());
                }
            }
        }
    }
}

#[test]
fn every_us_core_example_is_imported_beside_its_patient() {
    for file in data("us-core") {
        let example: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        if example["resourceType"] == "Patient" {
            assert_eq!(
                import(&parse(&example).unwrap(), &Scope::everything(day(AS_OF)))
                    .unwrap()
                    .records
                    .len(),
                1
            );
            continue;
        }
        let owner = json!({ "resourceType": "Patient", "id": "example" });
        let parsed = parse(&bundle(&[owner, example.clone()])).unwrap();
        let out = import(&parsed, &Scope::everything(day(AS_OF))).unwrap();
        let expected = match example["resourceType"].as_str().unwrap() {
            "DiagnosticReport" | "Practitioner" | "Coverage" => 0,
            "Observation" if example["category"][0]["coding"][0]["code"] != "laboratory" => 0,
            _ => 1,
        };
        assert_eq!(out.records.len() - 1, expected, "{}", file.display());
    }
}

/// Records of a Synthea patient in the default scope.
fn synthea(name: &str, as_of: &str) -> Vec<Record> {
    let file = data("synthea")
        .into_iter()
        .find(|p| p.to_string_lossy().contains(name))
        .unwrap();
    let parsed = Bundle::parse(&std::fs::read(file).unwrap()).unwrap();
    import(&parsed, &Scope::clinical_summary(day(as_of)))
        .unwrap()
        .records
}

fn latest_a1c(records: &[Record]) -> String {
    let a1c = records.iter().filter(|r| r.code == code("loinc|4548-4"));
    value_text(a1c.max_by_key(|r| r.start).unwrap().value)
}

#[test]
fn synthea_patients_have_the_records_that_the_trial_asks_for() {
    let leonor = synthea("Leonor_Trujillo", "2021-03-15");
    assert_eq!(latest_a1c(&leonor), "7.0197");
    assert!(
        leonor
            .iter()
            .any(|r| r.code == code("sct|44054006") && r.verification == Verification::Confirmed)
    );
    assert_eq!(leonor[0].value, OFFSET + 19_600_111);
    assert_eq!(latest_a1c(&synthea("Twyla_Moen", "2020-09-27")), "6.9661");
    assert_eq!(latest_a1c(&synthea("Clarine_O'Keefe", "2021-03-28")), "5.4248");
    let dirk = synthea("Dirk_Kuhlman", "2021-03-02");
    let insulin: Vec<&Record> = dirk.iter().filter(|r| r.code == code("rxnorm|106892")).collect();
    assert_eq!((insulin.len(), insulin[0].start), (1, day("2019-12-10")));
    assert!(!insulin[0].is_void());
    // The first course was stopped long ago, the second is still active.
    let tegretol: Vec<&Record> = dirk.iter().filter(|r| r.code == code("rxnorm|308971")).collect();
    assert_eq!((tegretol.len(), tegretol[0].start), (1, day("1989-04-11")));
    let tarsha = synthea("Tarsha_Stokes", "2017-01-20");
    assert_eq!(tarsha[0].status, VitalStatus::Deceased.id());
    assert_eq!(
        synthea("Tarsha_Stokes", "2017-01-12")[0].status,
        VitalStatus::Alive.id()
    );
    for records in [leonor, dirk, tarsha] {
        assert!(records.len() <= 128, "{}", records.len());
    }
}

#[test]
fn the_default_scope_reaches_back_365_days() {
    let summary = Scope::clinical_summary(day(AS_OF));
    let count = |kind: &str, fields: Value| {
        let out = imported(&[resource(kind, fields)], &summary).unwrap();
        (out.records.len() - 1, out.remarks.first().map(|r| r.what.clone()))
    };
    let kept = (1, None);
    let old = (0, Some(What::TooOld));
    assert_eq!(count("Condition", json!({ "onsetDateTime": "1950-01-01" })), kept);
    assert_eq!(
        count("Observation", json!({ "effectiveDateTime": "2025-03-02" })),
        kept
    );
    assert_eq!(
        count("Observation", json!({ "effectiveDateTime": "2025-03-01" })),
        old
    );
    assert_eq!(count("Observation", json!({ "effectiveDateTime": null })), kept);
    let order = |status: &str, date: &str| {
        count(
            "MedicationRequest",
            json!({ "status": status, "authoredOn": date }),
        )
    };
    assert_eq!(order("active", "1999-01-01"), kept);
    assert_eq!(order("on-hold", "1999-01-01"), kept);
    assert_eq!(order("stopped", "2025-03-02"), kept);
    assert_eq!(order("stopped", "2025-03-01"), old);
    assert_eq!(order("completed", "2025-03-01"), old);
    let supply = |date: &str| {
        count(
            "MedicationDispense",
            json!({ "status": "completed", "whenHandedOver": date, "daysSupply": { "value": 30 } }),
        )
    };
    assert_eq!(supply("2025-02-01"), kept);
    assert_eq!(supply("2025-01-31"), old);
    let taken = |end: &str| {
        let period = json!({ "start": "2020-01-01", "end": end });
        count(
            "MedicationStatement",
            json!({ "status": "completed", "effectivePeriod": period }),
        )
    };
    assert_eq!(taken("2025-03-02"), kept);
    assert_eq!(taken("2025-03-01"), old);
    let outside = (0, Some(What::OutsideCategories));
    for kind in ["Procedure", "Immunization", "AllergyIntolerance"] {
        assert_eq!(count(kind, json!({})), outside, "{kind}");
    }
}

#[test]
fn what_starts_after_the_day_is_left_out() {
    for (kind, field) in [
        ("Condition", "onsetDateTime"),
        ("Observation", "effectiveDateTime"),
        ("MedicationRequest", "authoredOn"),
        ("MedicationDispense", "whenHandedOver"),
        ("MedicationStatement", "effectiveDateTime"),
        ("Procedure", "performedDateTime"),
        ("Immunization", "occurrenceDateTime"),
        ("AllergyIntolerance", "onsetDateTime"),
    ] {
        assert_eq!(single(kind, json!({ field: AS_OF })).start, day(AS_OF), "{kind}");
        let (records, remarks) = one(kind, json!({ field: "2026-03-03" }));
        assert!(
            records.is_empty() && remarks[0].contains("starts after"),
            "{kind}: {remarks:?}"
        );
        let (records, _) = one(kind, json!({ field: "2100-01-01" }));
        assert!(records.is_empty(), "{kind}");
        // A timestamp counts by the date as it is written.
        let late = single(kind, json!({ field: "2026-03-02T23:30:00-11:00" }));
        assert_eq!(late.start, day(AS_OF), "{kind}");
    }
}
