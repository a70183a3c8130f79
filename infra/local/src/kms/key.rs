//! One KMS key: its spec, its key material, signing, and authentication codes.

use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use crate::kms::error::KmsError;

/// The key specs that this KMS has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySpec {
    /// `RSA_2048`, to sign and verify.
    Rsa2048,
    /// `ECC_NIST_P256`, to sign and verify.
    EccNistP256,
    /// `HMAC_256`, to make message authentication codes.
    Hmac256,
    /// `SYMMETRIC_DEFAULT`, to encrypt and decrypt. On AWS, DynamoDB and S3 encrypt with such keys by themselves.
    SymmetricDefault,
}

impl KeySpec {
    /// Its name in the KMS API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA_2048",
            Self::EccNistP256 => "ECC_NIST_P256",
            Self::Hmac256 => "HMAC_256",
            Self::SymmetricDefault => "SYMMETRIC_DEFAULT",
        }
    }

    /// The one signing algorithm that it has here; `None` if it does not sign.
    pub(super) fn algorithm(self) -> Option<&'static str> {
        match self {
            Self::Rsa2048 => Some("RSASSA_PKCS1_V1_5_SHA_256"),
            Self::EccNistP256 => Some("ECDSA_SHA_256"),
            Self::Hmac256 | Self::SymmetricDefault => None,
        }
    }

    /// The purpose of the key, in the KMS API.
    pub(super) fn usage(self) -> &'static str {
        match self {
            Self::Rsa2048 | Self::EccNistP256 => "SIGN_VERIFY",
            Self::Hmac256 => "GENERATE_VERIFY_MAC",
            Self::SymmetricDefault => "ENCRYPT_DECRYPT",
        }
    }
}

impl FromStr for KeySpec {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let all = [Self::Rsa2048, Self::EccNistP256, Self::Hmac256, Self::SymmetricDefault];
        let found = all.into_iter().find(|spec| spec.name() == name);
        found.ok_or_else(|| anyhow!("this stack has no keys of KeySpec {name}"))
    }
}

/// A key that the template declares.
#[derive(Debug, Clone)]
pub(crate) struct KeyDefinition {
    /// Its id.
    pub(crate) id: String,
    /// Its spec.
    pub(crate) spec: KeySpec,
    /// Its description.
    pub(crate) description: String,
    /// Its key policy, as JSON; `None` for KMS's default policy.
    pub(crate) policy: Option<String>,
}

/// A message to sign, as `MessageType` has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    /// The message itself, which is hashed here.
    Raw(&'a [u8]),
    /// Its SHA-256 digest, which is not hashed again.
    Digest(&'a [u8]),
}

impl Message<'_> {
    fn digest(self) -> Result<Digest, KmsError> {
        match self {
            Self::Raw(message) if (1..=4096).contains(&message.len()) => Ok(digest(&SHA256, message)),
            Self::Raw(_) => Err(KmsError::new(
                "ValidationException",
                "Value at 'message' failed to satisfy constraint: \
                 Member must have length between 1 and 4096",
            )),
            Self::Digest(bytes) => Digest::import_less_safe(bytes, &SHA256).map_err(|_| {
                let message = "Digest is invalid length for the signing algorithm.";
                KmsError::new("ValidationException", message)
            }),
        }
    }
}

/// The key material.
#[derive(Debug)]
pub(super) enum Material {
    Rsa(RsaKeyPair),
    Ecc(EcdsaKeyPair),
    /// The bytes of an HMAC key.
    Hmac(Vec<u8>),
    /// The bytes of an AES-256 key.
    Symmetric([u8; KEY_BYTES]),
}

/// The length of an AES-256 key, in bytes.
const KEY_BYTES: usize = 32;

impl Material {
    /// Makes new key material. For RSA this takes a tenth of a second.
    pub(super) fn generate(spec: KeySpec) -> Result<Self> {
        Ok(match spec {
            KeySpec::Rsa2048 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            KeySpec::EccNistP256 => Self::Ecc(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?),
            KeySpec::Hmac256 => {
                let mut bytes = vec![0; KEY_BYTES];
                aws_lc_rs::rand::fill(&mut bytes)?;
                Self::Hmac(bytes)
            }
            KeySpec::SymmetricDefault => {
                let mut bytes = [0; KEY_BYTES];
                aws_lc_rs::rand::fill(&mut bytes)?;
                Self::Symmetric(bytes)
            }
        })
    }

    /// Reads the form that [`Material::to_pkcs8`] writes.
    pub(super) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Result<Self> {
        Ok(match spec {
            KeySpec::Rsa2048 => Self::Rsa(RsaKeyPair::from_pkcs8(pkcs8)?),
            KeySpec::EccNistP256 => Self::Ecc(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)?),
            KeySpec::Hmac256 => Self::Hmac(pkcs8.to_vec()),
            // Older folders hold such keys without bytes: nothing was encrypted with them.
            KeySpec::SymmetricDefault if pkcs8.is_empty() => Self::generate(spec)?,
            KeySpec::SymmetricDefault => match pkcs8.try_into() {
                Ok(bytes) => Self::Symmetric(bytes),
                Err(_) => bail!("a symmetric key has {KEY_BYTES} bytes"),
            },
        })
    }

    /// The private key as PKCS #8; of an HMAC or a symmetric key, its bytes.
    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Rsa(pair) => pair.as_der()?.as_ref().to_vec(),
            Self::Ecc(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Hmac(bytes) => bytes.clone(),
            Self::Symmetric(bytes) => bytes.to_vec(),
        })
    }

    /// The public key as a DER `SubjectPublicKeyInfo` (RFC 5280).
    pub(super) fn public_key(&self) -> Result<Vec<u8>, KmsError> {
        let der = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ecc(pair) => pair.public_key().as_der(),
            Self::Hmac(_) | Self::Symmetric(_) => return Err(not_a_signing_key()),
        };
        Ok(der.map_err(internal)?.as_ref().to_vec())
    }

    /// Signs a message with the key's one algorithm.
    pub(super) fn sign(&self, message: Message<'_>) -> Result<Vec<u8>, KmsError> {
        let digest = message.digest()?;
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).map_err(internal)?;
                Ok(signature)
            }
            Self::Ecc(pair) => Ok(pair.sign_digest(&digest).map_err(internal)?.as_ref().to_vec()),
            Self::Hmac(_) | Self::Symmetric(_) => Err(not_a_signing_key()),
        }
    }
}

impl Material {
    /// Encrypts under a context (AES-256-GCM): a nonce, the ciphertext and its tag.
    pub(super) fn encrypt(&self, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, KmsError> {
        let mut sealed = plaintext.to_vec();
        let nonce = self.aead()?.seal_in_place_append_tag(Aad::from(context), &mut sealed).map_err(internal)?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Material::encrypt`] made, under the same context.
    pub(super) fn decrypt(&self, ciphertext: &[u8], context: &[u8]) -> Result<Vec<u8>, KmsError> {
        let refused = || KmsError::new("InvalidCiphertextException", "");
        let (nonce, sealed) = ciphertext.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut sealed = sealed.to_vec();
        let opened = self.aead()?.open_in_place(nonce, Aad::from(context), &mut sealed).map_err(|_| refused())?;
        Ok(opened.to_vec())
    }

    /// The authentication code of a message, by HMAC-SHA-256.
    pub(super) fn authenticate(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        match self {
            Self::Hmac(key) => Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()),
            _ => Err(KmsError::new("InvalidKeyUsageException", "The key's usage is not GENERATE_VERIFY_MAC.")),
        }
    }

    fn aead(&self) -> Result<RandomizedNonceKey, KmsError> {
        match self {
            Self::Symmetric(bytes) => RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(internal),
            _ => Err(KmsError::new("InvalidKeyUsageException", "The key's usage is not ENCRYPT_DECRYPT.")),
        }
    }
}

/// The error for a key whose usage is not `SIGN_VERIFY`.
pub(super) fn not_a_signing_key() -> KmsError {
    KmsError::new("InvalidKeyUsageException", "The key's usage is not SIGN_VERIFY.")
}

fn internal(error: aws_lc_rs::error::Unspecified) -> KmsError {
    KmsError::new("KMSInternalException", error.to_string())
}
