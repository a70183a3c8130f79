//! How a row holds a resource: its JSON and its search index, compressed together.
//!
//! The attribute `b` is a format byte, which names the dictionary, and one zstd frame: the JSON, a zero byte, the index (postcard).
//! JSON holds no byte below 0x09. So a zero ends it, and 1 and 2 stand in it for what the row's own attributes say: the id, the
//! version and its time. The index leaves out what they say, too, and holds a value once for all parameters that have it. A value
//! that stands in the JSON and again in the index costs little in one frame, and a search reads the index without parsing the JSON.
//!
//! A row whose index has another [`index::VERSION`] is indexed anew from its JSON as it is read, so a new search parameter works on
//! rows that were stored before it.

use std::sync::OnceLock;

use memchr::{memchr, memchr2_iter};
use serde::{Deserialize, Serialize};

use super::dictionary::{self, Effort};
use crate::bounds::WRITE_UNIT_BYTES;
use crate::clock::Time;
use crate::fhir::index;
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::StoreError;

/// Stands in the JSON for `"id":"…"`.
const ID: u8 = 1;

/// Stands in the JSON for `"versionId":"…","lastUpdated":"…"`.
const VERSION: u8 = 2;

/// Which version of which resource a row holds: its attributes say so, and its body need not.
#[derive(Clone, Copy, Debug)]
pub struct ResourceVersion<'a> {
    /// The resource.
    pub key: &'a Reference,
    /// Its `meta.versionId`.
    pub number: u64,
    /// Its `meta.lastUpdated`.
    pub last_updated: Time,
}

/// An index as it is stored: parameters with the same values share them. A parameter without values has those that the
/// [`ResourceVersion`] tells.
#[derive(Serialize, Deserialize)]
struct StoredIndex {
    version: u32,
    entries: Vec<(Vec<u16>, Vec<Value>)>,
}

/// An index that is decoded when it is first asked for: a page in the order of the history asks for none.
#[derive(Clone, Debug)]
pub(super) struct LazyIndex {
    stored: Vec<u8>,
    index: OnceLock<Index>,
}

impl LazyIndex {
    /// Of an index that is decoded already.
    pub(super) fn known(index: Index) -> LazyIndex {
        LazyIndex { stored: Vec::new(), index: OnceLock::from(index) }
    }

    /// The index. It is of this version of a resource, and `json` is the resource's JSON.
    pub(super) fn get(&self, version: &ResourceVersion, json: &str) -> &Index {
        self.index.get_or_init(|| match postcard::from_bytes::<StoredIndex>(&self.stored) {
            Ok(stored) => stored.index(version),
            // It is of another version or does not read: the JSON says the same.
            Err(_) => anew(&version.key.resource_type, json).unwrap_or_default(),
        })
    }
}

impl ResourceVersion<'_> {
    /// The texts that [`ID`] and [`VERSION`] stand for.
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

impl StoredIndex {
    fn of(index: &Index, version: &ResourceVersion) -> StoredIndex {
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
        StoredIndex { version: index.version, entries }
    }

    fn index(self, version: &ResourceVersion) -> Index {
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
        Index { version: self.version, entries }
    }
}

fn fault(what: &str) -> StoreError {
    StoreError::Fault(format!("a resource cannot be packed: {what}"))
}

/// The bytes that are compressed, and on which a dictionary is trained.
///
/// # Errors
/// [`StoreError::Fault`] where `json` is no JSON.
pub fn plain(version: &ResourceVersion, index: &Index, json: &str) -> Result<Vec<u8>, StoreError> {
    if json.bytes().any(|byte| byte <= VERSION) {
        return Err(fault("its JSON holds a control character"));
    }
    let mut text = json.to_owned();
    for (mark, said) in version.texts() {
        text = text.replace(&said, char::from(mark).encode_utf8(&mut [0]));
    }
    let index = postcard::to_stdvec(&StoredIndex::of(index, version)).map_err(|error| fault(&error.to_string()))?;
    Ok([text.as_bytes(), &[0], &index].concat())
}

/// Packs an index and a JSON text into the attribute `b`.
///
/// # Errors
/// [`StoreError::Fault`] where `json` is no JSON, or is too large to pack.
pub fn pack(version: &ResourceVersion, index: &Index, json: &str) -> Result<Vec<u8>, StoreError> {
    pack_with(Effort::Plain, version, index, json)
}

fn pack_with(effort: Effort, version: &ResourceVersion, index: &Index, json: &str) -> Result<Vec<u8>, StoreError> {
    let plain = plain(version, index, json)?;
    let frame = dictionary::compress(&plain, effort).map_err(|error| fault(&error.to_string()))?;
    Ok([&[dictionary::NEWEST], frame.as_slice()].concat())
}

/// As [`pack`], for a row whose other attributes have `others` bytes. DynamoDB bills a write by the kilobyte. So a row
/// that exceeds whole kilobytes by at most a `share`th of its size is packed harder, and where that is not enough, without its
/// index, which readers then make from the JSON.
///
/// # Errors
/// As [`pack`].
pub fn pack_tightly(
    version: &ResourceVersion,
    index: &Index,
    json: &str,
    (others, share): (usize, usize),
) -> Result<Vec<u8>, StoreError> {
    let packed = pack(version, index, json)?;
    let units = |packed: &[u8]| (packed.len() + others).div_ceil(WRITE_UNIT_BYTES);
    let size = packed.len() + others;
    if size <= WRITE_UNIT_BYTES || size % WRITE_UNIT_BYTES > size / share {
        return Ok(packed);
    }
    for index in [index, &Index::default()] {
        let tighter = pack_with(Effort::Hard, version, index, json)?;
        if units(&tighter) < units(&packed) {
            return Ok(tighter);
        }
    }
    Ok(packed)
}

/// The reverse of [`pack`].
///
/// # Errors
/// [`StoreError::Fault`] where the bytes are damaged, or of a format that this version of the software does not know.
pub fn unpack(version: &ResourceVersion, bytes: &[u8]) -> Result<(Index, String), StoreError> {
    let (packed, json) = open(version, bytes)?;
    Ok((packed.get(version, &json).clone(), json))
}

/// As [`unpack`], with an index that is not decoded yet.
pub(super) fn open(version: &ResourceVersion, bytes: &[u8]) -> Result<(LazyIndex, String), StoreError> {
    let resource_type = version.key.resource_type.as_str();
    let unpacked = match bytes.split_first() {
        Some((&format, _)) if !(1..=dictionary::NEWEST).contains(&format) => {
            let newest = dictionary::NEWEST;
            let text = format!(
                "a row of type {resource_type} is of format {format}; this version knows formats 1 to {newest}"
            );
            return Err(StoreError::Fault(text));
        }
        Some((&format, frame)) => dictionary::decompress(format, frame).and_then(|plain| parts(version, &plain)),
        None => None,
    };
    unpacked.ok_or_else(|| StoreError::Fault(format!("a row of type {resource_type} does not unpack")))
}

/// Takes the index and the JSON out of [`plain`] bytes.
fn parts(version: &ResourceVersion, plain: &[u8]) -> Option<(LazyIndex, String)> {
    let end = memchr(0, plain)?;
    let [(_, id), (_, said)] = version.texts();
    let text = std::str::from_utf8(&plain[..end]).ok()?;
    let mut json = String::with_capacity(end + 128);
    let mut from = 0;
    for at in memchr2_iter(ID, VERSION, text.as_bytes()) {
        json.push_str(&text[from..at]);
        json.push_str(if plain[at] == ID { &id } else { &said });
        from = at + 1;
    }
    json.push_str(&text[from..]);
    let stored = &plain[end + 1..];
    let made_by = postcard::take_from_bytes::<u32>(stored).ok().map(|(version, _)| version);
    // Another version's values may be written in another way, too: nothing of it is read but the version. Its index is made of the JSON
    // when it is first asked for, which a page in the order of the history never does.
    let stored = if made_by == Some(index::VERSION) { stored.to_vec() } else { Vec::new() };
    let index = LazyIndex { stored, index: OnceLock::new() };
    Some((index, json))
}

/// Indexes a JSON text anew. An empty text stands for JSON that lies in the bucket, and gives an index of nothing, whose version says
/// that it is to be made anew when the JSON is read from there.
fn anew(resource_type: &str, json: &str) -> Option<Index> {
    if json.is_empty() {
        return Some(Index::default());
    }
    let resource = serde_json::from_str(json).ok()?;
    let resource_type = ResourceType::named(resource_type);
    Some(resource_type.map(|resource_type| Index::of(resource_type, &resource)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    const NOW: Time = Time(1_795_361_000_007);

    fn version(key: &Reference) -> ResourceVersion<'_> {
        ResourceVersion { key, number: 3, last_updated: NOW }
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
    fn a_format_that_this_version_does_not_know_is_told_by_its_number() {
        let key = Reference::new("Claim", "c");
        for format in [0, 200] {
            let error = unpack(&version(&key), &[format, 1, 2]).unwrap_err().to_string();
            let told = format!("Claim is of format {format}; this version knows formats 1 to");
            assert!(error.contains(&told), "{error}");
        }
    }

    #[test]
    fn an_index_of_another_version_is_made_anew() {
        let (key, resource) = (Reference::new("Observation", "o"), observation());
        let stale = Index { version: 0, entries: Vec::new() };
        let packed = pack(&version(&key), &stale, &resource.to_string()).unwrap();
        assert_eq!(unpack(&version(&key), &packed).unwrap().0, index(&resource));
    }

    #[test]
    fn an_index_of_another_form_is_no_damage_even_where_the_json_lies_in_the_bucket() {
        let (key, resource) = (Reference::new("Observation", "o"), observation());
        for json in [resource.to_string(), String::new()] {
            // A zero ends the JSON; then come the version, and entries that cannot be read.
            let plain = [json.as_bytes(), &[0, 1, 0xff, 0xff]].concat();
            let packed =
                [&[dictionary::NEWEST], dictionary::compress(&plain, Effort::Plain).unwrap().as_slice()].concat();
            let (found, text) = unpack(&version(&key), &packed).unwrap();
            assert_eq!(text, json);
            assert_eq!(found, if json.is_empty() { Index::default() } else { index(&resource) });
        }
    }
}
