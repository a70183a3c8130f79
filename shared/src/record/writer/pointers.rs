//! Pointers: the rows by which a member reaches shared resources.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::rows::Writer;
use crate::fhir::reference::{Reference, references_in};
use crate::fhir::types::ResourceType;
use crate::record::partition::Partition;
use crate::record::receipt::author;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::schema::{Key, PK, reached, resources as attribute};
use crate::store::table::{Condition, Consistency, Item, RowQuery, SortKeys};

/// Whether the type of the resource may be shared.
pub(super) fn is_shared(reference: &Reference) -> bool {
    ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared)
}

/// The shared resources that a shared resource with these references leads to: those whose type says that its type does.
pub fn second_step(of: &Reference, references: impl IntoIterator<Item = Reference>) -> BTreeSet<Reference> {
    let leads = |target: &Reference| {
        ResourceType::named(&target.resource_type)
            .is_some_and(|row| row.is_shared() && row.referred_by.contains(&of.resource_type.as_str()))
    };
    references.into_iter().filter(leads).collect()
}

impl Writer {
    /// Those of these pointers, each a member and a shared resource, that are there and lead straight to it, or in whose place the
    /// member's own resource stands.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pointers<'a>(
        &self,
        wanted: impl Iterator<Item = &'a (String, Reference)> + Clone,
    ) -> Result<BTreeSet<(String, Reference)>, StoreError> {
        let key = |(owner, target): &(String, Reference)| Key::of_member(owner, target);
        let mut direct = HashSet::new();
        let keys = wanted.clone().map(key).collect();
        for item in self.table.batch_get(keys, Some(attribute::POINTER), Consistency::Strong).await? {
            if !item.has(attribute::STEPS) {
                direct.insert(item.key()?);
            }
        }
        Ok(wanted.filter(|pointer| direct.contains(&key(pointer))).cloned().collect())
    }

    /// Lets a member reach a shared resource, whether or not it is stored yet. `steps` is 1 where one of the member's own refers to it,
    /// and 2 where only a shared resource refers to it that has a pointer.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn point(&self, owner: &str, target: &Reference, steps: u8) -> Result<(), StoreError> {
        // This comes first: each member with a pointer to the target is found again when the target comes, changes or goes. The author
        // of receipts is always there and leads nowhere, and a list of all members would be one partition.
        if *target != author() {
            self.put_if(Condition::Always, Key::reached(target, owner).into()).await?;
        }
        let pointer = Item::from(Key::of_member(owner, target));
        if steps == 1 {
            // A nearer pointer replaces a farther one. Neither replaces the member's own Device.
            self.put_if(Condition::LacksOrHas(PK, attribute::STEPS), pointer).await
        } else {
            self.put_if(Condition::Lacks(PK), pointer.with(attribute::STEPS, u64::from(steps))).await
        }
    }

    /// Removes a member's pointer, unless their own resource stands in its place.
    pub(super) async fn remove_pointer(&self, owner: &str, target: &Reference) -> Result<(), StoreError> {
        self.delete_if(Condition::Lacks(attribute::VERSION), Key::of_member(owner, target)).await
    }

    /// Notes that a member has no pointer to a shared resource any more.
    pub(super) async fn remove_reached(&self, owner: &str, target: &Reference) -> Result<(), StoreError> {
        self.delete_if(Condition::Always, Key::reached(target, owner)).await
    }

    /// The members whose pointers lead to a shared resource.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reached_by(&self, target: &Reference) -> Result<Vec<String>, StoreError> {
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(reached(target), SortKeys::All) };
        self.table.pages(query).all().await?.iter().map(|row| Ok(row.key()?.sort_key().to_owned())).collect()
    }

    /// The shared resources that a shared resource leads to; `None` where it is not there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references(&self, target: &Reference) -> Result<Option<BTreeSet<Reference>>, StoreError> {
        let place = (Partition::Shared, target.clone());
        let mut found = self.shared_references_at(vec![place.clone()]).await?;
        Ok(found.remove(&place).map(|references| second_step(target, references)))
    }

    /// The shared resources to which these resources refer in these partitions. A resource that is not there is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references_at(
        &self,
        places: Vec<(Partition, Reference)>,
    ) -> Result<BTreeMap<(Partition, Reference), BTreeSet<Reference>>, StoreError> {
        let mut places: HashMap<Key, (Partition, Reference)> =
            places.into_iter().map(|place| (place.0.key(&place.1), place)).collect();
        let keys = places.keys().cloned().collect();
        let mut found = BTreeMap::new();
        for item in self.table.batch_get(keys, None, Consistency::Strong).await? {
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            if let Some(place) = places.remove(&item.key()?) {
                let references = references_in(&self.resource(row).await?).into_iter().filter(is_shared).collect();
                found.insert(place, references);
            }
        }
        Ok(found)
    }
}
