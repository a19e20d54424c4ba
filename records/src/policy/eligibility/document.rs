//! The TOML form of an eligibility policy. Unknown fields are refused.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The schema that a policy names.
pub const SCHEMA: &str = "medproof/eligibility/1";
/// The snapshot scope when `source.scope` is absent.
pub(super) const DEFAULT_SCOPE: &str = "clinical-summary";

/// A policy file as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// [`SCHEMA`].
    pub schema: String,
    /// The policy's name.
    pub id: String,
    /// The policy's version.
    pub version: String,
    /// Criteria that records cannot show, printed with every explanation.
    #[serde(default)]
    pub not_covered: Vec<String>,
    /// Party id of the sponsor.
    pub sponsor: String,
    /// Domain of the identity leaf and of the record issuers.
    pub identity_domain: String,
    /// Inside which a person is screened once.
    pub uniqueness_scope: String,
    /// What the snapshot must hold.
    pub source: Source,
    /// Codes (`system|code`) and prefixes (`system|code.*`).
    #[serde(default)]
    pub valueset: BTreeMap<String, Vec<String>>,
    /// What is asked.
    pub atom: BTreeMap<String, AtomDocument>,
    /// How the atoms are joined.
    pub rule: Rule,
}

/// What the snapshot must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Scope of the snapshot; `clinical-summary` when absent.
    pub scope: Option<String>,
    /// Categories that the snapshot covers.
    pub categories: Vec<String>,
    /// Greatest age of the snapshot in days.
    pub freshness_days: u16,
}

/// The formula.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// Atoms joined by `and`, `or`, `not` and parentheses.
    pub eligible: String,
}

/// One atom as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AtomDocument {
    /// Age by the birthday rule.
    Age {
        /// Least age in years, inclusive.
        min_years: Option<u16>,
        /// Greatest age in years: lasts until the day before the next birthday.
        max_years: Option<u16>,
    },
    /// Recorded sex.
    Sex {
        /// `female`, `male` or `other`.
        is: String,
    },
    /// Alive.
    Alive {},
    /// At least `at_least` matches (1 when absent).
    Exists {
        /// Where to look.
        category: String,
        /// What to look for.
        valueset: String,
        /// Least number of matches.
        at_least: Option<u16>,
        /// Clinical status of a condition; a parent code stands for its children too.
        clinical: Option<Vec<String>>,
        /// Verification status of a condition or allergy.
        verification: Option<Vec<String>>,
        /// Days before the date in which a match must start, inclusive.
        within_days: Option<u16>,
        /// Code systems of which every code is listed.
        #[serde(default)]
        total: Vec<String>,
    },
    /// The latest value lies in a range.
    Latest(RangeDocument),
    /// Some value lies in a range.
    Any(RangeDocument),
}

/// A range of laboratory values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeDocument {
    /// What to look for.
    pub valueset: String,
    /// The only unit that is compared.
    pub unit: String,
    /// Least value, inclusive.
    pub min: Option<String>,
    /// Greatest value, inclusive.
    pub max: Option<String>,
    /// Bound that values must exceed.
    pub above: Option<String>,
    /// Bound that values must stay under.
    pub below: Option<String>,
    /// Days before the date in which the value must lie, inclusive.
    pub within_days: Option<u16>,
    /// Code systems of which every code is listed.
    #[serde(default)]
    pub total: Vec<String>,
}

impl AtomDocument {
    /// The value set that the atom looks for.
    pub(super) fn valueset(&self) -> Option<&str> {
        match self {
            Self::Exists { valueset, .. } => Some(valueset),
            Self::Latest(range) | Self::Any(range) => Some(&range.valueset),
            _ => None,
        }
    }

    /// The systems that the atom calls total.
    pub(super) fn total(&self) -> &[String] {
        match self {
            Self::Exists { total, .. } => total,
            Self::Latest(range) | Self::Any(range) => &range.total,
            _ => &[],
        }
    }
}
