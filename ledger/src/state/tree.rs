//! Quaternary Poseidon trees in a table, by level and position. Absent nodes are empty subtrees.

use crate::table::{Base, Overlay, StoreError, Table, node_key};
use medproof_verifier::{
    Fr,
    field::{fr_from_be_bytes, fr_to_be_bytes},
    node,
    tree::empty_root,
};
use std::collections::BTreeSet;

/// Reads a field element from a row.
pub(crate) fn read_fr(table: Table, row: &[u8]) -> Result<Fr, StoreError> {
    row.try_into()
        .ok()
        .and_then(|bytes| fr_from_be_bytes(bytes).ok())
        .ok_or_else(|| StoreError::damaged(format!("a row of `{}` is not a field element", table.as_str())))
}

/// The node at `level` and `index`.
pub(crate) fn read_node(
    get: impl Fn(Table, &[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    table: Table,
    level: usize,
    index: u32,
) -> Result<Fr, StoreError> {
    match get(table, &node_key(level, index))? {
        Some(row) => read_fr(table, &row),
        None => Ok(empty_root(level)),
    }
}

/// A tree whose changed leaves are collected until the batch is sealed.
#[derive(Debug)]
pub(crate) struct Tree {
    table: Table,
    depth: usize,
    changed: BTreeSet<u32>,
    root: Fr,
}

impl Tree {
    /// The tree in `table` whose root was sealed as `root`.
    pub(crate) fn new(table: Table, depth: usize, root: Fr) -> Self {
        Self {
            table,
            depth,
            changed: BTreeSet::new(),
            root,
        }
    }

    pub(crate) fn set<B: Base>(&mut self, view: &mut Overlay<B>, index: u32, leaf: &Fr) {
        view.put(self.table, &node_key(0, index), fr_to_be_bytes(leaf).to_vec());
        self.changed.insert(index);
    }

    /// Recomputes every node above a changed leaf, each once, and gives the root.
    pub(crate) fn seal<B: Base>(&mut self, view: &mut Overlay<B>) -> Result<Fr, StoreError> {
        let mut changed = std::mem::take(&mut self.changed);
        for level in 0..self.depth {
            let parents: BTreeSet<u32> = changed.iter().map(|i| i >> 2).collect();
            for &parent in &parents {
                let mut children = [Fr::from(0u64); 4];
                for (k, child) in (0..4u32).zip(&mut children) {
                    *child = read_node(|t, key| view.get(t, key), self.table, level, parent << 2 | k)?;
                }
                let value = fr_to_be_bytes(&node(&children)).to_vec();
                view.put(self.table, &node_key(level + 1, parent), value);
            }
            changed = parents;
        }
        if !changed.is_empty() {
            self.root = read_node(|t, key| view.get(t, key), self.table, self.depth, 0)?;
        }
        Ok(self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::MemoryBase;
    use medproof_verifier::tree::DenseTree;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn l06_the_stored_tree_equals_a_full_recomputation(
            batches in proptest::collection::vec(proptest::collection::vec((0u32..256, any::<u64>()), 1..12), 1..6)
        ) {
            let mut view = Overlay::new(MemoryBase::default());
            let mut tree = Tree::new(Table::Identity, 4, empty_root(4));
            let mut leaves = vec![Fr::from(0u64); 256];
            for batch in batches {
                for (index, value) in batch {
                    tree.set(&mut view, index, &Fr::from(value));
                    leaves[index as usize] = Fr::from(value);
                }
                let root = tree.seal(&mut view).unwrap();
                view.commit().unwrap();
                prop_assert_eq!(root, DenseTree::<4>::new(leaves.clone()).unwrap().root());
            }
        }
    }
}
