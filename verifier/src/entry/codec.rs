//! Canonical reading and writing of entry fields.

use crate::{
    Day, Fr, Name, PROOF_BYTES, Proof, ProofError,
    field::{fr_from_be_bytes, fr_to_be_bytes},
};
use ed25519_dalek::VerifyingKey;

/// Why bytes are not an entry: which field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry field `{field}` {problem}")]
pub struct DecodeError {
    /// The field, as `docs/format.md` calls it.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes end inside the field.
    #[error("is cut off")]
    Truncated,
    /// Bytes remain after the last field.
    #[error("is followed by {0} bytes that belong to nothing")]
    Leftover(usize),
    /// A number, length or order outside what the field allows.
    #[error("is out of range: {0}")]
    Range(&'static str),
    /// The bytes do not stand for a value of the field's type, or not in its only form.
    #[error("is not canonical: {0}")]
    Canonical(String),
}

impl DecodeError {
    pub(crate) fn range(field: &'static str, rule: &'static str) -> Self {
        Self {
            field,
            problem: Problem::Range(rule),
        }
    }

    pub(crate) fn canonical(field: &'static str, reason: impl ToString) -> Self {
        Self {
            field,
            problem: Problem::Canonical(reason.to_string()),
        }
    }
}

/// Collects the bytes of an entry.
#[derive(Debug, Default)]
pub struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend(value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.0.extend(value);
    }

    pub(crate) fn fr(&mut self, value: &Fr) {
        self.0.extend(fr_to_be_bytes(value));
    }

    pub(crate) fn day(&mut self, value: Day) {
        self.u16(value.0);
    }

    /// A length byte and the name's 1 to 30 bytes.
    pub(crate) fn name(&mut self, value: &Name) {
        self.text(value.as_str());
    }

    /// A length byte and the text; callers keep texts below 256 bytes.
    pub(crate) fn text(&mut self, value: &str) {
        self.0.push(value.len() as u8);
        self.0.extend(value.as_bytes());
    }

    pub(crate) fn key(&mut self, value: &VerifyingKey) {
        self.0.extend(value.to_bytes());
    }
}

/// Takes fields from the front of an entry's bytes.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    decoded: Option<DecodedProof<'a>>,
}

/// The encoding of a proof, and what it decodes to.
pub(crate) type DecodedProof<'a> = (&'a [u8], Result<Proof, ProofError>);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            decoded: None,
        }
    }

    /// A reader that need not decode this proof again.
    pub(crate) fn with_proof(bytes: &'a [u8], decoded: Option<DecodedProof<'a>>) -> Self {
        Self { rest: bytes, decoded }
    }

    pub(crate) fn proof(&mut self, field: &'static str) -> Result<Proof, DecodeError> {
        let bytes = self.take(field, PROOF_BYTES)?;
        let proof = match self.decoded.take() {
            // These bytes and no others.
            Some((encoding, proof)) if encoding == bytes => proof,
            _ => Proof::from_bytes(bytes),
        };
        proof.map_err(|e| DecodeError::canonical(field, e))
    }

    pub(crate) fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(length).ok_or(DecodeError {
            field,
            problem: Problem::Truncated,
        })?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(field, N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.u8(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::range(field, "a flag is 0 or 1")),
        }
    }

    pub(crate) fn fr(&mut self, field: &'static str) -> Result<Fr, DecodeError> {
        fr_from_be_bytes(&self.array(field)?).map_err(|e| DecodeError::canonical(field, e))
    }

    pub(crate) fn day(&mut self, field: &'static str) -> Result<Day, DecodeError> {
        Ok(Day(self.u16(field)?))
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let length = self.u8(field)?;
        std::str::from_utf8(self.take(field, length.into())?).map_err(|e| DecodeError::canonical(field, e))
    }

    pub(crate) fn name(&mut self, field: &'static str) -> Result<Name, DecodeError> {
        self.text(field)?
            .parse()
            .map_err(|e| DecodeError::canonical(field, e))
    }

    /// An Ed25519 key in its only encoding that is not of small order.
    pub(crate) fn key(&mut self, field: &'static str) -> Result<VerifyingKey, DecodeError> {
        let bytes = self.array(field)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|e| DecodeError::canonical(field, e))?;
        // The library keeps the bytes as given; a y coordinate of 2^255 - 19 or more has a second form.
        if key.to_edwards().compress().to_bytes() != bytes || key.is_weak() {
            return Err(DecodeError::canonical(
                field,
                "not a canonical Ed25519 key of full order",
            ));
        }
        Ok(key)
    }

    pub(crate) fn finish(self, last: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(DecodeError {
                field: last,
                problem: Problem::Leftover(left),
            }),
        }
    }
}
