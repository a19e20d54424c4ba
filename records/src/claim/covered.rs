//! What a bundle says about a member's coverage.

use super::{Days, MemberId, bundle::days};
use crate::fhir::{Bundle, Claim, Coverage, Entry, Refusal, Resource};

/// The coverage that a claim names.
pub struct FiledCoverage {
    /// Active, and the patient's.
    pub holds: bool,
    /// The plan that the coverage names, if it names one.
    pub plan: Option<String>,
    /// The member.
    pub member: MemberId,
    /// When it covers; `None` when its start is not known.
    pub period: Option<Days>,
}

impl FiledCoverage {
    /// Reads the only coverage of a bundle, as a payer has it before there is any claim.
    ///
    /// # Errors
    /// [`Refusal`] naming the resource and the field: no coverage or several, no member.
    pub fn read(bundle: &Bundle) -> Result<Self, Refusal> {
        let (patient, _) = bundle.patient()?;
        let refuse = |reason| Refusal::new("Bundle", "Bundle.entry.resource.ofType(Coverage)", reason);
        let mut found = bundle.coverages();
        let (entry, coverage) = found.next().ok_or_else(|| refuse("there is no Coverage"))?;
        if found.next().is_some() {
            return Err(refuse("there is more than one Coverage"));
        }
        stated(bundle, patient, entry, coverage)
    }
}

/// The coverage that a claim names; `None` when it names none that is there.
pub(super) fn coverage(
    bundle: &Bundle,
    patient: &Entry,
    claim: &Claim,
) -> Result<Option<FiledCoverage>, Refusal> {
    let focal = claim.insurance.iter().find(|i| i.focal == Some(true));
    let named = focal.or(claim.insurance.first());
    let found = named.and_then(|i| bundle.resolve(i.coverage.as_ref()?));
    let Some((entry, coverage)) = found.and_then(|entry| match &entry.resource {
        Resource::Coverage(coverage) => Some((entry, coverage)),
        _ => None,
    }) else {
        return Ok(None);
    };
    let mut found = stated(bundle, patient, entry, coverage)?;
    found.holds &= bundle.is_patient(claim.patient.as_ref(), patient);
    Ok(Some(found))
}

/// What a coverage states.
fn stated(
    bundle: &Bundle,
    patient: &Entry,
    entry: &Entry,
    coverage: &Coverage,
) -> Result<FiledCoverage, Refusal> {
    let plan = coverage.class.iter().find(|c| {
        let kind = c.r#type.as_ref();
        kind.is_some_and(|t| t.has_code("plan"))
    });
    let own = bundle.is_patient(coverage.beneficiary.as_ref(), patient);
    Ok(FiledCoverage {
        holds: own && coverage.status.as_deref() == Some("active"),
        plan: plan.and_then(|c| c.value.clone()),
        member: member(entry, coverage)?,
        period: days(coverage.period.as_ref()),
    })
}

fn member(entry: &Entry, coverage: &Coverage) -> Result<MemberId, Refusal> {
    let identifier = coverage.identifier.iter().find_map(|i| i.value.as_deref());
    let text = coverage.subscriber_id.as_deref().or(identifier);
    let text = text.ok_or_else(|| entry.refuse("subscriberId", "the member is missing"))?;
    crate::code::trim(text)
        .parse()
        .map_err(|e| entry.refuse("subscriberId", e))
}
