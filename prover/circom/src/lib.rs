//! The binary formats of the circom world over BN254, read and written by checked code of our own:
//! proving keys (`.zkey`, Groth16), witnesses (`.wtns`) and constraints (`.r1cs`).
//!
//! Files from elsewhere are hostile until proven otherwise: every length is compared with the bytes that are
//! there before memory is taken for it, every number must be canonical, every point on its curve and in its
//! subgroup, nothing may be left over, and nothing panics. The layouts are in `docs/format.md`, section 24.

mod container;
mod error;
mod matrix;
mod number;
pub mod r1cs;
mod reduction;
#[cfg(test)]
mod tests;
pub mod wtns;
pub mod zkey;

pub use error::{CircomError, PointFault};
pub use matrix::SparseMatrix;
pub use r1cs::R1cs;
pub use reduction::CircomReduction;
pub use wtns::Witness;
pub use zkey::Zkey;

/// Variables and constraints of a file: the field has no larger domain for a coset of twice the size.
pub const MAX_SIZE: usize = 1 << 27;
