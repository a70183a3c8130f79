//! The reason for which somebody signs in, and the session that opens when they did, by whichever way.

use super::authorization_response::error_address;
use super::error::{AuthorizeError, PageError};
use super::events;
use super::member::{LastSignIn, Member};
use super::pages::see_other;
use super::request::{AuthorizationRequest, Stage};
use super::session::{Cookie, ProviderSession, Session};
use super::state::State;
use super::whose::Records;
use crate::audit::Audit;
use crate::bounds::SUBJECT_BYTES;
use crate::clock::Time;
use crate::http::{Request, Response};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};
use crate::store::schema;

/// The reason for which somebody signs in.
pub(super) enum Purpose {
    /// An app's request, which waits for this browser.
    App { id: String, asked: Box<Stored<AuthorizationRequest>> },
    /// Their own account page.
    Account,
}

/// A person who has proved who they are.
pub(super) struct SignedIn<'a> {
    pub member: &'a Member,
    /// The records that they may open: at least one.
    pub records: &'a Records,
    /// The audit's name for them, where they have no record of their own.
    pub known_as: String,
    /// The name under which pages greet them.
    pub username: String,
    /// When they proved it, where that is known.
    pub auth_time: Option<Time>,
    /// How strongly they proved it, in the plan's words for it, where it has such.
    pub acr: Option<String>,
}

impl Purpose {
    /// Finds what this browser signs in for: the app's request of that id or, without an id, the account page.
    pub async fn find(state: &State, id: Option<&str>, browser: Option<&Secret>) -> Result<Purpose, PageError> {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(Purpose::Account) };
        let browser = browser.ok_or(PageError::Over)?;
        let asked = state.auth.get::<AuthorizationRequest>(&Secret::from_client(id).hashed().0).await?;
        let asked = asked
            .filter(|asked| !asked.record.is_expired(state.clock.now()) && asked.record.stage != Stage::Decided)
            .filter(|asked| asked.record.browser.is_of(browser))
            .ok_or(PageError::Over)?;
        Ok(Purpose::App { id: id.to_owned(), asked: Box::new(asked) })
    }

    /// The app's request.
    pub fn asked(&self) -> Option<&AuthorizationRequest> {
        match self {
            Purpose::App { asked, .. } => Some(&asked.record),
            Purpose::Account => None,
        }
    }

    /// The id of the app's request; empty on the way to the account page.
    pub fn id(&self) -> &str {
        match self {
            Purpose::App { id, .. } => id,
            Purpose::Account => "",
        }
    }

    /// The app that asks, by its id; empty on the way to the account page.
    pub fn client(&self) -> &str {
        self.asked().map(|asked| asked.client.as_str()).unwrap_or_default()
    }

    /// Answers an app that wants no page to be shown, where one would be; `None` for any other.
    ///
    /// # Errors
    /// [`PageError::Over`] where the request was answered meanwhile.
    pub async fn silently(
        &self,
        state: &State,
        issuer: &Issuer,
        error: &AuthorizeError,
    ) -> Result<Option<Response>, PageError> {
        let Purpose::App { asked, .. } = self else { return Ok(None) };
        if !asked.record.is_silent() {
            return Ok(None);
        }
        state.auth.commit(Commit::default().replace(asked, &asked.record.clone().decided())).await?;
        Ok(Some(see_other(&answer(&asked.record, issuer, error), &[])))
    }

    /// Opens a session under a new secret, so that a cookie that somebody planted before the sign-in is worth nothing after
    /// it. The session that this browser had `before` ends. `commit` is what the way in writes besides; `named` is the session's name
    /// at a provider, by which that may end it.
    pub async fn signed_in(
        &self,
        state: &State,
        audit: &Audit,
        (request, issuer): (&Request, &Issuer),
        who: SignedIn<'_>,
        before: Option<Stored<Session>>,
        (commit, named): (Commit, Option<(&str, &str)>),
    ) -> Result<Response, PageError> {
        let opened_at = state.clock.now();
        let cookie = state.random.secret();
        let session = Session {
            hash: cookie.hashed(),
            member: who.member.id.clone(),
            username: who.username,
            patient: who.member.patient.clone(),
            stamp: who.member.stamp.clone(),
            sessions: who.member.sessions.clone(),
            opened_at,
            auth_time: who.auth_time,
            acr: who.acr,
            ended: false,
        };
        let subject = session.patient.as_ref().map_or(who.known_as, |patient| schema::member(patient));
        events::sign_in(audit, request, subject, "ok", self.client()).await?;
        let mut commit = commit.create(&session).put(&LastSignIn { member: who.member.id.clone(), at: opened_at });
        if let Some((provider, sid)) = named.filter(|(_, sid)| sid.len() <= SUBJECT_BYTES) {
            commit = commit.put(&ProviderSession::of(provider, sid, &session));
        }
        if let Some(before) = before {
            commit = commit.replace(&before, &before.record.clone().ended());
        }
        let location = match self {
            Purpose::App { asked, .. } if asked.record.is_silent() => {
                commit = commit.replace(asked, &asked.record.clone().decided());
                answer(&asked.record, issuer, &AuthorizeError::ConsentRequired)
            }
            Purpose::App { id, asked } => {
                let signed_in = asked.record.clone().signed_in(session.hash.clone(), who.records.only());
                commit = commit.replace(asked, &signed_in);
                format!("{issuer}/consent?request={id}")
            }
            Purpose::Account => format!("{issuer}/account"),
        };
        state.auth.commit(commit).await?;
        Ok(see_other(&location, &[Cookie::Session.set(&cookie, issuer)]))
    }
}

/// The address by which an app learns that there is no code.
fn answer(asked: &AuthorizationRequest, issuer: &Issuer, error: &AuthorizeError) -> String {
    error_address(&asked.redirect_uri, Some(&asked.state), issuer, error)
}
