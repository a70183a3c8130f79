//! Rows: how a resource is written, removed, or deleted with a tombstone.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value as Json, json};

use super::{Change, Copy, Fault, Place, Writer};
use crate::clock::Time;
use crate::fhir::index::{Index, Value};
use crate::fhir::parameters_of;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::StoreError;
use crate::store::objects::Object;
use crate::store::resources::items::{Item, number, text};
use crate::store::row::{self, content_hash, pack, position};

/// A packed body larger than this goes to the bucket: an item ends at 400 KB together with its copy in the local index.
const LARGEST_IN_ROW: usize = 190_000;

/// What a row says of the version that it holds.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub number: u64,
    /// The hash of its content; `None` for a tombstone.
    pub hash: Option<Vec<u8>>,
    /// When the source last changed it, by its own word.
    pub source_date: Option<i64>,
}

impl Writer {
    /// The versions that stand at these places. A pointer to a shared Device is none.
    pub(super) async fn versions(
        &self,
        wanted: Vec<(Place, Reference)>,
    ) -> Result<HashMap<Reference, BTreeMap<Place, Version>>, StoreError> {
        let by_key: HashMap<(String, String), Place> = wanted
            .iter()
            .map(|(place, reference)| {
                let key = place.key(reference);
                Ok(((text(&key, "pk")?, text(&key, "sk")?), place.clone()))
            })
            .collect::<Result<_, StoreError>>()?;
        let keys = wanted.iter().map(|(place, reference)| place.key(reference)).collect();
        let mut versions: HashMap<Reference, BTreeMap<Place, Version>> = HashMap::new();
        for item in self.resources.consistently(keys).await? {
            let key = (text(&item, "pk")?, text(&item, "sk")?);
            let (Some(place), Some(reference)) = (by_key.get(&key), Reference::parse(&key.1, &[])) else { continue };
            if item.contains_key("v") {
                let hash = item.get("h").and_then(|hash| hash.as_b().ok()).map(|hash| hash.as_ref().to_vec());
                let source_date = item.contains_key("su").then(|| number(&item, "su")).transpose()?;
                let version = Version { number: number(&item, "v")?, hash, source_date };
                versions.entry(reference).or_default().insert(place.clone(), version);
            }
        }
        Ok(versions)
    }

    /// Writes a row over the version that was read, or over none. A pointer to a Device gives way to the member's own.
    pub(super) async fn put_row(
        &self,
        change: &Change,
        place: &Place,
        copy: &Copy,
        there: Option<&Version>,
        now: Time,
    ) -> Result<(), Fault> {
        let item = self.item(change, place, copy, there.map_or(1, |version| version.number + 1), now).await?;
        self.over(item, there).await
    }

    /// Ends a row: with a tombstone where it is deleted, so that what was is told from what never was; without a trace where it was
    /// never this member's. What it had in the bucket goes with it.
    pub(super) async fn end(
        &self,
        place: &Place,
        reference: &Reference,
        version: &Version,
        deleted: Option<Time>,
    ) -> Result<(), Fault> {
        let row = self.resources.standing(place.key(reference)).await?;
        let object = row.and_then(|row| row.content.map(|content| content.object).or(row.object));
        match deleted.filter(|_| *place != Place::Unclaimed) {
            Some(now) => {
                let mut item = place.key(reference);
                item.insert("v".to_owned(), AttributeValue::N((version.number + 1).to_string()));
                item.insert("u".to_owned(), AttributeValue::N(now.0.to_string()));
                self.over(item, Some(version)).await?;
            }
            None => self.remove(place, reference, version).await?,
        }
        if let Some(object) = object {
            self.objects.remove(&object).await?;
        }
        Ok(())
    }

    async fn remove(&self, place: &Place, reference: &Reference, version: &Version) -> Result<(), Fault> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(place.key(reference)))
            .condition_expression("v = :v")
            .expression_attribute_values(":v", AttributeValue::N(version.number.to_string()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Err(Fault::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn over(&self, item: Item, there: Option<&Version>) -> Result<(), Fault> {
        let Some(version) = there else { return self.put(item, "attribute_not_exists(v)", HashMap::new()).await };
        let values = HashMap::from([(":v".to_owned(), AttributeValue::N(version.number.to_string()))]);
        self.put(item, "v = :v", values).await
    }

    async fn item(
        &self,
        change: &Change,
        place: &Place,
        copy: &Copy,
        version: u64,
        now: Time,
    ) -> Result<Item, StoreError> {
        let (kind, reference) = (change.kind, &change.reference);
        let resource = stamped(&copy.resource, version, now);
        let index = Index::of(kind.name, &resource);
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
        if let (Place::Member(_), Some(_)) = (place, kind.key_date) {
            set("d", AttributeValue::S(position(reference, key_date(kind, &index))));
        }
        let object = match &copy.upload {
            Some(upload) => {
                set("b", AttributeValue::B(Blob::new(packed)));
                set("l", AttributeValue::N(upload.size().to_string()));
                Some(upload.object().clone())
            }
            None if packed.len() <= LARGEST_IN_ROW => {
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
fn key_date(kind: &ResourceType, index: &Index) -> Option<i64> {
    let (position, _) = parameters_of(kind.name).find(|(_, parameter)| Some(parameter.code) == kind.key_date)?;
    index.values(position).iter().find_map(|value| match value {
        Value::Date { low, .. } => Some(*low),
        _ => None,
    })
}
