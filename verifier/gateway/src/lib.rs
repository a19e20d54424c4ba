//! The verifier gateway: what a pharmacy, sponsor, insurer or issuer runs.
//!
//! Its staff asks a question and gets a challenge; a holder presents a proof and opens its commitments;
//! the gateway checks freshness, context, proof, opening and date, signs, posts, and answers only after the
//! ledger's receipt was verified and is on its own disk. It keeps no record and no opening.
//!
//! Start at [`desk::Desk`]; [`Server`] puts it on the wire. Layouts are in `docs/format.md`, sections 14 and 15.

mod challenges;
pub mod clock;
pub mod config;
pub mod desk;
pub mod error;
pub mod journal;
pub mod ledger;
mod server;
mod service;
#[cfg(test)]
mod tests;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Config, ConfigError, Party};
pub use error::GatewayError;
pub use journal::JournalError;
pub use server::{Handle, Server, StartError};
