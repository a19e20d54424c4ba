//! Snapshots: all of an issuer's records of one scope under one signature (`docs/format.md`, section 7).
//!
//! Absence is only ever proven over a snapshot: its whole content is reopened, and slots from `count`
//! on are empty.

use crate::import::{LOOK_BACK_DAYS, Scope};
use crate::record::Record;
use crate::signing::SigningKey;
use ark_bn254::Fr;
use medproof_verifier::eddsa::Signature;
use medproof_verifier::field::pack;
use medproof_verifier::tree::{DenseTree, SNAPSHOT_DEPTH};
use medproof_verifier::{Day, Name, Tag, tagged};
use rand::{CryptoRng, RngCore};
use std::fmt;
use zeroize::Zeroize;

/// Most records of a snapshot (4^4).
pub const MAX_RECORDS: usize = 1 << (2 * SNAPSHOT_DEPTH);
/// The default scope: demographics, all conditions, medications active or of the last 365 days,
/// laboratory values of the last 365 days.
pub const CLINICAL_SUMMARY: &str = "clinical-summary";
/// Widths of the header word, lowest field first.
pub const HEADER_WIDTHS: [u32; 6] = [16, 16, 16, 16, 16, 32];

/// Why no snapshot can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// More records than a snapshot holds.
    #[error("the snapshot would have {0} records, and holds at most {MAX_RECORDS}")]
    TooMany(usize),
}

/// What the issuer signs: whose records, of which scope and time, how many, and their root.
#[derive(Clone, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The holder's pseudonym at the issuer.
    pub subject: Fr,
    /// What the records are complete for.
    pub scope: Name,
    /// Mask of the categories covered.
    pub categories: u16,
    /// First day covered of the categories that the scope limits in time.
    pub from: Day,
    /// Last day covered.
    pub to: Day,
    /// Day on which the snapshot was made.
    pub as_of: Day,
    /// Number of records, at most [`MAX_RECORDS`].
    pub count: u16,
    /// Increases with every snapshot of the subject.
    pub seq: u32,
    /// Root of the tree over the records' leaves.
    pub root: Fr,
}

impl SnapshotHeader {
    /// `pack(categories:16, from:16, to:16, as_of:16, count:16, seq:32)`.
    pub fn word(&self) -> Fr {
        let fields = [
            (self.categories.into(), 16),
            (self.from.0.into(), 16),
            (self.to.0.into(), 16),
            (self.as_of.0.into(), 16),
            (self.count.into(), 16),
            (self.seq.into(), 32),
        ];
        // Every field's type keeps it inside its width.
        pack(&fields).unwrap_or_default()
    }

    /// The signed message, `H(SNAP; subject, scope, header word, root, 0)`.
    pub fn message(&self) -> Fr {
        let zero = Fr::from(0u64);
        tagged(
            Tag::Snap,
            [self.subject, self.scope.to_fr(), self.word(), self.root, zero],
        )
    }
}

/// A record with the salt of its leaf.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltedRecord {
    /// The record.
    pub record: Record,
    /// Random, at least 128 bits, never used twice.
    pub salt: Fr,
}

impl Drop for SaltedRecord {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

/// A signed snapshot with its whole content.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What is signed.
    pub header: SnapshotHeader,
    /// The records in the order of their leaves.
    pub records: Vec<SaltedRecord>,
    /// The issuer's signature over [`SnapshotHeader::message`].
    pub signature: Signature,
}

impl fmt::Debug for Snapshot {
    /// Nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot({} records as of {})",
            self.records.len(),
            self.header.as_of
        )
    }
}

impl Snapshot {
    /// Salts and signs what the import took over under
    /// [`Scope::clinical_summary`](crate::import::Scope::clinical_summary) of the same day, in its order.
    ///
    /// # Errors
    /// [`SnapshotError::TooMany`].
    pub fn clinical_summary(
        records: &[Record],
        subject: Fr,
        as_of: Day,
        seq: u32,
        key: &SigningKey,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, SnapshotError> {
        if records.len() > MAX_RECORDS {
            return Err(SnapshotError::TooMany(records.len()));
        }
        let salted = records.iter().map(|record| SaltedRecord {
            record: record.clone(),
            salt: salt(rng),
        });
        let records: Vec<SaltedRecord> = salted.collect();
        let covered = Scope::clinical_summary(as_of);
        let header = SnapshotHeader {
            subject,
            // A constant name within the alphabet.
            scope: CLINICAL_SUMMARY.parse().expect("a valid name"),
            categories: covered.categories,
            from: Day(as_of.0.saturating_sub(LOOK_BACK_DAYS)),
            to: as_of,
            as_of,
            // At most MAX_RECORDS = 256.
            count: records.len() as u16,
            seq,
            root: root(&records, subject),
        };
        Ok(Self::sign(header, records, key))
    }

    /// Signs a header over these records as they are.
    pub fn sign(header: SnapshotHeader, records: Vec<SaltedRecord>, key: &SigningKey) -> Self {
        let signature = key.sign(header.message());
        Self {
            header,
            records,
            signature,
        }
    }

    /// The root of the records' leaves for the header's subject.
    pub fn computed_root(&self) -> Fr {
        root(&self.records, self.header.subject)
    }
}

/// The root over the leaves of up to [`MAX_RECORDS`] records; 0 for more, which is the root of no tree.
pub fn root(records: &[SaltedRecord], subject: Fr) -> Fr {
    let leaves = records.iter().map(|r| r.record.leaf(subject, r.salt));
    DenseTree::<SNAPSHOT_DEPTH>::new(leaves.collect()).map_or(Fr::from(0u64), |tree| tree.root())
}

/// A salt of 248 random bits.
fn salt(rng: &mut (impl RngCore + CryptoRng)) -> Fr {
    let mut bytes = [0u8; 32];
    rng.fill_bytes(&mut bytes);
    let salt = medproof_verifier::field::fr_from_248(&bytes);
    bytes.zeroize();
    salt
}
