//! Tiles of the log as C2SP tlog-tiles names them: 256 consecutive hashes of one level, or 256 entries.
//!
//! Paths are read and written here, by that text. `tlog_tiles` spells them in another way and indexes
//! into them unchecked, so no path of a peer may reach its `Tile::from_path`.

use crate::table::StoreError;
use std::{fmt, str::FromStr};
use tlog_tiles::tlog::stored_hash_index;

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u16 = 256;
/// Highest level that a path may name.
const MAX_LEVEL: u8 = 63;
/// Highest index of a tile: a tree has at most 2^63 leaves.
const MAX_INDEX: u64 = (1 << 55) - 1;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes of this level (0 to 63): roots of complete subtrees of `256^level` leaves.
    Hashes(u8),
    /// Entries, each with its length before it (u16, big-endian).
    Entries,
}

/// One tile. As text it is the path below a log's prefix, `tile/0/x001/234` or `tile/entries/067.p/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

/// A text is not the path of a tile in its only spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile")]
pub struct TilePathError;

impl TilePath {
    /// The tile `index` of a kind, `width` (1 to 256) wide; below 256 it is a partial tile.
    ///
    /// # Errors
    /// [`TilePathError`] when level, index or width is out of range.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, TilePathError> {
        let level_fits = !matches!(kind, TileKind::Hashes(level) if level > MAX_LEVEL);
        if level_fits && index <= MAX_INDEX && (1..=TILE_WIDTH).contains(&width) {
            Ok(Self { kind, index, width })
        } else {
            Err(TilePathError)
        }
    }

    /// What the tile holds.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// Hashes or entries in it, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Position of its first hash in its level, or of its first entry in the log.
    pub fn first(&self) -> u64 {
        // At most 2^63 - 256.
        self.index * u64::from(TILE_WIDTH)
    }

    /// Whether a tree of `size` leaves has every hash or entry of this tile.
    pub fn is_within(&self, size: u64) -> bool {
        let level = match self.kind {
            TileKind::Hashes(level) => u32::from(level),
            TileKind::Entries => 0,
        };
        let complete = size.checked_shr(8 * level).unwrap_or(0);
        self.first() + u64::from(self.width) <= complete
    }

    /// Positions of its hashes among the log's stored hashes, in order. Meant for a tile that
    /// [is within](Self::is_within) the log; an entry tile's are those of its leaves.
    fn stored(&self) -> impl Iterator<Item = u64> {
        let level = match self.kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        let first = self.first();
        (first..first + u64::from(self.width)).map(move |n| stored_hash_index(8 * level, n))
    }

    /// The tile's hashes, one after the other, read from stored hashes.
    pub(crate) fn hashes(
        &self,
        get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::with_capacity(32 * usize::from(self.width));
        for at in self.stored() {
            match get(&at.to_be_bytes())? {
                Some(hash) if hash.len() == 32 => out.extend(hash),
                _ => return Err(StoreError::damaged(format!("stored hash {at} is missing"))),
            }
        }
        Ok(out)
    }

    /// The tile's entries, each with its length before it, read from the table of entries.
    pub(crate) fn entries(
        &self,
        get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::new();
        for index in self.first()..self.first() + u64::from(self.width) {
            let entry = get(&index.to_be_bytes())?;
            let entry = entry.ok_or_else(|| StoreError::damaged(format!("entry {index} is missing")))?;
            let length = u16::try_from(entry.len())
                .map_err(|_| StoreError::damaged(format!("entry {index} is longer than 65,535 bytes")))?;
            out.extend(length.to_be_bytes());
            out.extend(entry);
        }
        Ok(out)
    }
}

/// The entries of an entry tile, each with its length (u16, big-endian) before it. `None` when the bytes end within one.
pub fn entries_of(mut tile: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = vec![];
    while !tile.is_empty() {
        let (length, rest) = tile.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry.to_vec());
        tile = rest;
    }
    Some(entries)
}

impl FromStr for TilePath {
    type Err = TilePathError;

    /// Reads the form that [`fmt::Display`] writes; any other spelling of the same tile is refused.
    fn from_str(text: &str) -> Result<Self, TilePathError> {
        let rest = text.strip_prefix("tile/").ok_or(TilePathError)?;
        let (kind, rest) = rest.split_once('/').ok_or(TilePathError)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().map_err(|_| TilePathError)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().map_err(|_| TilePathError)?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0u64;
        for element in number.split('/') {
            let digits = element.strip_prefix('x').unwrap_or(element);
            let three: u64 = digits.parse().map_err(|_| TilePathError)?;
            index = index
                .checked_mul(1000)
                .and_then(|n| n.checked_add(three))
                .ok_or(TilePathError)?;
        }
        let parsed = Self::new(kind, index, width)?;
        if parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(TilePathError)
        }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut above = vec![];
        let mut rest = self.index / 1000;
        while rest > 0 {
            above.push(rest % 1000);
            rest /= 1000;
        }
        for element in above.iter().rev() {
            write!(f, "x{element:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        overlay::Overlay,
        state::log,
        table::{MemoryBase, Table},
    };
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use medproof_verifier::inclusion::leaf_hash;
    use proptest::prelude::*;
    use sha2_ct::Sha256;

    fn hashes(level: u8, index: u64, width: u16) -> TilePath {
        TilePath::new(TileKind::Hashes(level), index, width).unwrap()
    }

    #[test]
    fn paths_are_those_of_the_text() {
        for (text, tile) in [
            ("tile/0/x001/x234/067", hashes(0, 1_234_067, 256)),
            ("tile/0/000", hashes(0, 0, 256)),
            ("tile/63/999.p/255", hashes(63, 999, 255)),
            ("tile/2/x001/000.p/1", hashes(2, 1000, 1)),
            (
                "tile/entries/x036/x028/x797/x018/x963/967",
                TilePath::new(TileKind::Entries, MAX_INDEX, 256).unwrap(),
            ),
        ] {
            assert_eq!(tile.to_string(), text);
            assert_eq!(text.parse(), Ok(tile));
        }
    }

    #[test]
    fn one_tile_has_one_path() {
        for text in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile//000",
            "tile/00/000",
            "tile/+0/000",
            "tile/-1/000",
            "tile/64/000",
            "tile/256/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/1000",
            "tile/0/00a",
            "tile/0/x000",
            "tile/0/x000/001",
            "tile/0/001/234",
            "tile/0/xx01/234",
            "tile/0/x01/234",
            "tile/0/x001//234",
            "tile/0/+01",
            "tile/0/\u{0661}23",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/entry/000",
            "tile/Entries/000",
            "tile/0/x036/x028/x797/x018/x963/968",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(text.parse::<TilePath>(), Err(TilePathError), "{text}");
        }
        assert!(TilePath::new(TileKind::Hashes(64), 0, 1).is_err());
        assert!(TilePath::new(TileKind::Entries, MAX_INDEX + 1, 1).is_err());
        assert!(TilePath::new(TileKind::Entries, 0, 0).is_err());
        assert!(TilePath::new(TileKind::Entries, 0, 257).is_err());
    }

    proptest! {
        #[test]
        fn any_tile_comes_back_from_its_path(level in 0..=63u8, index in 0..=MAX_INDEX, width in 1..=256u16) {
            let tile = hashes(level, index, width);
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }

        #[test]
        fn what_is_read_has_one_spelling(text in "tile/(entries|[0-9]{1,2})/(x?[0-9]{2,4}/){0,3}[0-9]{2,4}(\\.p/[0-9]{1,3})?") {
            if let Ok(tile) = text.parse::<TilePath>() {
                prop_assert_eq!(tile.to_string(), text);
            }
        }
    }

    /// The text's own example: a tree of 70,000 leaves has 273 full tiles and one of 112 at level 0, one full
    /// tile and one of 17 at level 1, one of 1 at level 2.
    #[test]
    fn a_tree_has_the_tiles_that_the_text_counts() {
        let size = 70_000;
        for (level, full, partial) in [(0, 273, 112), (1, 1, 17), (2, 0, 1), (3, 0, 0), (63, 0, 0)] {
            for (index, width) in [(full, partial), (full.max(1) - 1, 256 * u16::from(full > 0))] {
                if width > 0 {
                    assert!(
                        hashes(level, index, width).is_within(size),
                        "{level} {index} {width}"
                    );
                }
            }
            assert!(!hashes(level, full, partial + 1).is_within(size), "{level}");
        }
        assert!(hashes(1, 0, 1).is_within(256) && !hashes(1, 0, 1).is_within(255));
        assert!(!hashes(8, 0, 1).is_within(u64::MAX));
    }

    #[test]
    fn tiles_of_every_level_equal_the_subtrees_of_ct_merkle() {
        let size = 65_536 + 256 + 3;
        let entry = |index: u64| index.to_be_bytes().to_vec();
        let mut view = Overlay::new(MemoryBase::default());
        for index in 0..size {
            log::append(&mut view, index, leaf_hash(&entry(index))).unwrap();
        }
        let root = |from: u64, to: u64| {
            let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
            (from..to).for_each(|index| tree.push(entry(index)));
            tree.root().as_bytes().to_vec()
        };
        let tile = |level, index, width| {
            let tile = hashes(level, index, width);
            assert!(tile.is_within(size));
            tile.hashes(|key| view.get(Table::Hash, key)).unwrap()
        };
        let expected: Vec<u8> = (65_536..size).take(256).flat_map(|i| root(i, i + 1)).collect();
        assert_eq!(tile(0, 256, 256), expected);
        assert_eq!(
            tile(0, 257, 3),
            (size - 3..size).flat_map(|i| root(i, i + 1)).collect::<Vec<_>>()
        );
        let expected: Vec<u8> = (0..256).flat_map(|i| root(256 * i, 256 * i + 256)).collect();
        assert_eq!(tile(1, 0, 256), expected);
        assert_eq!(tile(1, 1, 1), root(65_536, 65_792));
        assert_eq!(tile(2, 0, 1), root(0, 65_536));
        // A hash that is not there is damage, not a shorter tile.
        assert!(
            hashes(0, 257, 4)
                .hashes(|key| view.get(Table::Hash, key))
                .is_err()
        );
        assert!(hashes(0, 0, 1).hashes(|_| Ok(Some(vec![1; 31]))).is_err());
    }
}
