use super::*;

/// On which side of a write the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Nothing is on disk.
    Before,
    /// The record is on disk, and nobody is told.
    After,
}

/// The write that fails, counted from the next one on.
#[derive(Default)]
pub(crate) struct Fault(pub(crate) Option<(u32, Side)>);

impl Fault {
    pub(super) fn before(&mut self) -> io::Result<()> {
        match self.0 {
            Some((0, Side::Before)) => Err(io::Error::other("the disk failed before the write")),
            _ => Ok(()),
        }
    }

    pub(super) fn after(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Some((0, _)) => Err(io::Error::other("the disk failed after the write")),
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn records() -> Vec<Record> {
    vec![
        Record::Intent {
            challenge: [1; 32],
            entry: vec![7; 100],
        },
        Record::Accepted(Accepted {
            challenge: [1; 32],
            time: 5,
            sealed: 6,
            commitment_index: Some(0),
            receipt: vec![8; 50],
        }),
        Record::Refused { challenge: [2; 32] },
        Record::Bound {
            challenge: [3; 32],
            time: 9,
            key: [4; 32],
            subject: [5; 32],
            person: Some([6; 32]),
        },
        // As version 1 wrote it.
        Record::Bound {
            challenge: [3; 32],
            time: 9,
            key: [4; 32],
            subject: [5; 32],
            person: None,
        },
        Record::Voided {
            challenge: [1; 32],
            sealed: 3,
            commitment_index: None,
            entry: vec![],
            receipt: vec![1],
        },
        Record::Voiding {
            challenge: [1; 32],
            entry: vec![9; 60],
        },
        Record::VoidRefused { challenge: [1; 32] },
    ]
}

#[test]
fn records_survive_a_restart_and_a_cut_tail() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/journal");
    let (mut journal, read) = Journal::open(&path).unwrap();
    assert!(read.is_empty());
    assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
    for record in records() {
        journal.append(&record).unwrap();
    }
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    let (_, read) = Journal::open(&path).unwrap();
    assert_eq!(read, records());

    // Every cut leaves the whole records before it, and the journal can be written on.
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut journal, read) = Journal::open(&path).unwrap();
        assert!(records().starts_with(&read), "{cut}");
        journal.append(&records()[2]).unwrap();
        drop(journal);
        let (_, again) = Journal::open(&path).unwrap();
        assert_eq!(again.len(), read.len() + 1, "{cut}");
    }
}

#[test]
fn a_tail_of_zeros_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    for length in 0..=MAGIC.len() {
        std::fs::write(&path, vec![0; length]).unwrap();
        let (mut journal, read) = Journal::open(&path).unwrap();
        assert!(read.is_empty());
        for record in records() {
            journal.append(&record).unwrap();
        }
    }
    let whole = std::fs::read(&path).unwrap();
    for length in [1, 3, 4, 5, 4_096] {
        let tail = vec![0; length];
        std::fs::write(&path, [&whole[..], &tail].concat()).unwrap();
        let (mut journal, read) = Journal::open(&path).unwrap();
        assert_eq!(read, records());
        journal.append(&records()[2]).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().1.len(), read.len() + 1);
    }
    // Zeros that something follows are damage.
    let bad = [&whole[..], &[0; 100], &[1]].concat();
    std::fs::write(&path, bad).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { .. })));
}

#[test]
fn journals_of_earlier_versions_become_version_3() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    for (magic, kinds) in [(EARLIER[0], 1..=5), (EARLIER[1], 1..=6)] {
        let old: Vec<Record> = records()
            .into_iter()
            .filter(|record| kinds.contains(&record.kind()))
            .collect();
        let bytes = old.iter().flat_map(Record::to_bytes);
        let bytes: Vec<u8> = magic.iter().copied().chain(bytes).collect();
        std::fs::write(&path, &bytes).unwrap();
        let (mut journal, read) = Journal::open(&path).unwrap();
        assert_eq!(read, old);
        for record in records() {
            journal.append(&record).unwrap();
        }
        drop(journal);
        let now = std::fs::read(&path).unwrap();
        assert!(now.starts_with(MAGIC));
        assert!(now.starts_with(&kept(&bytes).unwrap()));
        assert_eq!(Journal::open(&path).unwrap().1.len(), old.len() + records().len());
    }
    // No other version is taken.
    std::fs::write(&path, b"mpgj\0\0\0\x04").unwrap();
    assert!(matches!(
        Journal::open(&path),
        Err(JournalError::Newer { version: 4, .. })
    ));
    std::fs::write(&path, b"mpgj\0\0\0\0").unwrap();
    assert!(matches!(
        Journal::open(&path),
        Err(JournalError::Damaged { at: 0, .. })
    ));
}

#[cfg(unix)]
#[test]
fn only_its_user_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    Journal::open(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn damage_before_the_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let (mut journal, _) = Journal::open(&path).unwrap();
    for record in records() {
        journal.append(&record).unwrap();
    }
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    for at in [0, 12, 40, 60] {
        let mut bad = whole.clone();
        bad[at] ^= 4;
        std::fs::write(&path, &bad).unwrap();
        assert!(
            matches!(Journal::open(&path), Err(JournalError::Damaged { .. })),
            "{at}"
        );
    }
}
