//! FHIR data types, as far as they are used.

use crate::code::{Code, trim};
use crate::date::PartialDate;
use crate::decimal::{Decimal, DecimalError};
use crate::unit::Unit;
use serde::Deserialize;

/// The UCUM system.
pub const UCUM: &str = "http://unitsofmeasure.org";

/// A code in a system. Display text is not read.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Coding {
    /// System URI.
    pub system: Option<String>,
    /// Code.
    pub code: Option<String>,
}

impl Coding {
    /// The code without white space and invisible characters around it; `None` when it is empty.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref().map(trim).filter(|c| !c.is_empty())
    }

    /// The system, likewise.
    pub fn system(&self) -> Option<&str> {
        self.system.as_deref().map(trim).filter(|s| !s.is_empty())
    }
}

/// A concept with any number of codings.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct CodeableConcept {
    /// The codings.
    pub coding: Vec<Coding>,
    /// Text; never enters a record.
    pub text: Option<String>,
}

impl CodeableConcept {
    /// The codings that can be packed, in order. Codings of other systems are passed over.
    ///
    /// # Errors
    /// The index of a coding whose system is known and has no such code, with the reason.
    pub fn codes(&self) -> Result<Vec<Code>, (usize, crate::code::CodeError)> {
        let mut codes = Vec::new();
        for (i, coding) in self.coding.iter().enumerate() {
            let (Some(system), Some(code)) = (coding.system(), coding.code()) else {
                continue;
            };
            codes.extend(Code::from_fhir(system, code).map_err(|e| (i, e))?);
        }
        Ok(codes)
    }

    /// The first coding's code, whatever its system; for status codes.
    pub fn first_code(&self) -> Option<&str> {
        self.coding.iter().find_map(Coding::code)
    }

    /// Whether a coding has this code, whatever its system.
    pub fn has_code(&self, code: &str) -> bool {
        self.coding.iter().any(|c| c.code() == Some(code))
    }
}

/// A measured amount.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Quantity {
    /// The number.
    pub value: Option<Decimal>,
    /// `<`, `<=`, `>=` or `>`.
    pub comparator: Option<String>,
    /// Unit as text.
    pub unit: Option<String>,
    /// System of the unit's code.
    pub system: Option<String>,
    /// Unit's code.
    pub code: Option<String>,
}

impl Quantity {
    /// The unit: its code when that is UCUM (or no system is named), else its text; [`Unit::NONE`] when neither is
    /// there.
    pub fn unit(&self) -> Unit {
        let present = |text: &Option<String>| {
            let text = text.as_deref().map(trim)?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let ucum = present(&self.system).is_none_or(|s| s.trim_end_matches('/') == UCUM);
        match present(&self.code)
            .filter(|_| ucum)
            .or_else(|| present(&self.unit))
        {
            Some(text) => Unit::from_ucum(&text),
            None if self.code.is_some() => Unit::UNKNOWN,
            None => Unit::NONE,
        }
    }
}

impl Quantity {
    /// A duration in whole days, 1 to 65,534: days, or weeks times seven. Without any unit the number is of days, as
    /// `MedicationDispense.daysSupply` says by its name. `None` when there is no number.
    ///
    /// # Errors
    /// [`DaysError`].
    pub fn days(&self) -> Result<Option<u16>, DaysError> {
        let Some(number) = &self.value else {
            return Ok(None);
        };
        if self.comparator.is_some() {
            return Err(DaysError::Bound);
        }
        let days = number.to_days()?;
        match self.unit().ucum() {
            Some("d") => Ok(Some(days)),
            Some("wk") => days.checked_mul(7).map(Some).ok_or(DaysError::Unit),
            None if self.unit() == Unit::NONE => Ok(Some(days)),
            _ => Err(DaysError::Unit),
        }
    }
}

/// Why a quantity is no number of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DaysError {
    /// Not a whole number in range.
    #[error(transparent)]
    Number(#[from] DecimalError),
    /// Neither days nor weeks.
    #[error("the unit is neither days (d) nor weeks (wk)")]
    Unit,
    /// Only a bound.
    #[error("a number of days with a comparator is only a bound")]
    Bound,
}

/// A period of time, both ends included.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Period {
    /// First date.
    pub start: Option<PartialDate>,
    /// Last date; open when absent.
    pub end: Option<PartialDate>,
}

/// A business identifier.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Identifier {
    /// System URI.
    pub system: Option<String>,
    /// Value.
    pub value: Option<String>,
}

/// A reference to another resource; see [`crate::fhir::Bundle::resolve`].
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Reference {
    /// `Patient/p1`, `urn:uuid:..`, an absolute URL or `#contained`.
    pub reference: Option<String>,
    /// Logical reference.
    pub identifier: Option<Identifier>,
    /// Text.
    pub display: Option<String>,
}

/// An amount of money.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Money {
    /// The number.
    pub value: Option<Decimal>,
    /// ISO 4217 code.
    pub currency: Option<String>,
}

/// Resource metadata.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
pub struct Meta {
    /// Tags.
    pub tag: Vec<Coding>,
}

impl Meta {
    /// Whether the resource carries a tag.
    pub fn has_tag(&self, system: &str, code: &str) -> bool {
        self.tag
            .iter()
            .any(|t| t.system() == Some(system) && t.code() == Some(code))
    }
}
