//! A fill at the counter: the prescription, the holder's proof, and what the account becomes.

use super::{
    JourneyError,
    attested::Attested,
    desk::{Answer, Challenge, Counter},
    prove::Prover,
    sources,
    wallet::{Presented, Wallet},
};
use medproof_circuits::{
    statement::Circuit,
    statements::dispense::{Dispense, OpenedPolicy, Refused, Witness, no_row},
};
use medproof_proto::ledger_client::Ledger;
use medproof_prover::Timings;
use medproof_records::{
    dispensing::{CLASS_OTHER, Note, Prescription},
    identity::Secret,
    policy::dispensing::DispensingPolicy,
};
use medproof_verifier::{
    Day, Name, Proof, Public, Role, asked::Asked, opening::Opening, statement::DispensePublic,
};
use rand::rngs::OsRng;

/// A fill with everything that a proof needs.
pub struct PreparedFill {
    public: DispensePublic,
    witness: Witness,
    domain: Name,
    date: Day,
    from: u64,
}

/// A proven fill.
pub struct ProvenFill {
    /// Public inputs.
    pub public: DispensePublic,
    /// The proof.
    pub proof: Proof,
    /// How long its parts took.
    pub timings: Timings,
    opening: Opening,
    domain: Name,
    presented: Presented,
    next: Note,
    undo: Note,
}

/// Puts a fill together from the wallet, the prescription and the ledger.
///
/// # Errors
/// [`JourneyError`]; [`JourneyError::Unprovable`] when the drug is not in the policy's table, its class has
/// no row, or the quantity lasts no whole number of days.
pub async fn prepare(
    wallet: &Wallet,
    policy: &DispensingPolicy,
    prescription: &Attested<Prescription>,
    fill_no: u8,
    challenge: &Challenge,
    ledger: &mut Ledger,
) -> Result<PreparedFill, JourneyError> {
    let Asked::Dispense {
        domain,
        date,
        quantity,
        ..
    } = &challenge.asked
    else {
        return Err(JourneyError::Challenge("it does not ask for a fill"));
    };
    let account = wallet.account(domain)?;
    let rx = &prescription.content;
    let unprovable = |reason: &str| JourneyError::Unprovable(reason.to_owned());
    let (drug, found) = policy
        .drug(rx.drug)
        .ok_or_else(|| unprovable("the drug is not in the policy's table"))?;
    let row = match drug.class {
        CLASS_OTHER => no_row(),
        class => policy
            .row(class)
            .cloned()
            .ok_or_else(|| unprovable("the policy has no row for the drug's class"))?,
    };
    let row_path = policy
        .row_path(drug.class)
        .ok_or_else(|| unprovable("the drug's class is out of range"))?;
    let from = ledger.anchors().await?.commitments;
    let identity = sources::identity(ledger, wallet, domain).await?;
    let leaf = account.note().leaf(domain.to_fr());
    let (note_path, _) = sources::commitment(ledger, account.position(), leaf).await?;
    let role = Role::Prescriber;
    let (prescriber, registry_root) =
        sources::accepted(ledger, &prescription.signer, role, &prescription.key).await?;
    let note = account.note().duplicate();
    let witness = Witness {
        identity,
        // Class 0 leaves no entry, so a full ring does not matter to it.
        slot: match drug.class {
            CLASS_OTHER => 0,
            _ => note.ring.free_slot(*date)?,
        },
        note,
        note_path,
        prescription: rx.duplicate(),
        prescriber,
        signature: prescription.signature,
        exemption: row.exempting(rx.exemption).unwrap_or(0),
        policy: OpenedPolicy {
            rules: policy.rules(),
            table_root: policy.table().root(),
            version: policy.version_fr(),
            drug: found.leaf,
            drug_path: found.path,
            row,
            row_path,
        },
        fill_no,
        q: *quantity,
        d: rx
            .days_of(*quantity)
            .ok_or_else(|| unprovable("the quantity lasts for no number of days"))?,
        r: Secret::generate(&mut OsRng).expose(),
    };
    Ok(PreparedFill {
        public: witness.public(registry_root, *date, challenge.ctx()),
        witness,
        domain: domain.clone(),
        date: *date,
        from,
    })
}

impl PreparedFill {
    /// What the wallet itself finds, before it asks a prover.
    ///
    /// # Errors
    /// The first clause that does not hold.
    pub fn judge(&self) -> Result<(), Refused> {
        Dispense::relation(&self.public, &self.witness)
    }

    /// Has the proof made.
    ///
    /// # Errors
    /// [`JourneyError`]; see [`JourneyError::is_unsatisfied`].
    pub async fn prove(
        self,
        challenge: &Challenge,
        ledger: &Ledger,
        prover: &mut Prover,
    ) -> Result<ProvenFill, JourneyError> {
        challenge.check(ledger.ledger_id(), prover.circuit_id(challenge.circuit)?)?;
        let (proof, timings) = prover.prove::<Dispense>(&self.public, &self.witness).await?;
        let witness = &self.witness;
        let next = witness
            .next_note(self.date)
            .ok_or_else(|| JourneyError::Unprovable("the daily dose is out of range".into()))?;
        Ok(ProvenFill {
            public: self.public,
            proof,
            timings,
            opening: Opening::Dispense {
                opening: witness.opening(),
                // The salt is the wallet's; see `present`.
                salt: Default::default(),
            },
            domain: self.domain,
            presented: Presented {
                date: self.date,
                from: self.from,
                event: self.public.nf_fill,
            },
            next,
            undo: witness.undo_note(),
        })
    }
}

impl ProvenFill {
    /// Keeps in the wallet what the account becomes by the fill, so that an answer that is lost loses no note.
    /// A wallet that is stored is stored between this and [`ProvenFill::present`].
    ///
    /// # Errors
    /// [`JourneyError`] when the wallet has no account or too many fills without a known fate.
    pub fn remember(&self, wallet: &mut Wallet) -> Result<(), JourneyError> {
        let candidate = self.presented.candidate(self.next.duplicate());
        wallet.account_mut(&self.domain)?.present(candidate)
    }

    /// Presents the proof. The wallet does not change: see [`ProvenFill::settle`].
    ///
    /// # Errors
    /// [`JourneyError::Gateway`] when the pharmacy or the ledger refuses.
    pub async fn present(
        &mut self,
        wallet: &Wallet,
        challenge: &Challenge,
        counter: &mut Counter,
    ) -> Result<Answer, JourneyError> {
        if let Opening::Dispense { salt, .. } = &mut self.opening {
            *salt = wallet.membership(&self.domain)?.salt;
        }
        counter
            .present(challenge, &self.public.to_vec(), &self.proof, &self.opening)
            .await
    }

    /// The ledger has accepted the fill: the account goes on from the new note.
    ///
    /// # Errors
    /// [`JourneyError`] when the wallet has no account or the answer names no position.
    pub fn settle(self, wallet: &mut Wallet, accepted: &Answer) -> Result<(), JourneyError> {
        let position = accepted.posted.as_ref().and_then(|p| p.commitment_index);
        let position = position.ok_or(JourneyError::NotOnLedger("the new note"))?;
        let account = wallet.account_mut(&self.domain)?;
        account.dispensed(self.next, self.undo, position);
        Ok(())
    }
}
