//! From a circuit's name to its type.

use crate::{
    ProveError,
    keys::{CircuitKeys, KeyStore, Progress},
};
use medproof_circuits::statements::{
    bind::Bind,
    claim::Claim,
    dispense::Dispense,
    eligibility::{Eligibility, Large, Standard},
};
use medproof_verifier::CircuitName;

/// Opens the keys of the circuit with this name.
pub(crate) fn open(
    circuit: CircuitName,
    store: &KeyStore,
    progress: &mut dyn FnMut(Progress),
) -> Result<CircuitKeys, ProveError> {
    let keys = match circuit {
        CircuitName::Bind => store.open::<Bind>(progress),
        CircuitName::Dispense => store.open::<Dispense>(progress),
        CircuitName::Eligibility => store.open::<Eligibility<Standard>>(progress),
        CircuitName::EligibilityLarge => store.open::<Eligibility<Large>>(progress),
        CircuitName::Claim => store.open::<Claim>(progress),
    };
    Ok(keys?)
}
