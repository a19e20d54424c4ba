//! Prior authorisations: which are in force for a claim's line.

use super::{Authorised, codes, days, units};
use crate::code::Code;
use crate::fhir::{Adjudication, Bundle, Claim, ClaimItem, ClaimResponse, Entry, Refusal, Resource};
use medproof_verifier::field::fr_from_248;

/// Parts of the words by which an adjudication denies: deny, denied, denial, reject, not certified, not approved.
const DENIAL: [&str; 5] = ["deny", "deni", "reject", "not certified", "not approved"];

/// Authorisations that are in force, numbered, approved, for the patient and for the claim's line.
pub(super) fn in_force(
    bundle: &Bundle,
    patient: &Entry,
    (claim, item): (&Entry, &ClaimItem),
    procedures: &[Code],
    claimed_units: u16,
) -> Result<Vec<Authorised>, Refusal> {
    let mut found = Vec::new();
    for (entry, response) in bundle.claim_responses() {
        let number = response.pre_auth_ref.as_deref().map(str::trim);
        let given = response.status.as_deref() == Some("active")
            && response.r#use.as_deref() == Some("preauthorization")
            && response.outcome.as_deref() == Some("complete")
            && number.is_some_and(|number| !number.is_empty())
            && bundle.is_patient(response.patient.as_ref(), patient);
        let Some(period) = days(response.pre_auth_period.as_ref()).filter(|_| given) else {
            continue;
        };
        let source = fr_from_248(&entry.digest);
        match answered(bundle, response, claim) {
            Some(Answered::Request(request_entry, request)) => {
                for (i, asked) in request.item.iter().enumerate() {
                    if approves(response, asked) {
                        let path = format!("item[{i}].productOrService");
                        let concept = asked.product_or_service.as_ref();
                        found.push(Authorised {
                            procedures: codes(request_entry, &path, concept)?,
                            units: units(asked.quantity.as_ref()),
                            period,
                            source,
                        });
                    }
                }
            }
            Some(Answered::Claim) if approves(response, item) => found.push(Authorised {
                procedures: procedures.to_vec(),
                units: claimed_units,
                period,
                source,
            }),
            Some(Answered::Claim) | None => {}
        }
    }
    Ok(found)
}

/// Whose lines an answer numbers.
enum Answered<'a> {
    /// Those of the claim itself.
    Claim,
    /// Those of a request for authorisation.
    Request(&'a Entry, &'a Claim),
}

/// Whose lines an answer numbers: the claim's if it names no request or the claim itself, else those of its
/// own request. `None` if that is not in the bundle: its lines may be about anything.
fn answered<'a>(bundle: &'a Bundle, response: &ClaimResponse, claim: &Entry) -> Option<Answered<'a>> {
    let Some(reference) = &response.request else {
        return Some(Answered::Claim);
    };
    let entry = bundle.resolve(reference)?;
    match &entry.resource {
        _ if std::ptr::eq(entry, claim) => Some(Answered::Claim),
        Resource::Claim(request) if request.r#use.as_deref() == Some("preauthorization") => {
            Some(Answered::Request(entry, request))
        }
        _ => None,
    }
}

/// Whether an answer has a line for this one, and none that denies it.
fn approves(response: &ClaimResponse, item: &ClaimItem) -> bool {
    let mut lines = response
        .item
        .iter()
        .filter(|line| item.sequence.is_some() && line.item_sequence == item.sequence)
        .peekable();
    lines.peek().is_some() && !lines.any(|line| line.adjudication.iter().any(denies))
}

/// Whether a decision's category or reason speaks of a denial, in a code or in its text.
fn denies(decision: &Adjudication) -> bool {
    [&decision.category, &decision.reason]
        .into_iter()
        .flatten()
        .flat_map(|concept| {
            let codes = concept.coding.iter().filter_map(|c| c.code.as_deref());
            codes.chain(concept.text.as_deref())
        })
        .map(str::to_ascii_lowercase)
        .any(|text| DENIAL.iter().any(|word| text.contains(word)))
}
