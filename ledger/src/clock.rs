//! The ledger's clock. The state machine reads none; the sequencer is given one of these.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// How far, in seconds, a seal's time may lie from the clock of whoever looks at it: ten minutes.
///
/// Machines that keep time over the network agree to within a second; the rest is for one whose clock was set by hand. More
/// would give an operator what the rules do not: a root that was replaced counts for ten minutes, and every other time that
/// they measure is a day or longer.
pub const TIME_TOLERANCE: u64 = 600;

/// Seconds by which a seal's time lies ahead of a clock, where that is more than clocks may differ.
pub(crate) fn ahead(seal: u64, clock: u64) -> Option<u64> {
    seal.checked_sub(clock).filter(|ahead| *ahead > TIME_TOLERANCE)
}

/// Where the time of a seal comes from.
pub trait Clock: Debug + Send + Sync {
    /// Unix time in seconds.
    fn now(&self) -> u64;

    /// Sets the clock to `time`. Gives its offset to the system's clock in seconds, or `None` when
    /// this clock cannot be set.
    fn set(&self, time: u64) -> Option<i64>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A machine set before 1970 gives 0; the sequencer never lets time run back.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    }

    fn set(&self, _time: u64) -> Option<i64> {
        None
    }
}

/// Knows no time of its own. Whoever asks takes the last seal's, which is later: the clock of a development ledger's
/// mirror, whose primary may play any year.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SealTime;

impl Clock for SealTime {
    fn now(&self) -> u64 {
        0
    }

    fn set(&self, _time: u64) -> Option<i64> {
        None
    }
}

/// A clock that runs with the machine's at some distance from it: for development ledgers.
#[derive(Debug, Default)]
pub struct DevelopmentClock {
    offset: AtomicI64,
}

impl DevelopmentClock {
    /// A clock at `offset` seconds from the machine's.
    pub fn new(offset: i64) -> Self {
        Self {
            offset: AtomicI64::new(offset),
        }
    }
}

impl Clock for DevelopmentClock {
    fn now(&self) -> u64 {
        SystemClock
            .now()
            .saturating_add_signed(self.offset.load(Ordering::SeqCst))
    }

    fn set(&self, time: u64) -> Option<i64> {
        let offset = i64::try_from(time)
            .ok()?
            .checked_sub(i64::try_from(SystemClock.now()).ok()?)?;
        self.offset.store(offset, Ordering::SeqCst);
        Some(offset)
    }
}
