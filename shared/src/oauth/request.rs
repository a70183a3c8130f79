//! An authorization request on its way through the pages: asked, signed in, decided.

use serde::{Deserialize, Serialize};

use super::pkce::CodeChallenge;
use crate::bounds::AUTHORIZATION_REQUEST_SECONDS;
use crate::clock::Time;
use crate::secret::Hashed;
use crate::store::auth::Record;

/// A request that passed every check of the authorize endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Its id, hashed. The id leads a browser from page to page.
    pub hash: Hashed,
    /// The app's `client_id`.
    pub client: String,
    /// The app's name, as members see it.
    pub client_name: String,
    /// The address to which the answer goes.
    pub redirect_uri: String,
    /// The scopes that the app asks for, without those that it may not have.
    pub scope: String,
    /// The app's state, to be given back byte for byte.
    pub state: String,
    /// The app's nonce.
    pub nonce: Option<String>,
    /// The app's wishes about the sign-in.
    pub wishes: Wishes,
    /// The PKCE challenge. The app must present its verifier at the exchange.
    pub challenge: CodeChallenge,
    /// The browser that asked.
    pub browser: Hashed,
    /// The stage that it has reached.
    pub stage: Stage,
    /// The record that the app shall see, once that is known. Another tab may have chosen another one.
    pub record: Option<Chosen>,
    /// The time at which it was made.
    pub created_at: Time,
}

/// An app's wishes about the sign-in (OpenID Connect Core §3.1.2.1). An identity provider is told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// The person that the app expects to sign in. It fills the form's field, and decides nothing.
    pub login_hint: Option<String>,
    /// The languages that the person reads.
    pub ui_locales: Option<String>,
    /// `login` or `select_account`, or both: the person must sign in anew. Or `none`: no page may be shown.
    pub prompt: Option<String>,
    /// The person must have signed in at most this long ago, in seconds.
    pub max_age: Option<i64>,
}

/// A record that somebody chose for an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The member whose record it is: a Patient id.
    pub patient: String,
    /// The delegation under which the person acts for the member; `None` where the record is their own.
    pub delegation: Option<String>,
}
/// The value of `prompt` with which an app wants no page to be shown.
pub(super) const NONE: &str = "none";

/// The stages of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody has signed in for it.
    Asked,
    /// The member signed in, in this session. No other session may decide the request.
    SignedIn(Hashed),
    /// The member said yes or no.
    Decided,
}

impl AuthorizationRequest {
    /// Whether its time to be decided is over.
    pub fn is_expired(&self, now: Time) -> bool {
        now >= self.created_at.plus_seconds(AUTHORIZATION_REQUEST_SECONDS)
    }

    /// Whether no page may be shown for it (`prompt=none`).
    pub fn is_silent(&self) -> bool {
        self.wishes.prompt.as_deref() == Some(NONE)
    }

    /// The same request, bound to the session that signed in for it, and to a record where there is only one to choose.
    #[must_use]
    pub fn signed_in(self, session: Hashed, only: Option<Chosen>) -> AuthorizationRequest {
        AuthorizationRequest { stage: Stage::SignedIn(session), record: only, ..self }
    }

    /// The same request, for that record.
    #[must_use]
    pub fn chosen(self, record: Chosen) -> AuthorizationRequest {
        AuthorizationRequest { record: Some(record), ..self }
    }

    /// The same request, after the member's answer.
    #[must_use]
    pub fn decided(self) -> AuthorizationRequest {
        AuthorizationRequest { stage: Stage::Decided, ..self }
    }
}

impl Record for AuthorizationRequest {
    const KIND: &'static str = "request";

    fn key(&self) -> String {
        self.hash.0.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.created_at.plus_seconds(AUTHORIZATION_REQUEST_SECONDS))
    }
}
