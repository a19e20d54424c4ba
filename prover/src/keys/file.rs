//! The key file's bytes (`docs/format.md`, section 20).
//!
//! What is checked on the way in: length, magic, circuit, version, constraints' digest and sizes, SHA-256
//! over everything, the verifying key in full, every coordinate canonical, every point on its curve, and
//! `e(beta_1, delta_2) = e(delta_1, beta_2)`. Not checked is that the G2 query lies in the prime-order
//! subgroup (minutes for a large key): a proof from such points has a B outside the subgroup, which
//! [`medproof_verifier::Proof::new`] refuses, and every proof is verified before it leaves. The hash
//! guards against damage, not against a person who can write the directory.

use super::{KeysError, with_suffix};
use crate::constraints::Constraints;
use ark_bn254::{Bn254, G1Affine};
use ark_ec::{
    AffineRepr,
    pairing::Pairing,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_groth16::ProvingKey;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use medproof_verifier::{CircuitName, KeyError, VerifyingKey};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::{fs, io::Write, path::Path};

const MAGIC: &[u8; 8] = b"mppk\0\0\0\x01";
const FLAG_DEVELOPMENT: u8 = 1;
/// Magic, circuit, version, flags, digest, four sizes, length of the verifying key.
const HEADER: usize = 8 + 1 + 2 + 1 + 32 + 4 * 4 + 4;
pub(super) const G1_BYTES: usize = 64;
const G2_BYTES: usize = 128;
pub(super) const HASH_BYTES: usize = 32;

/// What is wrong with a key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Shorter or longer than the circuit asks for.
    #[error("it has {got} bytes where the circuit's key has {expected}")]
    Length {
        /// Bytes expected.
        expected: u64,
        /// Bytes found.
        got: u64,
    },
    /// Not the beginning of a key file, or of another format version.
    #[error("it does not begin like a proving key of this version")]
    Magic,
    /// The hash at its end is not that of its contents.
    #[error("its SHA-256 does not match its contents (damaged)")]
    Hash,
    /// The key of another circuit or version.
    #[error("it is for another circuit or version")]
    Circuit,
    /// The key of other constraints.
    #[error("it was made for other constraints than this build has")]
    Shape,
    /// A flag that this build does not know, or that the verifying key contradicts.
    #[error("its flags are unknown or contradict the verifying key in it")]
    Flags,
    /// The verifying key in it is refused.
    #[error("its verifying key is refused: {0}")]
    Verifying(#[from] KeyError),
    /// A point is not canonical or not on its curve.
    #[error("a point of its {0} is not a canonical curve point")]
    Point(&'static str),
    /// Proving and verifying key do not belong together.
    #[error("its proving and verifying keys do not belong together")]
    Pair,
}

/// Bytes of an encoded verifying key with `inputs` instance variables.
fn verifying_bytes(inputs: usize) -> usize {
    8 + 1 + 2 + 1 + 32 + 3 * 64 + 32 * inputs
}

/// Bytes of the key file of a circuit: everything in it has a length that follows from the constraints.
pub(super) fn expected_bytes(c: &Constraints) -> u64 {
    let variables = c.num_instance_variables() + c.num_witness_variables();
    let g1 = 2 + 2 * variables + (c.domain() - 1) + c.num_witness_variables();
    let points = g1 * G1_BYTES + variables * G2_BYTES;
    (HEADER + verifying_bytes(c.num_instance_variables()) + points + HASH_BYTES) as u64
}

fn header(c: &Constraints, development: bool, verifying_length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER);
    out.extend(MAGIC);
    out.push(c.name() as u8);
    out.extend(c.name().version().to_be_bytes());
    out.push(if development { FLAG_DEVELOPMENT } else { 0 });
    out.extend(c.digest());
    for n in [
        c.num_constraints(),
        c.num_instance_variables(),
        c.num_witness_variables(),
        c.domain(),
        verifying_length,
    ] {
        // A circuit has fewer than 2^28 constraints, since the field has no larger domain.
        out.extend((n as u32).to_be_bytes());
    }
    out
}

/// Most bytes of head and verifying key that are read to describe a file.
pub(super) const MAX_HEAD: u64 = 16 * 1024;

/// The number of constraints and the verifying key, from the first bytes of a file.
///
/// # Errors
/// [`FormatError`].
pub(super) fn read_head(bytes: &[u8]) -> Result<(u32, VerifyingKey), FormatError> {
    let head = bytes.get(..HEADER).ok_or(FormatError::Magic)?;
    if !head.starts_with(MAGIC) {
        return Err(FormatError::Magic);
    }
    let number = |at: usize| {
        // HEADER bytes are there.
        let four: [u8; 4] = head[at..at + 4].try_into().unwrap_or_default();
        u32::from_be_bytes(four)
    };
    let length = number(HEADER - 4) as usize;
    let key = bytes.get(HEADER..).and_then(|rest| rest.get(..length));
    let key = VerifyingKey::from_bytes(key.ok_or(FormatError::Magic)?)?;
    let version = u16::from_be_bytes([head[9], head[10]]);
    if head[8] != key.name() as u8 || version != key.version() {
        return Err(FormatError::Circuit);
    }
    if (head[11] == FLAG_DEVELOPMENT) != key.is_development() {
        return Err(FormatError::Flags);
    }
    Ok((number(44), key))
}

/// Encodes a key.
pub(super) fn encode(c: &Constraints, key: &ProvingKey<Bn254>, verifying: &VerifyingKey) -> Vec<u8> {
    let verifying_bytes = verifying.to_bytes();
    let mut out = Vec::with_capacity(expected_bytes(c) as usize);
    out.extend(header(c, verifying.is_development(), verifying_bytes.len()));
    out.extend(verifying_bytes);
    put(&mut out, &[key.beta_g1, key.delta_g1], G1_BYTES);
    put(&mut out, &key.a_query, G1_BYTES);
    put(&mut out, &key.b_g1_query, G1_BYTES);
    put(&mut out, &key.b_g2_query, G2_BYTES);
    put(&mut out, &key.h_query, G1_BYTES);
    put(&mut out, &key.l_query, G1_BYTES);
    let hash = Sha256::digest(&out);
    out.extend(hash);
    out
}

pub(super) fn put<P: CanonicalSerialize + Sync>(out: &mut Vec<u8>, points: &[P], size: usize) {
    let begin = out.len();
    out.resize(begin + points.len() * size, 0);
    out[begin..]
        .par_chunks_exact_mut(size)
        .zip(points)
        .with_min_len(1024)
        .for_each(|(chunk, point)| {
            // The chunk has the exact size, so writing into it cannot fail.
            let _ = point.serialize_uncompressed(chunk);
        });
}

/// Decodes a key of the circuit with these constraints.
///
/// # Errors
/// [`FormatError`].
pub(super) fn decode(
    c: &Constraints,
    bytes: &[u8],
) -> Result<(ProvingKey<Bn254>, VerifyingKey), FormatError> {
    let expected = expected_bytes(c);
    if bytes.len() as u64 != expected {
        return Err(FormatError::Length {
            expected,
            got: bytes.len() as u64,
        });
    }
    if bytes[..8] != MAGIC[..] {
        return Err(FormatError::Magic);
    }
    let (body, hash) = bytes.split_at(bytes.len() - HASH_BYTES);
    // The points are checked while the hash is computed, and count only if it is right.
    let (found, decoded) = rayon::join(|| Sha256::digest(body), || decode_body(c, body));
    if found[..] != *hash {
        return Err(FormatError::Hash);
    }
    decoded
}

/// Decodes what the hash is of, which has the expected length.
fn decode_body(c: &Constraints, body: &[u8]) -> Result<(ProvingKey<Bn254>, VerifyingKey), FormatError> {
    check_header(c, body)?;
    let mut rest = &body[HEADER..];
    let verifying = VerifyingKey::from_bytes(split(&mut rest, verifying_bytes(c.num_instance_variables())))?;
    if verifying.is_development() != (body[11] == FLAG_DEVELOPMENT) {
        return Err(FormatError::Flags);
    }
    if verifying.name() != c.name() || verifying.version() != c.name().version() {
        return Err(FormatError::Circuit);
    }
    let variables = c.num_instance_variables() + c.num_witness_variables();
    let ends: Vec<G1Affine> = points(&mut rest, 2, G1_BYTES, "beta and delta")?;
    let key = ProvingKey {
        vk: verifying.inner().clone(),
        beta_g1: ends[0],
        delta_g1: ends[1],
        a_query: points(&mut rest, variables, G1_BYTES, "A query")?,
        b_g1_query: points(&mut rest, variables, G1_BYTES, "B query in G1")?,
        b_g2_query: points(&mut rest, variables, G2_BYTES, "B query in G2")?,
        h_query: points(&mut rest, c.domain() - 1, G1_BYTES, "H query")?,
        l_query: points(&mut rest, c.num_witness_variables(), G1_BYTES, "L query")?,
    };
    // The blinding factors hide the witness through delta: an identity or foreign one would not.
    let vk: &ark_groth16::VerifyingKey<Bn254> = &key.vk;
    if key.delta_g1.is_zero()
        || Bn254::pairing(key.beta_g1, vk.delta_g2) != Bn254::pairing(key.delta_g1, vk.beta_g2)
    {
        return Err(FormatError::Pair);
    }
    Ok((key, verifying))
}

fn check_header(c: &Constraints, body: &[u8]) -> Result<(), FormatError> {
    if CircuitName::from_number(body[8]) != Some(c.name())
        || u16::from_be_bytes([body[9], body[10]]) != c.name().version()
    {
        return Err(FormatError::Circuit);
    }
    if body[11] > FLAG_DEVELOPMENT {
        return Err(FormatError::Flags);
    }
    let development = body[11] == FLAG_DEVELOPMENT;
    if body[..HEADER] != header(c, development, verifying_bytes(c.num_instance_variables())) {
        return Err(FormatError::Shape);
    }
    Ok(())
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    // The whole length was compared with the sum of the parts before.
    let (head, tail) = rest.split_at(length);
    *rest = tail;
    head
}

pub(super) fn points<P: SWCurveConfig>(
    rest: &mut &[u8],
    count: usize,
    size: usize,
    name: &'static str,
) -> Result<Vec<Affine<P>>, FormatError> {
    split(rest, count * size)
        .par_chunks_exact(size)
        .with_min_len(1024)
        .map(|chunk| {
            // Coordinates `>= p` are refused while reading.
            Affine::<P>::deserialize_uncompressed_unchecked(chunk)
                .ok()
                .filter(Affine::is_on_curve)
                .ok_or(FormatError::Point(name))
        })
        .collect()
}

/// Writes a file so that it is either whole or not there: beside it, synced, renamed, directory synced.
/// The caller holds the lock, so nobody else writes the same partial file.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let partial = with_suffix(path, ".partial");
    let result = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        match path.parent() {
            Some(directory) => fs::File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    })();
    result.map_err(|source| {
        // Best effort: the next set-up overwrites what is left.
        let _ = fs::remove_file(&partial);
        KeysError::Io {
            action: "write",
            path: path.to_owned(),
            source,
        }
    })
}
