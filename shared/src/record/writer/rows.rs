//! Rows: how a resource is written, removed, or deleted with a tombstone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value as Json, json};

use super::{Change, Copy, Fault, Partition, Writer};
use crate::bounds::ROW_BODY_BYTES;
use crate::clock::Time;
use crate::fhir::index::{Index, Value};
use crate::fhir::parameters;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::resources::items::{Item, number, text};
use crate::record::row::{self, pack, position};
use crate::store::StoreError;
use crate::store::objects::Object;
use crate::store::objects::content_hash;

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
        let hash = item.get("h").and_then(|hash| hash.as_b().ok()).map(|hash| hash.as_ref().to_vec());
        let binaries = item.get("f").and_then(|ids| ids.as_ss().ok()).cloned().unwrap_or_default();
        Ok(Version {
            number: number(item, "v")?,
            hash,
            last_updated: Time(number(item, "u")?),
            source_date: item.contains_key("su").then(|| number(item, "su")).transpose()?,
            binaries: binaries.into_iter().collect(),
            object: item.get("o").and_then(|object| object.as_s().ok()).cloned(),
        })
    }
}

impl Writer {
    /// The versions that stand at these places. A pointer to a shared Device is none.
    pub(super) async fn versions(
        &self,
        wanted: Vec<(Partition, Reference)>,
    ) -> Result<HashMap<Reference, BTreeMap<Partition, Version>>, StoreError> {
        let by_key: HashMap<(String, String), Partition> = wanted
            .iter()
            .map(|(place, reference)| {
                let key = place.key(reference);
                Ok(((text(&key, "pk")?, text(&key, "sk")?), place.clone()))
            })
            .collect::<Result<_, StoreError>>()?;
        let keys = wanted.iter().map(|(place, reference)| place.key(reference)).collect();
        let mut versions: HashMap<Reference, BTreeMap<Partition, Version>> = HashMap::new();
        for item in self.resources.consistently(keys).await? {
            let key = (text(&item, "pk")?, text(&item, "sk")?);
            let (Some(place), Some(reference)) = (by_key.get(&key), Reference::parse(&key.1, &[])) else { continue };
            if item.contains_key("v") {
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
    ) -> Result<(), Fault> {
        let mut item = self.item(change, place, copy, number, now).await?;
        // What it named before is known until it is dropped.
        let before = there.map(|version| version.binaries.clone()).unwrap_or_default();
        item.extend(named(&before.union(&copy.binaries).cloned().collect()));
        self.over(item, there).await
    }

    /// Writes which Binaries a row names, once what it no longer names is dropped.
    pub(super) async fn rename(&self, place: &Partition, reference: &Reference, copy: &Copy) -> Result<(), Fault> {
        let request = self.client.update_item().table_name(&self.table).set_key(Some(place.key(reference)));
        let request = match named(&copy.binaries) {
            Some((_, names)) => request.update_expression("SET f = :f").expression_attribute_values(":f", names),
            None => request.update_expression("REMOVE f"),
        };
        let hash = AttributeValue::B(Blob::new(copy.hash.as_slice()));
        let request = request.condition_expression("h = :h").expression_attribute_values(":h", hash);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Err(Fault::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a row that is deleted, with a tombstone, so that what was is told from what never was. What it had in the bucket goes with
    /// it.
    pub(super) async fn bury(
        &self,
        place: &Partition,
        reference: &Reference,
        version: &Version,
        now: Time,
    ) -> Result<(), Fault> {
        if *place == Partition::Unclaimed {
            return self.remove(place, reference, version, false).await;
        }
        let mut item = place.key(reference);
        item.insert("v".to_owned(), AttributeValue::N((version.number + 1).to_string()));
        item.insert("u".to_owned(), AttributeValue::N(now.0.to_string()));
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
    ) -> Result<(), Fault> {
        if shared {
            self.over(place.key(reference), Some(version)).await?;
            return self.forget(reference, version).await;
        }
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(place.key(reference)))
            .condition_expression("v = :v")
            .expression_attribute_values(":v", AttributeValue::N(version.number.to_string()));
        match request.send().await {
            Ok(_) => self.forget(reference, version).await,
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Err(Fault::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what a row had in the bucket, unless another row of the same resource has it: a Binary that moved.
    async fn forget(&self, reference: &Reference, version: &Version) -> Result<(), Fault> {
        let Some(object) = &version.object else { return Ok(()) };
        let home = self.homes(std::slice::from_ref(reference)).await?.remove(reference).unwrap_or_default();
        let places = home.into_iter().map(Partition::Member).chain([Partition::Shared, Partition::Unclaimed]);
        let rows = self.versions(places.map(|place| (place, reference.clone())).collect()).await?;
        if !rows.values().flat_map(BTreeMap::values).any(|row| row.object.as_ref() == Some(object)) {
            self.objects.remove(object).await?;
        }
        Ok(())
    }

    pub(super) async fn over(&self, item: Item, there: Option<&Version>) -> Result<(), Fault> {
        let Some(version) = there else { return self.put(item, "attribute_not_exists(v)", HashMap::new()).await };
        let values = HashMap::from([(":v".to_owned(), AttributeValue::N(version.number.to_string()))]);
        self.put(item, "v = :v", values).await
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
        let index = Index::of(resource_type.name, &resource);
        let written = row::Version { key: reference, number: version, last_updated: now };
        let packed = pack(&written, &index, &resource.to_string())?;
        let mut item = place.key(reference);
        let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
        set("v", AttributeValue::N(version.to_string()));
        set("u", AttributeValue::N(now.0.to_string()));
        set("h", AttributeValue::B(Blob::new(copy.hash.as_slice())));
        if let Some(date) = copy.source_date {
            set("su", AttributeValue::N(date.to_string()));
        }
        if let (Partition::Member(_), Some(_)) = (place, resource_type.key_date) {
            set("d", AttributeValue::S(position(reference, key_date(resource_type, &index))));
        }
        let object = match &copy.upload {
            Some(upload) => {
                set("b", AttributeValue::B(Blob::new(packed)));
                set("l", AttributeValue::N(upload.size().to_string()));
                Some(upload.object().clone())
            }
            None if packed.len() <= ROW_BODY_BYTES => {
                set("b", AttributeValue::B(Blob::new(packed)));
                None
            }
            None => {
                let object = Object::named(&reference.to_string(), content_hash(&packed));
                self.objects.put(&object, "application/octet-stream", ByteStream::from(packed)).await?;
                set("b", AttributeValue::B(Blob::new(pack(&written, &index, "")?)));
                Some(object)
            }
        };
        if let Some(Object { key, sha256 }) = object {
            set("o", AttributeValue::S(key));
            set("s", AttributeValue::B(Blob::new(sha256)));
        }
        Ok(item)
    }
}

/// The attribute that says which Binaries a row names; a set is never empty.
fn named(binaries: &BTreeSet<String>) -> Option<(String, AttributeValue)> {
    (!binaries.is_empty()).then(|| ("f".to_owned(), AttributeValue::Ss(binaries.iter().cloned().collect())))
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
    let (position, _) =
        parameters::of(resource_type.name).find(|(_, parameter)| Some(parameter.code) == resource_type.key_date)?;
    index.values(position).iter().find_map(|value| match value {
        Value::Date { low, .. } => Some(*low),
        _ => None,
    })
}
