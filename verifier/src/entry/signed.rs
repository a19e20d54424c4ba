//! Entries that carry signatures: of one party, or of a quorum of governance keys.

use super::{
    ENTRY_VERSION, Kind,
    codec::{DecodeError, Reader, Writer},
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Most governance keys of a ledger, and so most signatures of an entry.
pub const MAX_GOVERNANCE_KEYS: usize = 16;

/// What a signature of an entry is over.
pub trait Body: Sized {
    /// The entry's kind.
    const KIND: Kind;

    /// Appends the canonical bytes.
    fn write(&self, out: &mut Writer);

    /// Reads the canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// The 32 bytes that are signed:
    /// `SHA-256("medproof/" || kind || "/1" || ledger id || entry bytes without signatures)`.
    fn signing_digest(&self, ledger_id: &[u8; 32]) -> [u8; 32] {
        let mut out = Writer(vec![ENTRY_VERSION, Self::KIND as u8]);
        self.write(&mut out);
        Sha256::new()
            .chain_update(b"medproof/")
            .chain_update(Self::KIND.as_str())
            .chain_update(b"/1")
            .chain_update(ledger_id)
            .chain_update(&out.0)
            .finalize()
            .into()
    }
}

/// A signature that does not hold, or too few of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The party's signature does not hold under its key.
    #[error("the signature does not hold under the party's posting key")]
    Party,
    /// A governance signature names a key that genesis does not have.
    #[error("governance key {0} does not exist")]
    UnknownKey(u8),
    /// A governance signature does not hold.
    #[error("the signature of governance key {0} does not hold")]
    Governance(u8),
    /// Fewer signatures than the threshold.
    #[error("{got} governance signatures where the threshold is {threshold}")]
    Threshold {
        /// Signatures given.
        got: usize,
        /// Signatures needed.
        threshold: u8,
    },
}

/// A body signed by one party with its posting key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    /// What is signed.
    pub body: T,
    /// Ed25519 over [`Body::signing_digest`].
    pub signature: Signature,
}

impl<T: Body> Signed<T> {
    /// Signs a body for one ledger.
    pub fn new(body: T, ledger_id: &[u8; 32], key: &SigningKey) -> Self {
        let signature = key.sign(&body.signing_digest(ledger_id));
        Self { body, signature }
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`SignatureError::Party`].
    pub fn verify(&self, ledger_id: &[u8; 32], key: &VerifyingKey) -> Result<(), SignatureError> {
        key.verify_strict(&self.body.signing_digest(ledger_id), &self.signature)
            .map_err(|_| SignatureError::Party)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.body.write(out);
        out.bytes(&self.signature.to_bytes());
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            body: T::read(input)?,
            signature: Signature::from_bytes(&input.array("signature")?),
        })
    }
}

/// One governance key's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GovernanceSignature {
    /// Position of the key in GENESIS.
    pub key: u8,
    /// Ed25519 over [`Body::signing_digest`].
    pub signature: Signature,
}

/// A body signed by governance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governed<T> {
    /// What is signed.
    pub body: T,
    signatures: Vec<GovernanceSignature>,
}

impl<T: Body> Governed<T> {
    /// Signs a body with some of the governance keys, each given with its position in GENESIS. A key
    /// given twice signs once.
    pub fn new(body: T, ledger_id: &[u8; 32], keys: &[(u8, &SigningKey)]) -> Self {
        let digest = body.signing_digest(ledger_id);
        let mut signatures: Vec<_> = keys
            .iter()
            .map(|(key, signer)| GovernanceSignature {
                key: *key,
                signature: signer.sign(&digest),
            })
            .collect();
        signatures.sort_by_key(|s| s.key);
        signatures.dedup_by_key(|s| s.key);
        signatures.truncate(MAX_GOVERNANCE_KEYS);
        Self { body, signatures }
    }

    /// The signatures, by ascending key.
    pub fn signatures(&self) -> &[GovernanceSignature] {
        &self.signatures
    }

    /// Checks that at least `threshold` of `keys` have signed, and that no signature is bad.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(
        &self,
        ledger_id: &[u8; 32],
        keys: &[VerifyingKey],
        threshold: u8,
    ) -> Result<(), SignatureError> {
        let digest = self.body.signing_digest(ledger_id);
        for s in &self.signatures {
            let key = keys
                .get(usize::from(s.key))
                .ok_or(SignatureError::UnknownKey(s.key))?;
            key.verify_strict(&digest, &s.signature)
                .map_err(|_| SignatureError::Governance(s.key))?;
        }
        let got = self.signatures.len();
        // Keys ascend strictly (checked on decoding, kept by `new`), so each counts once.
        if got < usize::from(threshold) {
            return Err(SignatureError::Threshold { got, threshold });
        }
        Ok(())
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.body.write(out);
        out.u8(self.signatures.len() as u8);
        for s in &self.signatures {
            out.u8(s.key);
            out.bytes(&s.signature.to_bytes());
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let body = T::read(input)?;
        let count = input.u8("signature count")?;
        if usize::from(count) > MAX_GOVERNANCE_KEYS {
            return Err(DecodeError::range("signature count", "at most 16"));
        }
        let mut signatures: Vec<GovernanceSignature> = Vec::with_capacity(count.into());
        for _ in 0..count {
            let key = input.u8("governance key")?;
            if signatures.last().is_some_and(|last| last.key >= key) {
                return Err(DecodeError::range("governance key", "keys ascend strictly"));
            }
            let signature = Signature::from_bytes(&input.array("governance signature")?);
            signatures.push(GovernanceSignature { key, signature });
        }
        Ok(Self { body, signatures })
    }
}
