//! Failed sign-ins, counted per name and per address. Only failures count: who knows the password is never held up by
//! their own successes.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::store::auth::Record;

/// The span over which failures are counted, in seconds.
pub const WINDOW: i64 = 900;

/// Failures of one name, or from one address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Throttle {
    /// `user/<name>` or `address/<ip>`.
    pub key: String,
    /// How many.
    pub failures: u32,
    /// Since when.
    pub since: Time,
}

impl Throttle {
    /// Nothing counted yet.
    pub fn new(key: String, now: Time) -> Throttle {
        Throttle { key, failures: 0, since: now }
    }

    /// One failure more; counting starts anew when the window is over.
    #[must_use]
    pub fn failed(self, now: Time) -> Throttle {
        let started = self.remaining(now).is_some();
        let (failures, since) = if started { (self.failures + 1, self.since) } else { (1, now) };
        Throttle { failures, since, ..self }
    }

    /// For how many more seconds nobody may try, if `limit` was reached.
    pub fn locked(&self, limit: u32, now: Time) -> Option<i64> {
        self.remaining(now).filter(|_| self.failures >= limit)
    }

    fn remaining(&self, now: Time) -> Option<i64> {
        let left = self.since.plus_seconds(WINDOW).seconds() - now.seconds();
        (left > 0).then_some(left)
    }
}

impl Record for Throttle {
    const KIND: &'static str = "throttle";

    fn key(&self) -> String {
        self.key.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.since.plus_seconds(WINDOW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_lock_for_the_rest_of_the_window_and_no_longer() {
        let mut throttle = Throttle::new("user/ada".into(), Time(0));
        for _ in 0..10 {
            throttle = throttle.failed(Time(60_000));
        }
        assert_eq!(throttle.locked(10, Time(60_000)), Some(WINDOW - 60));
        assert_eq!(throttle.locked(11, Time(60_000)), None);
        assert_eq!(throttle.locked(10, Time(2_000_000)), None);
        assert_eq!(throttle.failed(Time(2_000_000)).failures, 1);
    }
}
