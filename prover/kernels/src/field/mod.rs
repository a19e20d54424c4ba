//! Field arithmetic for BN254 in two forms, and the choice between them.
//!
//! The scalar form has arkworks' elements (`Fq`, `Fr`, `Fq2`: four 64-bit words, Montgomery radix 2^256) and, in hot
//! loops, its own products (`single`). The vector form
//! is [`Vec8`]: eight elements at a time, five limbs of 52 bits, Montgomery radix 2^260, for machines with AVX-512
//! IFMA. Bounds are in the text of [`Vec8`]'s module; what a caller needs to know first:
//!
//! - **Kernels.** The operations are `inline(always)` and take an [`Ifma`] token. They are fast only inside a
//!   function that enables the features; write a kernel as
//!   ```ignore
//!   #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
//!   fn butterflies(token: Ifma, a: &mut [WordBlock], ...) { ... }
//!   ```
//!   and call it in one `unsafe` block, whose reason is the token in hand.
//! - **Radix.** `load_words` and `load_elements` change limbs, not values: an arkworks element read so is
//!   x 2^256. Either multiply it by [`Modulus::FROM_ARK`] once to get x 2^260, or leave it: the product of
//!   x 2^256 with a constant c 2^260 is c x 2^256, so that linear maps need no conversion at all.
//! - **Laziness.** Products are below 2.2 p, never canonical. Add and subtract into a [`Wide`], then `carry` or
//!   `reduce` once; `canonical` before elements leave the kernels.

#[cfg(target_arch = "x86_64")]
mod exchange;
#[cfg(target_arch = "x86_64")]
mod far;
mod inverse;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod modulus;
#[cfg(target_arch = "x86_64")]
mod quadratic;
mod single;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[cfg(target_arch = "x86_64")]
mod vector;

use std::sync::OnceLock;

pub use inverse::{inverse, inverse_quadratic};
#[cfg(target_arch = "x86_64")]
pub use lanes::Row;
pub use modulus::{Base, LIMB_BITS, LIMB_MASK, LIMBS, Limbs, Modulus, Scalar, limbs, words};
#[cfg(target_arch = "x86_64")]
pub use quadratic::{Quadratic8, WideQuadratic8};
pub use single::Single;
#[cfg(target_arch = "x86_64")]
pub use transpose::transpose;
#[cfg(target_arch = "x86_64")]
pub(crate) use vector::Product;
#[cfg(target_arch = "x86_64")]
pub use vector::{LimbBlock, Vec8, Wide, WordBlock};

/// The kernels a computation runs on. Results do not depend on the choice, only their time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// 64-bit arithmetic, one element at a time; on every machine.
    Scalar,
    /// Radix-2^52 arithmetic, eight elements at a time. The value is proof that the instructions exist.
    Ifma(Ifma),
}

/// Proof that this CPU has the AVX-512 instructions of the vector kernels (F, DQ, BW, VL, IFMA, VBMI2).
/// Only [`Ifma::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ifma(());

impl Ifma {
    /// The token, if this CPU has all the instructions.
    #[must_use]
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let all = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512ifma")
                && is_x86_feature_detected!("avx512vbmi2");
            all.then_some(Self(()))
        }
        #[cfg(not(target_arch = "x86_64"))]
        None
    }
}

impl Kernels {
    /// The fastest kernels of this machine; the scalar ones when the environment says `MEDPROOF_ENGINE=scalar`, and
    /// those without ADX either when it says `MEDPROOF_ENGINE=portable`. Read once per process.
    #[must_use]
    pub fn detect() -> Self {
        static CHOICE: OnceLock<Kernels> = OnceLock::new();
        *CHOICE.get_or_init(|| match Choice::of_environment() {
            Some(Choice::Scalar | Choice::Portable) => Self::Scalar,
            None => Ifma::detect().map_or(Self::Scalar, Self::Ifma),
        })
    }

    /// The scalar kernels, whatever the machine has.
    #[must_use]
    pub const fn scalar() -> Self {
        Self::Scalar
    }
}

/// What `MEDPROOF_ENGINE` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// No vector kernels.
    Scalar,
    /// No instructions but those that every machine of this kind has.
    Portable,
}

impl Choice {
    pub(crate) fn of_environment() -> Option<Self> {
        let value = std::env::var_os("MEDPROOF_ENGINE")?;
        match value.to_str() {
            Some("scalar") => Some(Self::Scalar),
            Some("portable") => Some(Self::Portable),
            _ => None,
        }
    }
}
