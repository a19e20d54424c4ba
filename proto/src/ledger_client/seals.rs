//! Seals, as the log itself shows them: nobody's word is taken for a root.

use super::{ClientError, Ledger, request};
use crate::{
    field::{self, FieldError},
    ledger as wire,
};
use medproof_verifier::{
    Checkpoint, Entry, LogKey, Receipt,
    entry::{REPLACED_SECONDS, Seal},
    receipt::ReceiptError,
};
use std::sync::atomic::Ordering;

/// Most seals that are followed back.
const MAX_SEALS: usize = 1_024;
/// Entries that are read at once on the way.
const BLOCK: u32 = 64;

/// Entries in a row.
#[derive(Default)]
struct Block {
    first: u64,
    entries: Vec<Vec<u8>>,
}

impl Block {
    fn get(&self, index: u64) -> Option<&[u8]> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(at).map(Vec::as_slice)
    }
}

impl Ledger {
    /// The last seal: its entry, under a checkpoint signed by the log's key. Unlike [`Ledger::anchors`] it takes
    /// nobody's word for the roots; and it never goes back behind a seal that this client or a clone of it has seen.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn last_seal(&mut self) -> Result<Seal, ClientError> {
        let status = self.inner.status(request(wire::StatusRequest {})).await?;
        let checkpoint = status.into_inner().checkpoint;
        let size = Checkpoint::verify(&checkpoint, &self.log)
            .map_err(ReceiptError::from)?
            .size();
        let index = size
            .checked_sub(1)
            .ok_or_else(|| FieldError::new("checkpoint", "is of an empty log"))?;
        let entry = self.entries(index, 1).await?.into_iter().next();
        let answer = self
            .inner
            .inclusion(request(wire::InclusionRequest { index, size }))
            .await?;
        let receipt = Receipt {
            index,
            inclusion: wire::hashes("proof", &answer.into_inner().proof)?,
            checkpoint,
        };
        let seal = sealed(&receipt, &field::required("entries", entry)?, &self.log)?;
        if self.seen.fetch_max(size, Ordering::Relaxed) > size {
            return Err(FieldError::new("checkpoint", "is older than one that was seen before").into());
        }
        Ok(seal)
    }

    /// The seals of the last ten minutes before `now` (before the last seal, where that is later) and the one before
    /// them, newest first: always the last one, and at most 1,024. Each but the last is vouched for by the hash in
    /// the one after it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn recent_seals(&mut self, now: u64) -> Result<Vec<Seal>, ClientError> {
        let last = self.last_seal().await?;
        let since = now.max(last.time).saturating_sub(REPLACED_SECONDS);
        let (mut seals, mut block) = (vec![last], Block::default());
        while let Some(seal) = seals.last().filter(|_| goes_on(&seals, since)) {
            let index = seal
                .first
                .checked_sub(1)
                .ok_or_else(|| FieldError::new("first", "of a seal has no entry before it"))?;
            if block.get(index).is_none() {
                let first = (index + 1).saturating_sub(BLOCK.into());
                let entries = self.entries(first, BLOCK).await?;
                block = Block { first, entries };
            }
            if block.get(index).is_none() {
                // The answer was cut off at its limit of bytes.
                let entries = self.entries(index, 1).await?;
                block = Block {
                    first: index,
                    entries,
                };
            }
            let previous = before(seal, field::required("entries", block.get(index))?)?;
            seals.push(previous);
        }
        Ok(seals)
    }
}

/// Whether the seal before the oldest of these is wanted.
fn goes_on(seals: &[Seal], since: u64) -> bool {
    let oldest = seals.last();
    seals.len() < MAX_SEALS && oldest.is_some_and(|seal| seal.time >= since && seal.batch > 0)
}

/// The seal that ends the log of the receipt's checkpoint.
fn sealed(receipt: &Receipt, entry: &[u8], log: &LogKey) -> Result<Seal, ClientError> {
    let checkpoint = receipt.verify(entry, log)?;
    if receipt.index + 1 != checkpoint.size() {
        return Err(FieldError::new("proof", "is of an entry before the last").into());
    }
    match wire::decode_entry(entry)? {
        Entry::Seal(seal) => Ok(seal),
        _ => Err(FieldError::new("entries", "do not end with a seal").into()),
    }
}

/// The seal before `seal`, if these are its bytes.
fn before(seal: &Seal, entry: &[u8]) -> Result<Seal, ClientError> {
    if !seal.follows(entry) {
        return Err(FieldError::new("entries", "are not those that the log has sealed").into());
    }
    match wire::decode_entry(entry)? {
        Entry::Seal(seal) => Ok(seal),
        _ => Err(FieldError::new("entries", "have no seal where one is due").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use medproof_verifier::{Fr, LogSigner, inclusion::leaf_hash};
    use sha2::{Digest, Sha256};

    fn seal(identity_root: u64) -> Seal {
        Seal {
            batch: 0,
            first: 0,
            previous: [0; 32],
            time: 1,
            commitment_root: Fr::from(1u64),
            identity_root: Fr::from(identity_root),
            registry_root: Fr::from(3u64),
            commitments: 0,
            nullifiers: [0; 5],
        }
    }

    /// A log of one entry.
    fn receipt(signer: u8, entry: &[u8]) -> (Receipt, LogKey) {
        let signer = LogSigner::new("log", SigningKey::from_bytes(&[signer; 32])).unwrap();
        let receipt = Receipt {
            index: 0,
            inclusion: vec![],
            checkpoint: signer.sign(1, &leaf_hash(entry)).unwrap(),
        };
        (receipt, signer.log_key())
    }

    #[test]
    fn l03_only_the_logs_own_last_seal_vouches_for_a_root() {
        let honest = Entry::Seal(seal(2)).to_bytes();
        let (shown, log) = receipt(1, &honest);
        assert_eq!(sealed(&shown, &honest, &log).unwrap(), seal(2));
        // Another root under the same checkpoint; a checkpoint of somebody else; a sound one of another log.
        let forged = Entry::Seal(seal(9)).to_bytes();
        let refused = sealed(&shown, &forged, &log).unwrap_err();
        assert!(matches!(
            refused,
            ClientError::Receipt(ReceiptError::Inclusion(_))
        ));
        let (other, _) = receipt(2, &forged);
        let refused = sealed(&other, &forged, &log).unwrap_err();
        assert!(matches!(
            refused,
            ClientError::Receipt(ReceiptError::Checkpoint(_))
        ));
        // An entry that is no seal, and bytes that are no entry.
        let void = medproof_verifier::entry::Void {
            sequence: 1,
            party: "p".parse().unwrap(),
            dispense: 0,
        };
        let key = SigningKey::from_bytes(&[3; 32]);
        let entry = Entry::Void(medproof_verifier::entry::Signed::new(void, &[0; 32], &key)).to_bytes();
        let (shown, log) = receipt(1, &entry);
        let refused = sealed(&shown, &entry, &log).unwrap_err().to_string();
        assert!(refused.contains("do not end with a seal"), "{refused}");
        let (shown, log) = receipt(1, b"x");
        assert!(matches!(sealed(&shown, b"x", &log), Err(ClientError::Answer(_))));
    }

    #[test]
    fn l03_a_seal_vouches_for_the_one_before_it_and_for_nothing_else() {
        let honest = Entry::Seal(seal(2)).to_bytes();
        let last = Seal {
            batch: 1,
            first: 1,
            previous: Sha256::digest(&honest).into(),
            ..seal(3)
        };
        assert_eq!(before(&last, &honest).unwrap(), seal(2));
        let forged = Entry::Seal(seal(9)).to_bytes();
        assert!(before(&last, &forged).is_err());
        let other = Seal {
            previous: Sha256::digest(b"x").into(),
            ..last
        };
        assert!(before(&other, b"x").is_err(), "not an entry");
    }

    #[test]
    fn seals_are_followed_back_within_limits_only() {
        let at = |batch, time| Seal {
            batch,
            time,
            ..seal(1)
        };
        let wanted = |seals: &[Seal]| goes_on(seals, 1_000);
        assert!(wanted(&[at(5, 1_000)]));
        assert!(
            !wanted(&[at(5, 999)]),
            "the one before the first of the window is not followed"
        );
        assert!(!wanted(&[at(0, 1_000)]), "nothing lies before the first batch");
        assert!(wanted(&vec![at(9_999, 2_000); MAX_SEALS - 1]));
        assert!(!wanted(&vec![at(9_999, 2_000); MAX_SEALS]));
    }
}
