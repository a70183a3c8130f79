//! An app's public keys, from a file or from where the app publishes them.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use serde_json::Value as Json;

/// A key set larger than this is none.
const LARGEST: usize = 64 * 1024;

/// Reads a JWK set (RFC 7517) from a file or an `https` URL.
///
/// # Errors
/// It cannot be read, is no JWK set, or holds a key that `private_key_jwt` cannot use.
pub async fn read(place: &str) -> Result<JwkSet> {
    let text = match place.split_once("://") {
        Some(("https", _)) => fetch(place).await.with_context(|| format!("--jwks: {place} cannot be fetched"))?,
        Some(_) => bail!("--jwks: `{place}` must be an https URL or a file"),
        None => std::fs::read(place).with_context(|| format!("--jwks: {place} cannot be read"))?,
    };
    parse(&text).with_context(|| format!("--jwks: {place}"))
}

async fn fetch(url: &str) -> Result<Vec<u8>> {
    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(https);
    let answer = async {
        let response = client.get(url.parse()?).await?;
        ensure!(response.status().is_success(), "the answer is {}", response.status());
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        Ok(body.map_err(|error| anyhow::anyhow!(error))?.to_bytes().to_vec())
    };
    tokio::time::timeout(Duration::from_secs(10), answer).await.context("no answer within ten seconds")?
}

fn parse(text: &[u8]) -> Result<JwkSet> {
    let json: Json = serde_json::from_slice(text).context("this is no JSON")?;
    let keys =
        json["keys"].as_array().filter(|keys| !keys.is_empty()).context("this is no JWK set: it has no `keys`")?;
    for key in keys {
        let private = ["d", "p", "q", "k"].iter().any(|name| key.get(name).is_some());
        ensure!(!private, "a key is private or secret; register public keys only");
        ensure!(key["kid"].is_string(), "a key has no `kid`");
    }
    let set: JwkSet = serde_json::from_value(json).context("a key is not well formed")?;
    for key in &set.keys {
        let usable = matches!(key.algorithm, AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_));
        ensure!(usable, "a key is neither RSA (for RS384) nor EC P-384 (for ES384)");
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_keys_with_a_name_are_taken() {
        let fault = |text: &str| format!("{:#}", parse(text.as_bytes()).unwrap_err());
        assert!(fault("x").contains("no JSON"));
        assert!(fault(r#"{"keys": []}"#).contains("no `keys`"));
        assert!(
            fault(r#"{"keys": [{"kty": "RSA", "kid": "a", "n": "AQ", "e": "AQAB", "d": "AQ"}]}"#).contains("private")
        );
        assert!(fault(r#"{"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}]}"#).contains("kid"));
        assert!(parse(br#"{"keys": [{"kty": "RSA", "kid": "a", "n": "AQ", "e": "AQAB"}]}"#).is_ok());
    }
}
