//! Failed client authentications and introspections: a log line each, with the client, the cause, and how often it happened
//! since this function started. Strangers can cause them, so they are never rows of a table.

use crate::bounds::TALLIED_CAUSES;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Stands for a client that is not registered. A stranger may send anything as a `client_id`, such as a secret in the
/// wrong field, so it is not logged.
const NOT_REGISTERED: &str = "not registered";

/// How often each client did what.
#[derive(Default)]
pub(super) struct Tally(Mutex<HashMap<(String, &'static str), u64>>);

impl Tally {
    /// Logs that a client did not prove who it is; `None` stands for one that is not registered.
    pub fn not_authenticated(&self, client: Option<&str>, cause: &'static str) {
        let client = client.unwrap_or(NOT_REGISTERED);
        tracing::warn!(client, cause, count = self.count(client, cause), "a client was not authenticated");
    }

    /// Logs that a client introspected a token; `None` stands for one that is not known.
    pub fn introspected(&self, client: Option<&str>, cause: &'static str) {
        let client = client.unwrap_or(NOT_REGISTERED);
        tracing::info!(client, cause, count = self.count(client, cause), "a token was introspected");
    }

    fn count(&self, client: &str, cause: &'static str) -> u64 {
        // A count is whole whenever the lock is free, also after a panic elsewhere.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= TALLIED_CAUSES {
            counts.clear();
        }
        let count = counts.entry((client.to_owned(), cause)).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_and_cause_is_counted_by_itself_and_never_more_than_fit() {
        let tally = Tally::default();
        assert_eq!((tally.count("a", "wrong"), tally.count("a", "wrong"), tally.count("a", "late")), (1, 2, 1));
        assert_eq!((tally.count("b", "wrong"), tally.count("a", "wrong")), (1, 3));
        for client in 0..2 * TALLIED_CAUSES {
            tally.count(&client.to_string(), "wrong");
        }
        assert!(tally.0.lock().unwrap().len() <= TALLIED_CAUSES);
    }
}
