//! Homes: for each resource, a row that names the members in whose partitions copies of it may stand.

use std::collections::{BTreeSet, HashMap};

use super::rows::Writer;
use crate::fhir::reference::Reference;
use crate::store::StoreError;
use crate::store::schema::{Key, resources as attribute};
use crate::store::table::{CommitError, Condition, Item};

impl Writer {
    /// The members in whose partitions copies of each of these may stand. A resource without a home is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn homes(&self, of: &[Reference]) -> Result<HashMap<Reference, BTreeSet<String>>, StoreError> {
        let keys = of.iter().collect::<BTreeSet<_>>().into_iter().map(Key::home).collect();
        let mut homes = HashMap::new();
        for item in self.standing_items(keys).await? {
            homes.extend(item.key()?.resource().map(|reference| (reference, item.texts(attribute::OWNERS))));
        }
        Ok(homes)
    }

    /// Changes a home, if it is still as it was read. If it is changed already, that is no conflict: an earlier try did it, and its
    /// answer was lost.
    pub(super) async fn put_home(
        &self,
        reference: &Reference,
        from: &BTreeSet<String>,
        to: &BTreeSet<String>,
    ) -> Result<(), CommitError> {
        let mut item = Item::from(Key::home(reference));
        if !to.is_empty() {
            item.set(attribute::OWNERS, to);
        }
        let condition = if from.is_empty() {
            Condition::Lacks(attribute::OWNERS)
        } else {
            Condition::Is(attribute::OWNERS, from.into())
        };
        match self.table.put(item, condition).await {
            Err(CommitError::Conflict) => {
                let there = self.homes(std::slice::from_ref(reference)).await?.remove(reference).unwrap_or_default();
                if there == *to { Ok(()) } else { Err(CommitError::Conflict) }
            }
            put => put,
        }
    }
}
