//! A grant: what one member allowed one app, and the root of every token issued for it. It is read on every request, so
//! ending it is felt by the next one.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::secret::Hashed;
use crate::store::auth::Record;

/// What a member allowed an app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// The app.
    pub client: String,
    /// The member whose record it opens: a Patient id.
    pub patient: String,
    /// Who granted it (`sub`): the Patient id again, where a member acts for themselves.
    pub subject: String,
    /// The sign-in name of who granted it.
    pub username: String,
    /// What was granted, as a scope string.
    pub scope: String,
    /// When it was granted.
    pub created_at: Time,
    /// When it ends by itself; refreshing moves it on.
    pub expires_at: Time,
    /// The one live refresh token, where `offline_access` was granted.
    pub refresh: Option<RefreshChain>,
    /// When and why it was ended before its time.
    pub ended: Option<Ended>,
}

/// The live end of a chain of refresh tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefreshChain {
    /// The token that is good.
    pub current: Hashed,
    /// The one that was spent for it, and when.
    pub spent: Option<(Hashed, Time)>,
}

/// The end of a grant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Time,
    /// Why.
    pub why: Why,
}

/// Why a grant was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its authorization code was presented a second time (RFC 6749 §4.1.2).
    CodeReused,
    /// A spent refresh token was presented (RFC 9700 §4.14.2).
    RefreshTokenReused,
}

impl Grant {
    /// Whether it opens anything at this moment.
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.expires_at
    }

    /// The same grant, over.
    #[must_use]
    pub fn ended(self, at: Time, why: Why) -> Grant {
        Grant { ended: Some(Ended { at, why }), ..self }
    }
}

impl Record for Grant {
    const KIND: &'static str = "grant";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.expires_at)
    }
}
