//! Permits say what a token may do with one resource type, or with the record as a whole. A value that was read under
//! one is sealed.

use std::sync::Arc;

use crate::fhir::filter::Filter;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::{ResourceType, TYPES};
use crate::store::schema::member;

/// The rights that a token gives to resources of one type.
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) resource_type: &'static ResourceType,
    pub(super) owner: Arc<str>,
    pub(super) grant: Arc<str>,
    /// The one resource that stands for who signed in: it is admitted in any case, and alone where there are no granular scopes.
    pub(super) only: Option<Arc<str>>,
    /// Granular scopes: a resource must pass all filters of one of these; none at all admits every resource.
    pub(super) filters: Vec<Vec<Filter>>,
}

/// The rights that a token gives to the record as a whole: a permit for each type that it reaches.
#[derive(Clone, Debug)]
pub struct Permits {
    pub(super) owner: Arc<str>,
    pub(super) grant: Arc<str>,
    pub(super) by_type: Vec<Permit>,
}

/// A value that was read under a permit, and must not leave before the grant is known to be alive.
pub struct Sealed<T> {
    pub(super) value: T,
    pub(super) grant: Arc<str>,
}

impl Permit {
    /// The type it is for.
    pub fn resource_type(&self) -> &'static ResourceType {
        self.resource_type
    }

    /// The key of the one partition it opens.
    pub fn partition(&self) -> String {
        member(&self.owner)
    }

    /// Whether it admits this resource: one of the right type, inside its granular scopes. The index is asked for only
    /// where there are such scopes.
    pub fn admits<'a>(&self, resource: &Reference, index: impl FnOnce() -> &'a Index) -> bool {
        let meets = |index| self.filters.iter().any(|filters| filters.iter().all(|filter| filter.keeps(index)));
        let is_it = |only: &str| only == resource.id;
        resource.resource_type == self.resource_type.name
            && match (self.only.as_deref(), self.filters.is_empty()) {
                (None, true) => true,
                (Some(only), true) => is_it(only),
                (only, false) => only.is_some_and(is_it) || meets(index()),
            }
    }

    /// Whether it admits every resource of the member's that is of its type.
    pub fn admits_all(&self) -> bool {
        self.only.is_none() && self.filters.is_empty()
    }

    pub(crate) fn seal<T>(&self, value: T) -> Sealed<T> {
        Sealed { value, grant: self.grant.clone() }
    }
}

impl Permits {
    /// The key of the one partition they open.
    pub fn partition(&self) -> String {
        member(&self.owner)
    }

    /// Whether the type is among them.
    pub fn include(&self, resource_type: &str) -> bool {
        self.of(resource_type).is_some()
    }

    /// Whether all resources of all shared types are admitted.
    pub fn admit_everything_shared(&self) -> bool {
        let whole =
            |resource_type: &ResourceType| self.of(resource_type.name).is_some_and(|permit| permit.filters.is_empty());
        TYPES.iter().filter(|resource_type| resource_type.is_shared()).all(whole)
    }

    /// Whether a granular scope is among them.
    pub fn are_granular(&self) -> bool {
        self.by_type.iter().any(|permit| !permit.filters.is_empty())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_type.is_empty()
    }

    /// The permits, type by type.
    pub fn iter(&self) -> impl Iterator<Item = &Permit> {
        self.by_type.iter()
    }

    /// The permit for the type.
    pub fn of(&self, resource_type: &str) -> Option<&Permit> {
        self.by_type.iter().find(|permit| permit.resource_type.name == resource_type)
    }

    /// Only the permits for these types.
    #[must_use]
    pub fn limited_to(mut self, resource_types: &[String]) -> Permits {
        self.by_type
            .retain(|permit| resource_types.iter().any(|resource_type| resource_type == permit.resource_type.name));
        self
    }

    /// Whether one of them admits this resource.
    pub fn admit<'a>(&self, resource: &Reference, index: impl FnOnce() -> &'a Index) -> bool {
        self.of(&resource.resource_type).is_some_and(|permit| permit.admits(resource, index))
    }

    pub(crate) fn seal<T>(&self, value: T) -> Sealed<T> {
        Sealed { value, grant: self.grant.clone() }
    }
}
