//! Looks at a synthesised constraint system from the outside: its shape, and what a prover could change in
//! its assignment. For tests and audits of circuits.
//!
//! - [`System::digest`] must be the same for every witness and in set-up mode, since keys are made from one
//!   and proofs from the other.
//! - [`System::unused_variables`] and [`System::unused_inputs`] must be empty.
//! - [`System::freedoms`] must be empty but for hints known to be free: a private variable that can be
//!   changed alone is bound to nothing. Every other value of the variable is covered, not a sample.
//! - [`System::undetermined`] must be empty but for the same hints: with its inputs fixed, a gadget leaves
//!   nothing to choose in the neighbourhood of an honest assignment.
//! - [`System::alternatives`] walks from an assignment along changes of single variables that break one
//!   constraint at a time. From an honest one it must not come to another that satisfies everything; from
//!   a lie it must not come to one at all.
//! - [`System::delete_each`] must leave no survivors: each constraint refuses something that all others let
//!   through.
//!
//! None of this proves soundness: everything is looked at near the assignments that a test supplies, and
//! that no constraint is redundant does not say that there are enough of them. What it finds are the usual
//! mistakes: a forgotten booleanity or range check, a selector or index bit bound to nothing, a value that is
//! assigned but not constrained.

#[cfg(test)]
pub(crate) mod checks;
mod exchange;
mod jacobian;
#[cfg(test)]
pub(crate) mod lies;
mod moves;
mod probe;
mod settle;
#[cfg(test)]
mod tests;

pub use jacobian::Loose;
pub use moves::{Deletion, Walk};
pub use probe::Freedom;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, R1CS_PREDICATE_LABEL, SynthesisError, SynthesisMode,
};
use probe::Probe;
use std::hash::{DefaultHasher, Hash, Hasher};

type Row = Vec<(Fr, usize)>;

/// Rank-1 constraints `<a, z> * <b, z> = <c, z>` and, outside set-up mode, an assignment
/// `z = (1, public inputs, private variables)`.
pub struct System {
    rows: Vec<[Row; 3]>,
    inputs: usize,
    variables: usize,
    predicates: usize,
    assignment: Option<Vec<Fr>>,
}

impl System {
    /// Runs `synthesise` with assignments.
    ///
    /// # Errors
    /// Those of `synthesise`.
    pub fn prove(
        synthesise: impl FnOnce(ConstraintSystemRef<Fr>) -> Result<(), SynthesisError>,
    ) -> Result<Self, SynthesisError> {
        Self::run(None, synthesise)
    }

    /// Runs `synthesise` in set-up mode, where no variable has a value.
    ///
    /// # Errors
    /// Those of `synthesise`.
    pub fn setup(
        synthesise: impl FnOnce(ConstraintSystemRef<Fr>) -> Result<(), SynthesisError>,
    ) -> Result<Self, SynthesisError> {
        Self::run(Some(SynthesisMode::Setup), synthesise)
    }

    fn run(
        mode: Option<SynthesisMode>,
        synthesise: impl FnOnce(ConstraintSystemRef<Fr>) -> Result<(), SynthesisError>,
    ) -> Result<Self, SynthesisError> {
        let cs = ConstraintSystem::<Fr>::new_ref();
        if let Some(mode) = mode {
            cs.set_mode(mode);
        }
        synthesise(cs.clone())?;
        cs.finalize();
        Self::of(&cs)
    }

    /// Reads a finalised constraint system.
    ///
    /// # Errors
    /// [`SynthesisError`] when it has no matrices.
    pub fn of(cs: &ConstraintSystemRef<Fr>) -> Result<Self, SynthesisError> {
        let mut matrices = cs.to_matrices()?;
        let abc = matrices
            .remove(R1CS_PREDICATE_LABEL)
            .ok_or(SynthesisError::PredicateNotFound)?;
        let [a, b, c]: [Vec<Row>; 3] = abc.try_into().map_err(|_| SynthesisError::ArityMismatch)?;
        let rows = a.into_iter().zip(b).zip(c).map(|((a, b), c)| [a, b, c]);
        let assignment = if cs.is_in_setup_mode() {
            None
        } else {
            Some([cs.instance_assignment()?, cs.witness_assignment()?].concat())
        };
        Ok(Self {
            rows: rows.collect(),
            inputs: cs.num_instance_variables(),
            variables: cs.num_variables(),
            predicates: cs.num_predicates(),
            assignment,
        })
    }

    /// The same system without one constraint.
    ///
    /// # Panics
    /// When there is no such constraint.
    #[must_use]
    pub fn without(&self, constraint: usize) -> Self {
        let mut rows = self.rows.clone();
        rows.remove(constraint);
        Self {
            rows,
            inputs: self.inputs,
            variables: self.variables,
            predicates: self.predicates,
            assignment: self.assignment.clone(),
        }
    }

    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.rows.len()
    }

    /// Number of terms on each of a constraint's three sides; none when there is no such constraint.
    pub fn shape(&self, constraint: usize) -> [usize; 3] {
        let row = self.rows.get(constraint);
        row.map_or([0; 3], |row| std::array::from_fn(|side| row[side].len()))
    }

    /// A constraint in words: on each side the first terms, with the values of their variables.
    pub fn describe(&self, constraint: usize) -> String {
        let z = self.assignment.as_deref().unwrap_or_default();
        let small = |x: Fr| match (x.into_bigint().num_bits(), (-x).into_bigint().num_bits()) {
            (n, _) if n <= 64 => x.to_string(),
            (_, n) if n <= 64 => format!("-{}", -x),
            _ => "..".to_owned(),
        };
        let term = |(coefficient, column): &(Fr, usize)| {
            let name = match *column {
                0 => "1".to_owned(),
                c if c < self.inputs => format!("in{}", c - 1),
                c => format!("v{}", c - self.inputs),
            };
            let value = z.get(*column).map(|v| small(*v)).unwrap_or_default();
            format!("{}*{name}[{value}]", small(*coefficient))
        };
        let side = |row: &Row| {
            let shown: Vec<String> = row.iter().take(6).map(term).collect();
            let more = if row.len() > 6 {
                format!(" + {} more", row.len() - 6)
            } else {
                String::new()
            };
            format!("({}{more})", shown.join(" + "))
        };
        let row = self.rows.get(constraint);
        row.map_or_else(String::new, |[a, b, c]| {
            format!("{} * {} = {}", side(a), side(b), side(c))
        })
    }

    /// Number of predicates. There must be one, R1CS: Groth16 ignores constraints of any other.
    pub fn predicates(&self) -> usize {
        self.predicates
    }

    /// Number of private variables.
    pub fn private_variables(&self) -> usize {
        self.variables - self.inputs
    }

    /// Number of non-zero coefficients in the three matrices.
    pub fn nonzeros(&self) -> usize {
        self.rows.iter().flatten().map(Vec::len).sum()
    }

    /// A digest of the constraints and of the numbers of public inputs and private variables, without the
    /// assignment.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.inputs, self.variables, &self.rows).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether the assignment satisfies every constraint (false in set-up mode).
    pub fn is_satisfied(&self) -> bool {
        self.assignment
            .as_ref()
            .is_some_and(|z| self.rows.iter().all(|row| holds(row, z)))
    }

    /// The constraints that the assignment breaks (none in set-up mode).
    pub fn broken(&self) -> Vec<usize> {
        let Some(z) = &self.assignment else {
            return Vec::new();
        };
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| !holds(row, z)).map(|(i, _)| i).collect()
    }

    /// The value of a private variable, in order of allocation.
    pub fn private(&self, index: usize) -> Option<Fr> {
        self.assignment.as_ref()?.get(self.inputs + index).copied()
    }

    /// Whether the assignment with these private variables replaced satisfies every constraint.
    pub fn is_satisfied_with(&self, replaced: &[(usize, Fr)]) -> bool {
        let Some(mut z) = self.assignment.clone() else {
            return false;
        };
        for (index, value) in replaced {
            match z.get_mut(self.inputs + index) {
                Some(slot) => *slot = *value,
                None => return false,
            }
        }
        self.rows.iter().all(|row| holds(row, &z))
    }

    /// The columns of the private variables but the `given` ones.
    fn movable(&self, given: &[usize]) -> Vec<usize> {
        let mut movable = vec![true; self.private_variables()];
        given.iter().for_each(|variable| movable[*variable] = false);
        let columns = self.inputs..self.variables;
        columns.filter(|c| movable[c - self.inputs]).collect()
    }

    fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.variables];
        for (coefficient, column) in self.rows.iter().flatten().flatten() {
            used[*column] |= *coefficient != Fr::ZERO;
        }
        used
    }

    /// Public inputs that are in no constraint, by position from 0.
    pub fn unused_inputs(&self) -> Vec<usize> {
        let used = self.used();
        (1..self.inputs).filter(|i| !used[*i]).map(|i| i - 1).collect()
    }

    /// Private variables that are in no constraint, in order of allocation.
    pub fn unused_variables(&self) -> Vec<usize> {
        let used = self.used();
        let columns = self.inputs..self.variables;
        columns.filter(|i| !used[*i]).map(|i| i - self.inputs).collect()
    }

    /// Private variables, in order of allocation, that can be changed alone, and how: every constraint that
    /// holds them holds before and after.
    pub fn freedoms(&self) -> Vec<(usize, Freedom)> {
        let Some(probe) = Probe::new(self) else {
            return Vec::new();
        };
        let columns = self.inputs..self.variables;
        columns
            .filter_map(|column| Some((column - self.inputs, probe.freedom(column)?)))
            .collect()
    }

    /// The private variables of [`System::freedoms`].
    pub fn free_variables(&self) -> Vec<usize> {
        self.freedoms()
            .into_iter()
            .map(|(variable, _)| variable)
            .collect()
    }
}

fn evaluate(row: &[Row; 3], z: &[Fr]) -> [Fr; 3] {
    std::array::from_fn(|matrix| {
        row[matrix].iter().fold(Fr::ZERO, |sum, (coefficient, column)| {
            sum + *coefficient * z[*column]
        })
    })
}

fn holds(row: &[Row; 3], z: &[Fr]) -> bool {
    let [a, b, c] = evaluate(row, z);
    a * b == c
}
