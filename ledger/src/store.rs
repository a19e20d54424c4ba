//! The tables in RocksDB: one column family each, one synced write a batch.

use crate::table::{Base, Change, StoreError, Table};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    Direction, IteratorMode, Options, ReadOptions, SnapshotWithThreadMode, WriteBatch, WriteOptions,
};
use std::{path::Path, sync::Arc};

/// Version of the tables' layout.
const FORMAT: u16 = 1;
const FORMAT_KEY: &[u8] = b"format";
/// Memory for cached blocks of all tables, in bytes. The upper levels of the trees and recent hashes
/// live in it.
const CACHE_BYTES: usize = 128 << 20;

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// An open database. Cheap to clone; RocksDB's own lock keeps a second process out.
#[derive(Clone)]
pub(crate) struct Store {
    db: Arc<DB>,
    #[cfg(test)]
    faults: Arc<Faults>,
}

/// Makes a write fail, for tests: the n-th from now, before or after it reached the disk.
#[cfg(test)]
#[derive(Default)]
struct Faults(std::sync::Mutex<Option<(u32, bool)>>);

#[cfg(test)]
impl Store {
    pub(crate) fn fail_at(&self, write: u32, after: bool) {
        *self.faults.0.lock().unwrap() = Some((write, after));
    }

    /// Whether this write, which is `after` itself or before, is the one to fail.
    fn fault(&self, after: bool) -> Result<(), StoreError> {
        let mut plan = self.faults.0.lock().unwrap();
        match plan.as_mut() {
            Some((1, when)) if *when == after => {
                *plan = None;
                return Err(StoreError::Database("a fault on purpose".into()));
            }
            Some((count, _)) if after => *count -= 1,
            _ => {}
        }
        Ok(())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.db.path().display())
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // A torn last record is a batch that was never acknowledged; anything else that is wrong with the
    // log must stop the start, not be skipped.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // Each write goes to the log and is synced before it is acknowledged: no manual flushing, no
    // recycled log files (whose old tails would defeat the recovery mode), no reordering.
    options.set_manual_wal_flush(false);
    options.set_recycle_log_file_num(0);
    options.set_unordered_write(false);
    // Notice a log file that is missing, and damaged blocks as soon as they are read.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    // A batch spans all column families, so their tables reach the disk together.
    options.set_atomic_flush(true);
    options.set_max_total_wal_size(256 << 20);
    options.set_max_open_files(512);
    options.set_keep_log_file_num(4);
    options
}

fn column_family(table: Table, cache: &Cache) -> ColumnFamilyDescriptor {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    if table.is_point_lookup() {
        // Nearly every look-up is for a key that is not there.
        blocks.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    // Hashes, keys and proofs do not compress.
    options.set_compression_type(DBCompressionType::None);
    ColumnFamilyDescriptor::new(table.as_str(), options)
}

impl Store {
    /// Opens the database at `path`, or makes an empty one.
    ///
    /// # Errors
    /// [`StoreError`]: also when another process has it open, or another version made it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let families = Table::ALL.map(|table| column_family(table, &cache));
        let store = Self {
            db: Arc::new(DB::open_cf_descriptors(&options(), path, families)?),
            #[cfg(test)]
            faults: Arc::default(),
        };
        match store.get(Table::Meta, FORMAT_KEY)? {
            Some(row) if row == FORMAT.to_be_bytes() => {}
            Some(_) => {
                return Err(StoreError::damaged(
                    "its format is not 1: use the version that made it",
                ));
            }
            None => {
                if store.first(Table::Entry, &[])?.is_some() {
                    return Err(StoreError::damaged("it has entries but no format version"));
                }
                let format = (
                    (Table::Meta, FORMAT_KEY.to_vec()),
                    Some(FORMAT.to_be_bytes().to_vec()),
                );
                store.write(vec![format], true)?;
            }
        }
        Ok(store)
    }

    fn family(&self, table: Table) -> Result<&ColumnFamily, StoreError> {
        self.db
            .cf_handle(table.as_str())
            .ok_or_else(|| StoreError::damaged(format!("table `{}` is missing", table.as_str())))
    }

    /// Writes all changes at once.
    ///
    /// # Errors
    /// [`StoreError`]; a failed sync is never tried again, for the kernel may have dropped the pages.
    pub(crate) fn write(&self, changes: Vec<Change>, sync: bool) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for ((table, key), value) in changes {
            let family = self.family(table)?;
            match value {
                Some(value) => batch.put_cf(family, key, value),
                None => batch.delete_cf(family, key),
            }
        }
        let mut options = WriteOptions::default();
        // RocksDB's default does not sync, and would lose acknowledged entries at a power cut.
        options.set_sync(sync);
        #[cfg(test)]
        self.fault(false)?;
        self.db.write_opt(batch, &options)?;
        #[cfg(test)]
        self.fault(true)?;
        Ok(())
    }

    /// The first row at or after `key`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn first(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let mode = IteratorMode::From(key, Direction::Forward);
        match self.db.iterator_cf(self.family(table)?, mode).next() {
            Some(row) => row
                .map(|(k, v)| Some((k.into_vec(), v.into_vec())))
                .map_err(Into::into),
            None => Ok(None),
        }
    }

    /// The store as the last committed batch left it, however it grows meanwhile.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            store: self,
            inner: self.db.snapshot(),
        }
    }
}

impl Base for Store {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(table)?, key)?)
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.write(changes, true)
    }
}

/// A fixed view of the store: always exactly at the end of a batch.
pub(crate) struct Snapshot<'a> {
    store: &'a Store,
    inner: SnapshotWithThreadMode<'a, DB>,
}

impl Snapshot<'_> {
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner.get_cf(self.store.family(table)?, key)?)
    }

    /// Rows with `from <= key < to`, in order.
    pub(crate) fn range(&self, table: Table, from: &[u8], to: &[u8]) -> Result<Vec<Row>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to.to_vec());
        let mode = IteratorMode::From(from, Direction::Forward);
        self.inner
            .iterator_cf_opt(self.store.family(table)?, options, mode)
            .map(|row| row.map(|(k, v)| (k.into_vec(), v.into_vec())).map_err(Into::into))
            .collect()
    }
}
