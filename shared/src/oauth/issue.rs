//! The tokens that the token endpoint gives out, whichever way it was asked.

use serde::Serialize;

use super::code::AuthorizationCode;
use super::jwt::IdClaims;
use super::parameters::Parameters;
use super::state::TokenEndpoint;
use crate::access::grant::Grant;
use crate::access::{ACCESS_TOKEN_TYPE, AccessClaims};
use crate::bounds::SCOPE_BYTES_IN_TOKEN;
use crate::clock::Time;
use crate::http::Request;
use crate::issuer::Issuer;
use crate::keys::SigningKey;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::StoreError;

/// An access token request (RFC 6749 §4.1.3, §6).
pub(super) struct TokenRequest<'a> {
    pub endpoint: &'a TokenEndpoint,
    pub request: &'a Request,
    pub issuer: &'a Issuer,
    pub form: &'a Parameters,
}

/// The answer (RFC 6749 §5.1, with SMART's `patient`).
#[derive(Serialize)]
pub(super) struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    patient: String,
    /// When the member's permission ends by itself, as an instant. Refreshing moves it on.
    grant_expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// Tokens that are being made, and the grant that they are made under.
pub(super) struct Issue<'a> {
    pub asked: &'a TokenRequest<'a>,
    pub key: SigningKey,
    pub grant: &'a Grant,
    pub scopes: &'a Scopes,
    pub now: Time,
    /// How long the tokens are good, in seconds.
    pub lifetime: i64,
}

impl<'a> Issue<'a> {
    /// Tokens under a grant, which are good for `lifetime` seconds, or for as long as the person may act for the member.
    pub fn under(
        asked: &'a TokenRequest<'a>,
        key: SigningKey,
        grant: &'a Grant,
        scopes: &'a Scopes,
        now: Time,
        lifetime: i64,
    ) -> Issue<'a> {
        let last = grant.acting.as_ref().and_then(|acting| acting.ends_at);
        let left = last.map_or(lifetime, |last| last.seconds() - now.seconds());
        Issue { asked, key, grant, scopes, now, lifetime: lifetime.min(left) }
    }
}

impl Issue<'_> {
    /// An access token (RFC 9068).
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not sign.
    pub async fn access_token(&self) -> Result<String, StoreError> {
        let TokenRequest { endpoint, issuer, .. } = self.asked;
        let scope = self.scopes.to_string();
        // A narrowed token must say its scopes itself: the grant's row says more.
        let in_token = scope.len() <= SCOPE_BYTES_IN_TOKEN || scope != self.grant.scope;
        let claims = AccessClaims {
            iss: issuer.as_str().to_owned(),
            aud: issuer.fhir_base(),
            sub: self.grant.subject.clone(),
            iat: self.now.seconds(),
            exp: self.now.seconds() + self.lifetime,
            jti: endpoint.state.random.identifier(),
            client_id: self.grant.client.clone(),
            patient: self.grant.patient.clone(),
            fhir_user: self.grant.acting.as_ref().and(self.grant.user()).map(|user| user.to_string()),
            grant: self.grant.id.clone(),
            scope: in_token.then_some(scope),
        };
        endpoint.signer.sign(&self.key, ACCESS_TOKEN_TYPE, &claims).await
    }

    /// An `id_token` (OpenID Connect Core §2), where `openid` was granted.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not sign.
    pub async fn id_token(&self, code: &AuthorizationCode) -> Result<Option<String>, StoreError> {
        if !self.scopes.contains(&Scope::OpenId) {
            return Ok(None);
        }
        let TokenRequest { endpoint, issuer, .. } = self.asked;
        let claims = IdClaims {
            iss: issuer.as_str(),
            sub: &self.grant.subject,
            aud: &self.grant.client,
            iat: self.now.seconds(),
            exp: self.now.seconds() + self.lifetime,
            auth_time: code.auth_time.map(Time::seconds),
            acr: code.acr.as_deref(),
            nonce: code.nonce.as_deref(),
            fhir_user: self.scopes.contains(&Scope::FhirUser).then(|| self.grant.fhir_user(issuer)).flatten(),
        };
        endpoint.signer.sign(&self.key, "JWT", &claims).await.map(Some)
    }

    /// The answer with these tokens.
    pub fn tokens(&self, access_token: String, id_token: Option<String>, refresh_token: Option<Secret>) -> Tokens {
        Tokens {
            access_token,
            token_type: "Bearer",
            expires_in: self.lifetime,
            scope: self.scopes.to_string(),
            patient: self.grant.patient.clone(),
            grant_expires_at: self.grant.ends_at().to_string(),
            id_token,
            refresh_token: refresh_token.map(|token| token.reveal().to_owned()),
        }
    }
}
