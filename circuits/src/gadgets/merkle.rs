//! Paths and roots of quaternary Poseidon trees; twins of [`medproof_verifier::tree`].

use super::linear::witness;
use super::poseidon::node;
use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::Path;
use medproof_verifier::tree::empty_root;

/// A private path.
pub struct PathVar<const DEPTH: usize> {
    index_bits: Vec<Boolean<Fr>>,
    levels: Vec<Siblings>,
}

/// The siblings of one level. The four children form two pairs: `own` stands in the pair of the running
/// node, `others` are the other pair in order.
struct Siblings {
    own: FpVar<Fr>,
    others: [FpVar<Fr>; 2],
}

impl<const DEPTH: usize> PathVar<DEPTH> {
    /// Allocates a path. Costs 2 constraints a level.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn new_witness(cs: ConstraintSystemRef<Fr>, path: &Path<DEPTH>) -> Result<Self, SynthesisError> {
        let index_bits = (0..2 * DEPTH)
            .map(|i| Boolean::new_witness(cs.clone(), || Ok(path.index() >> i & 1 == 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let levels = path.siblings().iter().enumerate().map(|(level, siblings)| {
            // In the order of the path the running node is left out: positions 0 and 1 have their partner
            // first, positions 2 and 3 have it last.
            let [a, b, c] = *siblings;
            let (own, others) = if path.index() >> (2 * level + 1) & 1 == 0 {
                (a, [b, c])
            } else {
                (c, [a, b])
            };
            let [first, second] = others;
            Ok(Siblings {
                own: witness(&cs, || Ok(own))?,
                others: [witness(&cs, || Ok(first))?, witness(&cs, || Ok(second))?],
            })
        });
        let levels = levels.collect::<Result<Vec<_>, SynthesisError>>()?;
        Ok(Self { index_bits, levels })
    }

    /// Bits of the leaf's position, lowest first, two a level.
    pub fn index_bits(&self) -> &[Boolean<Fr>] {
        &self.index_bits
    }

    /// The root that `leaf` has under this path. Costs 300 constraints a level.
    ///
    /// The position is bound: two positions of a leaf under one root mean that two children of some node,
    /// or two nodes with one hash, are equal.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn root(&self, leaf: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
        let mut running = leaf.clone();
        for (level, bits) in self.levels.iter().zip(self.index_bits.chunks(2)) {
            let low = FpVar::from(bits[0].clone());
            let high = FpVar::from(bits[1].clone());
            // The low bit swaps the running node with its partner, the high bit swaps the pairs. Bits are
            // boolean, so the children are these four values in an order that the bits determine.
            let (first, second) = swap(&low, &running, &level.own);
            let (c0, c2) = swap(&high, &first, &level.others[0]);
            let (c1, c3) = swap(&high, &second, &level.others[1]);
            running = node([&c0, &c1, &c2, &c3])?;
        }
        Ok(running)
    }
}

/// `(a, b)`, or `(b, a)` where `bit` is set. Costs 1 constraint.
fn swap(bit: &FpVar<Fr>, a: &FpVar<Fr>, b: &FpVar<Fr>) -> (FpVar<Fr>, FpVar<Fr>) {
    let shift = bit * (b - a);
    (a + &shift, b - &shift)
}

/// Root of the tree of `depth` levels over `leaves`, all others being empty. Costs 297 constraints for each
/// node that is not known to be empty.
///
/// # Errors
/// Those of the constraint system.
///
/// # Panics
/// When there are more than 4^depth leaves, or `depth > 16` (a fault of the code).
pub fn root_of(leaves: &[FpVar<Fr>], depth: usize) -> Result<FpVar<Fr>, SynthesisError> {
    assert!(
        leaves.len() as u64 <= 1 << (2 * depth),
        "leaves of a tree of {depth} levels"
    );
    let mut level = leaves.to_vec();
    for height in 0..depth {
        let empty = FpVar::Constant(empty_root(height));
        let child = |chunk: &[FpVar<Fr>], i: usize| chunk.get(i).unwrap_or(&empty).clone();
        level = level
            .chunks(4)
            .map(|c| node([&child(c, 0), &child(c, 1), &child(c, 2), &child(c, 3)]))
            .collect::<Result<_, _>>()?;
    }
    Ok(level.pop().unwrap_or_else(|| FpVar::Constant(empty_root(depth))))
}

#[cfg(test)]
mod tests;
