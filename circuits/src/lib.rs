//! What is proven: gadgets with their native twins, and the four statements.
//!
//! Start with `docs/statements/NAME.md`, then the statement's folder.

pub mod gadgets;
pub mod scenario;
pub mod statement;
pub mod statements;
pub mod tamper;
