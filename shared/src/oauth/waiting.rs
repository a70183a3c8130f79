//! An app's request that waits for a decision, and the person who decides.

use super::error::PageError;
use super::request::{AuthorizationRequest, Stage};
use super::session::{self, Cookie, Session};
use super::state::State;
use crate::http::Request;
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::Stored;

/// A request that waits, and the session that signed in for it.
pub(super) struct Waiting {
    /// The id of the request, as pages carry it.
    pub id: String,
    pub asked: Stored<AuthorizationRequest>,
    pub session: Session,
    /// The session's cookie.
    pub cookie: Secret,
}

impl Waiting {
    /// The request that this very session signed in for.
    pub async fn find(state: &State, request: &Request, issuer: &Issuer, id: &str) -> Result<Waiting, PageError> {
        let cookie = Cookie::Session.read(request, issuer).ok_or(PageError::Over)?;
        let hash = Secret::from_client(id).hashed().0;
        let (asked, session) =
            tokio::join!(state.auth.get::<AuthorizationRequest>(&hash), session::current(state, request, issuer));
        let session = session?.ok_or(PageError::Over)?.record;
        let asked = asked?
            .filter(|asked| !asked.record.is_expired(state.clock.now()))
            .filter(|asked| asked.record.stage == Stage::SignedIn(session.hash.clone()))
            .ok_or(PageError::Over)?;
        Ok(Waiting { id: id.to_owned(), asked, session, cookie })
    }
}
