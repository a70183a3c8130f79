//! All keys and aliases, in memory or in a folder with a file for each key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ACCOUNT;
use crate::arn::key_arn;
use crate::kms::error::KmsError;
use crate::kms::key::{KeyDefinition, KeySpec, Material};

const ALIASES: &str = "aliases.json";

/// A key of the ring.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) spec: KeySpec,
    pub(super) created: u64,
    pub(super) description: String,
    /// Its key policy, as JSON.
    pub(super) policy: String,
    /// The time of its scheduled deletion, if any, in seconds since 1970.
    pub(super) deletion: Option<u64>,
    pub(super) material: Arc<Material>,
}

/// A change of a key by an operation.
pub(super) enum KeyChange {
    Policy(String),
    Deletion(u64),
}

/// A key as its file has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyFile {
    key_id: String,
    key_spec: String,
    creation_date: u64,
    #[serde(default)]
    description: String,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    deletion_date: Option<u64>,
    /// The private key as PKCS #8, in base64.
    private_key: String,
}

/// The keys and aliases of one account.
#[derive(Debug)]
pub(super) struct Keyring {
    folder: Option<PathBuf>,
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    keys: BTreeMap<String, Arc<Key>>,
    aliases: BTreeMap<String, String>,
}

impl Keyring {
    /// Reads the keys in `folder`, and makes those of `keys` that are missing. An existing key gets the policy and
    /// description of its definition, as CloudFormation would give it at the next deployment.
    ///
    /// # Errors
    /// The folder cannot be read or written, or a key in it has another spec.
    pub(super) async fn open(folder: Option<PathBuf>, keys: &[KeyDefinition]) -> Result<Self> {
        let entries = match &folder {
            Some(folder) => read(folder).with_context(|| format!("keys in {}", folder.display()))?,
            None => Entries::default(),
        };
        let ring = Self { folder, entries: RwLock::new(entries) };
        let mut missing = Vec::new();
        for definition in keys {
            let policy = definition.policy.clone().unwrap_or_else(default_policy);
            match ring.find(&definition.id) {
                Ok(key) => {
                    ensure!(key.spec == definition.spec, "key {} is not {}", definition.id, definition.spec.name());
                    ring.insert(Key { policy, description: definition.description.clone(), ..(*key).clone() })?;
                }
                // All at once: the search for primes is the slow part of a start.
                Err(_) => missing.push(tokio::task::spawn_blocking({
                    let (id, spec, description) =
                        (definition.id.clone(), definition.spec, definition.description.clone());
                    move || Key::generate(id, spec, description, policy)
                })),
            }
        }
        for key in missing {
            ring.insert(key.await??)?;
        }
        Ok(ring)
    }

    /// Makes a new key.
    pub(super) async fn create(&self, spec: KeySpec, description: String, policy: Option<String>) -> Result<Arc<Key>> {
        let (id, policy) = (crate::random::uuid(), policy.unwrap_or_else(default_policy));
        let key = tokio::task::spawn_blocking(move || Key::generate(id, spec, description, policy)).await??;
        self.insert(key)
    }

    /// Changes a key.
    pub(super) fn change(&self, key: &Key, change: KeyChange) -> Result<Arc<Key>, KmsError> {
        let mut key = key.clone();
        match change {
            KeyChange::Policy(policy) => key.policy = policy,
            KeyChange::Deletion(at) => key.deletion = Some(at),
        }
        self.insert(key).map_err(|error| KmsError::new("KMSInternalException", error.to_string()))
    }

    /// The key with this id, ARN, alias name or alias ARN.
    pub(super) fn find(&self, name: &str) -> Result<Arc<Key>, KmsError> {
        let prefix = key_arn("");
        let local = name.strip_prefix(prefix.trim_end_matches("key/")).unwrap_or(name);
        let local = local.strip_prefix("key/").unwrap_or(local);
        let entries = self.entries.read().map_err(poisoned)?;
        let id = entries.aliases.get(local).map_or(local, String::as_str);
        entries.keys.get(id).cloned().ok_or_else(|| {
            let message = match local.starts_with("alias/") {
                true => format!("Alias {name} is not found."),
                false => format!("Key '{}' does not exist", key_arn(local)),
            };
            KmsError::new("NotFoundException", message)
        })
    }

    /// Gives a key a new alias.
    pub(super) fn create_alias(&self, name: &str, target: &str) -> Result<(), KmsError> {
        if !name.starts_with("alias/") || name.starts_with("alias/aws/") {
            let message = "Alias must start with the prefix \"alias/\" and not \"alias/aws/\".";
            return Err(KmsError::new("ValidationException", message));
        }
        let key = self.find(target)?;
        let mut entries = self.entries.write().map_err(poisoned)?;
        if entries.aliases.contains_key(name) {
            let message = format!("An alias with the name {name} already exists");
            return Err(KmsError::new("AlreadyExistsException", message));
        }
        entries.aliases.insert(name.to_owned(), key.id.clone());
        self.write(ALIASES, &entries.aliases).map_err(|error| KmsError::new("KMSInternalException", error.to_string()))
    }

    /// Gives a key an alias of the template, even if another key has it.
    pub(super) fn provide_alias(&self, name: &str, target: &str) -> Result<()> {
        let alias = |error: KmsError| anyhow!("alias {name}: {}", error.message);
        self.entries.write().map_err(poisoned).map_err(alias)?.aliases.remove(name);
        self.create_alias(name, target).map_err(alias)
    }

    fn insert(&self, key: Key) -> Result<Arc<Key>> {
        let file = KeyFile {
            key_id: key.id.clone(),
            key_spec: key.spec.name().to_owned(),
            creation_date: key.created,
            description: key.description.clone(),
            policy: Some(key.policy.clone()),
            deletion_date: key.deletion,
            private_key: BASE64_STANDARD.encode(key.material.to_pkcs8()?),
        };
        self.write(&format!("{}.json", key.id), &file)?;
        let key = Arc::new(key);
        let mut entries = self.entries.write().map_err(|_| anyhow!("the keyring is broken"))?;
        entries.keys.insert(key.id.clone(), Arc::clone(&key));
        Ok(key)
    }

    /// Replaces a file as a whole. Only its owner may read it.
    fn write(&self, name: &str, content: &impl Serialize) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&file, content)?;
        file.persist(folder.join(name))?;
        Ok(())
    }
}

impl Key {
    fn generate(id: String, spec: KeySpec, description: String, policy: String) -> Result<Self> {
        let material = Arc::new(Material::generate(spec)?);
        Ok(Self { id, spec, created: now()?, description, policy, deletion: None, material })
    }

    fn read(path: &Path) -> Result<Self> {
        let file: KeyFile = serde_json::from_slice(&fs::read(path)?)?;
        let spec: KeySpec = file.key_spec.parse()?;
        let material = Material::from_pkcs8(spec, &BASE64_STANDARD.decode(file.private_key)?)?;
        Ok(Self {
            id: file.key_id,
            spec,
            created: file.creation_date,
            description: file.description,
            policy: file.policy.unwrap_or_else(default_policy),
            deletion: file.deletion_date,
            material: Arc::new(material),
        })
    }
}

/// Seconds since 1970.
pub(super) fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// The policy of a key that is made without one ("Default key policy").
fn default_policy() -> String {
    let statement = json!({"Sid": "Enable IAM User Permissions", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*", "Resource": "*"});
    json!({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}).to_string()
}

fn read(folder: &Path) -> Result<Entries> {
    fs::create_dir_all(folder)?;
    let mut entries = Entries::default();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.file_name().is_some_and(|name| name == ALIASES) {
            entries.aliases = serde_json::from_slice(&fs::read(&path)?)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let key = Key::read(&path).with_context(|| path.display().to_string())?;
            entries.keys.insert(key.id.clone(), Arc::new(key));
        }
    }
    Ok(entries)
}

fn poisoned<T>(_: T) -> KmsError {
    KmsError::new("KMSInternalException", "the keyring is broken")
}
