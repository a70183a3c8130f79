//! All keys and aliases, in memory or as one file per key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::KmsError;
use super::key::{KeySpec, Material};
use crate::physical::key_arn;

const ALIASES: &str = "aliases.json";

/// A key of the ring.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) spec: KeySpec,
    pub(super) created: u64,
    pub(super) material: Material,
}

/// A key as it is kept in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyFile {
    key_id: String,
    key_spec: String,
    creation_date: u64,
    /// PKCS #8, in base64.
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
    /// Reads the keys in `folder` and makes those that are missing.
    ///
    /// # Errors
    /// The folder cannot be read or written, or a key in it has another spec.
    pub(super) async fn open(folder: Option<PathBuf>, keys: &[(String, KeySpec)]) -> Result<Self> {
        let entries = match &folder {
            Some(folder) => read(folder).with_context(|| format!("keys in {}", folder.display()))?,
            None => Entries::default(),
        };
        let mut missing = Vec::new();
        for (id, spec) in keys {
            match entries.keys.get(id) {
                Some(key) => ensure!(key.spec == *spec, "key {id} is not {}", spec.name()),
                // Side by side: the search for primes is the slow part of a start.
                None => missing.push(tokio::task::spawn_blocking({
                    let (id, spec) = (id.clone(), *spec);
                    move || Key::generate(id, spec)
                })),
            }
        }
        let ring = Self { folder, entries: RwLock::new(entries) };
        for key in missing {
            ring.insert(key.await??)?;
        }
        Ok(ring)
    }

    /// Makes a new key.
    pub(super) async fn create(&self, spec: KeySpec) -> Result<Arc<Key>> {
        let id = crate::random::uuid();
        let key = tokio::task::spawn_blocking(move || Key::generate(id, spec)).await??;
        self.insert(key)
    }

    /// The key with an id, ARN, alias name or alias ARN.
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

    /// Gives a key an alias from the template, taking it from another key if need be.
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
            private_key: BASE64_STANDARD.encode(key.material.to_pkcs8()?),
        };
        self.write(&format!("{}.json", key.id), &file)?;
        let key = Arc::new(key);
        let mut entries = self.entries.write().map_err(|_| anyhow!("the keyring is broken"))?;
        entries.keys.insert(key.id.clone(), Arc::clone(&key));
        Ok(key)
    }

    /// Replaces a file as a whole, readable by its owner only.
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
    fn generate(id: String, spec: KeySpec) -> Result<Self> {
        let created = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(Self { id, spec, created, material: Material::generate(spec)? })
    }

    fn read(path: &Path) -> Result<Self> {
        let file: KeyFile = serde_json::from_slice(&fs::read(path)?)?;
        let spec: KeySpec = file.key_spec.parse()?;
        let material = Material::from_pkcs8(spec, &BASE64_STANDARD.decode(file.private_key)?)?;
        Ok(Self { id: file.key_id, spec, created: file.creation_date, material })
    }
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
