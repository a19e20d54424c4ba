//! A Groth16 prover for BN254.
//!
//! [`prepared`] works out once what a circuit and its key allow, [`prove`] makes proofs from it. Underneath, [`ntt`]
//! transforms polynomials and [`msm`] multiplies points; the arithmetic of Fq, Fr and Fq2 under both, one element at a
//! time and eight (AVX-512 IFMA), is that of `medproof-kernels`. [`Kernels`] chooses between the two.

mod error;
pub mod msm;
pub mod ntt;
pub mod prepared;
pub mod prove;
mod wiped;

pub use error::EngineError;
pub use medproof_kernels::Kernels;
pub use msm::{FixedBases, MemoryCap};
pub use prepared::{ConvertedKey, Form, Matrices, Options, PreparedCircuit, Satisfaction};
pub use prove::{Blinding, Steps};
