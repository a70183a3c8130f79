//! Time, passed in as a value so that tests can stand at any moment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// Whole seconds since 1970, the unit of JWT's `NumericDate` (RFC 7519 §2) and of DynamoDB's TTL.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and `seconds` more.
    pub fn plus_seconds(self, seconds: i64) -> Time {
        Time(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    fn calendar(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The day in UTC, as people write it: `November 22, 2026`.
    pub fn day(self) -> String {
        let format = format_description!("[month repr:long] [day padding:none], [year]");
        self.calendar().format(&format).unwrap_or_default()
    }
}

/// As a FHIR `instant` in UTC with milliseconds: `2026-11-22T15:23:18.123Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        f.write_str(&self.calendar().format(&format).unwrap_or_default())
    }
}

/// Where the present moment comes from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that a test turns by hand, in milliseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `time` until it is told otherwise.
    pub fn fixed(time: Time) -> Clock {
        Clock::Fixed(Arc::new(AtomicI64::new(time.0)))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Time {
        match self {
            Clock::System => {
                Time(i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
            }
            Clock::Fixed(time) => Time(time.load(Ordering::SeqCst)),
        }
    }

    /// Turns a fixed clock forward; the machine's clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Clock::Fixed(time) = self {
            time.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_prints_as_a_fhir_instant_and_as_people_write_a_day() {
        let time = Time(1_795_361_000_007);
        assert_eq!(time.to_string(), "2026-11-22T15:23:20.007Z");
        assert_eq!(time.day(), "November 22, 2026");
    }
}
