//! Ledgers, mirrors and witnesses, each by the command of its operator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod desk;
mod mirror;
