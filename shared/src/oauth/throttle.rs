//! Failed sign-ins, counted per name and per address in windows of a quarter of an hour. An attempt is counted before
//! the password is looked at, so that a hundred at once count as a hundred. It is taken back when it succeeds, so that
//! successes never hold anybody up.

use std::net::{IpAddr, Ipv6Addr};

use super::error::PageError;
use super::state::State;
use crate::bounds::{ADDRESS_FAILURES, FAILURE_WINDOW_SECONDS, USER_FAILURES};
use crate::clock::Time;
use crate::store::StoreError;

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

impl Attempt {
    /// Counts an attempt to sign in as `username` from `address`.
    ///
    /// # Errors
    /// [`PageError::Throttled`] where there were too many in this window: until it ends, not even the right password
    /// counts.
    pub async fn count(state: &State, username: &str, address: &str) -> Result<Attempt, PageError> {
        let now = state.clock.now().seconds();
        let window = now.div_euclid(FAILURE_WINDOW_SECONDS);
        let ends = Time((window + 1) * FAILURE_WINDOW_SECONDS * 1000);
        let network = network(address);
        let attempt =
            Attempt { counters: [format!("user/{username}/{window}"), format!("address/{network}/{window}")], ends };
        let (by_user, by_address) = attempt.add(state, 1).await?;
        if by_user > USER_FAILURES || by_address > ADDRESS_FAILURES {
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
