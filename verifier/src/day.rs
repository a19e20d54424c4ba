//! Calendar days as circuits see them (`docs/format.md`, section 1).

use std::fmt;

/// Days from 1900-01-01 to 1970-01-01.
const UNIX_EPOCH: i64 = 25_567;

/// A calendar date: u16 days since 1900-01-01; [`Day::OPEN`] stands for an open end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub u16);

impl Day {
    /// An open end (0xFFFF).
    pub const OPEN: Self = Self(u16::MAX);
    /// The last date that can be written (2079-06-05).
    pub const LAST: Self = Self(u16::MAX - 1);

    /// A date of the proleptic Gregorian calendar, or `None` when there is no such date or it lies
    /// outside 1900-01-01 to 2079-06-05.
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Option<Self> {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let length = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if day == 0 || day > length || !(1900..=2079).contains(&year) {
            return None;
        }
        // Years count from March, so that a leap day comes last.
        let (y, m) = if month > 2 {
            (i64::from(year), i64::from(month) - 3)
        } else {
            (i64::from(year) - 1, i64::from(month) + 9)
        };
        let since_march_0 = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + i64::from(day) - 1;
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        let days = since_march_0 - 719_468 + UNIX_EPOCH;
        u16::try_from(days).ok().filter(|d| *d <= Self::LAST.0).map(Self)
    }

    /// The date as (year, month, day).
    pub fn ymd(self) -> (i32, u8, u8) {
        let z = i64::from(self.0) - UNIX_EPOCH + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u8;
        let year = (yoe + era * 400 + i64::from(month <= 2)) as i32;
        (year, month, day)
    }

    /// The UTC date of a Unix time in seconds; times outside the range take its nearest end.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let days = (seconds / 86_400).saturating_add(UNIX_EPOCH as u64);
        Self(u16::try_from(days).unwrap_or(u16::MAX).min(Self::LAST.0))
    }

    /// Unix time in seconds at 00:00 UTC of this date; dates before 1970 give 0.
    pub fn to_unix_seconds(self) -> u64 {
        (i64::from(self.0) - UNIX_EPOCH).max(0) as u64 * 86_400
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let digits = |range: std::ops::Range<usize>| {
            let part = &text.get(range)?;
            part.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| part.parse::<u16>().ok())?
        };
        Self::from_ymd(
            i32::from(digits(0..4)?),
            u8::try_from(digits(5..7)?).ok()?,
            u8::try_from(digits(8..10)?).ok()?,
        )
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::OPEN {
            return f.write_str("open");
        }
        let (y, m, d) = self.ymd();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_round_trips_in_order() {
        assert_eq!(Day::parse("1900-01-01"), Some(Day(0)));
        assert_eq!(Day::parse("1970-01-01"), Some(Day(25_567)));
        assert_eq!(Day::parse("2079-06-05"), Some(Day::LAST));
        for day in 0..=Day::LAST.0 {
            let (y, m, d) = Day(day).ymd();
            assert_eq!(Day::from_ymd(y, m, d), Some(Day(day)));
            assert_eq!(Day::parse(&Day(day).to_string()), Some(Day(day)));
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for bad in [
            "1900-02-29",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-04-31",
            "2024-1-1",
            "2079-06-06",
            "1899-12-31",
            "2024-01-01T",
            "+024-01-01",
            "20240101",
            "",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
        assert!(Day::parse("2000-02-29").is_some());
    }
}
