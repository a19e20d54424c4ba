//! The closed table of UCUM units. Values are compared only on equal unit; nothing is converted.

use std::fmt;

/// Id of a unit that the table does not list.
const UNKNOWN_ID: u8 = 255;

/// A unit's id; ids never change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit(u8);

/// Each unit's id, canonical UCUM code, and other spellings of exactly the same unit.
const UNITS: &[(u8, &str, &[&str])] = &[
    (1, "1", &["{ratio}", "{nominal}"]),
    (
        2,
        "%",
        &[
            "percent",
            "%{total}",
            "%{hemoglobin}",
            "%{HemoglobinA1C}",
            "% of total Hgb",
        ],
    ),
    (3, "mg/dL", &["mg/dl", "mg%"]),
    (
        4,
        "mL/min/{1.73_m2}",
        &[
            "mL/min/1.73m2",
            "mL/min/1.73 m2",
            "mL/min/1.73m^2",
            "mL/min/1.73 m^2",
            "mL/min/1.73_m2",
            "mL/min/(1.73_m2)",
            "mL/min/{1.73m2}",
            "mL/min/{1.73 m2}",
            "mL/min/{1.73sq m}",
            "mL/min/1.73sq m",
            "mL/min/1.73.m2",
            "mL/min/173.10*-2.m2",
            "ml/min/1.73m2",
            "ml/min/{1.73_m2}",
            "mL/min per 1.73 m2",
        ],
    ),
    (
        5,
        "mg/g",
        &[
            "mg/g{creat}",
            "mg/g{Creat}",
            "mg/g{creatinine}",
            "mg/g Cr",
            "mg/g creat",
        ],
    ),
    (6, "mmol/L", &["mmol/l"]),
    (7, "kg", &[]),
    (8, "cm", &[]),
    (9, "mm[Hg]", &["mmHg", "mm Hg"]),
    (10, "{score}", &["(score)", "score", "{Score}"]),
    (
        11,
        "/min",
        &["{beats}/min", "{breaths}/min", "1/min", "beats/min", "bpm"],
    ),
    (12, "g/dL", &["g/dl", "gm/dL"]),
    (13, "U/L", &["u/L", "units/L"]),
    (14, "10*3/uL", &["10^3/uL", "K/uL", "10*9/L", "10^9/L"]),
    (15, "10*6/uL", &["10^6/uL", "M/uL", "10*12/L", "10^12/L"]),
    (16, "kg/m2", &["kg/m^2"]),
    (17, "fL", &["fl"]),
    (18, "pg", &[]),
    (19, "Cel", &["degC", "\u{b0}C"]),
    (20, "mL/min", &["ml/min"]),
    (21, "ng/mL", &["ng/ml", "ug/L"]),
    (22, "g/L", &["g/l"]),
    (23, "[pH]", &["pH"]),
    (24, "mm", &[]),
    (25, "umol/L", &["umol/l", "\u{b5}mol/L", "\u{3bc}mol/L"]),
    (26, "nmol/L", &["nmol/l"]),
    (27, "pmol/L", &["pmol/l"]),
    (28, "mmol/mol", &["mmol/mol{Hb}"]),
    (29, "meq/L", &["mEq/L"]),
    (30, "ug/dL", &["mcg/dL", "\u{b5}g/dL"]),
    (31, "ug/mL", &["mcg/mL", "mg/L"]),
    (32, "pg/mL", &["ng/L"]),
    (33, "ng/dL", &[]),
    (34, "[IU]/L", &["IU/L"]),
    (35, "m[IU]/L", &["mIU/L", "u[IU]/mL", "uIU/mL"]),
    (36, "[IU]/mL", &["IU/mL"]),
    (37, "mm/h", &["mm/hr"]),
    (38, "s", &["sec"]),
    (39, "d", &["day", "days", "Days"]),
    (40, "h", &["hr"]),
    (41, "min", &[]),
    (42, "wk", &["week", "weeks"]),
    (43, "mo", &[]),
    (44, "a", &["yr"]),
    (45, "g", &[]),
    (46, "mg", &[]),
    (47, "ug", &["mcg"]),
    (48, "mL", &["ml"]),
    (49, "L", &["l"]),
    (50, "m", &[]),
    (51, "[lb_av]", &["lb"]),
    (52, "[in_i]", &["in"]),
    (53, "[degF]", &["\u{b0}F"]),
    (54, "{INR}", &["INR"]),
    (55, "/uL", &["{cells}/uL", "cells/uL"]),
    (56, "mg/(24.h)", &["mg/24h", "mg/d"]),
    (57, "mg/mmol", &["mg/mmol{creat}"]),
    (58, "mosm/kg", &["mOsm/kg"]),
    (59, "/[HPF]", &[]),
    (60, "{copies}/mL", &["copies/mL"]),
    (61, "mL/s", &[]),
    (62, "L/min", &[]),
    (63, "kPa", &[]),
    (64, "U/mL", &[]),
    (65, "{#}", &["#"]),
];

impl Unit {
    /// No unit.
    pub const NONE: Self = Self(0);
    /// A unit that is not in the table: a value in it decides nothing.
    pub const UNKNOWN: Self = Self(UNKNOWN_ID);

    /// The unit with a UCUM code or one of the listed spellings; [`Unit::UNKNOWN`] for any other.
    pub fn from_ucum(text: &str) -> Self {
        let wanted = crate::code::trim(text);
        UNITS
            .iter()
            .find(|(_, code, others)| *code == wanted || others.contains(&wanted))
            .map_or(Self::UNKNOWN, |(id, _, _)| Self(*id))
    }

    /// The id in a record.
    pub fn id(self) -> u8 {
        self.0
    }

    /// The unit with this id.
    pub fn from_id(id: u8) -> Option<Self> {
        let known = id == 0 || id == UNKNOWN_ID || UNITS.iter().any(|(i, _, _)| *i == id);
        known.then_some(Self(id))
    }

    /// The canonical UCUM code; `None` for no unit or an unknown one.
    pub fn ucum(self) -> Option<&'static str> {
        UNITS
            .iter()
            .find(|(id, _, _)| *id == self.0)
            .map(|(_, code, _)| *code)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            self.ucum()
                .unwrap_or(if *self == Self::NONE { "" } else { "(unknown unit)" }),
        )
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_and_spellings_are_unique() {
        let mut ids = HashSet::new();
        let mut texts = HashSet::new();
        for (id, code, others) in UNITS {
            assert!(ids.insert(*id) && *id != 0 && *id != UNKNOWN_ID, "{code}");
            for text in others.iter().chain([code]) {
                assert!(texts.insert(*text), "{text} stands for two units");
                assert_eq!(Unit::from_ucum(text).ucum(), Some(*code));
            }
            assert_eq!(Unit::from_id(*id), Some(Unit::from_ucum(code)));
        }
    }

    #[test]
    fn unknown_units_are_unknown_not_guessed() {
        for text in ["MG/DL", "furlong", "mg / dL", "", "mL/min/m2"] {
            assert_eq!(Unit::from_ucum(text), Unit::UNKNOWN, "{text}");
        }
        assert_eq!(Unit::from_ucum(" \u{200b}mg/dL\u{a0}"), Unit::from_ucum("mg/dL"));
        assert_ne!(Unit::from_ucum("mL/min"), Unit::from_ucum("mL/min/{1.73_m2}"));
        assert_eq!(Unit::from_id(200), None);
        assert_eq!(Unit::from_id(255), Some(Unit::UNKNOWN));
    }
}
