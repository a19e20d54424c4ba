//! Orders, dispenses and reported medications.

use super::choice;
use super::clinical::new_record;
use super::{Draft, Import, Scope};
use crate::code::Code;
use crate::fhir::{
    Bundle, CodeableConcept, Contained, Dosage, Entry, MedicationDispense, MedicationRequest,
    MedicationStatement, Reference, Refusal,
};
use crate::record::{Intent, Kind, Status};

/// Status in a record, whether it says that the drug was not given, and whether the drug may be in use.
struct Use {
    status: u8,
    negated: bool,
    active: bool,
}

/// What a medication's status means. A status that FHIR does not have, or none, may be active.
fn usage(status: Option<&str>) -> Use {
    let (status, negated, active) = match status.map(str::trim) {
        None | Some("") => (Status::None, false, true),
        Some("active") => (Status::Done, false, true),
        Some("completed") => (Status::Done, false, false),
        Some("entered-in-error") => (Status::EnteredInError, false, false),
        Some("cancelled" | "declined" | "not-taken") => (Status::NotDone, true, false),
        Some("stopped" | "draft" | "preparation" | "intended") => (Status::Other, false, false),
        Some(_) => (Status::Other, false, true),
    };
    Use {
        status: status.id(),
        negated,
        active,
    }
}

fn as_needed(dosage: &[Dosage]) -> bool {
    dosage
        .iter()
        .any(|d| d.as_needed_boolean == Some(true) || d.as_needed_codeable_concept.is_some())
}

/// The drug's codes; where it is a reference that leads nowhere, they are absent.
fn drug(
    out: &mut Import,
    bundle: &Bundle,
    entry: &Entry,
    concept: Option<&CodeableConcept>,
    reference: Option<&Reference>,
    contained: &[Contained],
) -> Result<Vec<(Code, Code)>, Refusal> {
    let path = match concept {
        Some(_) => "medication.ofType(CodeableConcept)",
        None => "medication.ofType(Reference)",
    };
    let found = bundle.medication(concept, reference, contained);
    choice::codes(out, entry, path, found, choice::MEDICATION)
}

pub(super) fn request(
    out: &mut Import,
    scope: &Scope,
    bundle: &Bundle,
    entry: &Entry,
    order: &MedicationRequest,
) -> Result<(), Refusal> {
    let concept = order.medication_codeable_concept.as_ref();
    let reference = order.medication_reference.as_ref();
    for codes in drug(out, bundle, entry, concept, reference, &order.contained)? {
        let mut record = new_record(entry, Kind::Order, codes);
        let usage = usage(order.status.as_deref());
        record.status = usage.status;
        record.negated = usage.negated || order.do_not_perform == Some(true);
        record.reported = order.reported_boolean == Some(true) || order.reported_reference.is_some();
        record.prn = as_needed(&order.dosage_instruction);
        record.intent = match order.intent.as_deref().map(str::trim) {
            None | Some("") => Intent::None,
            Some(text) => Intent::from_name(text)
                .filter(|i| *i != Intent::None)
                .unwrap_or(Intent::Other),
        };
        if let Some(request) = &order.dispense_request {
            let repeats = request.number_of_repeats_allowed.as_ref();
            let repeats = repeats.and_then(|n| n.exact(0)).unwrap_or(0);
            record.refill = u8::try_from(repeats.clamp(0, 255)).unwrap_or(u8::MAX);
            let path = "dispenseRequest.quantity";
            choice::amount(out, entry, path, request.quantity.as_ref(), &mut record);
            let path = "dispenseRequest.expectedSupplyDuration";
            choice::days(
                out,
                entry,
                path,
                request.expected_supply_duration.as_ref(),
                &mut record,
            );
        }
        record.start = choice::known_start(out, entry, "authoredOn", order.authored_on, scope);
        record.actor = choice::npi(bundle, order.requester.as_ref());
        out.take(
            entry,
            scope,
            Draft {
                record,
                active: usage.active,
                date_path: "authoredOn",
            },
        );
    }
    Ok(())
}

pub(super) fn dispense(
    out: &mut Import,
    scope: &Scope,
    bundle: &Bundle,
    entry: &Entry,
    dispense: &MedicationDispense,
) -> Result<(), Refusal> {
    let concept = dispense.medication_codeable_concept.as_ref();
    let reference = dispense.medication_reference.as_ref();
    let (date, date_path) = match dispense.when_handed_over {
        Some(date) => (Some(date), "whenHandedOver"),
        None => (dispense.when_prepared, "whenPrepared"),
    };
    for codes in drug(out, bundle, entry, concept, reference, &dispense.contained)? {
        let mut record = new_record(entry, Kind::Dispense, codes);
        let usage = usage(dispense.status.as_deref());
        record.status = usage.status;
        record.negated = usage.negated;
        record.prn = as_needed(&dispense.dosage_instruction);
        choice::amount(out, entry, "quantity", dispense.quantity.as_ref(), &mut record);
        choice::days(
            out,
            entry,
            "daysSupply",
            dispense.days_supply.as_ref(),
            &mut record,
        );
        record.start = choice::known_start(out, entry, date_path, date, scope);
        record.actor = choice::performer(bundle, &dispense.performer);
        // A fill is an event: it is of the scope by its date and supply, whatever its status.
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

pub(super) fn statement(
    out: &mut Import,
    scope: &Scope,
    bundle: &Bundle,
    entry: &Entry,
    statement: &MedicationStatement,
) -> Result<(), Refusal> {
    let concept = statement.medication_codeable_concept.as_ref();
    let reference = statement.medication_reference.as_ref();
    let period = statement.effective_period.as_ref();
    let start = statement.effective_date_time.or(period.and_then(|p| p.start));
    for codes in drug(out, bundle, entry, concept, reference, &statement.contained)? {
        let mut record = new_record(entry, Kind::Order, codes);
        let usage = usage(statement.status.as_deref());
        record.status = usage.status;
        record.negated = usage.negated;
        record.reported = true;
        record.prn = as_needed(&statement.dosage);
        record.start = choice::known_start(out, entry, "effective", start, scope);
        record.end = choice::latest_end(period.and_then(|p| p.end));
        out.take(
            entry,
            scope,
            Draft {
                record,
                active: usage.active,
                date_path: "effective",
            },
        );
    }
    Ok(())
}
