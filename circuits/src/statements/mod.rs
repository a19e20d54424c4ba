//! The four statements; each folder holds witness, relation, circuit and tests.

pub mod bind;
pub mod claim;
pub mod dispense;
pub mod eligibility;
