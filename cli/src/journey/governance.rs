//! Governance: the keys that accept circuits, parties and policies.

use super::{JourneyError, party::Party};
use ed25519_dalek::SigningKey;
use medproof_proto::ledger_client::{Appended, Ledger};
use medproof_records::policy::{
    claim::ClaimPolicy, dispensing::DispensingPolicy, eligibility::CompiledPolicy as EligibilityPolicy,
};
use medproof_verifier::{
    CircuitId, Day, Entry, Fr, KeyLeaf, Name, VerifyingKey,
    entry::{
        CircuitAction, CircuitChange, Governed, PolicyAction, PolicyChange, PolicyPurpose, PolicyTerms,
        RegistryAction, RegistryChange,
    },
};
use sha2::{Digest, Sha256};

/// The governance keys at hand, each with its position in GENESIS. Neither `Clone` nor `Debug`.
pub struct Governance {
    keys: Vec<(u8, SigningKey)>,
}

/// When a policy is valid, and its text.
#[derive(Debug, Clone, Copy)]
pub struct PolicyDates<'a> {
    /// First day on which a statement may be dated.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// The policy's file.
    pub text: &'a str,
}

impl Governance {
    /// Governance by these keys.
    pub fn new(keys: Vec<(u8, SigningKey)>) -> Self {
        Self { keys }
    }

    fn signers(&self) -> Vec<(u8, &SigningKey)> {
        self.keys.iter().map(|(at, key)| (*at, key)).collect()
    }

    async fn next_sequence(ledger: &mut Ledger) -> Result<u64, JourneyError> {
        Ok(ledger.last_sequence(None).await? + 1)
    }

    async fn circuit(&self, ledger: &mut Ledger, action: CircuitAction) -> Result<Appended, JourneyError> {
        let sequence = Self::next_sequence(ledger).await?;
        let body = CircuitChange { sequence, action };
        let entry = Entry::Circuit(Governed::new(body, &ledger.ledger_id(), &self.signers()));
        Ok(ledger.append(&entry).await?)
    }

    /// Accepts a verifying key.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn accept_circuit(
        &self,
        ledger: &mut Ledger,
        key: &VerifyingKey,
    ) -> Result<Appended, JourneyError> {
        self.circuit(ledger, CircuitAction::Accept(Box::new(key.clone())))
            .await
    }

    /// Retires a circuit.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn retire_circuit(&self, ledger: &mut Ledger, id: CircuitId) -> Result<Appended, JourneyError> {
        self.circuit(ledger, CircuitAction::Retire(id)).await
    }

    /// Changes a registry leaf.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn registry(
        &self,
        ledger: &mut Ledger,
        index: u32,
        action: RegistryAction,
    ) -> Result<Appended, JourneyError> {
        let body = RegistryChange {
            sequence: Self::next_sequence(ledger).await?,
            index,
            action,
        };
        let entry = Entry::Registry(Governed::new(body, &ledger.ledger_id(), &self.signers()));
        Ok(ledger.append(&entry).await?)
    }

    /// Registers a party's key at the first free leaf, and returns the leaf's index.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn register(
        &self,
        ledger: &mut Ledger,
        party: &Party,
        leaf: KeyLeaf,
    ) -> Result<u32, JourneyError> {
        let used: Vec<u32> = ledger.registry().await?.iter().map(|k| k.index).collect();
        let index = (0..).find(|i| !used.contains(i)).unwrap_or(0);
        let action = RegistryAction::Put {
            leaf,
            posting_key: party.posting().verifying_key(),
        };
        self.registry(ledger, index, action).await?;
        Ok(index)
    }

    /// Accepts a policy.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn accept_policy(
        &self,
        ledger: &mut Ledger,
        terms: PolicyTerms,
    ) -> Result<Appended, JourneyError> {
        let body = PolicyChange {
            sequence: Self::next_sequence(ledger).await?,
            action: PolicyAction::Accept(terms),
        };
        let entry = Entry::Policy(Governed::new(body, &ledger.ledger_id(), &self.signers()));
        Ok(ledger.append(&entry).await?)
    }
}

fn text_hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn version(text: &str) -> Result<Name, JourneyError> {
    text.parse()
        .map_err(|e| JourneyError::Unprovable(format!("the policy's version: {e}")))
}

/// What the ledger needs to know of a dispensing policy.
///
/// # Errors
/// [`JourneyError::Unprovable`] when its version is no name.
pub fn dispensing_terms(
    policy: &DispensingPolicy,
    dates: PolicyDates<'_>,
) -> Result<PolicyTerms, JourneyError> {
    Ok(PolicyTerms {
        id: policy.policy_id(),
        name: policy.name().clone(),
        version: version(policy.version())?,
        domain: policy.domain().clone(),
        purpose: PolicyPurpose::Dispense,
        valid_from: dates.from,
        valid_to: dates.to,
        text_hash: text_hash(dates.text),
    })
}

/// What the ledger needs to know of a trial's criteria.
///
/// # Errors
/// [`JourneyError::Unprovable`] when its version is no name.
pub fn eligibility_terms(
    policy: &EligibilityPolicy,
    dates: PolicyDates<'_>,
) -> Result<PolicyTerms, JourneyError> {
    Ok(PolicyTerms {
        id: policy.policy_id(),
        name: policy.id().clone(),
        version: version(policy.version())?,
        domain: policy.identity_domain().clone(),
        purpose: PolicyPurpose::Eligibility {
            sponsor: policy.sponsor().clone(),
        },
        valid_from: dates.from,
        valid_to: dates.to,
        text_hash: text_hash(dates.text),
    })
}

/// What the ledger needs to know of a plan policy. `domain` is the payer's.
pub fn claim_terms(policy: &ClaimPolicy, domain: &Name, dates: PolicyDates<'_>) -> PolicyTerms {
    let rules = policy.rules();
    PolicyTerms {
        id: policy.policy_id(),
        name: policy.id().clone(),
        version: policy.version().clone(),
        domain: domain.clone(),
        purpose: PolicyPurpose::Claim {
            payer: rules.payer.clone(),
            plan: rules.plan.to_u128(),
        },
        valid_from: dates.from,
        valid_to: dates.to,
        text_hash: text_hash(dates.text),
    }
}

/// The scope of a domain's keys.
pub fn domain_scope(domain: &Name) -> Fr {
    domain.to_fr()
}
