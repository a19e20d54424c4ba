//! Signing keys of issuers: EdDSA-Poseidon over tagged hashes (`docs/format.md`, section 2).

use ark_bn254::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{PrimeField, Zero};
use medproof_verifier::curve::{Point, Scalar};
use medproof_verifier::eddsa::{PublicKey, Signature, challenge};
use medproof_verifier::field::fr_to_be_bytes;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a signing key's seed.
pub const SEED_BYTES: usize = 32;

/// A secret signing key. It is made from a 32-byte seed, which is all there is to keep.
///
/// Scalar and nonces are SHA-512 of the seed (and message) under separate prefixes, 512 bits reduced
/// modulo the group order, so nonces never repeat and their bias is below 2^-256. Field arithmetic is not
/// constant-time: sign where nobody measures.
#[derive(ZeroizeOnDrop)]
pub struct SigningKey {
    seed: [u8; SEED_BYTES],
    scalar: Scalar,
    #[zeroize(skip)]
    public: PublicKey,
}

impl SigningKey {
    /// A fresh key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The key of a seed (32 uniformly random, secret bytes).
    pub fn from_seed(seed: &[u8; SEED_BYTES]) -> Self {
        let mut scalar = hash_to_scalar(b"medproof/eddsa/key/1", seed, &[]);
        if scalar.is_zero() {
            // Unreachable in practice (probability 2^-251), but a zero key would be refused everywhere.
            scalar = Scalar::from(1u64);
        }
        let public = multiply(&scalar).into();
        Self {
            seed: *seed,
            scalar,
            public,
        }
    }

    /// The seed, to be stored encrypted.
    pub fn seed(&self) -> &[u8; SEED_BYTES] {
        &self.seed
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs a tagged hash. The same message gives the same signature.
    pub fn sign(&self, message: Fr) -> Signature {
        let mut nonce = hash_to_scalar(b"medproof/eddsa/nonce/1", &self.seed, &fr_to_be_bytes(&message));
        let r8 = multiply(&nonce);
        let h = challenge(&self.public, message, r8.x, r8.y);
        let s = nonce + reduce(&fr_to_be_bytes(&h)) * Scalar::from(8u64) * self.scalar;
        nonce.zeroize();
        Signature {
            r8x: r8.x,
            r8y: r8.y,
            // A scalar is below l < r, so the conversion is exact.
            s: Fr::from(s.into_bigint()),
        }
    }
}

fn multiply(scalar: &Scalar) -> Point {
    Point::generator().mul_bigint(scalar.into_bigint()).into_affine()
}

fn hash_to_scalar(prefix: &[u8], seed: &[u8; SEED_BYTES], message: &[u8]) -> Scalar {
    let mut hash = Sha512::new();
    hash.update(prefix);
    hash.update([0]);
    hash.update(seed);
    hash.update(message);
    let mut wide = hash.finalize();
    let scalar = reduce(&wide);
    wide.as_mut_slice().zeroize();
    scalar
}

#[expect(
    clippy::disallowed_methods,
    reason = "reduces our own hash outputs modulo the group order, as EdDSA does; no input from outside is decoded"
)]
fn reduce(big_endian: &[u8]) -> Scalar {
    Scalar::from_be_bytes_mod_order(big_endian)
}

#[cfg(test)]
mod tests {
    use super::*;
    use medproof_verifier::eddsa::{EddsaError, verify};

    #[test]
    fn signatures_verify_and_are_deterministic() {
        for i in 0..8u8 {
            let key = SigningKey::from_seed(&[i; SEED_BYTES]);
            for message in [Fr::from(0u64), -Fr::from(1u64), Fr::from(i)] {
                let signature = key.sign(message);
                assert_eq!(verify(&key.public_key(), message, &signature), Ok(()));
                assert_eq!(signature, key.sign(message));
                assert_eq!(
                    verify(&key.public_key(), message + Fr::from(1u64), &signature),
                    Err(EddsaError::Mismatch)
                );
            }
        }
    }

    #[test]
    fn nonces_differ_between_messages_and_keys() {
        let (a, b) = (
            SigningKey::from_seed(&[1; SEED_BYTES]),
            SigningKey::from_seed(&[2; SEED_BYTES]),
        );
        let message = Fr::from(7u64);
        assert_ne!(a.sign(message).r8x, a.sign(message + message).r8x);
        assert_ne!(a.sign(message).r8x, b.sign(message).r8x);
        assert_ne!(a.public_key(), b.public_key());
    }
}
