//! What can be checked of an entry before it is its turn: encoding, proof, signatures.

use crate::{
    refusal::Refusal,
    rules::Rules,
    state::{Event, note_leaves, posted_note},
};
use ed25519_dalek::VerifyingKey as PostingKey;
use medproof_verifier::{
    Claim, Entry, Fr, Name, Statement, Verified, VerifyError, VerifyingKey,
    entry::{DecodeError, Kind},
    inclusion::leaf_hash,
    statement::verify_batch,
};
use rand::rngs::OsRng;
use std::sync::Arc;

/// Most entries whose proofs are checked together. Beyond it a batch gains little, and whoever waits for it
/// waits longer.
pub(crate) const BATCH: usize = 128;

/// An entry whose proof and signatures were checked. Only [`Submission::check`] and [`Submission::check_all`]
/// make one, and the state machine takes nothing else.
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) entry: Entry,
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf_hash: [u8; 32],
    /// Hashed beforehand, for the sequencer has no time to lose.
    pub(crate) event: Event,
    pub(crate) verified: Option<Verified>,
    /// The leaf of the note commitment that it appends, if it appends one that it names: hashed beforehand, too.
    pub(crate) note: Option<Fr>,
    /// The posting key under which the party's signature holds. The state machine compares it with
    /// the party's key when it is the entry's turn, for it may have changed since.
    pub(crate) signer: Option<PostingKey>,
}

impl Submission {
    /// Decodes an entry and checks its proof and signatures against the rules in force. Runs on any
    /// thread.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(bytes: &[u8], rules: &Rules) -> Result<Self, Refusal> {
        let mut checked = Self::check_all(&[bytes], rules);
        // One answer for each entry.
        checked.pop().unwrap_or(Err(Refusal::Proof(VerifyError::Proof)))
    }

    /// As [`Submission::check`] for each entry, in order, with the proofs in one batch.
    pub fn check_all(entries: &[impl AsRef<[u8]>], rules: &Rules) -> Vec<Result<Self, Refusal>> {
        let read = |(bytes, entry): (&_, Result<Entry, DecodeError>)| {
            let (bytes, entry) = (AsRef::as_ref(bytes), entry?);
            let leaf = leaf_hash(bytes);
            let event = Event::of(&entry, leaf);
            Unproven::new(entry, bytes, (leaf, event), rules)
        };
        let decoded = Entry::from_bytes_all(entries);
        Unproven::prove(entries.iter().zip(decoded).map(read).collect())
    }

    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether the entry changes the rules under which others are checked.
    pub fn is_governance(&self) -> bool {
        is_governance(self.entry.kind())
    }
}

/// An entry whose signatures were checked, and for a statement not yet the proof.
pub(crate) struct Unproven {
    /// Complete but for `verified` of a statement and `note`; handed out by [`Unproven::prove`] only.
    submission: Submission,
    ledger_id: [u8; 32],
    /// The key of a statement's circuit.
    key: Option<Arc<VerifyingKey>>,
}

impl Unproven {
    /// Checks the signatures of an entry that was decoded from `bytes`, whose leaf hash and event are these.
    pub(crate) fn new(
        entry: Entry,
        bytes: &[u8],
        (leaf_hash, event): ([u8; 32], Event),
        rules: &Rules,
    ) -> Result<Self, Refusal> {
        let id = rules.ledger_id();
        let (keys, threshold) = rules.governance();
        let (mut signer, mut key) = (None, None);
        match &entry {
            Entry::Genesis(_) | Entry::Seal(_) => return Err(Refusal::Reserved(entry.kind())),
            Entry::Circuit(e) => e.verify(id, keys, threshold)?,
            Entry::Registry(e) => e.verify(id, keys, threshold)?,
            Entry::Policy(e) => e.verify(id, keys, threshold)?,
            Entry::Open(e) => signer = Some(signed_by(rules, &e.body.party, |k| e.verify(id, k))?),
            Entry::Close(e) => signer = Some(signed_by(rules, &e.body.party, |k| e.verify(id, k))?),
            Entry::Void(e) => signer = Some(signed_by(rules, &e.body.party, |k| e.verify(id, k))?),
            Entry::Burn(e) => signer = Some(signed_by(rules, &e.body.party, |k| e.verify(id, k))?),
            Entry::Statement(post) => {
                let circuit = rules
                    .circuit(&post.circuit_id)
                    .ok_or(Refusal::UnknownCircuit(post.circuit_id))?;
                // The cheap check first: a stranger cannot make the ledger verify proofs.
                signer = Some(signed_by(rules, &post.relying_party, |k| {
                    post.verify_signature(id, k)
                })?);
                key = Some(Arc::clone(&circuit.key));
            }
        }
        Ok(Self {
            submission: Submission {
                leaf_hash,
                event,
                entry,
                bytes: bytes.to_vec(),
                verified: None,
                note: None,
                signer,
            },
            ledger_id: *id,
            key,
        })
    }

    /// Checks the proofs of those that were not refused, in one batch. Gives the answers, in order.
    pub(crate) fn prove(entries: Vec<Result<Self, Refusal>>) -> Vec<Result<Submission, Refusal>> {
        let mut claims = Vec::new();
        let claimed: Vec<Result<(), VerifyError>> = entries
            .iter()
            .flatten()
            .map(|unproven| {
                claims.extend(unproven.claim()?);
                Ok(())
            })
            .collect();
        let mut verdicts = verify_batch(claims, &mut OsRng).into_iter();
        let mut claimed = claimed.into_iter();
        let mut notes = Vec::new();
        let mut checked: Vec<Result<Submission, Refusal>> = entries
            .into_iter()
            .map(|entry| {
                let Self {
                    mut submission, key, ..
                } = entry?;
                // One for each entry that was not refused, and one verdict for each of its claims.
                claimed.next().unwrap_or(Err(VerifyError::Proof))?;
                if key.is_some() {
                    let verified = verdicts.next().unwrap_or(Err(VerifyError::Proof))?;
                    if matches!(verified.statement(), Statement::Bind(_)) {
                        return Err(Refusal::BindPosted);
                    }
                    submission.verified = Some(verified);
                }
                let statement = submission.verified.as_ref().map(Verified::statement);
                notes.push(posted_note(&submission.entry, statement));
                Ok(submission)
            })
            .collect();
        let words: Vec<_> = notes.iter().copied().flatten().collect();
        let mut leaves = note_leaves(&words).into_iter();
        // A note or none for each submission, and a leaf for each note.
        for (submission, note) in checked.iter_mut().flatten().zip(notes) {
            submission.note = note.and_then(|_| leaves.next());
        }
        checked
    }

    /// What a statement claims.
    fn claim(&self) -> Result<Option<Claim<'_>>, VerifyError> {
        match (&self.submission.entry, &self.key) {
            (Entry::Statement(post), Some(key)) => post.claim(self.ledger_id, key).map(Some),
            _ => Ok(None),
        }
    }
}

/// Whether entries of this kind change the rules.
pub(crate) fn is_governance(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Genesis | Kind::Circuit | Kind::Registry | Kind::Policy
    )
}

fn signed_by(
    rules: &Rules,
    party: &Name,
    verify: impl Fn(&PostingKey) -> Result<(), medproof_verifier::entry::SignatureError>,
) -> Result<PostingKey, Refusal> {
    let key = rules
        .posting_key(party)
        .ok_or_else(|| Refusal::UnknownParty(party.clone()))?;
    verify(key)?;
    Ok(*key)
}

#[cfg(test)]
mod tests;
