//! The journal of what was posted and handed over: small, append-only, synced before any answer.
//!
//! It holds challenges, posted entries and receipts, all of which are public, and for a bind the pseudonym and
//! the salted digest of its person. No record and no opening is ever written. The layout is in `docs/format.md`, section 15.

use medproof_verifier::entry::DecodeError;
use sha2::{Digest, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Version 3: a void is recorded before it is sent.
const MAGIC: &[u8; 8] = b"mpgj\0\0\0\x03";
/// Earlier versions have the same records without some kinds; such journals become version 3 when they are opened.
const EARLIER: [&[u8; 8]; 2] = [b"mpgj\0\0\0\x01", b"mpgj\0\0\0\x02"];
/// Length, kind, checksum.
const OVERHEAD: usize = 4 + 1 + CHECKSUM;
const CHECKSUM: usize = 8;
/// Longest record: an entry of 65,535 bytes and a receipt of about 35,000 with their lengths.
const MAX_RECORD: usize = 200_000;

/// A journal that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("could not {action} the journal `{path}`: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another gateway uses it.
    #[error("the journal `{path}` is in use by another gateway; give each its own", path = .0.display())]
    InUse(PathBuf),
    /// Not a journal, or damaged before its last record.
    #[error("the journal `{path}` is damaged at byte {at}; restore it before starting, what was handed over is only known here", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: usize,
    },
    /// Of a version that is not known here.
    #[error(
        "the journal `{path}` is of version {version}, and this gateway knows up to {known}: start the program that wrote it",
        path = path.display(), known = MAGIC[7]
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u8,
    },
    /// A record's entry or receipt does not decode.
    #[error("the journal holds a record that does not decode: {0}")]
    Record(#[from] DecodeError),
    /// A receipt without the post it is for.
    #[error("the journal's records do not follow one another")]
    Order,
    /// An earlier write failed; nothing more is written.
    #[error("an earlier write to the journal failed; restart the gateway")]
    Failed,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// An entry is about to be posted.
    Intent { challenge: [u8; 32], entry: Vec<u8> },
    /// The ledger has it: what was asked for may be handed over, once.
    Accepted(Accepted),
    /// The ledger refused the entry of the last intent.
    Refused { challenge: [u8; 32] },
    /// A bind was accepted; nothing is posted.
    Bound {
        challenge: [u8; 32],
        time: u64,
        /// Key of the statement.
        key: [u8; 32],
        subject: [u8; 32],
        /// None in records of version 1.
        person: Option<[u8; 32]>,
    },
    /// A void is about to be sent.
    Voiding { challenge: [u8; 32], entry: Vec<u8> },
    /// The ledger refused the void: the fill stands.
    VoidRefused { challenge: [u8; 32] },
    /// A fill was taken back.
    Voided {
        challenge: [u8; 32],
        /// Time of the entry's seal.
        sealed: u64,
        commitment_index: Option<u64>,
        entry: Vec<u8>,
        receipt: Vec<u8>,
    },
}

/// A durable receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) challenge: [u8; 32],
    /// The gateway's time.
    pub(crate) time: u64,
    /// Time of the entry's seal.
    pub(crate) sealed: u64,
    pub(crate) commitment_index: Option<u64>,
    pub(crate) receipt: Vec<u8>,
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A flag and a position; without the flag the position is 0.
    fn position(&mut self) -> Option<Option<u64>> {
        match (self.array::<1>()?, self.u64()?) {
            ([0], 0) => Some(None),
            ([1], index) => Some(Some(index)),
            _ => None,
        }
    }

    fn block(&mut self) -> Option<Vec<u8>> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(length as usize).map(<[u8]>::to_vec)
    }
}

fn position(out: &mut Vec<u8>, index: Option<u64>) {
    out.push(u8::from(index.is_some()));
    out.extend(index.unwrap_or(0).to_be_bytes());
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    // Entries and receipts are far below 4 GiB.
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

impl Record {
    fn kind(&self) -> u8 {
        match self {
            Self::Intent { .. } => 1,
            Self::Accepted(_) => 2,
            Self::Refused { .. } => 3,
            Self::Bound { person: None, .. } => 4,
            Self::Voided { .. } => 5,
            Self::Bound { person: Some(_), .. } => 6,
            Self::Voiding { .. } => 7,
            Self::VoidRefused { .. } => 8,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut body = vec![self.kind()];
        match self {
            Self::Intent { challenge, entry } | Self::Voiding { challenge, entry } => {
                body.extend(challenge);
                block(&mut body, entry);
            }
            Self::Accepted(a) => {
                body.extend(a.challenge);
                body.extend(a.time.to_be_bytes());
                body.extend(a.sealed.to_be_bytes());
                position(&mut body, a.commitment_index);
                block(&mut body, &a.receipt);
            }
            Self::Refused { challenge } | Self::VoidRefused { challenge } => body.extend(challenge),
            Self::Bound {
                challenge,
                time,
                key,
                subject,
                person,
            } => {
                body.extend(challenge);
                body.extend(time.to_be_bytes());
                body.extend(key);
                body.extend(subject);
                body.extend(person.iter().flatten());
            }
            Self::Voided {
                challenge,
                sealed,
                commitment_index,
                entry,
                receipt,
            } => {
                body.extend(challenge);
                body.extend(sealed.to_be_bytes());
                position(&mut body, *commitment_index);
                block(&mut body, entry);
                block(&mut body, receipt);
            }
        }
        let mut out = Vec::with_capacity(OVERHEAD + body.len());
        out.extend((body.len() as u32).to_be_bytes());
        out.extend(&body);
        out.extend(&Sha256::digest(&body)[..CHECKSUM]);
        out
    }

    fn from_body(body: &[u8]) -> Option<Self> {
        let (kind, rest) = body.split_first()?;
        let mut input = Reader(rest);
        let challenge = input.array()?;
        let record = match kind {
            1 => Self::Intent {
                challenge,
                entry: input.block()?,
            },
            2 => Self::Accepted(Accepted {
                challenge,
                time: input.u64()?,
                sealed: input.u64()?,
                commitment_index: input.position()?,
                receipt: input.block()?,
            }),
            3 => Self::Refused { challenge },
            4 | 6 => Self::Bound {
                challenge,
                time: input.u64()?,
                key: input.array()?,
                subject: input.array()?,
                person: match kind {
                    4 => None,
                    _ => Some(input.array()?),
                },
            },
            5 => Self::Voided {
                challenge,
                sealed: input.u64()?,
                commitment_index: input.position()?,
                entry: input.block()?,
                receipt: input.block()?,
            },
            7 => Self::Voiding {
                challenge,
                entry: input.block()?,
            },
            8 => Self::VoidRefused { challenge },
            _ => return None,
        };
        input.0.is_empty().then_some(record)
    }
}

/// An open journal, locked for this process.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    failed: bool,
    #[cfg(test)]
    pub(crate) fault: tests::Fault,
}

impl Journal {
    /// Opens or makes a journal and reads its records. A last record that was cut off while it was written
    /// is dropped: nothing was answered on it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Record>), JournalError> {
        let failed = |action| {
            let path = path.to_owned();
            move |source| JournalError::Io { action, path, source }
        };
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(failed("create the directory of"))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // It tells who was given what: nobody but the gateway's user reads it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed("open"))?;
        if file.try_lock().is_err() {
            return Err(JournalError::InUse(path.to_owned()));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read"))?;
        // All versions begin alike up to their last byte.
        let cut = bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes);
        // No record is written before the first bytes are on disk.
        if cut || (bytes.len() <= MAGIC.len() && zeros(&bytes)) {
            file.set_len(0).map_err(failed("write"))?;
            file.seek(SeekFrom::Start(0)).map_err(failed("write"))?;
            file.write_all(MAGIC).map_err(failed("write"))?;
            file.sync_all().map_err(failed("sync"))?;
            sync_parent(path).map_err(failed("sync the directory of"))?;
            bytes = MAGIC.to_vec();
        }
        if EARLIER.iter().any(|magic| bytes.starts_with(*magic)) {
            // One byte, on disk before any record of a new kind.
            file.seek(SeekFrom::Start(0)).map_err(failed("write"))?;
            file.write_all(MAGIC).map_err(failed("write"))?;
            file.sync_all().map_err(failed("sync"))?;
            bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        }
        if let Some(&version) = bytes.strip_prefix(&MAGIC[..7]).and_then(<[u8]>::first)
            && version > MAGIC[7]
        {
            return Err(JournalError::Newer {
                path: path.to_owned(),
                version,
            });
        }
        let (records, end) = parse(&bytes).map_err(|at| JournalError::Damaged {
            path: path.to_owned(),
            at,
        })?;
        if end < bytes.len() {
            file.set_len(end as u64).map_err(failed("truncate"))?;
            file.sync_all().map_err(failed("sync"))?;
        }
        file.seek(SeekFrom::Start(end as u64)).map_err(failed("read"))?;
        let journal = Self {
            path: path.to_owned(),
            file,
            failed: false,
            #[cfg(test)]
            fault: tests::Fault::default(),
        };
        Ok((journal, records))
    }

    /// Appends a record and waits until it is on disk. After a failure nothing is ever written again: what
    /// the disk holds is then unknown.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        if self.failed {
            return Err(JournalError::Failed);
        }
        self.write(record).map_err(|source| {
            self.failed = true;
            JournalError::Io {
                action: "write",
                path: self.path.clone(),
                source,
            }
        })
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        #[cfg(test)]
        self.fault.before()?;
        self.file.write_all(&record.to_bytes())?;
        self.file.sync_data()?;
        #[cfg(test)]
        self.fault.after()?;
        Ok(())
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What a gateway keeps of a journal's bytes when it starts: the first bytes and every whole record, as it
/// writes them.
///
/// # Errors
/// Where the bytes are damaged.
pub fn kept(bytes: &[u8]) -> Result<Vec<u8>, usize> {
    let earlier = EARLIER.iter().find_map(|magic| bytes.strip_prefix(*magic));
    let (records, _) = match earlier {
        Some(records) => parse(&[&MAGIC[..], records].concat())?,
        None => parse(bytes)?,
    };
    let records = records.iter().flat_map(Record::to_bytes);
    Ok(MAGIC.iter().copied().chain(records).collect())
}

/// The records and the end of the last whole one, or where the file is damaged.
fn parse(bytes: &[u8]) -> Result<(Vec<Record>, usize), usize> {
    if !bytes.starts_with(MAGIC) {
        return Err(0);
    }
    let mut records = Vec::new();
    let mut at = MAGIC.len();
    while at < bytes.len() {
        let mut input = Reader(&bytes[at..]);
        let Some(length) = input.array().map(u32::from_be_bytes) else {
            break;
        };
        let length = length as usize;
        // A file can grow before its bytes are on disk: a tail of zeros was never a whole record.
        if zeros(&bytes[at..]) {
            break;
        }
        if length == 0 || length > MAX_RECORD {
            return Err(at);
        }
        let (Some(body), Some(checksum)) =
            (input.take(length).map(<[u8]>::to_vec), input.array::<CHECKSUM>())
        else {
            break;
        };
        let last = input.0.is_empty();
        if Sha256::digest(&body)[..CHECKSUM] != checksum {
            if last {
                break;
            }
            return Err(at);
        }
        records.push(Record::from_body(&body).ok_or(at)?);
        at += 4 + length + CHECKSUM;
    }
    Ok((records, at))
}

#[cfg(test)]
pub(crate) mod tests;
