//! A party's signed word, as it is handed to the holder.

use super::party::Party;
use medproof_records::claim::{Coverage, PriorAuthorisation, RenderedService};
use medproof_verifier::{
    Fr, Name,
    eddsa::{PublicKey, Signature},
};

/// Something signed, with the signer's party and key.
pub struct Attested<T> {
    /// What is signed.
    pub content: T,
    /// Who signed.
    pub signer: Name,
    /// Under which key.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
}

impl<T> Attested<T> {
    /// A party's word; `hash` is the message that is signed.
    pub fn sign(party: &Party, content: T, hash: impl Fn(&T) -> Fr) -> Self {
        Self {
            signer: party.name().clone(),
            key: party.signing().public_key(),
            signature: party.signing().sign(hash(&content)),
            content,
        }
    }
}

impl Attested<Coverage> {
    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        let content = Coverage {
            payer: self.content.payer.clone(),
            ..self.content
        };
        self.with(content)
    }
}

impl Attested<RenderedService> {
    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        let content = RenderedService {
            facility: self.content.facility.clone(),
            ..self.content
        };
        self.with(content)
    }
}

impl Attested<PriorAuthorisation> {
    /// A second copy, where one is needed on purpose.
    pub fn duplicate(&self) -> Self {
        let content = PriorAuthorisation {
            payer: self.content.payer.clone(),
            ..self.content
        };
        self.with(content)
    }
}

impl<T> Attested<T> {
    fn with(&self, content: T) -> Self {
        Self {
            content,
            signer: self.signer.clone(),
            key: self.key,
            signature: self.signature,
        }
    }
}
