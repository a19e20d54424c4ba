//! Arithmetic of BN254 that the prover and the verifier share: one element at a time on every machine, eight at a time
//! where the CPU has AVX-512 IFMA.
//!
//! [`field`] holds the fields; [`Kernels`] chooses between the two forms. Whoever takes the vector form without writing
//! kernels of their own needs no `unsafe`: this crate and the prover's engine are the only ones that have any.

pub mod field;
#[cfg(target_arch = "x86_64")]
mod jacobian;
#[cfg(target_arch = "x86_64")]
pub mod membership;
#[cfg(target_arch = "x86_64")]
pub mod multiples;
#[cfg(target_arch = "x86_64")]
pub mod pairing;
pub mod parameter;
pub mod poseidon;
#[cfg(target_arch = "x86_64")]
pub mod roots;

pub use field::{Ifma, Kernels};
