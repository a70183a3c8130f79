//! Where a resource is kept.

use crate::fhir::reference::Reference;
use crate::store::schema::Key;

/// A partition of the `resources` table in which a copy of a resource may stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// That of the member with this Patient id.
    Member(String),
    /// The resource's own, for every member whose record points to it.
    Shared,
    /// One out of everyone's reach: that of a Binary until a document names it, and of a Provenance as it came, where its members' copies
    /// say less.
    Unclaimed,
}

impl Partition {
    /// The member whose partition it is.
    pub fn owner(&self) -> Option<&str> {
        match self {
            Partition::Member(owner) => Some(owner),
            Partition::Shared | Partition::Unclaimed => None,
        }
    }

    /// The key that the resource has in it.
    pub(super) fn key(&self, resource: &Reference) -> Key {
        match self {
            Partition::Member(owner) => Key::of_member(owner, resource),
            Partition::Shared => Key::shared(resource),
            Partition::Unclaimed => Key::unclaimed(resource),
        }
    }
}
