//! The constraints of a circuit: synthesised once in set-up mode, kept as matrices, named by a digest.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal,
    R1CS_PREDICATE_LABEL, SynthesisError, SynthesisMode,
};
use medproof_circuits::statement::Circuit;
use medproof_engine::{Matrices, Satisfaction};
use medproof_verifier::{CircuitName, Public};
use sha2::{Digest, Sha256};
use std::{marker::PhantomData, sync::OnceLock};
use zeroize::Zeroize;

/// Why a circuit cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CircuitError {
    /// The constraint system refused the circuit.
    #[error("circuit `{circuit}` could not be synthesised: {source}")]
    Synthesis {
        /// The circuit.
        circuit: &'static str,
        /// What the constraint system says.
        source: SynthesisError,
    },
    /// Groth16 would ignore constraints of another predicate than R1CS.
    #[error("circuit `{0}` has constraints outside R1CS, which Groth16 would ignore")]
    Predicate(&'static str),
    /// The circuit does not allocate the public inputs of its statement.
    #[error("circuit `{circuit}` allocates {got} public inputs, its statement has {expected}")]
    Inputs {
        /// The circuit.
        circuit: &'static str,
        /// Inputs of the statement.
        expected: usize,
        /// Inputs allocated.
        got: usize,
    },
    /// The circuit is not one of those that prove the statement.
    #[error("circuit `{0}` is not listed by the statement that it is said to prove")]
    Name(&'static str),
    /// The circuit allocates other variables with an assignment than in set-up mode.
    #[error("circuit `{0}` allocates other variables for this witness than in set-up")]
    Varies(&'static str),
    /// The circuit's public inputs are not those of the statement, in its order.
    #[error("circuit `{0}` does not allocate its public inputs in the order of the statement")]
    Order(&'static str),
    /// No evaluation domain is large enough.
    #[error("circuit `{0}` has more constraints than the field has roots of unity for")]
    Domain(&'static str),
}

/// The constraint matrices of one circuit and what follows from them.
pub struct Constraints {
    name: CircuitName,
    matrices: Vec<Matrix<Fr>>,
    inputs: usize,
    witnesses: usize,
    domain: usize,
    digest: [u8; 32],
    /// Made for the first assignment that is checked.
    satisfaction: OnceLock<Option<Satisfaction>>,
}

/// A circuit without an assignment, as set-up sees it.
pub(crate) struct Blank<C>(pub(crate) PhantomData<C>);

impl<C: Circuit> ConstraintSynthesizer<Fr> for Blank<C> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let (public, witness) = C::blank();
        C::synthesise(cs, &public, &witness)
    }
}

impl Constraints {
    /// Synthesises `C` in set-up mode exactly as the key generation does.
    ///
    /// # Errors
    /// [`CircuitError`].
    pub fn of<C: Circuit>() -> Result<Self, CircuitError> {
        let circuit = C::NAME.as_str();
        let failed = |source| CircuitError::Synthesis { circuit, source };
        if !C::Public::CIRCUITS.contains(&C::NAME) {
            return Err(CircuitError::Name(circuit));
        }
        let cs = ConstraintSystem::new_ref();
        cs.set_optimization_goal(OptimizationGoal::Constraints);
        cs.set_mode(SynthesisMode::Setup);
        Blank::<C>(PhantomData)
            .generate_constraints(cs.clone())
            .map_err(failed)?;
        cs.finalize();
        if cs.num_predicates() != 1 {
            return Err(CircuitError::Predicate(circuit));
        }
        let matrices = cs
            .to_matrices()
            .map_err(failed)?
            .remove(R1CS_PREDICATE_LABEL)
            .filter(|m| m.len() == 3)
            .ok_or(CircuitError::Predicate(circuit))?;
        let inputs = cs.num_instance_variables();
        if inputs != C::Public::NAMES.len() + 1 {
            return Err(CircuitError::Inputs {
                circuit,
                expected: C::Public::NAMES.len(),
                got: inputs - 1,
            });
        }
        let domain = GeneralEvaluationDomain::<Fr>::new(matrices[0].len() + inputs)
            .ok_or(CircuitError::Domain(circuit))?
            .size();
        let mut constraints = Self {
            name: C::NAME,
            matrices,
            inputs,
            witnesses: cs.num_witness_variables(),
            domain,
            digest: [0; 32],
            satisfaction: OnceLock::new(),
        };
        constraints.digest = constraints.compute_digest();
        Ok(constraints)
    }

    /// SHA-256 over circuit, version, sizes and every entry of the matrices (`docs/format.md`, section 20).
    fn compute_digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"medproof/constraints/1");
        hash.update([self.name as u8]);
        hash.update(self.name.version().to_be_bytes());
        for n in [self.inputs, self.witnesses, self.num_constraints()] {
            hash.update((n as u64).to_be_bytes());
        }
        let mut row_bytes = Vec::new();
        for row in self.matrices.iter().flatten() {
            row_bytes.clear();
            row_bytes.extend((row.len() as u64).to_be_bytes());
            for (coefficient, column) in row {
                row_bytes.extend((*column as u64).to_be_bytes());
                for limb in coefficient.into_bigint().0 {
                    row_bytes.extend(limb.to_be_bytes());
                }
            }
            hash.update(&row_bytes);
        }
        hash.finalize().into()
    }

    /// The circuit.
    pub fn name(&self) -> CircuitName {
        self.name
    }

    /// A, B and C, one row a constraint; column 0 is the constant 1, then the public inputs, then the witness.
    pub fn matrices(&self) -> &[Matrix<Fr>] {
        &self.matrices
    }

    /// Number of constraints.
    pub fn num_constraints(&self) -> usize {
        self.matrices[0].len()
    }

    /// Number of instance variables: the public inputs and the constant 1.
    pub fn num_instance_variables(&self) -> usize {
        self.inputs
    }

    /// Number of witness variables.
    pub fn num_witness_variables(&self) -> usize {
        self.witnesses
    }

    /// Size of the evaluation domain, a power of two.
    pub fn domain(&self) -> usize {
        self.domain
    }

    /// The digest that names these constraints; keys made for other constraints have another one.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The constraints as the engine takes them.
    pub fn for_engine(&self) -> Matrices<'_> {
        // There are always three.
        let rows = |k: usize| self.matrices.get(k).map_or(&[][..], Vec::as_slice);
        Matrices {
            a: rows(0),
            b: rows(1),
            c: rows(2),
            inputs: self.inputs,
            variables: self.inputs + self.witnesses,
        }
    }

    /// Whether `full` (1, public inputs, witness) satisfies every constraint.
    pub fn is_satisfied(&self, full: &[Fr]) -> bool {
        let made = self
            .satisfaction
            .get_or_init(|| Satisfaction::new(self.for_engine()).ok());
        // Synthesis gives matrices that fit each other; were they not to, nothing would satisfy them.
        made.as_ref().is_some_and(|made| made.holds(full))
    }

    /// Synthesises `C` with an assignment and no matrices, and takes the values out.
    ///
    /// # Errors
    /// [`CircuitError`] when a value cannot be computed, or when the circuit allocates other numbers of
    /// variables than in set-up mode.
    pub fn assign<C: Circuit>(
        &self,
        public: &C::Public,
        witness: &C::Witness,
    ) -> Result<Assignment, CircuitError> {
        let circuit = C::NAME.as_str();
        let failed = |source| CircuitError::Synthesis { circuit, source };
        if C::NAME != self.name {
            return Err(CircuitError::Name(circuit));
        }
        let mut system = ConstraintSystem::new();
        system.set_optimization_goal(OptimizationGoal::Constraints);
        system.set_mode(SynthesisMode::Prove {
            construct_matrices: false,
            generate_lc_assignments: false,
        });
        // Room for everything at once, so that growing leaves no copies of the witness behind.
        let values = &mut system.assignments;
        values.instance_assignment.reserve_exact(self.inputs);
        values.witness_assignment.reserve_exact(self.witnesses);
        let cs = ConstraintSystemRef::new(system);
        let result = C::synthesise(cs.clone(), public, witness);
        let mut full = Vec::with_capacity(self.inputs + self.witnesses);
        let taken = cs.borrow_mut().map(|mut system| {
            let values = &mut system.assignments;
            full.extend_from_slice(&values.instance_assignment);
            full.extend_from_slice(&values.witness_assignment);
            let lengths = (values.instance_assignment.len(), values.witness_assignment.len());
            values.instance_assignment.zeroize();
            values.witness_assignment.zeroize();
            values.lc_assignment.zeroize();
            lengths
        });
        let assignment = Assignment {
            inputs: self.inputs,
            full,
        };
        result.map_err(failed)?;
        if taken != Some((self.inputs, self.witnesses)) {
            return Err(CircuitError::Varies(circuit));
        }
        let instance = assignment.public_inputs();
        if instance != public.to_vec().as_slice() {
            // The circuit must allocate the inputs in the order of the statement and nothing else.
            return Err(CircuitError::Order(circuit));
        }
        Ok(assignment)
    }
}

/// A full assignment: 1, the public inputs, the witness. Zeroised on drop; neither `Clone` nor `Debug`.
pub struct Assignment {
    inputs: usize,
    full: Vec<Fr>,
}

impl Assignment {
    /// The public inputs, without the leading 1.
    pub fn public_inputs(&self) -> &[Fr] {
        self.full.get(1..self.inputs).unwrap_or_default()
    }

    /// 1, the public inputs, the witness.
    pub fn full(&self) -> &[Fr] {
        &self.full
    }

    /// Bytes that the assignment holds in memory.
    pub fn bytes(&self) -> usize {
        self.full.len() * size_of::<Fr>()
    }

    /// Changes one value: tests show with it that no variable is without meaning.
    #[cfg(test)]
    pub(crate) fn full_mut(&mut self) -> &mut [Fr] {
        &mut self.full
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.full.zeroize();
    }
}
