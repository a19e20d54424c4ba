//! From a circuit's name to its type.

use crate::{
    ProveError,
    keys::{CircuitKeys, KeyStore, Progress},
};
use medproof_circuits::statements::{bind::Bind, claim::Claim, dispense::Dispense};
use medproof_verifier::CircuitName;

/// The circuits that this build has.
pub const CIRCUITS: &[CircuitName] = &[CircuitName::Bind, CircuitName::Dispense, CircuitName::Claim];

/// Opens the keys of the circuit with this name.
pub(crate) fn open(
    circuit: CircuitName,
    store: &KeyStore,
    progress: &mut dyn FnMut(Progress),
) -> Result<CircuitKeys, ProveError> {
    match circuit {
        CircuitName::Bind => Ok(store.open::<Bind>(progress)?),
        CircuitName::Dispense => Ok(store.open::<Dispense>(progress)?),
        CircuitName::Claim => Ok(store.open::<Claim>(progress)?),
        other => Err(ProveError::Unavailable(other.as_str())),
    }
}
