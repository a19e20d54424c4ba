//! Ledger entries: their types, their one encoding, and what is signed (`docs/format.md`, section 11).

mod codec;
mod governance;
mod nullifier;
mod party;
mod post;
mod seal;
mod signed;
#[cfg(test)]
mod tests;

pub use codec::{DecodeError, Problem, Reader, Writer};
pub use governance::{
    CircuitAction, CircuitChange, Genesis, MAX_ORIGIN_BYTES, MAX_PINNED, MIN_REENROL_DELAY, PinnedCircuit,
    PolicyAction, PolicyChange, PolicyPurpose, PolicyTerms, RegistryAction, RegistryChange,
};
pub use nullifier::{NULLIFIER_KINDS, NullifierKind};
pub use party::{Burn, Close, MAX_BURNED, Open, Opening, Void};
pub use post::{MAX_INPUTS, Post, post_digest, statement_key};
pub use seal::{REPLACED_SECONDS, Seal};
pub use signed::{Body, GovernanceSignature, Governed, MAX_GOVERNANCE_KEYS, SignatureError, Signed};

use crate::{Proof, inclusion::leaf_hash};
use codec::DecodedProof;

/// Most bytes of an encoded entry.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// First byte of every entry.
pub const ENTRY_VERSION: u8 = 1;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// The first entry.
    Genesis = 1,
    /// A verifying key accepted or retired.
    Circuit = 2,
    /// A registered key put, ended or zeroed.
    Registry = 3,
    /// A policy accepted or ended.
    Policy = 4,
    /// An identity, account or benefit opened.
    Open = 5,
    /// An identity closed.
    Close = 6,
    /// A statement with its proof.
    Statement = 7,
    /// A dispense taken back.
    Void = 8,
    /// Fills cancelled.
    Burn = 9,
    /// The end of a batch.
    Seal = 10,
}

impl Kind {
    /// Every kind, by number.
    pub const ALL: [Self; 10] = [
        Self::Genesis,
        Self::Circuit,
        Self::Registry,
        Self::Policy,
        Self::Open,
        Self::Close,
        Self::Statement,
        Self::Void,
        Self::Burn,
        Self::Seal,
    ];

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u8 == number)
    }

    /// The name used in signatures and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Circuit => "circuit",
            Self::Registry => "registry",
            Self::Policy => "policy",
            Self::Open => "open",
            Self::Close => "close",
            Self::Statement => "statement",
            Self::Void => "void",
            Self::Burn => "burn",
            Self::Seal => "seal",
        }
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// The first entry.
    Genesis(Genesis),
    /// A verifying key accepted or retired.
    Circuit(Governed<CircuitChange>),
    /// A registered key put, ended or zeroed.
    Registry(Governed<RegistryChange>),
    /// A policy accepted or ended.
    Policy(Governed<PolicyChange>),
    /// An identity, account or benefit opened.
    Open(Signed<Open>),
    /// An identity closed.
    Close(Signed<Close>),
    /// A statement with its proof.
    Statement(Box<Post>),
    /// A dispense taken back.
    Void(Signed<Void>),
    /// Fills cancelled.
    Burn(Signed<Burn>),
    /// The end of a batch.
    Seal(Seal),
}

impl Entry {
    /// The entry's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Genesis(_) => Kind::Genesis,
            Self::Circuit(_) => Kind::Circuit,
            Self::Registry(_) => Kind::Registry,
            Self::Policy(_) => Kind::Policy,
            Self::Open(_) => Kind::Open,
            Self::Close(_) => Kind::Close,
            Self::Statement(_) => Kind::Statement,
            Self::Void(_) => Kind::Void,
            Self::Burn(_) => Kind::Burn,
            Self::Seal(_) => Kind::Seal,
        }
    }

    /// The entry's only encoding. Bounded lists keep it below [`MAX_ENTRY_BYTES`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(vec![ENTRY_VERSION, self.kind() as u8]);
        match self {
            Self::Genesis(e) => e.write(&mut out),
            Self::Circuit(e) => e.write(&mut out),
            Self::Registry(e) => e.write(&mut out),
            Self::Policy(e) => e.write(&mut out),
            Self::Open(e) => e.write(&mut out),
            Self::Close(e) => e.write(&mut out),
            Self::Statement(e) => e.write(&mut out),
            Self::Void(e) => e.write(&mut out),
            Self::Burn(e) => e.write(&mut out),
            Self::Seal(e) => e.write(&mut out),
        }
        out.0
    }

    /// Decodes an entry: nothing missing, nothing left over, every field in its only form.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(bytes, None)
    }

    /// As [`Entry::from_bytes`] for each, in order, with the proofs decoded together.
    pub fn from_bytes_all(entries: &[impl AsRef<[u8]>]) -> Vec<Result<Self, DecodeError>> {
        let entries: Vec<&[u8]> = entries.iter().map(AsRef::as_ref).collect();
        let encodings: Vec<Option<&[u8]>> = entries.iter().map(|entry| encoded_proof(entry)).collect();
        let found: Vec<&[u8]> = encodings.iter().copied().flatten().collect();
        let mut proofs = Proof::from_bytes_all(&found).into_iter();
        let decode = |(entry, encoding): (&[u8], Option<_>)| {
            // One proof for each encoding; an entry without one is decoded by itself.
            let decoded = encoding.and_then(|encoding| Some((encoding, proofs.next()?)));
            Self::read(entry, decoded)
        };
        entries.into_iter().zip(encodings).map(decode).collect()
    }

    fn read(bytes: &[u8], decoded: Option<DecodedProof<'_>>) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(DecodeError::range("entry", "at most 65,535 bytes"));
        }
        let mut input = Reader::with_proof(bytes, decoded);
        if input.u8("version")? != ENTRY_VERSION {
            return Err(DecodeError::range("version", "1"));
        }
        let kind = Kind::from_number(input.u8("kind")?).ok_or(DecodeError::range("kind", "1 to 10"))?;
        let entry = match kind {
            Kind::Genesis => Self::Genesis(Genesis::read(&mut input)?),
            Kind::Circuit => Self::Circuit(Governed::read(&mut input)?),
            Kind::Registry => Self::Registry(Governed::read(&mut input)?),
            Kind::Policy => Self::Policy(Governed::read(&mut input)?),
            Kind::Open => Self::Open(Signed::read(&mut input)?),
            Kind::Close => Self::Close(Signed::read(&mut input)?),
            Kind::Statement => Self::Statement(Box::new(Post::read(&mut input)?)),
            Kind::Void => Self::Void(Signed::read(&mut input)?),
            Kind::Burn => Self::Burn(Signed::read(&mut input)?),
            Kind::Seal => Self::Seal(Seal::read(&mut input)?),
        };
        input.finish("entry")?;
        Ok(entry)
    }

    /// The entry's leaf in the log: `SHA-256(0x00 || bytes)` (RFC 6962).
    pub fn leaf_hash(&self) -> [u8; 32] {
        leaf_hash(&self.to_bytes())
    }
}

/// Where the proof stands in what may be a statement.
fn encoded_proof(entry: &[u8]) -> Option<&[u8]> {
    match entry {
        [ENTRY_VERSION, kind, body @ ..] if *kind == Kind::Statement as u8 => Post::encoded_proof(body),
        _ => None,
    }
}
