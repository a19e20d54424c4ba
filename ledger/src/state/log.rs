//! The RFC 6962 log over a table of stored hashes (mathematics by `tlog_tiles`).

use crate::{
    overlay::Overlay,
    table::{Base, StoreError, Table},
};
use tlog_tiles::tlog::{
    Error as TlogError, Hash, HashReader, stored_hash_index, stored_hashes_for_record_hash, tree_hash,
};

/// Reads stored hashes through a closure over rows.
pub(crate) struct Hashes<F>(pub(crate) F);

impl<F: Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>> HashReader for Hashes<F> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        let read = |index: &u64| {
            let row = (self.0)(&index.to_be_bytes()).map_err(|e| TlogError::InvalidInput(e.to_string()))?;
            let bytes = row.and_then(|row| row.try_into().ok());
            bytes
                .map(Hash)
                .ok_or_else(|| TlogError::InvalidInput(format!("stored hash {index} is missing")))
        };
        indexes.iter().map(read).collect()
    }
}

pub(crate) fn damaged(error: TlogError) -> StoreError {
    StoreError::damaged(format!("the log's hashes: {error}"))
}

/// Appends the leaf at `index`.
pub(crate) fn append<B: Base>(view: &mut Overlay<B>, index: u64, leaf: [u8; 32]) -> Result<(), StoreError> {
    let reader = Hashes(|key: &[u8]| view.get(Table::Hash, key));
    let hashes = stored_hashes_for_record_hash(index, Hash(leaf), &reader).map_err(damaged)?;
    let first = stored_hash_index(0, index);
    for (at, hash) in (first..).zip(hashes) {
        view.put(Table::Hash, &at.to_be_bytes(), hash.0.to_vec());
    }
    Ok(())
}

/// Root of the first `size` leaves.
pub(crate) fn root<B: Base>(view: &Overlay<B>, size: u64) -> Result<[u8; 32], StoreError> {
    let reader = Hashes(|key: &[u8]| view.get(Table::Hash, key));
    Ok(tree_hash(size, &reader).map_err(damaged)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::MemoryBase;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use medproof_verifier::inclusion::{leaf_hash, verify_consistency, verify_inclusion};
    use sha2_ct::Sha256;
    use tlog_tiles::tlog::{prove_record, prove_tree};

    fn chunks(bytes: &[u8]) -> Vec<[u8; 32]> {
        bytes.as_chunks::<32>().0.to_vec()
    }

    /// The log's roots and proofs against an independent implementation of RFC 6962.
    #[test]
    fn l06_roots_and_proofs_equal_those_of_ct_merkle() {
        let mut view = Overlay::new(MemoryBase::default());
        let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut roots = vec![];
        for size in 1..=70u64 {
            let entry = size.to_be_bytes().to_vec();
            append(&mut view, size - 1, leaf_hash(&entry)).unwrap();
            oracle.push(entry);
            let root = root(&view, size).unwrap();
            assert_eq!(oracle.root().as_bytes().as_slice(), root);
            roots.push(root);
            let reader = Hashes(|key: &[u8]| view.get(Table::Hash, key));
            for index in 0..size {
                let proof: Vec<_> = prove_record(size, index, &reader)
                    .unwrap()
                    .iter()
                    .map(|h| h.0)
                    .collect();
                assert_eq!(chunks(oracle.prove_inclusion(index as usize).as_bytes()), proof);
                let leaf = leaf_hash(&(index + 1).to_be_bytes());
                assert_eq!(verify_inclusion(index, &leaf, size, &root, &proof), Ok(()));
                assert!(verify_inclusion(index + 1, &leaf, size, &root, &proof).is_err());
            }
            for old in 1..size {
                let proof: Vec<_> = prove_tree(size, old, &reader)
                    .unwrap()
                    .iter()
                    .map(|h| h.0)
                    .collect();
                let expected = oracle.prove_consistency((size - old) as usize);
                assert_eq!(chunks(expected.as_bytes()), proof);
                let old_root = &roots[old as usize - 1];
                assert_eq!(verify_consistency(old, old_root, size, &root, &proof), Ok(()));
                assert!(verify_consistency(old, &[1; 32], size, &root, &proof).is_err());
            }
        }
    }
}
