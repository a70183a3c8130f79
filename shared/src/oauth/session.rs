//! A member's browser session, and the cookies that carry it.

use serde::{Deserialize, Serialize};

use super::member::Member;
use super::state::State;
use crate::bounds::SESSION_SECONDS;
use crate::clock::Time;
use crate::http::Request;
use crate::issuer::Issuer;
use crate::secret::{Hashed, Secret};
use crate::store::StoreError;
use crate::store::auth::{Record, Stored};

/// A member's sign-in, in one browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The session cookie, hashed.
    pub hash: Hashed,
    /// The id of the [`super::member::Member`].
    pub member: String,
    /// The sign-in name.
    pub username: String,
    /// The Patient id of their own record, where they have one.
    pub patient: Option<String>,
    /// The member's stamp when they signed in.
    pub stamp: String,
    /// The member's value for sessions then.
    pub sessions: String,
    /// When it was opened.
    pub opened_at: Time,
    /// When they proved who they are. A provider that they signed in with may not have told it.
    pub auth_time: Option<Time>,
    /// How strongly, in the plan's words for what a provider says of it.
    #[serde(default)]
    pub acr: Option<String>,
    /// Whether it ended before its time: the member signed out, or signed in again.
    pub ended: bool,
}

impl Session {
    /// The person as tokens name them (`sub`).
    pub fn subject(&self) -> String {
        Member::subject(&self.member, self.patient.as_deref())
    }

    /// Whether it is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.ended || now >= self.opened_at.plus_seconds(SESSION_SECONDS)
    }

    /// The same session, over.
    #[must_use]
    pub fn ended(self) -> Session {
        Session { ended: true, ..self }
    }
}

impl Record for Session {
    const KIND: &'static str = "session";

    fn key(&self) -> String {
        self.hash.0.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.opened_at.plus_seconds(SESSION_SECONDS))
    }
}

/// A session by the name that a provider has for its own (`sid`, OpenID Connect Back-Channel Logout 1.0 §2.1): a logout there may tell
/// nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderSession {
    /// The provider and its name for the session, hashed.
    pub hash: Hashed,
    /// The key of our session.
    pub session: Hashed,
    /// The end of our session.
    pub ends_at: Time,
}

impl ProviderSession {
    /// The name that a provider gave to a session.
    pub fn of(provider: &str, sid: &str, session: &Session) -> ProviderSession {
        let ends_at = session.opened_at.plus_seconds(SESSION_SECONDS);
        ProviderSession { hash: ProviderSession::named(provider, sid), session: session.hash.clone(), ends_at }
    }

    /// The key under which a name is kept.
    pub fn named(provider: &str, sid: &str) -> Hashed {
        Secret::from_client(&format!("session\0{provider}\0{sid}")).hashed()
    }
}

impl Record for ProviderSession {
    const KIND: &'static str = "provider-session";

    fn key(&self) -> String {
        self.hash.0.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.ends_at)
    }
}

/// The session of the browser that sends `request`, where somebody is signed in and that sign-in still counts.
pub(super) async fn current(
    state: &State,
    request: &Request,
    issuer: &Issuer,
) -> Result<Option<Stored<Session>>, StoreError> {
    let Some(cookie) = Cookie::Session.read(request, issuer) else { return Ok(None) };
    let stored = state.auth.get::<Session>(&cookie.hashed().0).await?;
    let Some(session) = stored.filter(|session| !session.record.is_over(state.clock.now())) else { return Ok(None) };
    let member = state.auth.get::<Member>(&session.record.member).await?;
    let counts = |member: &Member| member.knows(&session.record.stamp) && member.sessions == session.record.sessions;
    Ok(member.is_some_and(|member| counts(&member.record)).then_some(session))
}

/// A cookie of ours. Under https its name has the `__Host-` prefix, so that no other host can set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The browser, before anybody signed in.
    Browser,
    /// The session.
    Session,
}

impl Cookie {
    fn name(self, issuer: &Issuer) -> &'static str {
        match (self, issuer.is_https()) {
            (Cookie::Browser, true) => "__Host-browser",
            (Cookie::Browser, false) => "browser",
            (Cookie::Session, true) => "__Host-session",
            (Cookie::Session, false) => "session",
        }
    }

    /// Its value in a request.
    pub fn read(self, request: &Request, issuer: &Issuer) -> Option<Secret> {
        request.cookie(self.name(issuer)).filter(|value| !value.is_empty()).map(Secret::from_client)
    }

    /// A `Set-Cookie` header that gives it `value`. `Lax` lets the app's redirect bring it along and no other site's
    /// form.
    pub fn set(self, value: &Secret, issuer: &Issuer) -> String {
        self.header(value.reveal(), SESSION_SECONDS, issuer)
    }

    /// A `Set-Cookie` header that takes it away.
    pub fn clear(self, issuer: &Issuer) -> String {
        self.header("", 0, issuer)
    }

    fn header(self, value: &str, seconds: i64, issuer: &Issuer) -> String {
        let secure = if issuer.is_https() { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", self.name(issuer))
    }
}

/// The token that a page's form carries against cross-site requests: only a page of ours can know it, because only we
/// see the cookie it is derived from.
pub fn csrf(cookie: &Secret) -> Secret {
    cookie.derived("csrf")
}
