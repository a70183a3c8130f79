//! The apps that the plan stopped. A stop must not wait until each of an app's grants is ended, and a million members may have
//! given one: so one row lists the stopped apps, and a function keeps that list in memory.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::bounds::STOPS_FRESH_SECONDS;
use crate::clock::{Clock, Time};
use crate::store::StoreError;
use crate::store::auth::{Auth, Record};

/// The apps that the plan stopped. Only the operator's command writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedApps {
    /// Their client ids.
    pub apps: BTreeSet<String>,
}

impl StoppedApps {
    /// The record's id: there is one.
    pub const ID: &'static str = "all";
}

impl Record for StoppedApps {
    const KIND: &'static str = "stopped-apps";

    fn key(&self) -> String {
        StoppedApps::ID.to_owned()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

/// The list in a function's memory. It is read when a request first asks for it, beside that request's own calls.
pub(super) struct StopList {
    auth: Auth,
    clock: Clock,
    loaded: RwLock<Option<Loaded>>,
}

struct Loaded {
    stopped: StoppedApps,
    at: Time,
}

impl StopList {
    pub fn new(auth: Auth, clock: Clock) -> StopList {
        StopList { auth, clock, loaded: RwLock::default() }
    }

    /// Whether the plan stopped this app, as it was at most [`STOPS_FRESH_SECONDS`] ago.
    ///
    /// # Errors
    /// [`StoreError`] where the list in memory is too old to be trusted and cannot be read.
    pub async fn has(&self, app: &str) -> Result<bool, StoreError> {
        if let Some(loaded) = self.loaded.read().await.as_ref().filter(|loaded| self.is_fresh(loaded)) {
            return Ok(loaded.stopped.apps.contains(app));
        }
        let mut loaded = self.loaded.write().await;
        // Another request may have read it in the meantime.
        if !loaded.as_ref().is_some_and(|loaded| self.is_fresh(loaded)) {
            let at = self.clock.now();
            // A task of its own: the cost is the function's, every so many seconds, and not that of the request in which it falls due.
            let stopped = tokio::spawn(read(self.auth.clone())).await;
            let stopped = stopped.map_err(|error| StoreError::Fault(error.to_string()))??;
            *loaded = Some(Loaded { stopped, at });
        }
        Ok(loaded.as_ref().is_some_and(|loaded| loaded.stopped.apps.contains(app)))
    }

    fn is_fresh(&self, loaded: &Loaded) -> bool {
        self.clock.now() < loaded.at.plus_seconds(STOPS_FRESH_SECONDS)
    }
}

async fn read(auth: Auth) -> Result<StoppedApps, StoreError> {
    let stored = auth.get::<StoppedApps>(StoppedApps::ID).await?;
    Ok(stored.map(|stored| stored.record).unwrap_or_default())
}
