//! Which leaves of the code table are opened, and which of them decides which code.

use ark_bn254::Fr;
use medproof_records::code::Code;
use medproof_records::policy::eligibility::Fact;
use medproof_records::snapshot::SaltedRecord;
use medproof_records::table::{CodeTable, TableLeaf};
use medproof_verifier::Path;
use medproof_verifier::tree::TABLE_DEPTH;

/// A leaf of the table with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedLeaf {
    /// The leaf.
    pub leaf: TableLeaf,
    /// Its path.
    pub path: Path<TABLE_DEPTH>,
}

/// How a code is decided: by one opened leaf, inside its interval or in the gap after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Position among the opened leaves.
    pub leaf: usize,
    /// Inside the interval.
    pub inside: bool,
}

/// Why an opening decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpeningRefused {
    /// The leaf is not one of the policy's table.
    #[error("opened leaf {0} is not in the policy's code table")]
    Leaf(usize),
    /// The code 0 of empty slots is decided by the first leaf.
    #[error("the first opened leaf is not the code table's sentinel")]
    Sentinel,
    /// The code lies elsewhere.
    #[error("the leaf chosen for record {0} does not decide its code")]
    Code(usize),
}

/// The opened leaves, the sentinel first, and the choices for both codes of each record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// Distinct leaves.
    pub leaves: Vec<OpenedLeaf>,
    /// For each record, how its two codes are decided.
    pub choices: Vec<[Choice; 2]>,
}

impl Opening {
    /// Opens what the records' codes need.
    pub fn new(table: &CodeTable, records: &[SaltedRecord]) -> Self {
        let mut out = Self::default();
        // The sentinel decides the code 0 of empty slots.
        out.choose(table, Code::NONE);
        out.choices = records
            .iter()
            .map(|r| [r.record.code, r.record.code2])
            .map(|codes| codes.map(|code| out.choose(table, code)))
            .collect();
        out
    }

    fn choose(&mut self, table: &CodeTable, code: Code) -> Choice {
        let found = table.lookup(code);
        let known = self.leaves.iter().position(|l| l.path.index() == found.index);
        let leaf = known.unwrap_or(self.leaves.len());
        if known.is_none() {
            self.leaves.push(OpenedLeaf {
                leaf: found.leaf,
                path: found.path,
            });
        }
        Choice {
            leaf,
            inside: code.packed() <= found.leaf.hi,
        }
    }

    /// The choices for a record; the sentinel's interval for an empty slot.
    pub(super) fn choice(&self, record: usize) -> [Choice; 2] {
        let empty = Choice {
            leaf: 0,
            inside: true,
        };
        self.choices.get(record).copied().unwrap_or([empty; 2])
    }

    /// Checks that every leaf is in the table, the sentinel the first of them, and that every choice decides its
    /// code.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self, table_root: Fr, records: &[SaltedRecord]) -> Result<(), OpeningRefused> {
        for (i, opened) in self.leaves.iter().enumerate() {
            if opened.path.root(opened.leaf.hash()) != table_root {
                return Err(OpeningRefused::Leaf(i));
            }
        }
        let first = self.leaves.first().map(|opened| (opened.leaf.lo, opened.leaf.hi));
        if first != Some((0, 0)) {
            return Err(OpeningRefused::Sentinel);
        }
        // A choice without a record is one for an empty slot.
        for i in 0..records.len().max(self.choices.len()) {
            let record = records.get(i).map(|salted| &salted.record);
            let codes = record.map_or([Code::NONE; 2], |r| [r.code, r.code2]);
            for (code, choice) in codes.into_iter().zip(self.choice(i)) {
                let decided = self.leaves.get(choice.leaf).is_some_and(|opened| {
                    let (leaf, code) = (&opened.leaf, code.packed());
                    if choice.inside {
                        (leaf.lo..=leaf.hi).contains(&code)
                    } else {
                        leaf.hi < code && code < leaf.next_lo
                    }
                });
                if !decided {
                    return Err(OpeningRefused::Code(i));
                }
            }
        }
        Ok(())
    }

    /// The mask of what a choice says.
    fn mask(&self, choice: Choice) -> u64 {
        let opened = self.leaves.get(choice.leaf).filter(|_| choice.inside);
        opened.map_or(0, |o| o.leaf.mask)
    }

    /// The records as the atoms see them under these choices.
    pub fn facts(&self, records: &[SaltedRecord]) -> Vec<Fact> {
        let source = |i: usize| records[i].record.source;
        let facts = records.iter().enumerate().map(|(i, salted)| {
            let [first, second] = self.choice(i);
            Fact {
                continues: i > 0 && source(i) == source(i - 1),
                ..Fact::with_mask(&salted.record, self.mask(first) | self.mask(second))
            }
        });
        facts.collect()
    }
}
