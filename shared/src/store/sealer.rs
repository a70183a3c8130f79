//! KMS seals secrets that we must keep as they are: whoever reads a row learns nothing. The key is the one of all data at rest; the
//! context says for what a secret was sealed, and policies give a right to a context and not to the key.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::aws::Aws;
use super::error::StoreError;
use super::meter;
use crate::secret::Secret;

/// A sealed secret: KMS's ciphertext in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

/// The key that seals and opens.
#[derive(Clone)]
pub struct Sealer {
    client: Client,
    key: String,
}

/// The circumstances under which a secret is sealed; it opens under the same alone.
pub struct Context {
    /// The word by which policies tell who may open it.
    pub purpose: &'static str,
    /// All else that belongs to it.
    pub pairs: Vec<(&'static str, String)>,
}

/// The name under which policies find the purpose in a context (`kms:EncryptionContext:purpose`).
const PURPOSE: &str = "purpose";

impl Context {
    /// As KMS takes it.
    fn told(&self) -> HashMap<String, String> {
        let pairs = self.pairs.iter().map(|(name, value)| (*name, value.clone()));
        let all = pairs.chain([(PURPOSE, self.purpose.to_owned())]);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Sealer {
    /// The key with that id.
    pub fn new(aws: &Aws, key: &str) -> Sealer {
        Sealer { client: aws.kms(), key: key.to_owned() }
    }

    /// Seals a secret of at most 4 KB, for the operator's command alone: no function has the right.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not seal it.
    pub async fn seal(&self, secret: &Secret, context: &Context) -> Result<Sealed, StoreError> {
        let request = self.client.encrypt().key_id(&self.key).plaintext(Blob::new(secret.reveal()));
        let answer = meter::call(request.set_encryption_context(Some(context.told())).send()).await?;
        match answer.ciphertext_blob {
            Some(sealed) => Ok(Sealed(STANDARD.encode(sealed))),
            None => Err(StoreError::Fault("KMS answered without a ciphertext".into())),
        }
    }

    /// Opens a secret.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not open it, because it was sealed under another key or context, or does not answer.
    pub async fn open(&self, sealed: &Sealed, context: &Context) -> Result<Secret, StoreError> {
        let fault = |why: &str| StoreError::Fault(format!("a sealed secret {why}"));
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| fault("is no base64"))?;
        let request = self.client.decrypt().key_id(&self.key).ciphertext_blob(Blob::new(bytes));
        let answer = meter::call(request.set_encryption_context(Some(context.told())).send()).await?;
        let text = answer.plaintext.map(Blob::into_inner).and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Secret::from_client(&text.ok_or_else(|| fault("is no text"))?))
    }
}
