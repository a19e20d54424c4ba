//! Bundles: parsing, typed entries, references.

use super::path::{Refusal, fhir_path};
use super::resource::*;
use super::types::{CodeableConcept, Reference};
use super::{FhirError, MAX_BUNDLE_BYTES, MAX_ENTRIES, MAX_LIST};
use crate::code::{shown, trim};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

macro_rules! resources {
    ($($name:ident, $list:ident;)*) => {
        const USED: &[&str] = &[$(stringify!($name)),*];

        /// A resource of a type that is used.
        #[derive(Clone)]
        pub enum Resource { $(#[doc = concat!("A [`", stringify!($name), "`](crate::fhir::", stringify!($name), ").")] $name(Box<$name>),)* }

        impl Resource {
            /// The FHIR type.
            pub fn resource_type(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The logical id.
            pub fn id(&self) -> Option<&str> {
                match self { $(Self::$name(r) => r.id.as_deref(),)* }
            }

            fn parse(resource_type: &str, label: &str, value: Value) -> Result<Option<Self>, Refusal> {
                Ok(Some(match resource_type {
                    $(stringify!($name) => Self::$name(Box::new(typed(resource_type, label, value)?)),)*
                    _ => return Ok(None),
                }))
            }
        }

        impl Bundle {
            $(#[doc = concat!("The bundle's resources of type ", stringify!($name), ", in order, with their entries.")]
            pub fn $list(&self) -> impl Iterator<Item = (&Entry, &$name)> {
                self.entries.iter().filter_map(|e| match &e.resource {
                    Resource::$name(r) => Some((e, &**r)),
                    _ => None,
                })
            })*
        }
    };
}

resources! {
    Patient, patients;
    Condition, conditions;
    Observation, observations;
    MedicationRequest, medication_requests;
    MedicationDispense, medication_dispenses;
    MedicationStatement, medication_statements;
    Medication, medications;
    Procedure, procedures;
    Immunization, immunizations;
    AllergyIntolerance, allergies;
    Coverage, coverages;
    Practitioner, practitioners;
    Claim, claims;
    ClaimResponse, claim_responses;
}

/// A resource in a bundle.
#[derive(Clone)]
pub struct Entry {
    /// The entry's URL.
    pub full_url: Option<String>,
    /// The resource.
    pub resource: Resource,
    /// SHA-256 of the resource's canonical JSON: keys sorted, no white space, numbers as written.
    pub digest: [u8; 32],
}

impl Entry {
    /// Type and id for messages, such as `Observation/abc`.
    pub fn label(&self) -> String {
        label(
            self.resource.resource_type(),
            self.resource.id(),
            self.full_url.as_deref(),
        )
    }

    /// A refusal of a field of this resource; `path` is FHIRPath without the type, such as `quantity.value`.
    pub fn refuse(&self, path: &str, reason: impl std::fmt::Display) -> Refusal {
        let resource_type = self.resource.resource_type();
        Refusal::new(self.label(), format!("{resource_type}.{path}"), reason)
    }
}

/// A parsed bundle.
#[derive(Clone, Default)]
pub struct Bundle {
    entries: Vec<Entry>,
    ignored: BTreeMap<String, usize>,
    duplicates: usize,
    by_url: HashMap<String, usize>,
    by_id: HashMap<(&'static str, String), usize>,
    /// `None` where two types share an id.
    by_bare_id: HashMap<String, Option<usize>>,
}

impl Bundle {
    /// Parses a FHIR R4 bundle, or one resource as a bundle of one.
    ///
    /// # Errors
    /// [`FhirError`]: too large, not JSON, or a used field of the wrong form, named by resource and FHIRPath.
    pub fn parse(bytes: &[u8]) -> Result<Self, FhirError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(FhirError::TooLarge(bytes.len()));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut root: Value = serde_json::from_slice(bytes).map_err(|e| FhirError::NotJson(e.to_string()))?;
        let mut bundle = Self::default();
        if resource_type(&root).ok_or_else(|| FhirError::NotAResource(String::new()))? != "Bundle" {
            bundle.add(None, root)?;
            return Ok(bundle);
        }
        let entries = match root.get_mut("entry").map(Value::take) {
            None => Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(Refusal::new("Bundle", "Bundle.entry", "expected a list").into()),
        };
        if entries.len() > MAX_ENTRIES {
            return Err(FhirError::TooManyEntries(entries.len()));
        }
        for (i, mut entry) in entries.into_iter().enumerate() {
            let full_url = entry.get("fullUrl").and_then(Value::as_str).map(str::to_owned);
            match entry.get_mut("resource").map(Value::take) {
                // An entry may hold only a request or a response.
                None | Some(Value::Null) => *bundle.ignored.entry("(no resource)".into()).or_default() += 1,
                Some(resource) if resource_type(&resource).is_none() => {
                    return Err(FhirError::NotAResource(format!(" in Bundle.entry[{i}].resource")));
                }
                Some(resource) => bundle.add(full_url, resource)?,
            }
        }
        Ok(bundle)
    }

    fn add(&mut self, full_url: Option<String>, resource: Value) -> Result<(), FhirError> {
        let kind = resource_type(&resource).unwrap_or_default().to_owned();
        let id = resource.get("id").and_then(Value::as_str);
        let label = label(&kind, id, full_url.as_deref());
        if !is_used(&kind) {
            *self.ignored.entry(shown(&kind)).or_default() += 1;
            return Ok(());
        }
        let mut hasher = Sha256::new();
        canonical(&resource, &mut hasher, &mut String::new())
            .map_err(|(path, why)| Refusal::new(&label, fhir_path(&kind, &path), why))?;
        let digest: [u8; 32] = hasher.finalize().into();
        let Some(resource) = Resource::parse(&kind, &label, resource)? else {
            return Ok(());
        };
        let at = self.entries.len();
        let key = resource.id().map(|id| (resource.resource_type(), id.to_owned()));
        let known = key.as_ref().and_then(|key| self.by_id.get(key));
        let known = known.or_else(|| full_url.as_ref().and_then(|url| self.by_url.get(url)));
        if let Some(&known) = known {
            if self.entries[known].digest == digest {
                self.duplicates += 1;
                return Ok(());
            }
            let reason = "two different resources have this id or fullUrl";
            return Err(Refusal::new(label, format!("{kind}.id"), reason).into());
        }
        if let Some(key) = key {
            let bare = self.by_bare_id.entry(key.1.clone());
            bare.and_modify(|at| *at = None).or_insert(Some(at));
            self.by_id.insert(key, at);
        }
        if let Some(url) = &full_url {
            self.by_url.insert(url.clone(), at);
        }
        self.entries.push(Entry {
            full_url,
            resource,
            digest,
        });
        Ok(())
    }

    /// The resources of used types, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many resources of other types were ignored, by type.
    pub fn ignored(&self) -> &BTreeMap<String, usize> {
        &self.ignored
    }

    /// How many resources were there a second time, word for word, and are counted once.
    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// The entry that a reference points to, with or without a version: by fullUrl; `urn:uuid:` also by the id
    /// alone; `Type/id` by type and id; an absolute URL likewise when the entry's own fullUrl is no absolute URL.
    pub fn resolve(&self, reference: &Reference) -> Option<&Entry> {
        let text = trim(reference.reference.as_deref()?);
        let text = text.split_once("/_history/").map_or(text, |(before, _)| before);
        if let Some(at) = self.by_url.get(text) {
            return self.entries.get(*at);
        }
        if let Some(id) = text.strip_prefix("urn:uuid:") {
            return self.entries.get((*self.by_bare_id.get(id)?)?);
        }
        let (rest, id) = text.rsplit_once('/')?;
        let kind = rest.rsplit_once('/').map_or(rest, |(_, kind)| kind);
        let kind = USED.iter().find(|used| **used == kind)?;
        let entry = self.entries.get(*self.by_id.get(&(*kind, id.to_owned()))?)?;
        let absolute = |url: &str| url.contains("://");
        let elsewhere = absolute(text) && entry.full_url.as_deref().is_some_and(absolute);
        (!elsewhere).then_some(entry)
    }

    /// The only patient of the bundle.
    ///
    /// # Errors
    /// [`Refusal`] when there is none or more than one.
    pub fn patient(&self) -> Result<(&Entry, &Patient), Refusal> {
        let mut patients = self.patients();
        let refuse = |reason| Refusal::new("Bundle", "Bundle.entry.resource.ofType(Patient)", reason);
        let first = patients.next().ok_or_else(|| refuse("there is no Patient"))?;
        match patients.next() {
            None => Ok(first),
            Some(_) => Err(refuse("there is more than one Patient")),
        }
    }

    /// Whether a reference is to this patient. A reference that is absent, or that points to nothing in the
    /// bundle, is not.
    pub fn is_patient(&self, reference: Option<&Reference>, patient: &Entry) -> bool {
        let found = reference.and_then(|r| self.resolve(r));
        found.is_some_and(|e| std::ptr::eq(e, patient))
    }

    /// The concept of a drug: its code, or that of the contained or referenced medication.
    pub fn medication<'a>(
        &'a self,
        concept: Option<&'a CodeableConcept>,
        reference: Option<&'a Reference>,
        contained: &'a [Contained],
    ) -> Option<&'a CodeableConcept> {
        if concept.is_some() {
            return concept;
        }
        let reference = reference?;
        if let Some(local) = reference
            .reference
            .as_deref()
            .and_then(|r| trim(r).strip_prefix('#'))
        {
            let inside = contained.iter().find(|c| c.id.as_deref() == Some(local))?;
            return inside.code.as_ref();
        }
        match &self.resolve(reference)?.resource {
            Resource::Medication(medication) => medication.code.as_ref(),
            _ => None,
        }
    }
}

const TOO_LONG: &str = "the list has more than 1000 items";
const MODIFIER: &str = "it may change the meaning of the resource, and none is understood";
/// Elements that may turn the meaning of a resource round.
const MODIFIERS: [&str; 2] = ["modifierExtension", "implicitRules"];

fn is_used(kind: &str) -> bool {
    USED.contains(&kind)
}

fn resource_type(value: &Value) -> Option<&str> {
    value.get("resourceType").and_then(Value::as_str)
}

fn label(kind: &str, id: Option<&str>, full_url: Option<&str>) -> String {
    match id.or(full_url) {
        Some(id) => format!("{}/{}", shown(kind), shown(id)),
        None => shown(kind),
    }
}

fn typed<T: DeserializeOwned>(kind: &str, label: &str, value: Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let path = e.path().to_string();
        let path = if path == "." { "" } else { &path };
        Refusal::new(label, fhir_path(kind, path), e.inner())
    })
}

/// Feeds the canonical JSON to the hash. The error is the JSON path of a list that is too long, or of an element
/// that may turn the meaning round, and what is wrong with it.
fn canonical(value: &Value, hasher: &mut Sha256, path: &mut String) -> Result<(), (String, &'static str)> {
    match value {
        Value::Array(items) => {
            if items.len() > MAX_LIST {
                return Err((path.clone(), TOO_LONG));
            }
            hasher.update("[");
            for (i, item) in items.iter().enumerate() {
                hasher.update(if i == 0 { "" } else { "," });
                canonical(item, hasher, path)?;
            }
            hasher.update("]");
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            hasher.update("{");
            for (i, key) in keys.into_iter().enumerate() {
                hasher.update(if i == 0 { "" } else { "," });
                hasher.update(Value::String(key.clone()).to_string());
                hasher.update(":");
                let length = path.len();
                path.push('.');
                path.push_str(key);
                let said = fields[key].as_array().is_none_or(|items| !items.is_empty());
                if MODIFIERS.contains(&key.as_str()) && said {
                    return Err((path.clone(), MODIFIER));
                }
                canonical(&fields[key], hasher, path)?;
                path.truncate(length);
            }
            hasher.update("}");
        }
        scalar => hasher.update(scalar.to_string()),
    }
    Ok(())
}
