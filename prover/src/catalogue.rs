//! From a circuit's name to its type.

use crate::{
    ProveError,
    keys::{CircuitKeys, KeyStore, Progress},
};
use medproof_verifier::CircuitName;

/// Opens the keys of the circuit with this name.
pub(crate) fn open(
    circuit: CircuitName,
    _store: &KeyStore,
    _progress: &mut dyn FnMut(Progress),
) -> Result<CircuitKeys, ProveError> {
    Err(ProveError::Unavailable(circuit.as_str()))
}
