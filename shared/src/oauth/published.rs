//! Documents that apps and identity providers publish, such as key sets, kept in memory for as long as their servers allow.

use std::collections::HashMap;

use tokio::sync::Mutex;

use super::fetch::{self, FetchError};
use crate::bounds::{KEY_SET_SECONDS, KEY_SET_SECONDS_UNSAID, KEY_SETS};
use crate::clock::{Clock, Time};

/// Documents that were fetched, by their addresses.
pub(super) struct Published<D> {
    clock: Clock,
    fetched: Mutex<HashMap<String, Fetched<D>>>,
}

struct Fetched<D> {
    /// The document, or why there is none.
    document: Result<D, FetchError>,
    at: Time,
    until: Time,
}

impl<D: Clone> Published<D> {
    pub fn new(clock: Clock) -> Published<D> {
        Published { clock, fetched: Mutex::default() }
    }

    /// The document at `url`, as `read` reads it. A kept one that does not `fit` is fetched once more. After a fetch, one that does
    /// not fit, or a failure, causes another only when it has had its `rest`, in seconds.
    pub async fn document(
        &self,
        url: &str,
        (loopback, rest): (bool, i64),
        read: impl Fn(&[u8]) -> Result<D, FetchError>,
        fits: impl Fn(&D) -> bool,
    ) -> Result<D, FetchError> {
        // The lock is held while fetching, so that other requests wait for the same document instead of fetching it, too.
        let mut fetched = self.fetched.lock().await;
        let now = self.clock.now();
        let known = fetched.get(url);
        let rested = known.is_none_or(|known| known.at.plus_seconds(rest) <= now);
        let useful = known.is_some_and(|known| match &known.document {
            Ok(document) => now < known.until && (fits(document) || !rested),
            Err(_) => !rested,
        });
        if !useful {
            let answer = fetch::json(url, loopback).await.and_then(|document| {
                let age = document.max_age.unwrap_or(KEY_SET_SECONDS_UNSAID).min(KEY_SET_SECONDS);
                Ok((read(&document.body)?, age))
            });
            let before = fetched.remove(url).filter(|known| now < known.until);
            let (document, until) = match answer {
                Ok((document, age)) => (Ok(document), now.plus_seconds(age)),
                Err(error) => {
                    tracing::warn!(url, %error, "a published document cannot be fetched");
                    // A document that was fetched before stays good for as long as its server said.
                    before.map_or((Err(error), now), |known| (known.document, known.until))
                }
            };
            if fetched.len() >= KEY_SETS {
                fetched.clear();
            }
            fetched.insert(url.to_owned(), Fetched { document, at: now, until });
        }
        match fetched.get(url).map(|fetched| &fetched.document) {
            Some(document) => document.clone(),
            None => Err(FetchError::Unreachable("it was not fetched".to_owned())),
        }
    }
}
