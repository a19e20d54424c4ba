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
    many(fours)
}

/// [`tagged`] of each, in order, as [`nodes`]. `N` is one more than `K`.
///
/// # Panics
/// When `K` is not the tag's arity, or `N` not one more (a fault of the code; unreachable from data).
pub fn tagged_all<const K: usize, const N: usize>(tag: Tag, inputs: &[[Fr; K]]) -> Vec<Fr> {
    let arity = tag.arity();
    assert_eq!((K, N), (arity, arity + 1), "{tag:?} takes {arity} inputs");
    let with_tag = |inputs: &[Fr; K]| {
        let mut all = [tag.to_fr(); N];
        all[1..].copy_from_slice(inputs);
        all
    };
    many(&inputs.iter().map(with_tag).collect::<Vec<_>>())
}

/// One permutation of eight a width, made when it is first used; `None` for other widths and on scalar kernels.
#[cfg(target_arch = "x86_64")]
macro_rules! permute_eights {
    ($rows:expr, $inputs:expr; $($count:literal),*) => {
        match $inputs {
            $($count => {
                type Eight = Poseidon8<{ $count + 1 }>;
                static EIGHT: LazyLock<Option<Eight>> = LazyLock::new(|| match Kernels::detect() {
                    Kernels::Ifma(token) => Some(Eight::new(token, Permutation::new().rounds())),
                    Kernels::Scalar => None,
                });
                let hash = |eight: &Eight| $rows.chunks(8).flat_map(|rows| hash_eight(eight, rows)).collect();
                EIGHT.as_ref().map(hash)
            })*
            _ => None,
        }
    };
}

/// [`poseidon`] of each, in order: leaves of notes, nodes and contexts eight at a time.
fn many<const N: usize>(rows: &[[Fr; N]]) -> Vec<Fr> {
    #[cfg(target_arch = "x86_64")]
    if let Some(hashes) = permute_eights!(rows, N; 3, 4, 6) {
        return hashes;
    }
    rows.iter().map(|row| poseidon(row)).collect()
}

/// The hashes of at most eight rows of `T - 1` inputs.
#[cfg(target_arch = "x86_64")]
fn hash_eight<const N: usize, const T: usize>(
    eight: &Poseidon8<T>,
    rows: &[[Fr; N]],
) -> impl Iterator<Item = Fr> + use<N, T> {
    // The first word is the capacity's, zero; lanes without a row hash zeros.
    let mut states = [[Fr::from(0u64); 8]; T];
    for (lane, row) in rows.iter().enumerate() {
        for (word, input) in states[1..].iter_mut().zip(row) {
            word[lane] = *input;
        }
    }
    eight.first_words(&states).into_iter().take(rows.len())
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

    /// The widths that are hashed eight at a time, and one that is not, in every lane.
    #[test]
    fn many_tagged_hashes_are_those_of_each() {
        fn check<const K: usize, const N: usize>(tag: Tag) {
            let word = |n: usize| match n % 4 {
                0 => Fr::from(0u64),
                1 => -Fr::from(n as u64),
                2 => Fr::from(n as u64),
                _ => tagged(Tag::Fill, [Fr::from(n as u64)]),
            };
            let rows: Vec<[Fr; K]> = (0..20)
                .map(|i| std::array::from_fn(|j| word(5 * i + 3 * j + i / 4)))
                .collect();
            let expected: Vec<Fr> = rows.iter().map(|row| tagged(tag, *row)).collect();
            for count in (0..=9).chain([16, 17, 20]) {
                assert_eq!(
                    tagged_all::<K, N>(tag, &rows[..count]),
                    expected[..count],
                    "{tag:?}, {count}"
                );
            }
        }
        check::<2, 3>(Tag::Leaf);
        check::<5, 6>(Tag::Ctx);
        check::<1, 2>(Tag::Fill);
    }

    #[test]
    #[should_panic(expected = "1 to 12 inputs")]
    fn thirteen_inputs_are_a_fault_of_the_code() {
        poseidon(&[Fr::from(1u64); 13]);
    }
}
