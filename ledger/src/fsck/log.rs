//! The log's hashes, recomputed from the entries.

use super::{Findings, cursor::Cursor};
use crate::{
    state::log::{Hashes, damaged},
    store::Store,
    table::{Base, StoreError, Table},
};
use std::collections::HashMap;
use tlog_tiles::tlog::{Hash, stored_hash_index, stored_hashes_for_record_hash, tree_hash};

/// The stored hashes beside the recomputed ones.
pub(super) struct Log<'a> {
    store: &'a Store,
    rows: Cursor<'a>,
    /// What stands where the stored hash is another or none, so that one wrong hash is one problem.
    corrections: HashMap<Vec<u8>, Vec<u8>>,
}

impl<'a> Log<'a> {
    pub(super) fn new(store: &'a Store, findings: &mut Findings) -> Self {
        Self {
            store,
            rows: Cursor::new(store, Table::Hash, findings),
            corrections: HashMap::new(),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.corrections.get(key) {
            Some(hash) => Ok(Some(hash.clone())),
            None => self.store.get(Table::Hash, key),
        }
    }

    /// Takes the leaf at `index` and compares every hash that it completes.
    pub(super) fn append(
        &mut self,
        index: u64,
        leaf: [u8; 32],
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let reader = Hashes(|key: &[u8]| self.get(key));
        let hashes = stored_hashes_for_record_hash(index, Hash(leaf), &reader).map_err(damaged)?;
        for (at, hash) in (stored_hash_index(0, index)..).zip(hashes) {
            let key = at.to_be_bytes();
            let stored = self.rows.value(&key, findings);
            if stored.as_deref() == Some(&hash.0[..]) {
                continue;
            }
            self.corrections.insert(key.to_vec(), hash.0.to_vec());
            if self.rows.failed() {
                continue;
            }
            let what = match (at == stored_hash_index(0, index), stored.is_some()) {
                (true, true) => format!("entry {index} differs from its leaf hash"),
                (true, false) => format!("the leaf hash of entry {index} is missing"),
                (false, true) => format!("the node at {at}, above entry {index}, is wrong"),
                (false, false) => format!("the node at {at}, above entry {index}, is missing"),
            };
            findings.problem(Table::Hash.as_str(), what);
        }
        Ok(())
    }

    /// The stored hash of a leaf whose entry is missing stands in for it.
    pub(super) fn stored_leaf(&self, index: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let row = self.get(&stored_hash_index(0, index).to_be_bytes())?;
        Ok(row.and_then(|row| row.try_into().ok()))
    }

    /// Root of the first `size` leaves.
    pub(super) fn root(&self, size: u64) -> Result<[u8; 32], StoreError> {
        let reader = Hashes(|key: &[u8]| self.get(key));
        Ok(tree_hash(size, &reader).map_err(damaged)?.0)
    }

    pub(super) fn finish(self, findings: &mut Findings) -> u64 {
        self.rows.finish(findings)
    }
}
