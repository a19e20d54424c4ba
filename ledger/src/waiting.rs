//! Entries of a log that wait to be judged again, and what can be found of them beforehand, on all cores.

use crate::{
    refusal::Refusal,
    rules::Rules,
    submission::{BATCH, Submission, is_governance},
};
use medproof_verifier::entry::{Kind, MAX_ENTRY_BYTES};
use rayon::prelude::*;
use std::collections::VecDeque;

/// Most entries of a batch, its seal not counted. A ledger makes batches of 1,024.
const MAX_BATCH: usize = 16_384;
/// Most bytes of a batch, its seal not counted: what a ledger's largest batch has.
const MAX_BATCH_BYTES: usize = 1024 * MAX_ENTRY_BYTES;

/// More entries, or more bytes of them, than a batch can have come before the next seal.
#[derive(Debug)]
pub(crate) struct Unsealed;

/// Entries in the order of the log.
#[derive(Default)]
pub(crate) struct Waiting {
    entries: VecDeque<Vec<u8>>,
    /// What was found of the first of them, as far as the rules in force reach.
    checked: VecDeque<Result<Submission, Refusal>>,
}

/// The second byte is the kind; whatever does not decode is judged with its batch.
pub(crate) fn kind(bytes: &[u8]) -> Option<Kind> {
    bytes.get(1).and_then(|number| Kind::from_number(*number))
}

impl Waiting {
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = Vec<u8>>) {
        self.entries.extend(entries);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&[u8]> {
        self.entries.get(at).map(Vec::as_slice)
    }

    /// Where the first seal stands among them. How much was read beyond it changes nothing: whoever judges a log by
    /// large pieces refuses the batches that others refuse.
    pub(crate) fn first_seal(&self) -> Result<Option<usize>, Unsealed> {
        let mut bytes = 0;
        for (at, entry) in self.entries.iter().enumerate() {
            if kind(entry) == Some(Kind::Seal) {
                return Ok(Some(at));
            }
            bytes += entry.len();
            if at >= MAX_BATCH || bytes > MAX_BATCH_BYTES {
                return Err(Unsealed);
            }
        }
        Ok(None)
    }

    /// The next entry, and what can be found of it beforehand.
    ///
    /// All that wait are checked on all cores, the proofs in batches, up to the first that changes the rules
    /// under which the others are checked: `rules` are those after every entry before them.
    pub(crate) fn next(&mut self, rules: &Rules) -> Option<(Vec<u8>, Result<Submission, Refusal>)> {
        if self.checked.is_empty() {
            let waiting = self.entries.make_contiguous();
            let governs = |bytes: &Vec<u8>| kind(bytes).is_some_and(is_governance);
            let until = waiting
                .iter()
                .position(governs)
                .map_or(waiting.len(), |at| at + 1);
            let checked: Vec<_> = waiting[..until]
                .par_chunks(BATCH)
                .flat_map_iter(|entries| Submission::check_all(entries, rules))
                .collect();
            self.checked = checked.into();
        }
        Some((self.entries.pop_front()?, self.checked.pop_front()?))
    }

    /// Takes the first `count` as they are; what was found of these, and of others under rules that will not be
    /// judged, is forgotten.
    pub(crate) fn take_unjudged(&mut self, count: usize) -> Vec<Vec<u8>> {
        self.checked.clear();
        self.entries.drain(..count.min(self.entries.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn seal() -> Vec<u8> {
        vec![0, Kind::Seal as u8]
    }

    /// What is found where a batch of `entries` comes in pieces of so many, with as much behind it as is read at once.
    fn found(entries: &[Vec<u8>], piece: usize) -> Result<Option<usize>, Unsealed> {
        let mut waiting = Waiting::default();
        let behind: Vec<_> = (0..piece / 2).flat_map(|_| [vec![0, 0], seal()]).collect();
        let all = [entries, &[seal()], &behind].concat();
        for piece in all.chunks(piece) {
            waiting.extend(piece.to_vec());
            if let Some(at) = waiting.first_seal()? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_batch_has_one_limit_however_it_is_read() {
        let small = |count| vec![vec![0]; count];
        // As large as it may be, and one byte larger.
        let (full, mut over) = (
            vec![vec![0; MAX_ENTRY_BYTES]; 1024],
            vec![vec![0; MAX_ENTRY_BYTES]; 1024],
        );
        over.push(vec![0]);
        for piece in [256, 1 << 16] {
            assert_eq!(
                found(&small(MAX_BATCH), piece).unwrap(),
                Some(MAX_BATCH),
                "{piece}"
            );
            assert!(found(&small(MAX_BATCH + 1), piece).is_err(), "{piece}");
            assert_eq!(found(&full, piece).unwrap(), Some(1024), "{piece}");
            assert!(found(&over, piece).is_err(), "{piece}");
        }
        let mut waiting = Waiting::default();
        waiting.extend(small(MAX_BATCH));
        assert!(waiting.first_seal().unwrap().is_none(), "its seal may come");
        waiting.extend(small(1));
        assert!(waiting.first_seal().is_err());
    }
}
