//! The tables in RocksDB: one column family each, one synced write a batch.

use crate::{
    overlay::Rows,
    table::{Base, Change, StoreError, Table},
};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    Direction, IteratorMode, Options, ReadOptions, SnapshotWithThreadMode, WriteBatch, WriteOptions,
    checkpoint::Checkpoint,
};
use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
};

/// Version of the tables' layout.
const FORMAT: u16 = 1;
const FORMAT_KEY: &[u8] = b"format";
/// Memory for cached blocks of all tables, in bytes. The upper levels of the trees and recent hashes
/// live in it.
const CACHE_BYTES: usize = 128 << 20;

/// Bytes read at once where a whole table is read in order.
const READAHEAD_BYTES: usize = 2 << 20;

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// An open database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    db: Arc<DB>,
    /// Released when the last clone goes; declared after `db`, so that the database is closed first.
    _lock: Arc<File>,
    #[cfg(test)]
    faults: Arc<Faults>,
}

/// Makes a write fail or wait, for tests.
#[cfg(test)]
#[derive(Default)]
struct Faults {
    /// The n-th write from now fails, before or after it reached the disk.
    plan: std::sync::Mutex<Option<(u32, bool)>>,
    gate: std::sync::Mutex<()>,
}

#[cfg(test)]
impl Store {
    pub(crate) fn fail_at(&self, write: u32, after: bool) {
        *self.faults.plan.lock().unwrap() = Some((write, after));
    }

    /// No write begins before the guard is dropped.
    pub(crate) fn hold(&self) -> std::sync::MutexGuard<'_, ()> {
        self.faults.gate.lock().unwrap()
    }

    /// Whether this write, which is `after` itself or before, is the one to fail.
    fn fault(&self, after: bool) -> Result<(), StoreError> {
        let mut plan = self.faults.plan.lock().unwrap();
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

/// Locks the database's directory: exclusively for whoever writes, shared among those that only read. RocksDB's
/// own lock keeps writers apart, but a reader neither takes nor sees it.
pub(crate) fn lock(path: &Path, writes: bool) -> Result<File, StoreError> {
    let failed = |e: std::io::Error| StoreError::Database(format!("{}: {e}", path.display()));
    let directory = File::open(path).map_err(failed)?;
    let locked = match writes {
        true => directory.try_lock(),
        false => directory.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(directory),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn options() -> Options {
    let mut options = Options::default();
    // A new ledger begins with an empty directory, and a new table with an empty column family.
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
    // Bounds what a start has to replay. A table that is seldom written would keep old logs alive for ever.
    options.set_max_total_wal_size(256 << 20);
    // Below the usual limit of 1,024 open files a process, with room for connections.
    options.set_max_open_files(512);
    // RocksDB's own diary; the default keeps a thousand of them.
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
    if table.is_point_lookup() {
        // The same for rows that are in memory yet: without it each look-up walks down the memtable.
        options.set_memtable_whole_key_filtering(true);
        options.set_memtable_prefix_bloom_ratio(0.05);
    }
    options.set_block_based_table_factory(&blocks);
    // Hashes, keys and proofs do not compress.
    options.set_compression_type(DBCompressionType::None);
    ColumnFamilyDescriptor::new(table.as_str(), options)
}

fn families() -> [ColumnFamilyDescriptor; Table::ALL.len()] {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    Table::ALL.map(|table| column_family(table, &cache))
}

impl Store {
    /// Opens the database at `path`, or makes an empty one.
    ///
    /// # Errors
    /// [`StoreError`]: also when another process has it open, or another version made it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path)
            .map_err(|e| StoreError::Database(format!("{}: {e}", path.display())))?;
        let lock = lock(path, true)?;
        let store = Self::locked(DB::open_cf_descriptors(&options(), path, families())?, lock);
        if !store.check_format()? {
            if store.first(Table::Entry, &[])?.is_some() {
                return Err(StoreError::damaged("it has entries but no format version"));
            }
            let format = (
                (Table::Meta, FORMAT_KEY.to_vec()),
                Some(FORMAT.to_be_bytes().to_vec()),
            );
            store.write(vec![format], true)?;
        }
        Ok(store)
    }

    /// Opens the database at `path` for reading; changes nothing on disk. The write-ahead log is replayed in memory.
    ///
    /// # Errors
    /// [`StoreError`]: also when a ledger runs on it, or no ledger ever did.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path, false)?;
        let mut options = options();
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        let db = DB::open_cf_descriptors_read_only(&options, path, families(), false)?;
        let store = Self::locked(db, lock);
        match store.check_format()? {
            true => Ok(store),
            false => Err(StoreError::damaged("it has no format version")),
        }
    }

    fn locked(db: DB, lock: File) -> Self {
        Self {
            db: Arc::new(db),
            _lock: Arc::new(lock),
            #[cfg(test)]
            faults: Arc::default(),
        }
    }

    /// Whether the format version is there; one that is not ours is an error.
    fn check_format(&self) -> Result<bool, StoreError> {
        match self.get(Table::Meta, FORMAT_KEY)? {
            None => Ok(false),
            Some(row) if row == FORMAT.to_be_bytes() => Ok(true),
            Some(_) => Err(StoreError::damaged(
                "its format is not 1: use the version that made it",
            )),
        }
    }

    /// Makes a second database at `path` with what this one holds now: hard links to the table files and copies of
    /// the rest. The directory must not exist, and lie on the same file system.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
        Ok(Checkpoint::new(&self.db)?.create_checkpoint(path)?)
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
        self.write_batch(batch, sync)
    }

    /// Writes the rows of a batch at once, and syncs.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Store::write`].
    pub(crate) fn write_rows(&self, rows: &Rows) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for (table, rows) in rows.tables() {
            let family = self.family(table)?;
            for (key, value) in rows {
                match value {
                    Some(value) => batch.put_cf(family, key, value),
                    None => batch.delete_cf(family, key),
                }
            }
        }
        self.write_batch(batch, true)
    }

    fn write_batch(&self, batch: WriteBatch, sync: bool) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        // RocksDB's default does not sync, and would lose acknowledged entries at a power cut.
        options.set_sync(sync);
        #[cfg(test)]
        {
            drop(self.hold());
            self.fault(false)?;
        }
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

    /// Every row with `from <= key`, in order, each block's checksum verified.
    ///
    /// # Errors
    /// [`StoreError`] when the table is missing; what cannot be read is an error among the rows, and the last.
    pub(crate) fn rows(
        &self,
        table: Table,
        from: &[u8],
    ) -> Result<impl Iterator<Item = Result<Row, StoreError>> + use<'_>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_verify_checksums(true);
        // Read once, in order: read ahead, and leave the cache to those who come back.
        options.set_readahead_size(READAHEAD_BYTES);
        options.fill_cache(false);
        let mode = IteratorMode::From(from, Direction::Forward);
        let rows = self.db.iterator_cf_opt(self.family(table)?, options, mode);
        Ok(rows.map(|row| row.map(|(k, v)| (k.into_vec(), v.into_vec())).map_err(Into::into)))
    }

    /// Every row of a table, the last one first.
    ///
    /// # Errors
    /// [`StoreError`] when the table is missing; what cannot be read is an error among the rows.
    pub(crate) fn rows_back(
        &self,
        table: Table,
    ) -> Result<impl Iterator<Item = Result<Row, StoreError>> + use<'_>, StoreError> {
        let rows = self.db.iterator_cf(self.family(table)?, IteratorMode::End);
        Ok(rows.map(|row| row.map(|(k, v)| (k.into_vec(), v.into_vec())).map_err(Into::into)))
    }

    /// The last row of a table.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn last(&self, table: Table) -> Result<Option<Row>, StoreError> {
        let last = self.db.iterator_cf(self.family(table)?, IteratorMode::End).next();
        let row = last.transpose()?;
        Ok(row.map(|(k, v)| (k.into_vec(), v.into_vec())))
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

    fn commit(&mut self, rows: Rows) -> Result<(), StoreError> {
        self.write_rows(&rows)
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
