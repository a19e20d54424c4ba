//! A built-in claim, for sample proofs and benchmarks.

use super::{Assignment, check};
use ark_bn254::Fr;
use medproof_records::claim::ClaimContext;
use medproof_records::fhir::Bundle;
use medproof_records::policy::claim::ClaimPolicy;
use rand::{CryptoRng, RngCore};

const POLICY: &str = r#"
schema = "medproof/claim/1"
id = "example-plan-lab"
payer = "example-payer"
plan = "example-2026"
version = "1"
currency = "USD"
[tables]
pairs = "pairs"
fee = "fee"
max_units = "units"
prior_authorisation = "authorisation"
[timing]
max_days_to_receipt = 365
[benefit]
coinsurance_bp = 2000
round = "half-up-cent"
order = ["lesser_of_charge_and_fee", "deductible", "coinsurance", "out_of_pocket_cap", "annual_limit"]
[duplicate]
key = ["member", "npi", "service_date", "procedure"]
"#;

const BUNDLE: &str = r#"{"resourceType":"Bundle","type":"collection","entry":[
{"resource":{"resourceType":"Patient","id":"p","birthDate":"1970-05-17"}},
{"resource":{"resourceType":"Coverage","id":"c","status":"active","subscriberId":"M-1","beneficiary":{"reference":"Patient/p"},
 "period":{"start":"2026-01-01","end":"2026-12-31"},"payor":[{"display":"Example payer"}]}},
{"resource":{"resourceType":"Practitioner","id":"d","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}],
 "qualification":[{"code":{"text":"privileges"},"period":{"start":"2020-01-01"}}]}},
{"resource":{"resourceType":"Procedure","id":"s","status":"completed","subject":{"reference":"Patient/p"},"performedDateTime":"2026-02-10",
 "code":{"coding":[{"system":"http://www.ama-assn.org/go/cpt","code":"95250"}]},
 "reasonCode":[{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}]}],
 "performer":[{"actor":{"reference":"Practitioner/d"}}]}},
{"resource":{"resourceType":"Claim","id":"f","status":"active","use":"claim","patient":{"reference":"Patient/p"},"created":"2026-02-20",
 "provider":{"reference":"Practitioner/d"},"insurance":[{"sequence":1,"focal":true,"coverage":{"reference":"Coverage/c"}}],
 "diagnosis":[{"sequence":1,"diagnosisCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}]}}],
 "item":[{"sequence":1,"diagnosisSequence":[1],"servicedDate":"2026-02-10","quantity":{"value":1},
  "productOrService":{"coding":[{"system":"http://www.ama-assn.org/go/cpt","code":"95250"}]},"net":{"value":15.00,"currency":"USD"}}]}},
{"resource":{"resourceType":"ClaimResponse","id":"a","status":"active","use":"preauthorization","outcome":"complete","preAuthRef":"PA-1",
 "preAuthPeriod":{"start":"2026-02-01","end":"2026-03-01"},"patient":{"reference":"Patient/p"},"item":[{"itemSequence":1}]}}]}"#;

const CONTEXT: &str = r#"{"excluded_npi":[],"already_claimed":false,
"balance_cents":{"deductible_left":500,"out_of_pocket_left":100000,"annual_left":500000}}"#;

fn table(name: &str) -> std::io::Result<Vec<u8>> {
    let text = match name {
        "pairs" => "diagnosis,procedure\nE11.*,95250\nI10,93000\n",
        "fee" => "procedure,fee_cents\n93000,1700\n95250,1200\n",
        "units" => "procedure,units\n93000,1\n95250,1\n",
        "authorisation" => "procedure\n95250\n",
        _ => return Err(std::io::ErrorKind::NotFound.into()),
    };
    Ok(text.as_bytes().to_vec())
}

/// The example's policy.
pub fn example_policy() -> ClaimPolicy {
    // Constant texts; a test compiles them.
    ClaimPolicy::compile(POLICY, &mut table).expect("the example's policy compiles")
}

/// The example's bundle: a glucose monitor under prior authorisation.
pub fn example_bundle() -> Bundle {
    Bundle::parse(BUNDLE.as_bytes()).expect("the example's bundle parses")
}

/// The example's context: a part of the deductible is left.
pub fn example_context() -> ClaimContext {
    ClaimContext::parse(CONTEXT.as_bytes()).expect("the example's context parses")
}

/// Public inputs and witness of the example, a claim that holds.
pub fn example(rng: &mut (impl RngCore + CryptoRng), ctx: Fr) -> Assignment {
    let outcome = check(rng, &example_policy(), &example_bundle(), &example_context(), ctx);
    // A claim of constant content; a test accepts it.
    let assignment = outcome.ok().and_then(|o| o.assignment);
    assignment.expect("the example is a claim")
}
