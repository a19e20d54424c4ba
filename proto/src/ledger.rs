//! Conversions of the ledger service's messages.

pub use crate::wire::ledger::*;

use crate::field::{self, FieldError};
use medproof_verifier::{
    CircuitId, Day, KeyLeaf, Role, VerifyingKey,
    checkpoint::MAX_CHECKPOINT_BYTES,
    entry::{self, NullifierKind as Kind, PolicyPurpose, PolicyTerms},
    inclusion::MAX_PROOF_HASHES,
    leaf_range::LeafRange,
};

impl From<&medproof_verifier::Receipt> for Receipt {
    fn from(receipt: &medproof_verifier::Receipt) -> Self {
        Self {
            index: receipt.index,
            inclusion: receipt.inclusion.iter().map(|h| h.to_vec()).collect(),
            checkpoint: receipt.checkpoint.clone(),
        }
    }
}

impl TryFrom<Receipt> for medproof_verifier::Receipt {
    type Error = FieldError;

    fn try_from(receipt: Receipt) -> Result<Self, FieldError> {
        // A stored receipt has no room for more.
        if receipt.inclusion.len() > MAX_PROOF_HASHES {
            let reason = format!(
                "has {} hashes, at most {MAX_PROOF_HASHES}",
                receipt.inclusion.len()
            );
            return Err(FieldError::new("receipt.inclusion", reason));
        }
        if receipt.checkpoint.len() > MAX_CHECKPOINT_BYTES {
            let reason = format!(
                "has {} bytes, at most {MAX_CHECKPOINT_BYTES}",
                receipt.checkpoint.len()
            );
            return Err(FieldError::new("receipt.checkpoint", reason));
        }
        Ok(Self {
            index: receipt.index,
            inclusion: hashes("receipt.inclusion", &receipt.inclusion)?,
            checkpoint: receipt.checkpoint,
        })
    }
}

/// 32-byte hashes in order.
///
/// # Errors
/// [`FieldError`] when one has another length.
pub fn hashes(name: &'static str, list: &[Vec<u8>]) -> Result<Vec<[u8; 32]>, FieldError> {
    list.iter().map(|h| field::array(name, h)).collect()
}

impl From<Kind> for NullifierKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Account => Self::Account,
            Kind::Fill => Self::Fill,
            Kind::Trial => Self::Trial,
            Kind::Claim => Self::Claim,
            Kind::Benefit => Self::Benefit,
        }
    }
}

/// The nullifier kind with this number.
///
/// # Errors
/// [`FieldError`] when there is none.
pub fn nullifier_kind(number: i32) -> Result<Kind, FieldError> {
    u8::try_from(number)
        .ok()
        .and_then(Kind::from_number)
        .ok_or_else(|| FieldError::new("kind", "is not 1 to 5"))
}

fn day(name: &'static str, days: u32) -> Result<Day, FieldError> {
    u16::try_from(days)
        .map(Day)
        .map_err(|_| FieldError::new(name, "is more than 65535 days"))
}

/// A registered key: its leaf and its party's posting key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredKey {
    /// Index of the leaf.
    pub index: u32,
    /// The key.
    pub leaf: KeyLeaf,
    /// Ed25519 posting key of the party.
    pub posting_key: [u8; 32],
}

impl From<&RegisteredKey> for RegistryKey {
    fn from(key: &RegisteredKey) -> Self {
        Self {
            index: key.index,
            ax: field::fr_bytes(&key.leaf.ax),
            ay: field::fr_bytes(&key.leaf.ay),
            role: key.leaf.role as u32,
            party: key.leaf.party.to_string(),
            scope: field::fr_bytes(&key.leaf.scope),
            valid_from: key.leaf.valid_from.0.into(),
            valid_to: key.leaf.valid_to.0.into(),
            posting_key: key.posting_key.to_vec(),
        }
    }
}

impl TryFrom<RegistryKey> for RegisteredKey {
    type Error = FieldError;

    fn try_from(key: RegistryKey) -> Result<Self, FieldError> {
        let role = u8::try_from(key.role).ok().and_then(Role::from_number);
        Ok(Self {
            index: key.index,
            leaf: KeyLeaf {
                ax: field::fr("ax", &key.ax)?,
                ay: field::fr("ay", &key.ay)?,
                role: role.ok_or_else(|| FieldError::new("role", "is not 1 to 8"))?,
                party: field::name("party", &key.party)?,
                scope: field::fr("scope", &key.scope)?,
                valid_from: day("valid_from", key.valid_from)?,
                valid_to: day("valid_to", key.valid_to)?,
            },
            posting_key: field::array("posting_key", &key.posting_key)?,
        })
    }
}

impl From<&PolicyTerms> for Policy {
    fn from(terms: &PolicyTerms) -> Self {
        let (party, plan) = match &terms.purpose {
            PolicyPurpose::Dispense => (String::new(), vec![]),
            PolicyPurpose::Eligibility { sponsor } => (sponsor.to_string(), vec![]),
            PolicyPurpose::Claim { payer, plan } => (payer.to_string(), plan.to_be_bytes()[4..].to_vec()),
        };
        Self {
            id: field::fr_bytes(&terms.id),
            kind: terms.purpose.kind().into(),
            domain: terms.domain.to_string(),
            name: terms.name.to_string(),
            version: terms.version.to_string(),
            valid_from: terms.valid_from.0.into(),
            valid_to: terms.valid_to.0.into(),
            party,
            plan,
            text_hash: terms.text_hash.to_vec(),
        }
    }
}

impl TryFrom<Policy> for PolicyTerms {
    type Error = FieldError;

    fn try_from(policy: Policy) -> Result<Self, FieldError> {
        let purpose = match policy.kind {
            2 => PolicyPurpose::Dispense,
            3 => PolicyPurpose::Eligibility {
                sponsor: field::name("party", &policy.party)?,
            },
            4 => {
                let mut plan = [0u8; 16];
                plan[4..].copy_from_slice(&field::array::<12>("plan", &policy.plan)?);
                PolicyPurpose::Claim {
                    payer: field::name("party", &policy.party)?,
                    plan: u128::from_be_bytes(plan),
                }
            }
            _ => return Err(FieldError::new("kind", "is not 2, 3 or 4")),
        };
        Ok(Self {
            id: field::fr("id", &policy.id)?,
            name: field::name("name", &policy.name)?,
            version: field::name("version", &policy.version)?,
            domain: field::name("domain", &policy.domain)?,
            purpose,
            valid_from: day("valid_from", policy.valid_from)?,
            valid_to: day("valid_to", policy.valid_to)?,
            text_hash: field::array("text_hash", &policy.text_hash)?,
        })
    }
}

/// A circuit that the ledger knows.
#[derive(Debug, Clone)]
pub struct KnownCircuit {
    /// Its verifying key.
    pub key: VerifyingKey,
    /// Proofs under it are refused.
    pub retired: bool,
}

impl From<&KnownCircuit> for Circuit {
    fn from(circuit: &KnownCircuit) -> Self {
        Self {
            id: circuit.key.circuit_id().0.to_vec(),
            verifying_key: circuit.key.to_bytes(),
            retired: circuit.retired,
        }
    }
}

impl TryFrom<Circuit> for KnownCircuit {
    type Error = FieldError;

    fn try_from(circuit: Circuit) -> Result<Self, FieldError> {
        let key = VerifyingKey::from_bytes(&circuit.verifying_key)
            .map_err(|e| FieldError::new("verifying_key", format!("is refused: {e}")))?;
        if CircuitId(field::array("id", &circuit.id)?) != key.circuit_id() {
            return Err(FieldError::new("id", "is not that of the verifying key"));
        }
        Ok(Self {
            key,
            retired: circuit.retired,
        })
    }
}

/// Reads a range of leaves and checks that it leads to the root that comes with it. Whether that root
/// is one that the ledger has sealed shows when an entry refers to it.
///
/// # Errors
/// [`FieldError`] when a field is malformed or the range does not lead to its root.
pub fn leaf_range<const DEPTH: usize>(
    first: u64,
    levels: usize,
    answer: &AuthPathResponse,
) -> Result<LeafRange<DEPTH>, FieldError> {
    let leaves = field::frs("leaves", &answer.leaves)?;
    let flat = field::frs("siblings", &answer.siblings)?;
    let (threes, rest) = flat.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(FieldError::new("siblings", "are not three a level"));
    }
    let root = field::fr("root", &answer.root)?;
    LeafRange::new(first, levels, leaves, threes.to_vec(), root)
        .map_err(|e| FieldError::new("leaves", format!("are refused: {e}")))
}

/// Decodes an entry from a message.
///
/// # Errors
/// [`FieldError`] on `entry`, with the entry's own field in the reason.
pub fn decode_entry(bytes: &[u8]) -> Result<entry::Entry, FieldError> {
    entry::Entry::from_bytes(bytes).map_err(|e| FieldError::new("entry", format!("is refused: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use medproof_verifier::{Fr, tree::DenseTree};

    #[test]
    fn values_survive_the_wire_and_bad_fields_are_named() {
        let key = RegisteredKey {
            index: 3,
            leaf: KeyLeaf {
                ax: Fr::from(1u64),
                ay: Fr::from(2u64),
                role: Role::Payer,
                party: "payer".parse().unwrap(),
                scope: Fr::from(9u64),
                valid_from: Day(1),
                valid_to: Day::OPEN,
            },
            posting_key: [7; 32],
        };
        let wire = RegistryKey::from(&key);
        assert_eq!(RegisteredKey::try_from(wire.clone()).unwrap(), key);
        let bad = RegistryKey {
            role: 9,
            ..wire.clone()
        };
        assert_eq!(RegisteredKey::try_from(bad).unwrap_err().field, "role");
        let bad = RegistryKey {
            valid_to: 65_536,
            ..wire
        };
        assert_eq!(RegisteredKey::try_from(bad).unwrap_err().field, "valid_to");

        for purpose in [
            PolicyPurpose::Dispense,
            PolicyPurpose::Eligibility {
                sponsor: "s".parse().unwrap(),
            },
            PolicyPurpose::Claim {
                payer: "p".parse().unwrap(),
                plan: 1 << 95,
            },
        ] {
            let terms = PolicyTerms {
                id: Fr::from(5u64),
                name: "n".parse().unwrap(),
                version: "1".parse().unwrap(),
                domain: "d".parse().unwrap(),
                purpose,
                valid_from: Day(1),
                valid_to: Day(2),
                text_hash: [1; 32],
            };
            assert_eq!(PolicyTerms::try_from(Policy::from(&terms)).unwrap(), terms);
        }
        assert!(nullifier_kind(0).is_err() && nullifier_kind(6).is_err());
        for kind in Kind::ALL {
            assert_eq!(nullifier_kind(NullifierKind::from(kind) as i32), Ok(kind));
        }
    }

    #[test]
    fn a_receipt_that_could_not_be_stored_is_refused() {
        let of = |hashes: usize, bytes: usize| Receipt {
            index: 1,
            inclusion: vec![vec![7; 32]; hashes],
            checkpoint: vec![b'a'; bytes],
        };
        let read = |message| medproof_verifier::Receipt::try_from(message);
        let most = read(of(MAX_PROOF_HASHES, MAX_CHECKPOINT_BYTES)).unwrap();
        assert_eq!(medproof_verifier::Receipt::from_bytes(&most.to_bytes()), Ok(most));
        let field = |message| read(message).unwrap_err().field;
        assert_eq!(field(of(MAX_PROOF_HASHES + 1, 1)), "receipt.inclusion");
        assert_eq!(field(of(1, MAX_CHECKPOINT_BYTES + 1)), "receipt.checkpoint");
    }

    #[test]
    fn a_range_must_lead_to_its_root() {
        let tree = DenseTree::<5>::new((1..=300u64).map(Fr::from).collect()).unwrap();
        let answer = AuthPathResponse {
            leaves: (256..300).map(|i| field::fr_bytes(&tree.leaf(i))).collect(),
            siblings: tree.path(256).unwrap().siblings()[4..]
                .iter()
                .flatten()
                .map(field::fr_bytes)
                .collect(),
            root: field::fr_bytes(&tree.root()),
            size: 1,
        };
        let range = leaf_range::<5>(256, 4, &answer).unwrap();
        assert_eq!(range.path(270).unwrap().1.root(tree.leaf(270)), tree.root());
        let mut bad = answer.clone();
        bad.leaves[3][31] ^= 1;
        assert_eq!(leaf_range::<5>(256, 4, &bad).unwrap_err().field, "leaves");
        let mut bad = answer;
        bad.siblings.pop();
        assert_eq!(leaf_range::<5>(256, 4, &bad).unwrap_err().field, "siblings");
    }
}
