//! Rows as DynamoDB gives them.

use super::Found;
use super::reach::Reach;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::record::documents::Content;
use crate::record::row::{self, Row, Text, Version};
use crate::store::StoreError;
use crate::store::objects::Object;
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
            && let Ok(body) = item.bytes("b")
        {
            self.0 -= row.weight();
            row.fold(body);
        }
    }
}

/// What a row is: a resource, the tombstone of one, or a pointer to one.
pub(in crate::record) fn decode(item: &Item, steps: u8) -> Result<Found, StoreError> {
    let sort_key = item.text("sk")?;
    let key = Reference::parse(sort_key, &[])
        .ok_or_else(|| StoreError::Fault("a row's sort key names no resource".to_owned()))?;
    if !item.has("b") {
        if item.has("v") {
            return Ok(Found::Tombstone);
        }
        let steps = if item.has("n") { item.number("n")? } else { 1 };
        return Ok(Found::Pointer(Reach::pointed_to(key, steps)));
    }
    let (version, last_updated) = (item.number("v")?, Time(item.number("u")?));
    let (index, json) = row::open(&Version { key: &key, number: version, last_updated }, item.bytes("b")?)?;
    let object = match (item.text("o"), item.bytes("s")) {
        (Ok(key), Ok(sha256)) => Some(Object { key: key.to_owned(), sha256: sha256.to_vec() }),
        _ => None,
    };
    // With a size, the object is what a Binary holds; without one, it is the resource itself.
    let (json, content) = match (object, item.has("l")) {
        (Some(object), true) => (Text::Here(json), Some(Content { object, size: item.number("l")? })),
        (Some(object), false) => (Text::InBucket(object), None),
        (None, _) => (Text::Here(json), None),
    };
    Ok(Found::Resource(Row {
        version,
        last_updated,
        position: item.text("d").unwrap_or(sort_key).to_owned(),
        key,
        index,
        json,
        content,
        steps,
    }))
}
