//! National provider identifiers.

use std::{fmt, str::FromStr};

/// A ten-digit NPI whose check digit holds (Luhn over `80840` and the number).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Npi(u64);

/// A text is not an NPI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an NPI: ten digits, the first 1 or 2, the last their check digit")]
pub struct NpiError(String);

impl Npi {
    /// The FHIR system of NPIs.
    pub const URI: &'static str = "http://hl7.org/fhir/sid/us-npi";

    /// The number, below 2^34.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The NPI with this number.
    ///
    /// # Errors
    /// [`NpiError`].
    pub fn from_number(number: u64) -> Result<Self, NpiError> {
        number.to_string().parse()
    }
}

impl FromStr for Npi {
    type Err = NpiError;

    fn from_str(text: &str) -> Result<Self, NpiError> {
        let trimmed = crate::code::trim(text);
        let bytes = trimmed.as_bytes();
        let shaped =
            bytes.len() == 10 && bytes.iter().all(u8::is_ascii_digit) && matches!(bytes[0], b'1' | b'2');
        // The prefix 80840 adds 24 to the Luhn sum.
        let sum = bytes.iter().rev().enumerate().fold(24u32, |sum, (i, b)| {
            let digit = u32::from(b.wrapping_sub(b'0'));
            sum + match (i % 2, digit) {
                (0, d) => d,
                (_, d) if d > 4 => 2 * d - 9,
                (_, d) => 2 * d,
            }
        });
        match trimmed.parse() {
            Ok(number) if shaped && sum % 10 == 0 => Ok(Self(number)),
            _ => Err(NpiError(crate::code::shown(text))),
        }
    }
}

impl fmt::Display for Npi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Npi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_checked() {
        for good in ["1234567893", " 1245319599\u{200b}", "2000000002"] {
            let npi: Npi = good.parse().unwrap();
            assert_eq!(Npi::from_number(npi.number()), Ok(npi));
        }
        for bad in [
            "1234567890",
            "9941339100",
            "3412549073",
            "510",
            "",
            "12345678930",
            "123456789a",
            "-234567893",
            "0000000000",
        ] {
            assert!(bad.parse::<Npi>().is_err(), "{bad}");
        }
        for last in (0..10).filter(|d| *d != 3) {
            assert!(format!("123456789{last}").parse::<Npi>().is_err());
        }
    }
}
