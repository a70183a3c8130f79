//! A member's whole record, as the operator's command merges or removes it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::rows::Writer;
use super::standing::{Standing, StandingRow};
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::record::partition::Partition;
use crate::record::receipt::is_receipt;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::schema::{self, AFTER_ALL};
use crate::store::table::{Consistency, RowQuery, SortKeys};

impl Writer {
    /// The member's own resources, without receipts. Each has the source's `meta.lastUpdated` again, so that it may be loaded once more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn record(&self, member: &str) -> Result<Vec<Json>, StoreError> {
        let range = SortKeys::Before(AFTER_ALL.to_owned());
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(schema::member(member), range) };
        let mut pages = self.table.pages(query);
        let mut resources = Vec::new();
        while let Some(items) = pages.next().await? {
            let mut rows = Vec::new();
            for item in &items {
                match decode(item, 0)? {
                    Found::Resource(row) if !is_receipt(&row.key) => rows.push((StandingRow::of(item)?, row)),
                    _ => {}
                }
            }
            let references: Vec<Reference> = rows.iter().map(|(_, row)| row.key.clone()).collect();
            let mut homes = self.homes(&references).await?;
            for (standing_row, row) in rows {
                let home = homes.remove(&row.key).unwrap_or_default();
                let partition = Partition::Member(member.to_owned());
                let standing = Standing { home, rows: BTreeMap::from([(partition, standing_row)]) };
                resources.push(with_source_date(self.resource(row).await?, standing.source_date()));
            }
        }
        Ok(resources)
    }
}

/// A stored resource without this server's version and time, and with the time that its source gave.
pub(super) fn with_source_date(mut resource: Json, date: Option<i64>) -> Json {
    if let Some(meta) = resource["meta"].as_object_mut() {
        meta.remove("versionId");
        meta.remove("lastUpdated");
        if let Some(date) = date {
            meta.insert("lastUpdated".to_owned(), json!(Time(date).to_string()));
        }
    }
    resource
}
