//! A built-in screening, for sample proofs and benchmarks.

use super::{Assignment, judge};
use ark_bn254::Fr;
use medproof_records::fhir::Bundle;
use medproof_records::import::{Scope, import};
use medproof_records::policy::eligibility::{CompiledPolicy, compile};
use medproof_verifier::Day;
use rand::{CryptoRng, RngCore};

const POLICY: &str = r#"
schema = "medproof/eligibility/1"
id = "example-trial"
version = "1"
not_covered = ["informed consent"]
sponsor = "example-sponsor"
identity_domain = "example-domain"
uniqueness_scope = "example-trial"

[source]
categories = ["demographics", "condition", "laboratory", "medication"]
freshness_days = 14

[valueset]
asthma = ["sct|195967001", "icd10cm|J45.*"]
copd = ["icd10cm|J44.*"]
eosinophils = ["loinc|711-2"]
omalizumab = ["rxnorm|302379"]

[atom]
adult = { kind = "age", min_years = 18, max_years = 75 }
alive = { kind = "alive" }
asthma = { kind = "exists", category = "condition", valueset = "asthma", clinical = ["active"] }
copd = { kind = "exists", category = "condition", valueset = "copd" }
eosinophils = { kind = "latest", valueset = "eosinophils", unit = "10*3/uL", min = "0.3", within_days = 365 }
omalizumab = { kind = "exists", category = "medication", valueset = "omalizumab", within_days = 120 }

[rule]
eligible = "adult and alive and asthma and eosinophils and not copd and not omalizumab"
"#;

const BUNDLE: &str = r#"{
  "resourceType": "Bundle", "type": "collection", "entry": [
    {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient", "id": "p",
      "birthDate": "1980-05-17", "gender": "female"}},
    {"fullUrl": "urn:uuid:c", "resource": {"resourceType": "Condition", "id": "c",
      "clinicalStatus": {"coding": [{"code": "active"}]},
      "verificationStatus": {"coding": [{"code": "confirmed"}]},
      "code": {"coding": [{"system": "http://snomed.info/sct", "code": "195967001"},
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J45.50"}]},
      "subject": {"reference": "Patient/p"}, "onsetDateTime": "2015-03-01"}},
    {"fullUrl": "urn:uuid:o", "resource": {"resourceType": "Observation", "id": "o", "status": "final",
      "code": {"coding": [{"system": "http://loinc.org", "code": "711-2"}]},
      "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-02-02",
      "valueQuantity": {"value": 0.41, "system": "http://unitsofmeasure.org", "code": "10*3/uL"}}}
  ]}"#;

/// The day of the example.
const ON: &str = "2026-03-02";

/// The example's policy: active asthma with raised eosinophils.
pub fn example_policy() -> CompiledPolicy {
    // A constant text; a test compiles it.
    compile(POLICY).expect("the example's policy compiles")
}

/// The example's bundle: a patient who meets the policy.
pub fn example_bundle() -> Bundle {
    // A constant text; a test parses it.
    Bundle::parse(BUNDLE.as_bytes()).expect("the example's bundle parses")
}

/// Public inputs and witness of the example, a screening that is met, for both tiers.
pub fn example(rng: &mut (impl RngCore + CryptoRng), ctx: Fr) -> Assignment {
    // Constant content; a test judges it.
    let on = Day::parse(ON).expect("a date");
    let records = import(&example_bundle(), &Scope::clinical_summary(on)).expect("the example is imported");
    let outcome = judge(rng, &example_policy(), &records.records, on, ctx);
    outcome.assignment.expect("the example fits the standard tier")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Verdict;
    use crate::scenario::eligibility::{check, judge};
    use crate::statement::Circuit;
    use crate::statements::eligibility::{Eligibility, Standard};
    use medproof_records::record::{Kind, Record};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn the_example_is_met() {
        let mut rng = StdRng::seed_from_u64(1);
        let Assignment::Standard(public, witness) = example(&mut rng, Fr::from(9u64)) else {
            panic!("the example fits the standard tier");
        };
        assert_eq!(Eligibility::<Standard>::relation(&public, &witness), Ok(()));
        assert_eq!(public.ctx, Fr::from(9u64));
        let on = Day::parse(ON).unwrap();
        let ctx = Fr::from(9u64);
        let outcome = check(&mut rng, &example_policy(), &example_bundle(), on, ctx).unwrap();
        assert_eq!(
            (outcome.verdict, outcome.reason.as_str()),
            (Verdict::Accept, "ok")
        );
    }

    #[test]
    fn too_many_records_are_unprovable_and_one_tier_passes_to_the_next() {
        let mut rng = StdRng::seed_from_u64(2);
        let on = Day::parse(ON).unwrap();
        let policy = example_policy();
        let mut of = |count: usize| {
            let records = vec![Record::empty(Kind::Condition); count];
            judge(&mut rng, &policy, &records, on, Fr::from(1u64))
        };
        assert!(matches!(of(64).assignment, Some(Assignment::Standard(..))));
        assert!(matches!(of(65).assignment, Some(Assignment::Large(..))));
        assert!(matches!(of(128).assignment, Some(Assignment::Large(..))));
        for count in [129, 257] {
            let outcome = of(count);
            assert_eq!(outcome.verdict, Verdict::Unprovable, "{count}");
            assert!(outcome.assignment.is_none());
        }
    }
}
