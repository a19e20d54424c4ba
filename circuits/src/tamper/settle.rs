//! Changes a variable and recomputes what follows from it, as an honest prover would, but for one constraint.

use super::probe::{Polynomial, Probe, Use};
use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use std::collections::BTreeSet;

/// Most variables that are recomputed.
const STEPS: usize = 1_000;

impl Probe<'_> {
    /// For each variable the first constraint that holds it: usually the one that defines it.
    pub(super) fn definitions(&self) -> Vec<usize> {
        let first = |uses: &Vec<Use>| uses.first().map_or(usize::MAX, |u| u.row);
        self.uses.iter().map(first).collect()
    }

    /// Whether some assignment was found that breaks `target` and nothing else: a variable of the constraint is
    /// changed, and each other constraint that this breaks is repaired by the variable that it defines, or
    /// else by the one whose change breaks the fewest. Public inputs follow too. Starts from an
    /// assignment that breaks nothing, and returns to it.
    pub(super) fn breaks_alone(&mut self, target: usize, definitions: &[usize]) -> bool {
        for column in self.variables(target) {
            let mut candidates = vec![Fr::from(0x9e37_79b9_u64)];
            for (row, p) in self.polynomials(column) {
                let roots = p.roots().into_iter();
                let others = roots.filter(|by| row != target && *by != Fr::ZERO);
                candidates.extend(others.take(1));
            }
            // The roots keep other constraints, so they come first.
            candidates.reverse();
            candidates.truncate(4);
            for by in candidates {
                let mut changes = vec![(column, by)];
                self.shift(column, by);
                let found = self.settle(target, definitions, &mut changes);
                for (column, by) in changes.into_iter().rev() {
                    self.shift(column, -by);
                }
                if found {
                    return true;
                }
            }
        }
        false
    }

    fn settle(&mut self, target: usize, definitions: &[usize], changes: &mut Vec<(usize, Fr)>) -> bool {
        let mut broken = BTreeSet::new();
        let mut last = changes[0].0;
        for _ in 0..STEPS {
            for term in &self.uses[last] {
                match self.is_broken(term.row) {
                    true => broken.insert(term.row),
                    false => broken.remove(&term.row),
                };
            }
            let Some(row) = broken.iter().copied().find(|row| *row != target) else {
                return broken.contains(&target);
            };
            let Some((column, by)) = self.repair(row, definitions, changes) else {
                return false;
            };
            self.shift(column, by);
            changes.push((column, by));
            last = column;
        }
        false
    }

    /// A change of one variable that makes the constraint hold.
    fn repair(&self, row: usize, definitions: &[usize], changes: &[(usize, Fr)]) -> Option<(usize, Fr)> {
        // What the search began with stays, and nothing is recomputed more than twice.
        let times = |column: usize| changes.iter().filter(|(c, _)| *c == column).count();
        let mut columns = self.variables(row);
        columns.retain(|c| *c != changes[0].0 && times(*c) < 2);
        if let Some(defined) = columns.iter().rev().find(|c| definitions[**c] == row) {
            columns = vec![*defined];
        }
        let moves = columns.into_iter().rev().flat_map(|column| {
            let here = self.polynomials(column).find(|(r, _)| *r == row);
            let roots = here.map(|(_, p)| p.roots()).unwrap_or_default();
            roots.into_iter().map(move |by| (column, by))
        });
        let breaks = |column: usize, by: Fr| {
            let rows = self.polynomials(column);
            rows.filter(|(_, p): &(usize, Polynomial)| p.at(by) != Fr::ZERO)
                .count()
        };
        moves.min_by_key(|(column, by)| breaks(*column, *by))
    }
}
