//! Rows as DynamoDB gives them.

use super::Found;
use super::reach::Reach;
use crate::clock::Time;
use crate::record::documents::Content;
use crate::record::row::{self, Row, Text, Version};
use crate::store::StoreError;
use crate::store::objects::Object;
use crate::store::schema::resources as attribute;
use crate::store::table::Item;

/// The bytes of JSON that the rows of one call hold at most, about what two pages carry. What is read beyond stays packed until it is
/// given out.
const MOST_HELD: usize = 8 << 20;

/// How much JSON the rows of one call hold.
#[derive(Default)]
pub(super) struct Held(usize);

impl Held {
    /// Takes a row of that item in, folded where there is too much already.
    pub fn take(&mut self, row: &mut Row, item: &Item) {
        self.0 += row.weight();
        if self.0 > MOST_HELD
            && let Ok(body) = item.bytes(attribute::BODY)
        {
            self.0 -= row.weight();
            row.fold(body);
        }
    }
}

/// What a row is: a resource, the tombstone of one, or a pointer to one.
pub(super) fn decode(item: &Item, steps: u8) -> Result<Found, StoreError> {
    let row_key = item.key()?;
    let key = row_key.resource().ok_or_else(|| StoreError::Fault("a row's sort key names no resource".to_owned()))?;
    if !item.has(attribute::BODY) {
        if item.has(attribute::VERSION) {
            return Ok(Found::Tombstone);
        }
        let steps = if item.has(attribute::STEPS) { item.number(attribute::STEPS)? } else { 1 };
        return Ok(Found::Pointer(Reach::pointed_to(key, steps)));
    }
    let (version, last_updated) = (item.number(attribute::VERSION)?, Time(item.number(attribute::LAST_UPDATED)?));
    let (index, json) = row::open(&Version { key: &key, number: version, last_updated }, item.bytes(attribute::BODY)?)?;
    let object = match (item.text(attribute::OBJECT), item.bytes(attribute::OBJECT_HASH)) {
        (Ok(key), Ok(sha256)) => Some(Object { key: key.to_owned(), sha256: sha256.to_vec() }),
        _ => None,
    };
    // With a size, the object is what a Binary holds; without one, it is the resource itself.
    let (json, content) = match (object, item.has(attribute::OBJECT_SIZE)) {
        (Some(object), true) => {
            (Text::Here(json), Some(Content { object, size: item.number(attribute::OBJECT_SIZE)? }))
        }
        (Some(object), false) => (Text::InBucket(object), None),
        (None, _) => (Text::Here(json), None),
    };
    Ok(Found::Resource(Row {
        version,
        last_updated,
        position: item.text(attribute::POSITION).unwrap_or(row_key.sort_key()).to_owned(),
        key,
        index,
        json,
        content,
        steps,
    }))
}
