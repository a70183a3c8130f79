//! A resource as a row: its JSON and its index, compressed together.
//!
//! The attribute `b` is a format byte, then the uncompressed length, then one zstd frame that holds the length of the
//! index, the index (postcard) and the JSON. Values that stand in the JSON and again in the index cost almost nothing that
//! way, and a search reads the index without reading the JSON. A row whose index was made by another version of the
//! parameter table is indexed anew from its JSON as it is read, so a new search parameter works on rows that are there.

use aws_lc_rs::digest;

use super::StoreError;
use super::documents::Content;
use super::objects::Object;
use crate::clock::Time;
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::table_version;

/// Format 0: zstd without a dictionary.
const PLAIN_ZSTD: u8 = 0;

/// zstd's level: a row is written once and read often.
const LEVEL: i32 = 12;

/// A resource as the store gives it out.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its type and id.
    pub key: Reference,
    /// Its `meta.versionId`.
    pub version: u64,
    /// Its `meta.lastUpdated`.
    pub last_updated: Time,
    /// Its place in the member's history of its type (see [`position`]); for a type that no date orders, its type and id.
    pub position: String,
    /// The values of its search parameters.
    pub index: Index,
    /// Its JSON; empty where it lies in the bucket (see [`super::resources::Resources::json`]).
    pub(super) json: String,
    pub(super) object: Option<Object>,
    /// What it holds beside its JSON, if it is a Binary whose content lies in the bucket.
    pub(super) content: Option<Content>,
    /// How far it is from the member's own: 0 for their own, 1 for a shared one pointed to, 2 for the second step.
    pub(super) steps: u8,
}

impl Row {
    /// The local references of its search parameters.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        self.index.entries.iter().flat_map(|(_, values)| values).filter_map(|value| match value {
            Value::Reference(text) => Reference::parse(text, &[]),
            _ => None,
        })
    }
}

/// Packs an index and a JSON text into the attribute `b`.
///
/// # Errors
/// [`StoreError::Fault`] where it is too large to pack (over 4 GB).
pub fn pack(index: &Index, json: &str) -> Result<Vec<u8>, StoreError> {
    let fault = |what: &str| StoreError::Fault(format!("a resource cannot be packed: {what}"));
    let index = postcard::to_stdvec(index).map_err(|error| fault(&error.to_string()))?;
    let length = u32::try_from(index.len()).map_err(|_| fault("its index is too large"))?;
    let plain = [&length.to_le_bytes(), index.as_slice(), json.as_bytes()].concat();
    let size = u32::try_from(plain.len()).map_err(|_| fault("it is too large"))?;
    let frame = zstd::bulk::compress(&plain, LEVEL).map_err(|error| fault(&error.to_string()))?;
    Ok([&[PLAIN_ZSTD], size.to_le_bytes().as_slice(), &frame].concat())
}

/// The reverse of [`pack`].
///
/// # Errors
/// [`StoreError::Fault`] where the bytes are none of ours.
pub fn unpack(kind: &str, bytes: &[u8]) -> Result<(Index, String), StoreError> {
    let read = || {
        let (&[PLAIN_ZSTD], rest) = bytes.split_first_chunk::<1>()? else { return None };
        let (size, frame) = rest.split_first_chunk::<4>()?;
        let plain = zstd::bulk::decompress(frame, usize::try_from(u32::from_le_bytes(*size)).ok()?).ok()?;
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (index, json) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let json = String::from_utf8(json.to_vec()).ok()?;
        let index = match postcard::from_bytes::<Index>(index) {
            // Where the JSON lies in the bucket, whoever reads it there indexes it anew.
            Ok(index) if index.table == table_version() || json.is_empty() => index,
            _ => Index::of(kind, &serde_json::from_str(&json).ok()?),
        };
        Some((index, json))
    };
    read().ok_or_else(|| StoreError::Fault(format!("a row of type {kind} does not unpack")))
}

/// The place of a resource in its member's history: `Type/<moment>/<id>`, so that one index orders each type by date.
/// The moment is milliseconds since the year 1 in 13 hexadecimal digits; a resource without a date stands at 0,
/// and none with a date does.
pub fn position(key: &Reference, date: Option<i64>) -> String {
    format!("{}/{:013x}/{}", key.kind, moment(date), key.id)
}

/// The moment of [`position`].
pub fn moment(date: Option<i64>) -> i64 {
    const YEAR_ONE: i64 = 62_135_596_800_000;
    date.map_or(0, |date| date.saturating_add(YEAR_ONE).clamp(1, 0xf_ffff_ffff_ffff))
}

/// The SHA-256 of a resource's content, by which a loader knows that nothing changed.
pub fn content_hash(content: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, content).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resource_unpacks_as_it_was_packed() {
        let resource = json!({"resourceType": "Observation", "id": "o", "status": "final", "note": [{"text": "é\n\"".repeat(50)}]});
        let (index, text) = (Index::of("Observation", &resource), resource.to_string());
        let packed = pack(&index, &text).unwrap();
        assert_eq!(unpack("Observation", &packed).unwrap(), (index, text));
        assert!(unpack("Observation", &packed[1..]).is_err() && unpack("Observation", &[]).is_err());
    }

    #[test]
    fn an_index_of_another_table_is_made_anew() {
        let resource = json!({"resourceType": "Observation", "id": "o", "status": "final"});
        let stale = Index { table: 0, entries: Vec::new() };
        let (index, _) = unpack("Observation", &pack(&stale, &resource.to_string()).unwrap()).unwrap();
        assert_eq!(index, Index::of("Observation", &resource));
    }

    #[test]
    fn positions_sort_by_date_then_id() {
        let at = |date, id: &str| position(&Reference::new("Claim", id), date);
        assert!(at(None, "z") < at(Some(i64::MIN), "a"));
        assert!(at(Some(-1), "b") < at(Some(0), "a") && at(Some(0), "a") < at(Some(0), "b"));
    }
}
