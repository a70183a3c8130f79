//! Patients and shared resources are found by their identifiers: rows that lead from an identifier to the resource. A row is written
//! before the resource, and one that leads to a resource without the identifier counts for nothing.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::change::Change;
use super::rows::Writer;
use crate::fhir::reference::Reference;
use crate::fhir::types::{Owner, ResourceType};
use crate::record::partition::Partition;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::objects::content_hash;
use crate::store::schema::{Key, identified};
use crate::store::table::{Condition, Consistency, RowQuery, SortKeys};

/// The identifiers of a resource: system and value.
fn identifiers(resource: &Json) -> BTreeSet<(&str, &str)> {
    let mut found = BTreeSet::new();
    for identifier in resource["identifier"].as_array().into_iter().flatten() {
        if let Some(value) = identifier["value"].as_str() {
            found.insert((identifier["system"].as_str().unwrap_or_default(), value));
        }
    }
    found
}

/// The hash by which an identifier's row is found. The identifier itself stands in no key.
fn hash_of((system, value): (&str, &str)) -> String {
    hex::encode(&content_hash(format!("{system}|{value}").as_bytes())[..16])
}

impl Writer {
    /// Lets a resource be found by its identifiers, if it is a Patient or shared.
    pub(super) async fn identify(&self, change: &Change) -> Result<(), StoreError> {
        let is_found = change.resource_type.owner == Owner::Itself;
        for (partition, copy) in &change.copies {
            if !is_found && *partition != Partition::Shared {
                continue;
            }
            for identifier in identifiers(&copy.resource) {
                let key = Key::identified(&change.reference, &hash_of(identifier));
                self.put_if(Condition::Always, key.into()).await?;
            }
        }
        Ok(())
    }

    /// The Patients or shared resources that have this identifier.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn identified(
        &self,
        resource_type: &str,
        system: &str,
        value: &str,
    ) -> Result<Vec<Reference>, StoreError> {
        let partition = identified(resource_type, &hash_of((system, value)));
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(partition, SortKeys::All) };
        let mut found = Vec::new();
        for row in self.table.pages(query).all().await? {
            let Some(reference) = row.key()?.resource() else { continue };
            let is_member =
                ResourceType::named(&reference.resource_type).is_some_and(|kind| kind.owner == Owner::Itself);
            let partition = if is_member { Partition::Member(reference.id.clone()) } else { Partition::Shared };
            let Some(item) = self.table.get(partition.key(&reference), Consistency::Strong).await? else { continue };
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            if identifiers(&self.resource(row).await?).contains(&(system, value)) {
                found.push(reference);
            }
        }
        Ok(found)
    }
}
