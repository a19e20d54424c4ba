//! The boundary behind which proofs are computed: whole proofs, in batches.
//!
//! A backend sees assignments that are known to satisfy the constraints, and its proofs are verified by
//! [`crate::Prover`] before they leave. A wrong or hostile backend can therefore waste time, but not get a
//! wrong proof out.

mod arkworks;
mod engine;

pub use arkworks::ArkworksBackend;
pub use engine::{DEFAULT_TABLE_BYTES, EngineBackend, Preparation, blinding};
pub use medproof_engine::Form;

use crate::{
    Assignment,
    keys::{CircuitKeys, Conversion},
};
use medproof_verifier::{CircuitName, Proof};
use std::{sync::Arc, time::Duration};

/// A circuit that a backend has prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CircuitHandle(pub usize);

/// Why a backend made no proof.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The handle belongs to another backend or was never given out.
    #[error("the proving backend does not know this circuit")]
    Handle,
    /// The assignment has not the length of the circuit's.
    #[error("an assignment for `{0}` has the wrong number of values")]
    Length(&'static str),
    /// The computation failed.
    #[error("the proving backend failed on `{circuit}`: {reason}")]
    Failed {
        /// The circuit.
        circuit: &'static str,
        /// What failed; never a value of the witness.
        reason: String,
    },
}

impl BackendError {
    pub(crate) fn failed(circuit: CircuitName, reason: impl ToString) -> Self {
        Self::Failed {
            circuit: circuit.as_str(),
            reason: reason.to_string(),
        }
    }
}

/// What preparing a circuit took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreparationTimes {
    /// Reading or working out the converted key, and which of the two; none where the key is used as it is.
    pub converting: Option<(Duration, Conversion)>,
    /// Compressing the matrices and making the tables.
    pub tables: Duration,
    /// Bytes of the tables, the bases included.
    pub table_bytes: usize,
}

/// Computes Groth16 proofs.
pub trait ProverBackend: Send + Sync {
    /// The backend's name, as shown to users.
    fn name(&self) -> &'static str;

    /// Names the circuits that will be loaded next, for a backend that divides memory among them.
    fn announce(&self, _circuits: &[&CircuitKeys]) {}

    /// Prepares a circuit's key and matrices once; they stay in memory.
    ///
    /// # Errors
    /// [`BackendError`] when the key cannot be prepared.
    fn load(&self, keys: Arc<CircuitKeys>) -> Result<CircuitHandle, BackendError>;

    /// What preparing a circuit took; nothing for a backend that does not prepare.
    fn preparation(&self, _circuit: CircuitHandle) -> PreparationTimes {
        PreparationTimes::default()
    }

    /// Computes one proof for each assignment, in order. Blinding comes from the operating system.
    fn prove_batch(
        &self,
        circuit: CircuitHandle,
        assignments: &[Assignment],
    ) -> Vec<Result<Proof, BackendError>>;
}
