//! Canonical encoding of field elements (`docs/format.md`, section 1).

use ark_bn254::Fr;
use ark_ff::{BigInteger, BigInteger256, PrimeField};

/// Bytes of an encoded field element.
pub const FR_BYTES: usize = 32;

/// A 32-byte string is not the canonical encoding of a field element: its value is `>= r`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical field element (its value is not below the field's modulus)")]
pub struct NotCanonical;

/// Reads 32 big-endian bytes as a field element.
///
/// # Errors
/// [`NotCanonical`] when the value is not below the modulus; nothing is ever reduced.
pub fn fr_from_be_bytes(bytes: &[u8; FR_BYTES]) -> Result<Fr, NotCanonical> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |acc, b| (acc << 8) | u64::from(*b));
    }
    Fr::from_bigint(BigInteger256::new(limbs)).ok_or(NotCanonical)
}

/// Writes a field element as 32 big-endian bytes.
pub fn fr_to_be_bytes(x: &Fr) -> [u8; FR_BYTES] {
    let mut out = [0u8; FR_BYTES];
    let limbs = x.into_bigint().0;
    for (chunk, limb) in out.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    out
}

/// The first 248 bits of a 32-byte string, big-endian, as a field element (never reduces).
pub fn fr_from_248(bytes: &[u8; 32]) -> Fr {
    let mut padded = [0u8; 32];
    padded[1..].copy_from_slice(&bytes[..31]);
    // 248 bits are below the 254-bit modulus.
    fr_from_be_bytes(&padded).unwrap_or_default()
}

/// Packs fields into one element, the first in the lowest bits: `a + 2^m b + ..`.
///
/// Returns `None` when a value does not fit its width or the widths add up to more than 253 bits.
/// Each field is at most 128 bits wide.
pub fn pack(fields: &[(u128, u32)]) -> Option<Fr> {
    let mut limbs = BigInteger256::default();
    let mut offset = 0u32;
    for &(value, width) in fields {
        if width > 128 || (width < 128 && value >> width != 0) || offset + width > 253 {
            return None;
        }
        let mut part = BigInteger256::new([value as u64, (value >> 64) as u64, 0, 0]);
        part <<= offset;
        limbs.add_with_carry(&part);
        offset += width;
    }
    Fr::from_bigint(limbs)
}

/// Splits a packed element into fields of the given widths (each at most 128 bits), lowest first.
///
/// Returns `None` when anything is left over above the last field.
pub fn unpack(word: &Fr, widths: &[u32]) -> Option<Vec<u128>> {
    let mut rest = word.into_bigint();
    let mut out = Vec::with_capacity(widths.len());
    for &width in widths {
        let low = u128::from(rest.0[0]) | (u128::from(rest.0[1]) << 64);
        out.push(if width >= 128 {
            low
        } else {
            low & ((1u128 << width) - 1)
        });
        rest >>= width;
    }
    rest.is_zero().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, One, Zero};

    #[test]
    fn bytes_round_trip_and_modulus_is_refused() {
        for x in [Fr::zero(), Fr::one(), -Fr::one(), Fr::from(7u64).pow([99])] {
            assert_eq!(fr_from_be_bytes(&fr_to_be_bytes(&x)), Ok(x));
        }
        let mut modulus = [0u8; 32];
        for (c, l) in modulus.chunks_exact_mut(8).zip(Fr::MODULUS.0.iter().rev()) {
            c.copy_from_slice(&l.to_be_bytes());
        }
        assert_eq!(fr_from_be_bytes(&modulus), Err(NotCanonical));
        assert_eq!(fr_from_be_bytes(&[0xff; 32]), Err(NotCanonical));
    }

    #[test]
    fn packing_is_little_endian_and_checked() {
        let word = pack(&[(5, 3), (1, 1), (0xffff, 16)]).unwrap();
        assert_eq!(word, Fr::from(5u64 + 8 + (0xffff << 4)));
        assert_eq!(unpack(&word, &[3, 1, 16]), Some(vec![5, 1, 0xffff]));
        assert_eq!(unpack(&word, &[3, 1, 15]), None);
        assert_eq!(pack(&[(8, 3)]), None);
        assert_eq!(pack(&[(0, 128), (0, 126)]), None);
        assert!(pack(&[(u128::MAX, 128), (1, 125)]).is_some());
    }
}
