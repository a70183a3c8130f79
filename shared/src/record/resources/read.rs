//! One resource by its id.

use super::rows::{Found, Resources};
use crate::access::{Permit, Sealed};
use crate::fhir::reference::Reference;
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::schema::Key;

/// The answer to a read by id.
pub enum Lookup {
    /// A resource that the permit admits.
    Resource(Box<Row>),
    /// A deleted resource was here. Only a permit for the whole type tells: a part of the type might never have held it.
    Deleted,
    /// Nothing, or nothing that the permit admits.
    Nothing,
}

impl Resources {
    /// Reads one resource by id. A resource that is not in the permit's partition, not in reach or not admitted is
    /// [`Lookup::Nothing`], after the same reads as one that does not exist.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read(&self, permit: &Permit, id: &str) -> Result<Sealed<Lookup>, StoreError> {
        let target = Reference::new(permit.resource_type().name, id);
        let found = match self.own_or_shared(permit, &target).await? {
            None if permit.resource_type().is_shared() => {
                let second = self.second_step(permit).await?;
                match second.iter().find(|reach| *reach.target() == target) {
                    Some(reach) => self.in_reach(reach).await?,
                    None => None,
                }
            }
            own => own,
        };
        Ok(permit.seal(match found {
            Some(Found::Resource(row)) if row.is_admitted_by(permit) => Lookup::Resource(Box::new(row)),
            Some(Found::Tombstone) if permit.admits_all() => Lookup::Deleted,
            _ => Lookup::Nothing,
        }))
    }

    /// Reads the row that the member's partition has for this resource. Where that may be a pointer, its target is read in the same
    /// call, and looked at only if there is a pointer: a shared resource costs the same round trips as one of the member's own.
    async fn own_or_shared(&self, permit: &Permit, target: &Reference) -> Result<Option<Found>, StoreError> {
        let own = Key::in_partition(&permit.partition(), &target.to_string());
        if !permit.resource_type().is_shared() {
            return self.get(own).await;
        }
        let shared = Key::shared(target);
        let items = self.items(vec![own.clone(), shared.clone()]).await?;
        let of = |key: &Key| items.iter().find(|item| item.key().is_ok_and(|its| its == *key));
        let Some(own) = of(&own) else { return Ok(None) };
        match self.found(own, 0).await? {
            Found::Pointer(reach) => match of(&shared) {
                Some(item) => self.found(item, reach.steps()).await.map(Some),
                None => Ok(None),
            },
            own => Ok(Some(own)),
        }
    }
}
