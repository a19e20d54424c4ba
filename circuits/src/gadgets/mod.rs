//! Building blocks of the statements: each one's constraints beside its native twin, its cost in its
//! documentation, its soundness argument at its constraints.
//!
//! Two rules hold throughout. Constraints never depend on values, so the set-up and every assignment give
//! the same system. And a number is compared, packed or summed only after it was range-checked, so that
//! nothing wraps around the field's modulus r.

pub mod division;
pub mod eddsa;
pub mod identity;
pub mod linear;
pub mod merkle;
pub mod pack;
pub mod poseidon;
pub mod range;
pub mod registry;
pub mod select;

#[cfg(test)]
mod tests;
