//! Witnesses' cosignatures of checkpoints (C2SP tlog-cosignature, version 1: Ed25519 with a time), and how many
//! of them a client asks for.
//!
//! A cosignature says: at this time, the log's largest consistent tree that the witness had seen had this
//! head. Whoever asks for cosignatures of independent witnesses cannot be shown a history of their own.

use crate::{
    checkpoint::{Checkpoint, CheckpointError, LogKey, MAX_CHECKPOINT_BYTES, decode_key, encode_key},
    inclusion::ProofRefused,
};
use ed25519_dalek::{Signature as Ed25519Signature, Signer as _, SigningKey, VerifyingKey};
use signed_note::{Note, NoteError, Signature, Verifier, VerifierList, is_key_name_valid, key_id};
use std::{fmt, str::FromStr};

/// The signed-note algorithm number of timestamped Ed25519 cosignatures.
const COSIGNATURE_V1: u8 = 4;
/// Bytes of a cosignature: time (u64) and Ed25519 signature.
const COSIGNATURE_BYTES: usize = 8 + 64;
/// Most witnesses in a policy: their cosignatures and the log's signature fit into one note.
pub const MAX_WITNESSES: usize = 32;
/// Longest name of a witness, in bytes.
pub const MAX_WITNESS_NAME: usize = 100;

/// Why a cosignature or a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// The checkpoint itself is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the checkpoint's tree.
    #[error(transparent)]
    Inclusion(#[from] ProofRefused),
    /// A cosignature of a known witness does not hold.
    #[error("the cosignature of {0} does not hold")]
    Witness(String),
    /// Too few witnesses have cosigned.
    #[error("{got} of the {of} witnesses have cosigned the checkpoint, {quorum} are asked for")]
    Quorum {
        /// Witnesses of the policy that have cosigned.
        got: usize,
        /// Witnesses of the policy.
        of: usize,
        /// How many of them are asked for.
        quorum: usize,
    },
}

/// A text or name is not a witness' key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an Ed25519 witness key of the form NAME+ID+KEY (a name of at most 100 bytes without white space, 8 \
     hexadecimal digits, then base64 of a cosigner's key, algorithm 4)"
)]
pub struct WitnessKeyError;

/// Why witnesses cannot be counted together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessPolicyError {
    /// Not as many witnesses as a policy has.
    #[error("a policy names at most 32 witnesses, and asks for at least none and at most all of them")]
    Quorum,
    /// Two witnesses with one name.
    #[error("two witnesses are called {0}")]
    Name(String),
    /// Two names with one key: one party, which would count twice.
    #[error("witness {0} has the key of another witness or of the log")]
    Key(String),
}

/// The name and key under which a witness cosigns. As text it is a C2SP verifier key (`name+id+base64`) of
/// algorithm 4.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    key: VerifyingKey,
}

impl WitnessKey {
    /// The witness of this name and key.
    ///
    /// # Errors
    /// [`WitnessKeyError`], also for a key of small order, under which anything verifies.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, WitnessKeyError> {
        let named = is_key_name_valid(name) && !name.chars().any(char::is_control);
        if !named || name.len() > MAX_WITNESS_NAME || key.is_weak() {
            return Err(WitnessKeyError);
        }
        Ok(Self {
            name: name.to_owned(),
            key,
        })
    }

    /// The witness' name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The witness' Ed25519 key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    fn id(&self) -> u32 {
        let mut encoded = vec![COSIGNATURE_V1];
        encoded.extend(self.key.to_bytes());
        key_id(&self.name, &encoded)
    }
}

impl FromStr for WitnessKey {
    type Err = WitnessKeyError;

    /// Reads the form that [`fmt::Display`] writes; any other spelling of the same key is refused.
    fn from_str(text: &str) -> Result<Self, WitnessKeyError> {
        let (name, key) = decode_key(text, COSIGNATURE_V1).ok_or(WitnessKeyError)?;
        Self::new(&name, key)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_key(&self.name, COSIGNATURE_V1, &self.key))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn message(time: u64, text: &[u8]) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
    message.extend(text);
    message
}

fn time_of(signature: &[u8]) -> Option<(u64, &[u8; 64])> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time >> 63 == 0).then_some((time, signature.try_into().ok()?))
}

impl Verifier for WitnessKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id()
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = time_of(signature) else {
            return false;
        };
        let signature = Ed25519Signature::from_bytes(signature);
        self.key.verify_strict(&message(time, text), &signature).is_ok()
    }
}

/// A witness' signer: secret, neither `Clone` nor `Debug`; the key is wiped on drop.
///
/// It signs what it is given. That it never signs two histories is up to its owner, who must have the head
/// on disk before.
pub struct Cosigner {
    public: WitnessKey,
    key: SigningKey,
}

impl Cosigner {
    /// A signer of this name. A key must serve one name only: the signed message does not hold the name.
    ///
    /// # Errors
    /// [`WitnessKeyError`].
    pub fn new(name: &str, key: SigningKey) -> Result<Self, WitnessKeyError> {
        let public = WitnessKey::new(name, key.verifying_key())?;
        Ok(Self { public, key })
    }

    /// The public half.
    pub fn witness_key(&self) -> &WitnessKey {
        &self.public
    }

    /// Cosigns a checkpoint (a signed note) at a Unix time below 2^63 and gives the signature's line.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] when it is not a note, or for a time that no cosignature can have.
    pub fn cosign(&self, note: &[u8], time: u64) -> Result<Vec<u8>, CheckpointError> {
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
        if time >> 63 != 0 {
            return Err(CheckpointError::Malformed);
        }
        let mut signature = Vec::with_capacity(COSIGNATURE_BYTES);
        signature.extend(time.to_be_bytes());
        signature.extend(self.key.sign(&message(time, note.text())).to_bytes());
        let line = Signature::new(self.public.name.clone(), self.public.id(), signature);
        Ok(line.map_err(|_| CheckpointError::Malformed)?.to_bytes())
    }
}

/// That a witness has cosigned, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness' name.
    pub witness: String,
    /// Unix time of the cosignature, by the witness' clock.
    pub time: u64,
}

/// A checkpoint with the cosignatures of a policy's witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The tree head.
    pub checkpoint: Checkpoint,
    /// Cosignatures that hold, in the policy's order of witnesses, one each.
    pub cosignatures: Vec<Cosignature>,
}

/// Which log and which witnesses a client believes, and how many of the witnesses must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessPolicy {
    log: LogKey,
    witnesses: Vec<WitnessKey>,
    quorum: usize,
}

impl WitnessPolicy {
    /// `quorum` of these witnesses, for this log.
    ///
    /// # Errors
    /// [`WitnessPolicyError`]: names and keys must differ, so that nobody counts twice.
    pub fn new(log: LogKey, witnesses: Vec<WitnessKey>, quorum: usize) -> Result<Self, WitnessPolicyError> {
        if witnesses.len() > MAX_WITNESSES || quorum > witnesses.len() {
            return Err(WitnessPolicyError::Quorum);
        }
        for (i, witness) in witnesses.iter().enumerate() {
            let before = &witnesses[..i];
            if before.iter().any(|w| w.name == witness.name) {
                return Err(WitnessPolicyError::Name(witness.name.clone()));
            }
            if witness.key == *log.key() || before.iter().any(|w| w.key == witness.key) {
                return Err(WitnessPolicyError::Key(witness.name.clone()));
            }
        }
        Ok(Self {
            log,
            witnesses,
            quorum,
        })
    }

    /// The log.
    pub fn log(&self) -> &LogKey {
        &self.log
    }

    /// The witnesses that count.
    pub fn witnesses(&self) -> &[WitnessKey] {
        &self.witnesses
    }

    /// How many of them must have cosigned.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// Reads a checkpoint, checks the log's signature and the cosignatures of the policy's witnesses, and
    /// counts them. Other signatures are ignored.
    ///
    /// # Errors
    /// [`CosignatureError`]; one wrong cosignature of a known witness refuses the whole note.
    pub fn check(&self, note: &[u8]) -> Result<Cosigned, CosignatureError> {
        let checkpoint = Checkpoint::verify(note, &self.log)?;
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
        let cosignatures = self
            .witnesses
            .iter()
            .filter_map(|witness| cosignature(&note, witness).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        if cosignatures.len() < self.quorum {
            return Err(CosignatureError::Quorum {
                got: cosignatures.len(),
                of: self.witnesses.len(),
                quorum: self.quorum,
            });
        }
        Ok(Cosigned {
            checkpoint,
            cosignatures: cosignatures.into_iter().map(|(c, _)| c).collect(),
        })
    }
}

/// The witness' first signature on the note, if there is one and it holds.
fn cosignature(
    note: &Note,
    witness: &WitnessKey,
) -> Result<Option<(Cosignature, Signature)>, CosignatureError> {
    let known = VerifierList::new(vec![Box::new(witness.clone())]);
    let signature = match note.verify(&known) {
        Ok((verified, _)) => verified.into_iter().next(),
        Err(NoteError::UnverifiedNote) => None,
        Err(_) => return Err(CosignatureError::Witness(witness.name.clone())),
    };
    Ok(signature.and_then(|signature| {
        let (time, _) = time_of(signature.signature())?;
        let witness = witness.name.clone();
        Some((Cosignature { witness, time }, signature))
    }))
}

/// Adds a witness' cosignature from its answer (signature lines) to a checkpoint that has none of it yet.
/// Lines of other keys are ignored.
///
/// # Errors
/// [`CosignatureError::Witness`] when the answer has no cosignature of this witness that holds for this
/// checkpoint, [`CheckpointError::Malformed`] when checkpoint or answer is no note or too long.
pub fn attach(
    note: &[u8],
    answer: &[u8],
    witness: &WitnessKey,
) -> Result<(Vec<u8>, Cosignature), CosignatureError> {
    if note.len() + answer.len() > MAX_CHECKPOINT_BYTES {
        return Err(CheckpointError::Malformed.into());
    }
    let before = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
    let both = Note::from_bytes(&[note, answer].concat()).map_err(|_| CheckpointError::Malformed)?;
    // An answer with an empty line would move the border between text and signatures.
    if both.text() != before.text() {
        return Err(CheckpointError::Malformed.into());
    }
    let (cosignature, signature) =
        cosignature(&both, witness)?.ok_or_else(|| CosignatureError::Witness(witness.name.clone()))?;
    Ok(([note, &signature.to_bytes()].concat(), cosignature))
}

#[cfg(test)]
mod tests;
