//! Policies with their tables: the TOML, then for each table a line `=== NAME` and its CSV.

use super::records;
use medproof_circuits::scenario;
use medproof_records::fhir::Bundle;
use medproof_records::policy::Policy;
use std::io;
use std::sync::LazyLock;

/// What stands before the name of a table.
pub(super) const TABLE: &str = "\n=== ";

/// A policy: refused with a message, or compiled, explained, and agreeing with its relation over an example.
pub(super) fn policy(bytes: &[u8]) -> bool {
    static BUNDLES: LazyLock<[Bundle; 3]> = LazyLock::new(|| {
        [
            scenario::dispensing::example_bundle(),
            scenario::eligibility::example_bundle(),
            scenario::claim::example_bundle(),
        ]
    });
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let mut parts = text.split(TABLE);
    let source = parts.next().unwrap_or_default();
    let tables: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('\n')).collect();
    let mut read = |name: &str| {
        let found = tables.iter().find(|(table, _)| *table == name);
        found
            .map(|(_, csv)| csv.as_bytes().to_vec())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let compiled = match Policy::compile(source, &mut read) {
        Ok(compiled) => compiled,
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            return false;
        }
    };
    let again = Policy::compile(source, &mut read).expect("a policy that compiled");
    assert_eq!(again.policy_id(), compiled.policy_id());
    assert!(compiled.explain().contains(compiled.id()));
    let [dispensing, eligibility, claim] = &*BUNDLES;
    match &compiled {
        Policy::Dispensing(policy) => records::dispensing(policy, dispensing),
        Policy::Eligibility(policy) => records::eligibility(policy, eligibility),
        Policy::Claim(policy) => records::claim(policy, claim, &scenario::claim::example_context()),
    }
    true
}
