//! Checkpoints with their cosignatures in the store.

use super::Head;
use crate::{
    store::Store,
    table::{Base, StoreError, Table},
};
use sha2::{Digest, Sha256};

/// Bytes of a row's checksum.
const SUM: usize = 8;

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
    let count = head.count as u8;
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

/// Stores a checkpoint with its cosignatures, unless one with more is there: after a restart the witnesses are asked
/// anew, and not all of them may answer.
pub(super) fn keep(store: &Store, head: &Head) -> Result<(), StoreError> {
    let (key, value) = row(head);
    if let Some(before) = store.get(Table::Cosigned, &key)?
        && read_row(&key, &before)?.1 > head.count
    {
        return Ok(());
    }
    // Not synced, so it does not wait for the disk: a lost row is cosigned again.
    store.write(vec![((Table::Cosigned, key), Some(value))], false)
}

/// The newest checkpoint with at least `count` cosignatures, among the last 1,024 that have any.
pub(super) fn newest(store: &Store, count: usize) -> Result<Option<Head>, StoreError> {
    for row in store.rows_back(Table::Cosigned)?.take(1024) {
        let (key, value) = row?;
        let (size, cosignatures, note) = read_row(&key, &value)?;
        if cosignatures >= count {
            return Ok(Some(Head {
                size,
                note: note.to_vec(),
                count: cosignatures,
            }));
        }
    }
    Ok(None)
}

/// The first checkpoint from tree size `from` on with at least `count` cosignatures, among the first 1,024 that
/// have any.
pub(crate) fn find(store: &Store, from: u64, count: usize) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let mut key = from;
    for _ in 0..1024 {
        let Some((found, value)) = store.first(Table::Cosigned, &key.to_be_bytes())? else {
            return Ok(None);
        };
        let (size, cosignatures, note) = read_row(&found, &value)?;
        if cosignatures >= count {
            return Ok(Some((size, note.to_vec())));
        }
        key = size + 1;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_held_to_its_checksum_and_its_checkpoint() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("db")).unwrap();
        let head = Head {
            size: 7,
            note: b"text\n\nlog\none\ntwo\n".to_vec(),
            count: 2,
        };
        let (key, value) = row(&head);
        assert_eq!(read_row(&key, &value).unwrap(), (7, 2, &head.note[..]));
        for at in 0..value.len() {
            let mut other = value.clone();
            other[at] ^= 1;
            assert!(check_row(&store, &key, &other).is_err(), "{at}");
            assert!(check_row(&store, &key, &value[..at]).is_err(), "{at}");
        }
        assert!(check_row(&store, &8u64.to_be_bytes(), &value).is_err());
        assert!(check_row(&store, &key[1..], &value).is_err());
        // Without its checkpoint nothing more can be said of it; with it, the note and the number must fit.
        assert!(check_row(&store, &key, &value).is_ok());
        for (plain, holds) in [
            ("text\n\nlog\n", true),
            ("text\n\nlog\none\n", false),
            ("other\n", false),
        ] {
            let change = ((Table::Checkpoint, key.clone()), Some(plain.as_bytes().to_vec()));
            store.write(vec![change], false).unwrap();
            assert_eq!(check_row(&store, &key, &value).is_ok(), holds, "{plain:?}");
        }
        store
            .write(vec![((Table::Cosigned, key), Some(value))], false)
            .unwrap();
        // Fewer do not take the place of more, more do that of fewer.
        let with = |count, note: &[u8]| Head {
            size: 7,
            note: note.to_vec(),
            count,
        };
        keep(&store, &with(1, b"fewer")).unwrap();
        assert_eq!(find(&store, 0, 1).unwrap(), Some((7, head.note.clone())));
        keep(&store, &with(3, b"more")).unwrap();
        assert_eq!(find(&store, 0, 3).unwrap(), Some((7, b"more".to_vec())));
        keep(&store, &head).unwrap();
        let later = Head {
            size: 9,
            ..with(1, b"later")
        };
        keep(&store, &later).unwrap();
        for (count, size) in [(1, Some(9)), (2, Some(7)), (3, Some(7)), (4, None)] {
            assert_eq!(
                newest(&store, count).unwrap().map(|head| head.size),
                size,
                "{count}"
            );
        }
        for (from, count, found) in [
            (0, 2, true),
            (7, 1, true),
            (8, 2, false),
            (10, 1, false),
            (0, 4, false),
        ] {
            let answer = find(&store, from, count).unwrap();
            assert_eq!(answer.is_some(), found, "{from} {count}");
        }
    }
}
