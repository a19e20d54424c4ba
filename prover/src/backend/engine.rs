//! `medproof-engine` behind the backend's boundary.

use super::{BackendError, CircuitHandle, ProverBackend};
use crate::{Assignment, keys::CircuitKeys};
use ark_bn254::Fr;
use ark_ff::UniformRand;
use medproof_engine::{Blinding, Form, Kernels, Matrices, Options, PreparedCircuit};
use medproof_verifier::{CircuitName, Proof};
use rand::rngs::OsRng;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroize;

/// Memory for tables of multiples that all circuits share, unless said otherwise.
pub const DEFAULT_TABLE_BYTES: usize = 3 << 30;

/// What a circuit's preparation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparation {
    /// How the quotient reaches the proof. [`Form::Coset`] makes each proof faster and loading slower.
    pub form: Form,
    /// Bytes for bases and tables of multiples, for all circuits together; without tables a proof takes longer.
    pub table_bytes: usize,
}

impl Preparation {
    /// For a few proofs: nothing is computed in advance.
    pub const BRIEF: Self = Self {
        form: Form::Coefficients,
        table_bytes: 0,
    };
    /// For many proofs of each circuit.
    pub const MANY: Self = Self {
        form: Form::Coefficients,
        table_bytes: DEFAULT_TABLE_BYTES,
    };
    /// For very many proofs: keys are converted first, by `n log n` products of points with scalars.
    pub const CONVERTED: Self = Self {
        form: Form::Coset,
        table_bytes: DEFAULT_TABLE_BYTES,
    };
}

struct Loaded {
    name: CircuitName,
    circuit: PreparedCircuit,
}

/// What the circuits loaded so far hold, and what is left for tables.
struct State {
    circuits: Vec<Arc<Loaded>>,
    table_bytes: usize,
}

/// Proves with the project's own engine.
pub struct EngineBackend {
    form: Form,
    state: RwLock<State>,
}

impl EngineBackend {
    /// A backend without circuits.
    pub fn new(preparation: Preparation) -> Self {
        Self {
            form: preparation.form,
            state: RwLock::new(State {
                circuits: Vec::new(),
                table_bytes: preparation.table_bytes,
            }),
        }
    }

    /// Bytes that the prepared circuits take.
    pub fn bytes(&self) -> usize {
        // Nothing panics while it holds the lock half-way through a change.
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.circuits.iter().map(|loaded| loaded.circuit.bytes()).sum()
    }
}

/// Blinding factors from the operating system; a factor of zero, should it ever come, is drawn again.
pub fn blinding() -> Blinding {
    loop {
        let (mut r1, mut r2) = (Fr::rand(&mut OsRng), Fr::rand(&mut OsRng));
        let drawn = Blinding::new(r1, r2);
        r1.zeroize();
        r2.zeroize();
        if let Ok(blinding) = drawn {
            return blinding;
        }
    }
}

impl ProverBackend for EngineBackend {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn load(&self, keys: Arc<CircuitKeys>) -> Result<CircuitHandle, BackendError> {
        let constraints = keys.constraints();
        let [a, b, c] = constraints.matrices() else {
            return Err(BackendError::failed(keys.name(), "it has not three matrices"));
        };
        let inputs = constraints.num_instance_variables();
        let matrices = Matrices {
            a,
            b,
            c,
            inputs,
            variables: inputs + constraints.num_witness_variables(),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let options = Options {
            form: self.form,
            table_bytes: state.table_bytes,
            kernels: Kernels::detect(),
        };
        let circuit = PreparedCircuit::new(keys.proving_key(), matrices, options)
            .map_err(|e| BackendError::failed(keys.name(), e))?;
        state.table_bytes = state.table_bytes.saturating_sub(circuit.table_bytes());
        state.circuits.push(Arc::new(Loaded {
            name: keys.name(),
            circuit,
        }));
        Ok(CircuitHandle(state.circuits.len() - 1))
    }

    fn prove_batch(
        &self,
        circuit: CircuitHandle,
        assignments: &[Assignment],
    ) -> Vec<Result<Proof, BackendError>> {
        let loaded = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.circuits.get(circuit.0).cloned()
        };
        let Some(loaded) = loaded else {
            return assignments.iter().map(|_| Err(BackendError::Handle)).collect();
        };
        let batch: Vec<(&[Fr], Blinding)> = assignments.iter().map(|a| (a.full(), blinding())).collect();
        let proofs = loaded.circuit.prove_batch(&batch);
        let checked = proofs.into_iter().map(|proof| {
            let proof = proof.map_err(|e| BackendError::failed(loaded.name, e))?;
            Proof::new(proof).map_err(|e| BackendError::failed(loaded.name, e))
        });
        checked.collect()
    }
}
