//! Reads over the store: entries, proofs, receipts, ranges of leaves.

use crate::{
    cosigning,
    state::{
        HEAD_KEY, Head,
        log::{Hashes, damaged},
        read_seal,
        tree::{read_fr, read_node},
    },
    store::{Snapshot, Store},
    table::{Base, StoreError, Table, node_key, number},
};
use medproof_verifier::{
    Fr, Receipt,
    field::fr_to_be_bytes,
    tree::{COMMITMENT_DEPTH, IDENTITY_DEPTH, REGISTRY_DEPTH},
};
use std::collections::HashSet;
use tlog_tiles::tlog::{prove_record, prove_tree};

/// Most entries in one answer.
pub(super) const MAX_ENTRIES: u32 = 256;
/// Most bytes of entries in one answer.
const MAX_ENTRY_ANSWER: usize = 1 << 20;
/// Most anchors in one answer.
const MAX_ANCHORS: usize = 64;

/// A tree that paths are served of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    Commitment,
    Identity,
    Registry,
}

impl Which {
    pub(super) fn depth(self) -> usize {
        match self {
            Self::Commitment => COMMITMENT_DEPTH,
            Self::Identity => IDENTITY_DEPTH,
            Self::Registry => REGISTRY_DEPTH,
        }
    }

    fn table(self) -> Table {
        match self {
            Self::Commitment => Table::Commitment,
            Self::Identity => Table::Identity,
            Self::Registry => Table::Registry,
        }
    }
}

/// A range of leaves with what leads to the root.
pub(super) struct Range {
    pub(super) leaves: Vec<Fr>,
    pub(super) siblings: Vec<Fr>,
    pub(super) root: Fr,
    pub(super) size: u64,
}

fn head(snapshot: &Snapshot<'_>) -> Result<Head, StoreError> {
    let row = snapshot.get(Table::Meta, HEAD_KEY)?;
    Head::from_bytes(&row.ok_or_else(|| StoreError::damaged("the head is missing"))?)
}

/// The leaves `first .. first + 4^levels` and the siblings above, at the last seal. The caller has
/// checked that the range is aligned and inside the tree.
pub(super) fn range(store: &Store, which: Which, first: u32, levels: usize) -> Result<Range, StoreError> {
    let snapshot = store.snapshot();
    let head = head(&snapshot)?;
    let table = which.table();
    // The last range of a tree of depth 16 ends at 2^32: the key after its last leaf begins level 1.
    let end = u64::from(first) + (1 << (2 * levels));
    let to = match u32::try_from(end) {
        Ok(end) => node_key(0, end),
        Err(_) => node_key(1, 0),
    };
    let mut leaves = vec![];
    for (key, row) in snapshot.range(table, &node_key(0, first), &to)? {
        let index = key[1..].iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        leaves.resize((index - u64::from(first)) as usize, Fr::from(0u64));
        leaves.push(read_fr(table, &row)?);
    }
    let get = |t: Table, key: &[u8]| snapshot.get(t, key);
    let mut siblings = vec![];
    for level in levels..which.depth() {
        let at = (u64::from(first) >> (2 * level)) as u32;
        for k in (0..4).filter(|k| *k != at & 3) {
            siblings.push(read_node(get, table, level, (at & !3) + k)?);
        }
    }
    let root = match which {
        Which::Commitment => head.commitment_root,
        Which::Identity => head.identity_root,
        Which::Registry => head.registry_root,
    };
    Ok(Range {
        leaves,
        siblings,
        root,
        size: head.size,
    })
}

/// Entries from `first` on, at least one if there is one, within the limits on number and bytes.
pub(super) fn entries(store: &Store, size: u64, first: u64, count: u32) -> Result<Vec<Vec<u8>>, StoreError> {
    let end = size.min(first.saturating_add(count.min(MAX_ENTRIES).into()));
    let mut out = vec![];
    let mut bytes = 0;
    for index in first..end {
        let entry = store.get(Table::Entry, &index.to_be_bytes())?;
        let entry = entry.ok_or_else(|| StoreError::damaged(format!("entry {index} is missing")))?;
        bytes += entry.len();
        if bytes > MAX_ENTRY_ANSWER && !out.is_empty() {
            break;
        }
        out.push(entry);
    }
    Ok(out)
}

fn plain(hashes: Vec<tlog_tiles::tlog::Hash>) -> Vec<[u8; 32]> {
    hashes.into_iter().map(|h| h.0).collect()
}

/// Inclusion proof of `index` in the tree of `size` (`index < size`, `size` within the log).
pub(super) fn inclusion(store: &Store, size: u64, index: u64) -> Result<Vec<[u8; 32]>, StoreError> {
    let reader = Hashes(|key: &[u8]| store.get(Table::Hash, key));
    Ok(plain(prove_record(size, index, &reader).map_err(damaged)?))
}

/// Consistency proof from `first` to `second` (`1 <= first <= second`, `second` within the log).
pub(crate) fn consistency(store: &Store, first: u64, second: u64) -> Result<Vec<[u8; 32]>, StoreError> {
    let reader = Hashes(|key: &[u8]| store.get(Table::Hash, key));
    Ok(plain(prove_tree(second, first, &reader).map_err(damaged)?))
}

/// The receipt of an entry and the time of its seal: always under the checkpoint of its own batch, so
/// that a repeated request gets the first receipt.
pub(super) fn receipt(store: &Store, index: u64) -> Result<(Receipt, u64), StoreError> {
    let (key, checkpoint) = store
        .first(Table::Checkpoint, &(index + 1).to_be_bytes())?
        .ok_or_else(|| StoreError::damaged(format!("no checkpoint covers entry {index}")))?;
    let size = number(Table::Checkpoint, &key)?;
    let inclusion = inclusion(store, size, index)?;
    let (_, entry) = crate::state::read_entry(|t, key| store.get(t, key), size - 1)?;
    let medproof_verifier::Entry::Seal(seal) = entry else {
        return Err(StoreError::damaged(format!(
            "checkpoint {size} does not end with a seal"
        )));
    };
    Ok((
        Receipt {
            index,
            inclusion,
            checkpoint,
        },
        seal.time,
    ))
}

/// A receipt under the cosigned checkpoint of `size`, which covers the entry, if that one is kept.
pub(super) fn cosigned_receipt(store: &Store, index: u64, size: u64) -> Result<Option<Receipt>, StoreError> {
    let Some(checkpoint) = cosigning::note(store, size)? else {
        return Ok(None);
    };
    Ok(Some(Receipt {
        index,
        inclusion: inclusion(store, size, index)?,
        checkpoint,
    }))
}

/// Position of the commitment that an entry appended.
pub(super) fn commitment_index(store: &Store, index: u64) -> Result<Option<u64>, StoreError> {
    let row = store.get(Table::Placed, &index.to_be_bytes())?;
    row.map(|row| number(Table::Placed, &row)).transpose()
}

/// Commitment roots that are accepted at `now`, newest first, each once.
pub(super) fn anchors(store: &Store, head: &Head, now: u64) -> Result<Vec<Fr>, StoreError> {
    let mut seen = HashSet::new();
    let mut out = vec![];
    for batch in (0..head.batches).rev().take(4 * MAX_ANCHORS) {
        let (_, _, seal) = read_seal(store, batch)?;
        let old = seal.time.saturating_add(crate::state::ANCHOR_SECONDS) < now;
        if out.len() == MAX_ANCHORS || (old && !out.is_empty()) {
            break;
        }
        if seen.insert(fr_to_be_bytes(&seal.commitment_root)) {
            out.push(seal.commitment_root);
        }
    }
    Ok(out)
}
