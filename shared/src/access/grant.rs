//! A grant: the permission that one member gave one app, and the root of every token issued for it. It is read on every
//! request, so the next request feels its end. A member's grants lie side by side, so that their list is one query.

use serde::{Deserialize, Serialize};

use super::acting::Acting;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::issuer::Issuer;
use crate::secret::{Hashed, Random};
use crate::store::StoreError;
use crate::store::auth::{Auth, Commit, CommitError, Record, Stored};

/// The permission that a member gave an app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Its id: the id of the member who granted it, a dot, and its own.
    pub id: String,
    /// The app.
    pub client: String,
    /// The app's name when it was granted, as members see it.
    pub client_name: String,
    /// The member whose record it opens: a Patient id.
    pub patient: String,
    /// Who granted it (`sub`): the Patient id of their own record, else an id that no Patient can have.
    pub subject: String,
    /// The delegation under which they granted it, where they act for the member.
    pub acting: Option<Acting>,
    /// The sign-in name of who granted it.
    pub username: String,
    /// Their stamp when they signed in for it.
    pub stamp: String,
    /// The scopes that were granted, as a scope string.
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
    /// The member stopped the app, or the person who allowed it in the member's name did.
    StoppedByMember,
    /// The delegation under which it was granted is over.
    DelegationEnded,
    /// It was the oldest of many under one delegation, and a new one was granted.
    MadeRoom,
    /// The app gave its token back (RFC 7009).
    RevokedByApp,
    /// The member's password was changed, or the plan stopped the member.
    MemberChanged,
    /// The plan stopped the app.
    AppStopped,
}

/// A new id for a grant of the member with that id.
pub fn new_id(member: &str, random: &Random) -> String {
    format!("{member}.{}", random.identifier())
}

/// Ends a grant, and tells whether this call did it. Where another request changes the grant at the same moment, it is
/// read again, so that it ends all the same.
///
/// # Errors
/// [`StoreError`] where the table does not answer; the grant may then still be alive.
pub async fn end(auth: &Auth, id: &str, at: Time, why: Why) -> Result<bool, StoreError> {
    for _ in 0..5 {
        let Some(grant) = auth.get::<Grant>(id).await? else { return Ok(false) };
        match try_end(auth, &grant, at, why).await {
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error),
            Ok(ended) => return Ok(ended),
        }
    }
    Err(StoreError::Busy("a grant that is to end changes all the time".into()))
}

/// Ends a grant as it was just read, and tells whether this call did it.
///
/// # Errors
/// [`CommitError::Conflict`] where another request changed it since.
pub async fn try_end(auth: &Auth, grant: &Stored<Grant>, at: Time, why: Why) -> Result<bool, CommitError> {
    if grant.record.ended.is_some() {
        return Ok(false);
    }
    tracing::info!(grant = grant.record.id, ?why, "a grant is ended");
    let ended = grant.record.clone().ended(at, why);
    auth.commit(Commit::default().replace(grant, &ended)).await.map(|()| true)
}

impl Grant {
    /// The id of the person who granted it.
    pub fn member(&self) -> &str {
        Grant::place(&self.id).0
    }

    /// Whether it opens anything at this moment.
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.ends_at()
    }

    /// When it ends by itself: refreshing moves this on, and never beyond the delegation.
    pub fn ends_at(&self) -> Time {
        let last = self.acting.as_ref().and_then(|acting| acting.ends_at);
        last.map_or(self.expires_at, |last| last.min(self.expires_at))
    }

    /// The resource that stands for the person who granted it: the member's own Patient, or in the record of a member for whom
    /// they act their `RelatedPerson`, where there is one.
    pub fn user(&self) -> Option<Reference> {
        match &self.acting {
            None => Some(Reference::new("Patient", &self.patient)),
            Some(acting) => acting.related_person.as_ref().map(|id| Reference::new("RelatedPerson", id)),
        }
    }

    /// The id of the person who granted it and the relation, where they act for the member: as the audit names both.
    pub fn acting_person(&self) -> Option<(String, &'static str)> {
        self.acting.as_ref().map(|acting| (self.member().to_owned(), acting.relation.name()))
    }

    /// The URL of that resource (`fhirUser`).
    pub fn fhir_user(&self, issuer: &Issuer) -> Option<String> {
        self.user().map(|user| format!("{}/{user}", issuer.fhir_base()))
    }

    /// The same grant, ended.
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

    fn place(id: &str) -> (&str, &str) {
        id.split_once('.').unwrap_or((id, "-"))
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.expires_at)
    }

    fn listed_under(&self) -> Option<&str> {
        Some(&self.client)
    }
}
