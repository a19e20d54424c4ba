//! What each field of a resource becomes.

use super::*;

#[test]
fn d03_demographics_are_known_or_unknown() {
    let person = |fields: Value| {
        let parsed = parse(&bundle(&[patient(fields)])).unwrap();
        import(&parsed, &Scope::clinical_summary(day(AS_OF)))
            .unwrap()
            .records[0]
            .clone()
    };
    let usual = person(json!({}));
    assert_eq!(usual.birth_yyyymmdd(), Some(19_700_517));
    assert_eq!(
        (usual.quantity, usual.status, usual.start),
        (2, 1, day("1970-05-17"))
    );
    let old = person(json!({ "birthDate": "1899-12-31" }));
    assert_eq!((old.birth_yyyymmdd(), old.start), (Some(18_991_231), Day(0)));
    for partial in [json!("1970"), json!("1970-05"), Value::Null] {
        assert_eq!(person(json!({ "birthDate": partial })).value, 0);
    }
    for (gender, sex) in [
        (json!("male"), 1),
        (json!("other"), 3),
        (json!("unknown"), 4),
        (json!("M"), 4),
        (Value::Null, 4),
    ] {
        assert_eq!(person(json!({ "gender": gender })).quantity, sex);
    }
    let deceased = |fields: Value| person(fields).status == VitalStatus::Deceased.id();
    assert!(deceased(json!({ "deceasedBoolean": true })));
    assert!(!deceased(json!({ "deceasedBoolean": false })));
    assert!(deceased(json!({ "deceasedDateTime": "2026-03-02T10:00:00Z" })));
    assert!(deceased(json!({ "deceasedDateTime": "2026" })));
    assert!(!deceased(json!({ "deceasedDateTime": "2026-03-03" })));
}

#[test]
fn codings_are_chosen_by_system() {
    let coding = |pairs: &[(&str, &str)]| {
        let codings: Vec<Value> = pairs
            .iter()
            .map(|(s, c)| json!({ "system": s, "code": c }))
            .collect();
        one("Condition", json!({ "code": { "coding": codings } }))
    };
    let codes = |pairs: &[(&str, &str)]| -> Vec<String> {
        coding(pairs)
            .0
            .iter()
            .map(|r| format!("{} {}", r.code, r.code2))
            .collect()
    };
    let both = ["icd10cm|E11.9 sct|44054006"];
    assert_eq!(codes(&[(SCT, "44054006"), (ICD, "E11.9")]), both);
    assert_eq!(
        codes(&[(ICD, " E11.9\u{200b}"), (SCT, "44054006"), (ICD, "E119")]),
        both
    );
    assert_eq!(
        codes(&[("http://hl7.org/fhir/sid/icd-9-cm", "250.00"), (SCT, "44054006")]),
        ["sct|44054006 none"]
    );
    // A third code makes a further record, so that none is lost.
    assert_eq!(
        codes(&[(ICD, "E11.9"), (ICD, "E10.9"), (SCT, "46635009")]),
        ["icd10cm|E11.9 icd10cm|E10.9", "sct|46635009 none"]
    );
    for none in [&[][..], &[("urn:local", "x")], &[(SCT, "")], &[("", "44054006")]] {
        let (records, remarks) = coding(none);
        assert_eq!((records[0].code, records[0].code2), (Code::ABSENT, Code::NONE));
        assert_eq!(
            remarks,
            ["Condition/r1: Condition.code: kept with the code `absent`: no coding of a packed system"]
        );
    }
    assert_eq!(one("Condition", json!({ "code": null })).0[0].code, Code::ABSENT);
}

#[test]
fn a_code_that_its_system_does_not_have_refuses_the_import() {
    let bad = resource(
        "Condition",
        json!({ "code": { "coding": [{ "system": SCT, "code": "44054006" },
        { "system": ICD, "code": "E1\u{200b}1.9" }] } }),
    );
    let refused = imported(&[bad], &Scope::clinical_summary(day(AS_OF)))
        .err()
        .unwrap();
    assert_eq!(refused.path, "Condition.code.coding[1].code");
    assert!(
        refused
            .to_string()
            .starts_with("Condition/r1: Condition.code.coding[1].code: `E1\\u{200b}1.9`")
    );
    let component = json!({ "valueQuantity": null, "component": [{ "code": { "coding": [{ "system": LOINC, "code": "x" }] } }] });
    let bad = resource("Observation", component);
    let refused = imported(&[bad], &Scope::clinical_summary(day(AS_OF)))
        .err()
        .unwrap();
    assert_eq!(refused.path, "Observation.component[0].code.coding[0].code");
    // Outside the scope nobody asks.
    let procedure = resource(
        "Procedure",
        json!({ "code": { "coding": [{ "system": SCT, "code": "x" }] } }),
    );
    assert!(imported(&[procedure], &Scope::clinical_summary(day(AS_OF))).is_ok());
}

#[test]
fn only_the_patients_own_resources_are_taken() {
    let other = resource("Condition", json!({ "subject": { "reference": "Patient/p2" } }));
    let out = imported(&[other], &Scope::everything(day(AS_OF))).unwrap();
    assert_eq!(
        (out.records.len(), &out.remarks[0].what),
        (1, &What::OtherSubject)
    );
    for (kind, path) in [
        ("Condition", "Condition.subject"),
        ("Immunization", "Immunization.patient"),
    ] {
        let field = path.split_once('.').unwrap().1;
        let orphan = resource(kind, json!({ field: null }));
        let refused = imported(&[orphan], &Scope::everything(day(AS_OF))).err().unwrap();
        assert_eq!(refused.path, path);
    }
    let two = bundle(&[patient(json!({})), patient(json!({ "id": "p2" }))]);
    assert!(import(&parse(&two).unwrap(), &Scope::everything(day(AS_OF))).is_err());
}

#[test]
fn laboratory_observations_are_told_apart() {
    let category = |codes: &[&str]| {
        let coded: Vec<Value> = codes
            .iter()
            .map(|c| json!({ "coding": [{ "code": c }] }))
            .collect();
        one("Observation", json!({ "category": coded })).0.len()
    };
    assert_eq!(category(&["laboratory"]), 1);
    assert_eq!(category(&["exam", "laboratory"]), 1);
    assert_eq!(category(&[]), 1);
    for other in ["vital-signs", "social-history", "survey", "Laboratory"] {
        assert_eq!(category(&[other]), 0, "{other}");
    }
    let snomed = json!({ "code": { "coding": [{ "system": SCT, "code": "43396009" }] } });
    let (records, remarks) = one("Observation", snomed);
    assert!(records.is_empty());
    assert_eq!(
        remarks,
        ["Observation/r1: Observation.category: left out: not a laboratory observation"]
    );
}

#[test]
fn observation_values_keep_what_they_are() {
    let value = |quantity: Value| single("Observation", json!({ "valueQuantity": quantity }));
    let plain = value(json!({ "value": 7.0196643089439625, "code": "%" }));
    assert_eq!(
        (value_text(plain.value), plain.unit),
        ("7.0197".into(), Unit::from_ucum("%"))
    );
    assert_eq!(
        (plain.status, plain.comparator, plain.end),
        (1, Comparator::None, day("2026-02-01"))
    );
    assert_eq!(
        value(json!({ "value": 5, "comparator": "<", "code": "%" })).comparator,
        Comparator::Less
    );
    assert_eq!(
        value(json!({ "value": 5, "comparator": "about" })).comparator,
        Comparator::Other
    );
    assert_eq!(value(json!({ "value": 5, "unit": "stones" })).unit, Unit::UNKNOWN);
    let absent = single(
        "Observation",
        json!({ "valueQuantity": null, "dataAbsentReason": { "text": "lost" } }),
    );
    assert_eq!(absent.value, 0);
    assert_eq!(value(json!({ "unit": "%" })).value, 0);
    let (records, remarks) = one(
        "Observation",
        json!({ "valueQuantity": { "value": 1e30, "code": "%" } }),
    );
    assert_eq!(records[0].value, 0);
    assert!(
        remarks[0].starts_with("Observation/r1: Observation.value.ofType(Quantity).value: kept without it")
    );
    let integer = single(
        "Observation",
        json!({ "valueQuantity": null, "valueInteger": 12 }),
    );
    assert_eq!(
        (value_text(integer.value), integer.unit),
        ("12".into(), Unit::NONE)
    );
}

#[test]
fn components_become_records() {
    let part = |code: &str, value: Value| json!({ "code": { "coding": [{ "system": LOINC, "code": code }] }, "valueQuantity": value });
    let parts = json!([
        part("8480-6", json!({ "value": 120, "code": "mm[Hg]" })),
        part("8462-4", Value::Null)
    ]);
    let panel = json!({ "valueQuantity": null, "component": parts.clone() });
    let (records, _) = one("Observation", panel);
    let codes: Vec<String> = records.iter().map(|r| r.code.to_string()).collect();
    assert_eq!(codes, ["loinc|8480-6", "loinc|8462-4"]);
    assert_eq!(
        (value_text(records[0].value), records[1].value),
        ("120".into(), 0)
    );
    assert_eq!(records[0].source, records[1].source);
    let (with_value, _) = one("Observation", json!({ "component": parts }));
    assert_eq!(with_value.len(), 3);
    assert_eq!(with_value[0].code, code("loinc|4548-4"));
}

#[test]
fn an_import_has_a_limit() {
    let panel = |id: usize| {
        let part = json!({ "code": { "coding": [{ "system": LOINC, "code": "8480-6" }] } });
        resource(
            "Observation",
            json!({ "id": format!("o{id}"), "valueQuantity": null, "component": vec![part; 1000] }),
        )
    };
    let many = |n: usize| -> Vec<Value> { (0..n).map(panel).collect() };
    let out = imported(&many(49), &Scope::everything(day(AS_OF))).unwrap();
    assert_eq!(out.records.len(), 49_001);
    let refused = imported(&many(50), &Scope::everything(day(AS_OF))).err().unwrap();
    assert_eq!(refused.path, "Bundle.entry");
}

#[test]
fn statuses_and_negations() {
    let status = |kind: &str, status: Value| {
        let record = single(kind, json!({ "status": status }));
        (record.status, record.negated, record.is_void())
    };
    let done = (Status::Done.id(), false, false);
    let wrong = (Status::EnteredInError.id(), false, true);
    let not_done = (Status::NotDone.id(), true, true);
    let other = (Status::Other.id(), false, false);
    for (kind, text, expected) in [
        ("Observation", "final", done),
        ("Observation", "corrected", done),
        ("Observation", "preliminary", other),
        ("Observation", "cancelled", not_done),
        ("Observation", "entered-in-error", wrong),
        ("MedicationRequest", "active", done),
        ("MedicationRequest", "stopped", other),
        ("MedicationRequest", "cancelled", not_done),
        ("MedicationDispense", "declined", not_done),
        ("MedicationDispense", "completed", done),
        ("MedicationStatement", "not-taken", not_done),
        ("MedicationStatement", "entered-in-error", wrong),
        ("Procedure", "not-done", not_done),
        ("Procedure", "in-progress", other),
        ("Immunization", "not-done", not_done),
        ("Immunization", "completed", done),
    ] {
        assert_eq!(status(kind, json!(text)), expected, "{kind} {text}");
    }
    assert_eq!(status("Observation", Value::Null), (0, false, false));
    assert!(single("MedicationRequest", json!({ "doNotPerform": true })).negated);
    assert!(single("Immunization", json!({ "primarySource": false })).reported);
    assert!(single("MedicationStatement", json!({})).reported);
}

#[test]
fn conditions_carry_status_and_verification() {
    let concept = |codes: &[&str]| {
        let codings: Vec<Value> = codes.iter().map(|c| json!({ "code": c })).collect();
        json!({ "coding": codings })
    };
    let clinical = |code: &str| single("Condition", json!({ "clinicalStatus": concept(&[code]) })).status;
    for status in ClinicalStatus::ALL.iter().filter(|s| s.id() > 0) {
        assert_eq!(clinical(status.name()), status.id());
    }
    assert_eq!(clinical("better"), ClinicalStatus::Unknown.id());
    let verified = |codes: &[&str]| single("Condition", json!({ "verificationStatus": concept(codes) }));
    for status in Verification::ALL.iter().filter(|s| s.id() > 0) {
        assert_eq!(verified(&[status.name()]).verification, *status);
    }
    assert!(verified(&["refuted"]).is_void() && verified(&["refuted"]).negated);
    assert!(verified(&["entered-in-error"]).is_void());
    assert!(verified(&["confirmed", "refuted"]).is_void());
    assert_eq!(verified(&["sure"]).verification, Verification::Unconfirmed);
    assert_eq!(verified(&[]).verification, Verification::None);
}

#[test]
fn orders_and_dispenses_keep_quantity_days_and_actor() {
    let practitioner = |npi: &str| {
        json!({ "resourceType": "Practitioner", "id": "d1",
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": npi }] })
    };
    let order = resource(
        "MedicationRequest",
        json!({
        "intent": "order", "authoredOn": "2026-01-05", "requester": { "reference": "Practitioner/d1" },
        "dosageInstruction": [{ "asNeededBoolean": true }],
        "dispenseRequest": { "numberOfRepeatsAllowed": 3, "quantity": { "value": 480, "code": "mL" },
            "expectedSupplyDuration": { "value": 30, "code": "d" } } }),
    );
    let record = |npi: &str| {
        let out = imported(
            &[order.clone(), practitioner(npi)],
            &Scope::everything(day(AS_OF)),
        )
        .unwrap();
        out.records[1].clone()
    };
    let known = record("1234567893");
    assert_eq!(known.kind, Kind::Order);
    assert_eq!((known.quantity, known.days, known.refill), (480_000, 30, 3));
    assert_eq!((known.intent, known.prn), (Intent::Order, true));
    assert_eq!(known.actor.unwrap().number(), 1_234_567_893);
    assert_eq!(record("9941339100").actor, None);
    let dispense = |fields: Value| one("MedicationDispense", fields);
    let (half, _) =
        dispense(json!({ "quantity": { "value": 0.5 }, "daysSupply": { "value": 1, "unit": "wk" } }));
    assert_eq!((half[0].quantity, half[0].days), (500, 7));
    for quantity in [
        json!({ "value": -1 }),
        json!({ "value": 1e12 }),
        json!({ "value": 3, "comparator": ">" }),
    ] {
        let (records, remarks) = dispense(json!({ "quantity": quantity }));
        assert_eq!(records[0].quantity, 0);
        assert!(remarks[0].contains("MedicationDispense.quantity"), "{remarks:?}");
    }
    let (records, remarks) = dispense(json!({ "daysSupply": { "value": 2.5 } }));
    assert_eq!(records[0].days, 0);
    assert!(remarks[0].starts_with("MedicationDispense/r1: MedicationDispense.daysSupply: kept without it"));
    let (lost, remarks) =
        dispense(json!({ "medicationCodeableConcept": null, "medicationReference": { "reference": "#x" } }));
    assert_eq!(lost[0].code, Code::ABSENT);
    assert!(remarks[0].contains("medication.ofType(Reference)"), "{remarks:?}");
    let prepared = single("MedicationDispense", json!({ "whenPrepared": "2026-01-02" }));
    assert_eq!(prepared.start, day("2026-01-02"));
}
