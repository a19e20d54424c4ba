//! The nullifier sets, as the entries spend, burn and free them.

use super::Findings;
use crate::{
    state::Spent,
    store::Store,
    table::{Base, StoreError, Table, nullifier_key},
};
use medproof_verifier::{
    Fr,
    entry::{NULLIFIER_KINDS, NullifierKind},
    field::fr_to_be_bytes,
};
use std::collections::HashMap;

/// What is in force at the entry that is read now. Memory holds only what differs from the table: fills that a later
/// VOID, BURN or dispense changes, and faults.
pub(super) struct Nullifiers<'a> {
    store: &'a Store,
    differing: HashMap<[u8; 33], Option<Spent>>,
    /// Nullifiers spent, by kind.
    pub(super) counts: [u64; NULLIFIER_KINDS],
}

/// A key for people.
pub(super) fn shown(key: &[u8]) -> String {
    let kind = key.first().and_then(|number| NullifierKind::from_number(*number));
    let kind = kind.map_or("unknown", NullifierKind::as_str);
    let value: String = key.iter().skip(1).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind} {value}")
}

impl<'a> Nullifiers<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self {
            store,
            differing: HashMap::new(),
            counts: [0; NULLIFIER_KINDS],
        }
    }

    fn stored(&self, key: &[u8]) -> Result<Option<Spent>, StoreError> {
        // A row that cannot be decoded is found when the table is read; here it differs from any other.
        let row = self.store.get(Table::Nullifier, key)?;
        Ok(row.and_then(|row| Spent::from_bytes(&row).ok()))
    }

    /// What is spent before entry `index`. A row of a later entry does not count yet.
    fn current(&self, key: &[u8; 33], index: u64) -> Result<Option<Spent>, StoreError> {
        match self.differing.get(key) {
            Some(spent) => Ok(*spent),
            None => Ok(self.stored(key)?.filter(|spent| spent.index < index)),
        }
    }

    fn set(&mut self, key: [u8; 33], spent: Option<Spent>) -> Result<(), StoreError> {
        if self.stored(&key)? == spent {
            self.differing.remove(&key);
        } else {
            self.differing.insert(key, spent);
        }
        Ok(())
    }

    /// A statement spends one.
    pub(super) fn spend(
        &mut self,
        (kind, nullifier): (NullifierKind, &Fr),
        index: u64,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let key = nullifier_key(kind, &fr_to_be_bytes(nullifier));
        if let Some(before) = self.current(&key, index)? {
            let what = format!("{} is spent by entries {} and {index}", shown(&key), before.index);
            findings.problem(Table::Nullifier.as_str(), what);
        }
        self.counts[kind as usize - 1] += 1;
        self.set(key, Some(Spent { index, burned: false }))
    }

    /// A prescriber burns a fill, spent or not.
    pub(super) fn burn(&mut self, nullifier: &Fr, index: u64) -> Result<(), StoreError> {
        let key = nullifier_key(NullifierKind::Fill, &fr_to_be_bytes(nullifier));
        let spent = self.current(&key, index)?;
        if spent.is_none() {
            self.counts[NullifierKind::Fill as usize - 1] += 1;
        }
        let index = spent.map_or(index, |spent| spent.index);
        self.set(key, Some(Spent { index, burned: true }))
    }

    /// A VOID at `index` takes a dispense back; a burned fill stays spent.
    pub(super) fn free(&mut self, nullifier: &Fr, dispense: u64, index: u64) -> Result<(), StoreError> {
        let key = nullifier_key(NullifierKind::Fill, &fr_to_be_bytes(nullifier));
        let spent = self.current(&key, index)?;
        if spent.is_some_and(|spent| spent.index == dispense && !spent.burned) {
            self.counts[NullifierKind::Fill as usize - 1] -= 1;
            self.set(key, None)?;
        }
        Ok(())
    }

    /// After the last entry nothing may differ.
    pub(super) fn finish(self, findings: &mut Findings) {
        for (key, spent) in self.differing {
            let expected = match spent {
                None => "free".to_owned(),
                Some(Spent { index, burned: true }) => format!("spent by entry {index} and burned"),
                Some(Spent { index, burned: false }) => format!("spent by entry {index}"),
            };
            let what = format!("{} is {expected}, and the table says otherwise", shown(&key));
            findings.problem(Table::Nullifier.as_str(), what);
        }
    }
}
