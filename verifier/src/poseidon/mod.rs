//! Poseidon with circomlib's parameters, and the two ways in which medproof uses it: tagged hashes
//! of fixed arity and tree nodes (`docs/format.md`, section 2).

mod tag;

pub use tag::Tag;

use ark_bn254::Fr;
use light_poseidon::{Poseidon, PoseidonHasher};
use std::cell::RefCell;

/// Most inputs of one permutation.
pub const MAX_INPUTS: usize = 12;

thread_local! {
    // Parsing the round constants costs far more than a hash, so each thread keeps one hasher a width.
    static HASHERS: RefCell<[Option<Poseidon<Fr>>; MAX_INPUTS + 1]> = const { RefCell::new([const { None }; MAX_INPUTS + 1]) };
}

/// `Poseidon_n` of 1 to 12 inputs, output `state[0]`; equals circomlibjs.
///
/// Protocol code uses [`tagged`] and [`node`]; this is for signatures and test vectors.
///
/// # Panics
/// When the number of inputs is not in 1..=12: arities are constants of the code, never of the data.
pub fn poseidon(inputs: &[Fr]) -> Fr {
    assert!(
        (1..=MAX_INPUTS).contains(&inputs.len()),
        "Poseidon takes 1 to 12 inputs"
    );
    HASHERS.with_borrow_mut(|hashers| {
        let slot = &mut hashers[inputs.len()];
        // The width is in range and the number of inputs equals it: the library has no other error.
        let hasher =
            slot.get_or_insert_with(|| Poseidon::<Fr>::new_circom(inputs.len()).expect("width is in 1..=12"));
        hasher.hash(inputs).expect("input count equals the width")
    })
}

/// `H(TAG; x1..xk) = Poseidon_{k+1}(TAG, x1, .., xk)`.
///
/// # Panics
/// When `K` is not the tag's arity (a fault of the code; unreachable from data).
pub fn tagged<const K: usize>(tag: Tag, inputs: [Fr; K]) -> Fr {
    assert_eq!(K, tag.arity(), "{tag:?} takes {} inputs", tag.arity());
    let mut all = [Fr::from(0u64); MAX_INPUTS];
    all[0] = tag.to_fr();
    all[1..=K].copy_from_slice(&inputs);
    poseidon(&all[..=K])
}

/// The parent of four tree nodes: `Poseidon_4`.
pub fn node(children: &[Fr; 4]) -> Fr {
    poseidon(children)
}
