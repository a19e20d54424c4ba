//! What is checked before a ledger goes on from its store.

use crate::{
    refusal::Refusal,
    signed_record::SignedHead,
    state::{State, read_entry, read_seal, tree::read_node},
    table::{Base, StoreError, Table, number},
};
use medproof_verifier::{
    Entry, Fr, Statement, Tag,
    entry::{Kind, NullifierKind},
    inclusion::leaf_hash,
    node, tagged,
    tree::{COMMITMENT_DEPTH, IDENTITY_DEPTH, REGISTRY_DEPTH},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use tlog_tiles::tlog::stored_hash_index;

/// Why a ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store fails or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A governance entry of the log would be refused.
    #[error("the log's governance entries do not hold: {0}")]
    Rules(#[from] Refusal),
    /// The store is older than a checkpoint that was signed.
    #[error(
        "the store has {size} entries, but a checkpoint of {signed} was signed: this is an old backup, or the end of the \
         database's write-ahead log is lost; starting from it would sign a second history. \"A ledger's disk is lost\" in \
         docs/operations.md says how to go on"
    )]
    Behind {
        /// Entries in the store.
        size: u64,
        /// Entries of the last signed checkpoint.
        signed: u64,
    },
    /// The store is not an extension of a checkpoint that was signed.
    #[error("the store's first {size} entries are not those of the checkpoint that was signed")]
    Forked {
        /// Entries of the last signed checkpoint.
        size: u64,
    },
    /// The record of signed checkpoints is gone.
    #[error(
        "the store has entries, but the file `signed-checkpoints` beside it is missing or empty, so more may have been \
         signed than is here: from a backup, `medproof ledger restore --checkpoint` makes a directory that may sign"
    )]
    NoRecord,
}

/// Checks the last batch against its seal and the store against the last signed head.
///
/// # Errors
/// [`RecoveryError`].
pub(crate) fn check<B: Base>(state: &State<B>, signed: Option<SignedHead>) -> Result<(), RecoveryError> {
    check_last_batch(state)?;
    let size = state.head().size;
    let Some(signed) = signed else {
        // Only the batch of GENESIS can have been written before anything was signed. Its checkpoint is stored after
        // it was recorded: where it is stored and not recorded, this is a copy.
        let stored = state.base().get(Table::Checkpoint, &size.to_be_bytes())?;
        return match state.head().batches <= 1 && stored.is_none() {
            true => Ok(()),
            false => Err(RecoveryError::NoRecord),
        };
    };
    if signed.size > size {
        return Err(RecoveryError::Behind {
            size,
            signed: signed.size,
        });
    }
    if state.log_root(signed.size)? != signed.root {
        return Err(RecoveryError::Forked { size: signed.size });
    }
    Ok(())
}

pub(crate) fn check_last_batch<B: Base>(state: &State<B>) -> Result<(), StoreError> {
    let (base, head) = (state.base(), state.head());
    let get = |table: Table, key: &[u8]| base.get(table, key);
    let damaged = |what: String| Err(StoreError::Damaged(what));
    let last = head
        .batches
        .checked_sub(1)
        .ok_or_else(|| StoreError::damaged("no batch"))?;
    let (index, bytes, seal) = read_seal(base, last)?;
    let sealed = (seal.batch, seal.time, seal.commitments, seal.nullifiers);
    let roots = (seal.commitment_root, seal.identity_root, seal.registry_root);
    let governance = [Kind::Circuit, Kind::Registry, Kind::Policy].map(|kind| head.kinds[kind as usize - 1]);
    if seal.first >= index {
        return damaged(format!("entry {index}: {}", Refusal::EmptyBatch));
    }
    if index + 1 != head.size
        || sealed != (last, head.time, head.commitments, head.nullifiers)
        || roots != (head.commitment_root, head.identity_root, head.registry_root)
        || Sha256::digest(&bytes).as_slice() != head.seal
        || head.kinds.iter().sum::<u64>() != head.size
        || governance.iter().sum::<u64>() != head.governance
    {
        return damaged(format!("the head is not that of the last seal (entry {index})"));
    }
    let previous: [u8; 32] = match last.checked_sub(1) {
        None => [0; 32],
        Some(before) => Sha256::digest(read_seal(base, before)?.1).into(),
    };
    if seal.previous != previous {
        return damaged(format!("the seal of batch {last} does not follow the one before"));
    }
    let mut placed = BTreeSet::new();
    for at in seal.first..head.size {
        let (bytes, entry) = read_entry(get, at)?;
        let leaf = leaf_hash(&bytes);
        if get(Table::Hash, &stored_hash_index(0, at).to_be_bytes())?.as_deref() != Some(&leaf[..]) {
            return damaged(format!("entry {at} differs from its leaf hash"));
        }
        check_nullifiers(state, at, &entry)?;
        if let Some(row) = get(Table::Placed, &at.to_be_bytes())? {
            placed.insert(number(Table::Placed, &row)? as u32);
        }
    }
    let commitment = (Table::Commitment, COMMITMENT_DEPTH, seal.commitment_root);
    check_tree(base, commitment, placed)?;
    check_tree(
        base,
        (Table::Identity, IDENTITY_DEPTH, seal.identity_root),
        BTreeSet::new(),
    )?;
    check_tree(
        base,
        (Table::Registry, REGISTRY_DEPTH, seal.registry_root),
        BTreeSet::new(),
    )
}

/// What an entry of the last batch spent is spent by it: a statement's nullifiers (but for the fill of a dispense that was
/// voided in the same batch), and the fills that a BURN names.
fn check_nullifiers<B: Base>(state: &State<B>, index: u64, entry: &Entry) -> Result<(), StoreError> {
    let missing = || StoreError::damaged(format!("the nullifiers of entry {index} are not all spent"));
    match entry {
        Entry::Statement(post) => {
            let circuit = state.rules().circuit(&post.circuit_id).ok_or_else(missing)?;
            let statement = Statement::from_slice(circuit.key.name(), &post.inputs).map_err(|_| missing())?;
            let voided = match &statement {
                Statement::Dispense(_) => state.dispense(index)?.ok_or_else(missing)?.voided,
                _ => false,
            };
            for (kind, nullifier) in statement.nullifiers() {
                let freed = voided && kind == NullifierKind::Fill;
                let spent = state.nullifier(kind, &nullifier)?;
                if !freed && spent.is_none_or(|spent| spent.index != index) {
                    return Err(missing());
                }
            }
        }
        Entry::Burn(burn) => {
            for key in &burn.body.fill_keys {
                let spent = state.nullifier(NullifierKind::Fill, &tagged(Tag::Fill, [*key]))?;
                if !spent.is_some_and(|spent| spent.burned) {
                    return Err(missing());
                }
            }
        }
        Entry::Void(void) => {
            let target = void.body.dispense;
            let (_, public) = state.read_dispense(target).map_err(|_| missing())?;
            let fill = state.nullifier(NullifierKind::Fill, &public.nf_fill)?;
            let freed = fill.is_none_or(|spent| spent.index != target || spent.burned);
            if !freed || !state.dispense(target)?.is_some_and(|dispense| dispense.voided) {
                return Err(StoreError::damaged(format!(
                    "dispense {target} is not voided as entry {index} says"
                )));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Recomputes the nodes above `leaves`, and the root from its children, and compares.
fn check_tree<B: Base>(
    base: &B,
    (table, depth, root): (Table, usize, Fr),
    leaves: BTreeSet<u32>,
) -> Result<(), StoreError> {
    let get = |t: Table, key: &[u8]| base.get(t, key);
    let mut changed = leaves;
    for level in 0..depth {
        changed = changed.iter().map(|i| i >> 2).collect();
        if level + 1 == depth {
            changed.insert(0);
        }
        for &parent in &changed {
            let mut children = [Fr::from(0u64); 4];
            for (k, child) in (0..4u32).zip(&mut children) {
                *child = read_node(get, table, level, parent << 2 | k)?;
            }
            if node(&children) != read_node(get, table, level + 1, parent)? {
                let name = table.as_str();
                return Err(StoreError::damaged(format!(
                    "node {parent} of level {} of the {name} tree",
                    level + 1
                )));
            }
        }
    }
    if read_node(get, table, depth, 0)? != root {
        return Err(StoreError::damaged(format!(
            "the root of the {} tree is not the sealed one",
            table.as_str()
        )));
    }
    Ok(())
}
