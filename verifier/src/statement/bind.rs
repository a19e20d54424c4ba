//! Public inputs of `bind` (`docs/statements/bind.md`).

use super::{Public, PublicError, take};
use crate::CircuitName;
use ark_bn254::Fr;

/// What a `bind` proof shows: one secret is behind an identity leaf and a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindPublic {
    /// Root of the identity tree.
    pub identity_root: Fr,
    /// Domain of the identity leaf.
    pub domain: Fr,
    /// The issuer for whom the pseudonym is.
    pub issuer_party: Fr,
    /// The pseudonym `H(SUBJECT; sk, issuer party)`.
    pub subject: Fr,
    /// The person's salted digest, compared by the issuer.
    pub person: Fr,
    /// Binding to ledger, circuit, relying party and challenge.
    pub ctx: Fr,
}

impl Public for BindPublic {
    const NAMES: &'static [&'static str] = &[
        "identity_root",
        "domain",
        "issuer_party",
        "subject",
        "person",
        "ctx",
    ];
    const CIRCUITS: &'static [CircuitName] = &[CircuitName::Bind];

    fn to_vec(&self) -> Vec<Fr> {
        vec![
            self.identity_root,
            self.domain,
            self.issuer_party,
            self.subject,
            self.person,
            self.ctx,
        ]
    }

    fn from_slice(inputs: &[Fr]) -> Result<Self, PublicError> {
        let [identity_root, domain, issuer_party, subject, person, ctx] = take(inputs)?;
        Ok(Self {
            identity_root,
            domain,
            issuer_party,
            subject,
            person,
            ctx,
        })
    }
}
