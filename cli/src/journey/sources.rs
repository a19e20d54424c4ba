//! What a wallet takes from the ledger before it proves: paths and roots. It asks for ranges of leaves, so
//! that the ledger does not learn which one is its own.

use super::{JourneyError, wallet::Wallet};
use medproof_circuits::gadgets::registry::AcceptedKey;
use medproof_proto::{
    ledger::Tree,
    ledger_client::{Ledger, RANGE_LEAVES},
};
use medproof_records::identity::Identity;
use medproof_verifier::{
    CircuitName, Fr, Name, Path, Role, VerifyingKey,
    eddsa::PublicKey,
    tree::{COMMITMENT_DEPTH, IDENTITY_DEPTH, REGISTRY_DEPTH},
};
use std::collections::BTreeMap;

/// The wallet's identity in `domain` under the last sealed root.
///
/// # Errors
/// [`JourneyError::NotOnLedger`] when the leaf is another one (not sealed yet, or closed).
pub async fn identity(ledger: &mut Ledger, wallet: &Wallet, domain: &Name) -> Result<Identity, JourneyError> {
    let membership = wallet.membership(domain)?;
    let (leaf, path, _) = ledger
        .path::<IDENTITY_DEPTH>(Tree::Identity, membership.index.into())
        .await?;
    if leaf != membership.owner(wallet.sk()) {
        return Err(JourneyError::NotOnLedger("this identity"));
    }
    Ok(membership.identity(wallet.sk(), path))
}

/// A leaf of the commitment tree: its path and the anchor.
///
/// # Errors
/// [`JourneyError::NotOnLedger`] when another leaf is there.
pub async fn commitment(
    ledger: &mut Ledger,
    position: u64,
    expected: Fr,
) -> Result<(Path<COMMITMENT_DEPTH>, Fr), JourneyError> {
    let (leaf, path, root) = ledger
        .path::<COMMITMENT_DEPTH>(Tree::Commitment, position)
        .await?;
    if leaf != expected {
        return Err(JourneyError::NotOnLedger("this note"));
    }
    Ok((path, root))
}

/// The first of these leaves that lies in the commitment tree at position `from` or later: which one, and where.
/// All leaves of the ranges are taken, so that the ledger does not learn which one is looked for.
///
/// # Errors
/// [`JourneyError::Ledger`].
pub async fn find_commitment(
    ledger: &mut Ledger,
    wanted: &[Fr],
    from: u64,
) -> Result<Option<(usize, u64)>, JourneyError> {
    let end = ledger.anchors().await?.commitments;
    let mut at = from;
    while at < end && !wanted.is_empty() {
        let range = ledger.range::<COMMITMENT_DEPTH>(Tree::Commitment, at).await?;
        let first = range.first();
        for (position, leaf) in (first..).zip(range.leaves()) {
            if let Some(found) = wanted.iter().position(|w| position >= from && w == leaf) {
                return Ok(Some((found, position)));
            }
        }
        at = first + RANGE_LEAVES;
    }
    Ok(None)
}

/// The registered signing key of a party in a role, and the registry root.
///
/// # Errors
/// [`JourneyError::NotOnLedger`] when the registry has no such key.
pub async fn accepted(
    ledger: &mut Ledger,
    party: &Name,
    role: Role,
    key: &PublicKey,
) -> Result<(AcceptedKey, Fr), JourneyError> {
    let keys = ledger.registry().await?;
    let found = keys.into_iter().find(|k| {
        let leaf = &k.leaf;
        leaf.party == *party && leaf.role == role && leaf.ax == key.x && leaf.ay == key.y
    });
    let found = found.ok_or(JourneyError::NotOnLedger("the signer's key"))?;
    let (leaf, path, root) = ledger
        .path::<REGISTRY_DEPTH>(Tree::Registry, found.index.into())
        .await?;
    if leaf != found.leaf.hash() {
        return Err(JourneyError::NotOnLedger("the signer's key"));
    }
    let accepted = AcceptedKey {
        leaf: found.leaf,
        path,
    };
    Ok((accepted, root))
}

/// The verifying keys that the ledger accepts now, newest version of each circuit.
///
/// # Errors
/// [`JourneyError::Ledger`].
pub async fn verifying_keys(
    ledger: &mut Ledger,
) -> Result<BTreeMap<CircuitName, VerifyingKey>, JourneyError> {
    let mut keys = BTreeMap::new();
    for circuit in ledger.circuits().await? {
        if circuit.retired {
            continue;
        }
        let slot = keys.entry(circuit.key.name());
        let newer = |old: &VerifyingKey| old.version() < circuit.key.version();
        match slot {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(circuit.key);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                if newer(slot.get()) {
                    slot.insert(circuit.key);
                }
            }
        }
    }
    Ok(keys)
}
