//! `POST /oauth2/revoke`: an app gives a token back (RFC 7009). Either token ends the whole grant, and the next request under
//! it fails.

use http::StatusCode;

use super::client::Client;
use super::client_authentication::credentials;
use super::error::TokenError;
use super::refresh::{self, RefreshToken};
use super::server::{Server, TokenServer};
use super::token::{event, form, required};
use crate::access::grant::{self, Grant, Why};
use crate::access::{Refusal, Verifier};
use crate::http::{Request, Response, allow_any_origin, empty};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{CommitError, Stored};

/// Answers a revocation request. A token that is unknown, over, or another app's is answered like one that was ended
/// (RFC 7009 §2.2): the answer tells nobody whose token it is. `token_type_hint` is not needed: the tokens look different.
pub(super) async fn revoke(
    TokenServer { server, verifier }: &TokenServer,
    request: &Request,
    issuer: &Issuer,
) -> Result<Response, TokenError> {
    let form = form(request)?;
    let credentials = credentials(request, &form)?;
    let token = required(&form, "token")?;
    let (client, grant) =
        tokio::try_join!(client(server, &credentials.client_id), grant_of(server, verifier, token, issuer))?;
    let client = credentials.authenticate(server, issuer, client).await?;
    if let Some(grant) = grant.filter(|grant| grant.record.client == client.id) {
        event(server, request, "revoke", &grant.record).await?;
        match grant::try_end(&server.auth, &grant, server.clock.now(), Why::RevokedByApp).await {
            Ok(_) => {}
            // The app refreshed at the same moment. It wants the end of all of it.
            Err(CommitError::Conflict) => {
                grant::end(&server.auth, &grant.record.id, server.clock.now(), Why::RevokedByApp).await?;
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    let mut response = empty(StatusCode::OK);
    allow_any_origin(&mut response);
    Ok(response)
}

async fn client(server: &Server, id: &str) -> Result<Option<Client>, TokenError> {
    Ok(server.auth.get::<Client>(id).await?.map(|stored| stored.record))
}

/// The grant that a token belongs to, if both are live: of an access token by its signature, of a refresh token by its row.
/// A refresh token that was spent still names its family.
async fn grant_of(
    server: &Server,
    verifier: &Verifier,
    token: &str,
    issuer: &Issuer,
) -> Result<Option<Stored<Grant>>, TokenError> {
    let grant = match refresh::grant_of(token) {
        Some(id) => {
            let hash = Secret::from_client(token).hashed();
            let (known, grant) = server.auth.get_both::<RefreshToken, Grant>(&hash.0, id).await?;
            known.and(grant)
        }
        None => match verifier.read(token, issuer).await {
            Ok(claims) => server.auth.get::<Grant>(&claims.grant).await?,
            Err(Refusal::Store(error)) => return Err(error.into()),
            Err(_) => None,
        },
    };
    Ok(grant.filter(|grant| grant.record.is_live(server.clock.now())))
}
