use super::*;
use crate::gadgets::linear::enforce_equal;
use crate::gadgets::range::from_bits;
use crate::tamper::System;
use ark_r1cs_std::GR1CSVar;
use medproof_verifier::Tag;
use medproof_verifier::poseidon::poseidon;
use medproof_verifier::tree::DenseTree;

fn tree() -> DenseTree<3> {
    DenseTree::new((100..130u64).map(Fr::from).collect()).unwrap()
}

fn opened(path: &Path<3>, leaf: Fr, root: Fr) -> System {
    System::prove(|cs| {
        let leaf = witness(&cs, || Ok(leaf))?;
        let root = witness(&cs, || Ok(root))?;
        let path = PathVar::new_witness(cs, path)?;
        enforce_equal(&path.root(&leaf)?, &root)
    })
    .unwrap()
}

#[test]
fn c12_every_position_opens_and_no_other_leaf_does() {
    let tree = tree();
    let digest = opened(&tree.path(0).unwrap(), tree.leaf(0), tree.root()).digest();
    for index in 0..64 {
        let path = tree.path(index).unwrap();
        let system = opened(&path, tree.leaf(index as usize), tree.root());
        assert!(system.is_satisfied(), "{index}");
        assert_eq!(system.digest(), digest);
        let wrong = opened(&path, Fr::from(7u64), tree.root());
        assert!(!wrong.is_satisfied(), "{index}");
    }
}

#[test]
fn c12_a_leaf_does_not_open_at_another_position() {
    let tree = tree();
    for index in 0..16u64 {
        let honest = tree.path(index).unwrap();
        for other in (0..64).filter(|i| *i != index) {
            let path = Path::<3>::new(other, *honest.siblings()).unwrap();
            let leaf = tree.leaf(index as usize);
            assert!(
                !opened(&path, leaf, tree.root()).is_satisfied(),
                "{index} {other}"
            );
        }
    }
}

#[test]
fn a_path_costs_302_a_level_and_leaves_nothing_free() {
    let tree = tree();
    for index in [0, 13, 27] {
        let system = opened(&tree.path(index).unwrap(), tree.leaf(index as usize), tree.root());
        assert_eq!(system.constraints(), 3 * 302 + 1);
        // Leaf, root, 6 position bits, 9 siblings: changing one alone breaks the root.
        assert_eq!(system.free_variables(), [0usize; 0]);
    }
}

#[test]
fn c08_roots_of_partly_filled_trees_equal_the_native_tree() {
    for (count, nodes) in [(0, 0), (1, 2), (4, 2), (5, 3), (16, 5)] {
        let leaves: Vec<Fr> = (0..count).map(|i| Fr::from(i + 50)).collect();
        let native = DenseTree::<2>::new(leaves.clone()).unwrap().root();
        let system = System::prove(|cs| {
            let leaves = leaves
                .iter()
                .map(|x| witness(&cs, || Ok(*x)))
                .collect::<Result<Vec<_>, _>>()?;
            assert_eq!(root_of(&leaves, 2)?.value()?, native);
            Ok(())
        })
        .unwrap();
        // Empty children are constants, whose first s-box is free.
        assert!(system.is_satisfied() && system.constraints() <= nodes * 297);
    }
}

/// The nodes on the way from a position to the root, the leaf first.
fn nodes(tree: &DenseTree<3>, index: u64) -> Vec<Fr> {
    let path = tree.path(index).unwrap();
    let mut running = tree.leaf(index as usize);
    let mut nodes = vec![running];
    for (level, siblings) in path.siblings().iter().enumerate() {
        let mut children = siblings.to_vec();
        children.insert((index >> (2 * level) & 3) as usize, running);
        running = medproof_verifier::node(&children.try_into().unwrap());
        nodes.push(running);
    }
    nodes
}

/// A node of a height taken for a leaf, with the path above it and any fill below.
#[test]
fn c12_a_node_is_no_leaf() {
    let tree = tree();
    for index in [0, 5, 13, 29] {
        let (honest, nodes) = (tree.path(index).unwrap(), nodes(&tree, index));
        assert_eq!(nodes[3], tree.root());
        for height in 1..=3 {
            for fill in [[Fr::from(0u64); 3], honest.siblings()[0]] {
                // The levels above the node come first: its path ends early and is filled up.
                let mut siblings = [fill; 3];
                siblings[..3 - height].copy_from_slice(&honest.siblings()[height..]);
                for low in 0..4u64 {
                    let at = (index >> (2 * height)) | low << (2 * (3 - height));
                    let path = Path::<3>::new(at, siblings).unwrap();
                    assert!(!opened(&path, nodes[height], tree.root()).is_satisfied());
                }
            }
        }
    }
}

/// The depth is a constant of the circuit: the root of a shallower or deeper tree over the same leaves is another.
#[test]
fn c12_a_path_of_another_depth_or_under_another_root_is_refused() {
    let tree = tree();
    let leaves: Vec<Fr> = (100..116u64).map(Fr::from).collect();
    let shallow = DenseTree::<2>::new(leaves.clone()).unwrap();
    let deep = DenseTree::<4>::new(leaves).unwrap();
    for index in 0..16u64 {
        let path = tree.path(index).unwrap();
        let leaf = tree.leaf(index as usize);
        assert_eq!(leaf, shallow.leaf(index as usize));
        for root in [
            shallow.root(),
            deep.root(),
            leaf,
            Fr::from(0u64),
            tree.root() + Fr::from(1u64),
        ] {
            assert!(!opened(&path, leaf, root).is_satisfied());
        }
        // The shallow path, filled up above or below.
        let short = shallow.path(index).unwrap();
        let [a, b] = *short.siblings();
        for siblings in [[a, b, [Fr::from(0u64); 3]], [[Fr::from(0u64); 3], a, b]] {
            let path = Path::<3>::new(index, siblings).unwrap();
            assert!(!opened(&path, leaf, shallow.root()).is_satisfied());
        }
    }
}

/// An empty leaf is 0 and stands under the root like any other: what keeps it out is that every leaf that
/// a statement opens is a tagged hash.
#[test]
fn c12_an_empty_leaf_is_the_hash_of_nothing() {
    let tree = tree();
    let path = tree.path(40).unwrap();
    assert!(opened(&path, Fr::from(0u64), tree.root()).is_satisfied());
    for tag in Tag::ALL {
        let inputs = vec![Fr::from(0u64); tag.arity()];
        let leaf = poseidon(&[vec![tag.to_fr()], inputs].concat());
        assert!(!opened(&path, leaf, tree.root()).is_satisfied(), "{tag:?}");
    }
}

/// A path has two bits a level and no more, so that a position beyond the last has no bits to stand in.
#[test]
fn c12_there_are_no_index_bits_beyond_the_depth() {
    let siblings = [[Fr::from(0u64); 3]; 3];
    assert!(Path::<3>::new(63, siblings).is_ok());
    for beyond in [64, 64 + 9, 1 << 32, u64::MAX] {
        assert!(Path::<3>::new(beyond, siblings).is_err());
    }
    let tree = tree();
    let system = System::prove(|cs| {
        let path = PathVar::new_witness(cs.clone(), &tree.path(9).unwrap())?;
        assert_eq!(path.index_bits().len(), 6);
        // A claimed position of 9 + 64 equals no sum of six bits.
        let claimed = witness(&cs, || Ok(Fr::from(9u64 + 64)))?;
        enforce_equal(&from_bits(path.index_bits())?, &claimed)
    })
    .unwrap();
    assert!(!system.is_satisfied());
    // Nor can any change of bits make it one.
    assert!(system.walk(&[15]).satisfying.is_empty());
}
