//! The right to read a shared resource.

use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::row::Row;

/// The most steps from a member's own resources to a shared one. After one step there is a pointer to it; after two, a shared resource
/// with a pointer refers to it.
pub(super) const STEPS: u8 = 2;

/// Permission to read one shared resource. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    target: Reference,
    steps: u8,
}

impl Reach {
    /// To the target of a pointer, which is so many steps from the member's own resources.
    pub(super) fn pointed_to(target: Reference, steps: u8) -> Reach {
        Reach { target, steps }
    }

    /// From a resource that was read to one that it refers to, if that is of a shared type and not too many steps away.
    pub fn of_reference(row: &Row, target: &Reference) -> Option<Reach> {
        let shared = ResourceType::named(&target.resource_type)?.is_shared();
        let refers = row.references().any(|reference| reference == *target);
        (shared && refers && row.steps < STEPS).then(|| Reach { target: target.clone(), steps: row.steps + 1 })
    }

    /// The shared resource.
    pub fn target(&self) -> &Reference {
        &self.target
    }

    /// How many steps it is from the member's own resources.
    pub(in crate::record) fn steps(&self) -> u8 {
        self.steps
    }
}
