//! Refusals that name the resource and the FHIRPath.

use std::fmt;

/// Longest reason in a message, in characters.
const MAX_REASON: usize = 200;

/// Elements that may have several types: `valueQuantity` is `value.ofType(Quantity)` in FHIRPath.
const CHOICES: [&str; 14] = [
    "value",
    "effective",
    "onset",
    "abatement",
    "medication",
    "performed",
    "occurrence",
    "deceased",
    "serviced",
    "asNeeded",
    "reported",
    "diagnosis",
    "procedure",
    "multipleBirth",
];
/// Types that a choice element has in the structs that are read.
const TYPES: [&str; 16] = [
    "Quantity",
    "CodeableConcept",
    "Reference",
    "Period",
    "DateTime",
    "Date",
    "Boolean",
    "Integer",
    "String",
    "Instant",
    "Time",
    "Range",
    "Ratio",
    "Age",
    "SampledData",
    "Timing",
];

/// A field of a resource that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// Type and id, such as `Observation/abc`.
    pub resource: String,
    /// FHIRPath, such as `Observation.value.ofType(Quantity).value`.
    pub path: String,
    /// What is wrong and what was expected.
    pub reason: String,
}

impl Refusal {
    /// A refusal of the field at `path` (FHIRPath from the resource type on).
    pub fn new(resource: impl Into<String>, path: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self {
            resource: resource.into(),
            path: path.into(),
            reason: reason.to_string().chars().take(MAX_REASON).collect(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.resource, self.path, self.reason)
    }
}

/// The FHIRPath of a JSON path such as `component[1].valueQuantity.value`.
pub(super) fn fhir_path(resource_type: &str, json_path: &str) -> String {
    let mut out = resource_type.to_owned();
    for segment in json_path.split('.').filter(|s| !s.is_empty()) {
        let (name, index) = match segment.split_once('[') {
            Some((name, index)) => (name, Some(index)),
            None => (segment, None),
        };
        out.push('.');
        out.push_str(&of_type(name));
        if let Some(index) = index {
            out.push('[');
            out.push_str(index);
        }
    }
    out
}

fn of_type(name: &str) -> String {
    let choice = CHOICES.iter().find_map(|choice| {
        let kind = name.strip_prefix(choice)?;
        TYPES.contains(&kind).then_some((choice, kind))
    });
    match choice {
        Some((choice, kind)) => {
            let primitive = matches!(
                kind,
                "DateTime" | "Date" | "Boolean" | "Integer" | "String" | "Instant" | "Time"
            );
            let mut kind = kind.to_owned();
            if primitive {
                kind[..1].make_ascii_lowercase();
            }
            format!("{choice}.ofType({kind})")
        }
        None => name.to_owned(),
    }
}
