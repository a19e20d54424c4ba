//! The rows of a batch before its base has them.

use crate::table::{Base, StoreError, Table};
use std::{collections::BTreeMap, sync::Arc};

/// Rows to write (`Some`) or to delete (`None`), by table. Keys in order: a base takes them faster so.
#[derive(Debug, Default)]
pub struct Rows([BTreeMap<Vec<u8>, Option<Vec<u8>>>; Table::ALL.len()]);

impl Rows {
    /// The tables with rows, in the order of [`Table::ALL`].
    pub(crate) fn tables(&self) -> impl Iterator<Item = (Table, &BTreeMap<Vec<u8>, Option<Vec<u8>>>)> {
        let tables = Table::ALL.into_iter().zip(&self.0);
        tables.filter(|(_, rows)| !rows.is_empty())
    }

    pub(crate) fn into_tables(self) -> impl Iterator<Item = (Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>)> {
        Table::ALL.into_iter().zip(self.0)
    }

    fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.0[table as usize].get(key)
    }

    fn put(&mut self, table: Table, key: &[u8], value: Option<Vec<u8>>) {
        self.0[table as usize].insert(key.to_vec(), value);
    }
}

/// A base seen through the batch in progress, and through one before it whose rows may still be on their way.
#[derive(Debug)]
pub(crate) struct Overlay<B> {
    base: B,
    /// The last batch handed over. Once the base has its rows, both say the same.
    in_flight: Arc<Rows>,
    pending: Rows,
}

impl<B: Base> Overlay<B> {
    pub(crate) fn new(base: B) -> Self {
        Self {
            base,
            in_flight: Arc::default(),
            pending: Rows::default(),
        }
    }

    pub(crate) fn base(&self) -> &B {
        &self.base
    }

    #[cfg(test)]
    pub(crate) fn into_base(self) -> B {
        self.base
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let newer = self.pending.get(table, key);
        match newer.or_else(|| self.in_flight.get(table, key)) {
            Some(row) => Ok(row.clone()),
            None => self.base.get(table, key),
        }
    }

    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.pending.put(table, key, Some(value));
    }

    pub(crate) fn delete(&mut self, table: Table, key: &[u8]) {
        self.pending.put(table, key, None);
    }

    /// Makes the batch in progress durable. None may be on its way.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.base.commit(std::mem::take(&mut self.pending))
    }

    /// Gives the rows of the batch in progress to whoever writes them to the base, and goes on as if it had them.
    /// Those of the batch handed over before are looked for in the base from now on.
    pub(crate) fn hand_over(&mut self) -> Arc<Rows> {
        self.in_flight = Arc::new(std::mem::take(&mut self.pending));
        Arc::clone(&self.in_flight)
    }
}
