//! Rows of the table: they are read and decoded here.

use super::reach::Reach;
use crate::bounds::HELD_BYTES;
use crate::clock::Time;
use crate::fhir::index;
use crate::fhir::index::Index;
use crate::record::documents::Content;
use crate::record::packing::{self, LazyIndex, ResourceVersion};
use crate::record::row::{Row, RowJson};
use crate::store::objects::{Object, ObjectError, Objects};
use crate::store::schema::{Key, resources as attribute};
use crate::store::table::{Consistency, Item, Table};
use crate::store::{Aws, StoreError};

/// The table and the bucket, for reading.
#[derive(Clone)]
pub struct Resources {
    pub(super) table: Table,
    pub(super) objects: Objects,
}

/// A row of a member's partition.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are rows, and each would be one allocation more")]
#[derive(Clone, Debug)]
pub enum Found {
    /// A resource.
    Resource(Row),
    /// The way to a shared resource.
    Pointer(Reach),
    /// A deleted resource was here.
    Tombstone,
}

impl Resources {
    /// The table and the bucket of those names.
    pub fn new(aws: &Aws, table: &str, bucket: &str) -> Resources {
        Resources { table: Table::new(aws, table), objects: Objects::new(aws, bucket) }
    }

    /// The JSON of a row, from the bucket where it was too large for the table. A Binary whose content lies in the bucket has no
    /// `data` in it.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn json(&self, mut row: Row) -> Result<String, ObjectError> {
        match std::mem::replace(&mut row.json, RowJson::Here(String::new())) {
            RowJson::Here(json) => Ok(json),
            RowJson::Packed(body) => packing::unpack(&row.version(), &body).map(|(_, json)| json).map_err(ObjectError),
            RowJson::InBucket(object) => self.unpacked(&row, &object).await.map(|(_, json)| json),
        }
    }

    /// The row under a key, whatever it is.
    pub(super) async fn get(&self, key: Key) -> Result<Option<Found>, StoreError> {
        match self.table.get(key, Consistency::Eventual).await? {
            Some(item) => Ok(Some(self.found(&item, 0).await?)),
            None => Ok(None),
        }
    }

    /// The items that stand under these keys.
    pub(super) async fn items(&self, keys: Vec<Key>) -> Result<Vec<Item>, StoreError> {
        self.table.batch_get(keys, None, Consistency::Eventual).await
    }

    /// The resources that stand under these keys, each `steps` from the member's own.
    pub(super) async fn resources(&self, keys: Vec<Key>, steps: u8) -> Result<Vec<Row>, StoreError> {
        let items = self.items(keys).await?;
        let (mut rows, mut held) = (Vec::with_capacity(items.len()), Held::default());
        for item in &items {
            if let Found::Resource(mut row) = self.found(item, steps).await? {
                held.take(&mut row, item);
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// A shared resource or its tombstone.
    pub(super) async fn in_reach(&self, reach: &Reach) -> Result<Option<Found>, StoreError> {
        match self.items(vec![Key::shared(reach.target())]).await?.first() {
            Some(item) => Ok(Some(self.found(item, reach.steps()).await?)),
            None => Ok(None),
        }
    }

    /// Decodes an item. Where the JSON lies in the bucket and the index has another version, the resource is indexed anew from there.
    pub(super) async fn found(&self, item: &Item, steps: u8) -> Result<Found, StoreError> {
        let mut found = decode(item, steps)?;
        if let Found::Resource(row) = &mut found
            && let RowJson::InBucket(object) = &row.json
            && row.index().version != index::VERSION
        {
            let (index, _) = self.unpacked(row, object).await.map_err(|ObjectError(error)| error)?;
            row.index = LazyIndex::known(index);
        }
        Ok(found)
    }

    async fn unpacked(&self, row: &Row, object: &Object) -> Result<(Index, String), ObjectError> {
        packing::unpack(&row.version(), &self.objects.get(object).await?).map_err(ObjectError)
    }
}

/// Decodes an item. Where the JSON lies in the bucket, its index may be of another version.
pub(in crate::record) fn decode(item: &Item, steps: u8) -> Result<Found, StoreError> {
    let row_key = item.key()?;
    let key = row_key.resource().ok_or_else(|| StoreError::Fault("a row's sort key names no resource".to_owned()))?;
    if !item.has(attribute::BODY) {
        if item.has(attribute::VERSION) {
            return Ok(Found::Tombstone);
        }
        let steps = if item.has(attribute::STEPS) { item.number(attribute::STEPS)? } else { 1 };
        return Ok(Found::Pointer(Reach::pointed_to(key, steps)));
    }
    let (number, last_updated) = (item.number(attribute::VERSION)?, Time(item.number(attribute::LAST_UPDATED)?));
    let version = ResourceVersion { key: &key, number, last_updated };
    let (index, json) = packing::open(&version, item.bytes(attribute::BODY)?)?;
    let object = match (item.text(attribute::OBJECT), item.bytes(attribute::OBJECT_HASH)) {
        (Ok(key), Ok(sha256)) => Some(Object { key: key.to_owned(), sha256: sha256.to_vec() }),
        _ => None,
    };
    // With a size, the object is the content of a Binary; without one, it is the resource itself.
    let (json, content) = match (object, item.has(attribute::OBJECT_SIZE)) {
        (Some(object), true) => {
            (RowJson::Here(json), Some(Content { object, size: item.number(attribute::OBJECT_SIZE)? }))
        }
        (Some(object), false) => (RowJson::InBucket(object), None),
        (None, _) => (RowJson::Here(json), None),
    };
    let position = item.text(attribute::POSITION).unwrap_or(row_key.sort_key()).to_owned();
    Ok(Found::Resource(Row { version: number, last_updated, position, key, index, json, content, steps }))
}

/// How much unpacked JSON the rows of a search hold, however many calls read them.
#[derive(Default)]
pub struct Held(usize);

impl Held {
    /// Adds the row of an item, and packs it where there is too much already.
    pub(super) fn take(&mut self, row: &mut Row, item: &Item) {
        self.0 += row.weight();
        if self.0 > HELD_BYTES
            && let Ok(body) = item.bytes(attribute::BODY)
        {
            self.0 -= row.weight();
            row.keep_packed(body);
        }
    }
}
