//! Tokens that KMS signs: access tokens (RFC 9068) and `id_tokens` (OpenID Connect Core §2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;

use crate::clock::Time;
use crate::config::SigningKeyId;
use crate::keys::{SigningKey, SigningKeys};
use crate::store::auth::Stored;
use crate::store::signer::Signer;
use crate::store::{Aws, StoreError};

/// Signs tokens, with the key whose turn it is.
pub struct TokenSigner {
    signer: Signer,
    /// The template's key; `None` where the operator switched it off.
    first: Option<SigningKey>,
}

/// The claims of an `id_token`.
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
    /// When the person signed in, in seconds since 1970, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How strongly, where the plan has a word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// The app's nonce, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The resource that says who the person is.
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
}

impl TokenSigner {
    /// Of a deployment, by its template's key. Asks KMS for that key's name, which also opens the connection before the
    /// first token is asked for.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not answer.
    pub async fn load(aws: &Aws, kms: &SigningKeyId) -> Result<TokenSigner, StoreError> {
        let signer = Signer::new(aws);
        let first = match signer.public_key(kms).await {
            Ok(key) => SigningKeys::of_first(kms, &key.kid).keys.pop(),
            // The operator switched it off. If others took its place, nothing is lost.
            Err(StoreError::Fault(why)) => {
                tracing::error!(kms = &**kms, why, "the template's signing key cannot be used");
                None
            }
            Err(busy) => return Err(busy),
        };
        Ok(TokenSigner { signer, first })
    }

    /// The key that signs now, by the record as this request read it. So the next token feels a rotation.
    ///
    /// # Errors
    /// [`StoreError::Fault`] where none does.
    pub fn key(&self, record: Option<&Stored<SigningKeys>>, now: Time) -> Result<SigningKey, StoreError> {
        let key = match record {
            Some(stored) => stored.record.signing(now).cloned(),
            None => self.first.clone(),
        };
        key.ok_or_else(|| StoreError::Fault("no key is there to sign with".into()))
    }

    /// Signs `claims` as a compact JWS (RFC 7515 §7.1) of type `typ`.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not sign.
    pub async fn sign(&self, key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, StoreError> {
        let header = json!({"alg": "RS256", "typ": typ, "kid": key.kid});
        let claims = serde_json::to_vec(claims).map_err(|error| StoreError::Fault(error.to_string()))?;
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signer.sign(&key.kms, message.as_bytes()).await?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
