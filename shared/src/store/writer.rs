//! The `resources` table, write side: the loader's way in. No function on a request path has it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::objects::Objects;
use super::resources::items::{Item, key, number};
use super::row::{Version, content_hash, pack, position};
use super::{Aws, StoreError};
use crate::clock::Time;
use crate::fhir::date::Interval;
use crate::fhir::index::{Index, Value};
use crate::fhir::parameters_of;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;

/// A packed body larger than this goes to the bucket: an item ends at 400 KB together with its copy in the local index.
const LARGEST_IN_ROW: usize = 190_000;

/// Where a resource is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the partition of the member with this Patient id.
    Member(String),
    /// Under its own key, for everyone whose record points to it.
    Shared,
    /// Apart, out of everyone's reach, until a resource names it (a Binary that came before its document).
    Unclaimed,
}

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there now, as a new resource or a new version.
    Stored,
    /// The same content was there.
    Unchanged,
    /// A newer version was there, by the source's own `meta.lastUpdated`.
    Superseded,
}

/// The table and the bucket, for writing.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    table: String,
    objects: Objects,
}

impl Place {
    fn key(&self, resource: &Reference) -> Item {
        match self {
            Place::Member(owner) => key(&format!("Patient/{owner}"), &resource.to_string()),
            Place::Shared => key(&resource.to_string(), &resource.to_string()),
            Place::Unclaimed => key(&format!("unclaimed/{resource}"), &resource.to_string()),
        }
    }
}

impl Writer {
    /// Over the table and the bucket of those names.
    pub fn new(aws: &Aws, table: &str, bucket: &str) -> Writer {
        Writer { client: aws.dynamodb(), table: table.to_owned(), objects: Objects::new(aws, bucket) }
    }

    /// Writes a resource to its place, as a new version if its content is new. `meta.versionId` and `meta.lastUpdated` are
    /// ours: a client that asks "since my last sync" must not miss a claim that came late. The source's own date decides
    /// which of two versions is newer.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is half written, so the call may be repeated.
    pub async fn write(&self, place: &Place, mut resource: Json, now: Time) -> Result<Written, StoreError> {
        let (Some(kind), Some(id)) = (
            resource["resourceType"].as_str().and_then(ResourceType::named),
            resource["id"].as_str().map(str::to_owned),
        ) else {
            return Err(StoreError::Fault("a resource to store has no known type or no id".into()));
        };
        let reference = Reference::new(kind.name, &id);
        let source_date = source_date(&resource);
        if let Some(meta) = resource["meta"].as_object_mut() {
            meta.remove("versionId");
            meta.remove("lastUpdated");
        }
        let content = resource.to_string();
        let hash = content_hash(content.as_bytes());
        let mut version = 1;
        let mut expected = None;
        // A large body goes to the bucket before its row is written: whether it is there already is asked first.
        if content.len() > LARGEST_IN_ROW && self.stored_hash(place, &reference).await?.as_ref() == Some(&hash) {
            return Ok(Written::Unchanged);
        }
        loop {
            let item = self.item(place, kind, &reference, &mut resource, version, now, &hash, source_date).await?;
            let Some(existing) = self.put(item, expected).await? else { return Ok(Written::Stored) };
            let same = existing.get("h").and_then(|value| value.as_b().ok()).is_some_and(|old| old.as_ref() == hash);
            if same {
                return Ok(Written::Unchanged);
            }
            let stored_date = existing.get("su").and_then(|value| value.as_n().ok()?.parse::<i64>().ok());
            if matches!((stored_date, source_date), (Some(stored), Some(ours)) if stored > ours) {
                return Ok(Written::Superseded);
            }
            let current: u64 = number(&existing, "v")?;
            (version, expected) = (current + 1, Some(current));
        }
    }

    async fn stored_hash(&self, place: &Place, resource: &Reference) -> Result<Option<Vec<u8>>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(place.key(resource)))
            .projection_expression("h")
            .consistent_read(true);
        let hash = |item: &Item| item.get("h")?.as_b().ok().map(|hash| hash.as_ref().to_vec());
        Ok(request.send().await?.item().and_then(hash))
    }

    /// Lets the member reach a shared resource, whether or not it is there yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn point(&self, owner: &str, target: &Reference) -> Result<(), StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(Place::Member(owner.to_owned()).key(target)))
            .condition_expression("attribute_not_exists(pk)");
        match request.send().await {
            Ok(_) => Ok(()),
            // The pointer is there, or a Device of the member's own is.
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Notes which member a Binary belongs to, once one of their resources names it; tells who had it before.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn claim(&self, binary: &Reference, owner: &str) -> Result<String, StoreError> {
        let mut item = key(&format!("claim/{binary}"), &binary.to_string());
        item.insert("owner".to_owned(), AttributeValue::S(owner.to_owned()));
        let existing = self.conditional(item, "attribute_not_exists(pk)", None).await?;
        let of = |item: Item| item.get("owner").and_then(|owner| owner.as_s().ok()).cloned();
        Ok(existing.and_then(of).unwrap_or_else(|| owner.to_owned()))
    }

    /// The member to whom a Binary belongs, if one of their resources named it in an earlier run.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn claimed(&self, binary: &Reference) -> Result<Option<String>, StoreError> {
        let key = key(&format!("claim/{binary}"), &binary.to_string());
        let answer =
            self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true).send().await?;
        Ok(answer.item().and_then(|item| item.get("owner")?.as_s().ok()).cloned())
    }

    /// Gives a Binary that came before its document to the member whose document now names it.
    ///
    /// # Errors
    /// [`StoreError`]; the copy that waits is removed last, so the call may be repeated.
    pub async fn adopt(&self, binary: &Reference, owner: &str) -> Result<(), StoreError> {
        let waiting = Place::Unclaimed.key(binary);
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(waiting.clone()))
            .consistent_read(true)
            .send()
            .await?;
        let Some(mut item) = answer.item else { return Ok(()) };
        item.extend(Place::Member(owner.to_owned()).key(binary));
        self.conditional(item, "attribute_not_exists(h)", None).await?;
        self.client.delete_item().table_name(&self.table).set_key(Some(waiting)).send().await?;
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one row, part by part; a struct would be made and taken apart here only"
    )]
    async fn item(
        &self,
        place: &Place,
        kind: &ResourceType,
        reference: &Reference,
        resource: &mut Json,
        version: u64,
        now: Time,
        hash: &[u8],
        source_date: Option<i64>,
    ) -> Result<Item, StoreError> {
        if !resource["meta"].is_object() {
            resource["meta"] = json!({});
        }
        resource["meta"]["versionId"] = json!(version.to_string());
        resource["meta"]["lastUpdated"] = json!(now.to_string());
        let index = Index::of(kind.name, resource);
        let written = Version { key: reference, number: version, last_updated: now };
        let packed = pack(&written, &index, &resource.to_string())?;
        let mut item = place.key(reference);
        let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
        set("v", AttributeValue::N(version.to_string()));
        set("u", AttributeValue::N(now.0.to_string()));
        set("h", AttributeValue::B(Blob::new(hash)));
        if let Some(date) = source_date {
            set("su", AttributeValue::N(date.to_string()));
        }
        if let Place::Member(_) = place {
            set("d", AttributeValue::S(position(reference, key_date(kind, &index))));
        }
        if packed.len() <= LARGEST_IN_ROW {
            set("b", AttributeValue::B(Blob::new(packed)));
        } else {
            let sha256 = content_hash(&packed);
            let name = URL_SAFE_NO_PAD.encode(&sha256);
            let key = format!("documents/{reference}/{name}");
            self.objects.put(&key, packed).await?;
            set("b", AttributeValue::B(Blob::new(pack(&written, &index, "")?)));
            set("o", AttributeValue::S(key));
            set("s", AttributeValue::B(Blob::new(sha256)));
        }
        Ok(item)
    }

    /// Puts a row over the version that was read, or over none; `Some` is the row that was there instead.
    async fn put(&self, item: Item, expected: Option<u64>) -> Result<Option<Item>, StoreError> {
        match expected {
            // A pointer to a Device gives way to the member's own.
            None => self.conditional(item, "attribute_not_exists(h)", None).await,
            Some(version) => self.conditional(item, "v = :v", Some(AttributeValue::N(version.to_string()))).await,
        }
    }

    async fn conditional(
        &self,
        item: Item,
        condition: &str,
        value: Option<AttributeValue>,
    ) -> Result<Option<Item>, StoreError> {
        let mut request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(value) = value {
            request = request.expression_attribute_values(":v", value);
        }
        match request.send().await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Some(failed.item().cloned().unwrap_or_default()))
                }
                _ => Err(error.into()),
            },
        }
    }
}

/// When the source last changed a resource, by its own `meta.lastUpdated`. Text that is no date tells nothing, as none does.
pub fn source_date(resource: &Json) -> Option<i64> {
    resource["meta"]["lastUpdated"].as_str().and_then(Interval::parse).map(|date| date.low)
}

/// The first moment of the date that orders the type's history.
fn key_date(kind: &ResourceType, index: &Index) -> Option<i64> {
    let (position, _) = parameters_of(kind.name).find(|(_, parameter)| Some(parameter.code) == kind.key_date)?;
    index.values(position).iter().find_map(|value| match value {
        Value::Date { low, .. } => Some(*low),
        _ => None,
    })
}
