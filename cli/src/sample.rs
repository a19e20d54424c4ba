//! A built-in example of every circuit, for sample proofs and measurements.

use crate::CliError;
use ark_bn254::Fr;
use medproof_circuits::scenario;
use medproof_circuits::scenario::eligibility::Assignment;
use medproof_circuits::statements::bind::Bind;
use medproof_circuits::statements::claim::Claim;
use medproof_circuits::statements::dispense::Dispense;
use medproof_circuits::statements::eligibility::{Eligibility, Large, Standard};
use medproof_prover::wire::WireWitness;
use medproof_verifier::{CircuitName, Name};
use rand::rngs::OsRng;

/// What is done with a circuit and an assignment that satisfies it.
pub trait Visit {
    /// What comes of it.
    type Output;

    /// Visits one circuit.
    ///
    /// # Errors
    /// Those of the visitor.
    fn visit<C: WireWitness>(
        self,
        public: &C::Public,
        witness: &C::Witness,
    ) -> Result<Self::Output, CliError>
    where
        C::Public: Sync,
        C::Witness: Sync;
}

/// Visits `circuit` with its example; `ctx` becomes the public input of that name.
///
/// # Errors
/// Those of the visitor.
pub fn example<V: Visit>(circuit: CircuitName, ctx: Fr, visitor: V) -> Result<V::Output, CliError> {
    match circuit {
        CircuitName::Bind => {
            let name = |text: &str| text.parse::<Name>().map_err(CliError::data);
            let (public, witness) =
                scenario::bind::example(&mut OsRng, &name("us-ma")?, &name("clinic")?, ctx);
            visitor.visit::<Bind>(&public, &witness)
        }
        CircuitName::Dispense => {
            let (public, witness) = scenario::dispensing::example(&mut OsRng, ctx);
            visitor.visit::<Dispense>(&public, &witness)
        }
        CircuitName::Claim => {
            let (public, witness) = scenario::claim::example(&mut OsRng, ctx);
            visitor.visit::<Claim>(&public, &witness)
        }
        CircuitName::Eligibility | CircuitName::EligibilityLarge => {
            let (Assignment::Standard(public, witness) | Assignment::Large(public, witness)) =
                scenario::eligibility::example(&mut OsRng, ctx);
            match circuit {
                CircuitName::EligibilityLarge => visitor.visit::<Eligibility<Large>>(&public, &witness),
                _ => visitor.visit::<Eligibility<Standard>>(&public, &witness),
            }
        }
    }
}
