//! Field elements and points as bytes: little-endian, 32 bytes a number.
//!
//! Witnesses and constraints hold plain integers; keys hold Montgomery form with R = 2^256, which is also
//! how arkworks keeps numbers in memory, and their coefficients are multiplied by R once more.

use crate::{CircomError, PointFault, container::Reader};
use ark_bn254::{Fq, Fq2, Fr, G2Affine, g1, g2};
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{BigInt, BigInteger, Field, PrimeField};
use medproof_kernels::Kernels;
use rayon::prelude::*;

/// Bytes of a number.
pub(crate) const BYTES: usize = 32;
/// Points of a list that one thread checks at a time.
const CHUNK: usize = 256;
/// Points whose membership is shown together.
const LANES: usize = 8;

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

    /// Which points of at most eight are shown to be in the subgroup, bit by bit; a clear bit says nothing.
    /// None is the identity.
    fn members(_: Kernels, _: &[Affine<Self>]) -> u8 {
        0
    }
}

impl KeyCurve for g1::Config {
    type Coordinate = Fq;
}

impl KeyCurve for g2::Config {
    type Coordinate = Fq2;

    fn members(kernels: Kernels, points: &[G2Affine]) -> u8 {
        match kernels {
            Kernels::Scalar => 0,
            #[cfg(target_arch = "x86_64")]
            Kernels::Ifma(token) => {
                let lane = |i| points.get(i).copied().unwrap_or_else(G2Affine::identity);
                medproof_kernels::membership::in_g2(token, &std::array::from_fn(lane))
            }
            #[cfg(not(target_arch = "x86_64"))]
            Kernels::Ifma(_) => 0,
        }
    }
}

/// Reads one point: canonical and on its curve; zero coordinates are the identity.
fn read_point<P: KeyCurve>(bytes: &[u8]) -> Result<Affine<P>, PointFault> {
    if bytes.iter().all(|b| *b == 0) {
        return Ok(Affine::identity());
    }
    let (x, y) = bytes.split_at(P::POINT_BYTES / 2);
    let coordinate = |bytes| Coordinate::read(bytes).ok_or(PointFault::NotCanonical);
    let point = Affine::<P>::new_unchecked(coordinate(x)?, coordinate(y)?);
    match point.is_on_curve() {
        true => Ok(point),
        false => Err(PointFault::OffCurve),
    }
}

/// The place of a point, on the curve, that is outside the subgroup. What [`KeyCurve::members`] leaves open arkworks'
/// test decides.
fn outside<P: KeyCurve>(kernels: Kernels, points: &[Affine<P>]) -> Option<usize> {
    let finite: Vec<usize> = (0..points.len()).filter(|i| !points[*i].is_zero()).collect();
    finite.chunks(LANES).find_map(|places| {
        let mut together = [Affine::identity(); LANES];
        for (slot, place) in together.iter_mut().zip(places) {
            *slot = points[*place];
        }
        let members = P::members(kernels, &together[..places.len()]);
        let open = places
            .iter()
            .enumerate()
            .filter(|(lane, _)| members >> lane & 1 == 0);
        let mut open = open.map(|(_, place)| *place);
        open.find(|place| !points[*place].is_in_correct_subgroup_assuming_on_curve())
    })
}

/// One point of a header.
pub(crate) fn point<P: KeyCurve>(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<Affine<P>, CircomError> {
    let fail = |fault| CircomError::Point {
        what,
        index: 0,
        fault,
    };
    let point = read_point(reader.take(P::POINT_BYTES)?).map_err(fail)?;
    match outside(Kernels::Scalar, &[point]) {
        None => Ok(point),
        Some(_) => Err(fail(PointFault::OutsideSubgroup)),
    }
}

/// A section that holds `count` points and nothing else; checked on all cores.
pub(crate) fn points<P: KeyCurve>(reader: Reader<'_>, count: usize) -> Result<Vec<Affine<P>>, CircomError> {
    points_on(Kernels::detect(), reader, count)
}

fn points_on<P: KeyCurve>(
    kernels: Kernels,
    reader: Reader<'_>,
    count: usize,
) -> Result<Vec<Affine<P>>, CircomError> {
    let what = reader.within;
    let bytes = reader.all(count, P::POINT_BYTES)?;
    // Its length is that of the bytes.
    let mut points = vec![Affine::identity(); count];
    points
        .par_chunks_mut(CHUNK)
        .zip(bytes.par_chunks(CHUNK * P::POINT_BYTES))
        .enumerate()
        .try_for_each(|(chunk, (points, bytes))| {
            let fail = |at, fault| CircomError::Point {
                what,
                index: chunk * CHUNK + at,
                fault,
            };
            let encoded = bytes.chunks_exact(P::POINT_BYTES).enumerate();
            for (point, (at, bytes)) in points.iter_mut().zip(encoded) {
                *point = read_point(bytes).map_err(|fault| fail(at, fault))?;
            }
            match outside(kernels, points) {
                None => Ok(()),
                Some(at) => Err(fail(at, PointFault::OutsideSubgroup)),
            }
        })?;
    Ok(points)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

    use super::*;
    use crate::zkey::tests::{g2_point, outside as stranger};
    use ark_ec::CurveGroup;
    use medproof_kernels::Ifma;

    /// Multiples of the generator, every fifth place the identity.
    fn members(count: usize) -> Vec<G2Affine> {
        let multiple = |i: usize| (G2Affine::generator() * Fr::from(i as u64)).into_affine();
        (0..count)
            .map(|i| {
                if i % 5 == 3 {
                    G2Affine::identity()
                } else {
                    multiple(i + 1)
                }
            })
            .collect()
    }

    fn read(kernels: Kernels, points: &[G2Affine]) -> Result<Vec<G2Affine>, CircomError> {
        let bytes: Vec<u8> = points.iter().flat_map(|p| g2_point(*p)).collect();
        points_on::<g2::Config>(kernels, Reader::new(&bytes, "points"), points.len())
    }

    #[test]
    fn v04_one_point_outside_g2_among_many_is_named() {
        let kernels = [Some(Kernels::Scalar), Ifma::detect().map(Kernels::Ifma)];
        for kernels in kernels.into_iter().flatten() {
            // The last chunk and its last lanes are not full.
            let good = members(CHUNK + 45);
            assert_eq!(read(kernels, &good).unwrap(), good);
            for place in [0, 3, 7, 8, CHUNK - 1, CHUNK, CHUNK + 40, CHUNK + 44] {
                let mut points = good.clone();
                points[place] = stranger();
                let fault = CircomError::Point {
                    what: "points",
                    index: place,
                    fault: PointFault::OutsideSubgroup,
                };
                assert_eq!(read(kernels, &points), Err(fault), "{kernels:?}");
            }
        }
    }
}
