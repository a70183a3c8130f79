//! The key of the demo provider, its tokens, and how its client proves itself.

use anyhow::Result;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded;

/// A key that signs by ES256. It lives as long as the provider.
#[derive(Debug)]
pub(super) struct SigningKey(EcdsaKeyPair);

/// The key's name.
const KID: &str = "demo";

impl SigningKey {
    pub(super) fn generate() -> Result<SigningKey> {
        Ok(SigningKey(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?))
    }

    /// The public half as a JSON Web Key (RFC 7517). The point is written as one byte, x and y.
    pub(super) fn public(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KID, "x": x, "y": y})
    }

    /// A signed token (RFC 7515).
    pub(super) fn sign(&self, claims: &Value) -> Result<String> {
        let encoded = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encoded(&json!({"alg": "ES256", "kid": KID, "typ": "JWT"})), encoded(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes())?;
        Ok(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

/// The challenge of a verifier (RFC 7636 §4.2).
pub(super) fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Whether a header is the client's HTTP Basic, whose parts are form-encoded (RFC 6749 §2.3.1).
pub(super) fn is_client(header: Option<&str>, id: &str, secret: &str) -> bool {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    header.and_then(|header| header.strip_prefix("Basic ")).is_some_and(|sent| sent == expected)
}
