//! The resource types that are stored and served, one row each in [`TYPES`]. All that this server knows of a type by itself stands
//! in its row: whose its resources are, which date orders a history, which parameters search it, what a summary has, and what
//! members call it.

mod table;
#[cfg(test)]
mod tests;

use crate::parameters::{COMMON, SearchParameter};
pub use table::TYPES;

/// How the owner of a resource is found. It is decided once, at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A Patient owns itself.
    Itself,
    /// The member whom this element names. This is narrower than R4's patient compartment on purpose: a subscriber does not own
    /// a dependent's Coverage.
    Subject(&'static str),
    /// As [`Owner::Subject`]; without the element the resource is shared (a Device of a practice).
    SubjectOrShared(&'static str),
    /// The owners of the resources that this element names. Each of them has a copy that names only their own.
    Targets(&'static str),
    /// Nobody: a directory entry, which holds no member data and is reached through the resources that refer to it.
    Shared,
    /// The owner of the resource whose attachment names it.
    Attachment,
}

impl Owner {
    /// The element that decides, if there is one.
    pub fn element(self) -> Option<&'static str> {
        match self {
            Owner::Subject(element) | Owner::SubjectOrShared(element) | Owner::Targets(element) => Some(element),
            Owner::Itself | Owner::Shared | Owner::Attachment => None,
        }
    }
}

/// One resource type.
///
/// Elements are listed by name, a space between them, without those that every resource has; `[x]` stands for any type of value.
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// Who owns its resources.
    pub owner: Owner,
    /// Its name in a member's words, for the page on which a member lets an app in.
    pub words: &'static str,
    /// The search parameter that orders a member's history of this type: `created` for claims, the guides' `date`
    /// parameter elsewhere. `None`: by id.
    pub key_date: Option<&'static str>,
    /// The search parameter that says when the care was, where `key_date` says something else.
    pub care_date: Option<&'static str>,
    /// The shared types whose resources refer to this one: the second step of reach.
    pub referred_by: &'static [&'static str],
    /// The elements of its summary (R4's definition: `isSummary`).
    pub summary: &'static str,
    /// The elements of the summary of which only parts are summary: a path, and the elements that stay there.
    pub parts: &'static [(&'static str, &'static str)],
    /// The elements that are always there (R4's definition: `min` of 1 or more).
    pub mandatory: &'static str,
    /// The search parameters that it has besides the common ones, by code.
    pub own_parameters: &'static [SearchParameter],
}

/// Whether a resource of the type of that name is a member, or a person by their relation to one: no resource that is shared may
/// refer to it.
pub fn names_a_member(name: &str) -> bool {
    matches!(name, "Patient" | "RelatedPerson")
}

impl ResourceType {
    /// The type of that name.
    pub fn named(name: &str) -> Option<&'static ResourceType> {
        TYPES.binary_search_by(|row| row.name.cmp(name)).ok().map(|position| &TYPES[position])
    }

    /// The search parameters of the type, each with the position by which an index knows it: the common ones, then the type's own.
    pub fn parameters(&self) -> impl Iterator<Item = (u16, &'static SearchParameter)> + use<> {
        (0u16..).zip(COMMON.iter().chain(self.own_parameters))
    }

    /// The search parameter of that code, with its position.
    pub fn parameter(&self, code: &str) -> Option<(u16, &'static SearchParameter)> {
        self.parameters().find(|(_, parameter)| parameter.code == code)
    }

    /// Whether resources of the type may be shared between members.
    pub fn is_shared(&self) -> bool {
        matches!(self.owner, Owner::Shared | Owner::SubjectOrShared(_))
    }

    /// Whether resources of the type may be a member's own.
    pub fn is_owned(&self) -> bool {
        self.owner != Owner::Shared
    }

    /// Whether a row must note whose a resource of the type is. Of a Patient its id says so, and shared resources have no owner.
    pub fn has_home(&self) -> bool {
        self.is_owned() && self.owner != Owner::Itself
    }

    /// Whether a resource of the type may stand where no member reaches it: its owners are those of other resources.
    pub fn may_be_unclaimed(&self) -> bool {
        matches!(self.owner, Owner::Attachment | Owner::Targets(_))
    }

    /// Whether a Binary that a resource of the type names is its member's. R4 has an Attachment in many types, and by an extension it may
    /// stand in any. A Provenance is about resources whose member is known, and gives nothing.
    pub fn names_documents(&self) -> bool {
        matches!(self.owner, Owner::Itself | Owner::Subject(_) | Owner::SubjectOrShared(_))
    }

    /// The search parameters that say when the care was; the first one with a value counts. R4 asks `$everything` for "care
    /// dates, not record currency dates": the dates of writing down and sending come last.
    pub fn care_dates(&self) -> impl Iterator<Item = &'static str> {
        self.care_date.into_iter().chain(self.key_date)
    }
}
