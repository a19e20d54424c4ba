//! RFC 6962 inclusion and consistency proofs of the log, through `tlog_tiles`.

use tlog_tiles::tlog::{Hash, check_record, check_tree, record_hash};

/// Most hashes in a proof: a tree has at most 2^63 leaves.
pub const MAX_PROOF_HASHES: usize = 64;

/// A proof that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefused {
    /// The entry is not shown to be in the tree.
    #[error("the inclusion proof does not lead from the entry to the checkpoint's root")]
    Inclusion,
    /// The newer tree is not shown to extend the older one.
    #[error("the consistency proof does not lead from the older to the newer root")]
    Consistency,
}

/// The hash of a log leaf: `SHA-256(0x00 || entry bytes)`.
pub fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    record_hash(entry).0
}

fn hashes(proof: &[[u8; 32]]) -> Option<Vec<Hash>> {
    (proof.len() <= MAX_PROOF_HASHES).then(|| proof.iter().map(|h| Hash(*h)).collect())
}

/// Checks that the tree of `size` leaves with `root` has the leaf `leaf` at `index`.
///
/// # Errors
/// [`ProofRefused::Inclusion`].
pub fn verify_inclusion(
    index: u64,
    leaf: &[u8; 32],
    size: u64,
    root: &[u8; 32],
    proof: &[[u8; 32]],
) -> Result<(), ProofRefused> {
    let proof = hashes(proof).ok_or(ProofRefused::Inclusion)?;
    // Sizes above 2^63 are of no tree; the library's index arithmetic stays far from its limits.
    if size > 1 << 63 {
        return Err(ProofRefused::Inclusion);
    }
    check_record(&proof, size, Hash(*root), index, Hash(*leaf)).map_err(|_| ProofRefused::Inclusion)
}

/// Checks that the tree of `second` leaves extends that of `first` leaves. An empty tree (`first = 0`)
/// is a prefix of every tree and needs no proof; the same size needs the same root.
///
/// # Errors
/// [`ProofRefused::Consistency`].
pub fn verify_consistency(
    first: u64,
    first_root: &[u8; 32],
    second: u64,
    second_root: &[u8; 32],
    proof: &[[u8; 32]],
) -> Result<(), ProofRefused> {
    let proof = hashes(proof).ok_or(ProofRefused::Consistency)?;
    if second > 1 << 63 {
        return Err(ProofRefused::Consistency);
    }
    if first == 0 {
        return if proof.is_empty() {
            Ok(())
        } else {
            Err(ProofRefused::Consistency)
        };
    }
    check_tree(&proof, second, Hash(*second_root), first, Hash(*first_root))
        .map_err(|_| ProofRefused::Consistency)
}
