use super::*;
use crate::gadgets::linear::enforce_equal;
use crate::tamper::System;
use ark_r1cs_std::GR1CSVar;
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
fn every_position_opens_and_no_other_leaf_does() {
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
fn a_leaf_does_not_open_at_another_position() {
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
fn roots_of_partly_filled_trees_equal_the_native_tree() {
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
