//! A record of the `auth` table, and its row.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Time;
use crate::store::error::StoreError;
use crate::store::schema::{ALONE, Key, auth as attribute};
use crate::store::table::Item;

/// A record of the `auth` table.
pub trait Record: Serialize + DeserializeOwned {
    /// The kind of record: the first part of its key.
    const KIND: &'static str;

    /// The key among records of its kind. A secret appears in it only as a hash.
    fn key(&self) -> String;

    /// The partition of the record with that key, and its place there. Most records are alone in their partition.
    fn place(key: &str) -> (&str, &str) {
        (key, ALONE)
    }

    /// The moment at which it ends, if it does. DynamoDB deletes rows days late, so the code that reads a record compares the time, too.
    fn expires_at(&self) -> Option<Time>;

    /// The list that the index `by-app` has it in, if it has it in any.
    fn listed_under(&self) -> Option<&str> {
        None
    }
}

/// A record as it was read, with the revision that a change must still find.
#[derive(Clone, Debug)]
pub struct Stored<R> {
    /// The record.
    pub record: R,
    pub(super) revision: u64,
}

/// The key of the record with that id.
pub(super) fn key<R: Record>(key: &str) -> Key {
    let (partition, place) = R::place(key);
    Key::record(R::KIND, partition, place)
}

/// The record with that id among the rows of a batch.
pub(super) fn one<R: Record>(rows: &[Item], id: &str) -> Result<Option<Stored<R>>, StoreError> {
    let key = key::<R>(id);
    rows.iter().find(|row| row.key().is_ok_and(|own| own == key)).map(stored).transpose()
}

/// The record in a row.
///
/// # Errors
/// [`StoreError::Fault`] where the row does not read.
pub(super) fn stored<R: Record>(item: &Item) -> Result<Stored<R>, StoreError> {
    let read = || {
        let record = serde_json::from_str(item.text(attribute::RECORD).ok()?).ok()?;
        Some(Stored { record, revision: item.number(attribute::REVISION).ok()? })
    };
    read()
        .ok_or_else(|| StoreError::Fault(format!("the auth table holds a row of kind {} that does not read", R::KIND)))
}
