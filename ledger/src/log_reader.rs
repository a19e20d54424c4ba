//! Reading a log from its HTTP side, as mirrors and audits do: the checkpoint, and tiles and entries that are believed
//! only under its root.

use crate::{
    http::client::{self, Limits, Prefix},
    tile::{TILE_WIDTH, TileKind, TilePath, entries_of},
};
use hyper::StatusCode;
use medproof_verifier::{
    Checkpoint, checkpoint::MAX_CHECKPOINT_BYTES, entry::MAX_ENTRY_BYTES, inclusion::leaf_hash,
};
use std::{
    cell::RefCell,
    collections::HashMap,
    ops::Range,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tlog_tiles::{
    tile::{Tile, TileHashReader, TileReader},
    tlog::{Error as TlogError, Hash, HashReader, stored_hash_index, tree_hash},
};
use tokio::{runtime::Handle, sync::watch};

/// Longest time for a tile: the largest has 16 MiB.
const DEADLINE: Duration = Duration::from_secs(30);
/// Time that a log may lose in all, where it is read to its end, before it must keep pace.
const GRACE: Duration = Duration::from_secs(120);
/// Time for each answer beside that for its bytes: a connection and a request across the world.
const FOR_AN_ANSWER: Duration = Duration::from_secs(1);
/// Smallest rate, in bytes a second: that of the largest tile within its time.
const SMALLEST_RATE: u64 = 16 * (1 << 20) / 30;
/// Hash tiles kept in memory, 8 KiB each.
const KEPT_TILES: usize = 1024;
/// Height of a tile, as the text has it.
const HEIGHT: u8 = 8;
/// Most entries of a log that is read: the trees hold 2^32 leaves, and no path or index comes near its limit.
const MAX_SIZE: u64 = 1 << 40;

/// Why a log cannot be read. Nothing of it is signed, so anybody on the way can be its cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A tile of the wrong length, or entries that cannot be told apart in it.
    #[error("{path}: {what}")]
    Tile {
        /// Path of the tile.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Hash tiles that do not lead to the signed root.
    #[error(
        "the hash tiles for entries {first} to {last} do not lead to the root of the checkpoint of {size} entries"
    )]
    Hashes {
        /// First entry asked for.
        first: u64,
        /// Last entry asked for.
        last: u64,
        /// Entries of the checkpoint.
        size: u64,
    },
    /// An entry that is not the one under the signed root.
    #[error("entry {0} is not the one that the checkpoint's root covers")]
    Leaf(u64),
    /// No answer, or not with success.
    #[error("{0}")]
    Unreachable(String),
    /// Each answer comes in its time, and all of them together take too long.
    #[error(
        "the log answers too slowly: reading it has taken {0} s, more than an answer a second and half a megabyte a second allow"
    )]
    Slow(u64),
    /// Told to stop.
    #[error("reading was stopped")]
    Stopped,
}

/// Whether a ledger can have so many entries. An empty one has none to read.
pub(crate) fn is_size(size: u64) -> bool {
    (1..=MAX_SIZE).contains(&size)
}

/// The HTTP side of a log.
pub(crate) struct LogReader {
    prefix: Prefix,
    runtime: Handle,
    /// Changes, or its sender goes, when reading is to stop.
    stopped: watch::Receiver<bool>,
    /// Where all of it is read at once.
    pace: Option<Mutex<Pace>>,
}

/// What answers have taken, and what they may take: one that drips every answer within its time would hold up a reader for
/// days.
#[derive(Debug, Clone, Copy)]
struct Pace {
    taken: Duration,
    allowed: Duration,
}

impl Pace {
    /// Counts an answer of so many bytes, or none.
    fn count(&mut self, taken: Duration, bytes: Option<usize>) -> Result<(), ReadError> {
        self.taken += taken;
        if let Some(bytes) = bytes {
            self.allowed += FOR_AN_ANSWER + Duration::from_secs(bytes as u64) / SMALLEST_RATE as u32;
        }
        match self.taken > self.allowed {
            true => Err(ReadError::Slow(self.taken.as_secs())),
            false => Ok(()),
        }
    }
}

impl LogReader {
    pub(crate) fn new(prefix: Prefix, runtime: Handle, stopped: watch::Receiver<bool>) -> Self {
        Self {
            prefix,
            runtime,
            stopped,
            pace: None,
        }
    }

    /// For reading a whole log: it must keep pace over all answers.
    pub(crate) fn paced(mut self) -> Self {
        let (taken, allowed) = (Duration::ZERO, GRACE);
        self.pace = Some(Mutex::new(Pace { taken, allowed }));
        self
    }

    /// Reads a path. Blocks until it is answered, or reading is to stop.
    fn get(&self, path: &str, bytes: usize) -> Result<Vec<u8>, ReadError> {
        let limits = Limits {
            deadline: DEADLINE,
            bytes,
        };
        let mut stopped = self.stopped.clone();
        let begin = Instant::now();
        let answer = self.runtime.block_on(async {
            tokio::select! {
                // First, for the runtime may be going as well.
                biased;
                // An error means that whoever reads is gone, which is the same.
                _ = stopped.wait_for(|stopped| *stopped) => None,
                answer = client::get(&self.prefix, path, limits) => Some(answer),
            }
        });
        let bytes = answer
            .as_ref()
            .and_then(|answer| Some(answer.as_ref().ok()?.1.len()));
        if let Some(pace) = &self.pace {
            // What is in it is whole whoever has panicked.
            let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.count(begin.elapsed(), bytes)?;
        }
        match answer {
            None => Err(ReadError::Stopped),
            Some(Ok((StatusCode::OK, body))) => Ok(body),
            Some(Ok((status, _))) => Err(ReadError::Unreachable(format!(
                "{path}: status {}",
                status.as_u16()
            ))),
            Some(Err(error)) => Err(ReadError::Unreachable(format!("{path}: {error}"))),
        }
    }

    /// What is shown at `/checkpoint`.
    pub(crate) fn checkpoint(&self) -> Result<Vec<u8>, ReadError> {
        self.get("checkpoint", MAX_CHECKPOINT_BYTES + 1)
    }

    /// The entries of bundle `index` in a tree of `size`. They are to be compared with [`Tiles::leaves`].
    pub(crate) fn entries(&self, index: u64, size: u64) -> Result<Vec<Vec<u8>>, ReadError> {
        let width = u64::from(TILE_WIDTH);
        let width = size.saturating_sub(index * width).min(width);
        // At most 256.
        let path = path(TileKind::Entries, index, width as u16)?;
        let most = usize::from(TILE_WIDTH) * (2 + MAX_ENTRY_BYTES) + 1;
        let bundle = self.get(&path, most)?;
        match entries_of(&bundle) {
            Some(entries) if entries.len() as u64 == width => Ok(entries),
            _ => {
                let what = "is not as many whole entries as its path says";
                Err(ReadError::Tile { path, what })
            }
        }
    }
}

/// Path of a tile. Sizes and indexes of logs that are read are far below its limits.
fn path(kind: TileKind, index: u64, width: u16) -> Result<String, ReadError> {
    let path = TilePath::new(kind, index, width).map(|path| path.to_string());
    path.map_err(|_| {
        let (path, what) = (format!("{kind:?} {index}"), "is no tile of a log");
        ReadError::Tile { path, what }
    })
}

/// The hashes under one signed checkpoint. Tiles are checked against its root before anything is taken from them.
pub(crate) struct Tiles<'a> {
    checkpoint: &'a Checkpoint,
    source: Source<'a>,
}

struct Source<'a> {
    log: &'a LogReader,
    /// Tiles that were found under the root.
    kept: RefCell<HashMap<Tile, Vec<u8>>>,
    /// Why a tile could not be read: the reader's own error has no place for it.
    failed: RefCell<Option<ReadError>>,
}

impl<'a> Tiles<'a> {
    /// For a checkpoint that is not empty.
    pub(crate) fn new(log: &'a LogReader, checkpoint: &'a Checkpoint) -> Self {
        let source = Source {
            log,
            kept: RefCell::default(),
            failed: RefCell::default(),
        };
        Self { checkpoint, source }
    }

    /// Entries of the checkpoint.
    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    fn reader(&self) -> TileHashReader<'_> {
        TileHashReader::new(
            self.checkpoint.size(),
            Hash(*self.checkpoint.root()),
            &self.source,
        )
    }

    fn failed(&self, first: u64, last: u64) -> ReadError {
        let size = self.checkpoint.size();
        let wrong = || ReadError::Hashes { first, last, size };
        self.source.failed.take().unwrap_or_else(wrong)
    }

    /// Root of the first `size` entries, at least one and at most those of the checkpoint.
    pub(crate) fn root(&self, size: u64) -> Result<[u8; 32], ReadError> {
        match tree_hash(size, &self.reader()) {
            Ok(hash) => Ok(hash.0),
            Err(_) => Err(self.failed(0, size.saturating_sub(1))),
        }
    }

    /// Leaf hashes of these entries, which the checkpoint covers.
    pub(crate) fn leaves(&self, range: Range<u64>) -> Result<Vec<[u8; 32]>, ReadError> {
        let indexes: Vec<u64> = range.clone().map(|index| stored_hash_index(0, index)).collect();
        match self.reader().read_hashes(&indexes) {
            Ok(hashes) => Ok(hashes.into_iter().map(|hash| hash.0).collect()),
            Err(_) => Err(self.failed(range.start, range.end.saturating_sub(1))),
        }
    }

    /// The entries from `next` on, which the checkpoint covers, to the end of its bundle: each was held against its leaf
    /// hash.
    pub(crate) fn entries(&self, next: u64) -> Result<Vec<Vec<u8>>, ReadError> {
        let width = u64::from(TILE_WIDTH);
        let mut entries = self.source.log.entries(next / width, self.size())?;
        entries.drain(..(next % width) as usize);
        let leaves = self.leaves(next..next + entries.len() as u64)?;
        for ((index, entry), leaf) in (next..).zip(&entries).zip(leaves) {
            if leaf_hash(entry) != leaf {
                return Err(ReadError::Leaf(index));
            }
        }
        Ok(entries)
    }
}

impl Source<'_> {
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, ReadError> {
        if let Some(kept) = self.kept.borrow().get(tile) {
            return Ok(kept.clone());
        }
        // The reader names tiles of this height and of a tree below the limit on sizes.
        let width = u16::try_from(tile.width()).unwrap_or(TILE_WIDTH);
        let path = path(TileKind::Hashes(tile.level()), tile.level_index(), width)?;
        let length = 32 * usize::from(width);
        let bytes = self.log.get(&path, 2 * 32 * usize::from(TILE_WIDTH))?;
        if bytes.len() != length {
            let what = "is not as many hashes as its path says";
            return Err(ReadError::Tile { path, what });
        }
        Ok(bytes)
    }
}

/// Checks every full tile against its parent, which must be among them.
///
/// The reader checks the tiles that are not full, all at the right edge: their hashes make up the root. Of the full
/// ones it checks some only, for it passes over as many tiles as the root is made of hashes, though one tile has
/// several of these (golang/go issue 80744).
fn check_full(tiles: &[Tile], data: &[Vec<u8>]) -> Result<(), TlogError> {
    let place = |tile: &Tile| (tile.level(), tile.level_index());
    let read: HashMap<_, _> = tiles
        .iter()
        .zip(data)
        .map(|(tile, bytes)| (place(tile), (tile, bytes)))
        .collect();
    for (tile, bytes) in tiles.iter().zip(data) {
        if tile.width() < 1 << HEIGHT {
            continue;
        }
        let (level, index) = (tile.level() + 1, tile.level_index());
        let parent = read.get(&(level, index >> HEIGHT));
        let (parent, hashes) = parent.ok_or(TlogError::InconsistentTile)?;
        let expected = parent.hash_at_index(hashes, stored_hash_index(HEIGHT * level, index))?;
        if Tile::subtree_hash(bytes) != expected {
            return Err(TlogError::InconsistentTile);
        }
    }
    Ok(())
}

impl TileReader for Source<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, TlogError> {
        let read = tiles.iter().map(|tile| self.tile(tile));
        let read = read.collect::<Result<Vec<_>, _>>().map_err(|failed| {
            *self.failed.borrow_mut() = Some(failed);
            TlogError::InvalidTile
        })?;
        check_full(tiles, &read)?;
        Ok(read)
    }

    fn save_tiles(&self, tiles: &[Tile], data: &[Vec<u8>]) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() + tiles.len() > KEPT_TILES {
            kept.clear();
        }
        for (tile, bytes) in tiles.iter().zip(data) {
            kept.insert(*tile, bytes.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_drips_its_answers_is_left() {
        let begin = Pace {
            taken: Duration::ZERO,
            allowed: GRACE,
        };
        // Each hash tile just within its time: left after a few, and not after days.
        let mut pace = begin;
        let dripped = (1..).find(|_| pace.count(DEADLINE, Some(8192)).is_err());
        assert_eq!(dripped, Some(5));
        // No answers at all.
        let mut pace = begin;
        assert_eq!((1..).find(|_| pace.count(DEADLINE, None).is_err()), Some(5));
        // The largest bundles at the smallest rate, and small ones from across the world.
        let mut pace = begin;
        for _ in 0..10_000 {
            pace.count(DEADLINE, Some(16 << 20)).unwrap();
            pace.count(Duration::from_millis(900), Some(1000)).unwrap();
        }
    }
}
