//! An authorization code (RFC 6749 §4.1.2): good once, for a minute, for the app that asked.

use serde::{Deserialize, Serialize};

use super::pkce::CodeChallenge;
use super::request::AuthorizationRequest;
use super::session::Session;
use super::whose::Whose;
use crate::access::acting::Acting;
use crate::access::grant;
use crate::bounds::{CODE_MEMORY_SECONDS, CODE_SECONDS};
use crate::clock::Time;
use crate::scope::Scopes;
use crate::secret::{Hashed, Random};
use crate::store::auth::Record;

/// An authorization code: the permission that it stands for, before the app fetches it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// The code, hashed.
    pub hash: Hashed,
    /// The app it was issued to.
    pub client: String,
    /// The redirect URI it was sent to.
    pub redirect_uri: String,
    /// The PKCE challenge: the app must have its verifier.
    pub challenge: CodeChallenge,
    /// The id of the grant that the exchange makes.
    pub grant: String,
    /// The member whose record it is for: a Patient id.
    pub patient: String,
    /// Who allowed it, as tokens name them (`sub`).
    pub subject: String,
    /// The delegation under which they allowed it, where they act for the member.
    pub acting: Option<Acting>,
    /// The sign-in name.
    pub username: String,
    /// The member's stamp when they signed in.
    pub stamp: String,
    /// The scopes that the member allowed.
    pub scope: String,
    /// The app's nonce, for the `id_token`.
    pub nonce: Option<String>,
    /// When the member signed in, for the `id_token`, where that is known.
    pub auth_time: Option<Time>,
    /// How strongly the member signed in, for the `id_token`, where the plan has a word for it.
    #[serde(default)]
    pub acr: Option<String>,
    /// When it was issued.
    pub issued_at: Time,
    /// Whether it was exchanged.
    pub spent: bool,
}

impl AuthorizationCode {
    /// The code that answers a request: for the record in `whose`, and for `scope`, what the person of `session` allowed. `hash`
    /// is the code's.
    pub(super) fn answering(
        asked: &AuthorizationRequest,
        session: &Session,
        (whose, scope): (&Whose, &Scopes),
        hash: Hashed,
        random: &Random,
        now: Time,
    ) -> AuthorizationCode {
        AuthorizationCode {
            hash,
            client: asked.client.clone(),
            redirect_uri: asked.redirect_uri.clone(),
            challenge: asked.challenge.clone(),
            grant: grant::new_id(&session.member, random),
            patient: whose.patient().to_owned(),
            subject: session.subject(),
            acting: whose.acting(),
            username: session.username.clone(),
            stamp: session.stamp.clone(),
            scope: scope.to_string(),
            nonce: asked.nonce.clone(),
            auth_time: session.auth_time,
            acr: session.acr.clone(),
            issued_at: now,
            spent: false,
        }
    }

    /// Whether it is too old to be exchanged.
    pub fn is_expired(&self, now: Time) -> bool {
        let last = self.acting.as_ref().and_then(|acting| acting.ends_at);
        now >= self.issued_at.plus_seconds(CODE_SECONDS) || last.is_some_and(|last| now >= last)
    }

    /// The same code, after its exchange.
    #[must_use]
    pub fn spent(self) -> AuthorizationCode {
        AuthorizationCode { spent: true, ..self }
    }
}

impl Record for AuthorizationCode {
    const KIND: &'static str = "code";

    fn key(&self) -> String {
        self.hash.0.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.issued_at.plus_seconds(CODE_MEMORY_SECONDS))
    }
}
