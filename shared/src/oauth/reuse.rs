//! A code or a refresh token that was spent is presented again: somebody may hold a copy, so its grant ends
//! (RFC 6749 §4.1.2, RFC 9700 §4.14.2). [`super::exchange`] and [`super::refresh`] say when that is.

use super::error::TokenError;
use super::events;
use super::issue::TokenRequest;
use crate::access::grant::{self, Grant, Why};

/// Records the reuse, and ends the grant.
pub(super) async fn end(asked: &TokenRequest<'_>, grant: &Grant, why: Why) -> Result<(), TokenError> {
    tracing::warn!(grant = grant.id, ?why, "a spent code or refresh token was presented again");
    let action = if why == Why::CodeReused { "code-reused" } else { "refresh-token-reused" };
    events::grant(&asked.endpoint.audit, asked.request, action, grant).await?;
    let state = &asked.endpoint.state;
    grant::end(&state.auth, &grant.id, state.clock.now(), why).await?;
    Ok(())
}
