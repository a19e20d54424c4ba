//! Converted keys kept beside the keys that they come from (`docs/format.md`, section 20).
//!
//! A converted key is only a faster form of its proving key: a file that is missing, damaged or of another key is
//! made again, and where it cannot be written the key is converted at each start ([`Conversion::NotKept`]). What is checked on the way in:
//! length, magic, the verifying key and constraints that it belongs to, SHA-256 over everything, every coordinate
//! canonical and every point on its curve. Whatever else it holds, every proof is verified before it leaves.

use super::{CircuitKeys, FormatError, KeyStore, KeysError, file};
use medproof_engine::{ConvertedKey, EngineError, Kernels};
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path, path::PathBuf};

const MAGIC: &[u8; 8] = b"mpck\0\0\0\x01";
/// Magic, hash of the verifying key, digest of the constraints, domain, variables.
const HEADER: usize = 8 + 32 + 32 + 4 + 4;

/// Where a converted key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    /// Read from the file beside the key.
    Found,
    /// Worked out, and kept beside the key.
    Kept,
    /// Worked out, and not kept: the next start works it out again. Says why, for a key that came from a file.
    NotKept(Option<String>),
}

impl Conversion {
    /// What happened, in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Kept => "made",
            Self::NotKept(_) => "not kept",
        }
    }
}

/// Where the converted form of a key file is kept.
pub(super) fn path_beside(key: &Path) -> PathBuf {
    key.with_extension("mpck")
}

impl CircuitKeys {
    /// The converted form of the proving key: from the file beside it, or worked out and, where the key came from
    /// a file, written there. Of several processes that need it at once, one makes it and the others wait.
    pub(crate) fn converted(&self, kernels: Kernels) -> Result<(ConvertedKey, Conversion), EngineError> {
        let convert = || ConvertedKey::new(self.proving_key(), self.constraints.for_engine(), kernels);
        let Some(path) = &self.converted_path else {
            return Ok((convert()?, Conversion::NotKept(None)));
        };
        if let Ok(found) = self.read_converted(path) {
            return Ok((found, Conversion::Found));
        }
        // Without a lock two processes may do the same work, and only the one that holds it writes.
        let directory = path.parent().unwrap_or(Path::new(""));
        let lock = KeyStore::lock_in(directory, path, &mut |_| {});
        match self.read_converted(path) {
            Ok(found) => return Ok((found, Conversion::Found)),
            Err(KeysError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the converted key is made again"),
        }
        let converted = convert()?;
        let written = lock.and_then(|_held| file::write_atomically(path, &self.encode_converted(&converted)));
        let conversion = match written {
            Ok(()) => Conversion::Kept,
            Err(error) => {
                tracing::warn!(%error, "the converted key is not kept");
                Conversion::NotKept(Some(error.to_string()))
            }
        };
        Ok((converted, conversion))
    }

    fn header(&self) -> Vec<u8> {
        let variables = self.constraints.for_engine().variables;
        let mut out = Vec::with_capacity(HEADER);
        out.extend(MAGIC);
        out.extend(self.verifying.hash());
        out.extend(self.constraints.digest());
        for n in [self.constraints.domain(), variables] {
            // A circuit has fewer than 2^28 constraints, since the field has no larger domain.
            out.extend((n as u32).to_be_bytes());
        }
        out
    }

    fn converted_bytes(&self) -> usize {
        let points = self.constraints.domain() + self.constraints.for_engine().variables;
        HEADER + points * file::G1_BYTES + file::HASH_BYTES
    }

    pub(super) fn encode_converted(&self, converted: &ConvertedKey) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.converted_bytes());
        out.extend(self.header());
        file::put(&mut out, &converted.h, file::G1_BYTES);
        file::put(&mut out, &converted.folded, file::G1_BYTES);
        let hash = Sha256::digest(&out);
        out.extend(hash);
        out
    }

    pub(super) fn read_converted(&self, path: &Path) -> Result<ConvertedKey, KeysError> {
        let refused = |source| KeysError::Format {
            path: path.to_owned(),
            source,
        };
        let expected = self.converted_bytes() as u64;
        let got = fs::metadata(path).map_err(KeysError::io("read", path))?.len();
        if got != expected {
            return Err(refused(FormatError::Length { expected, got }));
        }
        let bytes = fs::read(path).map_err(KeysError::io("read", path))?;
        self.decode_converted(&bytes).map_err(refused)
    }

    pub(super) fn decode_converted(&self, bytes: &[u8]) -> Result<ConvertedKey, FormatError> {
        let (expected, got) = (self.converted_bytes() as u64, bytes.len() as u64);
        if got != expected {
            return Err(FormatError::Length { expected, got });
        }
        if bytes[..8] != MAGIC[..] {
            return Err(FormatError::Magic);
        }
        let (body, hash) = bytes.split_at(bytes.len() - file::HASH_BYTES);
        if Sha256::digest(body)[..] != *hash {
            return Err(FormatError::Hash);
        }
        if body[..HEADER] != self.header() {
            return Err(FormatError::Shape);
        }
        let mut rest = &body[HEADER..];
        let mut points = |count, name| file::points(&mut rest, count, file::G1_BYTES, name);
        Ok(ConvertedKey {
            h: points(self.constraints.domain(), "converted H query")?,
            folded: points(self.constraints.for_engine().variables, "part of the L query")?,
        })
    }
}
