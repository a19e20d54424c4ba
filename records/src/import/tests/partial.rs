//! What is not known of a day is neither provably there nor provably absent.

use super::*;
use crate::policy::eligibility::{CompiledPolicy, Fact, compile};

#[test]
fn a_partial_date_has_no_day_unless_all_of_it_is_too_old() {
    let summary = Scope::clinical_summary(day(AS_OF));
    let start = |kind: &str, field: &str, date: &str| {
        let out = imported(&[resource(kind, json!({ field: date }))], &summary).unwrap();
        let unknown = out.remarks.iter().any(|r| r.what == What::DayUnknown);
        let start = out.records.get(1).map(|r| r.start);
        assert_eq!(unknown, start == Some(Day(0)), "{kind} {date}");
        start
    };
    for (kind, field) in [
        ("Condition", "onsetDateTime"),
        ("Observation", "effectiveDateTime"),
        ("MedicationRequest", "authoredOn"),
        ("MedicationDispense", "whenHandedOver"),
        ("MedicationStatement", "effectiveDateTime"),
    ] {
        // 365 days before the day of the import is 2025-03-02.
        for recent in ["2026", "2026-03", "2026-02", "2025", "2025-03"] {
            assert_eq!(start(kind, field, recent), Some(Day(0)), "{kind} {recent}");
        }
        assert_eq!(
            start(kind, field, "2025-03-15"),
            Some(day("2025-03-15")),
            "{kind}"
        );
        // All of it lies after the day.
        assert_eq!(start(kind, field, "2026-04"), None, "{kind}");
        let old = match kind {
            "Observation" | "MedicationDispense" => None,
            _ => Some(day("2025-02-28")),
        };
        assert_eq!(start(kind, field, "2025-02"), old, "{kind}");
    }
}

#[test]
fn d03_other_dates_take_the_bound_that_hurts() {
    assert_eq!(
        single("Procedure", json!({ "performedDateTime": "2025" })).start,
        day("2025-12-31")
    );
    assert_eq!(
        single("Immunization", json!({ "occurrenceDateTime": "2026" })).start,
        day(AS_OF)
    );
    assert_eq!(
        single("Condition", json!({ "abatementDateTime": "2024-02" })).end,
        day("2024-02-29")
    );
    // Without any date the start is not known.
    for (kind, field) in [
        ("Condition", "onsetDateTime"),
        ("Observation", "effectiveDateTime"),
    ] {
        let record = single(kind, json!({ field: null }));
        assert_eq!((record.start, record.end), (Day(0), Day::OPEN));
    }
    let ancient = single(
        "Condition",
        json!({ "onsetDateTime": "1850", "abatementDateTime": "9999-12-31" }),
    );
    assert_eq!((ancient.start, ancient.end), (Day(0), Day::OPEN));
}

const POLICY: &str = r#"
schema = "medproof/eligibility/1"
id = "partial"
version = "1"
sponsor = "sponsor"
identity_domain = "us-ma"
uniqueness_scope = "partial"

[source]
categories = ["condition", "laboratory", "medication"]
freshness_days = 14

[valueset]
a1c = ["loinc|4548-4", "loinc|17856-6"]
diabetes = ["sct|44054006"]
insulin = ["rxnorm|5856"]

[atom]
latest = { kind = "latest", valueset = "a1c", unit = "%", min = "7.0", max = "10.5", within_days = 365 }
some = { kind = "any", valueset = "a1c", unit = "%", min = "7.0", within_days = 365 }
tested = { kind = "exists", category = "laboratory", valueset = "a1c", within_days = 90 }
onset = { kind = "exists", category = "condition", valueset = "diabetes", within_days = 365 }
ever = { kind = "exists", category = "condition", valueset = "diabetes" }
insulin = { kind = "exists", category = "medication", valueset = "insulin", within_days = 365 }

[rule]
eligible = "latest and some and not tested and onset and ever and not insulin"
"#;

/// What is known of a named atom over these resources on [`AS_OF`].
fn known(policy: &CompiledPolicy, resources: &[Value], atom: &str) -> Option<bool> {
    let out = imported(resources, &Scope::clinical_summary(day(AS_OF))).unwrap();
    let facts: Vec<Fact> = out.records.iter().map(|r| Fact::new(r, policy.table())).collect();
    let index = policy.atom_names().iter().position(|n| n == atom).unwrap();
    policy.rules().truths(&facts, day(AS_OF))[index]
}

fn lab(id: &str, code: &str, value: f64, date: &str) -> Value {
    resource(
        "Observation",
        json!({ "id": id, "effectiveDateTime": date, "valueQuantity": { "value": value, "code": "%" },
            "code": { "coding": [{ "system": LOINC, "code": code }] } }),
    )
}

#[test]
fn d03_the_latest_of_two_codes_is_unknown_when_one_date_is_partial() {
    let policy = compile(POLICY).unwrap();
    for partial in ["2025-06", "2025", "2026-02", "2025-09"] {
        for (sure, perhaps) in [(8.0, 11.2), (11.2, 8.0), (8.0, 8.0)] {
            let both = [
                lab("a", "4548-4", sure, "2025-06-15"),
                lab("b", "17856-6", perhaps, partial),
            ];
            assert_eq!(known(&policy, &both, "latest"), None, "{partial} {sure}");
        }
    }
    // The partial value is no evidence, the exact one is.
    let both = [
        lab("a", "4548-4", 6.0, "2025-06-15"),
        lab("b", "17856-6", 8.0, "2025-06"),
    ];
    assert_eq!(known(&policy, &both, "some"), None);
    // Two exact days are in order; a month that is too old plays no part.
    let both = [
        lab("a", "4548-4", 8.0, "2025-06-15"),
        lab("b", "17856-6", 11.2, "2025-06-16"),
    ];
    assert_eq!(known(&policy, &both, "latest"), Some(false));
    let both = [
        lab("a", "4548-4", 8.0, "2025-06-15"),
        lab("b", "17856-6", 11.2, "2025-02"),
    ];
    assert_eq!(known(&policy, &both, "latest"), Some(true));
}

#[test]
fn a_year_across_the_edge_of_the_window_proves_neither_presence_nor_absence() {
    let policy = compile(POLICY).unwrap();
    let alone = [lab("a", "4548-4", 8.0, "2025")];
    for atom in ["latest", "some", "tested"] {
        assert_eq!(known(&policy, &alone, atom), None, "{atom}");
    }
    let onset = |date: &str| [resource("Condition", json!({ "onsetDateTime": date }))];
    assert_eq!(known(&policy, &onset("2025"), "onset"), None);
    assert_eq!(known(&policy, &onset("2025"), "ever"), Some(true));
    assert_eq!(known(&policy, &onset("2024"), "onset"), Some(false));
    assert_eq!(known(&policy, &onset("2025-06-01"), "onset"), Some(true));
    for (kind, field) in [
        ("MedicationRequest", "authoredOn"),
        ("MedicationDispense", "whenHandedOver"),
        ("MedicationStatement", "effectiveDateTime"),
    ] {
        let given = |date: &str| [resource(kind, json!({ "status": "completed", field: date }))];
        assert_eq!(known(&policy, &given("2025"), "insulin"), None, "{kind}");
        assert_eq!(known(&policy, &given("2025-03"), "insulin"), None, "{kind}");
        assert_eq!(
            known(&policy, &given("2025-02"), "insulin"),
            Some(false),
            "{kind}"
        );
        assert_eq!(
            known(&policy, &given("2025-06-01"), "insulin"),
            Some(true),
            "{kind}"
        );
    }
}

#[test]
fn absence_from_a_window_is_not_proven_over_a_partial_date() {
    let policy = compile(POLICY).unwrap();
    // The window reaches back to 2025-12-02.
    for partial in ["2026-02", "2025-12", "2025"] {
        let resources = [lab("a", "4548-4", 8.0, partial)];
        assert_eq!(known(&policy, &resources, "tested"), None, "{partial}");
    }
    let exact = |date: &str| known(&policy, &[lab("a", "4548-4", 8.0, date)], "tested");
    assert_eq!(exact("2025-12-02"), Some(true));
    assert_eq!(exact("2025-12-01"), Some(false));
}
