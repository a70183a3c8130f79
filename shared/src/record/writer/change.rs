//! What is to become of a resource, and what the store has of it: the one decides with the other what a change comes to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::rows::{LARGEST_INDEX, Version};
use super::{Home, Partition};
use crate::clock::Time;
use crate::fhir::date::Interval;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::documents::Upload;
use crate::record::row;
use crate::store::objects::content_hash;

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there now, as a new resource or a new version.
    Stored,
    /// It was there and is deleted.
    Deleted,
    /// The same content was there; or what was to be deleted was not.
    Unchanged,
    /// A newer version was there, by the source's own `meta.lastUpdated`.
    Superseded,
}

/// What is to become of one resource.
#[derive(Clone, Debug)]
pub struct Change {
    pub(super) resource_type: &'static ResourceType,
    pub(super) reference: Reference,
    pub(super) copies: BTreeMap<Partition, Copy>,
}

/// One copy of it: most resources have one, a Provenance may have one for each member whose resources it is about.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub resource: Json,
    pub hash: Vec<u8>,
    pub source_date: Option<i64>,
    /// The ids of the Binaries that it names.
    pub binaries: BTreeSet<String>,
    /// What a Binary holds, where that is too large for its row.
    pub upload: Option<Upload>,
    /// Whether a row can hold what it is found by, wherever the rest of it lies.
    fits: bool,
}

/// What the store has of a resource.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What its home says.
    pub(super) home: Home,
    /// The rows there are, tombstones among them.
    pub(super) rows: BTreeMap<Partition, Version>,
}

impl Standing {
    /// The number of the latest version, wherever it stands or stood: a resource that comes back to a member goes on counting.
    pub(super) fn latest(&self) -> u64 {
        self.rows.values().map(|version| version.number).max().unwrap_or_default()
    }

    /// The partitions where it stands: a tombstone is not the resource.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.rows.iter().filter(|(_, version)| version.hash.is_some()).map(|(partition, _)| partition)
    }

    /// The ids of the Provenances that are about it and came while it was not there.
    pub fn provenances(&self) -> &BTreeSet<String> {
        &self.home.provenances
    }

    /// The ids of the Binaries that it names in a partition.
    pub fn binaries(&self, partition: &Partition) -> Option<&BTreeSet<String>> {
        self.rows.get(partition).map(|version| &version.binaries)
    }
}

impl Change {
    /// The resource is to stand at these places, with this content, and nowhere else.
    pub fn store(resource_type: &'static ResourceType, id: &str, copies: Vec<(Partition, Json)>) -> Change {
        let copies = copies.into_iter().map(|(place, resource)| (place, Copy::of(resource_type, resource))).collect();
        Change { resource_type, reference: Reference::new(resource_type.name, id), copies }
    }

    /// A Binary of this member is to hold a file. Its JSON is without `data`.
    pub fn hold(binary: Json, upload: Upload, owner: &str) -> Option<Change> {
        let (resource_type, id) = (ResourceType::named("Binary")?, binary["id"].as_str()?.to_owned());
        let copy = Copy::with(resource_type, binary, Some(upload));
        Some(Change {
            resource_type,
            reference: Reference::new(resource_type.name, &id),
            copies: BTreeMap::from([(Partition::Member(owner.to_owned()), copy)]),
        })
    }

    /// The resource is to be deleted, wherever it stands.
    pub fn delete(resource_type: &'static ResourceType, id: &str) -> Change {
        Change { resource_type, reference: Reference::new(resource_type.name, id), copies: BTreeMap::new() }
    }

    /// Its type and id.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What is to stand there.
    pub fn resource(&self, partition: &Partition) -> Option<&Json> {
        self.copies.get(partition).map(|copy| &copy.resource)
    }

    /// Whether it is to stand out of everyone's reach alone.
    pub fn is_unclaimed(&self) -> bool {
        self.copies.keys().eq([&Partition::Unclaimed])
    }

    /// Where it is to stand.
    pub fn places(&self) -> impl Iterator<Item = &Partition> {
        self.copies.keys()
    }

    /// Each member in whose partition it is to stand, with the Binaries that it names there.
    pub fn documents(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Reference>)> {
        self.copies.iter().filter_map(|(place, copy)| match place {
            Partition::Member(owner) => {
                Some((owner.as_str(), copy.binaries.iter().map(|id| Reference::new("Binary", id))))
            }
            Partition::Shared | Partition::Unclaimed => None,
        })
    }

    /// Whether it can be stored: what a resource can be found by stands in one row.
    pub fn fits(&self) -> bool {
        self.copies.values().all(|copy| copy.fits)
    }

    /// The members in whose partitions it is to stand.
    pub(super) fn owners(&self) -> BTreeSet<String> {
        let owner = |place: &Partition| match place {
            Partition::Member(owner) => Some(owner.clone()),
            Partition::Shared | Partition::Unclaimed => None,
        };
        self.copies.keys().filter_map(owner).collect()
    }

    /// What it comes to, by what the store has: the outcome, if it is made now. The source's own date decides which of two
    /// versions is newer.
    pub fn outcome(&self, standing: &Standing) -> Written {
        let mut live = standing.rows.iter().filter(|(_, version)| version.hash.is_some());
        if self.copies.is_empty() {
            return if live.next().is_some() { Written::Deleted } else { Written::Unchanged };
        }
        let ours = self.copies.values().find_map(|copy| copy.source_date);
        let stored = standing.rows.values().filter_map(|version| version.source_date).max();
        if matches!((stored, ours), (Some(stored), Some(ours)) if stored > ours) {
            return Written::Superseded;
        }
        let same = |(place, copy): (&Partition, &Copy)| {
            standing.rows.get(place).is_some_and(|version| version.hash.as_ref() == Some(&copy.hash))
        };
        if self.copies.iter().all(same) && live.all(|(place, _)| self.copies.contains_key(place)) {
            return Written::Unchanged;
        }
        Written::Stored
    }

    /// Whether nothing is left to do of an earlier run that was cut short after the content was there.
    pub(super) fn is_settled(&self, standing: &Standing) -> bool {
        let settled = |(place, version): (&Partition, &Version)| {
            self.copies.get(place).is_some_and(|copy| copy.binaries == version.binaries)
        };
        self.copies.is_empty() || (standing.home.owners == self.owners() && standing.rows.iter().all(settled))
    }
}

impl Copy {
    /// `meta.versionId` and `meta.lastUpdated` are ours: a client that asks "since my last sync" must not miss a claim that came
    /// late.
    fn of(resource_type: &ResourceType, mut resource: Json) -> Copy {
        let upload = Upload::taken_from(&mut resource);
        Copy::with(resource_type, resource, upload)
    }

    fn with(resource_type: &ResourceType, mut resource: Json, upload: Option<Upload>) -> Copy {
        let source_date = source_date(&resource);
        if let Some(meta) = resource["meta"].as_object_mut() {
            meta.remove("versionId");
            meta.remove("lastUpdated");
        }
        let mut content = resource.to_string().into_bytes();
        content.extend(upload.iter().flat_map(Upload::sha256));
        let hash = content_hash(&content)[..16].to_vec();
        let fits = content.len() <= LARGEST_INDEX || index_length(resource_type, &resource) <= LARGEST_INDEX;
        Copy { source_date, hash, binaries: named(resource_type, &resource), resource, upload, fits }
    }
}

/// When the source last changed a resource, by its own `meta.lastUpdated`. Text that is no date tells nothing, as none does.
pub fn source_date(resource: &Json) -> Option<i64> {
    resource["meta"]["lastUpdated"].as_str().and_then(Interval::parse).map(|date| date.low)
}

/// How long a row's index of the resource is.
fn index_length(resource_type: &ResourceType, resource: &Json) -> usize {
    let reference = Reference::new(resource_type.name, resource["id"].as_str().unwrap_or_default());
    let version = row::Version { key: &reference, number: 1, last_updated: Time(0) };
    row::pack(&version, &Index::of(resource_type, resource), "").map_or(usize::MAX, |packed| packed.len())
}

/// The ids of the Binaries that a resource names and so gives to its member.
fn named(resource_type: &ResourceType, resource: &Json) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    if resource_type.names_documents() {
        collect(resource, &mut named);
    }
    named
}

/// A Binary is named by an attachment's `url` or by a reference.
fn collect(json: &Json, named: &mut BTreeSet<String>) {
    match json {
        Json::Object(properties) => {
            for (name, value) in properties {
                match value {
                    Json::String(text) if name == "url" || name == "reference" => {
                        let binary =
                            Reference::parse(text, &[]).filter(|reference| reference.resource_type == "Binary");
                        named.extend(binary.map(|binary| binary.id));
                    }
                    value => collect(value, named),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, named)),
        _ => {}
    }
}
