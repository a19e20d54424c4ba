//! A statement with its witness, ready to be proven once by whoever takes it from the queue.

use crate::{Assignment, Observer, ProofStage, ProveError, Proven, Prover};
use medproof_circuits::statement::Circuit;
use medproof_verifier::CircuitName;
use std::time::Instant;

type Assign = Box<dyn FnOnce(&Prover) -> Result<Assignment, ProveError> + Send>;

#[cfg(test)]
type Before = Box<dyn FnOnce(&dyn Observer) -> Result<(), ProveError> + Send>;

/// One statement to prove. Holds the witness, which is dropped as soon as its values are assigned.
pub struct Job {
    circuit: CircuitName,
    assign: Assign,
    #[cfg(test)]
    before: Option<Before>,
}

impl Job {
    /// A job for `C`.
    pub fn new<C: Circuit>(public: C::Public, witness: C::Witness) -> Self
    where
        C::Public: Send + 'static,
        C::Witness: Send + 'static,
    {
        Self {
            circuit: C::NAME,
            assign: Box::new(move |prover| prover.assign::<C>(&public, &witness)),
            #[cfg(test)]
            before: None,
        }
    }

    /// Runs something inside the first stage.
    #[cfg(test)]
    pub(crate) fn before(self, before: Before) -> Self {
        Self {
            before: Some(before),
            ..self
        }
    }

    /// The circuit.
    pub fn circuit(&self) -> CircuitName {
        self.circuit
    }

    /// Makes the proof, telling `observer` about each stage.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove(self, prover: &Prover, observer: &dyn Observer) -> Result<Proven, ProveError> {
        observer.enter(ProofStage::Witness)?;
        #[cfg(test)]
        if let Some(before) = self.before {
            before(observer)?;
        }
        let begin = Instant::now();
        let assignment = (self.assign)(prover)?;
        let witness_time = begin.elapsed();
        let mut proven = prover.prove_assignment(self.circuit, assignment, observer)?;
        proven.timings.witness = witness_time;
        Ok(proven)
    }
}
