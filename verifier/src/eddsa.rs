//! EdDSA-Poseidon on Baby Jubjub, as circomlib has it (`docs/format.md`, section 2).
//!
//! `S * Base8 = R8 + 8 * Poseidon_5(R8x, R8y, Ax, Ay, M) * A`, without the leniencies: S is below the
//! group order, both points lie on the curve and in the subgroup of prime order, and A is not its identity.

use crate::curve::{Point, Scalar};
use crate::field::{FR_BYTES, NotCanonical, fr_from_be_bytes, fr_to_be_bytes};
use crate::poseidon::poseidon;
use ark_bn254::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{PrimeField, Zero};

/// Bytes of an encoded public key.
pub const PUBLIC_KEY_BYTES: usize = 2 * FR_BYTES;
/// Bytes of an encoded signature.
pub const SIGNATURE_BYTES: usize = 3 * FR_BYTES;

/// The coordinates that a public key claims to have; [`verify`] and [`PublicKey::check`] decide whether
/// they are a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// Affine x.
    pub x: Fr,
    /// Affine y.
    pub y: Fr,
}

/// A claimed signature; only [`verify`] says what it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Affine x of the nonce's point R8.
    pub r8x: Fr,
    /// Affine y of the nonce's point R8.
    pub r8y: Fr,
    /// The response S, below the group order in a valid signature.
    pub s: Fr,
}

/// Why a signature or key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EddsaError {
    /// The key is no usable point.
    #[error("the public key is not a point of prime order on Baby Jubjub")]
    Key,
    /// R8 is no usable point.
    #[error("the signature's R8 is not in the prime-order subgroup of Baby Jubjub")]
    Nonce,
    /// S is not reduced.
    #[error("the signature's S is not below the group order")]
    NotReduced,
    /// The equation does not hold.
    #[error("the signature does not belong to this message and key")]
    Mismatch,
}

fn in_subgroup(x: Fr, y: Fr) -> Option<Point> {
    let point = Point::new_unchecked(x, y);
    (point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()).then_some(point)
}

impl PublicKey {
    /// The key as a point of prime order other than the identity.
    ///
    /// # Errors
    /// [`EddsaError::Key`].
    pub fn check(&self) -> Result<Point, EddsaError> {
        in_subgroup(self.x, self.y)
            .filter(|p| !p.is_zero())
            .ok_or(EddsaError::Key)
    }

    /// x and y, 32 big-endian bytes each.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let mut out = [0; PUBLIC_KEY_BYTES];
        out[..32].copy_from_slice(&fr_to_be_bytes(&self.x));
        out[32..].copy_from_slice(&fr_to_be_bytes(&self.y));
        out
    }

    /// Reads what [`PublicKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`EddsaError::Key`] when a coordinate is not canonical or the point is not of prime order.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, EddsaError> {
        let coordinate = |at: usize| read(bytes, at).map_err(|_| EddsaError::Key);
        let key = Self {
            x: coordinate(0)?,
            y: coordinate(32)?,
        };
        key.check().map(|_| key)
    }
}

impl From<Point> for PublicKey {
    fn from(point: Point) -> Self {
        Self {
            x: point.x,
            y: point.y,
        }
    }
}

impl Signature {
    /// R8x, R8y and S, 32 big-endian bytes each.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        let mut out = [0; SIGNATURE_BYTES];
        for (chunk, x) in out.chunks_exact_mut(32).zip([self.r8x, self.r8y, self.s]) {
            chunk.copy_from_slice(&fr_to_be_bytes(&x));
        }
        out
    }

    /// Reads what [`Signature::to_bytes`] wrote; whether it is valid is [`verify`]'s to say.
    ///
    /// # Errors
    /// [`NotCanonical`].
    pub fn from_bytes(bytes: &[u8; SIGNATURE_BYTES]) -> Result<Self, NotCanonical> {
        Ok(Self {
            r8x: read(bytes, 0)?,
            r8y: read(bytes, 32)?,
            s: read(bytes, 64)?,
        })
    }
}

fn read(bytes: &[u8], at: usize) -> Result<Fr, NotCanonical> {
    let chunk = bytes[at..].first_chunk().ok_or(NotCanonical)?;
    fr_from_be_bytes(chunk)
}

/// The challenge `Poseidon_5(R8x, R8y, Ax, Ay, M)`.
pub fn challenge(key: &PublicKey, message: Fr, r8x: Fr, r8y: Fr) -> Fr {
    poseidon(&[r8x, r8y, key.x, key.y, message])
}

/// Verifies a signature over `message`, which is always a tagged hash.
///
/// # Errors
/// [`EddsaError`] names the first check that fails.
pub fn verify(key: &PublicKey, message: Fr, signature: &Signature) -> Result<(), EddsaError> {
    let a = key.check()?;
    let r8 = in_subgroup(signature.r8x, signature.r8y).ok_or(EddsaError::Nonce)?;
    let s = signature.s.into_bigint();
    if s >= Scalar::MODULUS {
        return Err(EddsaError::NotReduced);
    }
    let h = challenge(key, message, signature.r8x, signature.r8y).into_bigint();
    let left = Point::generator().mul_bigint(s);
    let right = a.mul_bigint([8]).into_affine().mul_bigint(h) + r8;
    if (left - right).is_zero() {
        Ok(())
    } else {
        Err(EddsaError::Mismatch)
    }
}
