//! The ledger's figures after a batch: one row that says where the store stands.

use crate::table::StoreError;
use medproof_verifier::{
    Fr,
    entry::{Kind, NULLIFIER_KINDS},
    field::{fr_from_be_bytes, fr_to_be_bytes},
    tree::{COMMITMENT_DEPTH, IDENTITY_DEPTH, REGISTRY_DEPTH, empty_root},
};

/// Key of the head in the `meta` table.
pub(crate) const HEAD_KEY: &[u8] = b"head";

/// Figures after a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Entries in the log.
    pub size: u64,
    /// Batches sealed.
    pub batches: u64,
    /// SHA-256 of the last seal's bytes.
    pub seal: [u8; 32],
    /// Unix time of the last seal.
    pub time: u64,
    /// Commitments appended.
    pub commitments: u64,
    /// Nullifiers spent, by kind.
    pub nullifiers: [u64; NULLIFIER_KINDS],
    /// Governance entries (GENESIS not counted).
    pub governance: u64,
    /// Entries by kind, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
    /// Root of the commitment tree.
    pub commitment_root: Fr,
    /// Root of the identity tree.
    pub identity_root: Fr,
    /// Root of the registry tree.
    pub registry_root: Fr,
}

impl Head {
    /// The figures before the first entry, for a ledger whose genesis has this time.
    pub(crate) fn empty(time: u64) -> Self {
        Self {
            size: 0,
            batches: 0,
            seal: [0; 32],
            time,
            commitments: 0,
            nullifiers: [0; NULLIFIER_KINDS],
            governance: 0,
            kinds: [0; Kind::ALL.len()],
            commitment_root: empty_root(COMMITMENT_DEPTH),
            identity_root: empty_root(IDENTITY_DEPTH),
            registry_root: empty_root(REGISTRY_DEPTH),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [
            self.size,
            self.batches,
            self.time,
            self.commitments,
            self.governance,
        ] {
            out.extend(number.to_be_bytes());
        }
        for number in self.nullifiers.iter().chain(&self.kinds) {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.seal);
        for root in [&self.commitment_root, &self.identity_root, &self.registry_root] {
            out.extend(fr_to_be_bytes(root));
        }
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        const NUMBERS: usize = 5 + NULLIFIER_KINDS + Kind::ALL.len();
        let damaged = || StoreError::damaged("the head row");
        let (numbers, rest) = bytes.split_at_checked(8 * NUMBERS).ok_or_else(damaged)?;
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|c| u64::from_be_bytes(*c));
        let mut number = || numbers.next().unwrap_or_default();
        let (size, batches, time, commitments, governance) =
            (number(), number(), number(), number(), number());
        let nullifiers = std::array::from_fn(|_| number());
        let kinds = std::array::from_fn(|_| number());
        let ([seal, roots @ ..], []) = rest.as_chunks::<32>() else {
            return Err(damaged());
        };
        let [commitment, identity, registry] = roots else {
            return Err(damaged());
        };
        let root = |bytes| fr_from_be_bytes(bytes).map_err(|_| damaged());
        Ok(Self {
            size,
            batches,
            seal: *seal,
            time,
            commitments,
            nullifiers,
            governance,
            kinds,
            commitment_root: root(commitment)?,
            identity_root: root(identity)?,
            registry_root: root(registry)?,
        })
    }
}
