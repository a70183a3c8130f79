//! The accepted keys in a function's memory: read when it starts, and again when they are no longer fresh or a token
//! names one that is not there.

use jsonwebtoken::DecodingKey;
use tokio::sync::RwLock;

use super::SigningKeys;
use super::verdicts::{Mark, Verdicts};
use crate::bounds::{KEYS_AGAIN_SECONDS, KEYS_FRESH_SECONDS};
use crate::clock::{Clock, Time};
use crate::config::{AuthTableName, SigningKeyId};
use crate::store::auth::{Auth, Stored};
use crate::store::signer::{PublicKey, Signer};
use crate::store::{Aws, StoreError};

/// The keys that verify our tokens.
pub struct KeyRing {
    auth: Auth,
    signer: Signer,
    /// The template's key, which signs until the first rotation; `None` where KMS does not give it out any more.
    first: Option<PublicKey>,
    first_kms: String,
    clock: Clock,
    loaded: RwLock<Loaded>,
}

struct Loaded {
    keys: SigningKeys,
    public: Vec<Public>,
    at: Time,
    /// When an unknown key last had the record read.
    unknown_at: Option<Time>,
}

/// A key as KMS gives it out, and which tokens it was found to have signed. The key never changes, so it is fetched once.
struct Public {
    kms: String,
    key: PublicKey,
    decoding: DecodingKey,
    verdicts: Verdicts,
}

impl KeyRing {
    /// Reads the record and fetches the keys: one round trip, and a second one where the keys were rotated.
    ///
    /// # Errors
    /// [`StoreError`] where the table or KMS does not answer.
    pub async fn load(
        aws: &Aws,
        auth_table: &AuthTableName,
        signing_key: &SigningKeyId,
        clock: Clock,
    ) -> Result<KeyRing, StoreError> {
        let (auth, signer) = (Auth::new(aws, auth_table), Signer::new(aws));
        let first_kms = signing_key.to_string();
        let (record, first) = tokio::join!(auth.get::<SigningKeys>(SigningKeys::ID), signer.public_key(&first_kms));
        let first = match first {
            Ok(key) => Some(key),
            // Switched off, by an operator who rotated the keys before.
            Err(StoreError::Fault(why)) => {
                tracing::error!(why, "the template's signing key cannot be used");
                None
            }
            Err(busy) => return Err(busy),
        };
        let keys = all(record?, &first_kms, first.as_ref());
        let empty = Loaded { keys, public: Vec::new(), at: clock.now(), unknown_at: None };
        let ring = KeyRing { auth, signer, first, first_kms, clock, loaded: RwLock::new(empty) };
        ring.fetch(&mut *ring.loaded.write().await).await?;
        Ok(ring)
    }

    /// The keys to publish; where the record cannot be read, those that were published last. Publishing a key accepts
    /// no token.
    pub async fn published(&self) -> Vec<PublicKey> {
        let mut loaded = self.loaded.write().await;
        let now = self.clock.now();
        if !loaded.is_fresh(now)
            && let Err(error) = self.reload(&mut loaded, now).await
        {
            tracing::error!(%error, "the record of the signing keys cannot be read");
        }
        loaded.accepted(now).map(|public| public.key.clone()).collect()
    }

    /// The accepted key of that name.
    ///
    /// # Errors
    /// [`StoreError`] where the keys in memory are too old to be trusted and the record cannot be read.
    pub async fn key(&self, kid: &str) -> Result<Option<DecodingKey>, StoreError> {
        let now = self.clock.now();
        {
            let loaded = self.loaded.read().await;
            if loaded.is_fresh(now)
                && let Some(key) = loaded.key(kid, now)
            {
                return Ok(Some(key));
            }
        }
        let mut loaded = self.loaded.write().await;
        if !loaded.is_fresh(now) {
            self.reload(&mut loaded, now).await?;
        } else if loaded.key(kid, now).is_none() && loaded.may_look_for_unknown(now) {
            loaded.unknown_at = Some(now);
            self.reload(&mut loaded, now).await?;
        }
        Ok(loaded.key(kid, now))
    }

    /// Whether an accepted key is known to have signed this token. Keys in memory that are too old to be trusted know nothing.
    pub async fn has_verified(&self, mark: &Mark) -> bool {
        let now = self.clock.now();
        let loaded = self.loaded.read().await;
        loaded.is_fresh(now) && loaded.accepted(now).any(|public| public.verdicts.has(mark))
    }

    /// Remembers that the key of that name signed this token, as long as that key is accepted.
    pub async fn remember(&self, kid: &str, mark: Mark) {
        let now = self.clock.now();
        if let Some(public) = self.loaded.read().await.accepted(now).find(|public| public.key.kid == kid) {
            public.verdicts.add(mark);
        }
    }

    async fn reload(&self, loaded: &mut Loaded, now: Time) -> Result<(), StoreError> {
        let record = self.auth.get::<SigningKeys>(SigningKeys::ID).await?;
        loaded.keys = all(record, &self.first_kms, self.first.as_ref());
        // With a key go its verdicts.
        let accepted: Vec<&str> = loaded.keys.accepted(now).map(|key| key.kms.as_str()).collect();
        loaded.public.retain(|public| accepted.contains(&public.kms.as_str()));
        self.fetch(loaded).await?;
        loaded.at = now;
        Ok(())
    }

    /// Fetches from KMS what is new in the record.
    async fn fetch(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let now = self.clock.now();
        let new: Vec<&str> = loaded
            .keys
            .accepted(now)
            .map(|key| key.kms.as_str())
            .filter(|kms| loaded.public.iter().all(|public| public.kms != *kms))
            .collect();
        let fetched = futures_util::future::join_all(new.into_iter().map(async |kms| {
            let key = match &self.first {
                Some(first) if kms == self.first_kms => Ok(first.clone()),
                _ => self.signer.public_key(kms).await,
            };
            (kms.to_owned(), key)
        }));
        for (kms, key) in fetched.await {
            match key.and_then(|key| Public::new(kms.clone(), key)) {
                Ok(public) => loaded.public.push(public),
                // A key that we may not use, or that was deleted, verifies nothing; the others go on.
                Err(error @ StoreError::Fault(_)) => {
                    tracing::error!(kms, %error, "a signing key cannot be used; see `patient-access keys list`");
                }
                Err(busy) => return Err(busy),
            }
        }
        Ok(())
    }
}

/// The keys that the record lists; before the first rotation, the template's own.
fn all(record: Option<Stored<SigningKeys>>, first_kms: &str, first: Option<&PublicKey>) -> SigningKeys {
    match (record, first) {
        (Some(stored), _) => stored.record,
        (None, Some(first)) => SigningKeys::of_first(first_kms, &first.kid),
        (None, None) => SigningKeys { keys: Vec::new() },
    }
}

impl Loaded {
    fn is_fresh(&self, now: Time) -> bool {
        now < self.at.plus_seconds(KEYS_FRESH_SECONDS)
    }

    fn may_look_for_unknown(&self, now: Time) -> bool {
        self.unknown_at.is_none_or(|at| at.plus_seconds(KEYS_AGAIN_SECONDS) <= now)
    }

    fn accepted(&self, now: Time) -> impl Iterator<Item = &Public> {
        self.keys.accepted(now).filter_map(|key| self.public.iter().find(|public| public.kms == key.kms))
    }

    fn key(&self, kid: &str, now: Time) -> Option<DecodingKey> {
        self.accepted(now).find(|public| public.key.kid == kid).map(|public| public.decoding.clone())
    }
}

impl Public {
    fn new(kms: String, key: PublicKey) -> Result<Public, StoreError> {
        let decoding = DecodingKey::from_rsa_components(&key.n, &key.e)
            .map_err(|error| StoreError::Fault(format!("the public key of {kms} does not read: {error}")))?;
        Ok(Public { kms, key, decoding, verdicts: Verdicts::default() })
    }
}
