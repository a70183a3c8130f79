//! Exchanges a code at a provider's token endpoint (OpenID Connect Core §3.1.3).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

use super::error::unavailable;
use super::metadata::Metadata;
use super::settings::{ClientAuthentication, IdentityProvider};
use crate::bounds::ASSERTION_SECONDS;
use crate::issuer::Issuer;
use crate::oauth::error::PageError;
use crate::oauth::fetch;
use crate::oauth::state::SignInEndpoint;
use crate::secret::Secret;
use crate::store::StoreError;

/// The one type of assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A provider's tokens. They are used once and kept nowhere.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub id_token: String,
    pub access_token: Option<String>,
}

/// Exchanges `code` with the verifier of our PKCE challenge.
pub(super) async fn exchange(
    endpoint: &SignInEndpoint,
    issuer: &Issuer,
    provider: &IdentityProvider,
    metadata: &Metadata,
    (code, verifier): (&str, &Secret),
) -> Result<Answer, PageError> {
    let redirect_uri = provider.redirect_uri(issuer);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &redirect_uri)
        .append_pair("code_verifier", verifier.reveal());
    let mut basic = None;
    match &provider.authentication {
        ClientAuthentication::Basic(sealed) => {
            let secret =
                endpoint.sealer.open(sealed, &IdentityProvider::context(&provider.name, &provider.issuer)).await?;
            basic = Some(authorization(&provider.client_id, &secret));
        }
        ClientAuthentication::Post(sealed) => {
            let secret =
                endpoint.sealer.open(sealed, &IdentityProvider::context(&provider.name, &provider.issuer)).await?;
            form.append_pair("client_id", &provider.client_id).append_pair("client_secret", secret.reveal());
        }
        ClientAuthentication::PrivateKeyJwt => {
            let assertion = assertion(endpoint, provider, metadata).await?;
            form.append_pair("client_id", &provider.client_id)
                .append_pair("client_assertion_type", ASSERTION_TYPE)
                .append_pair("client_assertion", &assertion);
        }
    }
    let form = Secret::from_client(&form.finish());
    let answer = fetch::post(&metadata.token_endpoint, &form, basic.as_ref(), issuer.is_loopback()).await;
    let document = answer.map_err(|error| unavailable(&provider.name, "its token endpoint", &error))?;
    let answer = serde_json::from_slice(&document.body).map_err(|_| {
        let error = fetch::FetchError::Answer("it is no answer of a token endpoint with an id_token".into());
        unavailable(&provider.name, "its token endpoint", &error)
    })?;
    Ok(answer)
}

/// HTTP Basic, with both parts form-encoded first (RFC 6749 §2.3.1).
fn authorization(client_id: &str, secret: &Secret) -> Secret {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    Secret::from_client(&format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret.reveal())))
    ))
}

/// An assertion for this token endpoint alone, so that nobody else can use it (RFC 7523 §3).
async fn assertion(
    endpoint: &SignInEndpoint,
    provider: &IdentityProvider,
    metadata: &Metadata,
) -> Result<String, PageError> {
    let state = &endpoint.state;
    let now = state.clock.now().seconds();
    let missing = || StoreError::Fault("the stack has no key for assertions: deploy it with PrivateKeyJwt=yes".into());
    let (key, public) = endpoint.assertion_key().await?.ok_or_else(missing)?;
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": public.kid});
    let claims = json!({"iss": provider.client_id, "sub": provider.client_id, "aud": metadata.token_endpoint,
        "jti": state.random.identifier(), "iat": now, "exp": now + ASSERTION_SECONDS / 5});
    let encoded = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = endpoint.signer.sign(key, message.as_bytes()).await?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded_before_they_are_joined() {
        let sent = authorization("a:b", &Secret::from_client("s+ t%"));
        let decoded = STANDARD.decode(sent.reveal().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"a%3Ab:s%2B+t%25");
    }
}
