//! A Groth16 prover for BN254.
//!
//! [`field`] holds the arithmetic of Fq, Fr and Fq2 eight lanes at a time (AVX-512 IFMA), beside the scalar
//! arithmetic of arkworks that every kernel is tested against; [`Kernels`] chooses between the two.

pub mod field;
pub mod msm;

pub use field::Kernels;
pub use msm::{FixedBases, MemoryCap};
