//! Conversions of the ledger service's messages.

pub use crate::wire::ledger::*;
