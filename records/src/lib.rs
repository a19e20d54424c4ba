//! Everything clinical: FHIR R4 import, codes, units, records, snapshots, prescriptions, coverage,
//! policies and code tables. Plain data and native hashing; nothing cryptographic beyond hashing and signing.

pub mod claim;
pub mod code;
pub mod date;
pub mod decimal;
pub mod dispensing;
pub mod fhir;
pub mod identity;
pub mod import;
pub mod npi;
pub mod policy;
pub mod record;
pub mod signing;
pub mod snapshot;
pub mod table;
pub mod unit;
