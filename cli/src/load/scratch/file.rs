//! A map in two files: the records one after the other, and a table of slots that finds a record by the hash of its key.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The slots of a new map: two to this power.
const FIRST: u32 = 12;

/// The slots become four times as many when half of them are taken.
const STEP: u32 = 2;

/// The bytes of a slot: the hash of a key, and one more than the place of its record. A free slot is zero.
const SLOT: usize = 16;

/// The slots that are read at once.
const SLOTS_AT_ONCE: u64 = 32;

/// The bytes before a record: whether it counts, and the lengths of its key, its value and the room for the value.
const HEAD: usize = 13;

/// The bytes that are read at once where one record is looked for, and where all are.
const ONE: usize = 512;
const MANY: usize = 1 << 16;

/// A map in files without names.
pub(super) struct MapFile {
    slots: File,
    records: File,
    /// There are two to this power of slots.
    bits: u32,
    taken: u64,
    end: u64,
    /// Its seed is secret, so that nobody can send keys that fall together.
    hashes: RandomState,
}

/// A record as it stands in the file.
struct Record {
    counts: bool,
    key: Vec<u8>,
    value: Vec<u8>,
    /// The bytes that a value may have in its place.
    room: usize,
}

impl Record {
    fn length(&self) -> u64 {
        (HEAD + self.key.len() + self.room) as u64
    }

    /// Reads a record from its first bytes; or tells how many bytes it takes.
    fn of(bytes: &[u8]) -> Result<Record, usize> {
        if bytes.len() < HEAD {
            return Err(HEAD);
        }
        let number =
            |at: usize| bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let (key, value, room) = (number(1), number(5), number(9));
        let whole = HEAD + key + room;
        if bytes.len() < whole {
            return Err(whole);
        }
        let (start, end) = (HEAD + key, HEAD + key + value);
        let (key, value) = (bytes[HEAD..start].to_vec(), bytes[start..end].to_vec());
        Ok(Record { counts: bytes[0] == 1, key, value, room })
    }

    fn bytes(key: &[u8], value: &[u8], room: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(HEAD + key.len() + room);
        bytes.push(1);
        for length in [key.len(), value.len(), room] {
            bytes.extend(u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
        }
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
        bytes.resize(HEAD + key.len() + room, 0);
        Ok(bytes)
    }
}

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// The key's slot, and its record with the place of it, if there is one.
type Found = (u64, Option<(u64, Record)>);

impl MapFile {
    pub(super) fn new() -> io::Result<MapFile> {
        let (slots, records) = (slots(FIRST)?, tempfile::tempfile()?);
        Ok(MapFile { slots, records, bits: FIRST, taken: 0, end: 0, hashes: RandomState::new() })
    }

    /// The end of its records.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let (_, found) = self.find(self.hashes.hash_one(key), key)?;
        Ok(found.map(|(_, record)| record.value))
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        if self.taken * 2 >= 1 << self.bits {
            self.widen()?;
        }
        let hash = self.hashes.hash_one(key);
        let (slot, found) = self.find(hash, key)?;
        match found {
            Some((at, record)) if value.len() <= record.room => {
                return write(&self.records, at, &Record::bytes(key, value, record.room)?);
            }
            // It no longer counts here.
            Some((at, _)) => write(&self.records, at, &[0])?,
            None => self.taken += 1,
        }
        let record = Record::bytes(key, value, value.len())?;
        write(&self.records, self.end, &record)?;
        write_slot(&self.slots, slot, (hash, self.end + 1))?;
        self.end += record.len() as u64;
        Ok(())
    }

    /// The entries from a place on, of some 64 KB, and the place after them. Records from `end` on are not among them.
    pub(super) fn part(&self, from: u64, end: u64) -> io::Result<(Vec<Entry>, u64)> {
        let mut bytes = read(&self.records, from, MANY)?;
        let (mut at, mut entries) = (0, Vec::new());
        while from + (at as u64) < end {
            match Record::of(&bytes[at..]) {
                Ok(record) => {
                    at += usize::try_from(record.length()).map_err(io::Error::other)?;
                    entries.extend(record.counts.then_some((record.key, record.value)));
                }
                Err(length) if at == 0 && length > bytes.len() => bytes = read_whole(&self.records, from, length)?,
                Err(_) => break,
            }
        }
        Ok((entries, from + at as u64))
    }

    fn find(&self, hash: u64, key: &[u8]) -> io::Result<Found> {
        let count = 1 << self.bits;
        let mut slot = hash >> (64 - self.bits);
        loop {
            let at_once = SLOTS_AT_ONCE.min(count - slot);
            for (known, place) in read_slots(&self.slots, slot, at_once)? {
                if place == 0 {
                    return Ok((slot, None));
                }
                if known == hash {
                    let record = self.record(place - 1)?;
                    if record.key == key {
                        return Ok((slot, Some((place - 1, record))));
                    }
                }
                slot += 1;
            }
            slot %= count;
        }
    }

    fn record(&self, at: u64) -> io::Result<Record> {
        let mut bytes = read(&self.records, at, ONE)?;
        loop {
            match Record::of(&bytes) {
                Ok(record) => return Ok(record),
                Err(length) => bytes = read_whole(&self.records, at, length)?,
            }
        }
    }

    /// Makes the slots more. The order of hashes stays, so nearly every one goes behind the one before it.
    fn widen(&mut self) -> io::Result<()> {
        let bits = self.bits + STEP;
        let (wide, count) = (slots(bits)?, 1 << bits);
        let at_once = (MANY / SLOT) as u64;
        for from in (0..1 << self.bits).step_by(MANY / SLOT) {
            for (hash, place) in read_slots(&self.slots, from, at_once.min((1 << self.bits) - from))? {
                if place == 0 {
                    continue;
                }
                let mut slot = hash >> (64 - bits);
                while read_slots(&wide, slot, 1)?.iter().any(|(_, place)| *place > 0) {
                    slot = (slot + 1) % count;
                }
                write_slot(&wide, slot, (hash, place))?;
            }
        }
        (self.slots, self.bits) = (wide, bits);
        Ok(())
    }
}

/// A file of free slots.
fn slots(bits: u32) -> io::Result<File> {
    let file = tempfile::tempfile()?;
    file.set_len((SLOT as u64) << bits)?;
    Ok(file)
}

fn read_slots(file: &File, from: u64, count: u64) -> io::Result<Vec<(u64, u64)>> {
    let length = usize::try_from(count).map_err(io::Error::other)? * SLOT;
    let bytes = read_whole(file, from * SLOT as u64, length)?;
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Ok(bytes.chunks_exact(SLOT).map(|slot| (number(&slot[..8]), number(&slot[8..]))).collect())
}

fn write_slot(file: &File, slot: u64, (hash, place): (u64, u64)) -> io::Result<()> {
    write(file, slot * SLOT as u64, &[hash.to_le_bytes(), place.to_le_bytes()].concat())
}

/// At most so many bytes: fewer at the end of the file.
fn read(mut file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    file.seek(SeekFrom::Start(at))?;
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_whole(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let bytes = read(file, at, length)?;
    if bytes.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

fn write(mut file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}
