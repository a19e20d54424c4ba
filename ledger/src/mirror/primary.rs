//! Reading a log from its HTTP side: the checkpoint, and tiles that are believed only under its root.

use super::mismatch::{Failed, Mismatch};
use crate::{
    http::client::{self, Limits, Prefix},
    tile::{TILE_WIDTH, TileKind, TilePath, entries_of},
};
use hyper::StatusCode;
use medproof_verifier::{Checkpoint, checkpoint::MAX_CHECKPOINT_BYTES, entry::MAX_ENTRY_BYTES};
use std::{cell::RefCell, collections::HashMap, ops::Range, time::Duration};
use tlog_tiles::{
    tile::{Tile, TileHashReader, TileReader},
    tlog::{Error as TlogError, Hash, HashReader, stored_hash_index, tree_hash},
};
use tokio::{runtime::Handle, sync::watch};

/// Longest time for a tile: the largest has 16 MiB.
const DEADLINE: Duration = Duration::from_secs(30);
/// Hash tiles kept in memory, 8 KiB each.
const KEPT_TILES: usize = 1024;
/// Height of a tile, as the text has it.
const HEIGHT: u8 = 8;

/// The HTTP side of the ledger that is followed.
pub(super) struct Primary {
    prefix: Prefix,
    runtime: Handle,
    /// Changes, or its sender goes, when the mirror is told to stop.
    stopped: watch::Receiver<bool>,
}

impl Primary {
    pub(super) fn new(prefix: Prefix, runtime: Handle, stopped: watch::Receiver<bool>) -> Self {
        Self {
            prefix,
            runtime,
            stopped,
        }
    }

    /// Reads a path. Blocks until it is answered, or the mirror is told to stop.
    fn get(&self, path: &str, bytes: usize) -> Result<Vec<u8>, Failed> {
        let limits = Limits {
            deadline: DEADLINE,
            bytes,
        };
        let mut stopped = self.stopped.clone();
        let answer = self.runtime.block_on(async {
            tokio::select! {
                // First, for the runtime may be going as well.
                biased;
                // An error means that the mirror is gone, which is the same.
                _ = stopped.wait_for(|stopped| *stopped) => None,
                answer = client::get(&self.prefix, path, limits) => Some(answer),
            }
        });
        match answer {
            None => Err(Failed::Stopped),
            Some(Ok((StatusCode::OK, body))) => Ok(body),
            Some(Ok((status, _))) => Err(Failed::Unreachable(format!("{path}: status {}", status.as_u16()))),
            Some(Err(error)) => Err(Failed::Unreachable(format!("{path}: {error}"))),
        }
    }

    /// What is shown at `/checkpoint`.
    pub(super) fn checkpoint(&self) -> Result<Vec<u8>, Failed> {
        self.get("checkpoint", MAX_CHECKPOINT_BYTES + 1)
    }

    /// The entries of bundle `index` in a tree of `size`. They are to be compared with [`Tiles::leaves`].
    pub(super) fn entries(&self, index: u64, size: u64) -> Result<Vec<Vec<u8>>, Failed> {
        let width = u64::from(TILE_WIDTH);
        let width = size.saturating_sub(index * width).min(width);
        // At most 256; sizes and indexes are far below the limit of a path.
        let path = TilePath::new(TileKind::Entries, index, width as u16)
            .map_err(|_| Mismatch::Size(size))?
            .to_string();
        let most = usize::from(TILE_WIDTH) * (2 + MAX_ENTRY_BYTES) + 1;
        let bundle = self.get(&path, most)?;
        match entries_of(&bundle) {
            Some(entries) if entries.len() as u64 == width => Ok(entries),
            _ => {
                let what = "is not as many whole entries as its path says";
                Err(Mismatch::Tile { path, what }.into())
            }
        }
    }
}

/// The hashes under one signed checkpoint. Tiles are checked against its root before anything is taken from them.
pub(super) struct Tiles<'a> {
    checkpoint: &'a Checkpoint,
    source: Source<'a>,
}

struct Source<'a> {
    primary: &'a Primary,
    /// Tiles that were found under the root.
    kept: RefCell<HashMap<Tile, Vec<u8>>>,
    /// Why a tile could not be read: the reader's own error has no place for it.
    failed: RefCell<Option<Failed>>,
}

impl<'a> Tiles<'a> {
    /// For a checkpoint that is not empty.
    pub(super) fn new(primary: &'a Primary, checkpoint: &'a Checkpoint) -> Self {
        let source = Source {
            primary,
            kept: RefCell::default(),
            failed: RefCell::default(),
        };
        Self { checkpoint, source }
    }

    /// Entries of the checkpoint.
    pub(super) fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    fn reader(&self) -> TileHashReader<'_> {
        TileHashReader::new(
            self.checkpoint.size(),
            Hash(*self.checkpoint.root()),
            &self.source,
        )
    }

    fn failed(&self, first: u64, last: u64) -> Failed {
        let size = self.checkpoint.size();
        let wrong = || Mismatch::Hashes { first, last, size }.into();
        self.source.failed.take().unwrap_or_else(wrong)
    }

    /// Root of the first `size` entries, at least one and at most those of the checkpoint.
    pub(super) fn root(&self, size: u64) -> Result<[u8; 32], Failed> {
        match tree_hash(size, &self.reader()) {
            Ok(hash) => Ok(hash.0),
            Err(_) => Err(self.failed(0, size.saturating_sub(1))),
        }
    }

    /// Leaf hashes of these entries, which the checkpoint covers.
    pub(super) fn leaves(&self, range: Range<u64>) -> Result<Vec<[u8; 32]>, Failed> {
        let indexes: Vec<u64> = range.clone().map(|index| stored_hash_index(0, index)).collect();
        match self.reader().read_hashes(&indexes) {
            Ok(hashes) => Ok(hashes.into_iter().map(|hash| hash.0).collect()),
            Err(_) => Err(self.failed(range.start, range.end.saturating_sub(1))),
        }
    }
}

impl Source<'_> {
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, Failed> {
        if let Some(kept) = self.kept.borrow().get(tile) {
            return Ok(kept.clone());
        }
        // The reader names tiles of this height and of a tree below the limit on sizes.
        let width = u16::try_from(tile.width()).unwrap_or(TILE_WIDTH);
        let path = TilePath::new(TileKind::Hashes(tile.level()), tile.level_index(), width);
        let path = path.map_err(|_| Mismatch::Size(u64::MAX))?.to_string();
        let length = 32 * usize::from(width);
        let bytes = self.primary.get(&path, 2 * 32 * usize::from(TILE_WIDTH))?;
        if bytes.len() != length {
            let what = "is not as many hashes as its path says";
            return Err(Mismatch::Tile { path, what }.into());
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
