//! Native hashes, tree paths and signatures: `cargo bench -p medproof-benches`.

use divan::{Bencher, black_box};
use medproof_benches::{elements, signed, table};
use medproof_verifier::poseidon::poseidon;
use medproof_verifier::{eddsa, tree};

fn main() {
    divan::main();
}

/// One permutation by number of inputs; 4 is a tree node.
#[divan::bench(args = [1, 2, 4, 5, 11])]
fn poseidon_inputs(bencher: Bencher<'_, '_>, inputs: u64) {
    let inputs = elements(inputs);
    bencher.bench(|| poseidon(black_box(&inputs)));
}

/// The root of a path of a code table (nine nodes).
#[divan::bench]
fn table_path(bencher: Bencher<'_, '_>) {
    let tree = table(1000);
    let path = tree.path(500).expect("leaf 500 is in the tree");
    bencher.bench(|| path.root(black_box(tree.leaf(500))));
}

/// Building a code table by number of leaves.
#[divan::bench(args = [100, 1000], sample_count = 10)]
fn table_build(leaves: u64) -> ark_bn254::Fr {
    tree::DenseTree::<9>::root(&table(leaves))
}

/// EdDSA-Poseidon signing.
#[divan::bench]
fn eddsa_sign(bencher: Bencher<'_, '_>) {
    let (key, message, _) = signed();
    bencher.bench(|| key.sign(black_box(message)));
}

/// EdDSA-Poseidon verification.
#[divan::bench]
fn eddsa_verify(bencher: Bencher<'_, '_>) {
    let (key, message, signature) = signed();
    let public = key.public_key();
    bencher.bench(|| eddsa::verify(black_box(&public), black_box(message), black_box(&signature)));
}
