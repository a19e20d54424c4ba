//! What stands in rows of several tables, and how it is found again.

use super::Effects;
use crate::table::{Base, StoreError, Table, number};
use medproof_verifier::{Entry, entry::Seal};

/// What is known of a spent nullifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Leaf index of the entry that spent or burned it.
    pub(crate) index: u64,
    /// A fill that its prescriber has cancelled.
    pub(crate) burned: bool,
}

impl Spent {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = self.index.to_be_bytes().to_vec();
        out.push(self.burned.into());
        out
    }

    pub(crate) fn from_bytes(row: &[u8]) -> Result<Self, StoreError> {
        let (index, burned) = match row {
            [index @ .., burned @ (0 | 1)] => (number(Table::Nullifier, index)?, *burned == 1),
            _ => return Err(StoreError::damaged("a row of `nullifier`")),
        };
        Ok(Self { index, burned })
    }
}

/// What is one event: a statement of the same circuit and public inputs, otherwise the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Made by the ledger: posting one is refused, known or not.
    Reserved,
    /// By its statement key.
    Statement([u8; 32]),
    /// By its leaf hash.
    Other([u8; 32]),
}

impl Event {
    pub(crate) fn of(entry: &Entry, leaf_hash: [u8; 32]) -> Self {
        match entry {
            Entry::Genesis(_) | Entry::Seal(_) => Self::Reserved,
            Entry::Statement(post) => Self::Statement(post.key()),
            _ => Self::Other(leaf_hash),
        }
    }
}

/// Where an event stands in the tables, if it does.
pub(crate) fn find_event(
    get: impl Fn(Table, &[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    event: Event,
) -> Result<Option<Effects>, StoreError> {
    let (table, key) = match event {
        Event::Reserved => return Ok(None),
        Event::Statement(key) => (Table::Statement, key),
        Event::Other(hash) => (Table::ByLeaf, hash),
    };
    let Some(row) = get(table, &key)? else {
        return Ok(None);
    };
    let index = number(table, &row)?;
    let placed = get(Table::Placed, &index.to_be_bytes())?;
    let commitment_index = placed.map(|row| number(Table::Placed, &row)).transpose()?;
    Ok(Some(Effects {
        index,
        commitment_index,
    }))
}

/// Reads the entry at `index`.
pub(crate) fn read_entry(
    get: impl Fn(Table, &[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    index: u64,
) -> Result<(Vec<u8>, Entry), StoreError> {
    let bytes = get(Table::Entry, &index.to_be_bytes())?
        .ok_or_else(|| StoreError::damaged(format!("entry {index} is missing")))?;
    let entry = Entry::from_bytes(&bytes).map_err(|e| StoreError::damaged(format!("entry {index}: {e}")))?;
    Ok((bytes, entry))
}

/// Reads the seal of a batch and its leaf index.
pub(crate) fn read_seal<B: Base>(base: &B, batch: u64) -> Result<(u64, Vec<u8>, Seal), StoreError> {
    let row = base
        .get(Table::Batch, &batch.to_be_bytes())?
        .ok_or_else(|| StoreError::damaged(format!("batch {batch} is missing")))?;
    let index = number(Table::Batch, &row)?;
    match read_entry(|t, key| base.get(t, key), index)? {
        (bytes, Entry::Seal(seal)) => Ok((index, bytes, seal)),
        _ => Err(StoreError::damaged(format!(
            "entry {index} is not the seal of batch {batch}"
        ))),
    }
}
