//! What witnesses have cosigned so far, and what of it is shown.

use crate::sequencer::Published;
use medproof_verifier::cosignature::{WitnessKey, attach};
use std::collections::BTreeMap;

/// Witnesses, by their places in the list of those that are configured (at most 32).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Set(u32);

impl Set {
    /// The witness in this place alone.
    pub(crate) fn of(place: usize) -> Self {
        Self(1 << place)
    }

    pub(super) fn has(self, place: usize) -> bool {
        self.contains(Self::of(place))
    }

    /// How many they are.
    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The lines of a note's signatures that bear a name, whoever has made them.
pub(crate) fn lines_of(note: &[u8], name: &str) -> Vec<u8> {
    let begins = format!("\u{2014} {name} ").into_bytes();
    // A checkpoint's text has no empty line.
    let end = note.windows(2).position(|pair| pair == b"\n\n");
    let lines = end.and_then(|end| note.get(end + 2..)).unwrap_or_default();
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| line.starts_with(&begins))
        .flatten()
        .copied()
        .collect()
}

/// A checkpoint with cosignatures of configured witnesses, and of no others.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) note: Vec<u8>,
    /// Who has cosigned it.
    pub(super) by: Set,
}

impl Head {
    /// A checkpoint that nobody has cosigned.
    pub(super) fn plain(size: u64, note: Vec<u8>) -> Self {
        let by = Set::default();
        Self { size, note, by }
    }

    /// Adds the cosignatures that a note has for exactly this checkpoint; says whether there were any. Lines of others
    /// are left out. One that bears a configured name and does not hold is reported, and harms nothing else.
    pub(super) fn gather(&mut self, note: &[u8], keys: &[WitnessKey]) -> bool {
        let before = self.by;
        for (place, key) in keys.iter().enumerate().filter(|(place, _)| !before.has(*place)) {
            let lines = lines_of(note, key.name());
            if lines.is_empty() {
                continue;
            }
            match attach(&self.note, &lines, key) {
                Ok((note, _)) => {
                    self.note = note;
                    self.by = self.by.and(Set::of(place));
                }
                Err(error) => {
                    let (size, witness) = (self.size, key.name());
                    tracing::warn!(%error, size, witness, "a cosignature is left out");
                }
            }
        }
        self.by != before
    }
}

/// What witnesses have cosigned so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cosigned {
    /// The newest checkpoint that any witness has cosigned.
    latest: Option<Head>,
    /// The newest one that is shown because of who has cosigned it.
    quorate: Option<Head>,
    /// Sizes of the checkpoints that are kept, and who has cosigned them.
    pub(super) kept: BTreeMap<u64, Set>,
    /// Name of each witness and the size that it cosigned last.
    pub(crate) witnesses: Vec<(String, u64)>,
    /// Keys of the witnesses, as text.
    pub(crate) keys: Vec<String>,
    /// How many of them make a quorum.
    pub(crate) quorum: usize,
    /// Without these there is none.
    required: Set,
}

impl Cosigned {
    /// `kept`: what an earlier run has left.
    pub(super) fn new(
        keys: &[WitnessKey],
        (quorum, required): (usize, Set),
        kept: BTreeMap<u64, Set>,
    ) -> Self {
        let newest = |place| {
            let mut sizes = kept.iter().rev().filter(|(_, by)| by.has(place));
            sizes.next().map_or(0, |(size, _)| *size)
        };
        let names = keys.iter().enumerate();
        Self {
            latest: None,
            quorate: None,
            witnesses: names.map(|(i, key)| (key.name().to_owned(), newest(i))).collect(),
            keys: keys.iter().map(ToString::to_string).collect(),
            quorum,
            required,
            kept,
        }
    }

    fn is_quorate(&self, by: Set) -> bool {
        self.quorum > 0 && by.len() >= self.quorum && by.contains(self.required)
    }

    /// The size of the newest checkpoint that a quorum has cosigned.
    pub(super) fn newest_quorate(&self) -> Option<u64> {
        let mut sizes = self.kept.iter().rev().filter(|(_, by)| self.is_quorate(**by));
        sizes.next().map(|(size, _)| *size)
    }

    /// The witnesses with these keys; all of them where none is given.
    pub(crate) fn among(&self, keys: &[String]) -> Set {
        let places = self.keys.iter().enumerate();
        let named = places.filter(|(_, key)| keys.is_empty() || keys.contains(key));
        named.fold(Set::default(), |set, (place, _)| set.and(Set::of(place)))
    }

    /// The size of the first checkpoint that is kept, covers leaf `index` and has at least `count` cosignatures of the
    /// witnesses `among`.
    pub(crate) fn first(&self, index: u64, (count, among): (usize, Set)) -> Option<u64> {
        let mut sizes = self.kept.range(index.saturating_add(1)..);
        let found = sizes.find(|(_, by)| by.within(among).len() >= count);
        found.map(|(size, _)| *size)
    }

    /// The checkpoint to show: the newest that a quorum has cosigned, with what other cosignatures it has. Before
    /// there is one, the newest of all.
    pub(crate) fn shown(&self, published: &Published) -> Vec<u8> {
        let newest = self.latest.as_ref().filter(|l| l.size == published.head.size);
        match self.quorate.as_ref().or(newest) {
            Some(head) => head.note.clone(),
            None => published.checkpoint.clone(),
        }
    }

    /// Shows a checkpoint, unless a newer one is shown.
    pub(super) fn add(&mut self, head: Head) {
        for (place, (_, size)) in self.witnesses.iter_mut().enumerate() {
            if head.by.has(place) {
                *size = head.size.max(*size);
            }
        }
        let newer = |shown: &Option<Head>| shown.as_ref().is_none_or(|shown| shown.size <= head.size);
        if self.is_quorate(head.by) && newer(&self.quorate) {
            self.quorate = Some(head.clone());
        }
        if newer(&self.latest) {
            self.latest = Some(head);
        }
    }
}
