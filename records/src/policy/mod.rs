//! Policies: from TOML to compiled rules.

pub mod claim;
pub mod dispensing;
pub mod eligibility;
