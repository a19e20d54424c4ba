//! The one-time proof by which an issuer learns that a pseudonym belongs to the person before it.

use super::{
    JourneyError,
    desk::{Answer, Challenge, Counter},
    prove::Prover,
    sources,
    wallet::Wallet,
};
use medproof_circuits::statements::bind::{Bind, Witness};
use medproof_proto::ledger_client::Ledger;
use medproof_verifier::{Public, asked::Asked, opening::Opening, statement::BindPublic};

/// Answers an issuer's challenge.
///
/// # Errors
/// [`JourneyError`].
pub async fn answer(
    wallet: &Wallet,
    challenge: &Challenge,
    ledger: &mut Ledger,
    prover: &mut Prover,
    counter: &mut Counter,
) -> Result<Answer, JourneyError> {
    let Asked::Bind { issuer, domain, .. } = &challenge.asked else {
        return Err(JourneyError::Challenge("it does not ask for a bind"));
    };
    challenge.check(ledger.ledger_id(), prover.circuit_id(challenge.circuit)?)?;
    let identity = sources::identity(ledger, wallet, domain).await?;
    let public = BindPublic {
        identity_root: identity.root(),
        domain: identity.domain,
        issuer_party: issuer.to_fr(),
        subject: wallet.subject(issuer),
        person: identity.person,
        ctx: challenge.ctx(),
    };
    let salt = wallet.membership(domain)?.salt;
    let (proof, _) = prover.prove::<Bind>(&public, &Witness { identity }).await?;
    counter
        .present(challenge, &public.to_vec(), &proof, &Opening::Person { salt })
        .await
}
