//! What snarkjs says of our circuits, keys and proofs (V9), and of set-up ceremonies over our circuits.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected"
)]

mod ceremony;
mod files;
mod json;
mod verdicts;
