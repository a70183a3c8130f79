//! `POST /oauth2/introspect`: tells an app what a token of its own is good for (RFC 7662, SMART App Launch 2.2 "Token
//! Introspection"). The app proves itself, or shows an access token of its own for the same member.

use http::StatusCode;
use serde::Serialize;

use super::client::{Authentication, Client};
use super::client_authentication::credentials;
use super::error::{BearerError, IntrospectError, TokenError};
use super::parameters::Parameters;
use super::refresh_token::{self, RefreshToken};
use super::state::IntrospectionEndpoint;
use crate::access::grant::Grant;
use crate::access::{AccessClaims, Refusal};
use crate::http::{Request, Response, allow_any_origin, json};
use crate::issuer::Issuer;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::StoreError;

/// The answer. For a token that is not good it has `active` alone (RFC 7662 §2.2).
#[derive(Default, Serialize)]
struct Introspection {
    active: bool,
    #[serde(flatten)]
    told: Option<Active>,
}

/// The answer about a good token. Each value is the one that the token endpoint gave with it.
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

/// The app that asks. It is told about its own tokens only.
struct Asker {
    client: String,
    /// The member and the person of the access token with which it asks, where it asks with one.
    member: Option<(String, String)>,
}

/// Answers an introspection request.
pub(super) async fn introspect(
    endpoint: &IntrospectionEndpoint,
    request: &Request,
    issuer: &Issuer,
) -> Result<Response, IntrospectError> {
    let form = Parameters::of_app(request)?;
    let asker = asker(endpoint, request, issuer, &form).await?;
    let token = form.required("token")?;
    let found = match refresh_token::grant_of(token) {
        Some(id) => of_refresh_token(endpoint, token, id, issuer).await?,
        None => of_access_token(endpoint, token, issuer).await?,
    };
    let of_asker = |(grant, _): &(Grant, Active)| {
        grant.client == asker.client
            && asker
                .member
                .as_ref()
                .is_none_or(|(patient, subject)| *patient == grant.patient && *subject == grant.subject)
    };
    let token = found.filter(of_asker).map(|(_, token)| token);
    let cause = if token.is_some() { "its own live token" } else { "no live token of its own" };
    endpoint.state.tally.introspected(Some(&asker.client), cause);
    let answer = Introspection { active: token.is_some(), told: token };
    let body = serde_json::to_string(&answer).map_err(|error| StoreError::Fault(error.to_string()))?;
    let mut response = json(StatusCode::OK, "application/json", body);
    allow_any_origin(&mut response);
    Ok(response)
}

/// Finds out who asks: a client that proves itself, or the bearer of a good access token. A public client's name alone
/// proves nothing.
async fn asker(
    endpoint: &IntrospectionEndpoint,
    request: &Request,
    issuer: &Issuer,
    form: &Parameters,
) -> Result<Asker, IntrospectError> {
    if request.credentials("Bearer").is_some() {
        let asked_with = async {
            let bearer = endpoint.verifier.verify(request, issuer).await?;
            endpoint.verifier.confirm(&bearer).await?;
            let AccessClaims { client_id, patient, sub, .. } = bearer.claims();
            Ok(Asker { client: client_id.clone(), member: Some((patient.clone(), sub.clone())) })
        };
        return Ok(asked_with.await.map_err(|refusal| {
            if let Refusal::Invalid(cause) = refusal {
                endpoint.state.tally.introspected(None, cause);
            }
            BearerError(refusal)
        })?);
    }
    let credentials = credentials(&endpoint.state, request, form)?;
    let client = endpoint.state.auth.get::<Client>(&credentials.client_id).await?;
    let client = credentials.authenticate(&endpoint.state, issuer, client).await?.record;
    if matches!(client.authentication, Authentication::None) {
        let why = "introspection needs a client that proves itself, or an access token in the Authorization header";
        endpoint.state.tally.not_authenticated(Some(&client.id), why);
        return Err(TokenError::InvalidClient { why, basic: false }.into());
    }
    Ok(Asker { client: client.id, member: None })
}

async fn of_access_token(
    endpoint: &IntrospectionEndpoint,
    token: &str,
    issuer: &Issuer,
) -> Result<Option<(Grant, Active)>, IntrospectError> {
    let claims = match endpoint.verifier.read(token, issuer).await {
        Ok(claims) => claims,
        Err(Refusal::Store(error)) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let grant = endpoint.state.auth.get::<Grant>(&claims.grant).await?;
    let live = |grant: &Grant| grant.is_live(endpoint.state.clock.now()) && grant.client == claims.client_id;
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
    endpoint: &IntrospectionEndpoint,
    token: &str,
    grant: &str,
    issuer: &Issuer,
) -> Result<Option<(Grant, Active)>, IntrospectError> {
    let hash = Secret::from_client(token).hashed();
    let both = endpoint.state.auth.get_both::<RefreshToken, Grant>(&hash.0, grant).await?;
    let (Some(known), Some(grant)) = both else { return Ok(None) };
    let grant = grant.record;
    let is_current = grant.refresh.as_ref().is_some_and(|chain| chain.current == hash);
    if !is_current || !grant.is_live(endpoint.state.clock.now()) {
        return Ok(None);
    }
    let token = Active {
        fhir_user: fhir_user(&grant.scope, &grant, issuer),
        scope: grant.scope.clone(),
        client_id: grant.client.clone(),
        exp: grant.ends_at().seconds(),
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
    scopes.contains(&Scope::FhirUser).then(|| grant.fhir_user(issuer)).flatten()
}
