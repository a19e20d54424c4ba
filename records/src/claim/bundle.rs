//! What a FHIR bundle says about one claim, before anybody has signed anything. A failure of the facts
//! (an inactive coverage, a procedure that was not done) is a fact; a bundle that does not say what is
//! claimed is refused.

mod authorisation;

use super::covered::{FiledCoverage, coverage};
use crate::code::Code;
use crate::fhir::{
    Bundle, Claim, ClaimItem, CodeableConcept, Entry, Money, Period, Practitioner, Procedure, Quantity,
    Reference, Refusal, Resource,
};
use crate::npi::Npi;
use crate::record::Cents;
use ark_bn254::Fr;
use medproof_verifier::{Day, field::fr_from_248};
use serde::Deserialize;

/// Currency of every amount.
const CURRENCY: &str = "USD";

/// Most codes of the procedure, and of the diagnoses, of a claim or of what was rendered.
const MAX_CODES: usize = 100;

/// What a check knows beside the bundle.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimContext {
    /// NPIs that no registry lists.
    pub excluded_npi: Vec<String>,
    /// What is left of the member's yearly limits.
    pub balance_cents: BalanceCents,
    /// Whether the event was claimed before.
    pub already_claimed: bool,
}

/// Balances of a [`ClaimContext`], in cents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceCents {
    /// Deductible that the patient still has to meet.
    pub deductible_left: u64,
    /// Rest of the out-of-pocket maximum.
    pub out_of_pocket_left: u64,
    /// What the plan may still pay this year.
    pub annual_left: u64,
}

impl ClaimContext {
    /// Reads a context file.
    ///
    /// # Errors
    /// What serde says about the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// First and last day of something that holds for a time.
pub type Days = (Day, Day);

/// The provider that a claim names.
pub struct FiledProvider {
    /// The NPI, if there is a valid one.
    pub npi: Option<Npi>,
    /// Periods of privileges; none when the practitioner is not active.
    pub privileges: Vec<Days>,
}

/// What was done, in the provider's own record.
pub struct Rendered {
    /// Completed, for the patient, and performed by the provider that claims.
    pub holds: bool,
    /// Codes of the procedure, all of one act.
    pub procedures: Vec<Code>,
    /// Diagnoses that are given as its reason.
    pub diagnoses: Vec<Code>,
    /// The day.
    pub day: Day,
    /// 248 bits of SHA-256 of the resource.
    pub source: Fr,
}

/// A prior authorisation in force for the claim's line.
pub struct Authorised {
    /// Codes of the authorised procedure.
    pub procedures: Vec<Code>,
    /// Whole units.
    pub units: u16,
    /// When it holds.
    pub period: Days,
    /// 248 bits of SHA-256 of the resource.
    pub source: Fr,
}

/// One claim line and everything that the bundle says about it.
pub struct FiledClaim {
    /// Day of receipt.
    pub received: Day,
    /// Codes of the claimed procedure, all of one act.
    pub procedures: Vec<Code>,
    /// Diagnoses that the line points to.
    pub diagnoses: Vec<Code>,
    /// Day of the service.
    pub day: Day,
    /// Whole units; 0 when they are not stated or not whole.
    pub units: u16,
    /// The charge.
    pub charge: Cents,
    /// The coverage; `None` when the claim names none that is there.
    pub coverage: Option<FiledCoverage>,
    /// The provider.
    pub provider: FiledProvider,
    /// The rendered service; `None` when there is no procedure.
    pub rendered: Option<Rendered>,
    /// Prior authorisations in force.
    pub authorisations: Vec<Authorised>,
}

impl FiledClaim {
    /// Reads a claim bundle: Patient, Coverage, Practitioner, Procedure, one Claim of one line, and
    /// ClaimResponses that are prior authorisations.
    ///
    /// # Errors
    /// [`Refusal`] naming the resource and the field that does not say what is claimed.
    pub fn read(bundle: &Bundle) -> Result<Self, Refusal> {
        let (patient, _) = bundle.patient()?;
        let (entry, claim) = the_claim(bundle)?;
        let [item] = claim.item.as_slice() else {
            return Err(entry.refuse("item", "expected one line; file other lines on their own"));
        };
        let created = claim.created.and_then(|d| d.exact_day());
        let received = created.ok_or_else(|| entry.refuse("created", "a full date is needed"))?;
        let procedures = codes(
            entry,
            "item[0].productOrService",
            item.product_or_service.as_ref(),
        )?;
        let claimed_day = item_day(entry, item)?;
        let (rendered, performer) = rendered(bundle, patient, claim, &procedures, claimed_day)?;
        let day = claimed_day.or(rendered.as_ref().map(|r| r.day));
        let day = day.ok_or_else(|| entry.refuse("item[0].servicedDate", "a full date is needed"))?;
        let units = units(item.quantity.as_ref());
        Ok(Self {
            received,
            diagnoses: claimed_diagnoses(bundle, entry, claim, item)?,
            day,
            units,
            charge: charge(entry, claim, item)?,
            coverage: coverage(bundle, patient, claim)?,
            provider: performer.map_or_else(
                || FiledProvider {
                    npi: None,
                    privileges: Vec::new(),
                },
                provider,
            ),
            authorisations: authorisation::in_force(bundle, patient, (entry, item), &procedures, units)?,
            procedures,
            rendered,
        })
    }
}

impl FiledClaim {
    /// Procedure and diagnosis of the claim as the provider's own record of that day has them: what the provider
    /// signs and the duplicate check sees. `None` when the record is of another service, or not done.
    pub fn service(&self) -> Option<(Code, Code)> {
        let done = self.rendered.as_ref().filter(|r| r.holds && r.day == self.day)?;
        let common = |claimed: &[Code], done: &[Code]| claimed.iter().copied().find(|c| done.contains(c));
        Some((
            common(&self.procedures, &done.procedures)?,
            common(&self.diagnoses, &done.diagnoses)?,
        ))
    }
}

/// The only claim of the bundle that asks for payment.
fn the_claim(bundle: &Bundle) -> Result<(&Entry, &Claim), Refusal> {
    let refuse = |reason| Refusal::new("Bundle", "Bundle.entry.resource.ofType(Claim)", reason);
    let mut claims = bundle
        .claims()
        .filter(|(_, c)| matches!(c.r#use.as_deref(), None | Some("claim")));
    let (entry, claim) = claims.next().ok_or_else(|| refuse("there is no Claim"))?;
    if claims.next().is_some() {
        return Err(refuse("there is more than one Claim"));
    }
    match claim.status.as_deref() {
        Some("active") => Ok((entry, claim)),
        _ => Err(entry.refuse("status", "expected `active`")),
    }
}

fn codes(entry: &Entry, path: &str, concept: Option<&CodeableConcept>) -> Result<Vec<Code>, Refusal> {
    let Some(concept) = concept else {
        return Ok(Vec::new());
    };
    let all = concept
        .codes()
        .map_err(|(i, e)| entry.refuse(&format!("{path}.coding[{i}].code"), e))?;
    let mut found = Vec::new();
    add(&mut found, all, entry, path)?;
    Ok(found)
}

/// Adds codes that are not there yet. Every pair of a diagnosis and a procedure is looked up, so there is a limit.
fn add(found: &mut Vec<Code>, codes: Vec<Code>, entry: &Entry, path: &str) -> Result<(), Refusal> {
    for code in codes {
        if !found.contains(&code) {
            if found.len() == MAX_CODES {
                return Err(entry.refuse(path, format!("more than {MAX_CODES} codes")));
            }
            found.push(code);
        }
    }
    Ok(())
}

/// The codes of a concept, or of the condition that is named instead.
fn reasons(
    bundle: &Bundle,
    entry: &Entry,
    path: &str,
    concept: Option<&CodeableConcept>,
    reference: Option<&Reference>,
) -> Result<Vec<Code>, Refusal> {
    match reference
        .and_then(|r| bundle.resolve(r))
        .map(|e| (e, &e.resource))
    {
        Some((entry, Resource::Condition(condition))) if concept.is_none() => {
            codes(entry, "code", condition.code.as_ref())
        }
        _ => codes(entry, path, concept),
    }
}

/// Diagnoses of a line: those that it points to, in its order; all of the claim's when it points to none.
fn claimed_diagnoses(
    bundle: &Bundle,
    entry: &Entry,
    claim: &Claim,
    item: &ClaimItem,
) -> Result<Vec<Code>, Refusal> {
    let all: Vec<u32> = claim.diagnosis.iter().filter_map(|d| d.sequence).collect();
    let wanted = match item.diagnosis_sequence.is_empty() {
        true => &all,
        false => &item.diagnosis_sequence,
    };
    let mut found = Vec::new();
    for (at, sequence) in wanted.iter().enumerate() {
        if wanted[..at].contains(sequence) {
            continue;
        }
        for (i, diagnosis) in claim.diagnosis.iter().enumerate() {
            if diagnosis.sequence == Some(*sequence) {
                let path = format!("diagnosis[{i}].diagnosis.ofType(CodeableConcept)");
                let codes = reasons(
                    bundle,
                    entry,
                    &path,
                    diagnosis.diagnosis_codeable_concept.as_ref(),
                    diagnosis.diagnosis_reference.as_ref(),
                )?;
                add(&mut found, codes, entry, &path)?;
            }
        }
    }
    Ok(found)
}

/// The one day of a period or a date; a period of several days is not one service.
fn one_day(
    entry: &Entry,
    path: &str,
    date: Option<crate::date::PartialDate>,
    period: Option<&Period>,
) -> Result<Option<Day>, Refusal> {
    let start = date.or_else(|| period.and_then(|p| p.start));
    let Some(start) = start else { return Ok(None) };
    let end = date.or_else(|| period.and_then(|p| p.end)).unwrap_or(start);
    match (start.exact_day(), end.exact_day()) {
        (Some(start), Some(end)) if start == end => Ok(Some(start)),
        (Some(_), Some(_)) => Err(entry.refuse(path, "the service lasts more than one day; claim each day")),
        _ => Err(entry.refuse(path, "a full date is needed")),
    }
}

fn item_day(entry: &Entry, item: &ClaimItem) -> Result<Option<Day>, Refusal> {
    let period = item.serviced_period.as_ref();
    one_day(entry, "item[0].serviced", item.serviced_date, period)
}

/// Whole units, or 0: a quantity that is absent, not whole, a bound or out of range.
fn units(quantity: Option<&Quantity>) -> u16 {
    let stated = quantity.filter(|q| q.comparator.is_none());
    let value = stated.and_then(|q| q.value.as_ref()?.exact(0));
    value.and_then(|v| u16::try_from(v).ok()).unwrap_or(0)
}

/// The line's charge: its net, else the price of a unit times the units, else the claim's total.
fn charge(entry: &Entry, claim: &Claim, item: &ClaimItem) -> Result<Cents, Refusal> {
    if let Some(net) = &item.net {
        return cents(entry, "item[0].net", net);
    }
    if let Some(price) = &item.unit_price {
        let price = cents(entry, "item[0].unitPrice", price)?;
        // 40 + 16 bits.
        let charge = Cents::new(price.get() * u64::from(units(item.quantity.as_ref())));
        return charge.ok_or_else(|| entry.refuse("item[0].unitPrice", "the charge is out of range"));
    }
    match &claim.total {
        Some(total) => cents(entry, "total", total),
        None => Err(entry.refuse("item[0].net", "the charge is missing")),
    }
}

fn cents(entry: &Entry, path: &str, money: &Money) -> Result<Cents, Refusal> {
    if money.currency.as_deref() != Some(CURRENCY) {
        return Err(entry.refuse(&format!("{path}.currency"), format!("expected `{CURRENCY}`")));
    }
    let path = format!("{path}.value");
    let value = money.value.as_ref();
    let value = value.ok_or_else(|| entry.refuse(&path, "the amount is missing"))?;
    let cents = value.to_cents().map_err(|e| entry.refuse(&path, e))?;
    Cents::new(cents).ok_or_else(|| entry.refuse(&path, "the amount is out of range"))
}

/// The days of a period whose start is known. Partial dates take the bound that shortens it.
pub(super) fn days(period: Option<&Period>) -> Option<Days> {
    let period = period?;
    let start = period.start?.last().to_day();
    Some((start, period.end.map_or(Day::OPEN, |e| e.first().to_end())))
}

fn provider(practitioner: &Practitioner) -> FiledProvider {
    let npi = practitioner.identifier.iter().find_map(|i| {
        let named = i.system.as_deref() == Some(Npi::URI);
        i.value.as_deref().filter(|_| named)?.parse().ok()
    });
    // Where some qualification says that it is a privilege, only those count.
    let says = |q: &&crate::fhir::Qualification| {
        let text = q.code.as_ref().and_then(|c| c.text.as_deref());
        text.is_some_and(|t| t.trim().eq_ignore_ascii_case("privileges"))
    };
    let all = &practitioner.qualification;
    let any = all.iter().any(|q| says(&q));
    let privileges = all.iter().filter(|q| !any || says(q));
    let privileges = privileges.filter_map(|q| days(q.period.as_ref())).collect();
    FiledProvider {
        npi,
        privileges: match practitioner.active {
            Some(false) => Vec::new(),
            _ => privileges,
        },
    }
}

fn practitioner<'a>(bundle: &'a Bundle, reference: Option<&Reference>) -> Option<&'a Practitioner> {
    match &bundle.resolve(reference?)?.resource {
        Resource::Practitioner(practitioner) => Some(practitioner),
        _ => None,
    }
}

type RenderedBy<'a> = (Option<Rendered>, Option<&'a Practitioner>);

/// The procedure that the claim is about (of several, the one of its code and day), and the practitioner
/// who claims: the claim's provider, or the performer where the claim names an organisation.
fn rendered<'a>(
    bundle: &'a Bundle,
    patient: &Entry,
    claim: &Claim,
    claimed: &[Code],
    claimed_day: Option<Day>,
) -> Result<RenderedBy<'a>, Refusal> {
    let claimant = practitioner(bundle, claim.provider.as_ref());
    let mut best: Option<(u8, Rendered, &Procedure)> = None;
    for (entry, procedure) in bundle.procedures() {
        let procedures = codes(entry, "code", procedure.code.as_ref())?;
        let date = procedure.performed_date_time;
        let day = one_day(entry, "performed", date, procedure.performed_period.as_ref())?;
        let Some(day) = day else { continue };
        let mut diagnoses = Vec::new();
        for (i, reason) in procedure.reason_code.iter().enumerate() {
            let path = format!("reasonCode[{i}]");
            add(&mut diagnoses, codes(entry, &path, Some(reason))?, entry, &path)?;
        }
        for reference in &procedure.reason_reference {
            let path = "reasonReference";
            let codes = reasons(bundle, entry, path, None, Some(reference))?;
            add(&mut diagnoses, codes, entry, path)?;
        }
        let done = procedure.status.as_deref() == Some("completed");
        let own = bundle.is_patient(procedure.subject.as_ref(), patient);
        let fit = u8::from(procedures.iter().any(|p| claimed.contains(p)))
            + u8::from(claimed_day == Some(day))
            + u8::from(done && own);
        let found = Rendered {
            holds: done && own,
            procedures,
            diagnoses,
            day,
            source: fr_from_248(&entry.digest),
        };
        if best.as_ref().is_none_or(|(before, ..)| *before < fit) {
            best = Some((fit, found, procedure));
        }
    }
    let Some((_, mut rendered, procedure)) = best else {
        return Ok((None, claimant));
    };
    let mut performers = procedure
        .performer
        .iter()
        .filter_map(|p| practitioner(bundle, p.actor.as_ref()));
    let by = match claimant {
        // The claim's provider must be among those who did it.
        Some(claimant) => performers.find(|p| std::ptr::eq(*p, claimant)),
        None => performers.next(),
    };
    rendered.holds &= by.is_some();
    Ok((Some(rendered), claimant.or(by)))
}
