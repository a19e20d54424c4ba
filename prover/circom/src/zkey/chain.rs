//! The chain of contributions: each contributor proves knowledge of the factor by which delta changed, bound
//! to the circuit's hash and to everything before it.
//!
//! With `x` the factor, a contribution shows random points `s` and `x s`, the point `x H` for an `H` that is
//! derived from the transcript, and `x delta`. Two pairings compare the ratios. Derivation and hashing are
//! those of snarkjs 0.7; a key that it made is the test's known answer.

use super::{Contribution, ContributionKind};
use crate::CircomError;
use ark_bn254::{Bn254, Fq, Fq2, G1Affine, G2Affine, g2};
use ark_ec::{AffineRepr, pairing::Pairing, short_weierstrass::SWCurveConfig};
use ark_ff::{BigInt, BigInteger, Field, PrimeField, Zero};
use blake2::{Blake2b512, Digest};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::collections::HashSet;

/// Checks that there is a secret contribution, that none is repeated, that each is proven and follows the one
/// before it, and that the last gave the key's `delta`; and gives each its hash.
pub(super) fn check(
    circuit_hash: &[u8; 64],
    contributions: &mut [Contribution],
    delta: &G1Affine,
) -> Result<(), CircomError> {
    // What a beacon contributes is public: alone, it leaves delta known to everyone.
    if !contributions.iter().any(|c| c.kind == ContributionKind::Secret) {
        return Err(CircomError::NoContribution);
    }
    let mut chain = Chain {
        hash: Blake2b512::new().chain_update(circuit_hash),
        delta: G1Affine::generator(),
        seen: HashSet::new(),
    };
    for (i, contribution) in contributions.iter_mut().enumerate() {
        let number = i + 1;
        let refused = |reason| CircomError::Contribution { number, reason };
        contribution.hash = chain.follow(contribution).map_err(refused)?;
    }
    if chain.delta != *delta {
        return Err(CircomError::Pair(
            "the delta after the last contribution is not the key's",
        ));
    }
    Ok(())
}

struct Chain {
    /// Over the circuit's hash and every contribution so far.
    hash: Blake2b512,
    delta: G1Affine,
    /// Public points of earlier contributors.
    seen: HashSet<G1Affine>,
}

impl Chain {
    fn follow(&mut self, c: &Contribution) -> Result<[u8; 64], &'static str> {
        if ![c.s, c.sx, c.delta_after]
            .into_iter()
            .all(|p| self.seen.insert(p))
        {
            return Err("it repeats an earlier one");
        }
        let transcript = self
            .hash
            .clone()
            .chain_update(g1_bytes(&c.s))
            .chain_update(g1_bytes(&c.sx));
        if transcript.finalize()[..] != c.transcript {
            return Err("its transcript is not that of the circuit and the contributions before it");
        }
        let h = hash_to_g2(&c.transcript);
        if !same_ratio(&c.s, &c.sx, &h, &c.spx) {
            return Err("its proof of knowledge does not hold");
        }
        if !same_ratio(&self.delta, &c.delta_after, &h, &c.spx) {
            return Err("delta did not change by the factor that it proves");
        }
        self.delta = c.delta_after;
        let public = [
            &g1_bytes(&c.delta_after)[..],
            &g1_bytes(&c.s),
            &g1_bytes(&c.sx),
            &g2_bytes(&c.spx),
            &c.transcript,
        ]
        .concat();
        self.hash.update(&public);
        Ok(Blake2b512::digest(&public).into())
    }
}

/// Whether `b = x a` and `d = x c` for one `x`. No point is the identity: the reader refuses those.
fn same_ratio(a: &G1Affine, b: &G1Affine, c: &G2Affine, d: &G2Affine) -> bool {
    Bn254::multi_pairing([*a, -*b], [*d, *c]).is_zero()
}

/// A point of G2 whose discrete logarithm nobody knows: ChaCha20 seeded with the hash's first 32 bytes draws
/// x until it is on the curve, then the sign; the cofactor is cleared.
fn hash_to_g2(hash: &[u8; 64]) -> G2Affine {
    let mut seed = [0u8; 32];
    for (word, bytes) in seed.chunks_exact_mut(4).zip(hash.chunks_exact(4)) {
        word.copy_from_slice(bytes);
        // The hash holds big-endian words, the generator takes little-endian ones.
        word.reverse();
    }
    let mut rng = ChaCha20Rng::from_seed(seed);
    loop {
        let x = Fq2::new(draw(&mut rng), draw(&mut rng));
        let greatest = rng.next_u32() & 1 == 1;
        let square = x.square() * x + g2::Config::COEFF_B;
        if let Some(y) = square.sqrt() {
            let y = if is_greatest(&y) == greatest { y } else { -y };
            return G2Affine::new_unchecked(x, y).mul_by_cofactor();
        }
    }
}

/// 254 bits below the modulus, taken as Montgomery form: four 64-bit words from the lowest, each with its
/// higher half first.
fn draw(rng: &mut ChaCha20Rng) -> Fq {
    loop {
        let mut limbs = [0u64; 4];
        for limb in &mut limbs {
            let high = u64::from(rng.next_u32());
            *limb = (high << 32) | u64::from(rng.next_u32());
        }
        limbs[3] &= u64::MAX >> (256 - Fq::MODULUS_BIT_SIZE);
        let value = BigInt::new(limbs);
        if value < Fq::MODULUS {
            return Fq::new_unchecked(value);
        }
    }
}

/// Whether the higher coordinate that is not zero lies above (p - 1) / 2.
fn is_greatest(y: &Fq2) -> bool {
    let half = Fq::MODULUS_MINUS_ONE_DIV_TWO;
    let decides = if y.c1.is_zero() { y.c0 } else { y.c1 };
    decides.into_bigint() > half
}

fn g1_bytes(p: &G1Affine) -> [u8; 64] {
    let mut out = [0; 64];
    put(&mut out, &[p.x, p.y]);
    out
}

fn g2_bytes(p: &G2Affine) -> [u8; 128] {
    let mut out = [0; 128];
    put(&mut out, &[p.x.c1, p.x.c0, p.y.c1, p.y.c0]);
    out
}

/// Plain integers, big-endian.
fn put(out: &mut [u8], coordinates: &[Fq]) {
    for (chunk, x) in out.chunks_exact_mut(32).zip(coordinates) {
        chunk.copy_from_slice(&x.into_bigint().to_bytes_be());
    }
}
