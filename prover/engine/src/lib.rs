//! A Groth16 prover for BN254.
//!
//! [`prepared`] works out once what a circuit and its key allow, [`prove`] makes proofs from it. Underneath, [`ntt`]
//! transforms polynomials and [`field`] holds the arithmetic of Fq, Fr and Fq2 eight lanes at a time (AVX-512
//! IFMA), beside the scalar arithmetic of arkworks that every kernel is tested against; [`Kernels`] chooses
//! between the two.

mod error;
pub mod field;
pub mod msm;
pub mod ntt;
pub mod prepared;
pub mod prove;
mod wiped;

pub use error::EngineError;
pub use field::Kernels;
pub use msm::{FixedBases, MemoryCap};
pub use prepared::{ConvertedKey, Form, Matrices, Options, PreparedCircuit, Satisfaction};
pub use prove::{Blinding, Steps};
