//! The closed list of code systems.

use std::fmt;

/// A code system that is packed; the number is its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum CodeSystem {
    /// RxNorm concepts.
    RxNorm = 1,
    /// SNOMED CT concepts.
    SnomedCt = 2,
    /// LOINC.
    Loinc = 3,
    /// ICD-10-CM diagnoses.
    Icd10Cm = 4,
    /// CPT procedures.
    Cpt = 5,
    /// HCPCS level II.
    Hcpcs = 6,
    /// National drug codes.
    Ndc = 7,
    /// Vaccines.
    Cvx = 8,
    /// ICD-10-PCS procedures.
    Icd10Pcs = 9,
    /// Dental procedures.
    Cdt = 10,
    /// No code that is packed.
    Absent = 254,
}

/// What a system's codes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Number,
    Cvx,
    Loinc,
    Ndc,
    /// `min` to `max` letters and digits; `letter`: which positions (bit i) must be a letter, `digit`: must be a
    /// digit; `dot`: a dot may stand after the third.
    Text {
        min: usize,
        max: usize,
        letter: u8,
        digit: u8,
        dot: bool,
        expected: &'static str,
    },
    Absent,
}

impl Form {
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Number => "expected 1 to 18 digits without a leading zero",
            Self::Cvx => "expected 1 to 3 digits",
            Self::Loinc => "expected up to 8 digits, a dash and one check digit, such as 4548-4",
            Self::Ndc => "expected 11 digits, or three parts with dashes",
            Self::Text { expected, .. } => expected,
            Self::Absent => "it has no codes",
        }
    }

    /// Whether letters and digits stand where the system has them.
    pub(super) fn shape_fits(self, packed: u64) -> bool {
        let Self::Text { letter, digit, .. } = self else {
            return true;
        };
        (0..8).all(|i| {
            let c = packed >> (6 * (7 - i)) & 63;
            let must_letter = letter >> i & 1 == 1;
            let must_digit = digit >> i & 1 == 1;
            (!must_letter || c >= 11) && (!must_digit || (1..=10).contains(&c))
        })
    }
}

impl CodeSystem {
    /// Every system that has codes.
    pub const ALL: [Self; 10] = [
        Self::RxNorm,
        Self::SnomedCt,
        Self::Loinc,
        Self::Icd10Cm,
        Self::Cpt,
        Self::Hcpcs,
        Self::Ndc,
        Self::Cvx,
        Self::Icd10Pcs,
        Self::Cdt,
    ];

    /// The system's id.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The system with this id.
    pub fn from_id(id: u8) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain([Self::Absent]);
        all.find(|s| s.id() == id)
    }

    /// The short name used in policies, such as `icd10cm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RxNorm => "rxnorm",
            Self::SnomedCt => "sct",
            Self::Loinc => "loinc",
            Self::Icd10Cm => "icd10cm",
            Self::Cpt => "cpt",
            Self::Hcpcs => "hcpcs",
            Self::Ndc => "ndc",
            Self::Cvx => "cvx",
            Self::Icd10Pcs => "icd10pcs",
            Self::Cdt => "cdt",
            Self::Absent => "absent",
        }
    }

    /// The system with a short name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The system's URI in FHIR.
    pub fn uri(self) -> &'static str {
        match self {
            Self::RxNorm => "http://www.nlm.nih.gov/research/umls/rxnorm",
            Self::SnomedCt => "http://snomed.info/sct",
            Self::Loinc => "http://loinc.org",
            Self::Icd10Cm => "http://hl7.org/fhir/sid/icd-10-cm",
            Self::Cpt => "http://www.ama-assn.org/go/cpt",
            Self::Hcpcs => "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
            Self::Ndc => "http://hl7.org/fhir/sid/ndc",
            Self::Cvx => "http://hl7.org/fhir/sid/cvx",
            Self::Icd10Pcs => "http://www.cms.gov/Medicare/Coding/ICD10",
            Self::Cdt => "http://www.ada.org/cdt",
            Self::Absent => "",
        }
    }

    fn oid(self) -> &'static str {
        match self {
            Self::RxNorm => "2.16.840.1.113883.6.88",
            Self::SnomedCt => "2.16.840.1.113883.6.96",
            Self::Loinc => "2.16.840.1.113883.6.1",
            Self::Icd10Cm => "2.16.840.1.113883.6.90",
            Self::Cpt => "2.16.840.1.113883.6.12",
            Self::Hcpcs => "2.16.840.1.113883.6.285",
            Self::Ndc => "2.16.840.1.113883.6.69",
            Self::Cvx => "2.16.840.1.113883.12.292",
            Self::Icd10Pcs => "2.16.840.1.113883.6.4",
            Self::Cdt => "2.16.840.1.113883.6.13",
            Self::Absent => "",
        }
    }

    /// The system with a FHIR URI or `urn:oid:`; the URI's scheme and a slash at its end do not matter.
    pub fn from_uri(uri: &str) -> Option<Self> {
        if let Some(oid) = uri.strip_prefix("urn:oid:") {
            return Self::ALL.into_iter().find(|s| s.oid() == oid);
        }
        fn host(uri: &str) -> Option<&str> {
            let rest = uri
                .strip_prefix("http://")
                .or_else(|| uri.strip_prefix("https://"))?;
            Some(rest.strip_suffix('/').unwrap_or(rest))
        }
        let wanted = host(uri)?;
        Self::ALL.into_iter().find(|s| host(s.uri()) == Some(wanted))
    }

    pub(super) fn form(self) -> Form {
        match self {
            Self::RxNorm | Self::SnomedCt => Form::Number,
            Self::Loinc => Form::Loinc,
            Self::Ndc => Form::Ndc,
            Self::Cvx => Form::Cvx,
            Self::Absent => Form::Absent,
            Self::Icd10Cm => Form::Text {
                min: 3,
                max: 7,
                letter: 0b1,
                digit: 0b10,
                dot: true,
                expected: "expected a letter, a digit and 1 to 5 letters or digits, such as E11.9",
            },
            Self::Icd10Pcs => Form::Text {
                min: 7,
                max: 7,
                letter: 0,
                digit: 0,
                dot: false,
                expected: "expected 7 letters or digits",
            },
            Self::Cpt => Form::Text {
                min: 5,
                max: 5,
                letter: 0,
                digit: 0b1111,
                dot: false,
                expected: "expected 4 digits and a digit or letter, such as 83036",
            },
            // Level I codes are CPT codes and appear under the HCPCS URI too.
            Self::Hcpcs => Form::Text {
                min: 5,
                max: 5,
                letter: 0,
                digit: 0b1110,
                dot: false,
                expected: "expected a letter and 4 digits, such as J1815",
            },
            Self::Cdt => Form::Text {
                min: 5,
                max: 5,
                letter: 0b1,
                digit: 0b11110,
                dot: false,
                expected: "expected D and 4 digits",
            },
        }
    }
}

impl fmt::Display for CodeSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
