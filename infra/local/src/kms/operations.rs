//! The operations of the KMS API, from the body of a request to the body of its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ACCOUNT;
use crate::arn::key_arn;
use crate::kms::error::KmsError;
use crate::kms::key::{KeySpec, Message, not_a_signing_key};
use crate::kms::keyring::{Key, KeyChange, Keyring, now};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateKeyRequest {
    key_spec: Option<String>,
    customer_master_key_spec: Option<String>,
    key_usage: Option<String>,
    description: Option<String>,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPolicyRequest {
    key_id: String,
    policy_name: Option<String>,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleKeyDeletionRequest {
    key_id: String,
    pending_window_in_days: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAliasRequest {
    alias_name: String,
    target_key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyRequest {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignRequest {
    key_id: String,
    message: String,
    message_type: Option<String>,
    signing_algorithm: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CryptRequest {
    key_id: Option<String>,
    plaintext: Option<String>,
    ciphertext_blob: Option<String>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateMacRequest {
    key_id: String,
    message: String,
    mac_algorithm: String,
}

/// Runs one operation.
pub(super) async fn run(keyring: &Keyring, operation: &str, body: &[u8]) -> Result<Value, KmsError> {
    match operation {
        "CreateKey" => create_key(keyring, read(body)?).await,
        "CreateAlias" => {
            let CreateAliasRequest { alias_name, target_key_id } = read(body)?;
            keyring.create_alias(&alias_name, &target_key_id).map(|()| json!({}))
        }
        "DescribeKey" => {
            let key = keyring.find(&read::<KeyRequest>(body)?.key_id)?;
            Ok(json!({"KeyMetadata": metadata(&key)}))
        }
        "GetKeyPolicy" => {
            let request: KeyPolicyRequest = read(body)?;
            default_name(&request)?;
            Ok(json!({"Policy": by_id(keyring, &request.key_id)?.policy, "PolicyName": "default"}))
        }
        "PutKeyPolicy" => put_key_policy(keyring, read(body)?),
        "ScheduleKeyDeletion" => schedule_key_deletion(keyring, read(body)?),
        "GetPublicKey" => get_public_key(&*keyring.find(&read::<KeyRequest>(body)?.key_id)?),
        "Sign" => sign(keyring, read(body)?),
        "Encrypt" => encrypt(keyring, read(body)?),
        "Decrypt" => decrypt(keyring, read(body)?),
        "GenerateMac" => generate_mac(keyring, read(body)?),
        _ => Err(KmsError::new("UnknownOperationException", "this KMS has no such operation")),
    }
}

async fn create_key(keyring: &Keyring, request: CreateKeyRequest) -> Result<Value, KmsError> {
    let spec = request.key_spec.or(request.customer_master_key_spec);
    let spec = spec.unwrap_or_else(|| KeySpec::SymmetricDefault.name().to_owned());
    let spec: KeySpec = spec
        .parse()
        .map_err(|error: anyhow::Error| KmsError::new("UnsupportedOperationException", error.to_string()))?;
    let usage = request.key_usage.unwrap_or_else(|| "ENCRYPT_DECRYPT".to_owned());
    if usage != spec.usage() {
        let message = format!("KeyUsage {usage} is not compatible with KeySpec {}", spec.name());
        return Err(KmsError::new("ValidationException", message));
    }
    request.policy.as_deref().map(well_formed).transpose()?;
    let key = keyring.create(spec, request.description.unwrap_or_default(), request.policy).await;
    let key = key.map_err(|error| KmsError::new("KMSInternalException", error.to_string()))?;
    Ok(json!({"KeyMetadata": metadata(&key)}))
}

/// The key with this id or ARN. The operations on policies and deletion take no alias.
fn by_id(keyring: &Keyring, name: &str) -> Result<Arc<Key>, KmsError> {
    if name.contains("alias/") {
        return Err(KmsError::new("InvalidArnException", format!("{name} is not a key id or a key ARN")));
    }
    keyring.find(name)
}

/// Checks the policy's name. A key has one policy, and its name is `default`.
fn default_name(request: &KeyPolicyRequest) -> Result<(), KmsError> {
    match request.policy_name.as_deref() {
        None | Some("default") => Ok(()),
        Some(other) => Err(KmsError::new("NotFoundException", format!("No such policy exists: {other}"))),
    }
}

fn well_formed(policy: &str) -> Result<(), KmsError> {
    let json: Option<Value> = serde_json::from_str(policy).ok();
    match json.is_some_and(|policy| policy["Statement"].is_array()) {
        true => Ok(()),
        false => Err(KmsError::new("MalformedPolicyDocumentException", "The policy is not well formed.")),
    }
}

fn put_key_policy(keyring: &Keyring, request: KeyPolicyRequest) -> Result<Value, KmsError> {
    default_name(&request)?;
    let key = by_id(keyring, &request.key_id)?;
    let policy = request.policy.ok_or_else(|| KmsError::new("ValidationException", "Policy is missing"))?;
    well_formed(&policy)?;
    keyring.change(&key, KeyChange::Policy(policy))?;
    Ok(json!({}))
}

/// Schedules a deletion. The key keeps this state and is never deleted: nobody waits for a week here.
fn schedule_key_deletion(keyring: &Keyring, request: ScheduleKeyDeletionRequest) -> Result<Value, KmsError> {
    let key = by_id(keyring, &request.key_id)?;
    usable(&key)?;
    let days = request.pending_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(KmsError::new("ValidationException", "PendingWindowInDays must be between 7 and 30"));
    }
    let now = now().map_err(|error| KmsError::new("KMSInternalException", error.to_string()))?;
    let key = keyring.change(&key, KeyChange::Deletion(now + days * 86_400))?;
    Ok(json!({
        "KeyId": key_arn(&key.id),
        "DeletionDate": key.deletion,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }))
}

/// Refuses a key that is pending deletion ("Key states of AWS KMS keys").
fn usable(key: &Key) -> Result<(), KmsError> {
    if key.deletion.is_none() {
        return Ok(());
    }
    Err(KmsError::new("KMSInvalidStateException", format!("{} is pending deletion.", key_arn(&key.id))))
}

fn get_public_key(key: &Key) -> Result<Value, KmsError> {
    usable(key)?;
    Ok(json!({
        "KeyId": key_arn(&key.id),
        "PublicKey": BASE64_STANDARD.encode(key.material.public_key()?),
        "KeySpec": key.spec.name(),
        "CustomerMasterKeySpec": key.spec.name(),
        "KeyUsage": key.spec.usage(),
        "SigningAlgorithms": [key.spec.algorithm()],
    }))
}

fn sign(keyring: &Keyring, request: SignRequest) -> Result<Value, KmsError> {
    let key = keyring.find(&request.key_id)?;
    usable(&key)?;
    let algorithm = key.spec.algorithm().ok_or_else(not_a_signing_key)?;
    if request.signing_algorithm != algorithm {
        let message = format!(
            "Algorithm {} is incompatible with key spec {} here; it signs with {algorithm}.",
            request.signing_algorithm,
            key.spec.name()
        );
        return Err(KmsError::new("InvalidKeyUsageException", message));
    }
    let bytes = BASE64_STANDARD
        .decode(request.message)
        .map_err(|_| KmsError::new("SerializationException", "Message is not base64"))?;
    let message = match request.message_type.as_deref() {
        None | Some("RAW") => Message::Raw(&bytes),
        Some("DIGEST") => Message::Digest(&bytes),
        Some(other) => {
            let message = format!("MessageType {other} is not RAW or DIGEST");
            return Err(KmsError::new("ValidationException", message));
        }
    };
    Ok(json!({
        "KeyId": key_arn(&key.id),
        "Signature": BASE64_STANDARD.encode(key.material.sign(message)?),
        "SigningAlgorithm": algorithm,
    }))
}

/// Encrypts. As on AWS, the ciphertext names its key.
fn encrypt(keyring: &Keyring, request: CryptRequest) -> Result<Value, KmsError> {
    let key = keyring.find(request.key_id.as_deref().unwrap_or_default())?;
    usable(&key)?;
    let plaintext = bytes(request.plaintext.as_deref())?;
    if !(1..=4096).contains(&plaintext.len()) {
        return Err(KmsError::new("ValidationException", "Plaintext must have length between 1 and 4096"));
    }
    let sealed = key.material.encrypt(&plaintext, &context(&key, &request)?)?;
    let blob = [key.id.as_bytes(), &[0], &sealed].concat();
    Ok(json!({
        "KeyId": key_arn(&key.id),
        "CiphertextBlob": BASE64_STANDARD.encode(blob),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

fn decrypt(keyring: &Keyring, request: CryptRequest) -> Result<Value, KmsError> {
    let refused = || KmsError::new("InvalidCiphertextException", "");
    let blob = bytes(request.ciphertext_blob.as_deref())?;
    let end = blob.iter().position(|byte| *byte == 0).ok_or_else(refused)?;
    let key = keyring.find(std::str::from_utf8(&blob[..end]).map_err(|_| refused())?)?;
    usable(&key)?;
    if let Some(named) = &request.key_id
        && keyring.find(named)?.id != key.id
    {
        return Err(KmsError::new("IncorrectKeyException", "The key ID in the request does not identify the key."));
    }
    let opened = key.material.decrypt(&blob[end + 1..], &context(&key, &request)?)?;
    Ok(json!({
        "KeyId": key_arn(&key.id),
        "Plaintext": BASE64_STANDARD.encode(opened),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

/// The key and the encryption context, as one text: a ciphertext opens under the same alone.
fn context(key: &Key, request: &CryptRequest) -> Result<Vec<u8>, KmsError> {
    serde_json::to_vec(&(&key.id, &request.encryption_context))
        .map_err(|error| KmsError::new("KMSInternalException", error.to_string()))
}

fn bytes(base64: Option<&str>) -> Result<Vec<u8>, KmsError> {
    BASE64_STANDARD
        .decode(base64.unwrap_or_default())
        .map_err(|_| KmsError::new("SerializationException", "a blob is not base64"))
}

fn generate_mac(keyring: &Keyring, request: GenerateMacRequest) -> Result<Value, KmsError> {
    let key = keyring.find(&request.key_id)?;
    usable(&key)?;
    if request.mac_algorithm != "HMAC_SHA_256" {
        let message = format!("Algorithm {} is incompatible with key spec {}.", request.mac_algorithm, key.spec.name());
        return Err(KmsError::new("InvalidKeyUsageException", message));
    }
    let message = BASE64_STANDARD
        .decode(request.message)
        .map_err(|_| KmsError::new("SerializationException", "Message is not base64"))?;
    let code = BASE64_STANDARD.encode(key.material.authenticate(&message)?);
    Ok(json!({"KeyId": key_arn(&key.id), "Mac": code, "MacAlgorithm": request.mac_algorithm}))
}

fn metadata(key: &Key) -> Value {
    let mut metadata = json!({
        "AWSAccountId": ACCOUNT,
        "Arn": key_arn(&key.id),
        "CreationDate": key.created,
        "CustomerMasterKeySpec": key.spec.name(),
        "Description": key.description,
        "Enabled": key.deletion.is_none(),
        "KeyId": key.id,
        "KeyManager": "CUSTOMER",
        "KeySpec": key.spec.name(),
        "KeyState": if key.deletion.is_some() { "PendingDeletion" } else { "Enabled" },
        "KeyUsage": key.spec.usage(),
        "MultiRegion": false,
        "Origin": "AWS_KMS",
    });
    if let Some(deletion) = key.deletion {
        metadata["DeletionDate"] = json!(deletion);
    }
    if let Some(algorithm) = key.spec.algorithm() {
        metadata["SigningAlgorithms"] = json!([algorithm]);
    }
    metadata
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, KmsError> {
    use serde_json::error::Category;
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => KmsError::new("ValidationException", error.to_string()),
        _ => KmsError::new("SerializationException", error.to_string()),
    })
}
