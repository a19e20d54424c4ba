//! FHIR to records: what each resource of one patient becomes, within a scope and as of a day
//! (`docs/records.md`).
//!
//! A resource that cannot be represented truthfully refuses the import, since leaving it out would turn "not known"
//! into "not there". Whatever is left out or kept with less than it said is reported by resource and FHIRPath.

mod choice;
mod clinical;
mod medication;
#[cfg(test)]
mod tests;

pub use choice::practitioner_npi;
pub use clinical::is_laboratory;

use crate::fhir::{Bundle, Entry, Refusal, Resource};
use crate::record::{Category, Record};
use medproof_verifier::Day;
use std::collections::BTreeMap;
use std::fmt;

/// Days that the default scope looks back.
pub const LOOK_BACK_DAYS: u16 = 365;

/// Most records and remarks of an import, together.
pub const MAX_IMPORTED: usize = 50_000;

/// Which records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Mask of categories.
    pub categories: u16,
    /// What the source knew on this day: whatever starts later is left out.
    pub as_of: Day,
    /// How many days before `as_of` laboratory values and medications that are no longer active reach back; `None`
    /// for all.
    pub look_back: Option<u16>,
}

impl Scope {
    /// The default scope, `clinical-summary`: demographics, all conditions ever, medications active or of the last
    /// 365 days, laboratory values of the last 365 days.
    pub fn clinical_summary(as_of: Day) -> Self {
        let categories = [
            Category::Demographics,
            Category::Condition,
            Category::Laboratory,
            Category::Medication,
        ];
        Self {
            categories: categories.iter().fold(0, |mask, c| mask | c.bit()),
            as_of,
            look_back: Some(LOOK_BACK_DAYS),
        }
    }

    /// Everything that is imported, however old.
    pub fn everything(as_of: Day) -> Self {
        Self {
            categories: u16::MAX,
            as_of,
            look_back: None,
        }
    }

    /// Whether the scope has a category.
    pub fn covers(&self, category: Category) -> bool {
        self.categories & category.bit() != 0
    }

    /// First day to which the scope looks back; day 0 when it has no limit.
    fn from(&self) -> Day {
        let days = self.look_back.unwrap_or(u16::MAX);
        Day(self.as_of.0.saturating_sub(days))
    }

    /// Whether a record belongs to the scope. `active` says that the source calls a medication active (or does not
    /// tell). An unknown start (day 0) is inside: it may be recent.
    pub fn holds(&self, record: &Record, active: bool) -> bool {
        let category = record.kind.category();
        if !self.covers(category) || record.start > self.as_of {
            return false;
        }
        if self.look_back.is_none() {
            return true;
        }
        let from = self.from();
        let recent = record.start == Day(0) || record.start >= from;
        match category {
            Category::Laboratory => recent,
            Category::Medication => {
                let supplied = u32::from(record.start.0) + u32::from(record.days) > u32::from(from.0);
                let ended_in_it = record.end != Day::OPEN && record.end >= from;
                recent || active || supplied || ended_in_it
            }
            _ => true,
        }
    }
}

/// What happened to a resource or to a field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Type and id.
    pub resource: String,
    /// FHIRPath.
    pub path: String,
    /// What was done.
    pub what: What,
}

/// Why something of the source is not in the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Another person's resource: left out.
    OtherSubject,
    /// Outside the scope's categories: left out.
    OutsideCategories,
    /// Older than the scope reaches: left out.
    TooOld,
    /// Starts after the day of the import: left out.
    AfterAsOf,
    /// Not a laboratory observation: left out.
    NotLaboratory,
    /// No coding of a system that is packed: kept with the code `absent`.
    NoPackedCode,
    /// A value or quantity that the field cannot hold: kept without it.
    Dropped(String),
    /// Partial date: kept without a start, which no window can tell.
    DayUnknown,
}

impl What {
    /// Whether the resource is among the records all the same.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::NoPackedCode | Self::Dropped(_) | Self::DayUnknown)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSubject => f.write_str("left out: another person's"),
            Self::OutsideCategories => f.write_str("left out: outside the scope's categories"),
            Self::TooOld => f.write_str("left out: older than the scope reaches"),
            Self::AfterAsOf => f.write_str("left out: starts after the day of the import"),
            Self::NotLaboratory => f.write_str("left out: not a laboratory observation"),
            Self::NoPackedCode => f.write_str("kept with the code `absent`: no coding of a packed system"),
            Self::Dropped(why) => write!(f, "kept without it: {why}"),
            Self::DayUnknown => f.write_str("kept without its day: the date is partial"),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.resource, self.path, self.what)
    }
}

/// Records of one patient with what was not taken over.
#[derive(Clone, Default)]
pub struct Import {
    /// The records, demographics first, then in the bundle's order.
    pub records: Vec<Record>,
    /// What was left out or kept with less.
    pub remarks: Vec<Remark>,
    /// Resources of types that are not used, by type.
    pub ignored: BTreeMap<String, usize>,
}

impl Import {
    fn remark(&mut self, entry: &Entry, path: &str, what: What) {
        let resource_type = entry.resource.resource_type();
        let path = if path.is_empty() {
            resource_type.to_owned()
        } else {
            format!("{resource_type}.{path}")
        };
        self.remarks.push(Remark {
            resource: entry.label(),
            path,
            what,
        });
    }

    /// Takes a record over if it is in scope; otherwise says why not.
    fn take(&mut self, entry: &Entry, scope: &Scope, draft: Draft) {
        if scope.holds(&draft.record, draft.active) {
            self.records.push(draft.record);
        } else if draft.record.start > scope.as_of {
            self.remark(entry, draft.date_path, What::AfterAsOf);
        } else {
            self.remark(entry, draft.date_path, What::TooOld);
        }
    }
}

/// A record before the scope is applied.
struct Draft {
    record: Record,
    /// Whether the source calls a medication active, or does not tell.
    active: bool,
    /// Where the start comes from.
    date_path: &'static str,
}

/// Imports the records of the bundle's only patient.
///
/// # Errors
/// [`Refusal`], naming resource and FHIRPath: no patient or several, a resource without a subject, a code that its
/// system does not have, more than [`MAX_IMPORTED`] records.
pub fn import(bundle: &Bundle, scope: &Scope) -> Result<Import, Refusal> {
    let (owner, patient) = bundle.patient()?;
    let mut out = Import {
        ignored: bundle.ignored().clone(),
        ..Import::default()
    };
    if scope.covers(Category::Demographics) {
        out.records
            .push(clinical::demographics(owner, patient, scope.as_of));
    }
    for entry in bundle.entries() {
        let Some((category, subject, path)) = clinical::subject(&entry.resource) else {
            continue;
        };
        if !scope.covers(category) {
            out.remark(entry, "", What::OutsideCategories);
            continue;
        }
        if matches!(&entry.resource, Resource::Observation(o) if !clinical::is_laboratory(o)) {
            out.remark(entry, "category", What::NotLaboratory);
            continue;
        }
        let Some(subject) = subject else {
            return Err(entry.refuse(path, "missing: whose record this is cannot be told"));
        };
        if !bundle.is_patient(Some(subject), owner) {
            out.remark(entry, path, What::OtherSubject);
            continue;
        }
        match &entry.resource {
            Resource::Condition(r) => clinical::condition(&mut out, scope, entry, r)?,
            Resource::Observation(r) => clinical::observation(&mut out, scope, entry, r)?,
            Resource::Procedure(r) => clinical::procedure(&mut out, scope, bundle, entry, r)?,
            Resource::Immunization(r) => clinical::immunisation(&mut out, scope, bundle, entry, r)?,
            Resource::AllergyIntolerance(r) => clinical::allergy(&mut out, scope, entry, r)?,
            Resource::MedicationRequest(r) => medication::request(&mut out, scope, bundle, entry, r)?,
            Resource::MedicationDispense(r) => medication::dispense(&mut out, scope, bundle, entry, r)?,
            Resource::MedicationStatement(r) => medication::statement(&mut out, scope, bundle, entry, r)?,
            _ => {}
        }
        if out.records.len() + out.remarks.len() > MAX_IMPORTED {
            let reason = format!("more than {MAX_IMPORTED} records and remarks; split the bundle");
            return Err(Refusal::new("Bundle", "Bundle.entry", reason));
        }
    }
    Ok(out)
}
