//! Refresh tokens: opaque, good once, each with the id of its grant in it. The grant says which one is live;
//! [`super::refresh`] spends them.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::secret::{Hashed, Random, Secret, is_identifier, is_secret};
use crate::store::auth::Record;

/// How long a grant lives after its last refresh, in seconds: a little more than the three months that
/// 45 CFR 170.315(g)(10)(v) asks for.
pub const LIFETIME: i64 = 93 * 86_400;

/// How long a client that did not receive its answer may present the token it spent again, in seconds.
pub const RETRY: i64 = 60;

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
        Some(self.issued_at.plus_seconds(LIFETIME))
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
