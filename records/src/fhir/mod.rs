//! FHIR R4 in: our own structs for the resources that are used, bundles with resolved references, and refusals
//! that name the resource and the FHIRPath.
//!
//! Lenient: unknown fields and resource types are ignored and counted, a bare resource is a bundle of one.
//! Strict: a field that is used and has the wrong form refuses the whole bundle.

mod bundle;
mod path;
mod resource;
#[cfg(test)]
pub(crate) mod tests;
mod types;

pub use bundle::{Bundle, Entry, Resource};
pub use path::Refusal;
pub use resource::*;
pub use types::*;

/// Largest bundle in bytes.
pub const MAX_BUNDLE_BYTES: usize = 64 << 20;
/// Most entries of a bundle.
pub const MAX_ENTRIES: usize = 100_000;
/// Most items of a list inside a resource that is used.
pub const MAX_LIST: usize = 1_000;

/// Why a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FhirError {
    /// More bytes than [`MAX_BUNDLE_BYTES`].
    #[error("the bundle has {0} bytes; the limit is {MAX_BUNDLE_BYTES}")]
    TooLarge(usize),
    /// Not JSON, or nested too deeply.
    #[error("the bundle is not JSON: {0}")]
    NotJson(String),
    /// JSON, but no FHIR resource.
    #[error("not a FHIR resource: `resourceType` is missing{0}")]
    NotAResource(String),
    /// More entries than [`MAX_ENTRIES`].
    #[error("the bundle has {0} entries; the limit is {MAX_ENTRIES}")]
    TooManyEntries(usize),
    /// A field has the wrong form or value.
    #[error(transparent)]
    Refused(#[from] Refusal),
}
