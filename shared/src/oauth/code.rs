//! An authorization code: good once, for a minute, for the app that asked and the browser that came back.

use serde::{Deserialize, Serialize};

use super::pkce::CodeChallenge;
use crate::bounds::{CODE_MEMORY_SECONDS, CODE_SECONDS};
use crate::clock::Time;
use crate::secret::Hashed;
use crate::store::auth::Record;

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// The code, hashed.
    pub hash: Hashed,
    /// The app it was issued to.
    pub client: String,
    /// The redirect URI it was sent to.
    pub redirect_uri: String,
    /// What the app must prove.
    pub challenge: CodeChallenge,
    /// The id of the grant that the exchange makes.
    pub grant: String,
    /// The member.
    pub patient: String,
    /// The sign-in name.
    pub username: String,
    /// The member's stamp when they signed in.
    pub stamp: String,
    /// What the member allowed.
    pub scope: String,
    /// The app's nonce, for the `id_token`.
    pub nonce: Option<String>,
    /// When the member signed in, for the `id_token`.
    pub auth_time: Time,
    /// When it was issued.
    pub issued_at: Time,
    /// Whether it was exchanged.
    pub spent: bool,
}

impl AuthorizationCode {
    /// Whether it is too old to be exchanged.
    pub fn is_expired(&self, now: Time) -> bool {
        now >= self.issued_at.plus_seconds(CODE_SECONDS)
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
