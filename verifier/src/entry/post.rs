//! STATEMENT: a proof that a relying party has checked and posts.

use super::codec::{DecodeError, Reader, Writer};
use crate::{
    CircuitId, Context, Fr, Name, PROOF_BYTES, Proof, Statement, Verified, VerifyError, VerifyingKey,
    context::bound,
    field::fr_to_be_bytes,
    statement::{Claim, verify},
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey as PostingKey};
use sha2::{Digest, Sha256};

use super::SignatureError;

/// Most public inputs of a statement that an entry can hold.
pub const MAX_INPUTS: usize = 64;

/// A posted statement. The ledger recomputes `ctx` from its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The circuit.
    pub circuit_id: CircuitId,
    /// Public inputs in their order, 1 to 64.
    pub inputs: Vec<Fr>,
    /// The proof.
    pub proof: Proof,
    /// Who posts: the party that asked for the proof.
    pub relying_party: Name,
    /// Its challenge; the last byte is zero, since `ctx` binds 248 bits.
    pub challenge: [u8; 32],
    /// 248 bits of SHA-256 of what it asked, and a last byte of zero; zero when nothing beside the statement.
    pub payload_hash: [u8; 32],
    /// Ed25519 of the relying party over [`post_digest`].
    pub signature: Signature,
}

/// What the relying party signs:
/// `SHA-256("medproof/post/1" || ledger id || circuit id || public inputs)`.
pub fn post_digest(ledger_id: &[u8; 32], circuit_id: &CircuitId, inputs: &[Fr]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"medproof/post/1");
    hash.update(ledger_id);
    hash.update(circuit_id.0);
    for input in inputs {
        hash.update(fr_to_be_bytes(input));
    }
    hash.finalize().into()
}

/// What makes two posts the same event, whatever their proofs' bytes:
/// `SHA-256("medproof/statement/1" || circuit id || public inputs)`.
pub fn statement_key(circuit_id: &CircuitId, inputs: &[Fr]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"medproof/statement/1");
    hash.update(circuit_id.0);
    for input in inputs {
        hash.update(fr_to_be_bytes(input));
    }
    hash.finalize().into()
}

impl Post {
    /// Signs a statement that the relying party has checked (proof, openings, date). `context.ledger_id`
    /// is that of the ledger it is posted to.
    pub fn new(statement: &Statement, context: &Context, proof: Proof, key: &SigningKey) -> Self {
        let inputs = statement.to_vec();
        let digest = post_digest(&context.ledger_id, &context.circuit_id, &inputs);
        Self {
            circuit_id: context.circuit_id,
            proof,
            relying_party: context.relying_party.clone(),
            challenge: context.challenge,
            payload_hash: context.payload_hash,
            signature: key.sign(&digest),
            inputs,
        }
    }

    /// What the proof has to be bound to on this ledger.
    pub fn context(&self, ledger_id: [u8; 32]) -> Context {
        Context {
            ledger_id,
            circuit_id: self.circuit_id,
            relying_party: self.relying_party.clone(),
            challenge: self.challenge,
            payload_hash: self.payload_hash,
        }
    }

    /// Checks number of inputs, context and proof.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, ledger_id: [u8; 32], key: &VerifyingKey) -> Result<Verified, VerifyError> {
        let claim = self.claim(ledger_id, key)?;
        verify(key, claim.statement, claim.context, &self.proof)
    }

    /// What [`Post::verify`] checks, to be checked with others ([`crate::statement::verify_batch`]).
    ///
    /// # Errors
    /// [`VerifyError::Inputs`] when their number is not that of the key's statement.
    pub fn claim<'a>(&'a self, ledger_id: [u8; 32], key: &'a VerifyingKey) -> Result<Claim<'a>, VerifyError> {
        let statement = Statement::from_slice(key.name(), &self.inputs).map_err(|e| VerifyError::Inputs {
            expected: e.expected,
            got: e.got,
        })?;
        Ok(Claim {
            key,
            statement,
            context: self.context(ledger_id),
            proof: &self.proof,
        })
    }

    /// Checks the relying party's signature.
    ///
    /// # Errors
    /// [`SignatureError::Party`].
    pub fn verify_signature(&self, ledger_id: &[u8; 32], key: &PostingKey) -> Result<(), SignatureError> {
        let digest = post_digest(ledger_id, &self.circuit_id, &self.inputs);
        key.verify_strict(&digest, &self.signature)
            .map_err(|_| SignatureError::Party)
    }

    /// [`statement_key`] of this post.
    pub fn key(&self) -> [u8; 32] {
        statement_key(&self.circuit_id, &self.inputs)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.bytes(&self.circuit_id.0);
        out.u8(self.inputs.len() as u8);
        for input in &self.inputs {
            out.fr(input);
        }
        out.bytes(&self.proof.to_bytes());
        out.name(&self.relying_party);
        out.bytes(&self.challenge);
        out.bytes(&self.payload_hash);
        out.bytes(&self.signature.to_bytes());
    }

    /// Where the proof stands in the bytes after version and kind, if they are long enough for it and the number of inputs
    /// is one that [`Post::read`] takes.
    pub(super) fn encoded_proof(body: &[u8]) -> Option<&[u8]> {
        let (_circuit_id, rest) = body.split_at_checked(32)?;
        let (count, rest) = rest.split_first()?;
        if !(1..=MAX_INPUTS).contains(&usize::from(*count)) {
            return None;
        }
        let (_inputs, rest) = rest.split_at_checked(32 * usize::from(*count))?;
        rest.get(..PROOF_BYTES)
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            circuit_id: CircuitId(input.array("circuit id")?),
            inputs: {
                let count = input.u8("input count")?;
                if !(1..=MAX_INPUTS).contains(&usize::from(count)) {
                    return Err(DecodeError::range("input count", "1 to 64"));
                }
                (0..count)
                    .map(|_| input.fr("public input"))
                    .collect::<Result<_, _>>()?
            },
            proof: input.proof("proof")?,
            relying_party: input.name("relying party")?,
            challenge: bound_bytes(input, "challenge")?,
            payload_hash: bound_bytes(input, "payload hash")?,
            signature: Signature::from_bytes(&input.array("signature")?),
        })
    }
}

/// 32 bytes of which `ctx` binds the first 31. The last one is zero: anything else could be changed on the way
/// to the log, and the log would not show what the relying party asked.
fn bound_bytes(input: &mut Reader<'_>, field: &'static str) -> Result<[u8; 32], DecodeError> {
    let bytes = input.array(field)?;
    if bytes == bound(bytes) {
        Ok(bytes)
    } else {
        Err(DecodeError::range(field, "the last byte is zero"))
    }
}
