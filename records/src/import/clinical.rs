//! Demographics, conditions, observations, procedures, vaccinations and allergies.

use super::choice;
use super::{Draft, Import, Scope};
use crate::code::{Code, CodeSystem};
use crate::date::PartialDate;
use crate::decimal::OFFSET;
use crate::fhir::{
    AllergyIntolerance, Bundle, CodeableConcept, Coding, Condition, Entry, Immunization, Observation,
    Patient, Procedure, Quantity, Reference, Refusal, Resource,
};
use crate::record::{Category, Kind, Record, Sex, Status, Verification, VitalStatus};
use medproof_verifier::Day;
use medproof_verifier::field::fr_from_248;

/// The category of a resource that becomes records, its reference to the patient and that reference's path; `None`
/// for resources that become none by themselves.
pub(super) fn subject(resource: &Resource) -> Option<(Category, Option<&Reference>, &'static str)> {
    Some(match resource {
        Resource::Condition(r) => (Category::Condition, r.subject.as_ref(), "subject"),
        Resource::Observation(r) => (Category::Laboratory, r.subject.as_ref(), "subject"),
        Resource::MedicationRequest(r) => (Category::Medication, r.subject.as_ref(), "subject"),
        Resource::MedicationDispense(r) => (Category::Medication, r.subject.as_ref(), "subject"),
        Resource::MedicationStatement(r) => (Category::Medication, r.subject.as_ref(), "subject"),
        Resource::Procedure(r) => (Category::Procedure, r.subject.as_ref(), "subject"),
        Resource::Immunization(r) => (Category::Immunisation, r.patient.as_ref(), "patient"),
        Resource::AllergyIntolerance(r) => (Category::Allergy, r.patient.as_ref(), "patient"),
        _ => return None,
    })
}

pub(super) fn new_record(entry: &Entry, kind: Kind, (code, code2): (Code, Code)) -> Record {
    Record {
        code,
        code2,
        source: fr_from_248(&entry.digest),
        ..Record::empty(kind)
    }
}

/// The demographics record. A partial birth date is none: neither bound hurts for both a least and a greatest age.
/// A person who died after `as_of` was alive then; a partial date of death may lie before it.
pub(super) fn demographics(entry: &Entry, patient: &Patient, as_of: Day) -> Record {
    let mut record = new_record(entry, Kind::Demographics, (Code::NONE, Code::NONE));
    if let Some(birth) = patient.birth_date.filter(|d| d.is_exact()) {
        record.value = OFFSET + u64::from(birth.first().yyyymmdd());
        record.start = birth.first().to_day();
    }
    let sex = patient.gender.as_deref().and_then(Sex::from_name);
    record.quantity = sex.unwrap_or(Sex::Unknown).id().into();
    let died = patient.deceased_date_time.map(|d| d.first().to_day() <= as_of);
    let deceased = died.or(patient.deceased_boolean).unwrap_or(false);
    record.status = if deceased {
        VitalStatus::Deceased.id()
    } else {
        VitalStatus::Alive.id()
    };
    record
}

pub(super) fn condition(
    out: &mut Import,
    scope: &Scope,
    entry: &Entry,
    condition: &Condition,
) -> Result<(), Refusal> {
    let period = condition.onset_period.as_ref();
    let onset = condition.onset_date_time.or(period.and_then(|p| p.start));
    let date_path = if onset.is_some() { "onset" } else { "recordedDate" };
    let end = condition.abatement_date_time.or_else(|| {
        let period = condition.abatement_period.as_ref()?;
        period.end.or(period.start)
    });
    for codes in choice::codes(out, entry, "code", condition.code.as_ref(), choice::CONDITION)? {
        let mut record = new_record(entry, Kind::Condition, codes);
        record.status = choice::clinical_status(condition.clinical_status.as_ref()).id();
        record.verification = choice::verification(condition.verification_status.as_ref());
        record.negated = record.verification == Verification::Refuted;
        // The onset of a condition lies on or before the day on which it was recorded.
        let date = onset.or(condition.recorded_date);
        record.start = choice::known_start(out, entry, date_path, date, scope);
        record.end = choice::latest_end(end);
        out.take(
            entry,
            scope,
            Draft {
                record,
                active: false,
                date_path,
            },
        );
    }
    Ok(())
}

/// Whether an observation is a laboratory value: its category says so, or it has no category and a LOINC code.
pub fn is_laboratory(observation: &Observation) -> bool {
    let mut codes = observation
        .category
        .iter()
        .filter(|c| c.first_code().is_some())
        .peekable();
    if codes.peek().is_some() {
        return codes.any(|c| c.has_code("laboratory"));
    }
    let loinc = |coding: &Coding| {
        let system = coding.system().and_then(CodeSystem::from_uri);
        system == Some(CodeSystem::Loinc) && coding.code().is_some()
    };
    observation
        .code
        .as_ref()
        .is_some_and(|c| c.coding.iter().any(loinc))
}

/// When an observation was made.
fn effective(observation: &Observation) -> Option<PartialDate> {
    let period = observation.effective_period.as_ref();
    observation
        .effective_date_time
        .or(observation.effective_instant)
        .or(period.and_then(|p| p.start))
}

/// One observation or component.
struct Measured<'a> {
    path: &'a str,
    concept: Option<&'a CodeableConcept>,
    quantity: Option<Quantity>,
}

pub(super) fn observation(
    out: &mut Import,
    scope: &Scope,
    entry: &Entry,
    observation: &Observation,
) -> Result<(), Refusal> {
    let integer = |number: &Option<crate::decimal::Decimal>| {
        number.clone().map(|value| Quantity {
            value: Some(value),
            ..Quantity::default()
        })
    };
    let paths: Vec<String> = (0..observation.component.len())
        .map(|i| format!("component[{i}]."))
        .collect();
    let mut parts: Vec<Measured<'_>> = observation
        .component
        .iter()
        .zip(&paths)
        .map(|(c, path)| Measured {
            path,
            concept: c.code.as_ref(),
            quantity: c.value_quantity.clone().or_else(|| integer(&c.value_integer)),
        })
        .collect();
    let own = observation
        .value_quantity
        .clone()
        .or_else(|| integer(&observation.value_integer));
    // A panel whose values are all in its components says nothing by itself.
    let says = own.is_some() || observation.value_codeable_concept.is_some();
    if says || observation.data_absent_reason.is_some() || parts.is_empty() {
        let whole = Measured {
            path: "",
            concept: observation.code.as_ref(),
            quantity: own,
        };
        parts.insert(0, whole);
    }
    let date = effective(observation);
    for part in parts {
        let code_path = format!("{}code", part.path);
        for codes in choice::codes(out, entry, &code_path, part.concept, choice::OBSERVATION)? {
            let mut record = new_record(entry, Kind::Observation, codes);
            (record.status, record.negated) = observation_status(observation.status.as_deref());
            if let Some(quantity) = &part.quantity {
                choice::value(out, entry, &format!("{}value", part.path), quantity, &mut record);
            }
            record.start = choice::known_start(out, entry, "effective", date, scope);
            record.end = choice::latest_end(date);
            out.take(
                entry,
                scope,
                Draft {
                    record,
                    active: false,
                    date_path: "effective",
                },
            );
        }
    }
    Ok(())
}

fn observation_status(status: Option<&str>) -> (u8, bool) {
    let (status, negated) = match status.map(str::trim) {
        None | Some("") => (Status::None, false),
        Some("final" | "amended" | "corrected") => (Status::Done, false),
        Some("entered-in-error") => (Status::EnteredInError, false),
        Some("cancelled") => (Status::NotDone, true),
        Some(_) => (Status::Other, false),
    };
    (status.id(), negated)
}

/// Status of a procedure or vaccination.
fn event_status(status: Option<&str>) -> (u8, bool) {
    let (status, negated) = match status.map(str::trim) {
        None | Some("") => (Status::None, false),
        Some("completed") => (Status::Done, false),
        Some("entered-in-error") => (Status::EnteredInError, false),
        Some("not-done") => (Status::NotDone, true),
        Some(_) => (Status::Other, false),
    };
    (status.id(), negated)
}

pub(super) fn procedure(
    out: &mut Import,
    scope: &Scope,
    bundle: &Bundle,
    entry: &Entry,
    procedure: &Procedure,
) -> Result<(), Refusal> {
    let period = procedure.performed_period.as_ref();
    let date = procedure.performed_date_time.or(period.and_then(|p| p.start));
    for codes in choice::codes(out, entry, "code", procedure.code.as_ref(), choice::PROCEDURE)? {
        let mut record = new_record(entry, Kind::Procedure, codes);
        (record.status, record.negated) = event_status(procedure.status.as_deref());
        record.start = choice::latest_start(date, scope.as_of);
        record.end = choice::latest_end(period.and_then(|p| p.end).or(date));
        record.actor = choice::performer(bundle, &procedure.performer);
        out.take(
            entry,
            scope,
            Draft {
                record,
                active: false,
                date_path: "performed",
            },
        );
    }
    Ok(())
}

pub(super) fn immunisation(
    out: &mut Import,
    scope: &Scope,
    bundle: &Bundle,
    entry: &Entry,
    given: &Immunization,
) -> Result<(), Refusal> {
    for codes in choice::codes(
        out,
        entry,
        "vaccineCode",
        given.vaccine_code.as_ref(),
        choice::VACCINE,
    )? {
        let mut record = new_record(entry, Kind::Immunisation, codes);
        (record.status, record.negated) = event_status(given.status.as_deref());
        record.reported = given.primary_source == Some(false);
        record.start = choice::latest_start(given.occurrence_date_time, scope.as_of);
        record.end = choice::latest_end(given.occurrence_date_time);
        record.actor = choice::performer(bundle, &given.performer);
        out.take(
            entry,
            scope,
            Draft {
                record,
                active: false,
                date_path: "occurrence",
            },
        );
    }
    Ok(())
}

pub(super) fn allergy(
    out: &mut Import,
    scope: &Scope,
    entry: &Entry,
    allergy: &AllergyIntolerance,
) -> Result<(), Refusal> {
    for codes in choice::codes(out, entry, "code", allergy.code.as_ref(), choice::ALLERGY)? {
        let mut record = new_record(entry, Kind::Allergy, codes);
        record.status = choice::clinical_status(allergy.clinical_status.as_ref()).id();
        record.verification = choice::verification(allergy.verification_status.as_ref());
        record.negated = record.verification == Verification::Refuted;
        let onset = allergy.onset_date_time.or(allergy.recorded_date);
        record.start = choice::latest_start(onset, scope.as_of);
        out.take(
            entry,
            scope,
            Draft {
                record,
                active: false,
                date_path: "onset",
            },
        );
    }
    Ok(())
}
