//! Section 10: who contributed to the second phase.

use crate::{
    CircomError,
    container::Reader,
    number::{KeyCurve, point},
};
use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, short_weierstrass::Affine};

/// More contributions than any ceremony had.
const MAX_CONTRIBUTIONS: usize = 1 << 14;
/// Bytes of one contribution's parameters; snarkjs writes a name and a beacon, each below 256 bytes.
const MAX_PARAMETERS: usize = 1024;

/// Where a contribution's randomness came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContributionKind {
    /// A person's or machine's own.
    Secret,
    /// A public random beacon, hashed `2^iterations` times.
    Beacon {
        /// Exponent of the number of iterations.
        iterations: u8,
        /// The beacon's value.
        value: Vec<u8>,
    },
}

/// One contribution to the second phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    pub(super) delta_after: G1Affine,
    pub(super) s: G1Affine,
    pub(super) sx: G1Affine,
    pub(super) spx: G2Affine,
    pub(super) transcript: [u8; 64],
    pub(super) kind: ContributionKind,
    pub(super) hash: [u8; 64],
    name: Option<String>,
}

impl Contribution {
    /// The name that the contributor gave; unchecked text, escaped before it is shown.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where its randomness came from.
    pub fn kind(&self) -> &ContributionKind {
        &self.kind
    }

    /// The hash that the contributor was shown and can vouch for (BLAKE2b-512).
    pub fn hash(&self) -> &[u8; 64] {
        &self.hash
    }
}

pub(super) struct Record {
    pub(super) circuit_hash: [u8; 64],
    pub(super) contributions: Vec<Contribution>,
}

pub(super) fn read(mut reader: Reader<'_>) -> Result<Record, CircomError> {
    let circuit_hash = reader.array()?;
    let count = reader.count("number of contributions", 0, MAX_CONTRIBUTIONS)?;
    let mut contributions = Vec::new();
    for _ in 0..count {
        contributions.push(one(&mut reader)?);
    }
    reader.end()?;
    Ok(Record {
        circuit_hash,
        contributions,
    })
}

fn one(reader: &mut Reader<'_>) -> Result<Contribution, CircomError> {
    let delta_after = secret_point(reader, "contributions (delta)")?;
    let s = secret_point(reader, "contributions (s)")?;
    let sx = secret_point(reader, "contributions (sx)")?;
    let spx = secret_point(reader, "contributions (spx)")?;
    let transcript = reader.array()?;
    let kind = reader.u32()?;
    let length = reader.count("length of a contribution's parameters", 0, MAX_PARAMETERS)?;
    let parameters = Parameters::read(Reader::new(reader.take(length)?, "contribution's parameters"))?;
    let kind = match (kind, parameters.iterations, parameters.beacon) {
        (0, None, None) => ContributionKind::Secret,
        (1, Some(iterations), Some(value)) => ContributionKind::Beacon { iterations, value },
        _ => return Err(CircomError::Truncated("contribution's parameters")),
    };
    Ok(Contribution {
        delta_after,
        s,
        sx,
        spx,
        transcript,
        kind,
        hash: [0; 64],
        name: parameters.name,
    })
}

fn secret_point<P: KeyCurve>(reader: &mut Reader<'_>, what: &'static str) -> Result<Affine<P>, CircomError> {
    let p = point::<P>(reader, what)?;
    if p.is_zero() {
        return Err(CircomError::Degenerate("a contribution holds an identity point"));
    }
    Ok(p)
}

/// Type and value pairs: 1 name, 2 exponent of iterations, 3 beacon; each at most once, in ascending order.
#[derive(Default)]
struct Parameters {
    name: Option<String>,
    iterations: Option<u8>,
    beacon: Option<Vec<u8>>,
}

impl Parameters {
    fn read(mut reader: Reader<'_>) -> Result<Self, CircomError> {
        let refused = CircomError::Truncated("contribution's parameters");
        let mut out = Self::default();
        let mut last = 0;
        while reader.remaining() > 0 {
            let kind = reader.u8()?;
            if kind <= last {
                return Err(refused);
            }
            last = kind;
            match kind {
                1 => {
                    let length = reader.u8()?;
                    let text = String::from_utf8_lossy(reader.take(length as usize)?);
                    out.name = Some(text.into_owned());
                }
                2 => out.iterations = Some(reader.u8()?),
                3 => {
                    let length = reader.u8()?;
                    out.beacon = Some(reader.take(length as usize)?.to_vec());
                }
                _ => return Err(refused),
            }
        }
        Ok(out)
    }
}
