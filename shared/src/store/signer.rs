//! KMS: signs tokens and gives out the public keys. No private key ever leaves KMS.

use aws_lc_rs::digest;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::try_join_all;
use pkcs1::der::Decode;
use serde::Serialize;
use spki::SubjectPublicKeyInfoRef;

use super::{Aws, StoreError, meter};

/// One of our public keys as a JSON Web Key (RFC 7517), with what it is used for.
#[derive(Clone, Debug, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    /// The key's name in tokens: its thumbprint (RFC 7638), so nobody has to keep a list.
    pub kid: String,
    /// The modulus in base64url.
    pub n: String,
    /// The exponent in base64url.
    pub e: String,
}

/// The KMS keys of a deployment: the first signs, all verify.
#[derive(Clone)]
pub struct Signer {
    client: Client,
    keys: Vec<String>,
}

impl Signer {
    /// Over the keys with these ids.
    pub fn new(aws: &Aws, keys: &[String]) -> Signer {
        Signer { client: aws.kms(), keys: keys.to_owned() }
    }

    /// Fetches the public keys; functions do so once, at start.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not answer or a key is no RSA key.
    pub async fn public_keys(&self) -> Result<Vec<PublicKey>, StoreError> {
        try_join_all(self.keys.iter().map(|id| self.public_key(id))).await
    }

    async fn public_key(&self, id: &str) -> Result<PublicKey, StoreError> {
        let answer = meter::call(self.client.get_public_key().key_id(id).send()).await?;
        let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        let fault =
            |error: &dyn std::fmt::Display| StoreError::Fault(format!("the KMS key {id} is no RSA key: {error}"));
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|error| fault(&error))?;
        let rsa = pkcs1::RsaPublicKey::from_der(info.subject_public_key.raw_bytes()).map_err(|error| fault(&error))?;
        let n = URL_SAFE_NO_PAD.encode(rsa.modulus.as_bytes());
        let e = URL_SAFE_NO_PAD.encode(rsa.public_exponent.as_bytes());
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Ok(PublicKey { kty: "RSA", usage: "sig", alg: "RS256", kid, n, e })
    }

    /// Signs with the current key, RS256: `message` is hashed here, so its length does not matter to KMS.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not sign.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        let Some(key) = self.keys.first() else { return Err(StoreError::Fault("no signing key is configured".into())) };
        let hash = digest::digest(&digest::SHA256, message);
        let request = self
            .client
            .sign()
            .key_id(key)
            .message(Blob::new(hash.as_ref()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::RsassaPkcs1V15Sha256);
        let answer = meter::call(request.send()).await?;
        match answer.signature {
            Some(signature) => Ok(signature.into_inner()),
            None => Err(StoreError::Fault("KMS answered without a signature".into())),
        }
    }
}
