//! From a FHIR bundle to a ring and a fill: which dispenses count, and what is missing to say so.

use super::{CLASS_OTHER, Ring, RingEntry, daily_milli_mme};
use crate::code::Code;
use crate::fhir::{Bundle, Condition, Entry, MedicationDispense, Quantity, Refusal};
use crate::policy::dispensing::{DispensingPolicy, Drug};
use crate::record::{ClinicalStatus, Verification};
use medproof_verifier::Day;

/// System and code of the tag that marks the candidate fill.
pub const CANDIDATE_TAG: (&str, &str) = ("urn:acceptance", "candidate");

/// Why a history or a fill cannot be written down, in the order in which it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unprovable {
    /// A counted dispense of a drug that the table does not list (or of several drugs at once).
    #[error("drug not in the table")]
    DrugNotInTable,
    /// No days' supply, or one that is no number of days.
    #[error("days supply missing")]
    DaysMissing,
    /// No quantity.
    #[error("quantity missing")]
    QuantityMissing,
    /// `whenHandedOver` is missing or not exact to the day.
    #[error("date handed over missing")]
    DateMissing,
    /// A dispense after the date of the fill.
    #[error("history after the date")]
    AfterDate,
    /// The policy has no rules for the candidate's class.
    #[error("class without rules")]
    ClassWithoutRules,
    /// A daily dose of 2^32 thousandths MME or more.
    #[error("daily dose out of range")]
    DoseOutOfRange,
    /// More dispenses count than the ring has slots.
    #[error("more than 32 dispenses count")]
    TooMany,
}

/// Why a bundle gives no history or fill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The bundle cannot be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something is missing or too much.
    #[error(transparent)]
    Unprovable(#[from] Unprovable),
}

/// The fill that a bundle asks for. Not `Debug`: it is a health record.
#[derive(Clone, Copy)]
pub struct Candidate {
    /// The drug's code.
    pub code: Code,
    /// What the table says of it.
    pub drug: Drug,
    /// Quantity in milli-units, at least 1.
    pub quantity: u32,
    /// Days' supply, at least 1.
    pub days: u16,
    /// The active condition that the policy exempts for; [`Code::NONE`] when there is none.
    pub exemption: Code,
}

/// A bundle, read under a policy: the date, the history on it, and the fill.
pub struct Requested {
    /// Date of the fill.
    pub date: Day,
    /// The history that still counts.
    pub ring: Ring,
    /// The fill.
    pub candidate: Candidate,
}

/// The date of the fill that a bundle asks for, as it is written: `whenHandedOver` of the candidate.
///
/// # Errors
/// [`Refusal`] when there is not exactly one candidate, or its date is not exact.
pub fn candidate_date(bundle: &Bundle) -> Result<Day, Refusal> {
    let (entry, dispense) = candidate(bundle)?;
    let date = dispense.when_handed_over.and_then(|date| date.exact_day());
    date.ok_or_else(|| {
        entry.refuse(
            "whenHandedOver",
            "no exact date; give the date of the fill (--on)",
        )
    })
}

/// Reads the candidate and the history of a bundle, as of `date`.
///
/// # Errors
/// [`HistoryError::Refused`], naming resource and field, when the bundle cannot be used;
/// [`HistoryError::Unprovable`] with the first reason that applies, the candidate's and the history's alike.
pub fn read(policy: &DispensingPolicy, bundle: &Bundle, date: Day) -> Result<Requested, HistoryError> {
    let (entry, dispense) = candidate(bundle)?;
    let mut missing = Vec::new();
    let ring = history(policy, bundle, date, &mut missing)?;
    let found = fill(policy, bundle, entry, dispense, &mut missing)?;
    if let Some(first) = missing.into_iter().min() {
        return Err(first.into());
    }
    let (code, drug, quantity, days) = found.ok_or(Unprovable::DrugNotInTable)?;
    if drug.class != CLASS_OTHER {
        policy.row(drug.class).ok_or(Unprovable::ClassWithoutRules)?;
        daily_milli_mme(drug.micro_mme, quantity, days).ok_or(Unprovable::DoseOutOfRange)?;
        ring.free_slot(date).map_err(|_| Unprovable::TooMany)?;
    }
    let candidate = Candidate {
        code,
        drug,
        quantity,
        days,
        exemption: exemption(policy, bundle, drug.class, date)?,
    };
    Ok(Requested {
        date,
        ring,
        candidate,
    })
}

/// The ring that the history of a bundle gives on `date`: what an enrolment authority seeds an account with.
/// Every MedicationDispense counts but the candidate, those of a status that the policy does not count, those
/// of class 0, and those that expired.
///
/// # Errors
/// As [`read`].
pub fn ring(policy: &DispensingPolicy, bundle: &Bundle, date: Day) -> Result<Ring, HistoryError> {
    let mut missing = Vec::new();
    let ring = history(policy, bundle, date, &mut missing)?;
    match missing.into_iter().min() {
        Some(first) => Err(first.into()),
        None => Ok(ring),
    }
}

fn is_candidate(dispense: &MedicationDispense) -> bool {
    dispense.meta.has_tag(CANDIDATE_TAG.0, CANDIDATE_TAG.1)
}

fn candidate(bundle: &Bundle) -> Result<(&Entry, &MedicationDispense), Refusal> {
    let refuse = |reason| {
        Refusal::new(
            "Bundle",
            "Bundle.entry.resource.ofType(MedicationDispense)",
            reason,
        )
    };
    let mut tagged = bundle.medication_dispenses().filter(|(_, d)| is_candidate(d));
    let first = tagged
        .next()
        .ok_or_else(|| refuse("no dispense carries the tag urn:acceptance|candidate"))?;
    match tagged.next() {
        None => Ok(first),
        Some(_) => Err(refuse(
            "more than one dispense carries the tag urn:acceptance|candidate",
        )),
    }
}

fn history(
    policy: &DispensingPolicy,
    bundle: &Bundle,
    date: Day,
    missing: &mut Vec<Unprovable>,
) -> Result<Ring, Refusal> {
    let mut entries = Vec::new();
    // Looked for once: a bundle may have as many dispenses as it has entries.
    let mut patient = None;
    for (entry, dispense) in bundle.medication_dispenses() {
        let counted = dispense.status.as_deref().is_none_or(|s| policy.counts(s.trim()));
        if is_candidate(dispense) || !counted {
            continue;
        }
        let owner = match patient {
            Some(owner) => owner,
            None => *patient.insert(bundle.patient()?.0),
        };
        check_subject(bundle, owner, entry, dispense)?;
        match history_entry(policy, bundle, entry, dispense, date)? {
            Ok(found) => entries.extend(found),
            Err(reason) => missing.push(reason),
        }
    }
    Ok(Ring::from_entries(&entries).unwrap_or_else(|_| {
        missing.push(Unprovable::TooMany);
        Ring::empty()
    }))
}

/// One dispense of the history: `None` when it leaves no entry. A drug that is not listed is never left out,
/// however old: nobody knows its class.
fn history_entry(
    policy: &DispensingPolicy,
    bundle: &Bundle,
    entry: &Entry,
    dispense: &MedicationDispense,
    date: Day,
) -> Result<Result<Option<RingEntry>, Unprovable>, Refusal> {
    let Some((_, drug)) = drug(policy, bundle, entry, dispense)? else {
        return Ok(Err(Unprovable::DrugNotInTable));
    };
    if drug.class == CLASS_OTHER {
        return Ok(Ok(None));
    }
    let Some(days) = days(dispense) else {
        return Ok(Err(Unprovable::DaysMissing));
    };
    // The latest day that a partial date may mean.
    let Some(start) = dispense.when_handed_over.map(|d| d.last().to_day()) else {
        return Ok(Err(Unprovable::DateMissing));
    };
    let found = RingEntry {
        start,
        days,
        class: drug.class,
        ingredient: drug.ingredient,
        milli_mme: 0,
        quantity: 0,
    };
    if found.is_expired(date) {
        return Ok(Ok(None));
    }
    let Some(quantity) = quantity(entry, dispense.quantity.as_ref())? else {
        return Ok(Err(Unprovable::QuantityMissing));
    };
    if !dispense.when_handed_over.is_some_and(|d| d.is_exact()) {
        return Ok(Err(Unprovable::DateMissing));
    }
    if start > date {
        return Ok(Err(Unprovable::AfterDate));
    }
    let Some(milli_mme) = daily_milli_mme(drug.micro_mme, quantity, days) else {
        return Ok(Err(Unprovable::DoseOutOfRange));
    };
    Ok(Ok(Some(RingEntry {
        milli_mme,
        quantity,
        ..found
    })))
}

/// The candidate's code, drug, quantity and days; what is missing is added to `missing`.
fn fill(
    policy: &DispensingPolicy,
    bundle: &Bundle,
    entry: &Entry,
    dispense: &MedicationDispense,
    missing: &mut Vec<Unprovable>,
) -> Result<Option<(Code, Drug, u32, u16)>, Refusal> {
    check_subject(bundle, bundle.patient()?.0, entry, dispense)?;
    let drug = drug(policy, bundle, entry, dispense)?;
    let days = days(dispense);
    // A fill of nothing is not a fill.
    let quantity = quantity(entry, dispense.quantity.as_ref())?.filter(|q| *q > 0);
    for (absent, reason) in [
        (drug.is_none(), Unprovable::DrugNotInTable),
        (days.is_none(), Unprovable::DaysMissing),
        (quantity.is_none(), Unprovable::QuantityMissing),
    ] {
        if absent {
            missing.push(reason);
        }
    }
    Ok(match (drug, quantity, days) {
        (Some((code, drug)), Some(quantity), Some(days)) => Some((code, drug, quantity, days)),
        _ => None,
    })
}

/// A dispense without a subject is taken for the patient's; one to somebody else has no place here.
fn check_subject(
    bundle: &Bundle,
    patient: &Entry,
    entry: &Entry,
    dispense: &MedicationDispense,
) -> Result<(), Refusal> {
    let somebody = dispense.subject.as_ref().and_then(|s| bundle.resolve(s));
    if somebody.is_some_and(|found| !std::ptr::eq(found, patient)) {
        return Err(entry.refuse("subject", "not the bundle's patient"));
    }
    Ok(())
}

/// The listed drug of a dispense: the one that its codings name. Codings that name different listed drugs
/// name none.
fn drug(
    policy: &DispensingPolicy,
    bundle: &Bundle,
    entry: &Entry,
    dispense: &MedicationDispense,
) -> Result<Option<(Code, Drug)>, Refusal> {
    let concept = bundle.medication(
        dispense.medication_codeable_concept.as_ref(),
        dispense.medication_reference.as_ref(),
        &dispense.contained,
    );
    let Some(concept) = concept else { return Ok(None) };
    let codes = concept
        .codes()
        .map_err(|(i, e)| entry.refuse(&format!("medication.coding[{i}].code"), e))?;
    let mut listed = codes
        .into_iter()
        .filter_map(|code| Some((code, policy.drug(code)?.0)));
    let first = listed.next();
    let agree = listed.all(|(_, other)| first.is_some_and(|(_, drug)| drug == other));
    Ok(first.filter(|_| agree))
}

/// Days' supply; a number that is no whole count of days from 1 to 65,534 is as good as none.
fn days(dispense: &MedicationDispense) -> Option<u16> {
    dispense.days_supply.as_ref()?.days().ok()?
}

/// Milli-units.
fn quantity(entry: &Entry, quantity: Option<&Quantity>) -> Result<Option<u32>, Refusal> {
    let Some(number) = quantity.and_then(|q| q.value.as_ref()) else {
        return Ok(None);
    };
    let milli = number.to_milli();
    milli.map(Some).map_err(|e| entry.refuse("quantity.value", e))
}

/// The first condition of the bundle that is active on `date`, confirmed or not marked otherwise, and exempts
/// from the limits of `class`.
fn exemption(policy: &DispensingPolicy, bundle: &Bundle, class: u8, date: Day) -> Result<Code, Refusal> {
    let Some(row) = policy.row(class) else {
        return Ok(Code::NONE);
    };
    let (patient, _) = bundle.patient()?;
    for (entry, condition) in bundle.conditions() {
        if !bundle.is_patient(condition.subject.as_ref(), patient) || !is_active(condition, date) {
            continue;
        }
        let codes = condition.code.as_ref().map_or(Ok(Vec::new()), |c| c.codes());
        let codes = codes.map_err(|(i, e)| entry.refuse(&format!("code.coding[{i}].code"), e))?;
        if let Some(code) = codes.into_iter().find(|c| row.exempting(*c).is_some()) {
            return Ok(code);
        }
    }
    Ok(Code::NONE)
}

/// Active (recurrence and relapse are), confirmed or without a verification, begun and not ended. Dates that
/// leave it open hurt the claimant.
fn is_active(condition: &Condition, date: Day) -> bool {
    let status = condition.clinical_status.as_ref().and_then(|c| c.first_code());
    let status = status.and_then(ClinicalStatus::from_name);
    let active = matches!(
        status,
        Some(ClinicalStatus::Active | ClinicalStatus::Recurrence | ClinicalStatus::Relapse)
    );
    let verified = condition.verification_status.as_ref().is_none_or(|v| {
        let codes: Vec<_> = v.coding.iter().filter_map(|c| c.code()).collect();
        codes
            .iter()
            .all(|c| Verification::from_name(c) == Some(Verification::Confirmed))
    });
    let onset = condition
        .onset_date_time
        .or(condition.onset_period.as_ref().and_then(|p| p.start));
    let end = condition.abatement_date_time.or(condition
        .abatement_period
        .as_ref()
        .and_then(|p| p.end.or(p.start)));
    active
        && verified
        && onset.is_none_or(|d| d.last().to_day() <= date)
        && end.is_none_or(|d| d.first().to_end() > date)
}
