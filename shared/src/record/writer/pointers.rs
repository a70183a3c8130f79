//! Pointers: the rows by which a member reaches shared resources.

use super::rows::Writer;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::schema::{Key, PK, resources as attribute};
use crate::store::table::{CommitError, Condition, Item};

impl Writer {
    /// Lets a member reach a shared resource, whether or not it is stored yet. `steps` is 1 where one of the member's own refers to it,
    /// and 2 where only a shared resource refers to it that has a pointer. Tells whether the pointer is new.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn point(&self, owner: &str, target: &Reference, steps: u8) -> Result<bool, StoreError> {
        let pointer = Item::from(Key::of_member(owner, target));
        let written = if steps == 1 {
            // A nearer pointer replaces a farther one. Neither replaces the member's own Device.
            self.table.put(pointer, Condition::LacksOrHas(PK, attribute::STEPS)).await
        } else {
            self.table.put(pointer.with(attribute::STEPS, u64::from(steps)), Condition::Lacks(PK)).await
        };
        match written {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// The shared resources to which a shared resource refers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references(&self, target: &Reference) -> Result<Vec<Reference>, StoreError> {
        let is_shared =
            |reference: &Reference| ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
        let row = self.resources.shared_row(target).await?;
        Ok(row.iter().flat_map(Row::references).filter(is_shared).collect())
    }
}
