//! Field arithmetic: which kernels this machine runs.

use std::sync::OnceLock;

/// The kernels a computation runs on. Results do not depend on the choice, only their time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// Arkworks' 64-bit arithmetic, one element at a time; on every machine.
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
    /// The fastest kernels of this machine; the scalar ones when the environment says
    /// `MEDPROOF_ENGINE=scalar`. Read once per process.
    #[must_use]
    pub fn detect() -> Self {
        static CHOICE: OnceLock<Kernels> = OnceLock::new();
        *CHOICE.get_or_init(|| match std::env::var_os("MEDPROOF_ENGINE") {
            Some(value) if value == "scalar" => Self::Scalar,
            _ => Ifma::detect().map_or(Self::Scalar, Self::Ifma),
        })
    }

    /// The scalar kernels, whatever the machine has.
    #[must_use]
    pub const fn scalar() -> Self {
        Self::Scalar
    }
}
