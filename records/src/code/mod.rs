//! Codes of clinical systems as 72-bit numbers, and intervals of them (`docs/format.md`, section 5).

mod system;
#[cfg(test)]
mod tests;

pub use system::CodeSystem;
use system::Form;

use ark_bn254::Fr;
use medproof_verifier::field::pack;
use std::fmt;

/// Characters of a code in 6-bit text.
const TEXT_CHARS: usize = 8;
/// Highest 6-bit character (`Z`).
const LAST_CHAR: u64 = 36;
/// Most digits of a numeric code, so that it fits 64 bits.
const MAX_DIGITS: usize = 18;

/// Why a text is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// No system of that name or URI.
    #[error("`{0}` is not a code system of docs/format.md, section 5")]
    UnknownSystem(String),
    /// No `system|code`.
    #[error("`{0}` is not of the form system|code, such as icd10cm|E11.9")]
    NoSeparator(String),
    /// The system has no such code.
    #[error("`{code}` is not a {system} code: {expected}")]
    BadCode {
        /// The system.
        system: CodeSystem,
        /// The text, shortened.
        code: String,
        /// What the system's codes look like.
        expected: &'static str,
    },
    /// A prefix over a numeric system.
    #[error("`{code}`: {system} codes are numbers and have no prefixes; list them")]
    NoPrefix {
        /// The system.
        system: CodeSystem,
        /// The text, shortened.
        code: String,
    },
    /// A number that packs no code.
    #[error("{0:#x} is not a packed code")]
    NotPacked(u128),
}

/// A code: `pack(value:64, system:8)`, below 2^72; 0 is [`Code::NONE`]. Never display text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u128);

impl Code {
    /// No code (second code, exemption).
    pub const NONE: Self = Self(0);
    /// The resource names no code that this project packs.
    pub const ABSENT: Self = Self((CodeSystem::Absent as u128) << 64);

    /// The code `text` of `system`. White space and zero-width characters around it are dropped, letters are
    /// read as capitals.
    ///
    /// # Errors
    /// [`CodeError::BadCode`].
    pub fn new(system: CodeSystem, text: &str) -> Result<Self, CodeError> {
        let trimmed = trim(text);
        match value(system.form(), trimmed) {
            Some(value) => Ok(Self::pack(system, value)),
            None => Err(CodeError::BadCode {
                system,
                code: shown(trimmed),
                expected: system.form().expected(),
            }),
        }
    }

    /// Parses `system|code`, such as `icd10cm|E11.9`.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let (system, code) = split(text)?;
        Self::new(system, code)
    }

    /// The code of a FHIR coding; `None` when the system is not one that is packed.
    ///
    /// # Errors
    /// [`CodeError::BadCode`] when the system is known and has no such code.
    pub fn from_fhir(system: &str, code: &str) -> Result<Option<Self>, CodeError> {
        CodeSystem::from_uri(trim(system))
            .map(|system| Self::new(system, code))
            .transpose()
    }

    /// The code with this packed value.
    ///
    /// # Errors
    /// [`CodeError::NotPacked`] when no text packs to it.
    pub fn from_packed(packed: u128) -> Result<Self, CodeError> {
        let code = Self(packed);
        if code == Self::NONE || code == Self::ABSENT {
            return Ok(code);
        }
        let bad = CodeError::NotPacked(packed);
        let system = u8::try_from(packed >> 64).ok().and_then(CodeSystem::from_id);
        let system = system.ok_or(bad.clone())?;
        match Self::new(system, &code.text()) {
            Ok(same) if same == code => Ok(code),
            _ => Err(bad),
        }
    }

    /// The packed value, below 2^72.
    pub fn packed(self) -> u128 {
        self.0
    }

    /// The packed value as a field element.
    pub fn to_fr(self) -> Fr {
        Fr::from(self.0)
    }

    /// The system; `None` for [`Code::NONE`].
    pub fn system(self) -> Option<CodeSystem> {
        CodeSystem::from_id((self.0 >> 64) as u8)
    }

    /// The 64-bit value inside its system.
    pub fn value(self) -> u64 {
        self.0 as u64
    }

    /// The code's text in its system's usual form (`E11.9`, `4548-4`); empty for none and absent.
    pub fn text(self) -> String {
        match self.system() {
            None | Some(CodeSystem::Absent) => String::new(),
            Some(system) => text(system.form(), self.value()),
        }
    }

    fn pack(system: CodeSystem, value: u64) -> Self {
        Self((system as u128) << 64 | u128::from(value))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.system() {
            None => f.write_str("none"),
            Some(CodeSystem::Absent) => f.write_str("absent"),
            Some(system) => write!(f, "{system}|{}", self.text()),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All codes from `lo` to `hi`, both of one system, `lo <= hi`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeInterval {
    lo: u128,
    hi: u128,
}

impl CodeInterval {
    /// The interval of one code.
    pub fn single(code: Code) -> Self {
        Self {
            lo: code.packed(),
            hi: code.packed(),
        }
    }

    /// Every value of a system.
    pub fn whole(system: CodeSystem) -> Self {
        let lo = (system as u128) << 64;
        Self {
            lo,
            hi: lo | u128::from(u64::MAX),
        }
    }

    /// Parses `system|code` or, for systems of text codes, a prefix such as `icd10cm|E11.*`.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let (system, code) = split(text)?;
        let Some(prefix) = code.strip_suffix('*') else {
            return Ok(Self::single(Code::new(system, code)?));
        };
        if !matches!(system.form(), Form::Text { .. }) {
            return Err(CodeError::NoPrefix {
                system,
                code: shown(code),
            });
        }
        let prefix = prefix.strip_suffix('.').unwrap_or(prefix);
        let (lo, length) = prefix_value(system.form(), prefix).ok_or_else(|| CodeError::BadCode {
            system,
            code: shown(code),
            expected: system.form().expected(),
        })?;
        let rest = (length..TEXT_CHARS).fold(0, |acc, i| acc | LAST_CHAR << (6 * (TEXT_CHARS - 1 - i)));
        Ok(Self {
            lo: Code::pack(system, lo).packed(),
            hi: Code::pack(system, lo | rest).packed(),
        })
    }

    /// The interval from `lo` to `hi`; `None` unless both are packed values of one system, in order. The
    /// bounds of a prefix need not be codes themselves.
    pub fn from_bounds(lo: u128, hi: u128) -> Option<Self> {
        let system = |packed: u128| u8::try_from(packed >> 64).ok().and_then(CodeSystem::from_id);
        (lo <= hi && system(lo).is_some() && system(lo) == system(hi)).then_some(Self { lo, hi })
    }

    /// The lowest packed value.
    pub fn lo(&self) -> u128 {
        self.lo
    }

    /// The highest packed value.
    pub fn hi(&self) -> u128 {
        self.hi
    }

    /// Whether a code lies inside.
    pub fn contains(&self, code: Code) -> bool {
        (self.lo..=self.hi).contains(&code.packed())
    }

    /// Whether two intervals share a value.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.lo <= other.hi && other.lo <= self.hi
    }

    /// `pack(lo:72, hi:72)`, as in exemption intervals (`docs/format.md`, section 8).
    pub fn to_fr(&self) -> Fr {
        // Both bounds are below 2^72.
        pack(&[(self.lo, 72), (self.hi, 72)]).unwrap_or_default()
    }
}

impl fmt::Display for CodeInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lo, hi) = (Code(self.lo), Code(self.hi));
        let Some(system) = lo.system() else {
            return f.write_str("none");
        };
        if self.lo == self.hi {
            return fmt::Display::fmt(&lo, f);
        }
        if *self == Self::whole(system) {
            return write!(f, "{system}|*");
        }
        match lo.text() {
            text if Self::parse(&format!("{system}|{text}*")) == Ok(*self) => {
                let dot = if system == CodeSystem::Icd10Cm && text.len() == 3 {
                    "."
                } else {
                    ""
                };
                write!(f, "{system}|{text}{dot}*")
            }
            text => write!(f, "{system}|{text} to {}", hi.text()),
        }
    }
}

impl fmt::Debug for CodeInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Drops white space and invisible characters around a code or URI.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    })
}

/// A text for a message: at most 40 characters, nothing invisible.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .flat_map(|c| {
            let hidden = c.is_control() || (!c.is_ascii() && trim(c.encode_utf8(&mut [0; 4])).is_empty());
            if hidden {
                c.escape_unicode().collect::<String>()
            } else {
                c.to_string()
            }
            .chars()
            .collect::<Vec<_>>()
        })
        .collect()
}

fn split(text: &str) -> Result<(CodeSystem, &str), CodeError> {
    let (system, code) = text
        .split_once('|')
        .ok_or_else(|| CodeError::NoSeparator(shown(text)))?;
    let system = trim(system);
    let known = CodeSystem::from_name(system).or_else(|| CodeSystem::from_uri(system));
    Ok((
        known.ok_or_else(|| CodeError::UnknownSystem(shown(system)))?,
        trim(code),
    ))
}

fn digits(text: &str) -> Option<u64> {
    let ok = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    ok.then(|| text.parse().ok())?
}

fn char_value(c: u8) -> Option<u64> {
    match c {
        b'0'..=b'9' => Some(u64::from(c - b'0') + 1),
        b'A'..=b'Z' => Some(u64::from(c - b'A') + 11),
        b'a'..=b'z' => Some(u64::from(c - b'a') + 11),
        _ => None,
    }
}

fn value(form: Form, text: &str) -> Option<u64> {
    match form {
        Form::Number => digits(text).filter(|_| !text.starts_with('0')),
        Form::Cvx => digits(text).filter(|v| text.len() <= 3 && *v > 0),
        Form::Loinc => {
            let (body, check) = text.split_once('-')?;
            let bad = body.starts_with('0') || body.len() > 8 || check.len() != 1;
            Some(digits(body).filter(|_| !bad)? * 10 + digits(check)?)
        }
        Form::Ndc => ndc(text),
        Form::Text { min, max, dot, .. } => {
            let (packed, length) = prefix_value(form, text)?;
            let dotted_short = dot && text.ends_with('.');
            (length >= min && length <= max && !dotted_short && form.shape_fits(packed)).then_some(packed)
        }
        Form::Absent => None,
    }
}

/// The left-aligned value and length of a code or of its beginning.
fn prefix_value(form: Form, text: &str) -> Option<(u64, usize)> {
    let Form::Text { max, dot, .. } = form else {
        return None;
    };
    let (mut packed, mut length) = (0, 0);
    for (i, c) in text.bytes().enumerate() {
        if dot && c == b'.' && i == 3 {
            continue;
        }
        packed |= char_value(c).filter(|_| length < max)? << (6 * (TEXT_CHARS - 1 - length));
        length += 1;
    }
    (length > 0).then_some((packed, length))
}

/// An NDC as its 11 digits: 5-4-2, or a 10-digit form (4-4-2, 5-3-2, 5-4-1) whose short part is padded. Ten
/// digits without dashes could be any of three codes and are refused.
fn ndc(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split('-').collect();
    let padded = match parts[..] {
        [whole] if whole.len() == 11 => whole.to_owned(),
        [labeler, product, package] => {
            let lengths = (labeler.len(), product.len(), package.len());
            if !matches!(lengths, (5, 4, 2) | (4, 4, 2) | (5, 3, 2) | (5, 4, 1)) {
                return None;
            }
            format!("{labeler:0>5}{product:0>4}{package:0>2}")
        }
        _ => return None,
    };
    digits(&padded).filter(|v| *v > 0)
}

fn text(form: Form, value: u64) -> String {
    match form {
        Form::Number => value.to_string(),
        Form::Cvx => format!("{value:02}"),
        Form::Loinc => format!("{}-{}", value / 10, value % 10),
        Form::Ndc => format!("{value:011}"),
        Form::Absent => String::new(),
        Form::Text { dot, .. } => {
            let mut out = String::new();
            for i in 0..TEXT_CHARS {
                let c = (value >> (6 * (TEXT_CHARS - 1 - i)) & 63) as u8;
                match c {
                    0 => continue,
                    1..=10 => out.push((b'0' + c - 1) as char),
                    11..=36 => out.push((b'A' + c - 11) as char),
                    _ => out.push('?'),
                }
                if dot && i == 2 && value << (16 + 18) != 0 {
                    out.push('.');
                }
            }
            out
        }
    }
}
