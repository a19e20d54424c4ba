//! Everything clinical: FHIR R4 import, codes, units, records, snapshots, prescriptions, coverage,
//! policies and code tables. Plain data and native hashing; nothing cryptographic beyond hashing and signing.

pub mod claim;
pub mod identity;
pub mod signing;
