//! Quaternary Poseidon trees of fixed depth (`docs/format.md`, section 4).

use crate::poseidon::{node, nodes};
use ark_bn254::Fr;
use std::sync::OnceLock;

/// Depth of the registry tree.
pub const REGISTRY_DEPTH: usize = 10;
/// Depth of the identity tree.
pub const IDENTITY_DEPTH: usize = 16;
/// Depth of the commitment tree.
pub const COMMITMENT_DEPTH: usize = 16;
/// Depth of a policy's code or pair table.
pub const TABLE_DEPTH: usize = 9;
/// Depth of the class rows of a dispensing policy.
pub const CLASS_DEPTH: usize = 2;
/// Depth of a snapshot's record tree.
pub const SNAPSHOT_DEPTH: usize = 4;
/// Deepest tree of the system.
pub const MAX_DEPTH: usize = 16;

/// Root of an empty subtree of `level` levels (level 0 is the empty leaf, 0).
///
/// # Panics
/// When `level > 16`: depths are constants of the code.
pub fn empty_root(level: usize) -> Fr {
    static ROOTS: OnceLock<[Fr; MAX_DEPTH + 1]> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = [Fr::from(0u64); MAX_DEPTH + 1];
        for level in 1..=MAX_DEPTH {
            roots[level] = node(&[roots[level - 1]; 4]);
        }
        roots
    })[level]
}

/// A leaf's position and its siblings, leaf level first, in the order in which they stand among the
/// four children with the running node left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<const DEPTH: usize> {
    index: u32,
    siblings: [[Fr; 3]; DEPTH],
}

/// A position lies outside its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("leaf index {index} is outside a tree of depth {depth}")]
pub struct IndexOutOfRange {
    /// The position asked for.
    pub index: u64,
    /// Levels of the tree.
    pub depth: usize,
}

impl<const DEPTH: usize> Path<DEPTH> {
    /// A path to leaf `index` (below 4^DEPTH).
    ///
    /// # Errors
    /// [`IndexOutOfRange`].
    pub fn new(index: u64, siblings: [[Fr; 3]; DEPTH]) -> Result<Self, IndexOutOfRange> {
        match u32::try_from(index) {
            Ok(small) if index >> (2 * DEPTH) == 0 => Ok(Self {
                index: small,
                siblings,
            }),
            _ => Err(IndexOutOfRange { index, depth: DEPTH }),
        }
    }

    /// The path to leaf 0 with every sibling 0: a value of the right shape.
    pub fn zero() -> Self {
        Self {
            index: 0,
            siblings: [[Fr::from(0u64); 3]; DEPTH],
        }
    }

    /// Position of the leaf.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Siblings, leaf level first.
    pub fn siblings(&self) -> &[[Fr; 3]; DEPTH] {
        &self.siblings
    }

    /// The root that `leaf` has under this path.
    pub fn root(&self, leaf: Fr) -> Fr {
        let mut running = leaf;
        for (level, others) in self.siblings.iter().enumerate() {
            running = node(&children(self.index >> (2 * level) & 3, running, others));
        }
        running
    }
}

fn children(position: u32, running: Fr, others: &[Fr; 3]) -> [Fr; 4] {
    let [a, b, c] = *others;
    match position {
        0 => [running, a, b, c],
        1 => [a, running, b, c],
        2 => [a, b, running, c],
        _ => [a, b, c, running],
    }
}

/// A whole tree of depth `DEPTH` in memory whose leaves beyond the given ones are empty. Meant for code
/// tables, class rows and snapshots; the ledger keeps its trees in its store.
#[derive(Debug, Clone)]
pub struct DenseTree<const DEPTH: usize> {
    /// `levels[0]` are the leaves; each level holds only its non-empty prefix.
    levels: Vec<Vec<Fr>>,
}

impl<const DEPTH: usize> DenseTree<DEPTH> {
    /// Builds the tree over `leaves`.
    ///
    /// # Errors
    /// [`IndexOutOfRange`] when there are more than 4^DEPTH leaves.
    pub fn new(leaves: Vec<Fr>) -> Result<Self, IndexOutOfRange> {
        if leaves.len() as u64 > 1 << (2 * DEPTH) {
            return Err(IndexOutOfRange {
                index: leaves.len() as u64 - 1,
                depth: DEPTH,
            });
        }
        let mut levels = vec![leaves];
        for level in 0..DEPTH {
            let fours = levels[level].chunks(4).map(|chunk| {
                let mut four = [empty_root(level); 4];
                four[..chunk.len()].copy_from_slice(chunk);
                four
            });
            let fours: Vec<_> = fours.collect();
            levels.push(nodes(&fours));
        }
        Ok(Self { levels })
    }

    fn at(&self, level: usize, index: usize) -> Fr {
        self.levels[level]
            .get(index)
            .copied()
            .unwrap_or_else(|| empty_root(level))
    }

    /// The root.
    pub fn root(&self) -> Fr {
        self.at(DEPTH, 0)
    }

    /// The leaf at `index` (0 beyond the given ones).
    pub fn leaf(&self, index: usize) -> Fr {
        self.at(0, index)
    }

    /// The path of the leaf at `index`.
    ///
    /// # Errors
    /// [`IndexOutOfRange`].
    pub fn path(&self, index: u64) -> Result<Path<DEPTH>, IndexOutOfRange> {
        let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
        let checked = Path::new(index, siblings)?;
        for (level, slot) in siblings.iter_mut().enumerate() {
            let at = index as usize >> (2 * level);
            let others = (0..4)
                .filter(|i| *i != at & 3)
                .map(|i| self.at(level, (at & !3) + i));
            for (s, o) in slot.iter_mut().zip(others) {
                *s = o;
            }
        }
        Ok(Path { siblings, ..checked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_dense_tree_lead_to_its_root() {
        for count in [0usize, 1, 3, 4, 5, 17, 64] {
            let leaves: Vec<Fr> = (0..count as u64).map(|i| Fr::from(i + 1000)).collect();
            let tree = DenseTree::<3>::new(leaves).unwrap();
            for index in 0..64 {
                let path = tree.path(index).unwrap();
                assert_eq!(
                    path.root(tree.leaf(index as usize)),
                    tree.root(),
                    "{count} {index}"
                );
                assert_ne!(path.root(Fr::from(5u64)), tree.root());
            }
            assert!(tree.path(64).is_err());
        }
        assert_eq!(DenseTree::<3>::new(vec![]).unwrap().root(), empty_root(3));
        assert!(DenseTree::<1>::new(vec![Fr::from(1u64); 5]).is_err());
        assert!(Path::<16>::new(1 << 32, [[Fr::from(0u64); 3]; 16]).is_err());
    }
}
