//! One table read in order, beside what it should hold.

use super::Findings;
use crate::{
    store::{Row, Store},
    table::{StoreError, Table},
};

type Rows<'a> = Box<dyn Iterator<Item = Result<Row, StoreError>> + 'a>;

/// A table, or the part of it whose keys begin with a prefix. What is expected comes in the order of the keys, so
/// that one reading finds the rows that are missing, those that differ, and those that nothing leads to.
pub(super) struct Cursor<'a> {
    table: Table,
    rows: Rows<'a>,
    next: Option<Row>,
    /// The rest cannot be read. That is one problem, not one for each row.
    failed: bool,
    /// Rows read.
    pub(super) read: u64,
}

/// A key for people: a number where it can be one, otherwise hexadecimal.
fn shown(table: Table, key: &[u8]) -> String {
    match (table, <[u8; 8]>::try_from(key)) {
        (Table::Party, _) => String::from_utf8_lossy(key).into_owned(),
        (_, Ok(number)) => u64::from_be_bytes(number).to_string(),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(store: &'a Store, table: Table, findings: &mut Findings) -> Self {
        Self::from(store, table, (&[], vec![]), findings)
    }

    /// The rows from the key `from` on that begin with `prefix`.
    pub(super) fn from(
        store: &'a Store,
        table: Table,
        (from, prefix): (&[u8], Vec<u8>),
        findings: &mut Findings,
    ) -> Self {
        let (rows, error): (Rows<'a>, _) = match store.rows(table, from) {
            Ok(rows) => {
                let inside = move |row: &Result<Row, _>| match row {
                    Ok((key, _)) => key.starts_with(&prefix),
                    Err(_) => true,
                };
                (Box::new(rows.take_while(inside)), None)
            }
            Err(error) => (Box::new(std::iter::empty()), Some(error)),
        };
        let mut cursor = Self {
            table,
            rows,
            next: None,
            failed: error.is_some(),
            read: 0,
        };
        if let Some(error) = error {
            findings.problem(table.as_str(), error);
        }
        cursor.advance(findings);
        cursor
    }

    fn advance(&mut self, findings: &mut Findings) -> Option<Row> {
        let following = match self.rows.next() {
            Some(Ok(row)) => Some(row),
            Some(Err(error)) => {
                self.failed = true;
                findings.problem(self.table.as_str(), error);
                None
            }
            None => None,
        };
        self.read += u64::from(following.is_some());
        std::mem::replace(&mut self.next, following)
    }

    /// The next row, whatever its key is.
    pub(super) fn take(&mut self, findings: &mut Findings) -> Option<Row> {
        self.advance(findings)
    }

    /// Whether the rest of the table cannot be read.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// The value at `key`, which lies after every key that was asked for before. Rows on the way there belong to
    /// nothing.
    pub(super) fn value(&mut self, key: &[u8], findings: &mut Findings) -> Option<Vec<u8>> {
        loop {
            match &self.next {
                Some((at, _)) if &at[..] < key => self.stray(findings),
                Some((at, _)) if at == key => return Some(self.advance(findings)?.1),
                _ => return None,
            }
        }
    }

    /// Compares the row at `key`.
    pub(super) fn expect(&mut self, key: &[u8], value: &[u8], findings: &mut Findings) {
        let found = self.value(key, findings);
        if self.failed && found.is_none() {
            return;
        }
        let name = |what: &str| format!("row {} {what}", shown(self.table, key));
        match found {
            Some(found) if found == value => {}
            Some(_) => findings.problem(self.table.as_str(), name("is not what the entries lead to")),
            None => findings.problem(self.table.as_str(), name("is missing")),
        }
    }

    /// Reads to the end; what is left belongs to nothing. Gives the number of rows.
    pub(super) fn finish(mut self, findings: &mut Findings) -> u64 {
        while self.next.is_some() {
            self.stray(findings);
        }
        self.read
    }

    fn stray(&mut self, findings: &mut Findings) {
        if let Some((key, _)) = self.advance(findings) {
            let what = format!("row {} belongs to no entry", shown(self.table, &key));
            findings.problem(self.table.as_str(), what);
        }
    }
}
