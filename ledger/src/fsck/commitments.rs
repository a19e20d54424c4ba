//! The commitment tree, recomputed from its leaves in the order in which they were appended.

use super::{Findings, cursor::Cursor};
use crate::{
    store::Store,
    table::{Table, node_key},
};
use medproof_verifier::{
    Fr,
    field::fr_to_be_bytes,
    node,
    tree::{COMMITMENT_DEPTH, empty_root},
};

struct Level<'a> {
    /// Nodes whose parent is not complete, at most three.
    waiting: Vec<Fr>,
    /// Complete nodes so far.
    complete: u64,
    rows: Cursor<'a>,
}

/// Only the nodes at the tree's growing edge are in memory.
pub(super) struct Commitments<'a>(Vec<Level<'a>>);

impl<'a> Commitments<'a> {
    pub(super) fn new(store: &'a Store, findings: &mut Findings) -> Self {
        let level = |level: usize| {
            // Levels are at most 16. What lies beyond the last is read with it.
            let from = vec![level as u8];
            let prefix = if level == COMMITMENT_DEPTH {
                vec![]
            } else {
                from.clone()
            };
            Level {
                waiting: vec![],
                complete: 0,
                rows: Cursor::from(store, Table::Commitment, (&from, prefix), findings),
            }
        };
        Self((0..=COMMITMENT_DEPTH).map(level).collect())
    }

    /// Appends a leaf and compares every node that it completes.
    pub(super) fn append(&mut self, leaf: Fr, findings: &mut Findings) {
        let mut complete = leaf;
        for (number, level) in self.0.iter_mut().enumerate() {
            // The caller appends at most 4^16 leaves: positions are those of a u32.
            let key = node_key(number, level.complete as u32);
            level.rows.expect(&key, &fr_to_be_bytes(&complete), findings);
            level.complete += 1;
            level.waiting.push(complete);
            let Ok(children) = <[Fr; 4]>::try_from(&level.waiting[..]) else {
                return;
            };
            level.waiting.clear();
            complete = node(&children);
        }
    }

    /// The nodes above the last leaf that are not complete, by the level above which they stand; the last is the
    /// root. Empty when there is no leaf.
    fn edge(&self) -> Vec<Fr> {
        let mut edge: Vec<Fr> = vec![];
        if self.0[..COMMITMENT_DEPTH]
            .iter()
            .all(|level| level.waiting.is_empty())
        {
            return edge;
        }
        let mut above = None;
        for (number, level) in self.0[..COMMITMENT_DEPTH].iter().enumerate() {
            let mut children = [empty_root(number); 4];
            let known = level.waiting.iter().copied().chain(above);
            let mut any = false;
            for (child, value) in children.iter_mut().zip(known) {
                (*child, any) = (value, true);
            }
            above = any.then(|| node(&children));
            edge.push(above.unwrap_or_else(|| empty_root(number + 1)));
        }
        edge
    }

    pub(super) fn root(&self) -> Fr {
        let full = self.0[COMMITMENT_DEPTH].waiting.first().copied();
        let edge = || self.edge().last().copied();
        full.or_else(edge).unwrap_or_else(|| empty_root(COMMITMENT_DEPTH))
    }

    /// Compares the nodes at the edge, and reads every level to its end.
    pub(super) fn finish(mut self, findings: &mut Findings) -> u64 {
        for (below, value) in self.edge().into_iter().enumerate() {
            let level = &mut self.0[below + 1];
            // A level whose nodes are all complete has no node at the edge.
            if value != empty_root(below + 1) {
                let key = node_key(below + 1, level.complete as u32);
                level.rows.expect(&key, &fr_to_be_bytes(&value), findings);
            }
        }
        self.0.into_iter().map(|level| level.rows.finish(findings)).sum()
    }
}
