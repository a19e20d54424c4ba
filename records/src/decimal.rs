//! Exact decimals as FHIR and policies write them, and their one rounding to fixed point.

use serde::{Deserialize, Deserializer, de};
use std::{fmt, str::FromStr};

/// Longest text of a decimal, in characters.
pub const MAX_TEXT: usize = 64;
/// Largest exponent by magnitude.
const MAX_EXPONENT: i32 = 999;
/// Offset of a fixed-point value (`docs/format.md`, section 6).
pub const OFFSET: u64 = 1 << 63;
/// Decimal places of a record's value.
pub const VALUE_PLACES: u32 = 4;
/// Largest amount in cents (40 bits).
pub const MAX_CENTS: u64 = (1 << 40) - 1;

/// Why a text is not a decimal, or a decimal does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a JSON number.
    #[error("`{0}` is not a decimal number")]
    Malformed(String),
    /// Below or above what the field holds.
    #[error("{value} is out of range: it must lie between {min} and {max}")]
    OutOfRange {
        /// The number.
        value: String,
        /// Lowest allowed.
        min: &'static str,
        /// Highest allowed.
        max: &'static str,
    },
    /// More places than the field holds, where rounding would change what was stated.
    #[error("{value} has more than {places} decimal places")]
    Inexact {
        /// The number.
        value: String,
        /// Places that the field holds.
        places: u32,
    },
}

/// A decimal number, exactly as written (17 digits stay 17 digits).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Decimal digits without leading zeros; empty for zero. The value is `digits * 10^exponent`.
    digits: Vec<u8>,
    exponent: i32,
    text: String,
}

impl Decimal {
    /// `value * 10^places` rounded half-up (towards plus infinity at exactly half); `None` when it has more
    /// than 38 digits.
    pub fn half_up(&self, places: u32) -> Option<i128> {
        self.scaled(places).map(|(value, _)| value)
    }

    /// `value * 10^places` when that is an integer of at most 38 digits.
    pub fn exact(&self, places: u32) -> Option<i128> {
        self.scaled(places)
            .and_then(|(value, exact)| exact.then_some(value))
    }

    /// A record's value: `2^63 + value * 10^4`, rounded half-up, never 0.
    ///
    /// # Errors
    /// [`DecimalError::OutOfRange`] when it does not fit 64 bits.
    pub fn to_value(&self) -> Result<u64, DecimalError> {
        let offset = self
            .half_up(VALUE_PLACES)
            .and_then(|v| v.checked_add(i128::from(OFFSET)));
        match offset.and_then(|v| u64::try_from(v).ok()) {
            Some(value) if value != 0 => Ok(value),
            _ => Err(self.out_of_range("-922337203685477.5807", "922337203685477.5807")),
        }
    }

    /// A quantity in milli-units, rounded half-up.
    ///
    /// # Errors
    /// [`DecimalError::OutOfRange`] when it is negative or above 2^32 - 1 milli-units.
    pub fn to_milli(&self) -> Result<u32, DecimalError> {
        let milli = if self.is_negative() { None } else { self.half_up(3) };
        milli
            .and_then(|v| u32::try_from(v).ok())
            .ok_or_else(|| self.out_of_range("0", "4294967.295"))
    }

    /// An amount of money in cents.
    ///
    /// # Errors
    /// [`DecimalError::Inexact`] when it has a fraction of a cent, [`DecimalError::OutOfRange`] when it is
    /// negative or above 2^40 - 1 cents.
    pub fn to_cents(&self) -> Result<u64, DecimalError> {
        let Some((cents, exact)) = self.scaled(2).filter(|_| !self.is_negative()) else {
            return Err(self.out_of_range("0", "10995116277.75"));
        };
        if !exact {
            return Err(DecimalError::Inexact {
                value: self.text.clone(),
                places: 2,
            });
        }
        u64::try_from(cents)
            .ok()
            .filter(|c| *c <= MAX_CENTS)
            .ok_or_else(|| self.out_of_range("0", "10995116277.75"))
    }

    /// A whole number of days, 1 to 65,534.
    ///
    /// # Errors
    /// [`DecimalError::Inexact`] when it is not whole, [`DecimalError::OutOfRange`].
    pub fn to_days(&self) -> Result<u16, DecimalError> {
        let Some((days, exact)) = self.scaled(0) else {
            return Err(self.out_of_range("1", "65534"));
        };
        if !exact {
            return Err(DecimalError::Inexact {
                value: self.text.clone(),
                places: 0,
            });
        }
        u16::try_from(days)
            .ok()
            .filter(|d| (1..u16::MAX).contains(d))
            .ok_or_else(|| self.out_of_range("1", "65534"))
    }

    /// Whether the number is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative && !self.digits.is_empty()
    }

    fn out_of_range(&self, min: &'static str, max: &'static str) -> DecimalError {
        DecimalError::OutOfRange {
            value: self.text.clone(),
            min,
            max,
        }
    }

    /// `value * 10^places` rounded half-up, and whether nothing was rounded.
    fn scaled(&self, places: u32) -> Option<(i128, bool)> {
        let number = |digits: &[u8]| {
            digits
                .iter()
                .try_fold(0i128, |acc, d| acc.checked_mul(10)?.checked_add(i128::from(*d)))
        };
        if self.digits.is_empty() {
            return Some((0, true));
        }
        let shift = self.exponent.checked_add(i32::try_from(places).ok()?)?;
        if shift >= 0 {
            let power = 10i128.checked_pow(u32::try_from(shift).ok()?)?;
            let value = number(&self.digits)?.checked_mul(power)?;
            return Some((if self.negative { -value } else { value }, true));
        }
        // The last `cut` digits fall behind the point; zeros fill the gap when there are fewer digits.
        let cut = shift.unsigned_abs() as usize;
        let (whole, rest) = match self.digits.len().checked_sub(cut) {
            Some(keep) => self.digits.split_at(keep),
            None => (&[][..], &[0u8][..]),
        };
        let exact = self.digits.len() >= cut && rest.iter().all(|d| *d == 0);
        let half = rest.first().is_some_and(|d| *d == 5) && rest[1..].iter().all(|d| *d == 0);
        let over = rest.first().is_some_and(|d| *d >= 5) && !half;
        let value = number(whole)?;
        let up = over || (half && !self.negative);
        let value = if up { value.checked_add(1)? } else { value };
        Some((if self.negative { -value } else { value }, exact))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads JSON number syntax; a leading zero as in `007` is refused.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let bad = || DecimalError::Malformed(crate::code::shown(text));
        if text.len() > MAX_TEXT {
            return Err(bad());
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power_of_ten(power).ok_or_else(bad)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(bad()),
            Some((whole, fraction)) => (whole, fraction),
            None => (mantissa, ""),
        };
        let ok = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !ok(whole) || !ok(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(bad());
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0');
        // A fraction has at most MAX_TEXT digits.
        let exponent = power - fraction.len() as i32;
        Ok(Self {
            negative,
            digits: digits.skip_while(|d| *d == 0).collect(),
            exponent,
            text: text.to_owned(),
        })
    }
}

fn power_of_ten(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let ok = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    let value: i32 = ok.then(|| digits.parse().ok())??;
    (value <= MAX_EXPONENT).then_some(sign * value)
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        number.to_string().parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A record's value as text, such as `7.0197`; empty when there is none.
pub fn value_text(value: u64) -> String {
    if value == 0 {
        return String::new();
    }
    let signed = i128::from(value) - i128::from(OFFSET);
    let (sign, size) = (if signed < 0 { "-" } else { "" }, signed.unsigned_abs());
    let text = format!("{sign}{}.{:04}", size / 10_000, size % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn rounds_half_up_once() {
        for (text, expected) in [
            ("7.0", 70_000),
            ("6.96605", 69_661),
            ("6.966049999999999999999999999999999999999", 69_660),
            ("0.00005", 1),
            ("0.00004999", 0),
            ("-0.00005", 0),
            ("-0.000051", -1),
            ("-1.5", -15_000),
            ("1e2", 1_000_000),
            ("12e-5", 1),
            ("5e-99", 0),
            ("0e999", 0),
            ("-0", 0),
            ("9.99995", 100_000),
        ] {
            assert_eq!(d(text).half_up(4), Some(expected), "{text}");
        }
        assert_eq!(d("0.4326541506814574").to_value(), Ok(OFFSET + 4_327));
        assert_eq!(d("1e99").half_up(4), None);
    }

    #[test]
    fn ranges_are_checked() {
        assert_eq!(d("4294967.295").to_milli(), Ok(u32::MAX));
        assert_eq!(d("-0.0").to_milli(), Ok(0));
        assert!(d("4294967.2955").to_milli().is_err());
        assert!(d("-1").to_milli().is_err());
        assert_eq!(d("10995116277.75").to_cents(), Ok(MAX_CENTS));
        assert!(d("10995116277.76").to_cents().is_err());
        assert_eq!(d("11.000").to_cents(), Ok(1_100));
        assert!(matches!(
            d("11.001").to_cents(),
            Err(DecimalError::Inexact { .. })
        ));
        assert_eq!(d("30.0").to_days(), Ok(30));
        for bad in ["0", "-1", "65535", "1e9"] {
            assert!(
                matches!(d(bad).to_days(), Err(DecimalError::OutOfRange { .. })),
                "{bad}"
            );
        }
        assert!(matches!(d("7.5").to_days(), Err(DecimalError::Inexact { .. })));
        assert_eq!(d("922337203685477.5807").to_value(), Ok(u64::MAX));
        assert!(d("922337203685477.5808").to_value().is_err());
        assert_eq!(d("-922337203685477.5807").to_value(), Ok(1));
        assert!(d("-922337203685477.5808").to_value().is_err());
    }

    #[test]
    fn malformed_numbers_are_refused() {
        let long = "1".repeat(MAX_TEXT + 1);
        for bad in [
            "", "-", "+1", ".5", "1.", "01", "1e", "1e+", "1e1000", "1e00001", "0x10", "1 ", "NaN", "1.2.3",
            "٣", &long,
        ] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        assert!("1".repeat(MAX_TEXT).parse::<Decimal>().is_ok());
    }

    #[test]
    fn json_numbers_keep_every_digit() {
        let parsed: Decimal = serde_json::from_str("7.01969999999999999999").unwrap();
        assert_eq!(parsed.to_string(), "7.01969999999999999999");
        let value: serde_json::Value = serde_json::from_str("{\"v\": 0.10000000000000001}").unwrap();
        let parsed = Decimal::deserialize(&value["v"]).unwrap();
        assert_eq!(parsed.exact(17), Some(10_000_000_000_000_001));
        assert!(serde_json::from_str::<Decimal>("\"7.0\"").is_err());
    }

    #[test]
    fn values_are_written_back() {
        for text in ["0", "7.0197", "-1.5", "100", "922337203685477.5807"] {
            assert_eq!(value_text(d(text).to_value().unwrap()), text);
        }
        assert_eq!(value_text(0), "");
    }

    proptest! {
        #[test]
        fn rounding_is_within_half_a_unit(mantissa in -1_000_000_000_000i64..1_000_000_000_000, places in 1u32..9) {
            let sign = if mantissa < 0 { "-" } else { "" };
            let unit = 10u64.pow(places);
            let (whole, fraction) = (mantissa.unsigned_abs() / unit, mantissa.unsigned_abs() % unit);
            let text = format!("{sign}{whole}.{fraction:0width$}", width = places as usize);
            let rounded = d(&text).half_up(4).unwrap();
            // 2 * |rounded * 10^places - mantissa * 10^4| <= 10^places, and at exactly half the upper one.
            let unit = i128::from(unit);
            let difference = 2 * (rounded * unit - i128::from(mantissa) * 10_000);
            prop_assert!(difference > -unit && difference <= unit, "{} -> {}", text, rounded);
            prop_assert_eq!(d(&text).exact(places), Some(i128::from(mantissa)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok(decimal) = text.parse::<Decimal>() {
                prop_assert_eq!(decimal.to_string(), text);
                let _ = (decimal.to_value(), decimal.to_milli(), decimal.to_cents(), decimal.to_days());
            }
        }
    }
}
