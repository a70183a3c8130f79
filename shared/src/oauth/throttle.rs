//! Failed sign-ins, counted per name and per address in windows of a quarter of an hour. An attempt is counted before the
//! password is looked at, so a hundred at once are a hundred, and taken back when it succeeds: who knows the password is
//! never held up by their own successes.

use super::error::PageError;
use super::server::Server;
use crate::bounds::{ADDRESS_FAILURES, FAILURE_WINDOW_SECONDS, USER_FAILURES};
use crate::clock::Time;
use crate::store::StoreError;

/// An attempt that was counted.
pub(super) struct Attempt {
    counters: [String; 2],
    ends: Time,
}

impl Attempt {
    /// Counts an attempt to sign in as `username` from `address`.
    ///
    /// # Errors
    /// [`PageError::Throttled`] where there were too many in this window: nobody may try before it ends, the right password
    /// included.
    pub async fn count(server: &Server, username: &str, address: &str) -> Result<Attempt, PageError> {
        let now = server.clock.now().seconds();
        let window = now.div_euclid(FAILURE_WINDOW_SECONDS);
        let ends = Time((window + 1) * FAILURE_WINDOW_SECONDS * 1000);
        let attempt =
            Attempt { counters: [format!("user/{username}/{window}"), format!("address/{address}/{window}")], ends };
        let (by_user, by_address) = attempt.add(server, 1).await?;
        if by_user > USER_FAILURES || by_address > ADDRESS_FAILURES {
            return Err(PageError::Throttled(ends.seconds() - now));
        }
        Ok(attempt)
    }

    /// Takes the attempt back: it succeeded.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn take_back(self, server: &Server) -> Result<(), StoreError> {
        self.add(server, -1).await.map(|_| ())
    }

    async fn add(&self, server: &Server, amount: i64) -> Result<(i64, i64), StoreError> {
        let [user, address] = &self.counters;
        tokio::try_join!(server.auth.count(user, amount, self.ends), server.auth.count(address, amount, self.ends))
    }
}
