#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::lanes::tests::kernels;
use ark_bn254::{Fq, Fq2, Fr, g1};
use ark_ec::{CurveConfig, CurveGroup, short_weierstrass::SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, UniformRand};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

type Bytes = [u8; PROOF_BYTES];

fn good(rng: &mut StdRng) -> Bytes {
    let (a, b, c) = (G1Affine::rand(rng), G2Affine::rand(rng), G1Affine::rand(rng));
    Proof::new(ark_groth16::Proof { a, b, c }).unwrap().to_bytes()
}

/// All results are those of single decoding, on every kernel.
#[track_caller]
fn agree(encodings: &[&[u8]]) {
    let singly: Vec<_> = encodings.iter().map(|bytes| Proof::from_bytes(bytes)).collect();
    for kernels in kernels() {
        assert_eq!(
            Proof::from_bytes_all_on(kernels, encodings),
            singly,
            "{kernels:?}"
        );
    }
}

fn replaced(proof: &Bytes, at: usize, part: &[u8]) -> Bytes {
    let mut out = *proof;
    out[at..at + part.len()].copy_from_slice(part);
    out
}

fn on_twist(rng: &mut StdRng) -> G2Affine {
    loop {
        let x = Fq2::new(Fq::rand(rng), Fq::rand(rng));
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, rng.r#gen()) {
            return point;
        }
    }
}

fn compressed(point: &impl CanonicalSerialize) -> Vec<u8> {
    let mut out = Vec::new();
    point.serialize_compressed(&mut out).unwrap();
    out
}

/// Little-endian numbers that name no point of G1: without a root, not below q, with the flags of the identity.
fn no_points_of_g1(rng: &mut StdRng) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let nonresidue = loop {
        let x = Fq::rand(rng);
        if (x.square() * x + g1::Config::COEFF_B).sqrt().is_none() {
            break x;
        }
    };
    out.push(nonresidue.into_bigint().to_bytes_le());
    // x of a point, and q more.
    let x = G1Affine::generator().x.into_bigint();
    let mut over = x;
    over.add_with_carry(&Fq::MODULUS);
    out.push(over.to_bytes_le());
    out.push(Fq::MODULUS.to_bytes_le());
    for flags in [1u8 << 6, 3 << 6] {
        for number in [x.to_bytes_le(), vec![0; 32]] {
            let mut bytes = number;
            bytes[31] |= flags;
            out.push(bytes);
        }
    }
    out.push(vec![0xff; 32]);
    out
}

/// Encodings of 64 bytes that name no point of G2.
fn no_points_of_g2(rng: &mut StdRng) -> Vec<Vec<u8>> {
    let member = G2Affine::rand(rng);
    let outsider = on_twist(rng);
    // Of order 10,069: the order of the others is divided out.
    let small = loop {
        let mut point = on_twist(rng).mul_bigint(Fr::MODULUS);
        for prime in [&[5_864_401u64][..], &[1_875_725_156_269], &LARGEST] {
            point = (point.into_affine()).mul_bigint(prime);
        }
        let point = point.into_affine();
        if !point.is_zero() {
            break point;
        }
    };
    let mut out: Vec<_> = [outsider, small, -small, (small + member).into_affine()]
        .iter()
        .map(compressed)
        .collect();
    let nonresidue = loop {
        let x = Fq2::new(Fq::rand(rng), Fq::rand(rng));
        if G2Affine::get_point_from_x_unchecked(x, true).is_none() {
            break x;
        }
    };
    out.push(
        [
            nonresidue.c0.into_bigint().to_bytes_le(),
            nonresidue.c1.into_bigint().to_bytes_le(),
        ]
        .concat(),
    );
    // x in Fq, where a root may be missed.
    for x in 0u64..6 {
        out.push([Fq::from(x).into_bigint().to_bytes_le(), vec![0; 32]].concat());
        out.push([vec![0; 32], Fq::from(x).into_bigint().to_bytes_le()].concat());
    }
    // Flags in the lower half, the identity's flag, both flags.
    for (at, flags) in [(31, 1 << 7), (31, 1 << 6), (63, 1 << 6), (63, 3 << 6)] {
        let mut bytes = compressed(&member);
        bytes[at] |= flags;
        out.push(bytes);
    }
    out.push(compressed(&G2Affine::zero()));
    out.push(vec![0xff; 64]);
    out
}

/// The largest prime of G2's cofactor.
const LARGEST: [u64; 3] = [
    0x9b6e_0b35_8e0d_894d,
    0xe9da_b924_0f0c_6ab8,
    0x0002_1031_5729_f570,
];

#[test]
fn v06_many_are_decoded_as_each() {
    let mut rng = StdRng::seed_from_u64(61);
    let proofs: Vec<_> = (0..17).map(|_| good(&mut rng)).collect();
    let encodings: Vec<&[u8]> = proofs.iter().map(|bytes| &bytes[..]).collect();
    for count in 0..=encodings.len() {
        agree(&encodings[..count]);
    }
    for kernels in kernels() {
        let found = Proof::from_bytes_all_on(kernels, &encodings);
        for (bytes, found) in proofs.iter().zip(found) {
            assert_eq!(found.unwrap().to_bytes(), *bytes);
        }
    }
}

#[test]
fn v06_whatever_is_wrong_with_a_proof_is_found_in_every_lane() {
    let mut rng = StdRng::seed_from_u64(62);
    let proof = good(&mut rng);
    let others: Vec<_> = (0..8).map(|_| good(&mut rng)).collect();
    let mut bad: Vec<Vec<u8>> = vec![vec![], proof[..127].to_vec(), [&proof[..], &[0]].concat()];
    for part in no_points_of_g1(&mut rng) {
        bad.push(replaced(&proof, 0, &part).to_vec());
        bad.push(replaced(&proof, 96, &part).to_vec());
    }
    for part in no_points_of_g2(&mut rng) {
        bad.push(replaced(&proof, 32, &part).to_vec());
    }
    // Two faults at once: the first is named.
    let both = replaced(
        &replaced(&proof, 32, &[0xff; 64]),
        0,
        &compressed(&G1Affine::zero()),
    );
    bad.push(both.to_vec());
    for (i, bad) in bad.iter().enumerate() {
        assert!(Proof::from_bytes(bad).is_err(), "{i}");
        let mut row: Vec<&[u8]> = others.iter().map(|bytes| &bytes[..]).collect();
        row[i % 8] = bad;
        agree(&row);
        agree(&[bad, &proof]);
    }
    for lane in 0..8 {
        for bad in [&bad[3], &bad[4], &bad[bad.len() - 3], &bad[20]] {
            let mut row: Vec<&[u8]> = others.iter().map(|bytes| &bytes[..]).collect();
            row[lane] = bad;
            agree(&row);
        }
    }
    let rows: Vec<&[u8]> = bad.iter().map(Vec::as_slice).collect();
    agree(&rows);
}

/// Each sign names the other point; a changed sign is another proof, not another encoding.
#[test]
fn signs_are_those_of_arkworks() {
    let mut rng = StdRng::seed_from_u64(63);
    for _ in 0..4 {
        let proofs: Vec<Bytes> = (0..8u8)
            .map(|signs| {
                let mut bytes = good(&mut rng);
                for (bit, at) in [31, 95, 127].into_iter().enumerate() {
                    bytes[at] ^= (signs >> bit & 1) << 7;
                }
                bytes
            })
            .collect();
        let encodings: Vec<&[u8]> = proofs.iter().map(|bytes| &bytes[..]).collect();
        agree(&encodings);
        for (found, bytes) in Proof::from_bytes_all(&encodings).into_iter().zip(&proofs) {
            assert_eq!(found.unwrap().to_bytes(), *bytes);
        }
    }
}

/// What decoding in lanes leaves out, because their y would have a sign in two forms: there are no such points.
#[test]
fn no_point_has_a_y_of_zero() {
    let cofactor = <ark_bn254::g2::Config as CurveConfig>::COFACTOR;
    assert!(Fr::MODULUS.is_odd() && cofactor[0] & 1 == 1);
    assert_eq!(<g1::Config as CurveConfig>::COFACTOR, [1]);
    assert_ne!(g1::Config::COEFF_B, Fq::ZERO);
}
