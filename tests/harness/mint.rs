//! Tokens that this server never issued, signed with the deployment's own key: the tokens of somebody who got KMS to
//! sign for them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use shared::store::Aws;
use shared::store::signer::{PublicKey, Signer};

/// Signs any text with the key that signs tokens.
pub struct Mint {
    signer: Signer,
    /// The key's id in KMS.
    id: String,
    /// The public half of that key.
    pub key: PublicKey,
}

impl Mint {
    /// Over a stack's KMS.
    pub async fn new(environment: &BTreeMap<String, String>) -> Mint {
        let (signer, id) = (Signer::new(&Aws::local(environment).await), environment["SIGNING_KEY"].clone());
        let key = signer.public_key(&id).await.expect("KMS gives the public key");
        Mint { signer, id, key }
    }

    /// The header of a good access token.
    pub fn header(&self) -> Json {
        json!({"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid})
    }

    /// A token of these parts. They are text, so that they may be no JSON at all.
    pub async fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let signature = self.signer.sign(&self.id, message.as_bytes()).await.expect("KMS signs");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A part of a token in base64url.
fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The claims of a token, whoever signed it.
pub fn claims_of(token: &str) -> Json {
    let payload = token.split('.').nth(1).expect("a token has three parts");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("its parts are base64url");
    serde_json::from_slice(&bytes).expect("they are JSON")
}
