//! A policy's code table: sorted disjoint intervals of packed codes with a mask and a number each, as an
//! indexed quaternary tree (`docs/format.md`, section 4).
//!
//! One opened leaf shows that a code lies in its interval, or in the gap between it and the next one. Leaf 0 is a
//! sentinel (`lo = hi = 0`, mask 0, number 0), so that every code has a leaf at or below it; being "in" the
//! sentinel is not membership.

use crate::code::{Code, CodeInterval};
use ark_bn254::Fr;
use medproof_verifier::tree::{DenseTree, TABLE_DEPTH};
use medproof_verifier::{Path, Tag, tagged};

/// `next_lo` of the last leaf; no packed code reaches it.
pub const TABLE_END: u128 = (1 << 72) - 1;
/// Most intervals of a table; one leaf is the sentinel.
pub const MAX_INTERVALS: usize = (1 << (2 * TABLE_DEPTH)) - 1;

/// A leaf of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableLeaf {
    /// Lowest packed code of the interval.
    pub lo: u128,
    /// Highest packed code.
    pub hi: u128,
    /// `lo` of the next leaf, or [`TABLE_END`].
    pub next_lo: u128,
    /// Atoms that the interval belongs to, or what a statement packs into 64 bits.
    pub mask: u64,
    /// A number such as micro-MME a unit.
    pub number: u64,
}

impl TableLeaf {
    /// The leaf's hash.
    pub fn hash(&self) -> Fr {
        tagged(
            Tag::Table,
            [
                Fr::from(self.lo),
                Fr::from(self.hi),
                Fr::from(self.next_lo),
                Fr::from(self.mask),
                Fr::from(self.number),
            ],
        )
    }
}

/// An interval with what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableEntry {
    /// Lowest packed code.
    pub lo: u128,
    /// Highest packed code.
    pub hi: u128,
    /// Mask.
    pub mask: u64,
    /// Number.
    pub number: u64,
}

impl TableEntry {
    /// An entry for an interval of codes.
    pub fn new(interval: CodeInterval, mask: u64, number: u64) -> Self {
        Self {
            lo: interval.lo(),
            hi: interval.hi(),
            mask,
            number,
        }
    }
}

/// Why entries make no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A code lies in two intervals.
    #[error("{0} is listed twice (in overlapping intervals)")]
    Overlap(Code),
    /// Too many intervals.
    #[error("{0} intervals: a code table holds at most {MAX_INTERVALS}")]
    TooMany(usize),
    /// An interval that is empty or not of packed codes.
    #[error("the interval from {lo:#x} to {hi:#x} is not one of packed codes")]
    BadInterval {
        /// Lowest value.
        lo: u128,
        /// Highest value.
        hi: u128,
    },
}

/// The leaf that decides a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Position of the leaf.
    pub index: u32,
    /// The leaf at or below the code.
    pub leaf: TableLeaf,
    /// Path of the leaf.
    pub path: Path<TABLE_DEPTH>,
    /// Whether the code lies inside the leaf's interval (never true of the sentinel) or in the gap after it.
    pub member: bool,
}

/// A compiled table.
#[derive(Debug, Clone)]
pub struct CodeTable {
    leaves: Vec<TableLeaf>,
    tree: DenseTree<TABLE_DEPTH>,
}

impl CodeTable {
    /// Builds a table from intervals in any order.
    ///
    /// # Errors
    /// [`TableError`] when two overlap, one is no interval, or they are too many.
    pub fn new(mut entries: Vec<TableEntry>) -> Result<Self, TableError> {
        if entries.len() > MAX_INTERVALS {
            return Err(TableError::TooMany(entries.len()));
        }
        entries.sort_unstable_by_key(|e| e.lo);
        let mut leaves = vec![TableLeaf {
            next_lo: TABLE_END,
            ..TableLeaf::default()
        }];
        for entry in entries {
            let (lo, hi) = (entry.lo, entry.hi);
            if lo == 0 || lo > hi || hi >= TABLE_END {
                return Err(TableError::BadInterval { lo, hi });
            }
            // The list begins with the sentinel.
            if let Some(last) = leaves.last_mut() {
                if lo <= last.hi {
                    let code = Code::from_packed(lo).unwrap_or(Code::NONE);
                    return Err(TableError::Overlap(code));
                }
                last.next_lo = lo;
            }
            leaves.push(TableLeaf {
                lo,
                hi,
                next_lo: TABLE_END,
                mask: entry.mask,
                number: entry.number,
            });
        }
        let count = leaves.len();
        let tree = DenseTree::new(leaves.iter().map(TableLeaf::hash).collect());
        let tree = tree.map_err(|_| TableError::TooMany(count))?;
        Ok(Self { leaves, tree })
    }

    /// The table's root.
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// The leaves, the sentinel first.
    pub fn leaves(&self) -> &[TableLeaf] {
        &self.leaves
    }

    /// The leaf at or below a code, with its path.
    pub fn lookup(&self, code: Code) -> Lookup {
        let packed = code.packed();
        // The sentinel's `lo` is 0, so at least one leaf is at or below any code.
        let at = self.leaves.partition_point(|l| l.lo <= packed) - 1;
        let leaf = self.leaves[at];
        let path = self.tree.path(at as u64).expect("the leaf lies in the tree");
        Lookup {
            index: at as u32,
            leaf,
            path,
            member: at > 0 && packed <= leaf.hi,
        }
    }
}

/// Cuts intervals that may overlap into disjoint ones; each carries the union of the masks over it and number 0.
pub fn disjoint(sets: &[(CodeInterval, u64)]) -> Vec<TableEntry> {
    let mut cuts: Vec<u128> = sets
        .iter()
        .flat_map(|(interval, _)| [interval.lo(), interval.hi() + 1])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut by_start: Vec<&(CodeInterval, u64)> = sets.iter().collect();
    by_start.sort_unstable_by_key(|(interval, _)| interval.lo());
    let mut waiting = by_start.into_iter().peekable();
    let mut open: Vec<&(CodeInterval, u64)> = Vec::new();
    let mut out: Vec<TableEntry> = Vec::new();
    for window in cuts.windows(2) {
        let (lo, hi) = (window[0], window[1] - 1);
        open.retain(|(interval, _)| interval.hi() >= lo);
        while let Some(next) = waiting.next_if(|(interval, _)| interval.lo() <= lo) {
            open.push(next);
        }
        let mask = open.iter().fold(0, |mask, (_, m)| mask | m);
        if open.is_empty() {
            continue;
        }
        match out.last_mut() {
            Some(last) if last.mask == mask && last.hi + 1 == lo => last.hi = hi,
            _ => out.push(TableEntry {
                lo,
                hi,
                mask,
                number: 0,
            }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interval(text: &str) -> CodeInterval {
        CodeInterval::parse(text).unwrap()
    }

    #[test]
    fn every_code_is_decided_by_the_leaf_at_or_below_it() {
        let entries = ["icd10cm|E11.*", "rxnorm|5856", "loinc|4548-4"];
        let entries = entries
            .iter()
            .zip(1..)
            .map(|(t, m)| TableEntry::new(interval(t), m, 10 * m));
        let table = CodeTable::new(entries.collect()).unwrap();
        let cases = [
            ("rxnorm|5855", 0, false),
            ("rxnorm|5856", 1, true),
            ("rxnorm|5857", 1, false),
            ("loinc|4548-4", 2, true),
            ("icd10cm|E10.9", 2, false),
            ("icd10cm|E11.65", 3, true),
            ("icd10cm|E12", 3, false),
            ("cdt|D0120", 3, false),
        ];
        for (code, index, member) in cases {
            let found = table.lookup(Code::parse(code).unwrap());
            assert_eq!((found.index, found.member), (index, member), "{code}");
            assert_eq!(found.path.root(found.leaf.hash()), table.root());
            assert_eq!(found.leaf, table.leaves()[index as usize]);
        }
        for none in [Code::NONE, Code::ABSENT] {
            assert!(!table.lookup(none).member);
        }
        assert_eq!(table.leaves()[0].next_lo, table.leaves()[1].lo);
        assert_eq!(table.leaves()[3].next_lo, TABLE_END);
        assert!(!CodeTable::new(vec![]).unwrap().lookup(Code::ABSENT).member);
    }

    #[test]
    fn bad_intervals_are_refused() {
        let entry = |t: &str| TableEntry::new(interval(t), 1, 0);
        let twice = vec![entry("icd10cm|E11.*"), entry("icd10cm|E11.9")];
        let overlap = Code::parse("icd10cm|E11.9").unwrap();
        assert_eq!(CodeTable::new(twice).unwrap_err(), TableError::Overlap(overlap));
        for (lo, hi) in [(0, 5), (5, 4), (1, TABLE_END)] {
            let bad = TableEntry {
                lo,
                hi,
                mask: 0,
                number: 0,
            };
            assert_eq!(
                CodeTable::new(vec![bad]).unwrap_err(),
                TableError::BadInterval { lo, hi }
            );
        }
        let many = vec![entry("rxnorm|1"); MAX_INTERVALS + 1];
        assert_eq!(
            CodeTable::new(many).unwrap_err(),
            TableError::TooMany(MAX_INTERVALS + 1)
        );
    }

    proptest! {
        #[test]
        fn cut_intervals_keep_every_membership(
            sets in prop::collection::vec((0u64..40, 0u64..8, 0u32..4), 0..12),
            probe in 0u64..60,
        ) {
            let code = |n: u64| Code::parse(&format!("rxnorm|{}", n + 1)).unwrap();
            let whole: Vec<(u128, u128, u64)> = sets.iter()
                .map(|(lo, len, bit)| (code(*lo).packed(), code(lo + len).packed(), 1 << bit)).collect();
            // Intervals of numbers cannot be written in a policy, so they are made here from single codes.
            let singles: Vec<(CodeInterval, u64)> = sets.iter()
                .flat_map(|(lo, len, bit)| (*lo..=lo + len).map(move |n| (CodeInterval::single(code(n)), 1 << bit)))
                .collect();
            let table = CodeTable::new(disjoint(&singles)).unwrap();
            let found = table.lookup(code(probe));
            let expected = whole.iter().filter(|(lo, hi, _)| (*lo..=*hi).contains(&code(probe).packed()))
                .fold(0, |mask, (_, _, m)| mask | m);
            prop_assert_eq!(if found.member { found.leaf.mask } else { 0 }, expected);
            prop_assert_eq!(found.member, expected != 0);
        }
    }
}
