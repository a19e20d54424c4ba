//! Policies: TOML compiled to field elements.

pub mod claim;
