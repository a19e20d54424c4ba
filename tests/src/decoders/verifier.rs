//! Proofs, keys, entries, receipts, checkpoints and ranges of leaves.

use super::entries;
use medproof_verifier::field::fr_from_be_bytes;
use medproof_verifier::leaf_range::LeafRange;
use medproof_verifier::tree::{COMMITMENT_DEPTH, REGISTRY_DEPTH};
use medproof_verifier::{Checkpoint, Entry, Fr, LogKey, Proof, Receipt, VerifyingKey};

/// A proof: 128 bytes, one encoding.
pub(super) fn proof(bytes: &[u8]) -> bool {
    let Ok(proof) = Proof::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(proof.to_bytes()[..], *bytes);
    true
}

/// A verifying key: one encoding; and it judges proofs without a panic.
pub(super) fn verifying_key(bytes: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(key.to_bytes(), bytes);
    assert!(key.verify(&[], &entries::proof()).is_err());
    true
}

/// A ledger entry: one encoding.
pub(super) fn entry(bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(entry.to_bytes(), bytes);
    assert!(Entry::from_bytes(&[bytes, &[0]].concat()).is_err());
    true
}

/// A receipt: one encoding; checking it never panics.
pub(super) fn receipt(bytes: &[u8]) -> bool {
    let Ok(receipt) = Receipt::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(receipt.to_bytes(), bytes);
    let log = entries::log_signer().log_key();
    if let Ok(checkpoint) = receipt.verify(entries::RECEIPTED, &log) {
        assert!(receipt.index < checkpoint.size());
    }
    true
}

/// A signed checkpoint; and, signed anew by the log's own key, one of a log that means harm.
pub(super) fn checkpoint(bytes: &[u8]) -> bool {
    let signer = entries::log_signer();
    let log = signer.log_key();
    let accepted = Checkpoint::verify(bytes, &log).is_ok();
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let text = text.split("\n\n").next().unwrap_or_default();
    let Some(note) = entries::sign_text(&format!("{text}\n")) else {
        return accepted;
    };
    if let Ok(checkpoint) = Checkpoint::verify(&note, &log) {
        // Extension lines are allowed and dropped; size and root have one spelling.
        let own = signer.sign(checkpoint.size(), checkpoint.root());
        let own = own.expect("a checkpoint that was read can be signed");
        assert_eq!(Checkpoint::verify(&own, &log), Ok(checkpoint));
        let lines = text.lines().take(3).collect::<Vec<_>>().join("\n");
        assert!(own.starts_with(lines.as_bytes()));
    }
    accepted
}

/// The text of a log's key: one spelling.
pub(super) fn log_key(bytes: &[u8]) -> bool {
    let key = std::str::from_utf8(bytes).ok().map(str::parse::<LogKey>);
    let Some(Ok(key)) = key else { return false };
    assert_eq!(key.to_string().as_bytes(), bytes);
    true
}

/// A range of leaves as a ledger serves it: every path out of a range that is accepted leads to its root.
pub(super) fn leaf_range(bytes: &[u8]) -> bool {
    range::<REGISTRY_DEPTH>(bytes) | range::<COMMITMENT_DEPTH>(bytes)
}

/// `levels:u8, first:u64, leaves:u16`, then the leaves, three siblings for each level above, and the root.
fn range<const DEPTH: usize>(bytes: &[u8]) -> bool {
    let Some((head, rest)) = bytes.split_first_chunk::<11>() else {
        return false;
    };
    let [levels, first @ .., high, low] = *head;
    let mut elements = rest.chunks_exact(32).map(|chunk| {
        let chunk = chunk.try_into().expect("32 bytes");
        fr_from_be_bytes(chunk).unwrap_or_default()
    });
    let count = usize::from(u16::from_be_bytes([high, low]));
    let leaves: Vec<Fr> = elements.by_ref().take(count).collect();
    let mut others: Vec<Fr> = elements.collect();
    let root = others.pop().unwrap_or_default();
    let siblings = others.as_chunks::<3>().0.to_vec();
    let first = u64::from_be_bytes(first);
    let range = LeafRange::<DEPTH>::new(first, usize::from(levels), leaves, siblings, root);
    let Ok(range) = range else { return false };
    for offset in [0, count.saturating_sub(1), count] {
        if let Ok((leaf, path)) = range.path(first + offset as u64) {
            assert_eq!(path.root(leaf), root);
        }
    }
    assert!(range.path(u64::MAX).is_err());
    true
}
