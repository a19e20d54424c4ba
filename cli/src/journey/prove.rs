//! The holder's prover, and the verifying keys that it trusts.

use super::JourneyError;
use medproof_proto::address::Address;
use medproof_prover::{Timings, client::Client, wire::WireWitness};
use medproof_verifier::{CircuitId, CircuitName, Proof, VerifyingKey};
use std::{collections::BTreeMap, time::Duration};

/// Longest wait for a proof, the queue included.
const DEADLINE: Duration = Duration::from_secs(300);

/// A prover service with the keys under which its proofs are verified.
#[derive(Clone)]
pub struct Prover {
    client: Client,
    keys: BTreeMap<CircuitName, VerifyingKey>,
}

impl Prover {
    /// Connects to a prover; `keys` are those that the ledger accepts.
    ///
    /// # Errors
    /// [`JourneyError::Prover`].
    pub async fn connect(
        address: &Address,
        keys: BTreeMap<CircuitName, VerifyingKey>,
    ) -> Result<Self, JourneyError> {
        Ok(Self {
            client: Client::connect(address).await?,
            keys,
        })
    }

    /// The key of a circuit.
    ///
    /// # Errors
    /// [`JourneyError::NotOnLedger`] when the ledger accepts no such circuit.
    pub fn key(&self, circuit: CircuitName) -> Result<&VerifyingKey, JourneyError> {
        self.keys
            .get(&circuit)
            .ok_or(JourneyError::NotOnLedger("this circuit"))
    }

    /// The id of a circuit.
    ///
    /// # Errors
    /// As [`Prover::key`].
    pub fn circuit_id(&self, circuit: CircuitName) -> Result<CircuitId, JourneyError> {
        Ok(self.key(circuit)?.circuit_id())
    }

    /// Has a proof made, and verifies it.
    ///
    /// # Errors
    /// [`JourneyError::Prover`].
    pub async fn prove<C: WireWitness>(
        &mut self,
        public: &C::Public,
        witness: &C::Witness,
    ) -> Result<(Proof, Timings), JourneyError> {
        let key = self
            .keys
            .get(&C::NAME)
            .ok_or(JourneyError::NotOnLedger("this circuit"))?;
        let proof = self
            .client
            .prove::<C>(key, public, witness, DEADLINE, &mut |_| ())
            .await?;
        Ok(proof)
    }
}
