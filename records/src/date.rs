//! FHIR dates: partial dates keep both bounds, timestamps keep the calendar date as written.

use crate::code::{shown, trim};
use medproof_verifier::Day;
use serde::{Deserialize, Deserializer, de};
use std::{fmt, str::FromStr};

/// A calendar date of the proleptic Gregorian calendar, years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text is not a FHIR date or dateTime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date: expected YYYY, YYYY-MM, YYYY-MM-DD or a dateTime with an offset")]
pub struct DateError(String);

impl Date {
    /// The date, or `None` when there is no such one.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
        (fits && day <= month_length(year, month)).then_some(Self { year, month, day })
    }

    /// The date as the number yyyymmdd.
    pub fn yyyymmdd(self) -> u32 {
        u32::from(self.year) * 10_000 + u32::from(self.month) * 100 + u32::from(self.day)
    }

    /// The day, with dates before 1900 as day 0 and dates after 2079-06-05 as that day.
    pub fn to_day(self) -> Day {
        let bound = if self.year < 1900 { Day(0) } else { Day::LAST };
        Day::from_ymd(i32::from(self.year), self.month, self.day).unwrap_or(bound)
    }

    /// The day as an end: dates after 2079-06-05 are open.
    pub fn to_end(self) -> Day {
        let bound = if self.year < 1900 { Day(0) } else { Day::OPEN };
        Day::from_ymd(i32::from(self.year), self.month, self.day).unwrap_or(bound)
    }
}

fn month_length(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl From<Day> for Date {
    fn from(day: Day) -> Self {
        let (year, month, day) = Day(day.0.min(Day::LAST.0)).ymd();
        // Days lie in 1900 to 2079.
        Self {
            year: year as u16,
            month,
            day,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A FHIR date or dateTime: the first and last calendar date that it may mean. Of a timestamp only the date as
/// written is kept, not converted to UTC. The caller takes the bound that hurts the claimant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartialDate {
    first: Date,
    last: Date,
}

impl PartialDate {
    /// The earliest date meant.
    pub fn first(self) -> Date {
        self.first
    }

    /// The latest date meant.
    pub fn last(self) -> Date {
        self.last
    }

    /// Whether the date is written to the day.
    pub fn is_exact(self) -> bool {
        self.first == self.last
    }

    /// The exact day, or `None` when the date is partial.
    pub fn exact_day(self) -> Option<Day> {
        self.is_exact().then(|| self.first.to_day())
    }
}

impl FromStr for PartialDate {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let bad = || DateError(shown(text));
        let trimmed = trim(text);
        let (date, time) = match trimmed.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (trimmed, None),
        };
        let number = |part: Option<&str>, length: usize| {
            let part = part.filter(|p| p.len() == length && p.bytes().all(|b| b.is_ascii_digit()))?;
            part.parse::<u16>().ok()
        };
        let parts: Vec<&str> = date.split('-').collect();
        if parts.len() > 3 || time.is_some_and(|t| parts.len() < 3 || !time_of_day(t)) {
            return Err(bad());
        }
        let part = |i: usize| parts.get(i).copied();
        let year = number(part(0), 4).ok_or_else(bad)?;
        let month = part(1).map(|m| number(Some(m), 2).ok_or_else(bad)).transpose()?;
        let day = part(2).map(|d| number(Some(d), 2).ok_or_else(bad)).transpose()?;
        // Two digits fit u8.
        let (month, day) = (month.map(|m| m as u8), day.map(|d| d as u8));
        let last_month = month.unwrap_or(12);
        let last_day = day.unwrap_or_else(|| month_length(year, last_month));
        let first = Date::new(year, month.unwrap_or(1), day.unwrap_or(1));
        let last = Date::new(year, last_month, last_day);
        match (first, last) {
            (Some(first), Some(last)) => Ok(Self { first, last }),
            _ => Err(bad()),
        }
    }
}

/// `hh:mm`, optional seconds and fraction, optional offset.
fn time_of_day(time: &str) -> bool {
    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let two = |text: &str, max: u8| {
        text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse().is_ok_and(|v: u8| v <= max)
    };
    let pair = |text: &str, max: u8| {
        text.split_once(':')
            .is_some_and(|(h, m)| two(h, max) && two(m, 59))
    };
    let offset_ok = offset == "Z" || pair(offset.get(1..).unwrap_or(""), 14);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let fraction_ok = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    let clock_ok = match clock.rsplit_once(':') {
        Some((minutes, seconds)) if minutes.contains(':') => pair(minutes, 23) && two(seconds, 60),
        _ => pair(clock, 23),
    };
    offset_ok && fraction_ok && clock_ok
}

impl From<Day> for PartialDate {
    fn from(day: Day) -> Self {
        let date = Date::from(day);
        Self {
            first: date,
            last: date,
        }
    }
}

impl<'de> Deserialize<'de> for PartialDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds(text: &str) -> (String, String) {
        let date: PartialDate = text.parse().unwrap();
        (date.first().to_string(), date.last().to_string())
    }

    #[test]
    fn partial_dates_keep_both_bounds() {
        let cases = [
            ("2024", "2024-01-01", "2024-12-31"),
            ("2024-02", "2024-02-01", "2024-02-29"),
            ("1900-02", "1900-02-01", "1900-02-28"),
            ("2024-02-29", "2024-02-29", "2024-02-29"),
            ("2026-03-02T23:59:59-05:00", "2026-03-02", "2026-03-02"),
            ("2026-03-02T00:30:00.123+14:00", "2026-03-02", "2026-03-02"),
            ("2026-03-02T10:00Z", "2026-03-02", "2026-03-02"),
            ("\u{200b}2026-03-02 ", "2026-03-02", "2026-03-02"),
        ];
        for (text, first, last) in cases {
            assert_eq!(bounds(text), (first.to_owned(), last.to_owned()), "{text}");
        }
    }

    #[test]
    fn malformed_dates_are_refused() {
        for bad in [
            "",
            "24",
            "0000",
            "2024-13",
            "2024-00-01",
            "2023-02-29",
            "2024-2-1",
            "2024-02-30",
            "2024-02-01-01",
            "2024T10:00:00Z",
            "2024-02-01T",
            "2024-02-01T25:00:00Z",
            "2024-02-01T10:61:00Z",
            "2024-02-01T10:00:00+1",
            "2024-02-01 10:00",
            "2024-02-01T10:00:00.Z",
            "02/01/2024",
            "٢٠٢٤",
            "-2024",
        ] {
            assert!(bad.parse::<PartialDate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_outside_the_day_range_take_its_ends() {
        let old: PartialDate = "1871-05-01".parse().unwrap();
        assert_eq!(old.first().to_day(), Day(0));
        assert_eq!(old.first().yyyymmdd(), 18_710_501);
        let far: PartialDate = "9999-12-31".parse().unwrap();
        assert_eq!(far.last().to_end(), Day::OPEN);
        assert_eq!(far.last().to_day(), Day::LAST);
        assert_eq!(old.first().to_end(), Day(0));
    }

    proptest! {
        #[test]
        fn days_round_trip(day in 0..=Day::LAST.0) {
            let date: PartialDate = Day(day).to_string().parse().unwrap();
            prop_assert_eq!(date.exact_day(), Some(Day(day)));
            prop_assert_eq!(PartialDate::from(Day(day)), date);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ:+.\\-]{0,30}") {
            if let Ok(date) = text.parse::<PartialDate>() {
                prop_assert!(date.first() <= date.last());
            }
        }
    }
}
