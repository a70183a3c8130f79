//! A resource of a record as it was read.

use super::documents::Content;
use super::packing::{LazyIndex, ResourceVersion};
use crate::access::{Permit, Permits};
use crate::clock::Time;
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::store::objects::Object;

pub use crate::store::schema::{moment, position};

/// A resource.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its type and id.
    pub key: Reference,
    /// Its `meta.versionId`.
    pub version: u64,
    /// Its `meta.lastUpdated`.
    pub last_updated: Time,
    /// Its place in the member's history of its type (see [`position`]). For a type that no date orders it is type and id.
    pub position: String,
    pub(super) index: LazyIndex,
    /// Its JSON (see [`super::resources`], `json`).
    pub(super) json: RowJson,
    /// The content of a Binary, where that lies in the bucket and not in the JSON.
    pub(super) content: Option<Content>,
    /// How far it is from the member's own resources: 0 for one of their own, 1 for a shared one that a pointer leads to, 2 for one
    /// that only such a shared one refers to.
    pub(super) steps: u8,
}

/// Where a row's JSON is.
#[derive(Clone, Debug)]
pub(super) enum RowJson {
    /// In memory.
    Here(String),
    /// In the packed body, to be unpacked again.
    Packed(Vec<u8>),
    /// In the bucket.
    InBucket(Object),
}

impl Row {
    /// The values of its search parameters.
    pub fn index(&self) -> &Index {
        let json = if let RowJson::Here(json) = &self.json { json.as_str() } else { "" };
        self.index.get(&self.version(), json)
    }

    /// The content of this Binary, where that lies in the bucket and not in its JSON.
    pub fn content(&self) -> Option<Content> {
        self.content.clone()
    }

    /// Whether a permit for one type admits it.
    pub(super) fn is_admitted_by(&self, permit: &Permit) -> bool {
        permit.admits(&self.key, || self.index())
    }

    /// Whether one of the permits admits it.
    pub(super) fn is_admitted_among(&self, permits: &Permits) -> bool {
        permits.admit(&self.key, || self.index())
    }

    /// How many bytes of JSON it holds in memory.
    pub(super) fn weight(&self) -> usize {
        if let RowJson::Here(json) = &self.json { json.len() } else { 0 }
    }

    /// Drops the unpacked JSON and keeps the packed body. Repetitive JSON packs 100:1, so the rows of one call could otherwise need
    /// more memory than a function has.
    pub(super) fn keep_packed(&mut self, body: &[u8]) {
        if let RowJson::Here(_) = &self.json {
            // The index may have to be made of the JSON.
            self.index();
            self.json = RowJson::Packed(body.to_vec());
        }
    }

    /// Which version of which resource it is.
    pub(super) fn version(&self) -> ResourceVersion<'_> {
        ResourceVersion { key: &self.key, number: self.version, last_updated: self.last_updated }
    }

    /// The local references among the values of its search parameters.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        self.references_under(&[])
    }

    /// The same, also as absolute URLs under `bases`.
    pub fn references_under(&self, bases: &[&str]) -> impl Iterator<Item = Reference> {
        self.index().entries.iter().flat_map(|(_, values)| values).filter_map(|value| match value {
            Value::Reference(text) => Reference::parse(text, bases),
            _ => None,
        })
    }
}
