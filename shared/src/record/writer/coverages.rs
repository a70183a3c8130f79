//! A member's Coverages: by them a member is found, and the operator reports.

use serde_json::Value as Json;

use super::Writer;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::schema::{member, of_type};
use crate::store::table::{Consistency, RowQuery, SortKeys};

impl Writer {
    /// The Coverages of a member, as they are stored now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn coverages(&self, patient: &str) -> Result<Vec<Json>, StoreError> {
        let all = RowQuery::new(member(patient), SortKeys::Under(of_type("Coverage")));
        let query = RowQuery { consistency: Consistency::Strong, ..all };
        let mut coverages = Vec::new();
        for item in self.table.pages(query).all().await? {
            if let Found::Resource(row) = decode(&item, 0)? {
                coverages.push(self.resource(row).await?);
            }
        }
        Ok(coverages)
    }
}
