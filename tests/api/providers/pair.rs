//! A key pair of an identity provider, and the tokens that it signs.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

/// A key pair.
pub enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Pair {
    pub fn rsa() -> Pair {
        Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub fn ec() -> Pair {
        Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn ed() -> Pair {
        Pair::Ed(Ed25519KeyPair::generate().unwrap())
    }

    /// The public key as the provider publishes it.
    pub fn jwk(&self, kid: &str) -> Json {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Pair::Rsa(pair) => {
                // A SubjectPublicKeyInfo of 2048 bits is 294 bytes: the modulus begins at the 33rd, the exponent is at the end.
                let der = pair.public_key().as_der().unwrap();
                json!({"kty": "RSA", "kid": kid, "use": "sig", "n": text(&der.as_ref()[33..289]), "e": text(&der.as_ref()[291..])})
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": text(x), "y": text(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(pair.public_key().as_ref())})
            }
        }
    }

    /// A token with this header and these claims, signed as the header's `alg` says as far as this key can.
    pub fn sign(&self, header: &Json, claims: &Json) -> String {
        let message = message(header, claims);
        let bytes = message.as_bytes();
        let signature = match self {
            Pair::Rsa(pair) => {
                let scheme: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(scheme, &digest(&SHA256, bytes), &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign_digest(&digest(&SHA256, bytes)).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(bytes).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn message(header: &Json, claims: &Json) -> String {
    let text = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", text(header), text(claims))
}

/// A token without a signature.
pub fn unsigned(claims: &Json) -> String {
    format!("{}.", message(&json!({"alg": "none"}), claims))
}

/// A token under a text as a shared secret, such as a public key that everybody knows.
pub fn keyed(secret: &[u8], kid: &str, claims: &Json) -> String {
    let message = message(&json!({"alg": "HS256", "kid": kid}), claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}
