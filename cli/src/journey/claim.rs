//! A claim: what the payer and the provider sign, and the holder's proof that it is payable.

use super::{
    JourneyError,
    attested::Attested,
    desk::{Answer, Challenge, Counter},
    prove::Prover,
    sources,
    wallet::{Presented, Wallet},
};
use medproof_circuits::statements::claim::{self, Claim, Signed, Witness};
use medproof_proto::ledger_client::Ledger;
use medproof_prover::Timings;
use medproof_records::{
    claim::{BenefitNote, Coverage, PriorAuthorisation, RenderedService, benefit_leaf},
    identity::Secret,
    policy::claim::ClaimPolicy,
};
use medproof_verifier::{
    Fr, Name, Proof, Public, Role, asked::Asked, opening::Opening, statement::ClaimPublic,
};
use rand::rngs::OsRng;

/// What a claim is made of.
pub struct Papers {
    /// The payer's word on the coverage.
    pub coverage: Attested<Coverage>,
    /// The provider's word on the service.
    pub service: Attested<RenderedService>,
    /// The payer's consent, where the row needs one.
    pub authorisation: Option<Attested<PriorAuthorisation>>,
}

/// A proof that a claim is payable.
pub struct ProvenClaim {
    /// Public inputs.
    pub public: ClaimPublic,
    /// The proof.
    pub proof: Proof,
    /// How long its parts took.
    pub timings: Timings,
    /// What is opened to the insurer.
    pub opening: Opening,
    /// The balance that is left.
    pub next: BenefitNote,
    domain: Name,
    presented: Presented,
}

async fn signed<T>(
    attested: Attested<T>,
    role: Role,
    ledger: &mut Ledger,
) -> Result<(Signed<T>, Fr), JourneyError> {
    let (key, root) = sources::accepted(ledger, &attested.signer, role, &attested.key).await?;
    let signed = Signed {
        content: attested.content,
        key,
        signature: attested.signature,
    };
    Ok((signed, root))
}

/// Proves that a claim is payable out of the wallet's balance.
///
/// # Errors
/// [`JourneyError`]; [`JourneyError::Unprovable`] when the policy has no row for the service or the payment
/// is over the annual rest.
pub async fn prove(
    wallet: &Wallet,
    policy: &ClaimPolicy,
    papers: Papers,
    challenge: &Challenge,
    ledger: &mut Ledger,
    prover: &mut Prover,
) -> Result<ProvenClaim, JourneyError> {
    let Asked::Claim {
        domain,
        received,
        plan,
        ..
    } = &challenge.asked
    else {
        return Err(JourneyError::Challenge("it does not ask for a claim"));
    };
    challenge.check(ledger.ledger_id(), prover.circuit_id(challenge.circuit)?)?;
    let from = ledger.anchors().await?.commitments;
    let benefit = wallet.benefit(domain, *plan)?;
    let service = &papers.service.content;
    let row = policy
        .find(service.diagnosis, service.procedure)
        .and_then(|index| policy.open(index));
    let (row, row_path) =
        row.ok_or_else(|| JourneyError::Unprovable("the plan has no row for this service".into()))?;
    let (row, identity) = (row.clone(), sources::identity(ledger, wallet, domain).await?);
    let leaf = benefit_leaf(domain.to_fr(), benefit.note.commitment());
    let (note_path, _) = sources::commitment(ledger, benefit.position, leaf).await?;
    let (coverage, _) = signed(papers.coverage, Role::Payer, ledger).await?;
    let (service, registry_root) = signed(papers.service, Role::Provider, ledger).await?;
    let authorisation = match papers.authorisation {
        Some(attested) => signed(attested, Role::Payer, ledger).await?.0,
        None => claim::no_authorisation(),
    };
    let witness = Witness {
        note: benefit.note.duplicate(),
        note_path,
        coverage,
        service,
        authorisation,
        rules: policy.rules().clone(),
        row,
        row_path,
        r: Secret::generate(&mut OsRng).expose(),
        identity,
    };
    let public = witness.public(registry_root, *received, challenge.ctx());
    let next = witness
        .next_note()
        .ok_or_else(|| JourneyError::Unprovable("the payment is over the annual rest".into()))?;
    let (proof, timings) = prover.prove::<Claim>(&public, &witness).await?;
    Ok(ProvenClaim {
        public,
        proof,
        timings,
        opening: Opening::Payable(witness.opening()),
        next,
        domain: domain.clone(),
        presented: Presented {
            date: *received,
            from,
            event: public.nf_claim,
        },
    })
}

impl ProvenClaim {
    /// Keeps in the wallet what the claim leaves of the balance, so that an answer that is lost loses no note.
    /// A wallet that is stored is stored between this and [`present`].
    ///
    /// # Errors
    /// [`JourneyError`] when the wallet has no such balance or too many claims without a known fate.
    pub fn remember(&self, wallet: &mut Wallet) -> Result<(), JourneyError> {
        let benefit = wallet.benefit_mut(&self.domain, self.next.plan)?;
        benefit.present(self.presented.candidate(self.next.duplicate()))
    }
}

/// Presents a proven claim; an accepted one leaves the new balance in the wallet.
///
/// # Errors
/// [`JourneyError`].
pub async fn present(
    wallet: &mut Wallet,
    claim: ProvenClaim,
    challenge: &Challenge,
    counter: &mut Counter,
) -> Result<Answer, JourneyError> {
    let accepted = counter
        .present(challenge, &claim.public.to_vec(), &claim.proof, &claim.opening)
        .await?;
    let position = accepted.posted.as_ref().and_then(|p| p.commitment_index);
    let position = position.ok_or(JourneyError::NotOnLedger("the new balance"))?;
    let benefit = wallet.benefit_mut(&claim.domain, claim.next.plan)?;
    benefit.claimed(claim.next, position);
    Ok(accepted)
}
