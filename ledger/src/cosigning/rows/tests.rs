use super::*;
use crate::testing::{genesis, key_of};
use medproof_verifier::{LogSigner, cosignature::Cosigner};

fn cosigner(n: usize) -> Cosigner {
    Cosigner::new(&format!("witness.example/w{n}"), key_of(&format!("witness {n}"))).unwrap()
}

fn keys<const N: usize>(numbers: [usize; N]) -> Vec<WitnessKey> {
    numbers.map(|n| cosigner(n).witness_key().clone()).to_vec()
}

fn plain(size: u64) -> Vec<u8> {
    let signer = LogSigner::new(&genesis().origin, key_of("log")).unwrap();
    signer.sign(size, &[7; 32]).unwrap()
}

fn set(places: &[usize]) -> Set {
    places
        .iter()
        .fold(Set::default(), |set, place| set.and(Set::of(*place)))
}

/// A row of `size` that these witnesses have cosigned.
fn cosigned(store: &Store, size: u64, by: &[usize]) -> Vec<u8> {
    let mut head = Head::plain(size, plain(size));
    for (place, n) in by.iter().enumerate() {
        head.note.extend(cosigner(*n).cosign(&plain(size), 5).unwrap());
        head.by = head.by.and(Set::of(place));
    }
    keep(store, &head, &[]).unwrap();
    head.note
}

fn open(directory: &tempfile::TempDir) -> Store {
    Store::open(&directory.path().join("db")).unwrap()
}

#[test]
fn a_row_is_held_to_its_checksum_and_its_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let head = Head {
        size: 7,
        note: b"text\n\nlog\none\ntwo\n".to_vec(),
        by: set(&[0, 3]),
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
}

#[test]
fn only_configured_witnesses_count_and_only_where_they_have_signed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let both = cosigned(&store, 4, &[1, 2]);
    cosigned(&store, 6, &[2]);
    // A cosignature of another size, and a name with somebody else's key.
    let mut forged = Head::plain(8, plain(8));
    forged.note.extend(cosigner(1).cosign(&plain(6), 5).unwrap());
    let thief = Cosigner::new("witness.example/w2", key_of("thief")).unwrap();
    forged.note.extend(thief.cosign(&plain(8), 5).unwrap());
    forged.by = set(&[0, 1]);
    keep(&store, &forged, &[]).unwrap();
    let sets = |keys: &[WitnessKey]| load(&store, keys).unwrap().into_values().collect::<Vec<_>>();
    assert_eq!(sets(&keys([1, 2])), [set(&[0, 1]), set(&[1]), set(&[])]);
    assert_eq!(sets(&keys([3, 1])), [set(&[1]), set(&[]), set(&[])]);
    assert_eq!(sets(&keys([3])), [set(&[]), set(&[]), set(&[])]);
    // Taken up again, the lines of those that are configured no more are left out, and one more is added.
    let mut head = taken_up(&store, (4, &plain(4)), &keys([3, 2])).unwrap();
    assert_eq!(head.by, set(&[1]));
    let line = cosigner(3).cosign(&plain(4), 6).unwrap();
    assert!(head.gather(&[&plain(4)[..], &line].concat(), &keys([3, 2])));
    assert!(!head.gather(&both, &keys([3, 2])));
    keep(&store, &head, &[]).unwrap();
    let names = |n: usize| {
        lines_of(
            &note(&store, 4).unwrap().unwrap(),
            &format!("witness.example/w{n}"),
        )
    };
    assert_eq!([1, 2, 3].map(|n| names(n).is_empty()), [true, false, false]);
    // Of another size's note nothing is taken.
    assert!(!Head::plain(6, plain(6)).gather(&both, &keys([1, 2])));
}

#[test]
fn rows_are_bounded_and_the_newest_of_each_witness_and_number_stays() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let newest = KEPT as u64;
    // From the oldest: three together, a pair, the last one of witness 1, then witness 2 alone for a long time.
    for (size, by) in [
        (1, &[1, 2, 3][..]),
        (2, &[1, 2, 3]),
        (3, &[2, 3]),
        (4, &[1]),
        (5, &[2]),
    ] {
        cosigned(&store, size, by);
    }
    // Those that are kept for their age alone need no signature to be counted.
    for size in 6..6 + newest {
        keep(&store, &Head::plain(size, plain(size)), &[]).unwrap();
    }
    let three = keys([1, 2, 3]);
    let kept = load(&store, &three).unwrap();
    let old: Vec<u64> = kept.keys().copied().filter(|size| *size < 6).collect();
    // 5: newest of witness 2; 4: of witness 1; 3: of witness 3, and the first two together; 2: the first three.
    assert_eq!(old, [2, 3, 4, 5]);
    assert_eq!(kept.len(), KEPT + 4);
    assert!(note(&store, 1).unwrap().is_none() && note(&store, 2).unwrap().is_some());
    assert_eq!(load(&store, &three).unwrap(), kept);
    assert!(surplus(&kept).is_empty());
    // Whoever is configured no more holds nothing back.
    let kept = load(&store, &keys([2])).unwrap();
    assert_eq!(kept.keys().copied().find(|size| *size < 6), Some(5));
    assert_eq!(kept.len(), KEPT + 1);
    // While it runs, each new row drops what it makes superfluous with the same write.
    let mut kept = kept;
    let mut head = Head::plain(6 + newest, plain(6 + newest));
    head.by = set(&[0]);
    kept.insert(head.size, head.by);
    let gone = surplus(&kept);
    assert_eq!(gone, [6, 5]);
    keep(&store, &head, &gone).unwrap();
    assert_eq!(store.rows(Table::Cosigned, &[]).unwrap().count(), KEPT);
}
