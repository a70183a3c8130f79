//! A key pair of an app, and the assertions that it signs.

use aws_lc_rs::digest::{SHA384, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use tests::App;

use super::claims;

/// A key pair of an app.
pub enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Pair {
    pub fn ec() -> Pair {
        Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub fn rsa() -> Pair {
        Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn alg(&self) -> &'static str {
        if matches!(self, Pair::Ec(_)) { "ES384" } else { "RS384" }
    }

    /// The public key in the form in which it is registered.
    pub fn jwk(&self, kid: &str) -> Json {
        match self {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
                json!({"kty": "EC", "crv": "P-384", "kid": kid, "alg": "ES384",
                    "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
            }
            Pair::Rsa(pair) => {
                // A SubjectPublicKeyInfo of 2048 bits is 294 bytes: the modulus begins at the 33rd, and the exponent is
                // at the end.
                let der = pair.public_key().as_der().unwrap();
                let (n, e) = (&der.as_ref()[33..289], &der.as_ref()[291..]);
                json!({"kty": "RSA", "kid": kid, "use": "sig", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)})
            }
        }
    }

    pub fn sign(&self, header: &Json, claims: &Json) -> String {
        let text = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        let digest = digest(&SHA384, message.as_bytes());
        let signature = match self {
            Pair::Ec(pair) => pair.sign_digest(&digest).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA384, &digest, &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A good assertion, with a `jti` of its own.
    pub fn assertion(&self, app: &App, client: &str, kid: &str) -> String {
        self.sign(&self.header(kid), &claims(app, client))
    }

    pub fn header(&self, kid: &str) -> Json {
        json!({"alg": self.alg(), "typ": "JWT", "kid": kid})
    }
}
