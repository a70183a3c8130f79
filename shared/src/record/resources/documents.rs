//! The content of Binaries, and who names them.

use super::rows::Resources;
use crate::access::{Permits, Sealed};
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::record::documents::{Content, names};
use crate::store::StoreError;
use crate::store::objects::ObjectError;

impl Resources {
    /// Reads all of a Binary's content.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn content(&self, content: &Content) -> Result<Vec<u8>, ObjectError> {
        self.objects.get(&content.object).await
    }

    /// Reads a part of it, the `last` byte included.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn part(&self, content: &Content, first: u64, last: u64) -> Result<Vec<u8>, ObjectError> {
        self.objects.part(&content.object, content.size, first, last).await
    }

    /// A link to it (see [`crate::store::objects::Objects::link`]).
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn link(
        &self,
        content: &Content,
        media_type: &str,
        file: &str,
        now: Time,
    ) -> Result<String, ObjectError> {
        self.objects.link(&content.object, content.size, media_type, file, now).await
    }

    /// The resources of the permits' types that name a Binary, or once did.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn naming(&self, permits: &Permits, id: &str) -> Result<Sealed<Vec<Reference>>, StoreError> {
        let mut names = names(&self.table, &permits.partition(), &Reference::new("Binary", id)).await?;
        names.retain(|name| permits.include(&name.resource_type));
        Ok(permits.seal(names))
    }
}
