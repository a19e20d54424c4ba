//! Groth16 proofs as fixed-size bytes.

#[cfg(test)]
mod tests;
mod together;

use crate::{lanes, subgroup::is_in_g2};
use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};
use medproof_kernels::Kernels;

/// Bytes of an encoded proof: A (32), B (64), C (32), arkworks' compressed form.
pub const PROOF_BYTES: usize = 128;

/// A proof whose points are on their curves, in their prime-order subgroups, and not the identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof(ark_groth16::Proof<Bn254>);

/// Why bytes are not a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The length is not [`PROOF_BYTES`].
    #[error("a proof has {PROOF_BYTES} bytes, these are {0}")]
    Length(usize),
    /// A point does not decode.
    #[error("proof point {0} is not a canonical point of its subgroup")]
    Point(&'static str),
    /// A point is the identity.
    #[error("proof point {0} is the identity")]
    Identity(&'static str),
}

impl Proof {
    /// Wraps a proof made by a backend.
    ///
    /// # Errors
    /// [`ProofError`] when a point is the identity or outside its subgroup.
    pub fn new(inner: ark_groth16::Proof<Bn254>) -> Result<Self, ProofError> {
        // Every point of the curve of G1 is in G1.
        let g1 = G1Affine::is_on_curve;
        let g2 = |p: &G2Affine| p.is_on_curve() && is_in_g2(p);
        for (name, valid, zero) in [
            ("A", g1(&inner.a), inner.a.is_zero()),
            ("B", g2(&inner.b), inner.b.is_zero()),
            ("C", g1(&inner.c), inner.c.is_zero()),
        ] {
            if zero {
                return Err(ProofError::Identity(name));
            }
            if !valid {
                return Err(ProofError::Point(name));
            }
        }
        Ok(Self(inner))
    }

    /// Decodes a proof: every point canonical, on its curve, in its subgroup, not the identity; no bytes left.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() != PROOF_BYTES {
            return Err(ProofError::Length(bytes.len()));
        }
        // Curves and subgroups are checked once, by `new`.
        let a = canonical::<G1Affine>(&bytes[..32], "A", Validate::No)?;
        let b = canonical::<G2Affine>(&bytes[32..96], "B", Validate::No)?;
        let c = canonical::<G1Affine>(&bytes[96..], "C", Validate::No)?;
        Self::new(ark_groth16::Proof { a, b, c })
    }

    /// As [`Proof::from_bytes`] for each, in order; faster where the CPU has AVX-512 IFMA.
    pub fn from_bytes_all(encodings: &[&[u8]]) -> Vec<Result<Self, ProofError>> {
        Self::from_bytes_all_on(Kernels::detect(), encodings)
    }

    /// [`Proof::from_bytes_all`] on these kernels, on which the results do not depend.
    pub fn from_bytes_all_on(kernels: Kernels, encodings: &[&[u8]]) -> Vec<Result<Self, ProofError>> {
        let mut out = Vec::with_capacity(encodings.len());
        for eight in encodings.chunks(8) {
            let mut found = if lanes::available(kernels) && eight.len() > 1 {
                together::decode(kernels, eight)
            } else {
                Default::default()
            };
            for (bytes, found) in eight.iter().zip(&mut found) {
                out.push(found.take().map_or_else(|| Self::from_bytes(bytes), Ok));
            }
        }
        out
    }

    /// Encodes the proof.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0u8; PROOF_BYTES];
        // The buffer has the exact size, so writing into it cannot fail.
        let _ = self.0.serialize_compressed(&mut out[..]);
        out
    }

    /// The proof as arkworks' type.
    pub fn inner(&self) -> &ark_groth16::Proof<Bn254> {
        &self.0
    }
}

/// Decodes one compressed point of its subgroup and checks that it encodes back to the same bytes.
pub(crate) fn point<P: CanonicalDeserialize + CanonicalSerialize>(
    bytes: &[u8],
    name: &'static str,
) -> Result<P, ProofError> {
    canonical(bytes, name, Validate::Yes)
}

/// Decodes one compressed point, validated by arkworks or not, and checks that it encodes back to the same bytes.
fn canonical<P: CanonicalDeserialize + CanonicalSerialize>(
    bytes: &[u8],
    name: &'static str,
    validate: Validate,
) -> Result<P, ProofError> {
    let p = P::deserialize_with_mode(bytes, Compress::Yes, validate).map_err(|_| ProofError::Point(name))?;
    let mut again = Vec::with_capacity(bytes.len());
    p.serialize_compressed(&mut again)
        .map_err(|_| ProofError::Point(name))?;
    if again == bytes {
        Ok(p)
    } else {
        Err(ProofError::Point(name))
    }
}
