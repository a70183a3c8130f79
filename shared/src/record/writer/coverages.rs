//! A member's resources of one type, for a report of the operator's.

use serde_json::Value as Json;

use super::Writer;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::schema::{member, of_type};
use crate::store::table::{RowQuery, SortKeys};

impl Writer {
    /// The Coverages of a member, as they are stored now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn coverages(&self, patient: &str) -> Result<Vec<Json>, StoreError> {
        let query = RowQuery::new(member(patient), SortKeys::Under(of_type("Coverage")));
        let mut coverages = Vec::new();
        for item in self.table.pages(query).all().await? {
            if let Found::Resource(row) = decode(&item, 0)? {
                coverages.push(self.resource(row).await?);
            }
        }
        Ok(coverages)
    }
}
