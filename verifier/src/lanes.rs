//! What the kernels do eight at a time on machines with AVX-512 IFMA. Every function gives `None` on scalar kernels; the
//! caller then takes its own way, to the same result.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(
        unused_variables,
        unused_imports,
        unreachable_code,
        reason = "no vector kernels there"
    )
)]

use crate::affine::to_affine;
use ark_bn254::{Fq, Fq2, Fq12, G1Affine, G1Projective, G2Affine};
use medproof_kernels::Kernels;

/// Whether the functions of this module have an answer.
pub(crate) fn available(kernels: Kernels) -> bool {
    cfg!(target_arch = "x86_64") && kernels != Kernels::Scalar
}

/// A product of Miller loops, up to factors that final exponentiation removes. No point of G1 is the identity; points of G2
/// have prime order.
pub(crate) fn miller_loop(kernels: Kernels, pairs: &[(G1Projective, G2Affine)]) -> Option<Fq12> {
    if !available(kernels) {
        return None;
    }
    let points = to_affine(pairs.iter().map(|(p, _)| p));
    let pairs: Vec<_> = points.into_iter().zip(pairs.iter().map(|(_, q)| *q)).collect();
    match kernels {
        Kernels::Scalar => None,
        #[cfg(target_arch = "x86_64")]
        Kernels::Ifma(token) => Some(medproof_kernels::pairing::miller_loop(token, &pairs)),
        #[cfg(not(target_arch = "x86_64"))]
        Kernels::Ifma(_) => None,
    }
}

/// `(low + lambda high) P` for each point and its halves, of which there are as many.
pub(crate) fn multiples(
    kernels: Kernels,
    points: &[G1Affine],
    halves: &[[u64; 2]],
) -> Option<Vec<G1Projective>> {
    match kernels {
        Kernels::Scalar => None,
        #[cfg(target_arch = "x86_64")]
        Kernels::Ifma(token) => Some(medproof_kernels::multiples::multiples(token, points, halves)),
        #[cfg(not(target_arch = "x86_64"))]
        Kernels::Ifma(_) => None,
    }
}

/// Roots of the values that have one: bit i of `found` says that all of lane i do.
pub(crate) struct Roots {
    pub(crate) plain: [[Fq; 8]; 2],
    pub(crate) quadratic: [Fq2; 8],
    pub(crate) found: u8,
}

/// Square roots. A clear bit may also mean that a root in Fq2 was missed.
pub(crate) fn roots(kernels: Kernels, plain: &[[Fq; 8]; 2], quadratic: &[Fq2; 8]) -> Option<Roots> {
    match kernels {
        Kernels::Scalar => None,
        #[cfg(target_arch = "x86_64")]
        Kernels::Ifma(token) => {
            let [(first, first_found), (second, second_found)] =
                medproof_kernels::roots::square_roots(token, plain);
            let (quadratic, found) = medproof_kernels::roots::square_roots_quadratic(token, quadratic);
            Some(Roots {
                plain: [first, second],
                quadratic,
                found: found & first_found & second_found,
            })
        }
        #[cfg(not(target_arch = "x86_64"))]
        Kernels::Ifma(_) => None,
    }
}

/// Bit i says that point i is in G2; a clear bit says nothing.
pub(crate) fn in_g2(kernels: Kernels, points: &[G2Affine; 8]) -> Option<u8> {
    match kernels {
        Kernels::Scalar => None,
        #[cfg(target_arch = "x86_64")]
        Kernels::Ifma(token) => Some(medproof_kernels::membership::in_g2(token, points)),
        #[cfg(not(target_arch = "x86_64"))]
        Kernels::Ifma(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The kernels that this machine has.
    pub(crate) fn kernels() -> Vec<Kernels> {
        let mut out = vec![Kernels::Scalar];
        out.extend(medproof_kernels::Ifma::detect().map(Kernels::Ifma));
        out
    }
}
