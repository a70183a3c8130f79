//! Rows as DynamoDB gives them, and many of them at once.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use futures_util::future::try_join_all;

use super::reach::Reach;
use super::{Found, Resources};
use crate::bounds::{BATCH_KEYS, HELD_BYTES};
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::record::documents::Content;
use crate::record::row::{self, Row, Text, Version};
use crate::store::objects::Object;
use crate::store::{StoreError, meter};

/// A row as DynamoDB gives it.
pub(in crate::record) type Item = HashMap<String, AttributeValue>;

impl Resources {
    /// Reads rows by their keys, all of them or none.
    pub(super) async fn batch(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let batches = keys.chunks(BATCH_KEYS).map(|keys| self.batch_of_100(keys.to_vec(), None));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// What the loader must know of rows before it writes, as they are at this moment: everything but the bodies.
    pub(in crate::record) async fn consistently(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let batches =
            keys.chunks(BATCH_KEYS).map(|keys| self.batch_of_100(keys.to_vec(), Some("pk, sk, v, u, h, su, f, o, w")));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// Asks until every key is answered: a batch may come in part (16 MB, throttling), and a page must never be short.
    /// With a list of attributes it reads these, consistently; without, whole rows.
    async fn batch_of_100(&self, mut keys: Vec<Item>, only: Option<&str>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for attempt in 0..6 {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .set_projection_expression(only.map(str::to_owned))
                .consistent_read(only.is_some())
                .build()
                .map_err(|error| StoreError::Fault(error.to_string()))?;
            let request = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let mut answer = meter::call(request.send()).await?;
            meter::read(answer.consumed_capacity());
            items.extend(answer.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default());
            keys = answer
                .unprocessed_keys
                .as_mut()
                .and_then(|tables| tables.remove(&self.table))
                .map(|rest| rest.keys)
                .unwrap_or_default();
            if keys.is_empty() {
                return Ok(items);
            }
        }
        Err(StoreError::Busy("a batch was answered in part again and again".into()))
    }
}

pub(in crate::record) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk.to_owned())),
        ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
    ])
}

/// How much JSON the rows of one call hold.
#[derive(Default)]
pub(super) struct Held(usize);

impl Held {
    /// Takes a row of that item in, folded where there is too much already.
    pub fn take(&mut self, row: &mut Row, item: &Item) {
        self.0 += row.weight();
        if self.0 > HELD_BYTES
            && let Some(AttributeValue::B(body)) = item.get("b")
        {
            self.0 -= row.weight();
            row.fold(body.as_ref());
        }
    }
}

fn broken(name: &str) -> StoreError {
    StoreError::Fault(format!("a row of the resources table has no good `{name}`"))
}

pub(in crate::record) fn text(item: &Item, name: &str) -> Result<String, StoreError> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().ok_or_else(|| broken(name))
}

pub(in crate::record) fn number<N: std::str::FromStr>(item: &Item, name: &str) -> Result<N, StoreError> {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(|| broken(name))
}

/// What a row is: a resource, the tombstone of one, or a pointer to one.
pub(super) fn decode(item: &Item, steps: u8) -> Result<Found, StoreError> {
    let sort_key = text(item, "sk")?;
    let key = Reference::parse(&sort_key, &[]).ok_or_else(|| broken("sk"))?;
    let Some(packed) = item.get("b") else {
        if item.contains_key("v") {
            return Ok(Found::Tombstone);
        }
        let steps = if item.contains_key("n") { number(item, "n")? } else { 1 };
        return Ok(Found::Pointer(Reach::pointed_to(key, steps)));
    };
    let packed = packed.as_b().map_err(|_| broken("b"))?;
    let (version, last_updated) = (number(item, "v")?, Time(number(item, "u")?));
    let (index, json) = row::open(&Version { key: &key, number: version, last_updated }, packed.as_ref())?;
    let object = match (item.get("o"), item.get("s")) {
        (Some(AttributeValue::S(key)), Some(AttributeValue::B(sha256))) => {
            Some(Object { key: key.clone(), sha256: sha256.as_ref().to_vec() })
        }
        _ => None,
    };
    // With a size, the object is what a Binary holds; without one, it is the resource itself.
    let (json, content) = match (object, item.get("l")) {
        (Some(object), Some(_)) => (Text::Here(json), Some(Content { object, size: number(item, "l")? })),
        (Some(object), None) => (Text::InBucket(object), None),
        (None, _) => (Text::Here(json), None),
    };
    Ok(Found::Resource(Row {
        version,
        last_updated,
        position: item.get("d").and_then(|d| d.as_s().ok()).cloned().unwrap_or(sort_key),
        key,
        index,
        json,
        content,
        steps,
    }))
}
