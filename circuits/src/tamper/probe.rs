//! A system at one assignment: what a change of one variable does.

use super::{Loose, Row, System, evaluate};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

/// How a private variable can be changed alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freedom {
    /// To anything: every constraint that holds it multiplies it by something that is 0 here.
    Idle(Loose),
    /// To this one other value.
    Other(Fr),
}

/// A term of a constraint.
pub(super) struct Use {
    pub(super) row: usize,
    pub(super) matrix: usize,
    pub(super) coefficient: Fr,
}

/// What a constraint becomes when one variable moves by d: `square * d^2 + slope * d + rest = 0`.
pub(super) struct Polynomial {
    pub(super) square: Fr,
    pub(super) slope: Fr,
    pub(super) rest: Fr,
}

/// A system with its assignment, the value of each linear combination, and where each variable occurs.
pub(super) struct Probe<'a> {
    pub(super) rows: &'a [[Row; 3]],
    pub(super) inputs: usize,
    pub(super) z: Vec<Fr>,
    pub(super) values: Vec<[Fr; 3]>,
    /// By variable, in the order of the rows.
    pub(super) uses: Vec<Vec<Use>>,
}

impl<'a> Probe<'a> {
    /// `None` in set-up mode.
    pub(super) fn new(system: &'a System) -> Option<Self> {
        let z = system.assignment.clone()?;
        let values = system.rows.iter().map(|row| evaluate(row, &z)).collect();
        let mut uses: Vec<Vec<Use>> = Vec::new();
        uses.resize_with(system.variables, Vec::new);
        for (row, abc) in system.rows.iter().enumerate() {
            for (matrix, terms) in abc.iter().enumerate() {
                for (coefficient, column) in terms {
                    uses[*column].push(Use {
                        row,
                        matrix,
                        coefficient: *coefficient,
                    });
                }
            }
        }
        Some(Self {
            rows: &system.rows,
            inputs: system.inputs,
            z,
            values,
            uses,
        })
    }

    /// The constraints that hold a variable, each with what it becomes when the variable moves.
    pub(super) fn polynomials(&self, column: usize) -> impl Iterator<Item = (usize, Polynomial)> {
        self.uses[column].chunk_by(|x, y| x.row == y.row).map(|terms| {
            let mut by = [Fr::ZERO; 3];
            for term in terms {
                by[term.matrix] += term.coefficient;
            }
            let row = terms[0].row;
            let [a, b, c] = self.values[row];
            let polynomial = Polynomial {
                square: by[0] * by[1],
                slope: by[0] * b + a * by[1] - by[2],
                rest: a * b - c,
            };
            (row, polynomial)
        })
    }

    /// How the variable can move alone while every constraint that holds it holds before and after. Each is
    /// then `square * d + slope = 0` for a change d other than 0: it admits every change, one, or none.
    pub(super) fn freedom(&self, column: usize) -> Option<Freedom> {
        let mut only: Option<Polynomial> = None;
        for (_, p) in self.polynomials(column) {
            if p.rest != Fr::ZERO {
                return None;
            }
            match (p.square == Fr::ZERO, p.slope == Fr::ZERO) {
                (true, true) => continue,
                (false, false) => {}
                _ => return None,
            }
            match &only {
                Some(o) if o.slope * p.square != p.slope * o.square => return None,
                _ => only = Some(p),
            }
        }
        Some(match only {
            None => Freedom::Idle(self.looseness(column)),
            // The square's coefficient is not 0.
            Some(p) => Freedom::Other(self.z[column] - p.slope * p.square.inverse().unwrap_or_default()),
        })
    }

    /// Moves a variable.
    pub(super) fn shift(&mut self, column: usize, by: Fr) {
        self.z[column] += by;
        for term in &self.uses[column] {
            self.values[term.row][term.matrix] += term.coefficient * by;
        }
    }

    /// Whether the constraint is broken.
    pub(super) fn is_broken(&self, row: usize) -> bool {
        let [a, b, c] = self.values[row];
        a * b != c
    }

    /// The variables of a constraint, without the constant one.
    pub(super) fn variables(&self, row: usize) -> Vec<usize> {
        let columns = self.rows[row].iter().flatten().map(|(_, column)| *column);
        let mut columns: Vec<usize> = columns.filter(|c| *c != 0).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}
