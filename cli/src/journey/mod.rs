//! What the parties do, step by step, over the services: enrolling, binding, filling, screening, claiming.
//!
//! The demonstration, the end-to-end tests and the wallet commands share these flows. The holder's side
//! ([`wallet`], [`bind`], [`fill`], [`trial`], [`claim`]) talks to ledger, prover and gateways only over gRPC.

pub mod attested;
pub mod bind;
pub mod claim;
pub mod desk;
pub mod enrolment;
mod error;
pub mod fill;
pub mod governance;
pub mod party;
pub mod prove;
pub mod recover;
pub mod sources;
pub mod trial;
pub mod wallet;

pub use error::JourneyError;
