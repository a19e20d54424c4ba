//! Choices that are the same for all resources: which codings become code and second code, which date becomes the
//! start, what a status means, who acted.

use super::{Import, Scope, What};
use crate::code::{Code, CodeSystem, trim};
use crate::date::PartialDate;
use crate::fhir::{
    Bundle, CodeableConcept, Entry, Identifier, Performer, Practitioner, Quantity, Reference, Refusal,
    Resource,
};
use crate::npi::Npi;
use crate::record::{ClinicalStatus, Comparator, Record, Verification};
use medproof_verifier::Day;

/// Systems in the order in which they are preferred.
pub(super) const CONDITION: &[CodeSystem] = &[CodeSystem::Icd10Cm, CodeSystem::SnomedCt];
pub(super) const OBSERVATION: &[CodeSystem] = &[CodeSystem::Loinc, CodeSystem::SnomedCt];
pub(super) const MEDICATION: &[CodeSystem] = &[CodeSystem::RxNorm, CodeSystem::Ndc];
pub(super) const PROCEDURE: &[CodeSystem] = &[
    CodeSystem::Cpt,
    CodeSystem::Hcpcs,
    CodeSystem::Icd10Pcs,
    CodeSystem::Cdt,
    CodeSystem::SnomedCt,
];
pub(super) const VACCINE: &[CodeSystem] = &[CodeSystem::Cvx, CodeSystem::Ndc, CodeSystem::RxNorm];
pub(super) const ALLERGY: &[CodeSystem] = &[CodeSystem::RxNorm, CodeSystem::SnomedCt];

/// The pairs (code, second code) of a concept: its codings that are packed, preferred systems first, otherwise in
/// the order of the resource, each once. A third and further codings make further pairs and so further records,
/// since a code that is left out could be the one that a policy excludes. Without any, the code is absent.
pub(super) fn codes(
    out: &mut Import,
    entry: &Entry,
    path: &str,
    concept: Option<&CodeableConcept>,
    preferred: &[CodeSystem],
) -> Result<Vec<(Code, Code)>, Refusal> {
    let found = concept.map_or(Ok(Vec::new()), CodeableConcept::codes);
    let mut found = found.map_err(|(i, e)| entry.refuse(&format!("{path}.coding[{i}].code"), e))?;
    let rank = |code: &Code| {
        let system = code.system();
        preferred
            .iter()
            .position(|s| Some(*s) == system)
            .unwrap_or(preferred.len())
    };
    found.sort_by_key(rank);
    let mut once: Vec<Code> = Vec::with_capacity(found.len());
    for code in found {
        if !once.contains(&code) {
            once.push(code);
        }
    }
    if once.is_empty() {
        out.remark(entry, path, What::NoPackedCode);
        return Ok(vec![(Code::ABSENT, Code::NONE)]);
    }
    let pair = |codes: &[Code]| (codes[0], codes.get(1).copied().unwrap_or(Code::NONE));
    Ok(once.chunks(2).map(pair).collect())
}

/// The latest day that a date may mean, though not after `as_of` if it may lie before. Day 0 when there is no date:
/// not known.
pub(super) fn latest_start(date: Option<PartialDate>, as_of: Day) -> Day {
    let Some(date) = date else {
        return Day(0);
    };
    let (first, last) = (date.first().to_day(), date.last().to_day());
    if first > as_of { first } else { last.min(as_of) }
}

/// The start of a condition, medication or laboratory value. Either bound of a partial date would prove something
/// that is not known: that the record lies in a window, or outside, or before another one. So its day is not known
/// (day 0), unless even the last day lies before all that the scope looks back to: that day then.
pub(super) fn known_start(
    out: &mut Import,
    entry: &Entry,
    path: &str,
    date: Option<PartialDate>,
    scope: &Scope,
) -> Day {
    let latest = latest_start(date, scope.as_of);
    let partial = date.is_some_and(|d| !d.is_exact());
    if !partial || latest < scope.from() || latest > scope.as_of {
        return latest;
    }
    out.remark(entry, path, What::DayUnknown);
    Day(0)
}

/// The end from a date: the latest day it may mean; open when there is none.
pub(super) fn latest_end(date: Option<PartialDate>) -> Day {
    date.map_or(Day::OPEN, |d| d.last().to_end())
}

/// A condition's or allergy's clinical status.
pub(super) fn clinical_status(concept: Option<&CodeableConcept>) -> ClinicalStatus {
    match concept.and_then(CodeableConcept::first_code) {
        None => ClinicalStatus::None,
        Some(code) => ClinicalStatus::from_name(code)
            .filter(|s| *s != ClinicalStatus::None)
            .unwrap_or(ClinicalStatus::Unknown),
    }
}

/// A condition's or allergy's verification. A code that FHIR does not have confirms nothing.
pub(super) fn verification(concept: Option<&CodeableConcept>) -> Verification {
    let Some(concept) = concept else {
        return Verification::None;
    };
    // A refutation beside another code, in whatever order, must not be passed over.
    for strong in [Verification::EnteredInError, Verification::Refuted] {
        if concept.has_code(strong.name()) {
            return strong;
        }
    }
    match concept.first_code() {
        None => Verification::None,
        Some(code) => Verification::from_name(code)
            .filter(|v| *v != Verification::None)
            .unwrap_or(Verification::Unconfirmed),
    }
}

/// Sets value, unit and comparator from a quantity. A number that does not fit leaves the value absent.
pub(super) fn value(out: &mut Import, entry: &Entry, path: &str, quantity: &Quantity, record: &mut Record) {
    record.unit = quantity.unit();
    record.comparator = match quantity.comparator.as_deref().map(str::trim) {
        None | Some("") => Comparator::None,
        Some(text) => Comparator::from_name(text)
            .filter(|c| *c != Comparator::None)
            .unwrap_or(Comparator::Other),
    };
    if let Some(number) = &quantity.value {
        match number.to_value() {
            Ok(value) => record.value = value,
            Err(e) => out.remark(
                entry,
                &format!("{path}.ofType(Quantity).value"),
                What::Dropped(e.to_string()),
            ),
        }
    }
}

/// Sets the quantity in milli-units. One that does not fit, or is only a bound, is absent.
pub(super) fn amount(
    out: &mut Import,
    entry: &Entry,
    path: &str,
    quantity: Option<&Quantity>,
    record: &mut Record,
) {
    let Some(quantity) = quantity else { return };
    let Some(number) = &quantity.value else { return };
    if quantity.comparator.is_some() {
        out.remark(
            entry,
            path,
            What::Dropped("a quantity with a comparator is only a bound".into()),
        );
        return;
    }
    record.unit = quantity.unit();
    match number.to_milli() {
        Ok(milli) => record.quantity = milli,
        Err(e) => out.remark(entry, &format!("{path}.value"), What::Dropped(e.to_string())),
    }
}

/// Sets the days' supply. One that is not a whole number of days is absent.
pub(super) fn days(
    out: &mut Import,
    entry: &Entry,
    path: &str,
    quantity: Option<&Quantity>,
    record: &mut Record,
) {
    match quantity.map(Quantity::days).transpose() {
        Ok(days) => record.days = days.flatten().unwrap_or(0),
        Err(e) => out.remark(entry, path, What::Dropped(e.to_string())),
    }
}

/// The NPI among identifiers; one whose check digit is wrong is none.
fn identified<'a>(mut identifiers: impl Iterator<Item = &'a Identifier>) -> Option<Npi> {
    identifiers.find_map(|i| {
        let system = trim(i.system.as_deref()?);
        (system == Npi::URI).then(|| i.value.as_deref()?.parse().ok())?
    })
}

/// The NPI of the practitioner that a reference points to, or that it names itself.
pub(super) fn npi(bundle: &Bundle, reference: Option<&Reference>) -> Option<Npi> {
    let reference = reference?;
    let resolved = bundle.resolve(reference).and_then(|e| match &e.resource {
        Resource::Practitioner(practitioner) => practitioner_npi(practitioner),
        _ => None,
    });
    resolved.or_else(|| identified(reference.identifier.iter()))
}

/// A practitioner's NPI.
pub fn practitioner_npi(practitioner: &Practitioner) -> Option<Npi> {
    identified(practitioner.identifier.iter())
}

/// The NPI of the first performer that has one.
pub(super) fn performer(bundle: &Bundle, performers: &[Performer]) -> Option<Npi> {
    performers.iter().find_map(|p| npi(bundle, p.actor.as_ref()))
}
