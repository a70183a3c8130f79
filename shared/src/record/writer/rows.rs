//! Rows: how a resource is written, removed, or deleted with a tombstone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value as Json, json};

use super::{Change, Copy, Partition, Writer};
use crate::clock::Time;
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::row::{self, pack, position};
use crate::store::StoreError;
use crate::store::objects::{Object, ObjectBytes, content_hash};
use crate::store::table::{Attribute, CommitError, Condition, Consistency, Item};

/// A packed body larger than this goes to the bucket: there it costs less (decision 13), and no batch of rows outgrows a function's memory.
pub(super) const LARGEST_IN_ROW: usize = 32 << 10;

/// What a resource is found by stays in its row in any case: an item ends at 400 KB together with its copy in the local index.
pub(super) const LARGEST_INDEX: usize = 190_000;

/// What a row says of the version that it holds.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub number: u64,
    /// The hash of its content; `None` for a tombstone.
    pub hash: Option<Vec<u8>>,
    /// When it became visible.
    pub last_updated: Time,
    /// When the source last changed it, by its own word.
    pub source_date: Option<i64>,
    /// The ids of the Binaries that it names, or named until what they hold was dropped.
    pub binaries: BTreeSet<String>,
    /// The key of what it has in the bucket.
    pub object: Option<String>,
}

impl Version {
    /// What a row says, if it has a version: one that is a pointer has none.
    pub fn of(item: &Item) -> Result<Version, StoreError> {
        Ok(Version {
            number: item.number("v")?,
            hash: item.bytes("h").ok().map(<[u8]>::to_vec),
            last_updated: Time(item.number("u")?),
            source_date: item.has("su").then(|| item.number("su")).transpose()?,
            binaries: item.texts("f"),
            object: item.text("o").ok().map(str::to_owned),
        })
    }
}

impl Writer {
    /// What must be known of rows before anything is written, as they are at this moment: everything but the bodies.
    pub(super) async fn consistently(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        self.table.batch_get(keys, Some("pk, sk, v, u, h, su, f, o, w, p"), Consistency::Strong).await
    }

    /// The versions that stand at these places. A pointer to a shared Device is none.
    pub(super) async fn versions(
        &self,
        wanted: Vec<(Partition, Reference)>,
    ) -> Result<HashMap<Reference, BTreeMap<Partition, Version>>, StoreError> {
        let by_key: HashMap<(String, String), Partition> = wanted
            .iter()
            .map(|(place, reference)| {
                let key = place.key(reference);
                Ok(((key.text("pk")?.to_owned(), key.text("sk")?.to_owned()), place.clone()))
            })
            .collect::<Result<_, StoreError>>()?;
        let keys = wanted.iter().map(|(place, reference)| place.key(reference)).collect();
        let mut versions: HashMap<Reference, BTreeMap<Partition, Version>> = HashMap::new();
        for item in self.consistently(keys).await? {
            let key = (item.text("pk")?.to_owned(), item.text("sk")?.to_owned());
            let (Some(place), Some(reference)) = (by_key.get(&key), Reference::parse(&key.1, &[])) else { continue };
            if item.has("v") {
                versions.entry(reference).or_default().insert(place.clone(), Version::of(&item)?);
            }
        }
        Ok(versions)
    }

    /// Writes a row over the version that was read, or over none, under the next number. A pointer to a Device gives way to the member's own.
    pub(super) async fn put_row(
        &self,
        change: &Change,
        place: &Partition,
        copy: &Copy,
        (there, number): (Option<&Version>, u64),
        now: Time,
    ) -> Result<(), CommitError> {
        let mut item = self.item(change, place, copy, number, now).await?;
        // What it named before is known until it is dropped.
        let before = there.map(|version| version.binaries.clone()).unwrap_or_default();
        if let Some(names) = named(&before.union(&copy.binaries).cloned().collect()) {
            item.set("f", names);
        }
        self.over(item, there).await
    }

    /// Writes which Binaries a row names, once what it no longer names is dropped.
    pub(super) async fn rename(
        &self,
        place: &Partition,
        reference: &Reference,
        copy: &Copy,
    ) -> Result<(), CommitError> {
        let same = Condition::Is("h", copy.hash.as_slice().into());
        self.table.set(place.key(reference), "f", named(&copy.binaries), same).await
    }

    /// Ends a row that is deleted, with a tombstone, so that what was is told from what never was. What it had in the bucket goes with
    /// it.
    pub(super) async fn bury(
        &self,
        place: &Partition,
        reference: &Reference,
        version: &Version,
        now: Time,
    ) -> Result<(), CommitError> {
        if *place == Partition::Unclaimed {
            return self.remove(place, reference, version, false).await;
        }
        let item = place.key(reference).with("v", version.number + 1).with("u", now.0);
        self.over(item, Some(version)).await?;
        self.forget(reference, version).await
    }

    /// Ends a row that was never this member's, or does not belong to them alone: without a trace, or with a pointer to what is `shared`
    /// now.
    pub(super) async fn remove(
        &self,
        place: &Partition,
        reference: &Reference,
        version: &Version,
        shared: bool,
    ) -> Result<(), CommitError> {
        if shared {
            self.over(place.key(reference), Some(version)).await?;
            return self.forget(reference, version).await;
        }
        self.table.delete(place.key(reference), Condition::Is("v", version.number.into())).await?;
        self.forget(reference, version).await
    }

    /// Removes what a row had in the bucket, unless another row of the same resource has it: a Binary that moved.
    async fn forget(&self, reference: &Reference, version: &Version) -> Result<(), CommitError> {
        let Some(object) = &version.object else { return Ok(()) };
        let home = self.homes(std::slice::from_ref(reference)).await?.remove(reference).unwrap_or_default();
        let places = home.owners.into_iter().map(Partition::Member).chain([Partition::Shared, Partition::Unclaimed]);
        let rows = self.versions(places.map(|place| (place, reference.clone())).collect()).await?;
        if !rows.values().flat_map(BTreeMap::values).any(|row| row.object.as_ref() == Some(object)) {
            self.objects.remove(object).await?;
        }
        Ok(())
    }

    /// Gives a row whose content stays the date that the source gives it now.
    pub(super) async fn redate(
        &self,
        partition: &Partition,
        reference: &Reference,
        copy: &Copy,
    ) -> Result<(), CommitError> {
        let same = Condition::Is("h", copy.hash.as_slice().into());
        self.table.set(partition.key(reference), "su", copy.source_date.map(Attribute::from), same).await
    }

    pub(super) async fn over(&self, item: Item, there: Option<&Version>) -> Result<(), CommitError> {
        let as_read = there.map_or(Condition::Lacks("v"), |version| Condition::Is("v", version.number.into()));
        self.table.put(item, as_read).await
    }

    async fn item(
        &self,
        change: &Change,
        place: &Partition,
        copy: &Copy,
        version: u64,
        now: Time,
    ) -> Result<Item, StoreError> {
        let (resource_type, reference) = (change.resource_type, &change.reference);
        let resource = stamped(&copy.resource, version, now);
        let index = Index::of(resource_type, &resource);
        let written = row::Version { key: reference, number: version, last_updated: now };
        let packed = pack(&written, &index, &resource.to_string())?;
        let mut item = place.key(reference).with("v", version).with("u", now.0).with("h", copy.hash.as_slice());
        if let Some(date) = copy.source_date {
            item.set("su", date);
        }
        if let (Partition::Member(_), Some(_)) = (place, resource_type.key_date) {
            item.set("d", position(reference, key_date(resource_type, &index)));
        }
        let object = match &copy.upload {
            Some(upload) => {
                item.set("b", packed);
                item.set("l", upload.size());
                Some(upload.object().clone())
            }
            None if packed.len() <= LARGEST_IN_ROW => {
                item.set("b", packed);
                None
            }
            None => {
                let object = Object::named(&reference.to_string(), content_hash(&packed));
                self.objects.put(&object, "application/octet-stream", &ObjectBytes::Memory(packed.into())).await?;
                item.set("b", pack(&written, &index, "")?);
                Some(object)
            }
        };
        if let Some(Object { key, sha256 }) = object {
            item.set("o", key);
            item.set("s", sha256);
        }
        Ok(item)
    }
}

/// The attribute that says which Binaries a row names; a set is never empty.
fn named(binaries: &BTreeSet<String>) -> Option<Attribute> {
    (!binaries.is_empty()).then(|| binaries.into())
}

/// A resource with its version and the moment at which that became visible.
pub(super) fn stamped(resource: &Json, version: u64, now: Time) -> Json {
    let mut resource = resource.clone();
    if !resource["meta"].is_object() {
        resource["meta"] = json!({});
    }
    resource["meta"]["versionId"] = json!(version.to_string());
    resource["meta"]["lastUpdated"] = json!(now.to_string());
    resource
}

/// The first moment of the date that orders the type's history.
fn key_date(resource_type: &ResourceType, index: &Index) -> Option<i64> {
    let (position, _) = resource_type.parameter(resource_type.key_date?)?;
    index.values(position).iter().find_map(|value| match value {
        Value::Date { low, .. } => Some(*low),
        _ => None,
    })
}
