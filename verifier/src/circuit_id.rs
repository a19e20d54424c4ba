//! Which circuit a proof is of: name, version and verifying key.

use crate::field::fr_from_248;
use ark_bn254::Fr;
use sha2::{Digest, Sha256};
use std::fmt;

/// The statements' circuits. The standard and the large tier of eligibility are two circuits of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum CircuitName {
    /// One secret behind an identity leaf and a pseudonym.
    Bind = 1,
    /// A dispensing limit over a complete history.
    Dispense = 2,
    /// Trial eligibility, up to 64 records.
    Eligibility = 3,
    /// A claim's condition and arithmetic.
    Claim = 4,
    /// Trial eligibility, up to 128 records.
    EligibilityLarge = 5,
}

impl CircuitName {
    /// Every circuit.
    pub const ALL: [Self; 5] = [
        Self::Bind,
        Self::Dispense,
        Self::Eligibility,
        Self::EligibilityLarge,
        Self::Claim,
    ];

    /// The name used in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Dispense => "dispense",
            Self::Eligibility => "eligibility",
            Self::EligibilityLarge => "eligibility-large",
            Self::Claim => "claim",
        }
    }

    /// The circuit with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == text)
    }

    /// The circuit with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|c| *c as u8 == number)
    }

    /// The version that this build proves and verifies. Raised whenever a circuit's constraints change.
    pub fn version(self) -> u16 {
        match self {
            // 2: the prescription names its person.
            Self::Dispense => 2,
            // 2: a dispense whose days' supply is not stated may still run.
            Self::Eligibility | Self::EligibilityLarge => 2,
            Self::Bind | Self::Claim => 1,
        }
    }
}

/// Name, version and hash of the verifying key, as one 32-byte value:
/// `SHA-256("medproof/circuit/1" || name:u8 || version:u16 || SHA-256(verifying key))`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CircuitId(pub [u8; 32]);

impl CircuitId {
    /// The id of a circuit under a verifying key with this SHA-256.
    pub fn new(name: CircuitName, version: u16, verifying_key_hash: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"medproof/circuit/1");
        hash.update([name as u8]);
        hash.update(version.to_be_bytes());
        hash.update(verifying_key_hash);
        Self(hash.finalize().into())
    }

    /// The first 248 bits, as they enter `ctx`.
    pub fn to_fr(self) -> Fr {
        fr_from_248(&self.0)
    }
}

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
