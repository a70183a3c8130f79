//! A provider's metadata (OpenID Connect Discovery 1.0 §3, RFC 8414).

use serde::Deserialize;

use crate::oauth::fetch::{FetchError, fetchable};

/// The metadata that a provider publishes.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    /// The page to which the browser goes.
    pub authorization_endpoint: String,
    /// The address at which codes are exchanged.
    pub token_endpoint: String,
    /// The address of its keys.
    pub jwks_uri: String,
    /// Whether each of its answers names it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// The ways in which clients prove who they are; `client_secret_basic` where it does not say.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// The values of `prompt` that it says it knows.
    #[serde(default)]
    pub prompt_values_supported: Vec<String>,
    /// The methods of PKCE that it says it knows.
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
}

/// The address of a provider's metadata (OpenID Connect Discovery §4).
pub fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl Metadata {
    /// Reads the metadata of `issuer`. `loopback` tells whether its endpoints may be on our own machine.
    ///
    /// # Errors
    /// [`FetchError::Answer`]: it is no metadata, it is another issuer's, or an endpoint may not be used.
    pub fn read(text: &[u8], issuer: &str, loopback: bool) -> Result<Metadata, FetchError> {
        let metadata: Metadata = serde_json::from_slice(text)
            .map_err(|error| FetchError::Answer(format!("it is no metadata of OpenID Connect: {error}")))?;
        if metadata.issuer != issuer {
            return Err(FetchError::Answer(format!("it names another issuer: {}", metadata.issuer)));
        }
        for (name, url) in [
            ("authorization_endpoint", &metadata.authorization_endpoint),
            ("token_endpoint", &metadata.token_endpoint),
            ("jwks_uri", &metadata.jwks_uri),
        ] {
            fetchable(url, loopback).map_err(|error| FetchError::Answer(format!("its {name}: {error}")))?;
        }
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn good() -> Json {
        json!({"issuer": "https://id.example", "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token", "jwks_uri": "https://keys.example/jwks"})
    }

    #[test]
    fn metadata_are_the_issuers_own_and_name_no_endpoint_that_may_not_be_used() {
        let read = |json: &Json| Metadata::read(json.to_string().as_bytes(), "https://id.example", false);
        let metadata = read(&good()).unwrap();
        assert!(!metadata.authorization_response_iss_parameter_supported);
        for (name, value) in [
            ("issuer", json!("https://id.example/")),
            ("issuer", json!("https://evil.example")),
            ("authorization_endpoint", json!("http://id.example/auth")),
            ("token_endpoint", json!("http://127.0.0.1/token")),
            ("jwks_uri", json!("file:///etc/keys")),
            ("jwks_uri", Json::Null),
            ("token_endpoint", json!(["https://id.example/token"])),
        ] {
            let mut bad = good();
            bad[name] = value;
            assert!(read(&bad).is_err(), "{bad}");
        }
        assert!(Metadata::read(b"<html>", "https://id.example", false).is_err());
    }

    #[test]
    fn the_address_of_metadata_has_one_slash() {
        for issuer in ["https://id.example/realm", "https://id.example/realm/"] {
            assert_eq!(address(issuer), "https://id.example/realm/.well-known/openid-configuration");
        }
    }
}
