//! A built-in fill, for sample proofs and benchmarks.

use super::{Assignment, check};
use ark_bn254::Fr;
use medproof_records::fhir::Bundle;
use medproof_records::policy::dispensing::{DispensingPolicy, compile};
use rand::{CryptoRng, RngCore};

const POLICY: &str = r#"
schema = "medproof/dispensing/1"
id = "example-opioid"
version = "1"
domain = "example-domain"
[drug_table]
file = "drugs"
unknown_code = "unprovable"
[history]
not_counted = ["cancelled", "entered-in-error"]
[[class]]
name = "opioid"
mme_per_day = { op = "<=", value = "90" }
quantity = { window_days = 30, max = "240" }
fills = { window_days = 30, max = 4 }
first_fill = { lookback_days = 60, max_days = 7 }
refill = { used_percent_min = 75 }
"#;

const TABLE: &str = "rxcui,class,ingredient_rxcui,micro_mme_per_unit
1049683,opioid,7804,15000000
856999,opioid,5489,10000000
314076,other,314076,0
";

pub(super) const BUNDLE: &str = r#"{"resourceType":"Bundle","type":"collection","entry":[
{"resource":{"resourceType":"Patient","id":"p","birthDate":"1970-05-17"}},
{"resource":{"resourceType":"MedicationDispense","id":"h","status":"completed","subject":{"reference":"Patient/p"},
 "medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"1049683"}]},
 "quantity":{"value":60},"daysSupply":{"value":30},"whenHandedOver":"2026-02-05"}},
{"resource":{"resourceType":"MedicationDispense","id":"c","status":"completed","subject":{"reference":"Patient/p"},
 "meta":{"tag":[{"system":"urn:acceptance","code":"candidate"}]},
 "medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"856999"}]},
 "quantity":{"value":120},"daysSupply":{"value":30},"whenHandedOver":"2026-03-02"}}]}"#;

/// The example's policy.
pub fn example_policy() -> DispensingPolicy {
    // Constant texts; a test compiles them.
    compile(POLICY, &mut |_| Ok(TABLE.as_bytes().to_vec())).expect("the example's policy compiles")
}

/// The example's bundle: hydrocodone beside oxycodone, 70 MME a day.
pub fn example_bundle() -> Bundle {
    Bundle::parse(BUNDLE.as_bytes()).expect("the example's bundle parses")
}

/// Public inputs and witness of the example, a fill that is within the limits.
pub fn example(rng: &mut (impl RngCore + CryptoRng), ctx: Fr) -> Assignment {
    let outcome = check(rng, &example_policy(), &example_bundle(), None, ctx);
    // A fill of constant content; a test accepts it.
    let assignment = outcome.ok().and_then(|o| o.assignment);
    assignment.expect("the example is a fill")
}
