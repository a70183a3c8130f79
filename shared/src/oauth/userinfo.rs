//! `GET` and `POST /oauth2/userinfo`: who signed in (OpenID Connect Core §5.3), as the `id_token` said it. This tells who the
//! member is, so it is recorded like data of theirs.

use http::StatusCode;
use serde_json::json;

use super::error::BearerError;
use super::state::UserinfoEndpoint;
use crate::access::Refusal;
use crate::audit::Disclosure;
use crate::http::{Request, Response, allow_any_origin, json as answer};
use crate::issuer::Issuer;
use crate::scope::Scope;

/// The audit's name for it.
const ACTION: &str = "userinfo";

/// Answers the bearer of an access token with the scope `openid`.
pub(super) async fn userinfo(
    endpoint: &UserinfoEndpoint,
    request: &Request,
    issuer: &Issuer,
) -> Result<Response, BearerError> {
    let bearer = endpoint.verifier.verify(request, issuer).await?;
    let access = endpoint.verifier.confirm(&bearer).await?;
    if !bearer.scopes().contains(&Scope::OpenId) {
        endpoint.audit.refused(ACTION, "forbidden", &access, request).await?;
        return Err(Refusal::Scope("openid".into()).into());
    }
    let mut claims = json!({"sub": bearer.claims().sub});
    if let Some(user) = access.grant().fhir_user(issuer).filter(|_| bearer.scopes().contains(&Scope::FhirUser)) {
        claims["fhirUser"] = user.into();
    }
    let mut response = answer(StatusCode::OK, "application/json", claims.to_string());
    allow_any_origin(&mut response);
    let who = access.grant().user().into_iter().collect();
    let disclosure = Disclosure::new(response, who, 0);
    Ok(endpoint.audit.release(ACTION, &access, request, disclosure).await?)
}
