//! The rows that lead from an identifier to the members who have it, in the `auth` table.
//!
//! A sign-in that knows a person by the number on their card finds the record by it in one consistent read, without reading health data.
//! The identifier stands in no key: a row is found by its hash under a secret key, so that nobody without that key can try numbers, not
//! even with a copy of the table. The key is made at the first load that needs it and sealed under KMS's key of all data: only the loader
//! and sign-in may open it, and they keep it in memory alone.
//!
//! The row goes with the Patient or Coverage that has the identifier. It is written after this; a load that finds the resource unchanged
//! looks whether it is there. It is deleted in the transaction that corrects, moves or deletes the resource. So no row ever leads to a
//! record that does not have the identifier.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::auth::{Auth, Commit, Record};
use super::aws::Aws;
use super::error::StoreError;
use super::schema::{self, Key};
use super::sealer::{Context, Sealed, Sealer};
use super::table::{CommitError, Condition, Consistency, Item, RowQuery, SortKeys, Table, TransactionPart};
use crate::clock::Time;
use crate::fhir::identifier::Identifier;
use crate::fhir::reference::Reference;
use crate::secret::Random;

/// The rows.
#[derive(Clone)]
pub struct Identifiers {
    table: Table,
    table_name: String,
    auth: Auth,
    sealer: Sealer,
    key: Arc<OnceCell<hmac::Key>>,
}

/// The key of the hashes, sealed. Without this record every identifier is unknown until all members are loaded again.
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

/// The claim of a resource that its identifier is a member's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Claim(Key);

impl Identifiers {
    /// The kind of these rows in the `auth` table.
    const KIND: &'static str = "identifier";

    /// In the `auth` table of that name, hashed under a key that this KMS key sealed.
    pub fn new(aws: &Aws, table: &str, data_key: &str) -> Identifiers {
        Identifiers {
            table: Table::new(aws, table),
            table_name: table.to_owned(),
            auth: Auth::new(aws, table),
            sealer: Sealer::new(aws, data_key),
            key: Arc::default(),
        }
    }

    /// The Patient ids of the members who have an identifier, by resources of this type. A Patient's identifier whose value is the Patient's
    /// id has no row, because it says the member itself.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn members(&self, resource_type: &str, of: Identifier<'_>) -> Result<BTreeSet<String>, StoreError> {
        let Some(key) = self.known_key().await? else { return Ok(BTreeSet::new()) };
        let partition = schema::records(Self::KIND, &hash(key, resource_type, of));
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(partition, SortKeys::All) };
        let rows = self.table.pages(query).all().await?;
        let member = |key: Key| key.sort_key().split('/').next().unwrap_or_default().to_owned();
        rows.iter().map(|row| Ok(member(row.key()?))).collect()
    }

    /// The claim of the resource `by` that an identifier is a member's.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn claim(&self, of: Identifier<'_>, member: &str, by: &Reference) -> Result<Claim, StoreError> {
        let hash = hash(self.made_key().await?, &by.resource_type, of);
        Ok(Claim(Key::record(Self::KIND, &hash, &format!("{member}/{by}"))))
    }

    /// The part of a transaction that withdraws a claim.
    pub(crate) fn withdrawal(&self, claim: Claim) -> TransactionPart {
        TransactionPart::DeleteIn(self.table_name.clone(), claim.0)
    }

    /// Makes those of these claims that are not made yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn make(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        let keys: Vec<Key> = claims.into_iter().map(|Claim(key)| key).collect();
        let rows = self.table.batch_get(keys.clone(), None, Consistency::Strong).await?;
        let there = rows.iter().map(Item::key).collect::<Result<HashSet<Key>, StoreError>>()?;
        for key in keys.into_iter().filter(|key| !there.contains(key)) {
            match self.table.put(key.into(), Condition::Always).await {
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The key of the hashes; `None` where no load needed one yet.
    async fn known_key(&self) -> Result<Option<&hmac::Key>, StoreError> {
        if self.key.get().is_none() && self.auth.get::<IdentifierKey>(IdentifierKey::KEY).await?.is_none() {
            return Ok(None);
        }
        self.made_key().await.map(Some)
    }

    /// The key of the hashes, which is made where there is none yet.
    async fn made_key(&self) -> Result<&hmac::Key, StoreError> {
        let opened = self.key.get_or_try_init(|| async {
            let known = async || self.auth.get::<IdentifierKey>(IdentifierKey::KEY).await;
            let mut stored = known().await?;
            if stored.is_none() {
                let sealed = self.sealer.seal(&Random::system().secret(), &IdentifierKey::context()).await?;
                match self.auth.commit(Commit::default().create(&IdentifierKey { sealed })).await {
                    // Of two loads that make one at once, the first one's counts.
                    Ok(()) | Err(CommitError::Conflict) => {}
                    Err(CommitError::Store(error)) => return Err(error),
                }
                stored = known().await?;
            }
            let stored = stored.ok_or_else(|| StoreError::Fault("the key of identifiers does not stay".into()))?;
            let secret = self.sealer.open(&stored.record.sealed, &IdentifierKey::context()).await?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()))
        });
        opened.await
    }
}

fn hash(key: &hmac::Key, resource_type: &str, Identifier { system, value }: Identifier<'_>) -> String {
    let text = format!("{resource_type}\n{system}\n{value}");
    hex::encode(&hmac::sign(key, text.as_bytes()).as_ref()[..16])
}
