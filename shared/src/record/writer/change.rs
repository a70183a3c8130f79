//! A change of one resource: the loader's wish, and its outcome by what the store has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::standing::{Standing, StandingRow};
use crate::bounds::ROW_INDEX_BYTES;
use crate::clock::Time;
use crate::fhir::date::Interval;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::documents::{Upload, named_binaries};
use crate::record::packing::{self, ResourceVersion};
use crate::record::partition::Partition;
use crate::store::objects::content_hash;

/// The outcome of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The resource is there now, new or in a new version.
    Stored,
    /// The resource was there and is deleted.
    Deleted,
    /// The same content was there; or the resource was to be deleted and was not there.
    Unchanged,
    /// A newer version was there, by the source's own `meta.lastUpdated`.
    Superseded,
}

/// The change that is to be made to one resource.
#[derive(Clone, Debug)]
pub struct Change {
    pub(super) resource_type: &'static ResourceType,
    pub(super) reference: Reference,
    pub(super) copies: BTreeMap<Partition, ResourceCopy>,
    /// When the source deleted it, where it is to be deleted and the date counts.
    pub(super) deleted: Option<i64>,
    /// Whether it counts even where the store's version has a newer date of the source.
    overrides: bool,
}

/// One copy of the resource. Most resources have one; a Provenance may have one for each member whose resources it is about.
#[derive(Clone, Debug)]
pub(super) struct ResourceCopy {
    /// The resource, without the source's own version and time.
    pub resource: Json,
    /// The hash of its content, by which a load knows that nothing changed.
    pub hash: Vec<u8>,
    /// See [`source_date`].
    pub source_date: Option<i64>,
    /// The ids of the Binaries that it names and so gives to its member.
    pub binaries: BTreeSet<String>,
    /// The content of a Binary, where that is too large for its row.
    pub upload: Option<Upload>,
    /// Whether a row can hold its index.
    fits: bool,
}

impl Change {
    /// The resource is to stand in these partitions, with this content, and nowhere else.
    pub fn store(resource_type: &'static ResourceType, id: &str, copies: Vec<(Partition, Json)>) -> Change {
        let copy = |(partition, resource)| (partition, ResourceCopy::of(resource_type, resource));
        let copies = copies.into_iter().map(copy).collect();
        let reference = Reference::new(resource_type.name, id);
        Change { resource_type, reference, copies, deleted: None, overrides: false }
    }

    /// A Binary of this member is to hold a file. Its JSON is without `data`.
    pub fn hold(binary: Json, upload: Upload, owner: &str) -> Option<Change> {
        let (resource_type, id) = (ResourceType::named("Binary")?, binary["id"].as_str()?.to_owned());
        let copy = ResourceCopy::with(resource_type, binary, Some(upload));
        Some(Change {
            resource_type,
            reference: Reference::new(resource_type.name, &id),
            copies: BTreeMap::from([(Partition::Member(owner.to_owned()), copy)]),
            deleted: None,
            overrides: false,
        })
    }

    /// The resource is to be deleted from every partition: as the source did at `deleted`, so that a version of before that does
    /// not bring it back.
    pub fn delete(resource_type: &'static ResourceType, id: &str, deleted: Option<i64>) -> Change {
        let reference = Reference::new(resource_type.name, id);
        Change { resource_type, reference, copies: BTreeMap::new(), deleted, overrides: false }
    }

    /// This change, made whatever the date of the store's version is, if it `overrides` that.
    #[must_use]
    pub fn overriding(self, overrides: bool) -> Change {
        Change { overrides, ..self }
    }

    /// Its type and id.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The resource that is to stand in a partition.
    pub fn resource(&self, partition: &Partition) -> Option<&Json> {
        self.copies.get(partition).map(|copy| &copy.resource)
    }

    /// The resource, where it is to stand in one place.
    pub(super) fn only(&self) -> Option<&Json> {
        self.copies.values().next().filter(|_| self.copies.len() == 1).map(|copy| &copy.resource)
    }

    /// Whether it is to stand out of everyone's reach alone.
    pub fn is_unclaimed(&self) -> bool {
        self.copies.keys().eq([&Partition::Unclaimed])
    }

    /// The partitions in which it is to stand.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.copies.keys()
    }

    /// Each member in whose partition it is to stand, with the Binaries that it names there.
    pub fn documents(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Reference>)> {
        self.copies.iter().filter_map(|(partition, copy)| {
            Some((partition.owner()?, copy.binaries.iter().map(|id| Reference::new("Binary", id))))
        })
    }

    /// Whether it can be stored: a row must hold the index of each copy.
    pub fn fits(&self) -> bool {
        self.copies.values().all(|copy| copy.fits)
    }

    /// The members in whose partitions it is to stand.
    pub(super) fn owners(&self) -> BTreeSet<String> {
        self.copies.keys().filter_map(Partition::owner).map(str::to_owned).collect()
    }

    /// The outcome, if the change is made now. The source's own date decides which of two versions is newer.
    pub fn outcome(&self, standing: &Standing) -> Written {
        let mut live = standing.live();
        let is_there = standing.live().next().is_some();
        let ours = self.deleted.or_else(|| self.copies.values().find_map(|copy| copy.source_date));
        // A tombstone has the date of the deletion.
        let stored = standing.source_date();
        let is_older = !self.overrides && matches!((stored, ours), (Some(stored), Some(ours)) if stored > ours);
        if self.copies.is_empty() {
            return match (is_there, is_older) {
                (false, _) => Written::Unchanged,
                (true, true) => Written::Superseded,
                (true, false) => Written::Deleted,
            };
        }
        if is_older {
            return Written::Superseded;
        }
        let same = |(partition, copy): (&Partition, &ResourceCopy)| {
            standing.rows.get(partition).is_some_and(|row| row.hash.as_ref() == Some(&copy.hash))
        };
        if self.copies.iter().all(same) && live.all(|(partition, _)| self.copies.contains_key(partition)) {
            return Written::Unchanged;
        }
        Written::Stored
    }

    /// Whether it would be superseded if it did not override the store's date.
    pub fn rests_on_overriding(&self, standing: &Standing) -> bool {
        self.overrides && self.clone().overriding(false).outcome(standing) == Written::Superseded
    }

    /// Whether nothing is left to do: an earlier run may have been cut short after it had written the content.
    pub(super) fn is_settled(&self, standing: &Standing) -> bool {
        let settled = |(partition, row): (&Partition, &StandingRow)| {
            self.copies.get(partition).is_some_and(|copy| copy.binaries == row.binaries)
        };
        self.copies.is_empty() || (standing.home.owners == self.owners() && standing.rows.iter().all(settled))
    }
}

impl ResourceCopy {
    fn of(resource_type: &ResourceType, mut resource: Json) -> ResourceCopy {
        let upload = Upload::taken_from(&mut resource);
        ResourceCopy::with(resource_type, resource, upload)
    }

    /// `meta.versionId` and `meta.lastUpdated` are ours: a client that asks "since my last sync" must not miss a claim that came
    /// late. The source's own are removed.
    fn with(resource_type: &ResourceType, mut resource: Json, upload: Option<Upload>) -> ResourceCopy {
        let source_date = source_date(&resource);
        if let Some(meta) = resource["meta"].as_object_mut() {
            meta.remove("versionId");
            meta.remove("lastUpdated");
        }
        let mut content = Vec::new();
        canonical(&resource, &mut content);
        content.extend(upload.iter().flat_map(Upload::sha256));
        let hash = content_hash(&content)[..16].to_vec();
        let binaries = if resource_type.names_documents() { named_binaries(&resource) } else { BTreeSet::new() };
        let fits = content.len() <= ROW_INDEX_BYTES || index_length(resource_type, &resource) <= ROW_INDEX_BYTES;
        ResourceCopy { resource, hash, source_date, binaries, upload, fits }
    }
}

/// JSON with the properties of every object in the order of their names: their order means nothing (RFC 8259 §4), and makes no new
/// version.
fn canonical(json: &Json, text: &mut Vec<u8>) {
    match json {
        Json::Object(properties) => {
            let mut sorted: Vec<(&String, &Json)> = properties.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push(b'{');
            for (name, value) in sorted {
                text.extend_from_slice(Json::from(name.as_str()).to_string().as_bytes());
                text.push(b':');
                canonical(value, text);
            }
            text.push(b'}');
        }
        Json::Array(items) => {
            text.push(b'[');
            for item in items {
                canonical(item, text);
                text.push(b',');
            }
            text.push(b']');
        }
        other => text.extend_from_slice(other.to_string().as_bytes()),
    }
}

/// When the source last changed a resource, by its own `meta.lastUpdated`; `None` where that is absent or no date.
pub fn source_date(resource: &Json) -> Option<i64> {
    resource["meta"]["lastUpdated"].as_str().and_then(Interval::parse).map(|date| date.low)
}

/// How many bytes a row's index of the resource has.
fn index_length(resource_type: &ResourceType, resource: &Json) -> usize {
    let reference = Reference::new(resource_type.name, resource["id"].as_str().unwrap_or_default());
    let version = ResourceVersion { key: &reference, number: 1, last_updated: Time(0) };
    packing::pack(&version, &Index::of(resource_type, resource), "").map_or(usize::MAX, |packed| packed.len())
}
