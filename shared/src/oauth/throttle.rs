//! Failed sign-ins, counted per name and per address in windows of a quarter of an hour. An attempt is counted before
//! the password is looked at, so that a hundred at once count as a hundred. It is taken back when it succeeds, so that
//! successes never hold anybody up.

use super::error::PageError;
use super::state::State;
use crate::clock::Time;
use crate::store::StoreError;

/// The length of a window, in seconds.
const WINDOW: i64 = 900;

/// Wrong passwords for one name before it is locked until the window ends.
const USER_LIMIT: i64 = 10;

/// Failures from one address; more, because many members may share one.
const ADDRESS_LIMIT: i64 = 50;

/// An attempt that was counted.
pub(super) struct Attempt {
    counters: [String; 2],
    ends: Time,
}

impl Attempt {
    /// Counts an attempt to sign in as `username` from `address`.
    ///
    /// # Errors
    /// [`PageError::Throttled`] where there were too many in this window: until it ends, not even the right password
    /// counts.
    pub async fn count(state: &State, username: &str, address: &str) -> Result<Attempt, PageError> {
        let now = state.clock.now().seconds();
        let window = now.div_euclid(WINDOW);
        let ends = Time((window + 1) * WINDOW * 1000);
        let attempt =
            Attempt { counters: [format!("user/{username}/{window}"), format!("address/{address}/{window}")], ends };
        let (by_user, by_address) = attempt.add(state, 1).await?;
        if by_user > USER_LIMIT || by_address > ADDRESS_LIMIT {
            return Err(PageError::Throttled(ends.seconds() - now));
        }
        Ok(attempt)
    }

    /// Takes the attempt back: it succeeded.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn take_back(self, state: &State) -> Result<(), StoreError> {
        self.add(state, -1).await.map(|_| ())
    }

    async fn add(&self, state: &State, amount: i64) -> Result<(i64, i64), StoreError> {
        let [user, address] = &self.counters;
        tokio::try_join!(state.auth.count(user, amount, self.ends), state.auth.count(address, amount, self.ends))
    }
}
