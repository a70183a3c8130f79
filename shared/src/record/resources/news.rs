//! The news of a record since a moment, found by its receipts: the cost depends on the news, not on the length of the record.

use std::collections::BTreeSet;

use super::rows::{Found, Resources};
use crate::access::{Permit, Permits, Sealed};
use crate::bounds::{NEWS, RECEIPT_LEAD};
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::receipt;
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::schema::{self, Key};
use crate::store::table::{RowQuery, SortKeys};

/// The news of a record.
pub struct News {
    /// The member's own resources that are new or changed.
    pub rows: Vec<Row>,
    /// Whether any shared resource changed, in reach or not.
    pub shared: bool,
}

impl Resources {
    /// The member's own resources of the permits' types that became visible at `since` or later; `None` where they may be
    /// too many to be read one by one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn news(&self, permits: &Permits, since: Time) -> Result<Sealed<Option<News>>, StoreError> {
        let partition = permits.partition();
        let (rows, shared) = tokio::try_join!(
            self.changed(&partition, since, |resource_type| permits.include(resource_type)),
            self.shared_changed(since)
        )?;
        let admitted = |rows: Vec<Row>| rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect();
        Ok(permits.seal(rows.map(|rows| News { rows: admitted(rows), shared })))
    }

    /// As [`Resources::news`], of one type.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn news_of(&self, permit: &Permit, since: Time) -> Result<Sealed<Option<Vec<Row>>>, StoreError> {
        let rows = self
            .changed(&permit.partition(), since, |resource_type| resource_type == permit.resource_type().name)
            .await?;
        Ok(permit.seal(rows.map(|rows| rows.into_iter().filter(|row| row.is_admitted_by(permit)).collect())))
    }

    /// The resources that became visible at `since` or later, among the types that are `wanted`; `None` where there may be too many.
    async fn changed(
        &self,
        partition: &str,
        since: Time,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        let (low, high) = receipt::since(since);
        let page = self.table.page(RowQuery::new(partition, SortKeys::Between(low, high))).await?;
        if page.next.is_some() {
            return Ok(None);
        }
        let (mut rows, mut named) = (Vec::new(), BTreeSet::new());
        for item in &page.items {
            if let Found::Resource(receipt) = self.found(item, 0).await? {
                named.extend(receipt.references().filter(|target| wanted(&target.resource_type) && is_owned(target)));
                rows.push(receipt);
            }
        }
        if named.len() > NEWS {
            return Ok(None);
        }
        let read: BTreeSet<Reference> = rows.iter().map(|row| row.key.clone()).collect();
        rows.retain(|row| wanted(&row.key.resource_type));
        let keys = named.difference(&read).map(|target| Key::in_partition(partition, &target.to_string())).collect();
        rows.extend(self.resources(keys, 0).await?);
        rows.retain(|row| row.last_updated >= since);
        Ok(Some(rows))
    }

    /// Whether any shared resource changed.
    async fn shared_changed(&self, since: Time) -> Result<bool, StoreError> {
        let first = schema::sortable(Time(since.0.saturating_sub(RECEIPT_LEAD)));
        let query = RowQuery { limit: Some(1), ..RowQuery::new(schema::SHARED_NEWS, SortKeys::From(first)) };
        Ok(!self.table.page(query).await?.items.is_empty())
    }
}

/// Whether the target may be a member's own. Shared resources have news of their own.
fn is_owned(target: &Reference) -> bool {
    ResourceType::named(&target.resource_type).is_some_and(ResourceType::is_owned)
}
