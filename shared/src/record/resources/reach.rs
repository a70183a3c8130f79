//! The right to read a shared resource.

use crate::bounds::REACH_STEPS;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::row::Row;

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

    /// From a resource that was read to the shared ones that it refers to. `bases` are the URLs under which our own resources may be named.
    pub fn of_references(row: &Row, bases: &[&str]) -> impl Iterator<Item = Reach> {
        let is_shared =
            |target: &Reference| ResourceType::named(&target.resource_type).is_some_and(ResourceType::is_shared);
        let (ends, steps) = (row.steps >= REACH_STEPS, row.steps + 1);
        let targets = row.references_under(bases).filter(move |target| !ends && is_shared(target));
        targets.map(move |target| Reach { target, steps })
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
