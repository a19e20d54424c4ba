//! Aligned ranges of a tree's leaves, as the ledger serves them, and paths out of them. Asking for a
//! range does not tell the ledger which of its leaves is meant.

use crate::{
    Fr, Path, node,
    tree::{MAX_DEPTH, empty_root},
};

/// Smallest range, as levels of the subtree: 4^4 = 256 leaves.
pub const MIN_RANGE_LEVELS: usize = 4;
/// Largest range: 4^6 = 4,096 leaves.
pub const MAX_RANGE_LEVELS: usize = 6;

/// An aligned range of leaves whose subtree leads to a known root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRange<const DEPTH: usize> {
    first: u64,
    levels: Vec<Vec<Fr>>,
    siblings: Vec<[Fr; 3]>,
    root: Fr,
}

/// Why a range is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The number of levels is outside 4..=6 or above the tree's depth.
    #[error("a range has 4 to 6 levels, not {0}")]
    Levels(usize),
    /// The first leaf is not a multiple of the range's size, or outside the tree.
    #[error("leaf {0} does not begin a range of this size in the tree")]
    First(u64),
    /// More leaves than the range holds.
    #[error("{0} leaves are more than the range holds")]
    Leaves(usize),
    /// A wrong number of siblings.
    #[error("{got} levels of siblings where {expected} are needed")]
    Siblings {
        /// Levels above the range.
        expected: usize,
        /// Levels given.
        got: usize,
    },
    /// The range does not lead to the root.
    #[error("the range does not lead to the root that is expected")]
    Root,
    /// A leaf outside the range.
    #[error("leaf {0} is outside the range")]
    Outside(u64),
}

impl<const DEPTH: usize> LeafRange<DEPTH> {
    /// First leaf of the range of `levels` levels that holds leaf `index`.
    pub fn first_for(index: u64, levels: usize) -> u64 {
        index >> (2 * levels) << (2 * levels)
    }

    /// Checks that `leaves` (the rest of the range being empty) lie at `first` under `root`.
    ///
    /// # Errors
    /// [`RangeError`].
    pub fn new(
        first: u64,
        levels: usize,
        leaves: Vec<Fr>,
        siblings: Vec<[Fr; 3]>,
        root: Fr,
    ) -> Result<Self, RangeError> {
        const { assert!(DEPTH <= MAX_DEPTH) };
        if !(MIN_RANGE_LEVELS..=MAX_RANGE_LEVELS.min(DEPTH)).contains(&levels) {
            return Err(RangeError::Levels(levels));
        }
        if first >> (2 * DEPTH) != 0 || first != Self::first_for(first, levels) {
            return Err(RangeError::First(first));
        }
        if leaves.len() > 1 << (2 * levels) {
            return Err(RangeError::Leaves(leaves.len()));
        }
        if siblings.len() != DEPTH - levels {
            return Err(RangeError::Siblings {
                expected: DEPTH - levels,
                got: siblings.len(),
            });
        }
        let mut rows = vec![leaves];
        for level in 0..levels {
            let parents = rows[level]
                .chunks(4)
                .map(|chunk| {
                    let mut four = [empty_root(level); 4];
                    four[..chunk.len()].copy_from_slice(chunk);
                    node(&four)
                })
                .collect();
            rows.push(parents);
        }
        let mut running = rows[levels]
            .first()
            .copied()
            .unwrap_or_else(|| empty_root(levels));
        for (above, others) in siblings.iter().enumerate() {
            let position = (first >> (2 * (levels + above))) as usize & 3;
            let [a, b, c] = *others;
            let mut four = [a, b, c, running];
            four[position..].rotate_right(1);
            running = node(&four);
        }
        if running != root {
            return Err(RangeError::Root);
        }
        Ok(Self {
            first,
            levels: rows,
            siblings,
            root,
        })
    }

    /// The root that the range leads to.
    pub fn root(&self) -> Fr {
        self.root
    }

    /// First leaf of the range.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The leaves given, from the first of the range on.
    pub fn leaves(&self) -> &[Fr] {
        &self.levels[0]
    }

    /// The leaf at `index` of the whole tree (0 when empty) and its path.
    ///
    /// # Errors
    /// [`RangeError::Outside`].
    pub fn path(&self, index: u64) -> Result<(Fr, Path<DEPTH>), RangeError> {
        let inside = self.siblings.len()..;
        let levels = DEPTH - inside.start;
        if Self::first_for(index, levels) != self.first {
            return Err(RangeError::Outside(index));
        }
        let at = |level: usize, i: usize| {
            let row = &self.levels[level];
            row.get(i).copied().unwrap_or_else(|| empty_root(level))
        };
        let offset = (index - self.first) as usize;
        let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
        for (level, slot) in siblings.iter_mut().enumerate() {
            if level >= levels {
                *slot = self.siblings[level - levels];
                continue;
            }
            let i = offset >> (2 * level);
            let others = (0..4).filter(|k| *k != i & 3).map(|k| at(level, (i & !3) + k));
            for (s, o) in slot.iter_mut().zip(others) {
                *s = o;
            }
        }
        let path = Path::new(index, siblings).map_err(|_| RangeError::Outside(index))?;
        Ok((at(0, offset), path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::DenseTree;

    #[test]
    fn ranges_give_the_paths_of_the_whole_tree() {
        let leaves: Vec<Fr> = (0..700u64).map(|i| Fr::from(i + 1)).collect();
        let tree = DenseTree::<7>::new(leaves.clone()).unwrap();
        for index in [0u64, 5, 255, 256, 511, 600, 699, 700, 767] {
            let first = LeafRange::<7>::first_for(index, 4);
            let end = leaves.len().min(first as usize + 256);
            let part = leaves[first as usize..end].to_vec();
            let siblings = tree.path(first).unwrap().siblings()[4..].to_vec();
            let range = LeafRange::<7>::new(first, 4, part.clone(), siblings.clone(), tree.root()).unwrap();
            let (leaf, path) = range.path(index).unwrap();
            assert_eq!(leaf, tree.leaf(index as usize));
            assert_eq!(path, tree.path(index).unwrap());
            assert_eq!(range.path(first + 256), Err(RangeError::Outside(first + 256)));

            let new = LeafRange::<7>::new;
            assert_eq!(
                new(first, 4, part[1..].to_vec(), siblings.clone(), tree.root()),
                Err(RangeError::Root)
            );
            assert_eq!(
                new(first, 4, part.clone(), siblings.clone(), Fr::from(1u64)),
                Err(RangeError::Root)
            );
            assert_eq!(
                new(first + 1, 4, part.clone(), siblings.clone(), tree.root()),
                Err(RangeError::First(first + 1))
            );
            assert_eq!(
                new(first, 4, vec![Fr::from(1u64); 257], siblings.clone(), tree.root()),
                Err(RangeError::Leaves(257))
            );
            assert_eq!(
                new(first, 4, part.clone(), siblings[1..].to_vec(), tree.root()),
                Err(RangeError::Siblings { expected: 3, got: 2 })
            );
            assert_eq!(
                new(first, 3, part, siblings, tree.root()),
                Err(RangeError::Levels(3))
            );
        }
    }
}
