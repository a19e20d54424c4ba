//! Looks at a synthesised constraint system from the outside: its shape, and what a prover could change in
//! its assignment. For tests and audits of circuits.
//!
//! Two properties are worth testing of every circuit. Its [`System::digest`] must be the same for every
//! witness and in set-up mode, since keys are made from one and proofs from the other. And
//! [`System::free_variables`] must be empty but for hints known to be free: a private variable that can be
//! changed alone is bound to nothing. (The converse does not hold: an empty list proves no soundness.)

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, R1CS_PREDICATE_LABEL, SynthesisError, SynthesisMode,
};
use std::hash::{DefaultHasher, Hash, Hasher};

type Row = Vec<(Fr, usize)>;

/// Rank-1 constraints `<a, z> * <b, z> = <c, z>` and, outside set-up mode, an assignment
/// `z = (1, public inputs, private variables)`.
pub struct System {
    rows: Vec<[Row; 3]>,
    inputs: usize,
    variables: usize,
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
            assignment,
        })
    }

    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.rows.len()
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

    /// Public inputs that are in no constraint, by position from 0.
    pub fn unused_inputs(&self) -> Vec<usize> {
        let mut used = vec![false; self.inputs];
        for (_, column) in self.rows.iter().flatten().flatten() {
            if let Some(flag) = used.get_mut(*column) {
                *flag = true;
            }
        }
        (1..self.inputs).filter(|i| !used[*i]).map(|i| i - 1).collect()
    }

    /// Private variables, in order of allocation, that can be changed alone without breaking a constraint
    /// that held. Each is changed by 1, by -1 and by an arbitrary amount.
    pub fn free_variables(&self) -> Vec<usize> {
        let Some(z) = &self.assignment else {
            return Vec::new();
        };
        // For each row its three values, and for each variable its coefficients in each row.
        let values: Vec<[Fr; 3]> = self.rows.iter().map(|row| evaluate(row, z)).collect();
        let mut uses: Vec<Vec<(usize, usize, Fr)>> = vec![Vec::new(); self.variables];
        for (at, row) in self.rows.iter().enumerate() {
            for (matrix, terms) in row.iter().enumerate() {
                for (coefficient, column) in terms {
                    uses[*column].push((at, matrix, *coefficient));
                }
            }
        }
        let arbitrary = Fr::from(0x9e37_79b9_7f4a_7c15_u64).pow([3]);
        let amounts = [Fr::ONE, -Fr::ONE, arbitrary];
        let free = |column: &usize| amounts.iter().any(|by| !breaks(&uses[*column], &values, by));
        (self.inputs..self.variables)
            .filter(free)
            .map(|column| column - self.inputs)
            .collect()
    }
}

fn breaks(uses: &[(usize, usize, Fr)], values: &[[Fr; 3]], by: &Fr) -> bool {
    uses.chunk_by(|x, y| x.0 == y.0).any(|row| {
        let mut changed = values[row[0].0];
        for (_, matrix, coefficient) in row {
            changed[*matrix] += *coefficient * by;
        }
        changed[0] * changed[1] != changed[2]
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gadgets::linear::{enforce_product, witness};

    fn square(x: u64, bound: bool) -> System {
        System::prove(|cs| {
            let x = witness(&cs, || Ok(Fr::from(x)))?;
            let y = witness(&cs, || Ok(Fr::from(25u64)))?;
            let spare = witness(&cs, || Ok(Fr::from(3u64)))?;
            if bound {
                enforce_product(&spare, &spare, &(&y - Fr::from(16u64)))?;
            }
            enforce_product(&x, &x, &y)
        })
        .unwrap()
    }

    #[test]
    fn an_unbound_variable_is_found_and_a_bound_one_is_not() {
        assert!(square(5, false).is_satisfied() && square(5, true).is_satisfied());
        assert!(!square(6, true).is_satisfied());
        assert_eq!(square(5, false).free_variables(), [2]);
        assert!(square(5, true).free_variables().is_empty());
        assert!(square(5, true).is_satisfied_with(&[(0, -Fr::from(5u64))]));
        assert!(!square(5, true).is_satisfied_with(&[(0, Fr::from(4u64))]));
        assert_ne!(square(5, true).digest(), square(5, false).digest());
        assert_eq!(square(5, true).digest(), square(6, true).digest());
    }

    #[test]
    fn set_up_has_the_shape_of_a_proof_and_unused_inputs_are_listed() {
        let synthesise = |cs: ConstraintSystemRef<Fr>, value: Option<u64>| {
            let hint = || value.map(Fr::from).ok_or(SynthesisError::AssignmentMissing);
            let _unused = cs.new_input_variable(hint)?;
            let used = cs.new_input_variable(hint)?;
            cs.enforce_r1cs_constraint(|| used.into(), || used.into(), || used.into())
        };
        let setup = System::setup(|cs| synthesise(cs, None)).unwrap();
        let proof = System::prove(|cs| synthesise(cs, Some(1))).unwrap();
        assert_eq!(setup.digest(), proof.digest());
        assert!(proof.is_satisfied() && !setup.is_satisfied());
        assert_eq!(proof.unused_inputs(), [0]);
    }
}
