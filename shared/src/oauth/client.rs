//! Apps. An operator registers them; there is no open registration, so nobody can use us to send members to a page of
//! their own (RFC 9700 §4.11).

use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};

use crate::bounds::{ACCESS_TOKEN_SECONDS, REFRESH_SECONDS};
use crate::clock::Time;
use crate::scope::Scopes;
use crate::secret::{Hashed, Secret};
use crate::store::auth::Record;

/// An app, as it was registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its name, as members see it.
    pub name: String,
    /// Where members may be sent back to, each exactly as it will be asked for.
    pub redirect_uris: Vec<String>,
    /// The scopes that it may ask for; `None` means all that the server supports.
    pub scope: Option<String>,
    /// How it proves who it is.
    pub authentication: Authentication,
    /// Its own limits, each tighter than those of all apps.
    #[serde(default)]
    pub limits: Limits,
    /// Whether it only tries the API: what it is given is not reported to CMS.
    #[serde(default)]
    pub is_test: bool,
    /// When it was registered.
    pub created_at: Time,
    /// Whether the operator stopped it.
    pub disabled: bool,
}

/// How an app proves who it is at the token endpoint. Each app has one way, and no other way gets around it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// Not at all: a public client (RFC 6749 §2.1).
    None,
    /// By a secret, in HTTP Basic or in the form.
    Secret(Vec<ClientSecret>),
    /// By an assertion that one of these keys signed (`private_key_jwt`).
    Keys(JwkSet),
    /// By an assertion that one of the keys at this URL signed.
    KeysAt(String),
}

/// A client secret. An app has two while it changes from one to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientSecret {
    /// The operator's name for it.
    pub label: String,
    /// The secret, hashed.
    pub hash: Hashed,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
}

/// The limits of one app, each tighter than those of all apps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The app stays connected for at most so many days without a refresh.
    pub refresh_days: Option<u16>,
    /// An access token is good for at most so many seconds.
    pub access_seconds: Option<u16>,
}

impl Client {
    /// The list of all apps.
    pub const LIST: &'static str = "all";

    /// A public app that may ask for everything.
    pub fn new(id: &str, name: &str, redirect_uris: &[&str], created_at: Time) -> Client {
        Client {
            id: id.to_owned(),
            name: name.to_owned(),
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
            scope: None,
            authentication: Authentication::None,
            limits: Limits::default(),
            is_test: false,
            created_at,
            disabled: false,
        }
    }

    /// The scopes among these that it may ask for.
    pub fn allowed(&self, asked: &Scopes) -> Scopes {
        match self.scope.as_ref().map(|scope| scope.parse::<Scopes>()) {
            None => asked.clone(),
            Some(Ok(registered)) => asked.within(&registered),
            Some(Err(_)) => Scopes::default(),
        }
    }

    /// How long its access tokens are good, in seconds.
    pub fn access_token_lifetime(&self) -> i64 {
        self.limits.access_seconds.map_or(ACCESS_TOKEN_SECONDS, |limit| ACCESS_TOKEN_SECONDS.min(limit.into()))
    }

    /// How long it stays connected without a refresh, in seconds.
    pub fn refresh_lifetime(&self) -> i64 {
        self.limits.refresh_days.map_or(REFRESH_SECONDS, |days| REFRESH_SECONDS.min(i64::from(days) * 86_400))
    }
}

impl Authentication {
    /// Its name in OAuth's registry of token endpoint authentication methods.
    pub fn method(&self) -> &'static str {
        match self {
            Authentication::None => "none",
            Authentication::Secret(_) => "client_secret_basic",
            Authentication::Keys(_) | Authentication::KeysAt(_) => "private_key_jwt",
        }
    }
}

impl ClientSecret {
    /// A secret that does not end by itself.
    pub fn new(label: &str, secret: &Secret, created_at: Time) -> ClientSecret {
        ClientSecret { label: label.to_owned(), hash: secret.hashed(), created_at, expires_at: None }
    }

    /// Whether `secret` is this one, and it is not over.
    pub fn is(&self, secret: &Secret, now: Time) -> bool {
        self.hash.is_of(secret) && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Record for Client {
    const KIND: &'static str = "client";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }

    fn listed_under(&self) -> Option<&str> {
        Some(Client::LIST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Random;

    #[test]
    fn a_secret_is_good_until_it_ends() {
        let secret = Random::system().secret();
        let kept = ClientSecret { expires_at: Some(Time(2000)), ..ClientSecret::new("one", &secret, Time(0)) };
        assert!(kept.is(&secret, Time(1999)) && !kept.is(&secret, Time(2000)));
        assert!(!kept.is(&Random::system().secret(), Time(0)));
    }

    #[test]
    fn a_limit_shortens_and_never_lengthens() {
        let client = |limits| Client { limits, ..Client::new("a", "A", &[], Time(0)) };
        let short = client(Limits { refresh_days: Some(1), access_seconds: Some(300) });
        assert_eq!((short.access_token_lifetime(), short.refresh_lifetime()), (300, 86_400));
        let long = client(Limits { refresh_days: Some(u16::MAX), access_seconds: Some(u16::MAX) });
        assert_eq!((long.access_token_lifetime(), long.refresh_lifetime()), (ACCESS_TOKEN_SECONDS, REFRESH_SECONDS));
    }
}
