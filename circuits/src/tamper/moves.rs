//! Walks from one assignment to others by changes of single variables, and what a deleted constraint lets in.

use super::System;
use super::jacobian::Loose;
use super::probe::{Polynomial, Probe};
use super::settle::Order;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use std::collections::{BTreeMap, VecDeque};

/// Most variables that a walk changes.
const DEPTH: usize = 6;

/// What a walk met.
#[derive(Debug, Default)]
pub struct Walk {
    /// For each constraint, whether the walk met an assignment that breaks this one and no other.
    pub alone: Vec<bool>,
    /// Assignments that break nothing, each by the private variables that it changes.
    pub satisfying: Vec<Vec<usize>>,
}

/// What shows that a constraint is needed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Constraints without which the solutions have a dimension more: the Jacobian's rank falls.
    pub by_rank: usize,
    /// Others that a walk found broken alone: a vector that they refuse satisfies everything else.
    pub by_vector: usize,
    /// The rest, by number: nothing tried here shows that they are needed.
    pub survivors: Vec<usize>,
}

/// An assignment by its differences, and the only constraint that it breaks.
struct State {
    changes: Vec<(usize, Fr)>,
    broken: usize,
}

impl System {
    /// Walks over the assignments that differ from this one in up to six private variables, the
    /// `given` ones being fixed like the public inputs, and that break one constraint: each step repairs
    /// it by changing one variable of it, and goes on where this breaks one other.
    ///
    /// An assignment that breaks two constraints or more leads nowhere; from one that breaks none the walk
    /// begins with every change of a variable that breaks one. Empty in set-up mode.
    pub fn walk(&self, given: &[usize]) -> Walk {
        let movable = self.movable(given);
        let everywhere = vec![true; self.rows.len()];
        Probe::new(self).map_or_else(Walk::default, |probe| walk(probe, &movable, &everywhere))
    }

    /// The assignments of [`System::walk`] that satisfy everything, but for those that change nothing
    /// but hints which are known to be free here and what these release.
    pub fn alternatives(&self, given: &[usize]) -> Vec<Vec<usize>> {
        let Some(probe) = Probe::new(self) else {
            return Vec::new();
        };
        let loose = |v: &usize| probe.looseness(self.inputs + v) != Loose::Open;
        let met = self.walk(given).satisfying.into_iter();
        met.filter(|changed| !changed.iter().all(loose)).collect()
    }

    /// Deletes each of these constraints in turn and asks whether something else is then accepted: by the
    /// rank of the Jacobian over all variables, then by a walk from this assignment. From an assignment that
    /// breaks a constraint, which is a lie about the same system, only the walk.
    ///
    /// This shows that no constraint says only what others say. It does not show that what a deleted constraint
    /// lets in is a false statement, nor that the constraints are enough.
    pub fn delete_each(&self, constraints: &[usize]) -> Deletion {
        let Some(probe) = Probe::new(self) else {
            return Deletion::default();
        };
        let mut rest = constraints.to_vec();
        if self.is_satisfied() {
            // Over all constraints: what is left of the rank must not depend on which are asked for.
            let dependent = self.dependent(&probe);
            rest.retain(|row| dependent.binary_search(row).is_ok());
        }
        let by_rank = constraints.len() - rest.len();
        if !rest.is_empty() {
            let mut wanted = vec![false; self.rows.len()];
            rest.iter().for_each(|row| wanted[*row] = true);
            let alone = walk(probe, &self.movable(&[]), &wanted).alone;
            rest.retain(|row| !alone[*row]);
        }
        let by_vector = constraints.len() - by_rank - rest.len();
        Deletion {
            by_rank,
            by_vector,
            survivors: rest,
        }
    }

    /// What [`System::delete_each`] leaves, looked at harder: one variable of the constraint is changed and all
    /// that follows from it recomputed. Takes long for each constraint; none in set-up mode or from a lie.
    pub fn delete_and_recompute(&self, constraints: &[usize]) -> Deletion {
        self.delete_and_search(constraints, |probe, row, order| probe.breaks_alone(row, order))
    }

    /// The same where up to three bits are turned at once, for one-hot bits and the digits of a number: a constraint
    /// on a bit is broken by what makes good the sum of others that are turned. None in set-up mode or from a lie.
    pub fn delete_and_exchange(&self, constraints: &[usize]) -> Deletion {
        self.delete_and_search(constraints, |probe, row, order| probe.exchanges_alone(row, order))
    }

    fn delete_and_search(
        &self,
        constraints: &[usize],
        mut breaks: impl FnMut(&mut Probe<'_>, usize, &Order) -> bool,
    ) -> Deletion {
        let mut rest = constraints.to_vec();
        if let (true, Some(mut probe)) = (self.is_satisfied(), Probe::new(self)) {
            let order = probe.order();
            rest.retain(|row| !breaks(&mut probe, *row, &order));
        }
        Deletion {
            by_rank: 0,
            by_vector: constraints.len() - rest.len(),
            survivors: rest,
        }
    }
}

/// [`System::walk`], going on only from constraints that are `wanted`.
fn walk(mut probe: Probe<'_>, movable: &[usize], wanted: &[bool]) -> Walk {
    let mut moves = vec![false; probe.z.len()];
    movable.iter().for_each(|column| moves[*column] = true);
    let mut met = Walk {
        alone: vec![false; probe.rows.len()],
        satisfying: Vec::new(),
    };
    let mut queue = VecDeque::new();
    let broken: Vec<usize> = (0..probe.rows.len())
        .filter(|row| probe.is_broken(*row))
        .collect();
    match broken[..] {
        [] => {
            let holds = |column: &usize| probe.uses[*column].iter().any(|u| wanted[u.row]);
            let columns: Vec<usize> = movable.iter().copied().filter(holds).collect();
            start(&probe, &columns, &mut met, &mut queue);
        }
        [broken] => {
            met.alone[broken] = true;
            queue.push_back(State {
                changes: Vec::new(),
                broken,
            });
        }
        _ => {}
    }
    while let Some(state) = queue.pop_front() {
        if !wanted[state.broken] {
            continue;
        }
        for (column, by) in &state.changes {
            probe.shift(*column, *by);
        }
        for column in probe.variables(state.broken).into_iter().filter(|c| moves[*c]) {
            let here = probe.polynomials(column).find(|(row, _)| *row == state.broken);
            for by in here.map(|(_, p)| p.roots()).into_iter().flatten() {
                step(&probe, &state.changes, (column, by), &mut met, &mut queue);
            }
        }
        for (column, by) in &state.changes {
            probe.shift(*column, -*by);
        }
    }
    met
}

/// Every change of one variable that breaks one constraint, from an assignment that breaks none.
fn start(probe: &Probe<'_>, movable: &[usize], met: &mut Walk, queue: &mut VecDeque<State>) {
    let arbitrary = Fr::from(0x9e37_79b9_7f4a_7c15_u64).pow([3]);
    for column in movable.iter().copied() {
        // A change that keeps all constraints but one is a root of the others, or keeps them whatever it is.
        let mut candidates = vec![arbitrary];
        for (_, p) in probe.polynomials(column) {
            for root in p.roots() {
                if candidates.len() < 4 && root != Fr::ZERO && !candidates.contains(&root) {
                    candidates.push(root);
                }
            }
        }
        for by in candidates {
            // A change that breaks nothing is a freedom, which is reported as such.
            let satisfying = met.satisfying.len();
            step(probe, &[], (column, by), met, queue);
            met.satisfying.truncate(satisfying);
        }
    }
}

/// Looks at the assignment after one more change, and goes on from it if it breaks one constraint that no
/// assignment broke alone before.
fn step(
    probe: &Probe<'_>,
    changes: &[(usize, Fr)],
    change: (usize, Fr),
    met: &mut Walk,
    queue: &mut VecDeque<State>,
) {
    let (column, by) = change;
    if by == Fr::ZERO {
        return;
    }
    let mut broken = probe
        .polynomials(column)
        .filter(|(_, p)| p.at(by) != Fr::ZERO)
        .map(|(row, _)| row);
    let next = (broken.next(), broken.next());
    let mut changes = changes.to_vec();
    changes.push(change);
    match next {
        (None, _) => {
            let mut sums: BTreeMap<usize, Fr> = BTreeMap::new();
            for (column, by) in changes {
                *sums.entry(column - probe.inputs).or_default() += by;
            }
            let changed: Vec<usize> = sums
                .into_iter()
                .filter(|(_, by)| *by != Fr::ZERO)
                .map(|(v, _)| v)
                .collect();
            // The walk may have come back to where it began.
            if !changed.is_empty() {
                met.satisfying.push(changed);
            }
        }
        (Some(row), None) if !met.alone[row] => {
            met.alone[row] = true;
            if changes.len() < DEPTH {
                queue.push_back(State { changes, broken: row });
            }
        }
        _ => {}
    }
}

impl Polynomial {
    pub(super) fn at(&self, by: Fr) -> Fr {
        (self.square * by + self.slope) * by + self.rest
    }

    /// The changes that make the constraint hold.
    pub(super) fn roots(&self) -> Vec<Fr> {
        let negative = |x: Fr, y: Fr| -x * y.inverse().unwrap_or_default();
        match (
            self.square == Fr::ZERO,
            self.slope == Fr::ZERO,
            self.rest == Fr::ZERO,
        ) {
            (true, true, _) => return Vec::new(),
            // Most variables of most constraints that hold: no inverse is needed.
            (true, false, true) => return vec![Fr::ZERO],
            (true, false, false) => return vec![negative(self.rest, self.slope)],
            (false, _, true) => return vec![Fr::ZERO, negative(self.slope, self.square)],
            (false, _, false) => {}
        }
        let four = Fr::from(4u64);
        let Some(root) = (self.slope.square() - four * self.square * self.rest).sqrt() else {
            return Vec::new();
        };
        let twice = self.square.double();
        [root, -root].map(|r| negative(self.slope - r, twice)).to_vec()
    }
}
