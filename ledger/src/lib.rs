//! The ledger: an append-only log of proofs, commitments and keys that anyone can check
//! (`docs/ledger.md`). It never sees a record, a code or a name of a patient.
//!
//! [`Server`] runs a ledger; [`State`] is the state machine, over any [`table::Base`], shared by the
//! sequencer, recovery and [`audit()`]; [`Submission::check`] is what can be checked of an entry beforehand.

mod admin;
pub mod audit;
pub mod backup;
pub mod clock;
mod core;
pub mod cosigning;
mod embedded;
mod folder;
mod front;
pub mod fsck;
mod halted;
pub mod http;
mod log_reader;
pub mod mirror;
mod overlay;
mod pool;
pub mod recovery;
pub mod refusal;
pub mod rules;
mod sequencer;
pub mod server;
mod service;
mod signed_record;
pub mod state;
mod store;
pub mod submission;
pub mod table;
#[cfg(test)]
mod testing;
pub mod tile;
mod waiting;
pub mod witness;

pub use audit::{AuditConfig, audit};
pub use backup::{backup, restore};
pub use clock::{Clock, DevelopmentClock, SystemClock};
pub use embedded::Embedded;
pub use fsck::fsck;
pub use halted::HALTED_FILE;
pub use log_reader::ReadError;
pub use mirror::{Mirror, MirrorConfig};
pub use refusal::Refusal;
pub use rules::Rules;
pub use sequencer::BatchLimits;
pub use server::{Config, Failed, Server, StartError};
pub use state::{Effects, State};
pub use submission::Submission;
