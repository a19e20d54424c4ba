//! Field elements and points as bytes: little-endian, 32 bytes a number.
//!
//! Witnesses and constraints hold plain integers; keys hold Montgomery form with R = 2^256, which is also
//! how arkworks keeps numbers in memory, and their coefficients are multiplied by R once more.

use crate::{CircomError, PointFault, container::Reader};
use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, BigInteger, Field, PrimeField};
use rayon::prelude::*;

/// Bytes of a number.
pub(crate) const BYTES: usize = 32;
/// Points of a list that one thread checks at a time.
const CHUNK: usize = 256;

fn integer(bytes: &[u8]) -> BigInt<4> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        // `chunks_exact(8)` gives eight bytes.
        *limb = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
    }
    BigInt::new(limbs)
}

fn put_integer(value: BigInt<4>, out: &mut Vec<u8>) {
    for limb in value.0 {
        out.extend(limb.to_le_bytes());
    }
}

/// A plain integer below the modulus.
pub(crate) fn plain(bytes: &[u8]) -> Option<Fr> {
    Fr::from_bigint(integer(bytes))
}

/// Appends the plain integer.
pub(crate) fn put_plain(value: &Fr, out: &mut Vec<u8>) {
    put_integer(value.into_bigint(), out);
}

/// A coefficient of a proving key: `x R^2`, below the modulus.
pub(crate) fn doubly_montgomery(bytes: &[u8]) -> Option<Fr> {
    let value = integer(bytes);
    // Taken as Montgomery form it stands for `x R`, whose integer is the Montgomery form of `x`.
    (value < Fr::MODULUS).then(|| Fr::new_unchecked(Fr::new_unchecked(value).into_bigint()))
}

/// The field's size in bytes and its modulus, as headers give them.
pub(crate) fn check_modulus<F: PrimeField>(reader: &mut Reader<'_>) -> Result<(), CircomError> {
    if reader.u32()? as usize != BYTES || reader.take(BYTES)? != F::MODULUS.to_bytes_le() {
        return Err(CircomError::Field);
    }
    Ok(())
}

/// Appends what [`check_modulus`] reads.
pub(crate) fn put_modulus<F: PrimeField>(out: &mut Vec<u8>) {
    out.extend((BYTES as u32).to_le_bytes());
    out.extend(F::MODULUS.to_bytes_le());
}

/// A coordinate of the points that a key holds.
pub(crate) trait Coordinate: Field {
    /// Bytes of a coordinate.
    const SIZE: usize;

    /// Reads Montgomery form below the modulus.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Coordinate for Fq {
    const SIZE: usize = BYTES;

    fn read(bytes: &[u8]) -> Option<Self> {
        let value = integer(bytes);
        (value < Fq::MODULUS).then(|| Fq::new_unchecked(value))
    }
}

impl Coordinate for Fq2 {
    const SIZE: usize = 2 * BYTES;

    fn read(bytes: &[u8]) -> Option<Self> {
        let (c0, c1) = bytes.split_at(BYTES);
        Some(Fq2::new(Fq::read(c0)?, Fq::read(c1)?))
    }
}

/// One of the two curves of a key.
pub(crate) trait KeyCurve: SWCurveConfig<BaseField = <Self as KeyCurve>::Coordinate> {
    type Coordinate: Coordinate;
    /// Bytes of a point.
    const POINT_BYTES: usize = 2 * <<Self as KeyCurve>::Coordinate as Coordinate>::SIZE;
}

impl KeyCurve for g1::Config {
    type Coordinate = Fq;
}

impl KeyCurve for g2::Config {
    type Coordinate = Fq2;
}

/// Reads one point: canonical, on its curve, in its subgroup; zero coordinates are the identity.
fn read_point<P: KeyCurve>(bytes: &[u8]) -> Result<Affine<P>, PointFault> {
    if bytes.iter().all(|b| *b == 0) {
        return Ok(Affine::identity());
    }
    let (x, y) = bytes.split_at(P::POINT_BYTES / 2);
    let coordinate = |bytes| Coordinate::read(bytes).ok_or(PointFault::NotCanonical);
    let point = Affine::<P>::new_unchecked(coordinate(x)?, coordinate(y)?);
    if !point.is_on_curve() {
        return Err(PointFault::OffCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(PointFault::OutsideSubgroup);
    }
    Ok(point)
}

/// One point of a header.
pub(crate) fn point<P: KeyCurve>(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<Affine<P>, CircomError> {
    let bytes = reader.take(P::POINT_BYTES)?;
    read_point(bytes).map_err(|fault| CircomError::Point {
        what,
        index: 0,
        fault,
    })
}

/// A section that holds `count` points and nothing else; checked on all cores.
pub(crate) fn points<P: KeyCurve>(reader: Reader<'_>, count: usize) -> Result<Vec<Affine<P>>, CircomError> {
    let what = reader.within;
    let fail = |index, fault| CircomError::Point { what, index, fault };
    reader
        .all(count, P::POINT_BYTES)?
        .par_chunks_exact(P::POINT_BYTES)
        .with_min_len(CHUNK)
        .enumerate()
        .map(|(index, bytes)| read_point(bytes).map_err(|fault| fail(index, fault)))
        .collect()
}
