//! KMS signs tokens, gives out public keys, and makes new keys for the operator. No private key ever leaves KMS.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs1::der::Decode;
use serde::Serialize;
use spki::SubjectPublicKeyInfoRef;

use super::aws::Aws;
use super::error::StoreError;
use super::meter;
use crate::clock::Time;

/// One of our public keys as a JSON Web Key (RFC 7517), with its use.
#[derive(Clone, Debug, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    /// The key's name in tokens: its thumbprint (RFC 7638), so that nobody has to choose a name.
    pub kid: String,
    /// The modulus in base64url.
    pub n: String,
    /// The exponent in base64url.
    pub e: String,
}

impl PublicKey {
    /// Whether the key signed the message, by RS256. The signature is in base64url.
    pub fn signed(&self, message: &[u8], signature: &str) -> bool {
        let read = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (Some(n), Some(e), Some(signature)) = (read(&self.n), read(&self.e), read(signature)) else { return false };
        RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, &signature).is_ok()
    }
}

/// The keys in KMS, each by its key id.
#[derive(Clone)]
pub struct Signer {
    client: Client,
}

impl Signer {
    /// In the account and region of `aws`.
    pub fn new(aws: &Aws) -> Signer {
        Signer { client: aws.kms() }
    }

    /// The public half of the key `id`.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not answer or the key is no RSA key.
    pub async fn public_key(&self, id: &str) -> Result<PublicKey, StoreError> {
        let answer = meter::call(self.client.get_public_key().key_id(id).send()).await.map_err(|error| {
            let told =
                error.as_service_error().and_then(|told| Some((told.code()?, told.message().unwrap_or_default())));
            match told {
                // A signature may succeed later. A key that is switched off must not verify.
                Some((code @ ("DisabledException" | "KMSInvalidStateException"), message)) => {
                    StoreError::Fault(format!("the KMS key {id} cannot be used: {code}: {message}"))
                }
                _ => error.into(),
            }
        })?;
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

    /// Signs with the key `id` by RS256. `message` is hashed here, so KMS sets no bound to its length.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not sign.
    pub async fn sign(&self, id: &str, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        let hash = digest::digest(&digest::SHA256, message);
        let request = self
            .client
            .sign()
            .key_id(id)
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

/// Calls of the operator's command. No function has the rights for them.
impl Signer {
    /// The key policy of the key `id`, as JSON.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not tell.
    pub async fn policy(&self, id: &str) -> Result<String, StoreError> {
        let answer = meter::call(self.client.get_key_policy().key_id(id).send()).await?;
        answer.policy.ok_or_else(|| StoreError::Fault("KMS answered without a key policy".into()))
    }

    /// Makes a new key to sign tokens with and tells its id.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not make it.
    pub async fn create(&self, description: &str, policy: &str) -> Result<String, StoreError> {
        let request = self
            .client
            .create_key()
            .key_spec(KeySpec::Rsa2048)
            .key_usage(KeyUsageType::SignVerify)
            .description(description)
            .policy(policy);
        let id = meter::call(request.send()).await?.key_metadata.map(|metadata| metadata.key_id);
        id.ok_or_else(|| StoreError::Fault("KMS made a key and did not say which".into()))
    }

    /// Replaces the key policy of the key `id`.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not take it.
    pub async fn set_policy(&self, id: &str, policy: &str) -> Result<(), StoreError> {
        meter::call(self.client.put_key_policy().key_id(id).policy(policy).send()).await?;
        Ok(())
    }

    /// Has the key `id` deleted in 30 days, the longest wait that KMS allows, and gives the moment. Until then the deletion can be
    /// cancelled.
    ///
    /// # Errors
    /// [`StoreError`] where KMS refuses.
    pub async fn schedule_deletion(&self, id: &str) -> Result<Time, StoreError> {
        let request = self.client.schedule_key_deletion().key_id(id).pending_window_in_days(30);
        let answer = meter::call(request.send()).await?;
        Ok(Time(answer.deletion_date.map_or(0, |date| date.secs() * 1000)))
    }
}
