//! The tables of a ledger's store, their keys, and the seam between the state machine and what holds
//! the tables (`docs/format.md`, section 13).

pub use crate::overlay::Rows;
use medproof_verifier::entry::NullifierKind;
use std::{collections::HashMap, path::PathBuf};

/// One table: a RocksDB column family, or a map in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// Leaf index -> canonical entry bytes.
    Entry,
    /// RFC 6962 stored-hash index -> node hash.
    Hash,
    /// Leaf hash -> leaf index.
    ByLeaf,
    /// Statement key -> leaf index of the first post.
    Statement,
    /// Kind and nullifier -> entry that spent it, burned flag.
    Nullifier,
    /// Level and position -> node of the commitment tree.
    Commitment,
    /// Level and position -> node of the identity tree.
    Identity,
    /// Level and position -> node of the registry tree.
    Registry,
    /// Identity `id` -> nothing: it was seen.
    Person,
    /// Identity index -> domain and when it was closed.
    Member,
    /// Party -> last sequence number.
    Party,
    /// Leaf index of a dispense -> seal time, voided flag.
    Dispense,
    /// Leaf index -> position of the commitment that the entry appended.
    Placed,
    /// Ordinal -> leaf index of a governance entry.
    Governance,
    /// Batch number -> leaf index of its seal.
    Batch,
    /// Tree size -> signed checkpoint.
    Checkpoint,
    /// Tree size -> number of cosignatures, checkpoint with them.
    Cosigned,
    /// Format version, head, clock.
    Meta,
}

impl Table {
    /// Every table, by its number.
    pub const ALL: [Self; 18] = [
        Self::Entry,
        Self::Hash,
        Self::ByLeaf,
        Self::Statement,
        Self::Nullifier,
        Self::Commitment,
        Self::Identity,
        Self::Registry,
        Self::Person,
        Self::Member,
        Self::Party,
        Self::Dispense,
        Self::Placed,
        Self::Governance,
        Self::Batch,
        Self::Checkpoint,
        Self::Cosigned,
        Self::Meta,
    ];

    /// Name of the column family.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Hash => "hash",
            Self::ByLeaf => "by_leaf",
            Self::Statement => "statement",
            Self::Nullifier => "nullifier",
            Self::Commitment => "commitment",
            Self::Identity => "identity",
            Self::Registry => "registry",
            Self::Person => "person",
            Self::Member => "member",
            Self::Party => "party",
            Self::Dispense => "dispense",
            Self::Placed => "placed",
            Self::Governance => "governance",
            Self::Batch => "batch",
            Self::Checkpoint => "checkpoint",
            Self::Cosigned => "cosigned",
            Self::Meta => "meta",
        }
    }

    /// Whether the table is read by whole keys that are mostly absent, so that a bloom filter pays.
    pub fn is_point_lookup(self) -> bool {
        matches!(
            self,
            Self::ByLeaf | Self::Statement | Self::Nullifier | Self::Person
        )
    }
}

/// The store cannot be read or written, or holds what the ledger never writes.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// An error of the database or the file system.
    #[error("the store fails: {0}; check the disk, then restart")]
    Database(String),
    /// A ledger runs on it, or another command writes to it.
    #[error("`{}` is in use: stop the ledger that runs on it first", .0.display())]
    InUse(PathBuf),
    /// A row that the ledger never writes, or one that is missing.
    #[error(
        "the store is damaged: {0}; `medproof ledger fsck` lists what is wrong, docs/operations.md says what to do"
    )]
    Damaged(String),
}

impl StoreError {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}

/// A row to write (`Some`) or to delete (`None`).
pub type Change = ((Table, Vec<u8>), Option<Vec<u8>>);

/// What holds the tables. Everything that the state machine reads beyond its small rules goes through it.
pub trait Base {
    /// One row.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Makes all rows durable at once, or none of them.
    ///
    /// # Errors
    /// [`StoreError`]; the base must not be used any further then.
    fn commit(&mut self, rows: Rows) -> Result<(), StoreError>;
}

/// Tables in memory, for audits and tests.
#[derive(Debug, Default)]
pub struct MemoryBase(HashMap<(Table, Vec<u8>), Vec<u8>>);

impl MemoryBase {
    /// Every row of a table, in order.
    pub(crate) fn rows(&self, table: Table) -> Vec<(&[u8], &[u8])> {
        let of_table = self.0.iter().filter(|((of, _), _)| *of == table);
        let mut rows: Vec<_> = of_table.map(|((_, key), value)| (&key[..], &value[..])).collect();
        rows.sort_unstable();
        rows
    }
}

impl Base for MemoryBase {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }

    fn commit(&mut self, rows: Rows) -> Result<(), StoreError> {
        for (table, rows) in rows.into_tables() {
            for (key, value) in rows {
                match value {
                    Some(value) => self.0.insert((table, key), value),
                    None => self.0.remove(&(table, key)),
                };
            }
        }
        Ok(())
    }
}

/// Key of a nullifier.
pub(crate) fn nullifier_key(kind: NullifierKind, nullifier: &[u8; 32]) -> [u8; 33] {
    let mut key = [0; 33];
    key[0] = kind as u8;
    key[1..].copy_from_slice(nullifier);
    key
}

/// Key of a tree node.
pub(crate) fn node_key(level: usize, index: u32) -> [u8; 5] {
    let mut key = [0; 5];
    // Levels are at most 16.
    key[0] = level as u8;
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// Reads an 8-byte big-endian number from a row.
pub(crate) fn number(table: Table, value: &[u8]) -> Result<u64, StoreError> {
    let bytes = value.try_into().map_err(|_| {
        StoreError::damaged(format!(
            "a row of `{}` has {} bytes, not 8",
            table.as_str(),
            value.len()
        ))
    })?;
    Ok(u64::from_be_bytes(bytes))
}
