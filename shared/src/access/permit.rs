//! Permits: what a token may do with one type, and with the record as a whole; and what was read under them, sealed.

use std::sync::Arc;

use crate::fhir::filter::Filter;
use crate::fhir::types::{ResourceType, TYPES};
use crate::store::row::Row;

/// What a token may do with resources of one type.
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) kind: &'static ResourceType,
    pub(super) owner: Arc<str>,
    pub(super) grant: Arc<str>,
    pub(super) only: Option<Arc<str>>,
    /// Granular scopes: a resource must pass all filters of one of these; none at all admits every resource.
    pub(super) filters: Vec<Vec<Filter>>,
}

/// What a token may do with the record as a whole: a permit for each type it reaches.
#[derive(Clone, Debug)]
pub struct Permits {
    pub(super) owner: Arc<str>,
    pub(super) grant: Arc<str>,
    pub(super) by_type: Vec<Permit>,
}

/// Something that was read under a permit and is not to leave before the grant is known to be alive.
pub struct Sealed<T> {
    pub(super) value: T,
    pub(super) grant: Arc<str>,
}

impl Permit {
    /// The type it is for.
    pub fn kind(&self) -> &'static ResourceType {
        self.kind
    }

    /// The key of the one partition it opens.
    pub fn partition(&self) -> String {
        format!("Patient/{}", self.owner)
    }

    /// Whether it admits this resource: the right type, and inside its granular scopes.
    pub fn admits(&self, row: &Row) -> bool {
        row.key.kind == self.kind.name
            && self.only.as_deref().is_none_or(|only| only == row.key.id)
            && (self.filters.is_empty()
                || self.filters.iter().any(|filters| filters.iter().all(|filter| filter.keeps(row.index()))))
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
        format!("Patient/{}", self.owner)
    }

    /// Whether the type is among them.
    pub fn include(&self, kind: &str) -> bool {
        self.of(kind).is_some()
    }

    /// Whether all resources of all shared types are admitted.
    pub fn admit_everything_shared(&self) -> bool {
        let whole = |kind: &ResourceType| self.of(kind.name).is_some_and(|permit| permit.filters.is_empty());
        TYPES.iter().filter(|kind| kind.is_shared()).all(whole)
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
    pub fn of(&self, kind: &str) -> Option<&Permit> {
        self.by_type.iter().find(|permit| permit.kind.name == kind)
    }

    /// Those of these whose type is among `kinds`.
    #[must_use]
    pub fn limited_to(mut self, kinds: &[String]) -> Permits {
        self.by_type.retain(|permit| kinds.iter().any(|kind| kind == permit.kind.name));
        self
    }

    /// Whether one of them admits this resource.
    pub fn admit(&self, row: &Row) -> bool {
        self.of(&row.key.kind).is_some_and(|permit| permit.admits(row))
    }

    pub(crate) fn seal<T>(&self, value: T) -> Sealed<T> {
        Sealed { value, grant: self.grant.clone() }
    }
}
