//! The trusted core of medproof: what everybody who believes a result has to read.
//!
//! Public inputs of each statement in their only order, proofs and verifying keys with checked
//! decoding, native Poseidon and EdDSA-Poseidon, quaternary trees, what is asked and opened,
//! ledger entries, checkpoints and receipts. No I/O, no clock, no async. Layouts are in `docs/format.md`.

mod affine;
pub mod asked;
pub mod batch;
pub mod checkpoint;
pub mod circuit_id;
pub mod context;
pub mod cosignature;
pub mod curve;
pub mod day;
pub mod eddsa;
pub mod entry;
pub mod field;
mod fixed_points;
pub mod inclusion;
pub mod key;
mod lanes;
pub mod leaf_range;
pub mod name;
pub mod opening;
pub mod poseidon;
pub mod proof;
pub mod receipt;
pub mod registry;
pub mod statement;
mod subgroup;
pub mod tree;

pub use ark_bn254::Fr;
pub use checkpoint::{Checkpoint, CheckpointError, LogKey, LogSigner};
pub use circuit_id::{CircuitId, CircuitName};
pub use context::Context;
pub use day::Day;
pub use entry::Entry;
pub use key::{KeyError, VerifyError, VerifyingKey};
pub use name::Name;
pub use poseidon::{Tag, node, nodes, tagged};
pub use proof::{PROOF_BYTES, Proof, ProofError};
pub use receipt::Receipt;
pub use registry::{KeyLeaf, Role};
pub use statement::{Claim, Public, Statement, Verified};
pub use tree::Path;
