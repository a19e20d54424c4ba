//! The clock that dates and expiries are judged by. It is injected, so that tests and demonstrations can
//! play other days.

use medproof_verifier::Day;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Unix time in seconds.
    fn now(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A clock before 1970 makes every challenge expired, which refuses.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |t| t.as_secs())
    }
}

/// The machine's clock at some distance, for a development ledger that plays another year.
#[derive(Debug, Clone, Copy, Default)]
pub struct OffsetClock {
    seconds: i64,
}

impl OffsetClock {
    /// A clock that shows `time` now.
    pub fn to(time: u64) -> Self {
        let distance = i128::from(time) - i128::from(SystemClock.now());
        // Out of range only for times that no ledger has.
        Self {
            seconds: i64::try_from(distance).unwrap_or(0),
        }
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> u64 {
        SystemClock.now().saturating_add_signed(self.seconds)
    }
}

/// A clock that is set by hand.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `seconds` of Unix time.
    pub fn new(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    /// Sets every copy of this clock.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The calendar date at a place `offset_minutes` east of UTC.
pub(crate) fn local_date(seconds: u64, offset_minutes: i32) -> Day {
    Day::from_unix_seconds(seconds.saturating_add_signed(i64::from(offset_minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_local() {
        let noon_utc = 46_000 * 86_400 - 25_567 * 86_400 + 43_200;
        assert_eq!(local_date(noon_utc, 0), Day(46_000));
        assert_eq!(local_date(noon_utc, 12 * 60), Day(46_001));
        assert_eq!(local_date(noon_utc, 12 * 60 - 1), Day(46_000));
        assert_eq!(local_date(noon_utc, -12 * 60 - 1), Day(45_999));
        assert_eq!(local_date(0, -60), Day(25_567));
    }
}
