//! The adversarial suite: each attack is tried from end to end and must be refused for the right reason.
//!
//! A test's name begins with the line that it stands for: V verifier and keys, A protocol, D data, L ledger
//! (C, the circuits, have theirs beside the gadgets). The table in `docs/threat-model.md` has all of them, also
//! those that stand beside the code they attack; `table` checks that it is true.

#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod ideal;
mod protocol;
mod table;
mod verifier;
mod world;
