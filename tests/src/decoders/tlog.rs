//! What strangers send to the HTTP side of a ledger or witness, and witnesses to a ledger.

use super::entries;
use medproof_ledger::{
    tile::{TilePath, entries_of},
    witness::request::AddCheckpoint,
};
use medproof_verifier::cosignature::{WitnessKey, WitnessPolicy, attach};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The text of a witness' key: one spelling.
pub(super) fn witness_key(bytes: &[u8]) -> bool {
    let Ok(key) = text(bytes).parse::<WitnessKey>() else {
        return false;
    };
    assert_eq!(key.to_string().as_bytes(), bytes);
    true
}

/// A witness' answer to a ledger: what is taken holds under the witness' key, and changes nothing else.
pub(super) fn cosignatures(bytes: &[u8]) -> bool {
    let (log, witness) = (entries::log_signer(), entries::cosigner());
    let note = log.sign(2, &[9; 32]).expect("a checkpoint");
    let Ok((cosigned, _)) = attach(&note, bytes, witness.witness_key()) else {
        return false;
    };
    assert!(cosigned.starts_with(&note));
    let policy = WitnessPolicy::new(log.log_key(), vec![witness.witness_key().clone()], 1);
    let policy = policy.expect("one of one witness");
    assert!(policy.check(&cosigned).is_ok());
    true
}

/// A request to a witness: one encoding.
pub(super) fn add_checkpoint(bytes: &[u8]) -> bool {
    let Ok(asked) = AddCheckpoint::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(asked.to_bytes(), bytes);
    true
}

/// A primary's entry tile, as a mirror reads it: one encoding.
pub(super) fn entry_tile(bytes: &[u8]) -> bool {
    let Some(entries) = entries_of(bytes) else {
        return false;
    };
    let again: Vec<u8> = entries
        .iter()
        .flat_map(|entry| [&(entry.len() as u16).to_be_bytes()[..], entry].concat())
        .collect();
    assert_eq!(again, bytes);
    true
}

/// The path of a tile: one spelling.
pub(super) fn tile_path(bytes: &[u8]) -> bool {
    let Ok(tile) = text(bytes).parse::<TilePath>() else {
        return false;
    };
    assert_eq!(tile.to_string().as_bytes(), bytes);
    assert!(!tile.is_within(tile.first()));
    true
}
