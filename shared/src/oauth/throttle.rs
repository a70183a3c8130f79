//! Failed sign-ins, counted per name and per address in windows of a quarter of an hour. An attempt is counted before
//! the password is looked at, so that a hundred at once count as a hundred. It is taken back when it succeeds, so that
//! successes never hold anybody up.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use super::error::PageError;
use super::state::State;
use crate::bounds::{ADDRESS_FAILURES, FAILURE_WINDOW_SECONDS, USER_FAILURES};
use crate::clock::Time;
use crate::store::StoreError;
use crate::store::auth::Auth;

/// The part of an address that stands for one connection to the internet: an IPv4 address as a whole, the first 64 bits of
/// an IPv6 address, of which a subscriber gets at least so many addresses (RFC 6177).
fn network(address: &str) -> String {
    match address.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        Ok(address) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

/// An attempt that was counted.
pub(super) struct Attempt {
    counters: [String; 2],
    ends: Time,
}

/// The window of a moment: its number, and the moment at which it ends.
fn window(now: Time) -> (i64, Time) {
    let window = now.seconds().div_euclid(FAILURE_WINDOW_SECONDS);
    (window, Time((window + 1) * FAILURE_WINDOW_SECONDS * 1000))
}

/// The counter of failures with a name in the window of that number.
fn of_name(username: &str, window: i64) -> String {
    format!("user/{username}/{window}")
}

/// The moment until which a name is locked, if it is.
///
/// # Errors
/// [`StoreError`]
pub async fn locked_until(auth: &Auth, username: &str, now: Time) -> Result<Option<Time>, StoreError> {
    let (window, ends) = window(now);
    Ok((auth.counted(&of_name(username, window)).await? >= USER_FAILURES).then_some(ends))
}

/// The names that are locked, for the operator's command alone.
///
/// # Errors
/// [`StoreError`]
pub async fn locked(auth: &Auth, now: Time) -> Result<BTreeSet<String>, StoreError> {
    let end = format!("/{}", window(now).0);
    let counts = auth.counts("user/").await?;
    let over = counts.into_iter().filter(|(_, count)| *count >= USER_FAILURES);
    let name = |(id, _): (String, i64)| Some(id.strip_prefix("user/")?.strip_suffix(&end)?.to_owned());
    Ok(over.filter_map(name).collect())
}

/// Unlocks a name: its failures in this window are forgotten. The next try counts anew.
///
/// # Errors
/// [`StoreError`]
pub async fn unlock(auth: &Auth, username: &str, now: Time) -> Result<(), StoreError> {
    let (window, ends) = window(now);
    let id = of_name(username, window);
    match auth.counted(&id).await? {
        0 => Ok(()),
        failures => auth.count(&id, -failures, ends).await.map(|_| ()),
    }
}

impl Attempt {
    /// Counts an attempt to sign in as `username` from `address`.
    ///
    /// # Errors
    /// [`PageError::Throttled`] where there were too many in this window: until it ends, not even the right password
    /// counts.
    pub async fn count(state: &State, username: &str, address: &str) -> Result<Attempt, PageError> {
        let now = state.clock.now();
        let ((window, ends), network) = (window(now), network(address));
        let attempt = Attempt { counters: [of_name(username, window), format!("address/{network}/{window}")], ends };
        let (by_user, by_address) = attempt.add(state, 1).await?;
        if by_user > USER_FAILURES || by_address > ADDRESS_FAILURES {
            return Err(PageError::Throttled(ends.seconds() - now.seconds()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_counts_with_its_network_and_an_ipv4_address_by_itself() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
        for v4 in ["203.0.113.9", "::ffff:203.0.113.9"] {
            assert_eq!(network(v4), "203.0.113.9");
        }
        assert_ne!(network("203.0.113.9"), network("203.0.113.8"));
        assert_eq!(network("unknown"), "unknown");
    }
}
