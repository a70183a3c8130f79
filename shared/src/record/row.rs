//! A resource as a row: its JSON and its index, compressed together.
//!
//! The attribute `b` is a format byte, which names the dictionary, and one zstd frame: the JSON, a zero, the index (postcard).
//! JSON holds no bytes below 0x09, so zero ends it, and 1 and 2 stand in it for what the row's other attributes say: the id,
//! the version and its time. The index says only what they do not say, and a value once for all parameters that have it; values
//! that stand in the JSON and again in the index cost little in one frame, and a search reads the index without reading the
//! JSON. A row whose index was made by another version of the parameter table is indexed anew from its JSON as it is read, so a
//! new search parameter works on rows that are there.
//!
//! Format 0, the first, had no dictionary: the length of the rest, and a frame of the index's length, the index and the JSON.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::dictionary;
use super::documents::Content;
use crate::access::{Permit, Permits};
use crate::clock::Time;
use crate::fhir::index;
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::StoreError;
use crate::store::objects::Object;

/// The first format.
const WITHOUT_DICTIONARY: u8 = 0;

/// Stands in the JSON for `"id":"…"`.
const ID: u8 = 1;

/// Stands in the JSON for `"versionId":"…","lastUpdated":"…"`.
const VERSION: u8 = 2;

/// Which version of which resource a row is: what its other attributes say, and its body need not.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// The resource.
    pub key: &'a Reference,
    /// Its `meta.versionId`.
    pub number: u64,
    /// Its `meta.lastUpdated`.
    pub last_updated: Time,
}

/// An index as it is kept: parameters with the same values share them. None at all are those of the row's [`Version`].
#[derive(Serialize, Deserialize)]
struct Stored {
    table: u32,
    entries: Vec<(Vec<u16>, Vec<Value>)>,
}

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
    pub(super) index: Packed,
    /// Its JSON (see [`super::resources::Resources::json`]).
    pub(super) json: Text,
    /// What it holds beside its JSON, if it is a Binary whose content lies in the bucket.
    pub(super) content: Option<Content>,
    /// How far it is from the member's own: 0 for their own, 1 for a shared one pointed to, 2 for the second step.
    pub(super) steps: u8,
}

/// Where a row's JSON is.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Here(String),
    /// In the body as it was read, to be unpacked once more.
    Folded(Vec<u8>),
    InBucket(Object),
}

/// An index as it was read. It is unpacked when it is first asked for: a page in the order of the history asks for none.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    stored: Vec<u8>,
    index: OnceLock<Index>,
}

impl Packed {
    /// Of an index that is unpacked already.
    pub(super) fn known(index: Index) -> Packed {
        Packed { stored: Vec::new(), index: OnceLock::from(index) }
    }

    fn index(&self, version: &Version, json: &str) -> &Index {
        self.index.get_or_init(|| match postcard::from_bytes::<Stored>(&self.stored) {
            Ok(stored) => stored.index(version),
            // Its first bytes were read before; whatever came after them, the JSON says the same.
            Err(_) => anew(&version.key.resource_type, json).unwrap_or_default(),
        })
    }
}

impl Row {
    /// The values of its search parameters.
    pub fn index(&self) -> &Index {
        let json = if let Text::Here(json) = &self.json { json.as_str() } else { "" };
        self.index.index(&self.version(), json)
    }

    /// Whether a permit for one type admits it.
    pub(super) fn is_admitted_by(&self, permit: &Permit) -> bool {
        permit.admits(&self.key, || self.index())
    }

    /// Whether one of the permits admits it.
    pub(super) fn is_admitted_among(&self, permits: &Permits) -> bool {
        permits.admit(&self.key, || self.index())
    }

    /// How many bytes of JSON it holds.
    pub(super) fn weight(&self) -> usize {
        if let Text::Here(json) = &self.json { json.len() } else { 0 }
    }

    /// Lets go of its JSON, which this body has. Text that repeats itself packs to a hundredth, so that one call may read more of it
    /// than a function has memory for.
    pub(super) fn fold(&mut self, body: &[u8]) {
        if let Text::Here(_) = &self.json {
            // It may be made of the JSON.
            self.index();
            self.json = Text::Folded(body.to_vec());
        }
    }

    /// Which version of which resource it is.
    pub(super) fn version(&self) -> Version<'_> {
        Version { key: &self.key, number: self.version, last_updated: self.last_updated }
    }

    /// The local references of its search parameters.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        self.index().entries.iter().flat_map(|(_, values)| values).filter_map(|value| match value {
            Value::Reference(text) => Reference::parse(text, &[]),
            _ => None,
        })
    }
}

impl Version<'_> {
    /// What [`ID`] and [`VERSION`] stand for.
    fn texts(&self) -> [(u8, String); 2] {
        let version = format!(r#""versionId":"{}","lastUpdated":"{}""#, self.number, self.last_updated);
        [(ID, format!(r#""id":"{}""#, self.key.id)), (VERSION, version)]
    }

    /// The values of `_id` and `_lastUpdated`, by their positions in every type's list.
    fn values(&self) -> [(u16, Value); 2] {
        let Time(now) = self.last_updated;
        [(0, Value::Code(self.key.id.clone())), (1, Value::Date { low: now, high: now })]
    }
}

impl Stored {
    fn of(index: &Index, version: &Version) -> Stored {
        let own = version.values();
        let mut entries: Vec<(Vec<u16>, Vec<Value>)> = Vec::new();
        for (position, values) in &index.entries {
            let is_own = own.iter().any(|(at, value)| at == position && *values == [value.clone()]);
            let values: &[Value] = if is_own { &[] } else { values };
            match entries.iter_mut().find(|(_, known)| known == values) {
                Some((positions, _)) => positions.push(*position),
                None => entries.push((vec![*position], values.to_vec())),
            }
        }
        Stored { table: index.table, entries }
    }

    fn index(self, version: &Version) -> Index {
        let own = version.values();
        let mut entries = Vec::new();
        for (positions, values) in self.entries {
            for position in positions {
                let own = own.iter().filter(|(at, _)| values.is_empty() && *at == position);
                let values = own.map(|(_, value)| value).chain(&values).cloned().collect();
                entries.push((position, values));
            }
        }
        entries.sort_by_key(|(position, _)| *position);
        Index { table: self.table, entries }
    }
}

fn fault(what: &str) -> StoreError {
    StoreError::Fault(format!("a resource cannot be packed: {what}"))
}

/// What is compressed, and what a dictionary is trained on.
///
/// # Errors
/// [`StoreError::Fault`] where `json` is none.
pub fn plain(version: &Version, index: &Index, json: &str) -> Result<Vec<u8>, StoreError> {
    if json.bytes().any(|byte| byte <= VERSION) {
        return Err(fault("its JSON holds a control character"));
    }
    let mut text = json.to_owned();
    for (mark, said) in version.texts() {
        text = text.replace(&said, char::from(mark).encode_utf8(&mut [0]));
    }
    let index = postcard::to_stdvec(&Stored::of(index, version)).map_err(|error| fault(&error.to_string()))?;
    Ok([text.as_bytes(), &[0], &index].concat())
}

/// Packs an index and a JSON text into the attribute `b`.
///
/// # Errors
/// [`StoreError::Fault`] where `json` is none or too large to pack.
pub fn pack(version: &Version, index: &Index, json: &str) -> Result<Vec<u8>, StoreError> {
    let frame = dictionary::compress(&plain(version, index, json)?).map_err(|error| fault(&error.to_string()))?;
    Ok([&[dictionary::NEWEST], frame.as_slice()].concat())
}

/// The reverse of [`pack`].
///
/// # Errors
/// [`StoreError::Fault`] where the bytes are none of ours, or of a format that only a newer version of this software knows.
pub fn unpack(version: &Version, bytes: &[u8]) -> Result<(Index, String), StoreError> {
    let (packed, json) = open(version, bytes)?;
    Ok((packed.index(version, &json).clone(), json))
}

/// As [`unpack`], with the index as it lies there.
pub(super) fn open(version: &Version, bytes: &[u8]) -> Result<(Packed, String), StoreError> {
    let resource_type = version.key.resource_type.as_str();
    let unpacked = match bytes.split_first() {
        Some((&WITHOUT_DICTIONARY, rest)) => {
            first_format(resource_type, rest).map(|(index, json)| (Packed::known(index), json))
        }
        Some((&format, _)) if format > dictionary::NEWEST => {
            let newest = dictionary::NEWEST;
            let text =
                format!("a row of type {resource_type} is of format {format}; this version knows those up to {newest}");
            return Err(StoreError::Fault(text));
        }
        Some((&format, frame)) => dictionary::decompress(format, frame).and_then(|plain| parts(version, &plain)),
        None => None,
    };
    unpacked.ok_or_else(|| StoreError::Fault(format!("a row of type {resource_type} does not unpack")))
}

/// The index and the JSON in what was compressed.
fn parts(version: &Version, plain: &[u8]) -> Option<(Packed, String)> {
    let end = plain.iter().position(|byte| *byte == 0)?;
    let texts = version.texts();
    let mut json = Vec::with_capacity(end + 128);
    for part in plain[..end].split_inclusive(|byte| *byte <= VERSION) {
        match texts.iter().find(|(mark, _)| part.last() == Some(mark)) {
            Some((_, said)) => {
                json.extend_from_slice(&part[..part.len() - 1]);
                json.extend_from_slice(said.as_bytes());
            }
            None => json.extend_from_slice(part),
        }
    }
    let json = String::from_utf8(json).ok()?;
    let stored = &plain[end + 1..];
    let table = postcard::take_from_bytes::<u32>(stored).ok().map(|(table, _)| table);
    let index = if json.is_empty() {
        // Where the JSON lies in the bucket, whoever reads it there indexes it anew.
        Packed::known(postcard::from_bytes::<Stored>(stored).ok()?.index(version))
    } else if table == Some(index::version()) {
        Packed { stored: stored.to_vec(), index: OnceLock::new() }
    } else {
        Packed::known(anew(&version.key.resource_type, &json)?)
    };
    Some((index, json))
}

/// A row of the first format. Its index was written in another way, too.
fn first_format(resource_type: &str, rest: &[u8]) -> Option<(Index, String)> {
    let (size, frame) = rest.split_first_chunk::<4>()?;
    let plain = zstd::bulk::decompress(frame, usize::try_from(u32::from_le_bytes(*size)).ok()?).ok()?;
    let (length, rest) = plain.split_first_chunk::<4>()?;
    let (_, json) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let json = String::from_utf8(json.to_vec()).ok()?;
    Some((anew(resource_type, &json)?, json))
}

/// The index of a JSON text; of one that lies in the bucket, an index of no table.
fn anew(resource_type: &str, json: &str) -> Option<Index> {
    if json.is_empty() {
        return Some(Index::default());
    }
    let resource = serde_json::from_str(json).ok()?;
    Some(
        ResourceType::named(resource_type).map(|resource_type| Index::of(resource_type, &resource)).unwrap_or_default(),
    )
}

/// The place of a resource in its member's history: `Type/<moment>/<id>`, so that one index orders each type by date.
/// The moment is milliseconds since the year 1 in 13 hexadecimal digits; a resource without a date stands at 0,
/// and none with a date does.
pub fn position(key: &Reference, date: Option<i64>) -> String {
    format!("{}/{:013x}/{}", key.resource_type, moment(date), key.id)
}

/// The moment of [`position`].
pub fn moment(date: Option<i64>) -> i64 {
    const YEAR_ONE: i64 = 62_135_596_800_000;
    date.map_or(0, |date| date.saturating_add(YEAR_ONE).clamp(1, 0xf_ffff_ffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    const NOW: Time = Time(1_795_361_000_007);

    fn version(key: &Reference) -> Version<'_> {
        Version { key, number: 3, last_updated: NOW }
    }

    fn index(resource: &Json) -> Index {
        Index::of(ResourceType::named("Observation").unwrap(), resource)
    }

    fn observation() -> Json {
        json!({"resourceType": "Observation", "id": "o", "meta": {"versionId": "3", "lastUpdated": NOW.to_string()},
            "status": "final", "subject": {"reference": "Patient/p"}, "effectivePeriod": {"start": "2026-01-01"},
            "note": [{"text": "é\n\"\u{1}".repeat(50)}], "contained": [{"id": "o"}, {"id": "other"}]})
    }

    #[test]
    fn a_resource_unpacks_as_it_was_packed() {
        let key = Reference::new("Observation", "o");
        for resource in [observation(), json!({"resourceType": "Observation", "id": "o", "code": {}})] {
            let (index, text) = (index(&resource), resource.to_string());
            let packed = pack(&version(&key), &index, &text).unwrap();
            assert_eq!(unpack(&version(&key), &packed).unwrap(), (index, text));
            assert!(unpack(&version(&key), &packed[..20]).is_err() && unpack(&version(&key), &[]).is_err());
        }
    }

    #[test]
    fn what_the_row_says_is_not_said_again_in_its_body() {
        let (key, resource) = (Reference::new("Observation", "o"), observation());
        let plain = plain(&version(&key), &index(&resource), &resource.to_string()).unwrap();
        let text = String::from_utf8_lossy(&plain).into_owned();
        assert!(!text.contains("lastUpdated") && !text.contains(r#""id":"o""#), "{text}");
        assert_eq!(text.matches("Patient/p").count(), 2, "once in the JSON, once for `patient` and `subject`: {text}");
    }

    #[test]
    fn a_row_of_the_first_format_unpacks() {
        let (key, resource) = (Reference::new("Observation", "o"), observation());
        let text = resource.to_string();
        let plain = [3u32.to_le_bytes().as_slice(), &[7, 7, 7], text.as_bytes()].concat();
        let size = u32::try_from(plain.len()).unwrap().to_le_bytes();
        let packed = [&[0], size.as_slice(), &zstd::bulk::compress(&plain, 12).unwrap()].concat();
        assert_eq!(unpack(&version(&key), &packed).unwrap(), (index(&resource), text));
    }

    #[test]
    fn a_format_of_a_newer_version_is_told_by_its_number() {
        let key = Reference::new("Claim", "c");
        let error = unpack(&version(&key), &[200, 1, 2]).unwrap_err().to_string();
        assert!(error.contains("Claim is of format 200; this version knows those up to"), "{error}");
    }

    #[test]
    fn an_index_of_another_table_is_made_anew() {
        let (key, resource) = (Reference::new("Observation", "o"), observation());
        let stale = Index { table: 0, entries: Vec::new() };
        let packed = pack(&version(&key), &stale, &resource.to_string()).unwrap();
        assert_eq!(unpack(&version(&key), &packed).unwrap().0, index(&resource));
    }

    #[test]
    fn positions_sort_by_date_then_id() {
        let at = |date, id: &str| position(&Reference::new("Claim", id), date);
        assert!(at(None, "z") < at(Some(i64::MIN), "a"));
        assert!(at(Some(-1), "b") < at(Some(0), "a") && at(Some(0), "a") < at(Some(0), "b"));
    }
}
