//! Refresh tokens: opaque, good once, each with the id of its grant in it. The grant says which one is live;
//! [`super::refresh`] spends them.

use serde::{Deserialize, Serialize};

use crate::bounds::REFRESH_SECONDS;
use crate::clock::Time;
use crate::secret::{Hashed, Random, Secret, is_identifier, is_secret};
use crate::store::auth::Record;

/// A refresh token that was issued. Its record tells a spent token from a forged one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The token, hashed.
    pub hash: Hashed,
    /// Its grant.
    pub grant: String,
    /// When it was issued.
    pub issued_at: Time,
}

impl Record for RefreshToken {
    const KIND: &'static str = "refresh";

    fn key(&self) -> String {
        self.hash.0.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.issued_at.plus_seconds(REFRESH_SECONDS))
    }
}

/// A new token of a grant. It carries the grant's id, so that both rows are read at once.
pub fn issue(grant: &str, random: &Random) -> Secret {
    Secret::from_client(&format!("{grant}.{}", random.secret().reveal()))
}

/// The grant that a token says it belongs to.
pub fn grant_of(token: &str) -> Option<&str> {
    let (grant, secret) = token.rsplit_once('.')?;
    let (member, own) = grant.split_once('.')?;
    (is_identifier(member) && is_identifier(own) && is_secret(secret)).then_some(grant)
}
