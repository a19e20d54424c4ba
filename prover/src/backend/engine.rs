//! `medproof-engine` behind the backend's boundary.

use super::{BackendError, CircuitHandle, PreparationTimes, ProverBackend};
use crate::{Assignment, keys::CircuitKeys};
use ark_bn254::Fr;
use ark_ff::UniformRand;
use medproof_engine::{Blinding, EngineError, Form, Kernels, Options, PreparedCircuit};
use medproof_verifier::{CircuitName, Proof};
use rand::rngs::OsRng;
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};
use zeroize::Zeroize;

/// Memory for tables of multiples that all circuits share, unless said otherwise.
pub const DEFAULT_TABLE_BYTES: usize = 3 << 30;

/// What a circuit's preparation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparation {
    /// How the quotient reaches the proof. [`Form::Coset`] makes each proof faster; the key is converted for it once
    /// and kept in that form beside its file.
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
    /// For many proofs of each circuit: keys are converted, and tables made.
    pub const MANY: Self = Self {
        form: Form::Coset,
        table_bytes: DEFAULT_TABLE_BYTES,
    };
    /// For many proofs of each circuit, with keys as they are.
    pub const UNCONVERTED: Self = Self {
        form: Form::Coefficients,
        table_bytes: DEFAULT_TABLE_BYTES,
    };
}

struct Loaded {
    name: CircuitName,
    circuit: PreparedCircuit,
    times: PreparationTimes,
}

/// What the circuits loaded so far hold, and what is left for tables.
struct State {
    circuits: Vec<Arc<Loaded>>,
    table_bytes: usize,
    /// Variables of the circuits announced and not loaded yet.
    announced: usize,
}

impl State {
    /// What a circuit may take: its share among those announced, or all that is left.
    fn share(&mut self, variables: usize) -> usize {
        let of = self.announced.max(variables);
        self.announced = of - variables;
        // A circuit has at least the variable 1.
        (self.table_bytes as u128 * variables as u128 / of.max(1) as u128) as usize
    }
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
                announced: 0,
            }),
        }
    }

    /// Bytes that the prepared circuits take.
    pub fn bytes(&self) -> usize {
        // Nothing panics while it holds the lock half-way through a change.
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.circuits.iter().map(|loaded| loaded.circuit.bytes()).sum()
    }

    fn loaded(&self, circuit: CircuitHandle) -> Option<Arc<Loaded>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.circuits.get(circuit.0).cloned()
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

fn prepare(keys: &CircuitKeys, options: Options) -> Result<Loaded, EngineError> {
    let (key, matrices) = (keys.proving_key(), keys.constraints().for_engine());
    let begin = Instant::now();
    let (converted, converting) = match options.form {
        Form::Coset => {
            let (converted, conversion) = keys.converted(options.kernels)?;
            (Some(converted), Some((begin.elapsed(), conversion)))
        }
        _ => (None, None),
    };
    let begin = Instant::now();
    let circuit = match &converted {
        Some(converted) => PreparedCircuit::of_converted(key, matrices, converted, options)?,
        None => PreparedCircuit::new(key, matrices, options)?,
    };
    let times = PreparationTimes {
        converting,
        tables: begin.elapsed(),
        table_bytes: circuit.table_bytes(),
    };
    Ok(Loaded {
        name: keys.name(),
        circuit,
        times,
    })
}

impl ProverBackend for EngineBackend {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn announce(&self, circuits: &[&CircuitKeys]) {
        let variables = |keys: &&CircuitKeys| keys.constraints().for_engine().variables;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.announced = circuits.iter().map(variables).sum();
    }

    fn load(&self, keys: Arc<CircuitKeys>) -> Result<CircuitHandle, BackendError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let options = Options {
            form: self.form,
            table_bytes: state.share(keys.constraints().for_engine().variables),
            kernels: Kernels::detect(),
        };
        let loaded = prepare(&keys, options).map_err(|e| BackendError::failed(keys.name(), e))?;
        state.table_bytes = state.table_bytes.saturating_sub(loaded.times.table_bytes);
        state.circuits.push(Arc::new(loaded));
        Ok(CircuitHandle(state.circuits.len() - 1))
    }

    fn preparation(&self, circuit: CircuitHandle) -> PreparationTimes {
        let loaded = self.loaded(circuit);
        loaded.map(|loaded| loaded.times.clone()).unwrap_or_default()
    }

    fn prove_batch(
        &self,
        circuit: CircuitHandle,
        assignments: &[Assignment],
    ) -> Vec<Result<Proof, BackendError>> {
        let Some(loaded) = self.loaded(circuit) else {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
mod tests {
    use super::*;
    use crate::{KeyStore, Mode, Prover};
    use ark_bn254::Bn254;
    use ark_ff::AdditiveGroup;
    use ark_groth16::Groth16;
    use medproof_circuits::{scenario, statements::dispense::Dispense};

    /// A real statement as [`Preparation::MANY`] has it proven: key converted, all tables that pay.
    #[test]
    fn dispense_prepared_for_many_proofs_equals_arkworks_to_the_bit() {
        let store = KeyStore::at_default(Mode::Development).unwrap();
        let keys = Arc::new(store.open::<Dispense>(&mut |_| ()).unwrap());
        let constraints = keys.constraints();
        let (public, witness) = scenario::dispensing::example(&mut OsRng, Fr::from(5u64));
        let assignment = constraints.assign::<Dispense>(&public, &witness).unwrap();
        let expected = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
            keys.proving_key(),
            Fr::ZERO,
            Fr::ZERO,
            constraints.matrices(),
            constraints.num_instance_variables(),
            constraints.num_constraints(),
            assignment.full(),
        );
        let expected = expected.unwrap();
        // The vector kernels first, where there are any: who comes first converts the key.
        for kernels in [Kernels::detect(), Kernels::scalar()] {
            let options = Options {
                form: Preparation::MANY.form,
                table_bytes: Preparation::MANY.table_bytes,
                kernels,
            };
            let loaded = prepare(&keys, options).unwrap();
            assert!(loaded.times.converting.is_some(), "the key was converted");
            let bytes = loaded.times.table_bytes;
            assert!(bytes > 100 << 20, "{bytes} bytes are hardly more than the bases");
            let proof = loaded.circuit.prove_unblinded(assignment.full()).unwrap();
            assert_eq!(proof, expected, "{kernels:?}");
        }
        let mut prover = Prover::with_backend(Box::new(EngineBackend::new(Preparation::MANY)));
        prover.insert(keys).unwrap();
        // Verified by the prover itself.
        prover.prove::<Dispense>(&public, &witness).unwrap();
    }

    #[test]
    fn announced_circuits_share_the_memory_by_size_and_pass_on_what_they_leave() {
        let mut state = State {
            circuits: Vec::new(),
            table_bytes: 1000,
            announced: 100,
        };
        assert_eq!(state.share(20), 200);
        state.table_bytes -= 50;
        assert_eq!(state.share(60), 712);
        state.table_bytes -= 712;
        assert_eq!(state.share(20), 238);
        // Not announced: all that is left.
        assert_eq!(state.share(7), 238);
    }
}
