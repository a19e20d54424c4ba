//! Finding the live note again: after an answer that was lost, a void, or from an older copy of the wallet
//! (`rho' = nf`, `rcm' = H(RCM; nk, nf)`, `seq' = seq + 1`, so only the ring or the balances have to be known).

use super::{
    JourneyError,
    attested::Attested,
    sources,
    wallet::{Account, Benefit, Wallet},
};
use medproof_proto::ledger_client::Ledger;
use medproof_records::{
    claim::{BenefitNote, Cost, Fee, RenderedService},
    dispensing::{CLASS_OTHER, Note, Prescription, Ring, RingEntry, daily_milli_mme, fill_nullifier},
    policy::{claim::ClaimPolicy, dispensing::DispensingPolicy},
};
use medproof_verifier::{
    CircuitName, Day, Entry, Fr, Statement, entry::NullifierKind, statement::DispensePublic,
};

/// Days after which a presented statement cannot be on its way any more: the ledger takes statements dated at most
/// a day from its own date.
const CANDIDATE_DAYS: u16 = 3;
/// Most quantities of a partial fill that are tried.
const MAX_QUANTITIES: u32 = 10_000;

/// What a wallet knows that may have changed its notes.
pub struct Known<'a> {
    /// Its prescriptions.
    pub prescriptions: Vec<&'a Attested<Prescription>>,
    /// Its services.
    pub services: Vec<&'a RenderedService>,
    /// Dispensing policies under which fills were proven.
    pub dispensing: Vec<&'a DispensingPolicy>,
    /// Plan policies under which claims were proven.
    pub plans: Vec<&'a ClaimPolicy>,
}

/// What was found out about a wallet's notes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Statements of the wallet that the ledger has and the wallet did not know to be accepted.
    pub accepted: u32,
    /// Dispenses that were taken back.
    pub voided: u32,
    /// `nf_fill` of the accepted fills.
    pub fills: Vec<Fr>,
}

/// Looks on the ledger for what was presented and has no known outcome. Asks nothing that tells the ledger which
/// note is the wallet's.
///
/// # Errors
/// [`JourneyError::Ledger`].
pub async fn settle(wallet: &mut Wallet, ledger: &mut Ledger) -> Result<Found, JourneyError> {
    let mut found = Found::default();
    let today = Day::from_unix_seconds(ledger.anchors().await?.time);
    let oldest = Day(today.0.saturating_sub(CANDIDATE_DAYS));
    let nk = wallet.sk().nk();
    for account in wallet.accounts_mut() {
        if let Some(fill) = settle_account(account, nk, ledger).await? {
            found.accepted += 1;
            found.fills.push(fill);
        }
        account.forget_before(oldest);
    }
    for benefit in &mut wallet.benefits {
        if settle_benefit(benefit, ledger).await? {
            found.accepted += 1;
        }
        benefit.forget_before(oldest);
    }
    Ok(found)
}

async fn settle_account(
    account: &mut Account,
    nk: Fr,
    ledger: &mut Ledger,
) -> Result<Option<Fr>, JourneyError> {
    let domain = account.domain().to_fr();
    let Some(from) = account.candidates().iter().map(|c| c.from).min() else {
        return Ok(None);
    };
    let leaves: Vec<Fr> = account.candidates().iter().map(|c| c.note.leaf(domain)).collect();
    let Some((index, position)) = sources::find_commitment(ledger, &leaves, from).await? else {
        return Ok(None);
    };
    Ok(account.settled(index, position, nk))
}

async fn settle_benefit(benefit: &mut Benefit, ledger: &mut Ledger) -> Result<bool, JourneyError> {
    let Some(from) = benefit.candidates().iter().map(|c| c.from).min() else {
        return Ok(false);
    };
    let domain = &benefit.domain;
    let leaves: Vec<Fr> = benefit.candidates().iter().map(|c| c.note.leaf(domain)).collect();
    let Some((index, position)) = sources::find_commitment(ledger, &leaves, from).await? else {
        return Ok(false);
    };
    benefit.settled(index, position);
    Ok(true)
}

/// Settles what was presented, and then follows every note to the one that is alive: through dispenses and claims
/// that the wallet does not remember, and voids. Asks the ledger for the notes' nullifiers, so the ledger can tell
/// that one wallet asks for them.
///
/// # Errors
/// [`JourneyError::Unknown`] when a note was spent by something that does not follow from what is known.
pub async fn recover(
    wallet: &mut Wallet,
    known: &Known<'_>,
    ledger: &mut Ledger,
) -> Result<Found, JourneyError> {
    let mut found = settle(wallet, ledger).await?;
    let nk = wallet.sk().nk();
    for account in wallet.accounts_mut() {
        while let Some(entry) = spender(ledger, NullifierKind::Account, &account.note().nullifier(nk)).await?
        {
            follow_account(account, nk, entry, known, ledger, &mut found).await?;
        }
        if taken_back(account, ledger).await? {
            found.voided += 1;
        }
    }
    for benefit in &mut wallet.benefits {
        while let Some(entry) = spender(ledger, NullifierKind::Benefit, &benefit.note.nullifier(nk)).await? {
            follow_benefit(benefit, nk, entry, known, ledger).await?;
            found.accepted += 1;
        }
    }
    Ok(found)
}

/// The statement that spent a nullifier, with its leaf index.
async fn spender(
    ledger: &mut Ledger,
    kind: NullifierKind,
    nullifier: &Fr,
) -> Result<Option<(u64, Statement)>, JourneyError> {
    let Some(index) = ledger.spending_entry(kind, nullifier).await? else {
        return Ok(None);
    };
    let entry = ledger.entries(index, 1).await?.into_iter().next();
    let entry = entry.and_then(|bytes| Entry::from_bytes(&bytes).ok());
    let circuit = match kind {
        NullifierKind::Benefit => CircuitName::Claim,
        _ => CircuitName::Dispense,
    };
    match entry {
        Some(Entry::Statement(post)) => match Statement::from_slice(circuit, &post.inputs) {
            Ok(statement) => Ok(Some((index, statement))),
            Err(_) => Err(JourneyError::Unknown { entry: index }),
        },
        _ => Err(JourneyError::Unknown { entry: index }),
    }
}

/// Goes on from a note that a dispense spent: to its next note, or to its undo note where it was taken back and
/// the next one cannot be known.
async fn follow_account(
    account: &mut Account,
    nk: Fr,
    (index, statement): (u64, Statement),
    known: &Known<'_>,
    ledger: &mut Ledger,
    found: &mut Found,
) -> Result<(), JourneyError> {
    let Statement::Dispense(public) = statement else {
        return Err(JourneyError::Unknown { entry: index });
    };
    let domain = account.domain().to_fr();
    let from = account.position();
    // Where the dispense before was taken back, this one was made from its undo note; both have one nullifier.
    let before: Vec<&Note> = std::iter::once(account.note()).chain(account.undo()).collect();
    for note in &before {
        let Some(next) = next_note(note, nk, &public, known) else {
            continue;
        };
        let undo = note.undo(nk);
        let at = sources::find_commitment(ledger, &[next.leaf(domain)], from).await?;
        let (_, position) = at.ok_or(JourneyError::NotOnLedger("the next note"))?;
        account.dispensed(next, undo, position);
        found.accepted += 1;
        found.fills.push(public.nf_fill);
        return Ok(());
    }
    let undos: Vec<Note> = before.iter().map(|note| note.undo(nk)).collect();
    let leaves: Vec<Fr> = undos.iter().map(|undo| undo.leaf(domain)).collect();
    let at = sources::find_commitment(ledger, &leaves, from).await?;
    let (which, position) = at.ok_or(JourneyError::Unknown { entry: index })?;
    let undo = &undos[which];
    account.dispensed(undo.duplicate(), undo.duplicate(), position);
    account.voided(position)?;
    found.voided += 1;
    Ok(())
}

/// Whether the last dispense was taken back: the account then goes on from the note before it.
async fn taken_back(account: &mut Account, ledger: &mut Ledger) -> Result<bool, JourneyError> {
    let Some(undo) = account.undo() else {
        return Ok(false);
    };
    let leaf = undo.leaf(account.domain().to_fr());
    let at = sources::find_commitment(ledger, &[leaf], account.position()).await?;
    match at {
        Some((_, position)) => account.voided(position).map(|()| true),
        None => Ok(false),
    }
}

/// The note after a dispense, if it follows from what is known.
fn next_note(note: &Note, nk: Fr, public: &DispensePublic, known: &Known<'_>) -> Option<Note> {
    let fits = |ring: Ring| {
        let next = note.next(nk, ring);
        (next.commitment() == public.cm_note).then_some(next)
    };
    // A drug without limits leaves the ring as it was.
    if let Some(next) = fits(note.ring.duplicate()) {
        return Some(next);
    }
    let date = date(&public.date)?;
    let slot = note.ring.free_slot(date).ok()?;
    let filled = |rx: &&&Attested<Prescription>| {
        let rx = &rx.content;
        (0..rx.fills).any(|n| fill_nullifier(rx.fill_key(n)) == public.nf_fill)
    };
    let rx = &known.prescriptions.iter().find(filled)?.content;
    let drugs = known
        .dispensing
        .iter()
        .filter(|p| p.policy_id() == public.policy_id)
        .filter_map(|p| p.drug(rx.drug));
    for (drug, _) in drugs.filter(|(drug, _)| drug.class != CLASS_OTHER) {
        let milli_mme = daily_milli_mme(drug.micro_mme, rx.quantity, rx.days)?;
        // The whole quantity first, then whole units below it.
        let whole = rx.quantity / 1000;
        let partial = (0..whole.min(MAX_QUANTITIES)).map(|less| (whole - less) * 1000);
        for quantity in std::iter::once(rx.quantity).chain(partial) {
            let Some(days) = rx.days_of(quantity) else {
                continue;
            };
            let entry = RingEntry {
                start: date,
                days,
                class: drug.class,
                ingredient: drug.ingredient,
                milli_mme,
                quantity,
            };
            if let Some(next) = fits(note.ring.with(slot, entry)) {
                return Some(next);
            }
        }
    }
    None
}

fn date(word: &Fr) -> Option<Day> {
    let fields = medproof_verifier::field::unpack(word, &[16])?;
    u16::try_from(*fields.first()?).ok().map(Day)
}

async fn follow_benefit(
    benefit: &mut Benefit,
    nk: Fr,
    (index, statement): (u64, Statement),
    known: &Known<'_>,
    ledger: &mut Ledger,
) -> Result<(), JourneyError> {
    let Statement::Claim(public) = statement else {
        return Err(JourneyError::Unknown { entry: index });
    };
    let plans = known.plans.iter().filter(|p| p.policy_id() == public.policy_id);
    let next = plans
        .flat_map(|plan| known.services.iter().map(move |service| (plan, service)))
        .filter_map(|(plan, service)| after(&benefit.note, nk, plan, service))
        .find(|next| next.commitment() == public.cm_benefit);
    let next = next.ok_or(JourneyError::Unknown { entry: index })?;
    let leaf = next.leaf(&benefit.domain);
    let at = sources::find_commitment(ledger, &[leaf], benefit.position).await?;
    let (_, position) = at.ok_or(JourneyError::NotOnLedger("the next balance"))?;
    benefit.claimed(next, position);
    Ok(())
}

/// What a claim for a service leaves of a balance.
fn after(note: &BenefitNote, nk: Fr, plan: &ClaimPolicy, service: &RenderedService) -> Option<BenefitNote> {
    let row = plan
        .rows()
        .get(plan.find(service.diagnosis, service.procedure)?)?;
    let fee = Fee {
        cents: row.fee,
        coinsurance_bp: plan.rules().coinsurance_bp,
    };
    let cost = Cost::of(fee, service.charge, service.units, &note.balances);
    note.next(nk, &cost).ok()
}
