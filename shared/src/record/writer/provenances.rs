//! Provenances as they came: the copies of members are made of them again and again.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::rows::Writer;
use super::standing::{Standing, StandingRow};
use super::whole::with_source_date;
use crate::fhir::reference::Reference;
use crate::record::partition::Partition;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::table::Consistency;

impl Writer {
    /// A Provenance as it came: from out of everyone's reach, or from the partition of the one member who owns all of it. Its
    /// `meta.lastUpdated` is the source's again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn provenance(&self, id: &str) -> Result<Option<Json>, StoreError> {
        let reference = Reference::new("Provenance", id);
        let home = self.home(&reference).await?;
        let owners = home.owners.clone();
        for partition in [Partition::Unclaimed].into_iter().chain(owners.into_iter().map(Partition::Member)) {
            let Some(item) = self.table.get(partition.key(&reference), Consistency::Strong).await? else { continue };
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            let standing = Standing { home, rows: BTreeMap::from([(partition, StandingRow::of(&item)?)]) };
            return Ok(Some(with_source_date(self.resource(row).await?, standing.source_date())));
        }
        Ok(None)
    }
}
