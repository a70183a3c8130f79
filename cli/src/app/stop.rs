//! `patient-access app disable` and `app enable`.
//!
//! A stopped app gets no new token from the moment at which its registration says so, and no data from the moment at which the
//! functions have read the list of stopped apps again. Ending its grants may take minutes, and changes nothing for the app: it makes
//! sure that none comes alive when the app is enabled, and tells members that the app has ended. So the app stays on the list until
//! all of them are ended, and a command that was cut short may be repeated.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, stream};
use shared::access::StoppedApps;
use shared::access::grant::{self, Grant, Why};
use shared::clock::Clock;
use shared::oauth::client::Client;
use shared::store::auth::{Auth, Commit, CommitError, Stored};

use super::settings::{self, Note};
use super::{OneApp, find};
use crate::stack::Stack;

/// Grants that are ended side by side.
const CONCURRENCY: usize = 32;

impl OneApp {
    /// Stops an app, and ends its grants.
    pub(super) async fn stop(self, stack: &Stack) -> Result<String> {
        let app = switch(stack, &self.client_id, true).await?;
        let ended = end_grants(&stack.auth(), &app.id).await.context(
            "the app is stopped, and gets nothing any more. Not all of its grants are ended: run the same command again",
        )?;
        Ok(settings::tell(stack, &app, &[Note::Ended(ended)], self.json))
    }

    /// Lets members connect a stopped app again. None of its earlier grants comes alive by that.
    pub(super) async fn enable(self, stack: &Stack) -> Result<String> {
        if find(stack, &self.client_id).await?.record.disabled {
            end_grants(&stack.auth(), &self.client_id)
                .await
                .context("the app stays stopped until its grants are ended: run the same command again")?;
        }
        let app = switch(stack, &self.client_id, false).await?;
        Ok(settings::tell(stack, &app, &[], self.json))
    }
}

/// Writes the registration and the list of stopped apps in one step.
async fn switch(stack: &Stack, client_id: &str, disabled: bool) -> Result<Client> {
    let auth = stack.auth();
    for _ in 0..TRIES {
        let (stored, list) = (find(stack, client_id).await?, auth.get::<StoppedApps>(StoppedApps::ID).await?);
        let app = Client { disabled, ..stored.record.clone() };
        let mut stopped = list.as_ref().map(|list| list.record.clone()).unwrap_or_default();
        if disabled {
            stopped.apps.insert(app.id.clone());
        } else {
            stopped.apps.remove(&app.id);
        }
        let commit = Commit::default().replace(&stored, &app);
        let commit = match &list {
            Some(list) => commit.replace(list, &stopped),
            None => commit.create(&stopped),
        };
        match auth.commit(commit).await {
            Ok(()) => return Ok(app),
            // Somebody changed this app, or stopped another one.
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    bail!("somebody else changes this app again and again; look at it and try again")
}

/// How often a change is made anew because of another one at the same moment.
const TRIES: usize = 5;

/// Ends every live grant of an app, and returns how many. It says on standard error how far it is.
async fn end_grants(auth: &Auth, client_id: &str) -> Result<usize> {
    let (now, mut ended, mut failed) = (Clock::System.now(), 0, None);
    let mut listed = auth.listed::<Grant>(client_id);
    while let Some(page) = listed.next().await? {
        let live = page.into_iter().filter(|grant| grant.record.is_live(now));
        let mut ends = stream::iter(live).map(|grant| end(auth, grant)).buffer_unordered(CONCURRENCY);
        while let Some(result) = ends.next().await {
            match result {
                Ok(is_ended) => ended += usize::from(is_ended),
                // The others are ended all the same.
                Err(error) => failed = Some(error),
            }
        }
        if std::io::stderr().is_terminal() {
            // A terminal that is gone is no reason to end fewer grants.
            let _ = write!(std::io::stderr(), "\r{ended} permissions of members are ended");
        }
    }
    if std::io::stderr().is_terminal() && ended > 0 {
        let _ = writeln!(std::io::stderr());
    }
    failed.map_or(Ok(ended), Err)
}

async fn end(auth: &Auth, grant: Stored<Grant>) -> Result<bool> {
    let now = Clock::System.now();
    match grant::try_end(auth, &grant, now, Why::AppStopped).await {
        Ok(is_ended) => Ok(is_ended),
        Err(CommitError::Conflict) => Ok(grant::end(auth, &grant.record.id, now, Why::AppStopped).await?),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
