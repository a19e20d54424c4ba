//! A trial's screening: the hospital's snapshot and the participant's proof.

use super::{
    JourneyError,
    desk::{Answer, Challenge, Counter},
    party::Party,
    prove::Prover,
    sources,
    wallet::Wallet,
};
use medproof_circuits::{
    statement::Circuit,
    statements::eligibility::{Eligibility, Refused, Standard, Witness},
};
use medproof_proto::ledger_client::Ledger;
use medproof_prover::Timings;
use medproof_records::{
    fhir::Bundle,
    import::{Scope, import},
    policy::eligibility::CompiledPolicy,
    snapshot::Snapshot,
};
use medproof_verifier::{
    Day, Fr, Name, Proof, Public, Role, Tag, asked::Asked, eddsa::PublicKey, opening::Opening,
    statement::EligibilityPublic, tagged,
};
use rand::{CryptoRng, RngCore};

/// A snapshot as a record issuer gives it to the patient.
pub struct SignedSnapshot {
    /// The snapshot.
    pub content: Snapshot,
    /// Who signed.
    pub issuer: Name,
    /// Under which key.
    pub key: PublicKey,
}

/// Imports a bundle and signs its clinical summary for a pseudonym that a bind has shown. `seq` increases with
/// every snapshot of the subject.
///
/// # Errors
/// [`JourneyError::Unprovable`] naming resource and field when the bundle cannot be imported.
pub fn snapshot(
    issuer: &Party,
    bundle: &Bundle,
    subject: Fr,
    as_of: Day,
    seq: u32,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<SignedSnapshot, JourneyError> {
    let imported = import(bundle, &Scope::clinical_summary(as_of))
        .map_err(|refusal| JourneyError::Unprovable(refusal.to_string()))?;
    let key = issuer.signing();
    let content = Snapshot::clinical_summary(&imported.records, subject, as_of, seq, key, rng)?;
    Ok(SignedSnapshot {
        content,
        issuer: issuer.name().clone(),
        key: key.public_key(),
    })
}

/// A screening with everything that a proof needs.
pub struct PreparedScreening {
    public: EligibilityPublic,
    witness: Witness,
}

/// A proven screening.
pub struct ProvenScreening {
    /// Public inputs.
    pub public: EligibilityPublic,
    /// The proof.
    pub proof: Proof,
    /// How long its parts took.
    pub timings: Timings,
}

/// Puts a screening together from the wallet, the snapshot and the ledger.
///
/// # Errors
/// [`JourneyError`]; [`JourneyError::Unprovable`] when the snapshot has more records than the circuit takes.
pub async fn prepare(
    wallet: &Wallet,
    policy: &CompiledPolicy,
    snapshot: &SignedSnapshot,
    challenge: &Challenge,
    ledger: &mut Ledger,
) -> Result<PreparedScreening, JourneyError> {
    let Asked::Eligibility { date, .. } = &challenge.asked else {
        return Err(JourneyError::Challenge("it does not ask for a trial's criteria"));
    };
    let domain = policy.identity_domain();
    let identity = sources::identity(ledger, wallet, domain).await?;
    let (issuer, registry_root) =
        sources::accepted(ledger, &snapshot.issuer, Role::RecordIssuer, &snapshot.key).await?;
    let ts = wallet.membership(domain)?.ts.expose();
    let public = EligibilityPublic {
        identity_root: identity.root(),
        registry_root,
        policy_id: policy.policy_id(),
        date: Fr::from(date.0),
        nf_trial: tagged(Tag::Trial, [ts, policy.rules().trial_scope()]),
        ctx: challenge.ctx(),
    };
    let witness = Witness::new(identity, policy, snapshot.content.clone(), issuer, *date);
    if !witness.fits::<Standard>() {
        return Err(JourneyError::Unprovable(
            "the snapshot has more records or codes than this circuit takes".into(),
        ));
    }
    Ok(PreparedScreening { public, witness })
}

impl PreparedScreening {
    /// What the wallet itself finds, before it asks a prover.
    ///
    /// # Errors
    /// The first clause that does not hold.
    pub fn judge(&self) -> Result<(), Refused> {
        Eligibility::<Standard>::relation(&self.public, &self.witness)
    }

    /// Has the proof made.
    ///
    /// # Errors
    /// [`JourneyError`]; see [`JourneyError::is_unsatisfied`].
    pub async fn prove(
        &self,
        challenge: &Challenge,
        ledger: &Ledger,
        prover: &mut Prover,
    ) -> Result<ProvenScreening, JourneyError> {
        challenge.check(ledger.ledger_id(), prover.circuit_id(challenge.circuit)?)?;
        let (proof, timings) = prover
            .prove::<Eligibility<Standard>>(&self.public, &self.witness)
            .await?;
        Ok(ProvenScreening {
            public: self.public,
            proof,
            timings,
        })
    }
}

impl ProvenScreening {
    /// Presents the proof to the sponsor.
    ///
    /// # Errors
    /// [`JourneyError::Gateway`] when the sponsor or the ledger refuses.
    pub async fn present(
        &self,
        challenge: &Challenge,
        counter: &mut Counter,
    ) -> Result<Answer, JourneyError> {
        counter
            .present(challenge, &self.public.to_vec(), &self.proof, &Opening::None)
            .await
    }
}
