//! Checkpoints with their cosignatures in the store, of which a bounded number is kept.

use super::shown::{Head, Set, lines_of};
use crate::{
    store::Store,
    table::{Base, Change, StoreError, Table},
};
use medproof_verifier::cosignature::WitnessKey;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of a row's checksum.
const SUM: usize = 8;
/// Newest rows, which are kept whoever has cosigned them. An older one is kept while it is the newest of a witness, or
/// the newest with that many cosignatures.
const KEPT: usize = 1024;
/// Rows that are dropped in one write.
const CHUNK: usize = 1024;

/// First bytes of the SHA-256 of a row's key, number of cosignatures and note: whose cosignatures they are, only
/// those who know the witnesses can check.
fn sum(key: &[u8], count: u8, note: &[u8]) -> [u8; SUM] {
    let digest = Sha256::new()
        .chain_update(key)
        .chain_update([count])
        .chain_update(note);
    let mut sum = [0; SUM];
    sum.copy_from_slice(&digest.finalize()[..SUM]);
    sum
}

/// Key and value of a row of `cosigned`: tree size; number of cosignatures, checksum, note.
fn row(head: &Head) -> (Vec<u8>, Vec<u8>) {
    let key = head.size.to_be_bytes().to_vec();
    // At most 32 witnesses.
    let count = head.by.len() as u8;
    let mut value = vec![count];
    value.extend(sum(&key, count, &head.note));
    value.extend(&head.note);
    (key, value)
}

/// Tree size, number of cosignatures and note of a row; an error says what is wrong with it.
fn read_row<'a>(key: &[u8], value: &'a [u8]) -> Result<(u64, usize, &'a [u8]), StoreError> {
    let size = crate::table::number(Table::Cosigned, key)?;
    let parts = value.split_first();
    let parts = parts.and_then(|(count, rest)| Some((*count, rest.split_first_chunk::<SUM>()?)));
    match parts {
        Some((count, (found, note))) if *found == sum(key, count, note) => Ok((size, count.into(), note)),
        _ => Err(StoreError::damaged(format!(
            "the cosigned checkpoint of size {size} has another checksum"
        ))),
    }
}

/// Checks a row against the checkpoint of its size: the same note, then as many lines as it counts.
pub(crate) fn check_row(store: &Store, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let (size, count, note) = read_row(key, value)?;
    // The last checkpoint's row may be gone after a crash, and is signed again.
    let Some(plain) = store.get(Table::Checkpoint, key)? else {
        return Ok(());
    };
    let lines = note
        .strip_prefix(&plain[..])
        .map(|lines| lines.iter().filter(|b| **b == b'\n').count());
    if lines == Some(count) {
        return Ok(());
    }
    Err(StoreError::damaged(format!(
        "the cosigned checkpoint of size {size} is not the log's with {count} cosignatures"
    )))
}

/// Which rows are kept, going from the newest to the oldest.
#[derive(Default)]
struct Passed {
    rows: usize,
    /// Witnesses of newer rows.
    by: Set,
    /// Most cosignatures of a newer row.
    most: usize,
}

impl Passed {
    fn keeps(&self, by: Set) -> bool {
        self.rows < KEPT || !self.by.contains(by) || by.len() > self.most
    }

    /// Goes past a row, and says whether it is kept.
    fn pass(&mut self, by: Set) -> bool {
        let keeps = self.keeps(by);
        self.rows += 1;
        self.by = self.by.and(by);
        self.most = self.most.max(by.len());
        keeps
    }
}

/// Those that are kept no more.
pub(super) fn surplus(kept: &BTreeMap<u64, Set>) -> Vec<u64> {
    let mut passed = Passed::default();
    let surplus = kept.iter().rev().filter(|(_, by)| !passed.pass(**by));
    surplus.map(|(size, _)| *size).collect()
}

fn drop_row(size: u64) -> Change {
    ((Table::Cosigned, size.to_be_bytes().to_vec()), None)
}

/// Keeps a cosigned checkpoint, and drops others with the same write.
pub(super) fn keep(store: &Store, head: &Head, surplus: &[u64]) -> Result<(), StoreError> {
    let (key, value) = row(head);
    let mut changes = vec![((Table::Cosigned, key), Some(value))];
    changes.extend(surplus.iter().map(|size| drop_row(*size)));
    // Not synced, so it does not wait for the disk: a lost row is cosigned again.
    store.write(changes, false)
}

/// Who has cosigned the checkpoint of a row, of the witnesses that are configured.
fn signed_by(size: u64, note: &[u8], keys: &[WitnessKey]) -> Set {
    let end = note.windows(2).position(|pair| pair == b"\n\n");
    let text = &note[..end.map_or(0, |end| end + 2)];
    // A note needs some signature; the log's own is as good as any.
    let Some(log) = note[text.len()..].split_inclusive(|b| *b == b'\n').next() else {
        return Set::default();
    };
    let mut head = Head::plain(size, [text, log].concat());
    head.gather(note, keys);
    head.by
}

/// What is kept, and who of the configured witnesses has cosigned it; drops what is kept no more, for example after
/// witnesses were changed.
pub(super) fn load(store: &Store, keys: &[WitnessKey]) -> Result<BTreeMap<u64, Set>, StoreError> {
    let (mut kept, mut passed, mut surplus) = (BTreeMap::new(), Passed::default(), vec![]);
    for row in store.rows_back(Table::Cosigned)? {
        let (key, value) = row?;
        let (size, _, note) = read_row(&key, &value)?;
        let names = keys.iter().enumerate();
        let named = names.filter(|(_, key)| !lines_of(note, key.name()).is_empty());
        let named = named.fold(Set::default(), |set, (place, _)| set.and(Set::of(place)));
        // Signatures are checked where the names would have the row kept.
        let by = match passed.keeps(named) {
            true => signed_by(size, note, keys),
            false => Set::default(),
        };
        match passed.pass(by) {
            true => drop(kept.insert(size, by)),
            false => surplus.push(drop_row(size)),
        }
        if surplus.len() >= CHUNK {
            store.write(std::mem::take(&mut surplus), false)?;
        }
    }
    store.write(surplus, false)?;
    Ok(kept)
}

/// The checkpoint of this size with all cosignatures that its row has, if there is one.
pub(crate) fn note(store: &Store, size: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let key = size.to_be_bytes();
    let row = store.get(Table::Cosigned, &key)?;
    row.map(|row| Ok(read_row(&key, &row)?.2.to_vec())).transpose()
}

/// A checkpoint with the cosignatures of configured witnesses that its row has. `plain`: the checkpoint itself.
pub(super) fn taken_up(
    store: &Store,
    (size, plain): (u64, &[u8]),
    keys: &[WitnessKey],
) -> Result<Head, StoreError> {
    let mut head = Head::plain(size, plain.to_vec());
    if let Some(note) = note(store, size)? {
        head.gather(&note, keys);
    }
    Ok(head)
}

#[cfg(test)]
mod tests;
