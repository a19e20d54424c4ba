//! Policies: from TOML to compiled rules.

pub mod eligibility;
