//! Checkpoints: the log's size and root as C2SP signed notes.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use signed_note::{Note, Signer, StandardVerifier, VerifierList, is_key_name_valid, key_id};
use std::{fmt, str::FromStr};
use tlog_tiles::{checkpoint::Checkpoint as Text, tlog::Hash};

/// Longest signed checkpoint that is read, in bytes (room for 100 cosignatures).
pub const MAX_CHECKPOINT_BYTES: usize = 32_768;
/// The signed-note algorithm number of Ed25519.
const ED25519: u8 = 1;

/// Why a checkpoint is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or its text is not a checkpoint.
    #[error("not a well-formed signed checkpoint")]
    Malformed,
    /// The log's own signature is missing or does not hold.
    #[error("the checkpoint is not signed by the log's key")]
    Signature,
    /// Another log's checkpoint.
    #[error("the checkpoint is of another log (its origin differs)")]
    Origin,
    /// The origin cannot name a log.
    #[error("an origin is not empty and has neither white space nor `+`")]
    Name,
}

/// The name and key under which a log signs. As text it is a C2SP verifier key (`origin+id+base64`).
#[derive(Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: String,
    key: VerifyingKey,
}

impl LogKey {
    /// The log of this origin and key.
    ///
    /// # Errors
    /// [`CheckpointError::Name`].
    pub fn new(origin: &str, key: VerifyingKey) -> Result<Self, CheckpointError> {
        if !is_key_name_valid(origin) || origin.chars().any(char::is_control) {
            return Err(CheckpointError::Name);
        }
        Ok(Self {
            origin: origin.to_owned(),
            key,
        })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The log's Ed25519 key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

/// A text is not a verifier key of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 verifier key of the form NAME+ID+KEY (8 hexadecimal digits, then base64)")]
pub struct LogKeyError;

impl FromStr for LogKey {
    type Err = LogKeyError;

    /// Reads the form that [`fmt::Display`] writes; any other spelling of the same key is refused.
    fn from_str(text: &str) -> Result<Self, LogKeyError> {
        let (origin, key) = decode_key(text, ED25519).ok_or(LogKeyError)?;
        Self::new(&origin, key).map_err(|_| LogKeyError)
    }
}

/// Reads a C2SP verifier key of an algorithm whose keys are those of Ed25519, in its only spelling.
pub(crate) fn decode_key(text: &str, algorithm: u8) -> Option<(String, VerifyingKey)> {
    // The key part may hold a `+` of its own, the two before it cannot.
    let mut parts = text.splitn(3, '+');
    let (name, _id, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = STANDARD.decode(encoded).ok()?;
    let (found, key) = bytes.split_first()?;
    let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    let canonical = *found == algorithm && encode_key(name, algorithm, &key) == text;
    canonical.then(|| (name.to_owned(), key))
}

/// A C2SP verifier key as text: `name+id+base64(algorithm, key)`.
pub(crate) fn encode_key(name: &str, algorithm: u8, key: &VerifyingKey) -> String {
    let mut encoded = vec![algorithm];
    encoded.extend(key.to_bytes());
    format!(
        "{name}+{:08x}+{}",
        key_id(name, &encoded),
        STANDARD.encode(&encoded)
    )
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_key(&self.origin, ED25519, &self.key))
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The log's signer: secret, neither `Clone` nor `Debug`; the key is wiped on drop.
pub struct LogSigner {
    origin: String,
    id: u32,
    key: SigningKey,
}

impl LogSigner {
    /// A signer for the log of this origin.
    ///
    /// # Errors
    /// [`CheckpointError::Name`].
    pub fn new(origin: &str, key: SigningKey) -> Result<Self, CheckpointError> {
        let public = LogKey::new(origin, key.verifying_key())?;
        let mut encoded = vec![ED25519];
        encoded.extend(public.key.to_bytes());
        Ok(Self {
            id: key_id(origin, &encoded),
            origin: public.origin,
            key,
        })
    }

    /// The public half.
    pub fn log_key(&self) -> LogKey {
        LogKey {
            origin: self.origin.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// Signs a tree head. The signature is deterministic: the same head gives the same bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] when signing fails, which Ed25519 does not.
    pub fn sign(&self, size: u64, root: &[u8; 32]) -> Result<Vec<u8>, CheckpointError> {
        let text = Text::new(&self.origin, size, Hash(*root), "").map_err(|_| CheckpointError::Malformed)?;
        let mut note = Note::new(&text.to_bytes(), &[]).map_err(|_| CheckpointError::Malformed)?;
        note.add_sigs(&[self]).map_err(|_| CheckpointError::Malformed)?;
        Ok(note.to_bytes())
    }
}

impl Signer for LogSigner {
    fn name(&self) -> &str {
        &self.origin
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.try_sign(message)?.to_vec())
    }
}

/// A tree head that its log has signed. Only [`Checkpoint::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    size: u64,
    root: [u8; 32],
}

impl Checkpoint {
    /// Reads a signed checkpoint and checks the log's signature and origin.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(note: &[u8], log: &LogKey) -> Result<Self, CheckpointError> {
        Self::verify_plain(note, log).map(|(checkpoint, _)| checkpoint)
    }

    /// As [`Checkpoint::verify`]; gives the note with the log's own signature alone beside it. What others have added,
    /// which nobody has checked, is left out.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify_plain(note: &[u8], log: &LogKey) -> Result<(Self, Vec<u8>), CheckpointError> {
        if note.len() > MAX_CHECKPOINT_BYTES {
            return Err(CheckpointError::Malformed);
        }
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
        let verifier = StandardVerifier::new(&log.to_string()).map_err(|_| CheckpointError::Name)?;
        let (signatures, _) = note
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .map_err(|_| CheckpointError::Signature)?;
        let plain = Note::new(note.text(), &signatures).map_err(|_| CheckpointError::Malformed)?;
        let text = Text::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        if text.origin() != log.origin {
            return Err(CheckpointError::Origin);
        }
        let checkpoint = Self {
            size: text.size(),
            root: text.hash().0,
        };
        Ok((checkpoint, plain.to_bytes()))
    }

    /// Entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree's RFC 6962 root.
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }
}

/// The origin that a signed checkpoint names. Nothing is verified: it says whose key to verify it with.
///
/// # Errors
/// [`CheckpointError::Malformed`].
pub fn origin(note: &[u8]) -> Result<String, CheckpointError> {
    if note.len() > MAX_CHECKPOINT_BYTES {
        return Err(CheckpointError::Malformed);
    }
    let note = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
    let text = Text::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
    Ok(text.origin().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(seed: u8) -> LogSigner {
        LogSigner::new("ledger.example/test", SigningKey::from_bytes(&[seed; 32])).unwrap()
    }

    #[test]
    fn only_the_logs_own_checkpoint_is_accepted() {
        let log = signer(1).log_key();
        let note = signer(1).sign(7, &[9; 32]).unwrap();
        assert_eq!(note, signer(1).sign(7, &[9; 32]).unwrap());
        let checkpoint = Checkpoint::verify(&note, &log).unwrap();
        assert_eq!((checkpoint.size(), checkpoint.root()), (7, &[9; 32]));
        assert_eq!(origin(&note).unwrap(), "ledger.example/test");
        // Other lines are no part of what the log has signed.
        let others = [&note[..], "— w AAAAAAAAAAA=\n".as_bytes()].concat();
        assert_eq!(
            Checkpoint::verify_plain(&others, &log),
            Ok((checkpoint, note.clone()))
        );
        assert_eq!(origin(b"no note"), Err(CheckpointError::Malformed));
        assert_eq!(
            log.to_string(),
            signed_note::new_ed25519_verifier_key(log.origin(), log.key())
        );
        let text = String::from_utf8(note.clone()).unwrap();
        assert!(text.starts_with("ledger.example/test\n7\nCQkJ"), "{text}");

        let other = signer(2).sign(7, &[9; 32]).unwrap();
        assert_eq!(Checkpoint::verify(&other, &log), Err(CheckpointError::Signature));
        let elsewhere = LogSigner::new("elsewhere", SigningKey::from_bytes(&[1; 32])).unwrap();
        let note2 = elsewhere.sign(7, &[9; 32]).unwrap();
        assert_eq!(Checkpoint::verify(&note2, &log), Err(CheckpointError::Signature));
        let grown = text.replacen("\n7\n", "\n8\n", 1);
        assert_eq!(
            Checkpoint::verify(grown.as_bytes(), &log),
            Err(CheckpointError::Signature)
        );
        for cut in 0..note.len() {
            assert!(Checkpoint::verify(&note[..cut], &log).is_err(), "{cut}");
        }
        assert_eq!(
            Checkpoint::verify(&vec![b'a'; MAX_CHECKPOINT_BYTES + 1], &log),
            Err(CheckpointError::Malformed)
        );
    }

    #[test]
    fn a_signed_note_that_is_no_checkpoint_is_refused() {
        let signer = signer(1);
        for text in [
            "ledger.example/test\n07\nAAAA\n",
            "ledger.example/test\n",
            "other\n1\nx\n",
        ] {
            let mut note = Note::new(text.as_bytes(), &[]).unwrap();
            note.add_sigs(&[&signer]).unwrap();
            assert_eq!(
                Checkpoint::verify(&note.to_bytes(), &signer.log_key()),
                Err(CheckpointError::Malformed),
                "{text}"
            );
        }
        // The right key under another origin line.
        let text = Text::new("elsewhere", 1, Hash([0; 32]), "").unwrap();
        let mut note = Note::new(&text.to_bytes(), &[]).unwrap();
        note.add_sigs(&[&signer]).unwrap();
        assert_eq!(
            Checkpoint::verify(&note.to_bytes(), &signer.log_key()),
            Err(CheckpointError::Origin)
        );
        for bad in ["", "a b", "a+b", "a\nb"] {
            assert!(
                LogSigner::new(bad, SigningKey::from_bytes(&[1; 32])).is_err(),
                "{bad:?}"
            );
        }
    }
}
