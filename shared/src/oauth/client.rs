//! Apps. An operator registers them; there is no open registration, so nobody can use us to send members to a page of their
//! own (RFC 9700 §4.11).

use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::scope::Scopes;
use crate::secret::{Hashed, Secret};
use crate::store::auth::Record;

/// No `client_id` of ours is longer; a longer one is not looked up.
pub const LONGEST_CLIENT_ID: usize = 128;

/// An app, as it was registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its name, as members see it.
    pub name: String,
    /// Where members may be sent back to, each exactly as it will be asked for.
    pub redirect_uris: Vec<String>,
    /// What it may ask for; `None` means everything the server supports.
    pub scope: Option<String>,
    /// Its secrets. Without any, and without keys, it is a public client.
    pub secrets: Vec<Hashed>,
    /// Its public keys, with which it signs in itself (`private_key_jwt`).
    #[serde(default)]
    pub keys: Option<JwkSet>,
    /// Since when.
    pub created_at: Time,
    /// Whether the operator stopped it.
    pub disabled: bool,
}

impl Client {
    /// Whether it can keep a secret.
    pub fn is_confidential(&self) -> bool {
        !self.secrets.is_empty() || self.keys.is_some()
    }

    /// Whether `secret` is one of its own.
    pub fn knows(&self, secret: &Secret) -> bool {
        self.secrets.iter().any(|hashed| hashed.is_of(secret))
    }

    /// Of the scopes it asks for, those it may.
    pub fn allowed(&self, asked: &Scopes) -> Scopes {
        match self.scope.as_ref().map(|scope| scope.parse::<Scopes>()) {
            None => asked.clone(),
            Some(Ok(registered)) => asked.within(&registered),
            Some(Err(_)) => Scopes::default(),
        }
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
}
