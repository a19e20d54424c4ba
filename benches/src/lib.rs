//! Inputs for the micro-benchmarks in `benches/`. Proving and verifying are measured by `medproof bench`.

use ark_bn254::Fr;
use medproof_records::signing::SigningKey;
use medproof_verifier::eddsa::Signature;
use medproof_verifier::tree::{DenseTree, TABLE_DEPTH};
use rand::rngs::OsRng;

/// Different field elements.
pub fn elements(count: u64) -> Vec<Fr> {
    (0..count).map(|i| Fr::from(i * i + 17)).collect()
}

/// A tree of the depth of a code table over `count` leaves.
///
/// # Panics
/// When `count` exceeds 4^9.
pub fn table(count: u64) -> DenseTree<TABLE_DEPTH> {
    DenseTree::new(elements(count)).expect("the leaves fit the tree")
}

/// A key, a message and its signature.
pub fn signed() -> (SigningKey, Fr, Signature) {
    let key = SigningKey::generate(&mut OsRng);
    let message = Fr::from(1_234_567u64);
    let signature = key.sign(message);
    (key, message, signature)
}
