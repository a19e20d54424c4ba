//! Changes a variable and recomputes what follows from it, as an honest prover would, but for one constraint.

use super::probe::{Polynomial, Probe, Use};
use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use std::collections::{BTreeMap, BTreeSet};

/// Most changes that are tried for one constraint, over all its variables.
const STEPS: usize = 5_000;

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
        let mut steps = STEPS;
        for (column, by) in self.beginnings(target) {
            let mut changes = vec![(column, by)];
            self.shift(column, by);
            let found = self.settle(target, definitions, &mut changes, &mut steps);
            for (column, by) in changes.into_iter().rev() {
                self.shift(column, -by);
            }
            if found || steps == 0 {
                return found;
            }
        }
        false
    }

    /// Changes to begin with: of variables of the constraint, first those that keep another constraint of
    /// theirs; then of their neighbours in other constraints, in the same way.
    fn beginnings(&self, target: usize) -> Vec<(usize, Fr)> {
        let kept = |column: usize| {
            let polynomials = self.polynomials(column).filter(|(row, _)| *row != target);
            let roots = polynomials.flat_map(|(_, p)| p.roots());
            let mut kept: Vec<(usize, Fr)> = Vec::new();
            for by in roots.filter(|by| *by != Fr::ZERO) {
                if kept.len() < 3 && !kept.contains(&(column, by)) {
                    kept.push((column, by));
                }
            }
            kept
        };
        let own = self.variables(target);
        let mut found: Vec<(usize, Fr)> = own.iter().flat_map(|c| kept(*c)).collect();
        found.extend(own.iter().map(|c| (*c, Fr::from(0x9e37_79b9_u64))));
        let rows = own.iter().flat_map(|c| self.uses[*c].iter().map(|u| u.row));
        let neighbours = rows.take(8).flat_map(|row| self.variables(row));
        for column in neighbours.take(100) {
            if !own.contains(&column) {
                found.extend(kept(column));
            }
        }
        found
    }

    fn settle(
        &mut self,
        target: usize,
        definitions: &[usize],
        changes: &mut Vec<(usize, Fr)>,
        steps: &mut usize,
    ) -> bool {
        let mut broken = BTreeSet::new();
        let mut last = changes[0].0;
        // What the search began with stays, and nothing is recomputed more than twice.
        let mut times: BTreeMap<usize, usize> = BTreeMap::from([(last, 2)]);
        while *steps > 0 {
            *steps -= 1;
            for term in &self.uses[last] {
                match self.is_broken(term.row) {
                    true => broken.insert(term.row),
                    false => broken.remove(&term.row),
                };
            }
            let Some(row) = broken.iter().copied().find(|row| *row != target) else {
                return broken.contains(&target);
            };
            let mut columns = self.variables(row);
            columns.retain(|c| times.get(c).is_none_or(|n| *n < 2));
            let Some((column, by)) = self.repair(row, definitions, columns) else {
                return false;
            };
            self.shift(column, by);
            changes.push((column, by));
            *times.entry(column).or_default() += 1;
            last = column;
        }
        false
    }

    /// A change of one of these variables that makes the constraint hold.
    fn repair(&self, row: usize, definitions: &[usize], mut columns: Vec<usize>) -> Option<(usize, Fr)> {
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
