//! From a statement and its witness to a verified proof: keys, backends, the job queue and the service.
//!
//! Start at [`Prover`]. Formats are in `docs/format.md`, section 20.

pub mod backend;
mod catalogue;
mod constraints;
#[cfg(test)]
mod example;
pub mod keys;
mod prover;
pub mod queue;
pub mod snarkjs;
#[cfg(test)]
mod tests;

pub use constraints::{Assignment, CircuitError, Constraints};
pub use keys::{KeyStore, Mode};
pub use prover::{
    CircuitInfo, Observer, ProofStage, ProveError, Proven, Prover, Stopped, Timings, Unobserved,
};
