//! Poseidon with circomlib's parameters, and the two ways in which medproof uses it: tagged hashes
//! of fixed arity and tree nodes (`docs/format.md`, section 2).

mod permutation;
mod tag;

pub use tag::Tag;

use ark_bn254::Fr;
use permutation::Permutation;
use std::sync::LazyLock;

/// Most inputs of one permutation.
pub const MAX_INPUTS: usize = 12;

/// One permutation a width, made when it is first used.
macro_rules! permute {
    ($inputs:expr; $($count:literal),*) => {
        match $inputs.len() {
            $($count => {
                static PERMUTATION: LazyLock<Permutation<{ $count + 1 }>> = LazyLock::new(Permutation::new);
                PERMUTATION.hash($inputs)
            })*
            _ => panic!("Poseidon takes 1 to 12 inputs"),
        }
    };
}

/// `Poseidon_n` of 1 to 12 inputs, output `state[0]`; equals circomlibjs.
///
/// Protocol code uses [`tagged`] and [`node`]; this is for signatures and test vectors.
///
/// # Panics
/// When the number of inputs is not in 1..=12: arities are constants of the code, never of the data.
pub fn poseidon(inputs: &[Fr]) -> Fr {
    permute!(inputs; 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
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

#[cfg(test)]
mod tests {
    use super::*;
    use light_poseidon::{Poseidon, PoseidonHasher};
    use proptest::prelude::*;

    fn defined(inputs: &[Fr]) -> Fr {
        let mut hasher = Poseidon::<Fr>::new_circom(inputs.len()).unwrap();
        hasher.hash(inputs).unwrap()
    }

    #[test]
    fn every_width_equals_the_rounds_as_they_are_defined() {
        let edges = [
            Fr::from(0u64),
            Fr::from(1u64),
            -Fr::from(1u64),
            Fr::from(u64::MAX),
        ];
        for count in 1..=MAX_INPUTS {
            for edge in edges {
                let inputs = vec![edge; count];
                assert_eq!(poseidon(&inputs), defined(&inputs), "{count}");
            }
            let inputs: Vec<Fr> = (0..count).map(|i| edges[i % 4] + Fr::from(i as u64)).collect();
            assert_eq!(poseidon(&inputs), defined(&inputs), "{count}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn random_inputs_equal_the_rounds_as_they_are_defined(
            words in proptest::collection::vec(any::<[u64; 4]>(), 1..=MAX_INPUTS)
        ) {
            let shift = Fr::from(1u128 << 64);
            let element = |w: [u64; 4]| w.iter().fold(Fr::from(0u64), |x, limb| x * shift + Fr::from(*limb));
            let inputs: Vec<Fr> = words.into_iter().map(element).collect();
            prop_assert_eq!(poseidon(&inputs), defined(&inputs));
        }
    }

    #[test]
    #[should_panic(expected = "1 to 12 inputs")]
    fn thirteen_inputs_are_a_fault_of_the_code() {
        poseidon(&[Fr::from(1u64); 13]);
    }
}
