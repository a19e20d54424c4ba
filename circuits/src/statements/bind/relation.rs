//! The clauses of `bind` over plain values.

use super::Witness;
use medproof_verifier::statement::BindPublic;

/// Which clause does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Clause 1.
    #[error("the identity leaf belongs to another domain")]
    Domain,
    /// Clause 2.
    #[error("the identity leaf is not under the identity root")]
    Identity,
    /// Clause 3.
    #[error("the identity leaf was opened for another person")]
    Person,
    /// Clause 4.
    #[error("the subject is not the holder's pseudonym at this issuer")]
    Subject,
}

pub(super) fn check(public: &BindPublic, witness: &Witness) -> Result<(), Refused> {
    let identity = &witness.identity;
    let clauses = [
        (identity.domain == public.domain, Refused::Domain),
        (identity.root() == public.identity_root, Refused::Identity),
        (identity.person == public.person, Refused::Person),
        (
            identity.sk.subject(public.issuer_party) == public.subject,
            Refused::Subject,
        ),
    ];
    clauses
        .into_iter()
        .find_map(|(holds, refused)| (!holds).then_some(refused))
        .map_or(Ok(()), Err)
}
