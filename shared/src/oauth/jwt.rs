//! Tokens that KMS signs: access tokens (RFC 9068) and `id_tokens` (OpenID Connect Core §2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;

use crate::store::StoreError;
use crate::store::signer::Signer;

/// How long an access token is good, in seconds.
pub const ACCESS_TOKEN_LIFETIME: i64 = 3600;

/// What an `id_token` says.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub struct IdClaims<'a> {
    /// Our issuer.
    pub iss: &'a str,
    /// The person.
    pub sub: &'a str,
    /// The app.
    pub aud: &'a str,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When the person signed in, in seconds since 1970.
    pub auth_time: i64,
    /// The app's nonce, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The resource that says who the person is.
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
}

/// Signs `claims` as a compact JWS (RFC 7515 §7.1) of type `typ`.
///
/// # Errors
/// [`StoreError`] where KMS does not sign.
pub async fn sign(signer: &Signer, kid: &str, typ: &str, claims: &impl Serialize) -> Result<String, StoreError> {
    let header = json!({"alg": "RS256", "typ": typ, "kid": kid});
    let claims = serde_json::to_vec(claims).map_err(|error| StoreError::Fault(error.to_string()))?;
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer.sign(message.as_bytes()).await?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
