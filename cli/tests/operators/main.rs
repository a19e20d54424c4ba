//! Ledgers, mirrors and witnesses, each by the command of its operator, what they log, and receipts from them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod desk;
mod log;
mod mirror;
mod receipts;
mod restore;
mod tls;
mod witness;
