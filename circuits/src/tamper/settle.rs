//! Changes a variable and recomputes what follows from it, as an honest prover would, but for one constraint.

use super::probe::{Polynomial, Probe};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use std::collections::{BTreeMap, BTreeSet};

/// Most changes of one attempt: a changed identity or record passes through several thousand constraints.
const STEPS: usize = 3_000;
/// Most changes that are tried for one constraint, over all attempts.
const ALL_STEPS: usize = 60_000;

/// How an honest prover comes by the variables, read off the constraints.
pub(super) struct Order {
    /// For each variable the first constraint that holds it, if it is the newest there: the one that defines
    /// it. Others are given.
    pub(super) definitions: Vec<Option<usize>>,
    /// Whether a constraint on this variable alone leaves it two values.
    pub(super) bits: Vec<bool>,
}

/// One attempt to break `target` and nothing else.
struct Attempt<'a> {
    target: usize,
    order: &'a Order,
    /// Variables that repair in preference to all others.
    free: &'a [usize],
    changes: Vec<(usize, Fr)>,
    /// How often each variable was changed.
    times: BTreeMap<usize, usize>,
}

impl Probe<'_> {
    pub(super) fn order(&self) -> Order {
        let defined = |column: usize| {
            let first = self.uses[column].first().map(|u| u.row);
            first.filter(|row| self.variables(*row).last() == Some(&column))
        };
        let bit = |column: usize| {
            let mut polynomials = self.polynomials(column);
            polynomials.any(|(row, p)| p.square != Fr::ZERO && self.variables(row) == [column])
        };
        Order {
            definitions: (0..self.uses.len()).map(defined).collect(),
            bits: (0..self.uses.len()).map(bit).collect(),
        }
    }

    /// Whether some assignment was found that breaks `target` and nothing else: a variable of the constraint is
    /// changed, and each other constraint that this breaks is repaired by a variable of `target`, by the bits of
    /// a number, by the variable that it defines, by one that is given, or else by any whose change breaks the
    /// fewest. Public inputs follow too. Starts from an assignment that breaks nothing, and returns to it.
    pub(super) fn breaks_alone(&mut self, target: usize, order: &Order) -> bool {
        let mut steps = ALL_STEPS;
        let own = self.variables(target);
        for begin in self.beginnings(target, &own) {
            // As an honest prover would; and with the deleted constraint's variables taking any value.
            for free in [&[][..], &own] {
                let found = self.follow(target, order, free, vec![begin], &mut steps);
                if found || steps == 0 {
                    return found;
                }
            }
        }
        false
    }

    /// Changes to begin with: of variables of the constraint, first those that keep another constraint of
    /// theirs, then by little, which keeps what is in a range; then of their neighbours in other constraints
    /// those that keep one.
    fn beginnings(&self, target: usize, own: &[usize]) -> Vec<(usize, Fr)> {
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
        // From the newest, of which least follows. By a half: what is even is then still an integer.
        let half = Fr::from(2u64).inverse().unwrap_or_default();
        let little = [1i64, -1, 2, -2, 0x9e37_79b9].map(Fr::from);
        let little = little.into_iter().chain([half, -half]);
        let mut found: Vec<(usize, Fr)> = own.iter().rev().flat_map(|c| kept(*c)).collect();
        for column in own.iter().rev() {
            found.extend(little.clone().map(|by| (*column, by)));
        }
        let rows = own.iter().flat_map(|c| self.uses[*c].iter().map(|u| u.row));
        let neighbours = rows.take(8).flat_map(|row| self.variables(row));
        for column in neighbours.take(100) {
            if !own.contains(&column) {
                found.extend(kept(column));
            }
        }
        found
    }

    /// Whether these changes, once what they break is repaired, break `target` and nothing else. Takes them back.
    pub(super) fn follow(
        &mut self,
        target: usize,
        order: &Order,
        free: &[usize],
        changes: Vec<(usize, Fr)>,
        steps: &mut usize,
    ) -> bool {
        changes.iter().for_each(|(column, by)| self.shift(*column, *by));
        let mut attempt = Attempt {
            target,
            order,
            free,
            // What the search began with stays.
            times: changes.iter().map(|(column, _)| (*column, 2)).collect(),
            changes,
        };
        let found = self.settle(&mut attempt, steps);
        for (column, by) in attempt.changes.into_iter().rev() {
            self.shift(column, -by);
        }
        found
    }

    fn settle(&mut self, attempt: &mut Attempt<'_>, steps: &mut usize) -> bool {
        let target = attempt.target;
        let mut broken = BTreeSet::new();
        let mut seen = 0;
        for _ in 0..STEPS.min(*steps) {
            *steps -= 1;
            for (column, _) in &attempt.changes[seen..] {
                for term in &self.uses[*column] {
                    match self.is_broken(term.row) {
                        true => broken.insert(term.row),
                        false => broken.remove(&term.row),
                    };
                }
            }
            seen = attempt.changes.len();
            let Some(row) = broken.iter().copied().find(|row| *row != target) else {
                return broken.contains(&target);
            };
            let repairs = self.repair(row, attempt);
            if repairs.is_empty() {
                return false;
            }
            for (column, by) in repairs {
                self.shift(column, by);
                attempt.changes.push((column, by));
                *attempt.times.entry(column).or_default() += 1;
            }
        }
        false
    }

    /// Changes that make the constraint hold, of variables that were not changed twice already.
    fn repair(&mut self, row: usize, attempt: &Attempt<'_>) -> Vec<(usize, Fr)> {
        let mut columns = self.variables(row);
        columns.retain(|c| attempt.times.get(c).is_none_or(|n| *n < 2));
        let unchanged = |c: &usize| !attempt.times.contains_key(c);
        let pick = |wanted: &dyn Fn(&usize) -> bool| columns.iter().copied().filter(|c| wanted(c)).collect();
        let free: Vec<usize> = pick(&|c| attempt.free.contains(c) && unchanged(c));
        let definition = |c: &usize| attempt.order.definitions[*c];
        let defined: Vec<usize> = pick(&|c| definition(c) == Some(row));
        let given: Vec<usize> = pick(&|c| definition(c).is_none());
        if let Some(by) = self.least(row, &free) {
            return vec![by];
        }
        let digits = self.digits(row, attempt.order, &columns);
        if !digits.is_empty() {
            return digits;
        }
        let choices = [&defined, &given, &columns];
        let repair = choices.iter().find_map(|columns| self.least(row, columns));
        repair.into_iter().collect()
    }

    /// The change of one of these variables that makes the constraint hold and breaks the fewest others.
    fn least(&self, row: usize, columns: &[usize]) -> Option<(usize, Fr)> {
        let moves = columns.iter().rev().flat_map(|column| {
            let here = self.polynomials(*column).find(|(r, _)| *r == row);
            let roots = here.map(|(_, p)| p.roots()).unwrap_or_default();
            roots.into_iter().map(move |by| (*column, by))
        });
        let breaks = |column: usize, by: Fr| {
            let rows = self.polynomials(column);
            rows.filter(|(_, p): &(usize, Polynomial)| p.at(by) != Fr::ZERO)
                .count()
        };
        moves.min_by_key(|(column, by)| breaks(*column, *by))
    }

    /// The constraint's first factor as a number less its bits: the bits that the number has now, and if it
    /// has none the same with one of the factor's other bits turned (the result of a comparison).
    fn digits(&mut self, row: usize, order: &Order, columns: &[usize]) -> Vec<(usize, Fr)> {
        let terms = self.rows[row][0]
            .iter()
            .map(|(coefficient, c)| (*c, *coefficient));
        let mut bits: Vec<(usize, Fr)> = terms.filter(|(c, _)| order.bits[*c]).collect();
        bits.sort_unstable_by_key(|(c, _)| *c);
        let doubles = |pair: &[(usize, Fr)]| pair[0].1.double() == pair[1].1;
        let run = bits.windows(2).rev().take_while(|pair| doubles(pair)).count();
        if run == 0 {
            return Vec::new();
        }
        let (flags, digits) = bits.split_at(bits.len() - run - 1);
        if digits.iter().any(|(c, _)| !columns.contains(c)) {
            return Vec::new();
        }
        let flags = flags.iter().filter(|(c, _)| columns.contains(c));
        let scale = digits[0].1.inverse().unwrap_or_default();
        for flag in std::iter::once(None).chain(flags.map(Some)) {
            let turned = flag.map(|(c, coefficient)| (*c, Fr::ONE - self.z[*c].double(), *coefficient));
            let old: Fr = digits
                .iter()
                .map(|(c, coefficient)| self.z[*c] * coefficient)
                .sum();
            let turn = turned.map_or(Fr::ZERO, |(_, by, coefficient)| by * coefficient);
            let number = ((old - self.values[row][0] - turn) * scale).into_bigint();
            // The bit above the digits may be what is left.
            if number.num_bits() as usize > digits.len() + 1 {
                continue;
            }
            let new = |i: usize| Fr::from(u64::from(number.get_bit(i)));
            let moved = digits
                .iter()
                .enumerate()
                .map(|(i, (c, _))| (*c, new(i) - self.z[*c]));
            let changes = moved.chain(turned.map(|(c, by, _)| (c, by)));
            let changes: Vec<(usize, Fr)> = changes.filter(|(_, by)| *by != Fr::ZERO).collect();
            changes.iter().for_each(|(c, by)| self.shift(*c, *by));
            let holds = !self.is_broken(row);
            changes.iter().for_each(|(c, by)| self.shift(*c, -*by));
            if holds {
                return changes;
            }
        }
        Vec::new()
    }
}
