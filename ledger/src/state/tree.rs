//! Quaternary Poseidon trees in a table, by level and position. Absent nodes are empty subtrees.

use crate::{
    overlay::Overlay,
    table::{Base, StoreError, Table, node_key},
};
use medproof_verifier::{
    Fr,
    field::{fr_from_be_bytes, fr_to_be_bytes},
    nodes,
    tree::empty_root,
};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Hashes that are worth handing to another core: two times as many as are made at once.
const PARALLEL: usize = 16;

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

/// A tree whose changed leaves are collected until the batch is sealed, when every node above them is hashed once, many at
/// once on all cores.
#[derive(Debug)]
pub(crate) struct Tree {
    table: Table,
    depth: usize,
    changed: BTreeMap<u32, Fr>,
    root: Fr,
}

impl Tree {
    /// The tree in `table` whose root was sealed as `root`.
    pub(crate) fn new(table: Table, depth: usize, root: Fr) -> Self {
        Self {
            table,
            depth,
            changed: BTreeMap::new(),
            root,
        }
    }

    pub(crate) fn set(&mut self, index: u32, leaf: Fr) {
        self.changed.insert(index, leaf);
    }

    /// Takes the changed leaves over, recomputes every node above them, each once, and gives the root.
    pub(crate) fn seal<B: Base>(&mut self, view: &mut Overlay<B>) -> Result<Fr, StoreError> {
        // In order of their positions, at every level.
        let mut changed: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
        if changed.is_empty() {
            return Ok(self.root);
        }
        self.put(view, 0, &changed);
        for level in 0..self.depth {
            let (mut parents, mut fours): (Vec<u32>, Vec<[Fr; 4]>) = (Vec::new(), Vec::new());
            let mut rest = changed.iter().peekable();
            while let Some((first, _)) = rest.peek() {
                let parent = first >> 2;
                let mut children = [Fr::from(0u64); 4];
                for (k, child) in (0..4u32).zip(&mut children) {
                    let index = parent << 2 | k;
                    *child = match rest.next_if(|(at, _)| *at == index) {
                        Some((_, value)) => *value,
                        None => read_node(|t, key| view.get(t, key), self.table, level, index)?,
                    };
                }
                parents.push(parent);
                fours.push(children);
            }
            changed = parents.into_iter().zip(hash(&fours)).collect();
            self.put(view, level + 1, &changed);
        }
        // One node is left: every position is below 4^depth.
        if let Some((0, root)) = changed.first() {
            self.root = *root;
        }
        Ok(self.root)
    }

    fn put<B: Base>(&self, view: &mut Overlay<B>, level: usize, nodes: &[(u32, Fr)]) {
        for (index, value) in nodes {
            view.put(
                self.table,
                &node_key(level, *index),
                fr_to_be_bytes(value).to_vec(),
            );
        }
    }
}

/// The parents of these, in order.
fn hash(fours: &[[Fr; 4]]) -> Vec<Fr> {
    if fours.len() <= PARALLEL {
        return nodes(fours);
    }
    fours.par_chunks(PARALLEL).flat_map_iter(nodes).collect()
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
                    tree.set(index, Fr::from(value));
                    leaves[index as usize] = Fr::from(value);
                }
                let root = tree.seal(&mut view).unwrap();
                view.commit().unwrap();
                prop_assert_eq!(root, DenseTree::<4>::new(leaves.clone()).unwrap().root());
            }
        }
    }
}
