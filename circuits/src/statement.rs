//! What every statement consists of: public inputs, a witness, a native relation and a circuit.

use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::{CircuitName, Public};

/// A statement's circuit beside its native relation. Both must accept the same pairs of public
/// inputs and witness (property P9).
pub trait Circuit {
    /// The public inputs.
    type Public: Public + Copy;
    /// Everything private. Zeroised on drop; neither `Clone` nor `Debug` nor serialisable.
    type Witness;
    /// Which clause a pair breaks; one variant a clause of the statement's document.
    type Refused: std::error::Error + Clone + PartialEq + Send + Sync + 'static;
    /// The circuit's name.
    const NAME: CircuitName;
    /// The most constraints that the circuit may have.
    const BUDGET: usize;

    /// Evaluates every clause on plain values.
    ///
    /// # Errors
    /// The first clause that does not hold.
    fn relation(public: &Self::Public, witness: &Self::Witness) -> Result<(), Self::Refused>;

    /// Allocates the public inputs in the order of [`Public::NAMES`], then the witness, and constrains them.
    /// The constraints must be the same for every assignment and in set-up mode.
    ///
    /// # Errors
    /// Only errors of the constraint system; a witness that breaks a clause leaves it unsatisfied.
    fn synthesise(
        cs: ConstraintSystemRef<Fr>,
        public: &Self::Public,
        witness: &Self::Witness,
    ) -> Result<(), SynthesisError>;

    /// Any values of the right shape, for set-up, where no assignment is made.
    fn blank() -> (Self::Public, Self::Witness);
}
