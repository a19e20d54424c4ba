//! A prover who is not bound by the witness's types: private variables get the values of a test while the circuit is
//! synthesised, and whatever the circuit computes from them follows.

use super::System;
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use std::cell::RefCell;

thread_local! {
    static TOLD: RefCell<Vec<(usize, Fr)>> = const { RefCell::new(Vec::new()) };
}

/// What is assigned to a private variable whose honest value is `honest`.
pub(crate) fn told(variable: usize, honest: Fr) -> Fr {
    TOLD.with_borrow(|told| {
        let lie = told.iter().find(|(v, _)| *v == variable);
        lie.map_or(honest, |(_, value)| *value)
    })
}

impl System {
    /// [`System::prove`] with these private variables, by order of allocation, assigned otherwise. Boolean variables
    /// and public inputs are what `synthesise` makes them.
    pub(crate) fn prove_lying(
        lies: &[(usize, Fr)],
        synthesise: impl FnOnce(ConstraintSystemRef<Fr>) -> Result<(), SynthesisError>,
    ) -> Self {
        TOLD.set(lies.to_vec());
        let system = Self::prove(synthesise).unwrap();
        TOLD.set(Vec::new());
        for (variable, value) in lies {
            assert_eq!(
                system.private(*variable),
                Some(*value),
                "the variable takes a lie"
            );
        }
        system
    }

    /// Whether the private variables satisfy everything beside these public inputs, by position from 0.
    pub(crate) fn is_satisfied_by_inputs(&self, inputs: &[(usize, Fr)]) -> bool {
        let mut z = self.assignment.clone().unwrap();
        for (input, value) in inputs {
            assert!(input + 1 < self.inputs);
            z[input + 1] = *value;
        }
        self.rows.iter().all(|row| super::holds(row, &z))
    }

    /// The first private variable from `from` on that has this value.
    pub(crate) fn position(&self, from: usize, value: Fr) -> usize {
        let mut all = from..self.private_variables();
        all.find(|i| self.private(*i) == Some(value)).unwrap()
    }
}
