//! The TOML form of a dispensing policy. Unknown fields are refused.

use serde::{Deserialize, Deserializer, de};

/// The schema that a policy names.
pub const SCHEMA: &str = "medproof/dispensing/1";

/// A policy file as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) schema: String,
    pub(super) id: String,
    pub(super) version: String,
    pub(super) domain: String,
    #[serde(default)]
    pub(super) not_covered: Vec<String>,
    pub(super) drug_table: DrugTable,
    pub(super) history: History,
    #[serde(default, rename = "class")]
    pub(super) classes: Vec<Class>,
}

/// Where the drugs are listed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrugTable {
    pub(super) file: String,
    pub(super) unknown_code: UnknownCode,
}

/// What an unlisted drug means. There is one answer; it is written down so that nobody assumes another.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnknownCode {
    Unprovable,
}

/// Which history counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    pub(super) not_counted: Vec<String>,
}

/// The rules of a class.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) mme_per_day: Option<Bound>,
    pub(super) quantity: Option<Window>,
    pub(super) fills: Option<Window>,
    pub(super) first_fill: Option<FirstFill>,
    pub(super) refill: Option<Refill>,
    pub(super) exempt: Option<Exempt>,
}

/// An upper bound.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bound {
    pub(super) op: Op,
    pub(super) value: Number,
}

/// How a bound is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Op {
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = "<")]
    Below,
}

/// A limit over the days up to the date, the date included.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) window_days: u32,
    pub(super) max: Number,
}

/// What counts as a first fill, and how long it may last.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstFill {
    pub(super) lookback_days: u32,
    pub(super) max_days: u32,
}

/// How much of earlier fills must be used up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refill {
    pub(super) used_percent_min: u32,
}

/// What waives the limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exempt {
    pub(super) conditions: Vec<String>,
}

/// A decimal number, written as a string or a whole number; never as a binary fraction.
#[derive(Debug, Clone)]
pub(super) struct Number(pub(super) String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal number as a string (\"90\", \"22.5\") or a whole number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
