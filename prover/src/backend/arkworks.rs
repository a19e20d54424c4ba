//! `ark-groth16` behind the backend's boundary: correct, portable, and the yardstick for faster ones.

use super::{BackendError, CircuitHandle, ProverBackend};
use crate::{Assignment, keys::CircuitKeys};
use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use medproof_verifier::Proof;
use rand::rngs::OsRng;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroize;

/// Proves with `ark_groth16`, from keys and matrices that are prepared once.
#[derive(Default)]
pub struct ArkworksBackend {
    circuits: RwLock<Vec<Arc<CircuitKeys>>>,
}

impl ArkworksBackend {
    /// A backend without circuits.
    pub fn new() -> Self {
        Self::default()
    }

    fn prove(keys: &CircuitKeys, assignment: &Assignment) -> Result<Proof, BackendError> {
        let constraints = keys.constraints();
        let full = assignment.full();
        if full.len() != constraints.num_instance_variables() + constraints.num_witness_variables() {
            return Err(BackendError::Length(keys.name().as_str()));
        }
        // r and s hide the witness: fresh from the operating system for each proof, wiped afterwards.
        let (mut r, mut s) = (Fr::rand(&mut OsRng), Fr::rand(&mut OsRng));
        let proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
            keys.proving_key(),
            r,
            s,
            constraints.matrices(),
            constraints.num_instance_variables(),
            constraints.num_constraints(),
            full,
        );
        r.zeroize();
        s.zeroize();
        let proof = proof.map_err(|e| BackendError::failed(keys.name(), e))?;
        Proof::new(proof).map_err(|e| BackendError::failed(keys.name(), e))
    }
}

impl ProverBackend for ArkworksBackend {
    fn name(&self) -> &'static str {
        "arkworks"
    }

    fn load(&self, keys: Arc<CircuitKeys>) -> Result<CircuitHandle, BackendError> {
        // The list only grows, so a poisoned lock still guards a whole list.
        let mut circuits = self.circuits.write().unwrap_or_else(PoisonError::into_inner);
        circuits.push(keys);
        Ok(CircuitHandle(circuits.len() - 1))
    }

    fn prove_batch(
        &self,
        circuit: CircuitHandle,
        assignments: &[Assignment],
    ) -> Vec<Result<Proof, BackendError>> {
        let keys = {
            let circuits = self.circuits.read().unwrap_or_else(PoisonError::into_inner);
            circuits.get(circuit.0).cloned()
        };
        // One after the other: each proof uses every core already.
        assignments
            .iter()
            .map(|assignment| match &keys {
                Some(keys) => Self::prove(keys, assignment),
                None => Err(BackendError::Handle),
            })
            .collect()
    }
}
