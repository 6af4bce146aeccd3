//! Wall-clock time as the core sees it: milliseconds since the Unix epoch.
//!
//! Deadlines survive restarts and move between machines, which a monotonic instant cannot. The
//! engine's clock keeps the values from running backwards.

use core::fmt;
use core::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every time that occurs.
    pub const MIN: Self = Self(0);
    /// After every time that occurs.
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since the Unix epoch; negative values become [`Timestamp::MIN`].
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        if ms < 0 { Self::MIN } else { Self(ms) }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This time and `span`, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time less `span`, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)).max(0))
    }

    /// One millisecond earlier.
    #[must_use]
    pub fn just_before(self) -> Self {
        Self(self.0.saturating_sub(1).max(0))
    }

    /// How long ago `earlier` was; zero when it is not in the past.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The day (UTC) this time falls in, counted from the Unix epoch.
    #[must_use]
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0.div_euclid(DAY_MS)).unwrap_or(u32::MAX))
    }
}

/// A UTC day, counted from 1970-01-01. Finished records are kept and dropped by the day.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(pub u32);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
