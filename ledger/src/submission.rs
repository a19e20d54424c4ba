//! What can be checked of an entry before it is its turn: encoding, proof, signatures.

use crate::{refusal::Refusal, rules::Rules};
use ed25519_dalek::VerifyingKey as PostingKey;
use medproof_verifier::{Entry, Name, Statement, Verified, entry::Kind, inclusion::leaf_hash};

/// An entry whose proof and signatures were checked. Only [`Submission::check`] makes one, and
/// the state machine takes nothing else.
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) entry: Entry,
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf_hash: [u8; 32],
    pub(crate) verified: Option<Verified>,
    /// The posting key under which the party's signature holds. The state machine compares it with
    /// the party's key when it is the entry's turn, for it may have changed since.
    pub(crate) signer: Option<PostingKey>,
}

impl Submission {
    /// Decodes an entry and checks its proof and signatures against the rules in force. Takes about a
    /// millisecond for a statement; runs on any thread.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(bytes: &[u8], rules: &Rules) -> Result<Self, Refusal> {
        Self::check_entry(Entry::from_bytes(bytes)?, bytes, rules)
    }

    /// As [`Submission::check`], for an entry that was decoded from `bytes`.
    pub(crate) fn check_entry(entry: Entry, bytes: &[u8], rules: &Rules) -> Result<Self, Refusal> {
        let id = rules.ledger_id();
        let (keys, threshold) = rules.governance();
        let mut verified = None;
        let mut signer = None;
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
                let checked = post.verify(*id, &circuit.key)?;
                if matches!(checked.statement(), Statement::Bind(_)) {
                    return Err(Refusal::BindPosted);
                }
                verified = Some(checked);
            }
        }
        Ok(Self {
            leaf_hash: leaf_hash(bytes),
            entry,
            bytes: bytes.to_vec(),
            verified,
            signer,
        })
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
