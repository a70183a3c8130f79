//! A map of which memory holds a little, and a file the rest: a run must know something of each of its resources, and its memory does
//! not grow with them.

mod file;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::file::MapFile;

/// Memory holds entries of this many bytes, or one larger entry.
pub(super) const MOST_HELD: usize = 1 << 18;

/// The bytes of an entry besides its key and value, about.
const ENTRY: usize = 64;

/// A map from texts to values. It begins in memory, and needs a file only when it has more than [`MOST_HELD`].
///
/// The file has no name, so that nobody can open it, and nothing of it is left when the run ends, however it ends: it holds health
/// data.
pub(super) struct Scratch<V> {
    inner: Arc<Mutex<Inner>>,
    values: PhantomData<fn() -> V>,
}

#[derive(Default)]
struct Inner {
    /// The entries that were used last.
    held: HashMap<Box<str>, Held>,
    /// The bytes of these.
    weight: usize,
    file: Option<MapFile>,
}

struct Held {
    /// The value; `None` where the map has no such entry.
    value: Option<Box<[u8]>>,
    /// Whether the file does not have it yet.
    is_new: bool,
}

/// A way through all entries of a map.
pub(super) struct Parts<V> {
    of: Scratch<V>,
    at: u64,
    end: u64,
}

impl<V> Default for Scratch<V> {
    fn default() -> Scratch<V> {
        Scratch { inner: Arc::default(), values: PhantomData }
    }
}

impl<V> Scratch<V> {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes that memory holds of it.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.inner().weight
    }

    /// Whether it has the entry.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn has(&self, key: &str) -> Result<bool> {
        Ok(self.inner().get(key)?.is_some())
    }
}

impl<V: Serialize + DeserializeOwned> Scratch<V> {
    /// The value of an entry.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn get(&self, key: &str) -> Result<Option<V>> {
        self.inner().get(key)?.map(read).transpose()
    }

    /// Makes an entry, in place of the one that is there.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn put(&self, key: &str, value: &V) -> Result<()> {
        let value = serde_json::to_vec(value)?;
        self.inner().hold(key, Some(value.into()), true)
    }

    /// Makes an entry without a value. Returns whether it is new.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn insert(&self, key: &str, value: &V) -> Result<bool> {
        let is_new = !self.has(key)?;
        if is_new {
            self.put(key, value)?;
        }
        Ok(is_new)
    }

    /// The way through all entries that are there now, in the order in which they came to the file. An entry that changes on the way
    /// is passed once at most.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn parts(&self) -> Result<Parts<V>> {
        let mut inner = self.inner();
        inner.spill()?;
        let end = inner.file.as_ref().map_or(0, MapFile::end);
        drop(inner);
        Ok(Parts { of: Scratch { inner: Arc::clone(&self.inner), values: PhantomData }, at: 0, end })
    }

    /// Visits all entries, and makes each what `visit` returns, where it returns a value. It must change no other entry of this map.
    ///
    /// # Errors
    /// The file cannot be used, or `visit` fails.
    pub(super) fn each(&self, mut visit: impl FnMut(&str, V) -> Result<Option<V>>) -> Result<()> {
        let mut parts = self.parts()?;
        while let Some(part) = parts.next()? {
            for (key, value) in part {
                if let Some(changed) = visit(&key, value)? {
                    self.put(&key, &changed)?;
                }
            }
        }
        Ok(())
    }
}

impl<V: DeserializeOwned> Parts<V> {
    /// The next entries.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn next(&mut self) -> Result<Option<Vec<(String, V)>>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let inner = self.of.inner();
        let Some(file) = &inner.file else { return Ok(None) };
        let (records, next) = file.part(self.at, self.end).context(UNUSABLE)?;
        drop(inner);
        self.at = next;
        let entry = |(key, value): (Vec<u8>, Vec<u8>)| Ok((String::from_utf8(key)?, read(&value)?));
        records.into_iter().map(entry).collect::<Result<_>>().map(Some)
    }
}

impl Inner {
    fn get(&mut self, key: &str) -> Result<Option<&[u8]>> {
        if !self.held.contains_key(key) {
            let Some(file) = &self.file else { return Ok(None) };
            let value = file.get(key.as_bytes()).context(UNUSABLE)?;
            self.hold(key, value.map(Vec::into_boxed_slice), false)?;
        }
        Ok(self.held.get(key).and_then(|held| held.value.as_deref()))
    }

    fn hold(&mut self, key: &str, value: Option<Box<[u8]>>, is_new: bool) -> Result<()> {
        let weight = |value: &Option<Box<[u8]>>| ENTRY + key.len() + value.as_ref().map_or(0, |value| value.len());
        let of_new = weight(&value);
        if self.weight + of_new > MOST_HELD {
            self.spill()?;
        }
        if let Some(before) = self.held.insert(key.into(), Held { value, is_new }) {
            self.weight -= weight(&before.value);
        }
        self.weight += of_new;
        Ok(())
    }

    /// Gives all to the file.
    fn spill(&mut self) -> Result<()> {
        let mut new: Vec<(Box<str>, Held)> = self.held.drain().filter(|(_, held)| held.is_new).collect();
        self.weight = 0;
        // The order of a way through all must not hang on chance.
        new.sort_by(|one, other| one.0.cmp(&other.0));
        for (key, held) in new {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(MapFile::new().context(UNUSABLE)?),
            };
            file.put(key.as_bytes(), held.value.as_deref().unwrap_or_default()).context(UNUSABLE)?;
        }
        Ok(())
    }
}

/// The fault of a file that cannot be used.
const UNUSABLE: &str = "the run's notes in the folder for temporary files (TMPDIR) cannot be written or read; make room there, and run \
                        the same load again";

fn read<V: DeserializeOwned>(value: &[u8]) -> Result<V> {
    serde_json::from_slice(value).context(UNUSABLE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A number that looks random.
    fn scattered(step: u64) -> u64 {
        let mut value = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value ^ (value >> 31)
    }

    #[test]
    fn it_is_a_map_whatever_comes_in_whatever_order() {
        let (scratch, mut plain) = (Scratch::<String>::default(), BTreeMap::new());
        for step in 0..60_000 {
            let chance = scattered(step);
            let key = format!("Observation/{}", chance % 20_000);
            let length = if chance.is_multiple_of(5_000) { 300_000 } else { usize::try_from(chance % 90).unwrap() };
            let value = format!("{step}{}", "x".repeat(length));
            if chance.is_multiple_of(3) {
                assert_eq!(scratch.get(&key).unwrap().as_ref(), plain.get(&key), "{key}");
            } else {
                scratch.put(&key, &value).unwrap();
                plain.insert(key, value);
            }
            assert!(scratch.held() <= MOST_HELD + 400_000);
        }
        assert!(scratch.inner().file.is_some());
        for (key, value) in &plain {
            assert_eq!(scratch.get(key).unwrap().as_ref(), Some(value));
        }
        let mut found = BTreeMap::new();
        scratch
            .each(|key, value| {
                assert!(found.insert(key.to_owned(), value.clone()).is_none(), "{key} comes twice");
                Ok(Some(format!("{value}, and longer")))
            })
            .unwrap();
        assert_eq!(found, plain);
        for (key, value) in &plain {
            assert_eq!(scratch.get(key).unwrap(), Some(format!("{value}, and longer")));
        }
        assert_eq!(scratch.get("Observation/none").unwrap(), None);
    }

    #[test]
    fn memory_holds_no_more_of_many_entries_than_of_few() {
        let most = |entries: u64| {
            let scratch = Scratch::<u64>::default();
            let held = (0..entries).map(|number| {
                scratch.put(&format!("Observation/{}", scattered(number)), &number).unwrap();
                scratch.held()
            });
            held.max().unwrap()
        };
        assert!(most(100_000) <= MOST_HELD);
        assert!(most(1_000) < most(10_000));
        assert!(most(100_000).abs_diff(most(10_000)) < ENTRY * 2);
    }

    #[test]
    fn what_fits_into_memory_needs_no_file() {
        let scratch = Scratch::<()>::default();
        assert!(scratch.insert("a", &()).unwrap());
        assert!(!scratch.insert("a", &()).unwrap());
        assert!(scratch.has("a").unwrap() && !scratch.has("b").unwrap());
        assert!(scratch.inner().file.is_none());
    }
}
