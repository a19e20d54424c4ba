//! Checks of the verifying key and of the two forms of alpha, beta and delta.

use crate::CircomError;
use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_ff::Zero;
use ark_groth16::ProvingKey;

/// Refuses keys with which anyone can forge, which ignore an input, or whose parts do not fit.
pub(super) fn check(key: &ProvingKey<Bn254>) -> Result<(), CircomError> {
    let vk = &key.vk;
    let degenerate = |reason| Err(CircomError::Degenerate(reason));
    let identity = [vk.alpha_g1, key.beta_g1, key.delta_g1]
        .iter()
        .any(G1Affine::is_zero)
        || [vk.beta_g2, vk.gamma_g2, vk.delta_g2]
            .iter()
            .any(G2Affine::is_zero);
    if identity {
        return degenerate("alpha, beta, gamma or delta is the identity");
    }
    let same = |a: G2Affine, b: G2Affine| a == b || a == -b;
    if same(vk.gamma_g2, vk.delta_g2) {
        return degenerate("gamma = +-delta");
    }
    if same(vk.delta_g2, G2Affine::generator()) {
        return degenerate("delta is the generator: the key had no second phase");
    }
    if same(vk.beta_g2, vk.gamma_g2) || same(vk.beta_g2, vk.delta_g2) {
        return degenerate("beta = +-gamma or +-delta");
    }
    let ic = &vk.gamma_abc_g1;
    if ic.iter().any(G1Affine::is_zero) {
        return degenerate("an identity IC point: an input would be ignored");
    }
    let repeated = |i: usize| ic[..i].iter().any(|p| *p == ic[i] || *p == -ic[i]);
    if (1..ic.len()).any(repeated) {
        return degenerate("two equal or opposite IC points: inputs could be exchanged");
    }
    for (g1, g2, reason) in [
        (key.beta_g1, vk.beta_g2, "beta differs between G1 and G2"),
        (key.delta_g1, vk.delta_g2, "delta differs between G1 and G2"),
    ] {
        if !same_ratio(g1, g2) {
            return Err(CircomError::Pair(reason));
        }
    }
    Ok(())
}

/// Whether `g1` and `g2` are the same multiple of their generators.
fn same_ratio(g1: G1Affine, g2: G2Affine) -> bool {
    Bn254::multi_pairing([g1, -G1Affine::generator()], [G2Affine::generator(), g2]).is_zero()
}
