//! Provenances as they came: the copies of members are made of them again and again.

use serde_json::{Value as Json, json};

use super::rows::Writer;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::record::partition::Partition;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::schema::resources as attribute;
use crate::store::table::Consistency;

impl Writer {
    /// A Provenance as it came: from out of everyone's reach, or from the partition of the one member who owns all of it. Its
    /// `meta.lastUpdated` is the source's again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn provenance(&self, id: &str) -> Result<Option<Json>, StoreError> {
        let reference = Reference::new("Provenance", id);
        let owners = self.home(&reference).await?.owners;
        for partition in [Partition::Unclaimed].into_iter().chain(owners.into_iter().map(Partition::Member)) {
            let Some(item) = self.table.get(partition.key(&reference), Consistency::Strong).await? else { continue };
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            let mut resource = self.resource(row).await?;
            if let Some(meta) = resource["meta"].as_object_mut() {
                meta.remove("versionId");
                meta.remove("lastUpdated");
                if let Ok(date) = item.number(attribute::SOURCE_DATE) {
                    meta.insert("lastUpdated".to_owned(), json!(Time(date).to_string()));
                }
            }
            return Ok(Some(resource));
        }
        Ok(None)
    }
}
