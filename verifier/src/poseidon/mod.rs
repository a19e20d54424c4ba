//! Poseidon with circomlib's parameters, and the two ways in which medproof uses it: tagged hashes
//! of fixed arity and tree nodes (`docs/format.md`, section 2).

mod permutation;
mod tag;

pub use tag::Tag;

use ark_bn254::Fr;
#[cfg(target_arch = "x86_64")]
use medproof_kernels::{Kernels, poseidon::Poseidon8};
use permutation::Permutation;
use std::sync::LazyLock;

/// Most inputs of one permutation.
pub const MAX_INPUTS: usize = 12;

/// Children of a tree's node.
const CHILDREN: usize = 4;

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
pub fn node(children: &[Fr; CHILDREN]) -> Fr {
    poseidon(children)
}

/// The parents of many fours of tree nodes, in order: [`node`] of each, eight at a time where the CPU has the
/// instructions.
pub fn nodes(fours: &[[Fr; CHILDREN]]) -> Vec<Fr> {
    #[cfg(target_arch = "x86_64")]
    {
        type Eight = Poseidon8<{ CHILDREN + 1 }>;
        static EIGHT: LazyLock<Option<Eight>> = LazyLock::new(|| match Kernels::detect() {
            Kernels::Ifma(token) => Some(Eight::new(token, Permutation::new().rounds())),
            Kernels::Scalar => None,
        });
        if let Some(eight) = &*EIGHT {
            return fours
                .chunks(8)
                .flat_map(|fours| hash_eight(eight, fours))
                .collect();
        }
    }
    fours.iter().map(node).collect()
}

/// The parents of at most eight fours.
#[cfg(target_arch = "x86_64")]
fn hash_eight(
    eight: &Poseidon8<{ CHILDREN + 1 }>,
    fours: &[[Fr; CHILDREN]],
) -> impl Iterator<Item = Fr> + use<> {
    // The first word is the capacity's, zero; lanes without a four hash zeros.
    let mut states = [[Fr::from(0u64); 8]; CHILDREN + 1];
    for (lane, four) in fours.iter().enumerate() {
        for (word, child) in states[1..].iter_mut().zip(four) {
            word[lane] = *child;
        }
    }
    eight.first_words(&states).into_iter().take(fours.len())
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

    /// On a machine with the vector kernels this compares them with the scalar rounds, in every lane.
    #[test]
    fn many_nodes_are_the_nodes_of_each() {
        let edge = |n: usize| match n % 5 {
            0 => Fr::from(0u64),
            1 => -Fr::from(1u64),
            2 => Fr::from(n as u64),
            3 => -Fr::from(n as u64),
            _ => tagged(Tag::Fill, [Fr::from(n as u64)]),
        };
        for count in [0, 1, 7, 8, 9, 16, 100] {
            let fours: Vec<[Fr; 4]> = (0..count)
                .map(|i| [7 * i, 11 * i + 1, 13 * i + 2, 17 * i + i / 5].map(edge))
                .collect();
            let expected: Vec<Fr> = fours.iter().map(|four| defined(four)).collect();
            assert_eq!(nodes(&fours), expected, "{count}");
            assert_eq!(fours.iter().map(node).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    #[should_panic(expected = "1 to 12 inputs")]
    fn thirteen_inputs_are_a_fault_of_the_code() {
        poseidon(&[Fr::from(1u64); 13]);
    }
}
