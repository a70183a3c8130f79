//! Names: which of a member's resources name a Binary.

use super::rows::Writer;
use crate::fhir::reference::Reference;
use crate::record::documents::names;
use crate::store::StoreError;
use crate::store::schema::{Key, member};
use crate::store::table::{CommitError, Condition};

impl Writer {
    /// Notes that a member's resource names a Binary. An app that may see the one may then see the other, without a search for who
    /// names it. A name whose resource no longer names the Binary opens nothing.
    ///
    /// # Errors
    /// [`CommitError::Store`]
    pub async fn name(&self, owner: &str, binary: &Reference, by: &Reference) -> Result<(), CommitError> {
        self.table.put(Key::name(owner, binary, by).into(), Condition::Always).await
    }

    /// Whether a resource of the member's names a Binary, or once did.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn is_named(&self, owner: &str, binary: &Reference) -> Result<bool, StoreError> {
        Ok(!self.names(owner, binary).await?.is_empty())
    }

    /// The member's resources that name a Binary, or once did.
    pub(super) async fn names(&self, owner: &str, binary: &Reference) -> Result<Vec<Reference>, StoreError> {
        names(&self.table, &member(owner), binary).await
    }

    /// Notes that a member's resource names a Binary no longer.
    pub(super) async fn unname(&self, owner: &str, binary: &Reference, by: &Reference) -> Result<(), CommitError> {
        self.table.delete(Key::name(owner, binary, by), Condition::Always).await
    }
}
