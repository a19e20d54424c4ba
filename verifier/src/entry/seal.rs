//! SEAL: the last entry of each batch.

use super::{
    codec::{DecodeError, Reader, Writer},
    nullifier::NULLIFIER_KINDS,
};
use crate::Fr;
use sha2::{Digest, Sha256};

/// How long a replaced identity or registry root is still accepted, in seconds: the time between the start of a
/// proof and its post (section 4 of the specification).
pub const REPLACED_SECONDS: u64 = 600;

/// State of the ledger after a batch. Ages and dates of the batch's entries are judged by its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Number of the batch; the batch of GENESIS is 0.
    pub batch: u64,
    /// Leaf index of the batch's first entry.
    pub first: u64,
    /// SHA-256 of the previous seal's bytes; zero in batch 0.
    pub previous: [u8; 32],
    /// Unix time in seconds, never below that of the previous seal.
    pub time: u64,
    /// Root of the commitment tree.
    pub commitment_root: Fr,
    /// Root of the identity tree.
    pub identity_root: Fr,
    /// Root of the registry tree.
    pub registry_root: Fr,
    /// Commitments appended so far.
    pub commitments: u64,
    /// Nullifiers now spent, by kind (fills: burned ones counted, freed ones not).
    pub nullifiers: [u64; NULLIFIER_KINDS],
}

impl Seal {
    /// Whether `entry` (canonical bytes) is the seal before this one.
    pub fn follows(&self, entry: &[u8]) -> bool {
        Sha256::digest(entry).as_slice() == self.previous
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u64(self.batch);
        out.u64(self.first);
        out.bytes(&self.previous);
        out.u64(self.time);
        out.fr(&self.commitment_root);
        out.fr(&self.identity_root);
        out.fr(&self.registry_root);
        out.u64(self.commitments);
        for count in self.nullifiers {
            out.u64(count);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            batch: input.u64("batch")?,
            first: input.u64("first")?,
            previous: input.array("previous seal")?,
            time: input.u64("time")?,
            commitment_root: input.fr("commitment root")?,
            identity_root: input.fr("identity root")?,
            registry_root: input.fr("registry root")?,
            commitments: input.u64("commitments")?,
            nullifiers: {
                let mut counts = [0; NULLIFIER_KINDS];
                for count in &mut counts {
                    *count = input.u64("nullifiers")?;
                }
                counts
            },
        })
    }
}
