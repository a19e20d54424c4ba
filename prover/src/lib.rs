//! From a statement and its witness to a verified proof: keys, backends, the job queue and the service.
//!
//! Start at [`Prover`]. Formats are in `docs/format.md`, section 20.

pub mod backend;
mod catalogue;
pub mod client;
mod constraints;
#[cfg(test)]
mod example;
mod job;
pub mod keys;
mod prover;
pub mod queue;
mod service;
pub mod snarkjs;
#[cfg(test)]
mod tests;
pub mod wire;

pub use constraints::{Assignment, CircuitError, Constraints};
pub use job::Job;
pub use keys::{KeyStore, Mode};
pub use prover::{
    CircuitInfo, Observer, OpeningTimes, ProofStage, ProveError, Proven, Prover, Stopped, Timings, Unobserved,
};
pub use service::{ServeError, Server, ServerConfig};
