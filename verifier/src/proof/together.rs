//! Many encoded proofs at once, eight at a time.
//!
//! This way only accepts. Whatever it does not accept - another length, an identity, a coordinate that is no element of the
//! field, no point at an x, a point outside G2 - is decoded by itself, which finds out what is wrong with it.

use super::{PROOF_BYTES, Proof};
use crate::lanes;
use ark_bn254::{Fq, Fq2, G1Affine, G2Affine, g1, g2};
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use medproof_kernels::Kernels;

/// An x coordinate, and whether y is the larger of the two.
#[derive(Clone, Copy, Default)]
struct Compressed<F> {
    x: F,
    negative: bool,
}

/// The points of an encoded proof as they stand there.
#[derive(Clone, Copy, Default)]
struct Encoded {
    a: Compressed<Fq>,
    b: Compressed<Fq2>,
    c: Compressed<Fq>,
}

/// The proofs that are found to be proofs. Eight encodings at most.
pub(super) fn decode(kernels: Kernels, encodings: &[&[u8]]) -> [Option<Proof>; 8] {
    const NONE: Option<Proof> = None;
    let mut out = [NONE; 8];
    let mut read = [Encoded::default(); 8];
    let mut found = 0u8;
    for (lane, bytes) in encodings.iter().take(8).enumerate() {
        if let Some(encoded) = Encoded::read(bytes) {
            read[lane] = encoded;
            found |= 1 << lane;
        }
    }
    let (a, b, c) = (read.map(|p| p.a), read.map(|p| p.b), read.map(|p| p.c));
    // y^2 = x^3 + b on both curves.
    let right = |point: &Compressed<Fq>| point.x.square() * point.x + g1::Config::COEFF_B;
    let right_of_b = b.map(|point| point.x.square() * point.x + g2::Config::COEFF_B);
    let Some(roots) = lanes::roots(
        kernels,
        &[a.each_ref().map(right), c.each_ref().map(right)],
        &right_of_b,
    ) else {
        return out;
    };
    found &= roots.found;
    let [ya, yc] = roots.plain;
    let b: [G2Affine; 8] =
        std::array::from_fn(|i| G2Affine::new_unchecked(b[i].x, signed(roots.quadratic[i], b[i].negative)));
    let Some(members) = lanes::in_g2(kernels, &b) else {
        return out;
    };
    found &= members;
    for (lane, slot) in out.iter_mut().enumerate() {
        // No point of either curve has y = 0, for their orders are odd; its sign would have two forms.
        let vanishes = ya[lane] == Fq::ZERO || yc[lane] == Fq::ZERO || roots.quadratic[lane] == Fq2::ZERO;
        if found >> lane & 1 == 1 && !vanishes {
            // A root of the right side of its curve's equation makes a point of it, and every point of G1's is in G1.
            *slot = Some(Proof(ark_groth16::Proof {
                a: G1Affine::new_unchecked(a[lane].x, signed(ya[lane], a[lane].negative)),
                b: b[lane],
                c: G1Affine::new_unchecked(c[lane].x, signed(yc[lane], c[lane].negative)),
            }));
        }
    }
    out
}

impl Encoded {
    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != PROOF_BYTES {
            return None;
        }
        let (a, a_sign) = coordinate(&bytes[..32])?;
        let (b0, none) = coordinate(&bytes[32..64])?;
        let (b1, b_sign) = coordinate(&bytes[64..96])?;
        let (c, c_sign) = coordinate(&bytes[96..])?;
        if none {
            return None;
        }
        Some(Self {
            a: Compressed {
                x: a,
                negative: a_sign,
            },
            b: Compressed {
                x: Fq2::new(b0, b1),
                negative: b_sign,
            },
            c: Compressed {
                x: c,
                negative: c_sign,
            },
        })
    }
}

/// An element of Fq, little-endian and below q, and the top bit above it; `None` also where the next bit, which marks an
/// identity, is set.
fn coordinate(bytes: &[u8]) -> Option<(Fq, bool)> {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    let negative = words[3] >> 63 == 1;
    // The identity's bit stays: with it the number is above q.
    words[3] &= u64::MAX >> 1;
    Some((Fq::from_bigint(BigInt(words))?, negative))
}

/// The one of `y` and `-y` that is larger, if so, else the smaller; arkworks' order.
fn signed<F: Field>(y: F, negative: bool) -> F {
    let opposite = -y;
    if (y > opposite) == negative { y } else { opposite }
}
