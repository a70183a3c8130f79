//! `POST /oauth2/revoke`: an app gives a token back (RFC 7009). An access token or a refresh token ends the whole
//! grant, and the next request under it fails.

use http::StatusCode;

use super::client::Client;
use super::client_authentication::credentials;
use super::error::TokenError;
use super::events;
use super::parameters::Parameters;
use super::refresh_token::{self, RefreshToken};
use super::state::RevocationEndpoint;
use crate::access::Refusal;
use crate::access::grant::{self, Grant, Why};
use crate::http::{Request, Response, allow_any_origin, json};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{CommitError, Stored};

/// Answers a revocation request. A token that is unknown, over, or another app's is answered like one that was ended
/// (RFC 7009 §2.2), so the answer tells nobody whose token it is. `token_type_hint` is not needed: the two kinds of
/// token look different.
pub(super) async fn revoke(
    endpoint: &RevocationEndpoint,
    request: &Request,
    issuer: &Issuer,
) -> Result<Response, TokenError> {
    let (state, form) = (&endpoint.state, Parameters::of_app(request)?);
    let credentials = credentials(state, request, &form)?;
    let token = form.required("token")?;
    let client = async { Ok(state.auth.get::<Client>(&credentials.client_id).await?) };
    let (client, grant) = tokio::try_join!(client, grant_of(endpoint, token, issuer))?;
    let client = credentials.authenticate(state, issuer, client).await?.record;
    if let Some(grant) = grant.filter(|grant| grant.record.client == client.id) {
        events::grant(&endpoint.audit, request, "revoke", &grant.record).await?;
        match grant::try_end(&state.auth, &grant, state.clock.now(), Why::RevokedByApp).await {
            Ok(_) => {}
            // The app refreshed at the same moment. It wants the end of the grant as it is now.
            Err(CommitError::Conflict) => {
                grant::end(&state.auth, &grant.record.id, state.clock.now(), Why::RevokedByApp).await?;
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    // RFC 7009 §2.2 leaves the body open. Libraries parse it as JSON, and fail where there is none.
    let mut response = json(StatusCode::OK, "application/json", "{}".to_owned());
    allow_any_origin(&mut response);
    Ok(response)
}

/// The live grant that a token belongs to: that of an access token by its signature, that of a refresh token by its
/// row. A refresh token that was spent still names its family.
async fn grant_of(
    RevocationEndpoint { state, verifier, .. }: &RevocationEndpoint,
    token: &str,
    issuer: &Issuer,
) -> Result<Option<Stored<Grant>>, TokenError> {
    let grant = match refresh_token::grant_of(token) {
        Some(id) => {
            let hash = Secret::from_client(token).hashed();
            let (known, grant) = state.auth.get_both::<RefreshToken, Grant>(&hash.0, id).await?;
            known.and(grant)
        }
        None => match verifier.read(token, issuer).await {
            Ok(claims) => state.auth.get::<Grant>(&claims.grant).await?,
            Err(Refusal::Store(error)) => return Err(error.into()),
            Err(_) => None,
        },
    };
    Ok(grant.filter(|grant| grant.record.is_live(state.clock.now())))
}
