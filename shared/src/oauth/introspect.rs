//! `POST /oauth2/introspect`: what a token is good for (RFC 7662, SMART App Launch 2.2 "Token Introspection"), told to the app
//! it was issued to: to one that proves itself, or to one that holds an access token for the same member.

use http::StatusCode;
use serde::Serialize;

use super::client::{Authentication, Client};
use super::client_authentication::credentials;
use super::error::{BearerError, IntrospectError, TokenError};
use super::refresh::{self, RefreshToken};
use super::server::TokenServer;
use super::token::{form, required};
use crate::access::grant::Grant;
use crate::access::{AccessClaims, Refusal};
use crate::http::{Request, Response, allow_any_origin, json};
use crate::issuer::Issuer;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::StoreError;

/// What is told of a token that is good. Of any other, `active` alone (RFC 7662 §2.2).
#[derive(Default, Serialize)]
struct Introspection {
    active: bool,
    #[serde(flatten)]
    told: Option<Active>,
}

/// Each value is the one that the token's own answer gave.
#[derive(Serialize)]
struct Active {
    scope: String,
    client_id: String,
    exp: i64,
    iat: i64,
    iss: String,
    sub: String,
    aud: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    patient: String,
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    fhir_user: Option<String>,
}

/// Who asks: only its own tokens are told.
struct Asker {
    client: String,
    /// Where it asks with an access token, that token's member.
    patient: Option<String>,
}

/// Answers an introspection request.
pub(super) async fn introspect(
    server: &TokenServer,
    request: &Request,
    issuer: &Issuer,
) -> Result<Response, IntrospectError> {
    let form = form(request)?;
    let asker = asker(server, request, issuer, &form).await?;
    let token = required(&form, "token")?;
    let found = match refresh::grant_of(token) {
        Some(id) => of_refresh_token(server, token, id, issuer).await?,
        None => of_access_token(server, token, issuer).await?,
    };
    let of_asker = |(grant, _): &(Grant, Active)| {
        grant.client == asker.client && asker.patient.as_ref().is_none_or(|patient| *patient == grant.patient)
    };
    let token = found.filter(of_asker).map(|(_, token)| token);
    let answer = Introspection { active: token.is_some(), told: token };
    let body =
        serde_json::to_string(&answer).map_err(|error| TokenError::Store(StoreError::Fault(error.to_string())))?;
    let mut response = json(StatusCode::OK, "application/json", body);
    allow_any_origin(&mut response);
    Ok(response)
}

/// A client that proves itself, or a bearer of a good access token. A public client's name alone proves nothing.
async fn asker(
    server: &TokenServer,
    request: &Request,
    issuer: &Issuer,
    form: &[(String, String)],
) -> Result<Asker, IntrospectError> {
    if request.credentials("Bearer").is_some() {
        let bearer = server.verifier.verify(request, issuer).await.map_err(BearerError)?;
        server.verifier.confirm(&bearer).await.map_err(BearerError)?;
        let AccessClaims { client_id, patient, .. } = bearer.claims();
        return Ok(Asker { client: client_id.clone(), patient: Some(patient.clone()) });
    }
    let credentials = credentials(request, form)?;
    let client = server.server.auth.get::<Client>(&credentials.client_id).await.map_err(TokenError::from)?;
    let client = credentials.authenticate(&server.server, issuer, client.map(|stored| stored.record)).await?;
    if matches!(client.authentication, Authentication::None) {
        let why = "introspection needs a client that proves itself, or an access token in the Authorization header";
        return Err(TokenError::InvalidClient { why, basic: false }.into());
    }
    Ok(Asker { client: client.id, patient: None })
}

async fn of_access_token(
    server: &TokenServer,
    token: &str,
    issuer: &Issuer,
) -> Result<Option<(Grant, Active)>, IntrospectError> {
    let claims = match server.verifier.read(token, issuer).await {
        Ok(claims) => claims,
        Err(Refusal::Store(error)) => return Err(TokenError::from(error).into()),
        Err(_) => return Ok(None),
    };
    let grant = server.server.auth.get::<Grant>(&claims.grant).await.map_err(TokenError::from)?;
    let live = |grant: &Grant| grant.is_live(server.server.clock.now()) && grant.client == claims.client_id;
    let Some(grant) = grant.map(|stored| stored.record).filter(live) else { return Ok(None) };
    let scope = claims.scope.unwrap_or_else(|| grant.scope.clone());
    let token = Active {
        fhir_user: fhir_user(&scope, &grant, issuer),
        scope,
        client_id: claims.client_id,
        exp: claims.exp,
        iat: claims.iat,
        iss: claims.iss,
        sub: claims.sub,
        aud: claims.aud,
        token_type: Some("Bearer"),
        jti: Some(claims.jti),
        patient: claims.patient,
    };
    Ok(Some((grant, token)))
}

/// A refresh token is good as long as it is the live end of its chain.
async fn of_refresh_token(
    server: &TokenServer,
    token: &str,
    grant: &str,
    issuer: &Issuer,
) -> Result<Option<(Grant, Active)>, IntrospectError> {
    let hash = Secret::from_client(token).hashed();
    let both = server.server.auth.get_both::<RefreshToken, Grant>(&hash.0, grant).await;
    let (Some(known), Some(grant)) = both.map_err(TokenError::from)? else { return Ok(None) };
    let grant = grant.record;
    let is_current = grant.refresh.as_ref().is_some_and(|chain| chain.current == hash);
    if !is_current || !grant.is_live(server.server.clock.now()) {
        return Ok(None);
    }
    let token = Active {
        fhir_user: fhir_user(&grant.scope, &grant, issuer),
        scope: grant.scope.clone(),
        client_id: grant.client.clone(),
        exp: grant.expires_at.seconds(),
        iat: known.record.issued_at.seconds(),
        iss: issuer.as_str().to_owned(),
        sub: grant.subject.clone(),
        aud: issuer.fhir_base(),
        token_type: None,
        jti: None,
        patient: grant.patient.clone(),
    };
    Ok(Some((grant, token)))
}

fn fhir_user(scope: &str, grant: &Grant, issuer: &Issuer) -> Option<String> {
    let scopes: Scopes = scope.parse().ok()?;
    scopes.contains(&Scope::FhirUser).then(|| grant.fhir_user(issuer))
}
