//! What is new in a record since a moment, by its receipts: the cost depends on what is new, not on the record.

use std::collections::BTreeSet;

use super::{Found, Resources};
use crate::access::{Permit, Permits, Sealed};
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::receipt;
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::table::{Item, Query, Range};

pub(in crate::record) use crate::record::receipt::moment;

/// The partition of the rows that say when something shared changed.
pub(in crate::record) const SHARED_NEWS: &str = "shared";

/// More resources than these are not read one by one: a row that is read by itself costs as much as several in a history.
const MOST_NEWS: usize = 250;

/// What is new in a record.
pub struct News {
    /// The member's own resources.
    pub rows: Vec<Row>,
    /// Whether shared resources changed, anybody's.
    pub shared: bool,
}

impl Resources {
    /// The member's own resources of the permits' types that became visible at `since` or later; `None` where there are so many
    /// that the record itself is to be read.
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

    async fn changed(
        &self,
        partition: &str,
        since: Time,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        let (low, high) = receipt::since(since);
        let page = self.table.page(Query::new(partition, Range::Between(low, high))).await?;
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
        if named.len() > MOST_NEWS {
            return Ok(None);
        }
        let read: BTreeSet<Reference> = rows.iter().map(|row| row.key.clone()).collect();
        rows.retain(|row| wanted(&row.key.resource_type));
        let keys = named.difference(&read).map(|target| Item::key(partition, target.to_string())).collect();
        rows.extend(self.resources(&self.batch(keys).await?, 0).await?);
        rows.retain(|row| row.last_updated >= since);
        Ok(Some(rows))
    }

    /// Whether shared resources changed, anybody's.
    async fn shared_changed(&self, since: Time) -> Result<bool, StoreError> {
        let first = moment(Time(since.0.saturating_sub(receipt::LEAD)));
        let query = Query { limit: Some(1), ..Query::new(SHARED_NEWS, Range::From(first)) };
        Ok(!self.table.page(query).await?.items.is_empty())
    }
}

/// What is shared has news of its own.
fn is_owned(target: &Reference) -> bool {
    ResourceType::named(&target.resource_type).is_some_and(ResourceType::is_owned)
}
