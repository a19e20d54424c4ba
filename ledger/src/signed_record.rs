//! The size and root of every checkpoint about to be signed, in a small file beside the database. It is
//! what keeps an old backup, restored in place, from signing a second history.

use sha2::{Digest, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Bytes of a record: size (8), root (32), first 8 bytes of their SHA-256.
const RECORD: usize = 48;
/// The file is cut down to its last record beyond this many bytes.
const COMPACT_AT: u64 = 64 << 10;

/// A tree head that may have been signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedHead {
    /// Entries in the tree.
    pub(crate) size: u64,
    /// Its root.
    pub(crate) root: [u8; 32],
}

/// The file.
#[derive(Debug)]
pub(crate) struct SignedRecord {
    path: PathBuf,
    file: File,
    length: u64,
    last: Option<SignedHead>,
}

fn encode(head: &SignedHead) -> [u8; RECORD] {
    let mut out = [0; RECORD];
    out[..8].copy_from_slice(&head.size.to_be_bytes());
    out[8..40].copy_from_slice(&head.root);
    let sum = Sha256::digest(&out[..40]);
    out[40..].copy_from_slice(&sum[..8]);
    out
}

fn decode(record: &[u8; RECORD]) -> Option<SignedHead> {
    let (size, rest) = record.split_first_chunk::<8>()?;
    let (root, _) = rest.split_first_chunk::<32>()?;
    let head = SignedHead {
        size: u64::from_be_bytes(*size),
        root: *root,
    };
    (encode(&head) == *record).then_some(head)
}

fn damaged(number: usize, of: usize) -> io::Error {
    let what = format!(
        "record {} of {of} is damaged and may be that of a checkpoint that was signed, so nothing is signed after it: \
         see \"A damaged record of signed checkpoints\" in docs/operations.md",
        number + 1
    );
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// What a file of signed heads holds, for whoever only looks.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The whole records, oldest first.
    pub(crate) heads: Vec<SignedHead>,
    /// Numbers of records whose checksum does not hold.
    pub(crate) damaged: Vec<usize>,
    /// Bytes after the last whole record.
    pub(crate) torn: usize,
}

/// Reads the file and leaves it as it is.
pub(crate) fn read(path: &Path) -> io::Result<Records> {
    let bytes = std::fs::read(path)?;
    let (records, rest) = bytes.as_chunks::<RECORD>();
    let mut found = Records {
        torn: rest.len(),
        ..Records::default()
    };
    for (number, record) in records.iter().enumerate() {
        match decode(record) {
            Some(head) => found.heads.push(head),
            None => found.damaged.push(number),
        }
    }
    Ok(found)
}

/// Makes a file with one record; it must not exist.
pub(crate) fn create(path: &Path, head: &SignedHead) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&encode(head))?;
    file.sync_all()?;
    sync_directory(path)
}

impl SignedRecord {
    /// Opens the file, or makes an empty one. Bytes after the last whole record are what a crash left of a
    /// record that was never followed by a signature, and are dropped. A whole record whose checksum does not
    /// hold is an error, the last one too: nothing tells damage to a head that was signed from a write that
    /// was cut off, and dropping it could let an older store sign a second history.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        sync_directory(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let records = bytes.as_chunks::<RECORD>().0;
        let mut last = None;
        for (number, record) in records.iter().enumerate() {
            last = Some(decode(record).ok_or_else(|| damaged(number, records.len()))?);
        }
        let length = (records.len() * RECORD) as u64;
        file.set_len(length)?;
        // The last record may be of a run that was killed before its sync; it is not written again.
        file.sync_all()?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            last,
        })
    }

    pub(crate) fn last(&self) -> Option<SignedHead> {
        self.last
    }

    /// Makes a head durable. Must return before the head is signed.
    pub(crate) fn append(&mut self, head: SignedHead) -> io::Result<()> {
        if self.last == Some(head) {
            return Ok(());
        }
        if self.length >= COMPACT_AT {
            return self.replace(head);
        }
        self.file.write_all(&encode(&head))?;
        self.file.sync_data()?;
        self.length += RECORD as u64;
        self.last = Some(head);
        Ok(())
    }

    /// Writes a new file with one record and puts it in the old one's place.
    fn replace(&mut self, head: SignedHead) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)?;
        file.write_all(&encode(&head))?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        sync_directory(&self.path)?;
        self.file = file;
        self.length = RECORD as u64;
        self.last = Some(head);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> SignedHead {
        SignedHead {
            size,
            root: [size as u8; 32],
        }
    }

    #[test]
    fn the_last_whole_record_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signed-checkpoints");
        let mut record = SignedRecord::open(&path).unwrap();
        assert_eq!(record.last(), None);
        for size in 1..=3 {
            record.append(head(size)).unwrap();
        }
        assert_eq!(SignedRecord::open(&path).unwrap().last(), Some(head(3)));
        let whole = std::fs::read(&path).unwrap();
        for cut in 2 * RECORD..3 * RECORD {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(SignedRecord::open(&path).unwrap().last(), Some(head(2)), "{cut}");
        }
        let mut record = SignedRecord::open(&path).unwrap();
        record.append(head(4)).unwrap();
        assert_eq!(SignedRecord::open(&path).unwrap().last(), Some(head(4)));
    }

    #[test]
    fn a_whole_record_that_is_damaged_is_never_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signed-checkpoints");
        let whole: Vec<u8> = (1..=3).flat_map(|size| encode(&head(size))).collect();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            // With and without the beginning of another record after it.
            for more in [0, 1, RECORD - 1] {
                let longer: Vec<u8> = bytes.iter().chain(&whole[..more]).copied().collect();
                std::fs::write(&path, &longer).unwrap();
                let error = SignedRecord::open(&path).unwrap_err().to_string();
                let named = format!("record {} of 3 is damaged", at / RECORD + 1);
                assert!(error.contains(&named), "{error}");
                assert_eq!(std::fs::read(&path).unwrap(), longer, "the file stays as it is");
            }
        }
        // What a file system may leave of a record that was never synced: its length without its bytes.
        let zeros = [&whole[..], &[0; RECORD]].concat();
        std::fs::write(&path, zeros).unwrap();
        assert!(SignedRecord::open(&path).is_err());
    }

    #[test]
    fn a_long_file_is_cut_down_to_its_last_record() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signed-checkpoints");
        let whole: Vec<u8> = (1..=COMPACT_AT / RECORD as u64 + 1)
            .flat_map(|s| encode(&head(s)))
            .collect();
        std::fs::write(&path, &whole).unwrap();
        let mut record = SignedRecord::open(&path).unwrap();
        record.append(head(9999)).unwrap();
        record.append(head(10_000)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 * RECORD as u64);
        assert_eq!(SignedRecord::open(&path).unwrap().last(), Some(head(10_000)));
    }
}
