//! The key under which identifiers are hashed: 256 random bits, made at the first load that needs them. The record has it sealed; in the
//! clear it is in memory alone, unsealed once by each load and each instance of the function that signs in.

use std::sync::Arc;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::clock::Time;
use crate::secret::Random;
use crate::store::auth::{Auth, Commit, CommitError, Record};
use crate::store::aws::Aws;
use crate::store::error::StoreError;
use crate::store::sealer::{Context, Sealed, Sealer};

/// The key, sealed. Without this record every identifier is unknown until all members are loaded again.
#[derive(Serialize, Deserialize)]
struct IdentifierKey {
    sealed: Sealed,
}

impl IdentifierKey {
    const KEY: &'static str = "all";

    fn context() -> Context {
        Context { purpose: "identifiers", pairs: Vec::new() }
    }
}

impl Record for IdentifierKey {
    const KIND: &'static str = "identifier-key";

    fn key(&self) -> String {
        IdentifierKey::KEY.to_owned()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

/// The way to the key.
#[derive(Clone)]
pub(super) struct HashKey {
    auth: Auth,
    sealer: Sealer,
    opened: Arc<OnceCell<hmac::Key>>,
}

impl HashKey {
    /// In the `auth` table of that name, sealed by that KMS key.
    pub fn new(aws: &Aws, table: &str, data_key: &str) -> HashKey {
        HashKey { auth: Auth::new(aws, table), sealer: Sealer::new(aws, data_key), opened: Arc::default() }
    }

    /// The key; `None` where no load needed one yet.
    ///
    /// # Errors
    /// [`StoreError`] where the table or KMS does not answer.
    pub async fn known(&self) -> Result<Option<&hmac::Key>, StoreError> {
        if let Some(key) = self.opened.get() {
            return Ok(Some(key));
        }
        let Some(stored) = self.auth.get::<IdentifierKey>(IdentifierKey::KEY).await? else { return Ok(None) };
        self.opened.get_or_try_init(|| self.open(&stored.record)).await.map(Some)
    }

    /// The key, which is made where there is none yet.
    ///
    /// # Errors
    /// As [`HashKey::known`].
    pub async fn made(&self) -> Result<&hmac::Key, StoreError> {
        let opened = self.opened.get_or_try_init(|| async {
            let known = async || self.auth.get::<IdentifierKey>(IdentifierKey::KEY).await;
            if let Some(stored) = known().await? {
                return self.open(&stored.record).await;
            }
            let sealed = self.sealer.seal(&Random::system().secret(), &IdentifierKey::context()).await?;
            match self.auth.commit(Commit::default().create(&IdentifierKey { sealed })).await {
                // Of two loads that make one at once, the first one's counts.
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
            let stored =
                known().await?.ok_or_else(|| StoreError::Fault("the key of identifiers does not stay".into()))?;
            self.open(&stored.record).await
        });
        opened.await
    }

    async fn open(&self, record: &IdentifierKey) -> Result<hmac::Key, StoreError> {
        let secret = self.sealer.open(&record.sealed, &IdentifierKey::context()).await?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()))
    }
}
