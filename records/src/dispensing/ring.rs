//! The complete recent history of an account: 32 entries whose order means nothing.

use super::RingEntry;
use ark_bn254::Fr;
use medproof_verifier::{Day, Tag, tagged};
use zeroize::Zeroize;

/// Slots of a ring.
pub const RING_SLOTS: usize = 32;
/// Slots that are hashed together.
pub const RING_GROUP: usize = 8;

/// No slot is empty or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ring holds 32 dispensings that still count; it has no room for another until one expires")]
pub struct RingFull;

/// 32 entries. Wiped on drop; neither `Clone` nor `Debug`.
#[derive(PartialEq, Eq)]
pub struct Ring {
    /// The slots.
    pub entries: [RingEntry; RING_SLOTS],
}

impl Ring {
    /// A ring of empty slots.
    pub fn empty() -> Self {
        Self {
            entries: [RingEntry::EMPTY; RING_SLOTS],
        }
    }

    /// A ring of these entries.
    ///
    /// # Errors
    /// [`RingFull`] when there are more than 32.
    pub fn from_entries(entries: &[RingEntry]) -> Result<Self, RingFull> {
        let mut ring = Self::empty();
        let slots = ring.entries.get_mut(..entries.len()).ok_or(RingFull)?;
        slots.copy_from_slice(entries);
        Ok(ring)
    }

    /// The packed entries, slot by slot.
    pub fn words(&self) -> [Fr; RING_SLOTS] {
        self.entries.map(|e| e.to_fr())
    }

    /// Reads packed entries; `None` when one is not below 2^136.
    pub fn from_words(words: &[Fr; RING_SLOTS]) -> Option<Self> {
        let mut ring = Self::empty();
        for (slot, word) in ring.entries.iter_mut().zip(words) {
            *slot = RingEntry::from_fr(word)?;
        }
        Some(ring)
    }

    /// The ring digest: `H(RINGTOP; four H(RING; eight entries), 0)`.
    pub fn digest(&self) -> Fr {
        let mut top = [Fr::from(0u64); 5];
        for (digest, group) in top.iter_mut().zip(self.entries.chunks_exact(RING_GROUP)) {
            let mut words = [Fr::from(0u64); RING_GROUP];
            for (word, entry) in words.iter_mut().zip(group) {
                *word = entry.to_fr();
            }
            *digest = tagged(Tag::Ring, words);
        }
        tagged(Tag::RingTop, top)
    }

    /// A slot that may be overwritten on `date`: the first that is empty, else the first that is expired.
    ///
    /// # Errors
    /// [`RingFull`].
    pub fn free_slot(&self, date: Day) -> Result<usize, RingFull> {
        let find = |free: &dyn Fn(&RingEntry) -> bool| self.entries.iter().position(free);
        find(&RingEntry::is_empty)
            .or_else(|| find(&|e| e.is_expired(date)))
            .ok_or(RingFull)
    }

    /// The ring with `entry` in `slot`; a slot of 32 or more changes nothing.
    pub fn with(&self, slot: usize, entry: RingEntry) -> Self {
        let mut ring = self.duplicate();
        if let Some(place) = ring.entries.get_mut(slot) {
            *place = entry;
        }
        ring
    }

    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        Self {
            entries: self.entries,
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.entries.iter_mut().for_each(Zeroize::zeroize);
    }
}
