//! From a FHIR order to what a prescriber signs.

use crate::code::{Code, CodeSystem};
use crate::date::PartialDate;
use crate::fhir::{Bundle, Entry, MedicationRequest, Refusal, Resource};
use medproof_verifier::Day;

/// Intents that order something; a proposal or plan does not.
const ORDERS: [&str; 6] = [
    "order",
    "original-order",
    "reflex-order",
    "filler-order",
    "instance-order",
    "",
];

/// What an order says. Not `Debug`: it is a health record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The drug (RxNorm).
    pub drug: Code,
    /// Quantity of one fill in milli-units, at least 1.
    pub quantity: u32,
    /// Days' supply of one fill, at least 1.
    pub days: u16,
    /// Number of fills: the repeats and one.
    pub fills: u8,
    /// Day on which it was written.
    pub issued: Day,
    /// First day on which it may be filled.
    pub earliest: Day,
    /// Last day on which it may be filled; open when the order does not say.
    pub expires: Day,
    /// The reason's ICD-10-CM code; [`Code::NONE`] without one. A policy may exempt for it.
    pub reason: Code,
    /// SHA-256 of the canonical resource.
    pub source: [u8; 32],
}

impl Order {
    /// Reads an order: the MedicationRequest with this id, or the only one of the bundle.
    ///
    /// # Errors
    /// [`Refusal`] naming resource and FHIRPath: no order or several, another patient's, not active, a plan, a
    /// prohibition, no single RxNorm code, no quantity, days' supply or exact date.
    pub fn read(bundle: &Bundle, id: Option<&str>) -> Result<Self, Refusal> {
        let (patient, _) = bundle.patient()?;
        let (entry, order) = find(bundle, id)?;
        if !bundle.is_patient(order.subject.as_ref(), patient) {
            return Err(entry.refuse("subject", "not the bundle's patient"));
        }
        let is = |text: &Option<String>, wanted: &[&str]| {
            wanted.contains(&text.as_deref().map(str::trim).unwrap_or_default())
        };
        if !is(&order.status, &["active"]) {
            return Err(entry.refuse("status", "expected `active`"));
        }
        if !is(&order.intent, &ORDERS) {
            return Err(entry.refuse("intent", "expected an order, not a proposal, plan or option"));
        }
        if order.do_not_perform == Some(true) {
            return Err(entry.refuse("doNotPerform", "the order forbids the drug"));
        }
        let request = order.dispense_request.as_ref();
        let request = request.ok_or_else(|| entry.refuse("dispenseRequest", "missing"))?;
        let issued = exact(entry, "authoredOn", order.authored_on)?;
        let period = request.validity_period.as_ref();
        let path = "dispenseRequest.validityPeriod";
        let earliest = match period.and_then(|p| p.start) {
            Some(start) => exact(entry, &format!("{path}.start"), Some(start))?,
            None => issued,
        };
        let expires = match period.and_then(|p| p.end) {
            Some(end) => exact(entry, &format!("{path}.end"), Some(end))?,
            None => Day::OPEN,
        };
        if expires < earliest || earliest < issued {
            return Err(entry.refuse(
                path,
                "ends before it begins, or begins before the order was written",
            ));
        }
        Ok(Self {
            drug: drug(bundle, entry, order)?,
            quantity: quantity(entry, request.quantity.as_ref())?,
            days: days(entry, request.expected_supply_duration.as_ref())?,
            fills: fills(entry, request.number_of_repeats_allowed.as_ref())?,
            issued,
            earliest,
            expires,
            reason: reason(bundle, entry, order)?,
            source: entry.digest,
        })
    }
}

fn find<'a>(bundle: &'a Bundle, id: Option<&str>) -> Result<(&'a Entry, &'a MedicationRequest), Refusal> {
    let refuse = |reason| {
        Refusal::new(
            "Bundle",
            "Bundle.entry.resource.ofType(MedicationRequest)",
            reason,
        )
    };
    let wanted = |order: &MedicationRequest| id.is_none_or(|id| order.id.as_deref() == Some(id));
    let mut found = bundle.medication_requests().filter(|(_, order)| wanted(order));
    let first = found
        .next()
        .ok_or_else(|| refuse("there is no such MedicationRequest"))?;
    match found.next() {
        None => Ok(first),
        Some(_) => Err(refuse(
            "there is more than one MedicationRequest; name one by its id",
        )),
    }
}

fn exact(entry: &Entry, path: &str, date: Option<PartialDate>) -> Result<Day, Refusal> {
    let day = date.and_then(|d| d.exact_day());
    day.ok_or_else(|| entry.refuse(path, "a full date is needed"))
}

/// The RxNorm code of the drug; codings that name several name none.
fn drug(bundle: &Bundle, entry: &Entry, order: &MedicationRequest) -> Result<Code, Refusal> {
    let concept = bundle.medication(
        order.medication_codeable_concept.as_ref(),
        order.medication_reference.as_ref(),
        &order.contained,
    );
    let codes = concept.map_or(Ok(Vec::new()), |c| c.codes());
    let codes = codes.map_err(|(i, e)| entry.refuse(&format!("medication.coding[{i}].code"), e))?;
    let mut rxnorm = codes
        .into_iter()
        .filter(|c| c.system() == Some(CodeSystem::RxNorm));
    let first = rxnorm.next();
    let first = first.ok_or_else(|| entry.refuse("medication", "no RxNorm code"))?;
    match rxnorm.all(|other| other == first) {
        true => Ok(first),
        false => Err(entry.refuse("medication", "codings name more than one RxNorm drug")),
    }
}

fn quantity(entry: &Entry, quantity: Option<&crate::fhir::Quantity>) -> Result<u32, Refusal> {
    let path = "dispenseRequest.quantity.value";
    let number = quantity.and_then(|q| q.value.as_ref());
    let number = number.ok_or_else(|| entry.refuse(path, "missing"))?;
    match number.to_milli() {
        Ok(0) => Err(entry.refuse(path, "is 0")),
        milli => milli.map_err(|e| entry.refuse(path, e)),
    }
}

fn days(entry: &Entry, duration: Option<&crate::fhir::Quantity>) -> Result<u16, Refusal> {
    let path = "dispenseRequest.expectedSupplyDuration";
    let days = duration.map_or(Ok(None), |d| d.days());
    let days = days.map_err(|e| entry.refuse(path, e))?;
    days.ok_or_else(|| entry.refuse(path, "missing"))
}

fn fills(entry: &Entry, repeats: Option<&crate::decimal::Decimal>) -> Result<u8, Refusal> {
    let repeats = repeats.map_or(Some(0), |n| n.exact(0));
    let fills = repeats.and_then(|n| u8::try_from(n.checked_add(1)?).ok());
    fills.filter(|n| *n > 0).ok_or_else(|| {
        entry.refuse(
            "dispenseRequest.numberOfRepeatsAllowed",
            "expected a whole number from 0 to 254",
        )
    })
}

/// The first ICD-10-CM code of the reasons, named as codes or as conditions of the patient.
fn reason(bundle: &Bundle, entry: &Entry, order: &MedicationRequest) -> Result<Code, Refusal> {
    let mut found = Vec::new();
    for (i, concept) in order.reason_code.iter().enumerate() {
        let codes = concept.codes();
        found.extend(codes.map_err(|(j, e)| entry.refuse(&format!("reasonCode[{i}].coding[{j}].code"), e))?);
    }
    for reference in &order.reason_reference {
        let Some(named) = bundle.resolve(reference) else {
            continue;
        };
        if let Resource::Condition(condition) = &named.resource {
            let codes = condition.code.as_ref().map_or(Ok(Vec::new()), |c| c.codes());
            found.extend(codes.map_err(|(i, e)| named.refuse(&format!("code.coding[{i}].code"), e))?);
        }
    }
    let icd = found
        .into_iter()
        .find(|c| c.system() == Some(CodeSystem::Icd10Cm));
    Ok(icd.unwrap_or(Code::NONE))
}
