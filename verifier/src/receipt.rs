//! Receipts: what the ledger answers when an entry is on disk. They verify offline.

use crate::{
    checkpoint::{Checkpoint, CheckpointError, LogKey, MAX_CHECKPOINT_BYTES},
    cosignature::{CosignatureError, Cosigned, WitnessPolicy},
    entry::{DecodeError, Reader, Writer},
    inclusion::{MAX_PROOF_HASHES, ProofRefused, leaf_hash, verify_inclusion},
};

/// First byte of an encoded receipt.
const RECEIPT_VERSION: u8 = 1;

/// Position of an entry, its inclusion proof, and the signed checkpoint that the proof leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Leaf index of the entry.
    pub index: u64,
    /// Inclusion proof, leaf first; at most 64 hashes.
    pub inclusion: Vec<[u8; 32]>,
    /// The signed note, at most 32,768 bytes.
    pub checkpoint: Vec<u8>,
}

/// Why a receipt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The inclusion proof does not hold.
    #[error(transparent)]
    Inclusion(#[from] ProofRefused),
}

impl Receipt {
    /// Checks that the log has signed a tree in which `entry` (canonical bytes) has this position.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(&self, entry: &[u8], log: &LogKey) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, log)?;
        verify_inclusion(
            self.index,
            &leaf_hash(entry),
            checkpoint.size(),
            checkpoint.root(),
            &self.inclusion,
        )?;
        Ok(checkpoint)
    }

    /// Checks the receipt as [`Receipt::verify`] does, and that as many witnesses as the policy asks for have
    /// cosigned its checkpoint.
    ///
    /// # Errors
    /// [`CosignatureError`].
    pub fn verify_cosigned(
        &self,
        entry: &[u8],
        policy: &WitnessPolicy,
    ) -> Result<Cosigned, CosignatureError> {
        let cosigned = policy.check(&self.checkpoint)?;
        verify_inclusion(
            self.index,
            &leaf_hash(entry),
            cosigned.checkpoint.size(),
            cosigned.checkpoint.root(),
            &self.inclusion,
        )?;
        Ok(cosigned)
    }

    /// Encodes the receipt for storage.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(vec![RECEIPT_VERSION]);
        out.u64(self.index);
        out.u8(self.inclusion.len() as u8);
        for hash in &self.inclusion {
            out.bytes(hash);
        }
        out.u16(self.checkpoint.len() as u16);
        out.bytes(&self.checkpoint);
        out.0
    }

    /// Decodes a stored receipt; it is checked by [`Receipt::verify`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        if input.u8("receipt version")? != RECEIPT_VERSION {
            return Err(DecodeError::range("receipt version", "1"));
        }
        let index = input.u64("index")?;
        let count = input.u8("inclusion")?;
        if usize::from(count) > MAX_PROOF_HASHES {
            return Err(DecodeError::range("inclusion", "at most 64 hashes"));
        }
        let inclusion = (0..count)
            .map(|_| input.array("inclusion"))
            .collect::<Result<_, _>>()?;
        let length = usize::from(input.u16("checkpoint")?);
        if length > MAX_CHECKPOINT_BYTES {
            return Err(DecodeError::range("checkpoint", "at most 32,768 bytes"));
        }
        let checkpoint = input.take("checkpoint", length)?.to_vec();
        input.finish("receipt")?;
        Ok(Self {
            index,
            inclusion,
            checkpoint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::LogSigner;
    use ed25519_dalek::SigningKey;
    use tlog_tiles::tlog::{Hash, node_hash};

    #[test]
    fn a_receipt_verifies_offline_and_every_change_breaks_it() {
        let signer = LogSigner::new("log", SigningKey::from_bytes(&[3; 32])).unwrap();
        let (a, b) = (leaf_hash(b"first"), leaf_hash(b"second"));
        let root = node_hash(Hash(a), Hash(b)).0;
        let receipt = Receipt {
            index: 1,
            inclusion: vec![a],
            checkpoint: signer.sign(2, &root).unwrap(),
        };
        let log = signer.log_key();
        assert_eq!(receipt.verify(b"second", &log).unwrap().size(), 2);
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()).unwrap(), receipt);

        let refused = Err(ReceiptError::Inclusion(ProofRefused::Inclusion));
        assert_eq!(receipt.verify(b"first", &log), refused);
        assert_eq!(
            Receipt {
                index: 0,
                ..receipt.clone()
            }
            .verify(b"second", &log),
            refused
        );
        assert_eq!(
            Receipt {
                index: 2,
                ..receipt.clone()
            }
            .verify(b"second", &log),
            refused
        );
        assert_eq!(
            Receipt {
                inclusion: vec![],
                ..receipt.clone()
            }
            .verify(b"second", &log),
            refused
        );
        assert_eq!(
            Receipt {
                inclusion: vec![a; 65],
                ..receipt.clone()
            }
            .verify(b"second", &log),
            refused
        );
        let other = LogSigner::new("log", SigningKey::from_bytes(&[4; 32]))
            .unwrap()
            .log_key();
        assert_eq!(
            receipt.verify(b"second", &other),
            Err(ReceiptError::Checkpoint(CheckpointError::Signature))
        );
        let bytes = receipt.to_bytes();
        for cut in 0..bytes.len() {
            assert!(Receipt::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(Receipt::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }
}
