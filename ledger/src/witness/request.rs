//! The body of an `add-checkpoint` request: the old size, a consistency proof, a checkpoint.

use base64::{Engine, engine::general_purpose::STANDARD};
use medproof_verifier::checkpoint::MAX_CHECKPOINT_BYTES;

/// Most lines of a consistency proof.
const MAX_PROOF_LINES: usize = 63;
/// Longest request in bytes: a proof line has 45, the first line at most 25.
pub const MAX_REQUEST_BYTES: usize = 25 + 45 * MAX_PROOF_LINES + 1 + MAX_CHECKPOINT_BYTES;

/// A request to cosign a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last; 0 = none.
    pub old: u64,
    /// RFC 6962 consistency proof from the old size, at most 63 hashes.
    pub proof: Vec<[u8; 32]>,
    /// The checkpoint, a signed note.
    pub checkpoint: Vec<u8>,
}

/// Why a request is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Too long.
    #[error("the request is longer than 35,629 bytes")]
    Length,
    /// The first line.
    #[error("the first line is not `old` and a size without leading zeros")]
    Old,
    /// A line of the proof.
    #[error("line {0} is not 32 bytes in base64")]
    Proof(usize),
    /// Too many of them.
    #[error("the proof has more than 63 lines")]
    ProofLength,
    /// No empty line before the checkpoint.
    #[error("no empty line stands before the checkpoint")]
    Checkpoint,
}

impl AddCheckpoint {
    /// The request's body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("old {}\n", self.old);
        for hash in &self.proof {
            out.push_str(&STANDARD.encode(hash));
            out.push('\n');
        }
        out.push('\n');
        let mut out = out.into_bytes();
        out.extend(&self.checkpoint);
        out
    }

    /// Reads a request's body. The checkpoint is not looked at.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_bytes(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::Length);
        }
        let mut lines = Lines(body);
        let old = lines.next().and_then(|line| line.strip_prefix(b"old "));
        let old = old.and_then(|digits| std::str::from_utf8(digits).ok());
        let old = old.and_then(|digits| digits.parse::<u64>().ok().filter(|n| n.to_string() == digits));
        let old = old.ok_or(RequestError::Old)?;
        let mut proof = vec![];
        loop {
            match lines.next() {
                None => return Err(RequestError::Checkpoint),
                Some([]) => break,
                Some(_) if proof.len() == MAX_PROOF_LINES => return Err(RequestError::ProofLength),
                Some(line) => {
                    let hash = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
                    proof.push(hash.ok_or(RequestError::Proof(proof.len() + 2))?);
                }
            }
        }
        Ok(Self {
            old,
            proof,
            checkpoint: lines.0.to_vec(),
        })
    }
}

/// What is left of the body, line by line; a last line without its newline is none.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|b| *b == b'\n')?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(line)
    }
}
