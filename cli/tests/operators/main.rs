//! Ledgers, mirrors and witnesses, each by the command of its operator, and receipts from them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod desk;
mod mirror;
mod receipts;
