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
/// Most bytes that wait for their seal: what a ledger's largest batch has.
const MAX_BATCH_BYTES: usize = 1024 * MAX_ENTRY_BYTES;

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

    /// Whether more waits than a batch can have: asked when no seal is among them.
    pub(crate) fn is_unsealed(&self) -> bool {
        let bytes = || self.entries.iter().map(Vec::len).sum::<usize>();
        self.len() > MAX_BATCH || bytes() > MAX_BATCH_BYTES
    }

    pub(crate) fn get(&self, at: usize) -> Option<&[u8]> {
        self.entries.get(at).map(Vec::as_slice)
    }

    /// Where the first seal stands among them.
    pub(crate) fn first_seal(&self) -> Option<usize> {
        self.entries
            .iter()
            .position(|bytes| kind(bytes) == Some(Kind::Seal))
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
