//! Many proofs in one check, with the verdicts of checking each.
//!
//! A proof (A, B, C) of the inputs x holds under a key when
//! `e(A, B) = e(alpha, beta) e(IC(x), gamma) e(C, delta)`. A batch is checked as one product of these
//! equations, each raised to a random power r of 128 bits:
//!
//! `prod e(r A, B) = prod_keys e(sum r alpha, beta) e(sum r IC(x), gamma) e(sum r C, delta)`
//!
//! That is one Miller loop a proof and three a key, and one final exponentiation for all; eight loops, and the multiples of eight
//! points, at a time where the CPU has AVX-512 IFMA (`medproof-kernels`). Every point has
//! prime order q (`Proof` and `VerifyingKey` are checked), so each equation's two sides differ by an element of
//! the target group of order q or by nothing. If one differs, then for every choice of the other powers at most
//! one value of its own power below q makes the product hold: a wrong batch passes with a chance of at most
//! 2^-127. The powers must be unpredictable to whoever made the proofs, or their errors can be made to cancel.

mod miller;
mod power;

use crate::{CircuitId, Fr, Proof, VerifyError, VerifyingKey, lanes};
use ark_bn254::{Bn254, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ff::{AdditiveGroup, Field, Zero};
use ark_std::rand::{CryptoRng, RngCore};
use medproof_kernels::Kernels;
use miller::miller_loop;
use power::{Power, multiples, sum_of_multiples};
use std::collections::BTreeMap;

/// So few proofs of a batch that does not hold are checked one by one.
const ONE_BY_ONE: usize = 4;

/// A proof of bare inputs under a key.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The key.
    pub key: &'a VerifyingKey,
    /// Public inputs, in order.
    pub inputs: &'a [Fr],
    /// The proof.
    pub proof: &'a Proof,
}

/// Checks every item; the verdicts are those of [`VerifyingKey::verify`], in order. `random` must be the
/// operating system's or seeded by it.
///
/// A batch that does not hold is halved until its bad proofs are found, each by a check of its own; `medproof bench verify`
/// shows what good and bad batches cost.
pub fn verify(items: &[Item<'_>], random: &mut (impl RngCore + CryptoRng)) -> Vec<Result<(), VerifyError>> {
    verify_on(Kernels::detect(), items, random)
}

/// [`verify`] on these kernels, on which the verdicts do not depend.
pub fn verify_on(
    kernels: Kernels,
    items: &[Item<'_>],
    random: &mut (impl RngCore + CryptoRng),
) -> Vec<Result<(), VerifyError>> {
    let mut verdicts: Vec<_> = items.iter().map(|i| i.key.check_count(i.inputs)).collect();
    let counted: Vec<usize> = (0..items.len()).filter(|at| verdicts[*at].is_ok()).collect();
    for at in bad(kernels, items, &counted, Suspicion::None, random) {
        verdicts[at] = Err(VerifyError::Proof);
    }
    verdicts
}

/// What is known of some items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    None,
    /// At least one of them is bad.
    Bad,
}

/// Those of the items at `places` whose proof does not hold. A proof is only called bad after a check of its own.
fn bad(
    kernels: Kernels,
    items: &[Item<'_>],
    places: &[usize],
    suspicion: Suspicion,
    random: &mut (impl RngCore + CryptoRng),
) -> Vec<usize> {
    if places.len() > 1 && suspicion == Suspicion::None && holds(kernels, items, places, random) {
        return Vec::new();
    }
    if places.len() <= ONE_BY_ONE {
        let fails = |at: &usize| {
            items[*at]
                .key
                .verify(items[*at].inputs, items[*at].proof)
                .is_err()
        };
        return places.iter().copied().filter(fails).collect();
    }
    let (left, right) = places.split_at(places.len() / 2);
    let mut found = Vec::new();
    // If the left half holds, what is wrong is on the right, which need not be asked as a whole.
    let mut rest = Suspicion::Bad;
    if !holds(kernels, items, left, random) {
        found = bad(kernels, items, left, Suspicion::Bad, random);
        rest = Suspicion::None;
    }
    found.extend(bad(kernels, items, right, rest, random));
    found
}

/// What one key adds to the product.
struct Share<'a> {
    key: &'a VerifyingKey,
    /// `sum r`, then `sum r x` for each input: the scalars of the key's IC points.
    scalars: Vec<Fr>,
    c: Vec<G1Affine>,
    powers: Vec<Power>,
}

/// Whether the product of the items' equations holds. Every item has its key's number of inputs.
fn holds(
    kernels: Kernels,
    items: &[Item<'_>],
    places: &[usize],
    random: &mut (impl RngCore + CryptoRng),
) -> bool {
    let mut shares: BTreeMap<CircuitId, Share<'_>> = BTreeMap::new();
    let (mut a, mut b, mut powers) = (Vec::new(), Vec::new(), Vec::new());
    for at in places {
        let Item { key, inputs, proof } = items[*at];
        let proof = proof.inner();
        // The id holds a hash of the whole key, so that equal ids are equal keys.
        let share = shares.entry(key.circuit_id()).or_insert_with(|| Share {
            key,
            scalars: vec![Fr::ZERO; inputs.len() + 1],
            c: Vec::new(),
            powers: Vec::new(),
        });
        let power = Power::random(random);
        let r = power.to_fr();
        for (sum, x) in share.scalars.iter_mut().zip([Fr::ONE].iter().chain(inputs)) {
            *sum += r * x;
        }
        share.c.push(proof.c);
        share.powers.push(power);
        a.push(proof.a);
        b.push(proof.b);
        powers.push(power);
    }
    let mut pairs: Vec<(G1Projective, G2Affine)> =
        multiples(kernels, &a, &powers).into_iter().zip(b).collect();
    for share in shares.values() {
        let inner = share.key.inner();
        // As many scalars as IC points: the sum leaves nothing out.
        let ic = share.key.sum_of_ic(&share.scalars);
        let c = sum_of_multiples(kernels, &share.c, &share.powers);
        let alpha = share.key.multiple_of_alpha(share.scalars[0]);
        pairs.push((-alpha, inner.beta_g2));
        pairs.push((-ic, inner.gamma_g2));
        pairs.push((-c, inner.delta_g2));
    }
    // The sums may be the identity, whose pairing with anything is 1.
    pairs.retain(|(p, _)| !p.is_zero());
    let product = lanes::miller_loop(kernels, &pairs).unwrap_or_else(|| miller_loop(&pairs));
    Bn254::final_exponentiation(MillerLoopOutput(product))
        .is_some_and(|value| value.0 == <Bn254 as Pairing>::TargetField::ONE)
}

#[cfg(test)]
mod tests;
