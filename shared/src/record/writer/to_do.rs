//! Notes of what is to be derived again. Each is written before the change that makes it necessary and deleted when it is done, so a run
//! that is cut short leaves nothing that the next one does not finish.

use std::collections::BTreeSet;

use super::rows::Writer;
use crate::fhir::reference::Reference;
use crate::store::StoreError;
use crate::store::schema::{Key, TO_DO};
use crate::store::table::{Condition, Consistency, Item, RowQuery, SortKeys};

/// Something to derive again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToDo {
    /// The copies of the Provenance with this id: the owners of its targets changed.
    Provenance(String),
    /// The pointers and receipts of the member with this Patient id: their resources changed.
    Member(String),
}

impl ToDo {
    fn of(reference: Reference) -> Option<ToDo> {
        match reference.resource_type.as_str() {
            "Provenance" => Some(ToDo::Provenance(reference.id)),
            "Patient" => Some(ToDo::Member(reference.id)),
            _ => None,
        }
    }

    fn key(&self) -> Key {
        Key::to_do(&match self {
            ToDo::Provenance(id) => Reference::new("Provenance", id),
            ToDo::Member(id) => Reference::new("Patient", id),
        })
    }
}

impl Writer {
    /// Notes what is to be derived again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note(&self, to_do: &ToDo) -> Result<(), StoreError> {
        self.put_if(Condition::Always, to_do.key().into()).await
    }

    /// Deletes a note, because it is done.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn done(&self, to_do: &ToDo) -> Result<(), StoreError> {
        self.delete_if(Condition::Always, to_do.key()).await
    }

    /// The notes that runs left which were cut short.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn to_do(&self) -> Result<BTreeSet<ToDo>, StoreError> {
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(TO_DO, SortKeys::All) };
        let notes = self.table.pages(query).all().await?;
        let of = |note: &Item| Ok(note.key()?.resource().and_then(ToDo::of));
        notes.iter().map(of).filter_map(Result::transpose).collect()
    }
}
