//! The rows that lead from an identifier to the members who have it, in the `auth` table.
//!
//! A sign-in that knows a person by the number on their card finds the record by it in one consistent read, without reading health data.
//! The identifier stands in no key: a row is found by its hash under a key that KMS derives (see [`Signer::derived`]), so that nobody
//! without that right can try numbers, not even with a copy of the table.
//!
//! The row goes with the Patient or Coverage that has the identifier. It is written after this; a load that finds the resource unchanged
//! looks whether it is there. It is deleted in the transaction that corrects, moves or deletes the resource. So no row ever leads to a
//! record that does not have the identifier.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use aws_lc_rs::hmac;
use tokio::sync::OnceCell;

use super::aws::Aws;
use super::error::StoreError;
use super::schema::{self, Key};
use super::signer::Signer;
use super::table::{CommitError, Condition, Consistency, Item, RowQuery, SortKeys, Table, TransactionPart};
use crate::fhir::identifier::Identifier;
use crate::fhir::reference::Reference;

/// The rows.
#[derive(Clone)]
pub struct Identifiers {
    table: Table,
    table_name: String,
    signer: Signer,
    kms_key: String,
    key: Arc<OnceCell<hmac::Key>>,
}

/// The claim of a resource that its identifier is a member's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Claim(Key);

impl Identifiers {
    /// The kind of these rows in the `auth` table.
    const KIND: &'static str = "identifier";

    /// In the `auth` table of that name, hashed under that KMS key.
    pub fn new(aws: &Aws, table: &str, kms_key: &str) -> Identifiers {
        Identifiers {
            table: Table::new(aws, table),
            table_name: table.to_owned(),
            signer: Signer::new(aws),
            kms_key: kms_key.to_owned(),
            key: Arc::default(),
        }
    }

    /// The Patient ids of the members who have an identifier, by resources of this type. A Patient's identifier whose value is the Patient's
    /// id has no row, because it says the member itself.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn members(&self, resource_type: &str, of: Identifier<'_>) -> Result<BTreeSet<String>, StoreError> {
        let partition = schema::records(Self::KIND, &self.hash(resource_type, of).await?);
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
        let hash = self.hash(&by.resource_type, of).await?;
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

    async fn hash(&self, resource_type: &str, of: Identifier<'_>) -> Result<String, StoreError> {
        let key = self.key.get_or_try_init(|| async {
            let key = self.signer.derived(&self.kms_key, "identifiers of members").await?;
            Ok::<_, StoreError>(hmac::Key::new(hmac::HMAC_SHA256, &key))
        });
        let Identifier { system, value } = of;
        let text = format!("{resource_type}\n{system}\n{value}");
        Ok(hex::encode(&hmac::sign(key.await?, text.as_bytes()).as_ref()[..16]))
    }
}
