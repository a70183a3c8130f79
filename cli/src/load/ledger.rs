//! The ledger of a run. A run that was killed or stopped anywhere is ended by the same load again, which goes on after the last part
//! that is noted here, and the report of which tells what both did. Of the part that was not finished the ledger says what cannot be
//! seen in the store any more: that a resource moved, or had been deleted.

use std::collections::{HashMap, VecDeque};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::clock::Time;
use shared::fhir::reference::Reference;
use shared::record::writer::{Standing, Writer, Written};
use shared::store::objects::content_hash;

use super::Source;
use super::fate::Fate;
use super::part::Part;
use super::ready::Ready;

/// The place of the entry that every ledger begins with.
const BEGUN: &str = "begun";

/// The beginning of the places of parts. Those of fates are numbers.
const PART: &str = "part-";

/// After a week, the same load is another run.
const FORGOTTEN: i64 = 7 * 24 * 3_600_000;

/// How hard entries are compressed.
const LEVEL: i32 = 3;

/// An entry has at most this many bytes: a row of DynamoDB has 400 KB.
const LONGEST_ENTRY: usize = 350 << 10;

/// At most this many parts wait for their entries. A run that changes nothing, and is short, writes none.
const MOST_WAITING: usize = 16;

/// The ledger of one run.
pub(super) struct Ledger {
    run: String,
    begun: Time,
    /// Whether an earlier try began it.
    is_resumed: bool,
    /// The warnings about persons, which were found before anything was written.
    warnings: Vec<(String, String)>,
    /// The fates of resources that an earlier try noted.
    fates: HashMap<Reference, Fate>,
    /// The part that an earlier try finished and that comes next, and those after it, as they were written.
    next: Option<Part>,
    finished: VecDeque<Vec<u8>>,
    /// The parts without an entry yet.
    waiting: Vec<Part>,
    /// The places of the entries that are there: all; of parts, how many; of fates in the part that is not finished, and in those that
    /// are.
    places: Vec<String>,
    parts: usize,
    open: Vec<String>,
    settled: Vec<String>,
    /// The number of the next entry of fates.
    number: usize,
}

#[derive(Serialize, Deserialize)]
struct Begun {
    at: i64,
    warnings: Vec<(String, String)>,
}

impl Ledger {
    /// Reads the ledger of the run that loads this source. All `choices` by which a run may go another way are part of its name.
    pub(super) async fn open(writer: &Writer, source: &Source, choices: &str, now: Time) -> Result<Ledger> {
        let choices = format!("{} {choices}", env!("CARGO_PKG_VERSION"));
        let run = hex::encode(&content_hash(&[source.identity(), choices.into_bytes()].concat())[..16]);
        let entries = writer.ledger(&run).await?;
        let mut ledger = Ledger {
            run,
            begun: now,
            is_resumed: false,
            warnings: Vec::new(),
            fates: HashMap::new(),
            next: None,
            finished: VecDeque::new(),
            waiting: Vec::new(),
            places: Vec::new(),
            parts: 0,
            open: Vec::new(),
            settled: Vec::new(),
            number: 0,
        };
        let begun =
            entries.iter().find(|(place, _)| place == BEGUN).map(|(_, entry)| read::<Begun>(entry)).transpose()?;
        let Some(begun) = begun.filter(|begun| now.0 - begun.at <= FORGOTTEN) else {
            for (place, _) in &entries {
                writer.strike(&ledger.run, place).await?;
            }
            return Ok(ledger);
        };
        (ledger.begun, ledger.warnings, ledger.is_resumed) = (Time(begun.at), begun.warnings, true);
        for (place, entry) in entries {
            if place.starts_with(PART) {
                ledger.finished.push_back(entry);
            } else if place != BEGUN {
                ledger.fates.extend(read::<Vec<(Reference, Fate)>>(&entry)?);
                ledger.open.push(place.clone());
                ledger.number = place.parse::<usize>().map_or(ledger.number, |number| number + 1);
            }
            ledger.places.push(place);
        }
        ledger.parts = ledger.finished.len();
        ledger.advance()?;
        Ok(ledger)
    }

    /// When the run began, with its first try.
    pub(super) fn begun(&self) -> Time {
        self.begun
    }

    /// The warnings about persons that an earlier try found, each with its place: since then the store has changed.
    pub(super) fn warnings(&self) -> Option<&[(String, String)]> {
        self.is_resumed.then_some(self.warnings.as_slice())
    }

    /// Keeps the warnings about persons for a later try.
    pub(super) fn warn(&mut self, warnings: Vec<(String, String)>) {
        self.warnings = warnings;
    }

    /// The part of this reading that an earlier try finished and that comes next.
    pub(super) fn next(&self, reading: u32) -> Option<&Part> {
        self.next.as_ref().filter(|part| part.reading == reading)
    }

    /// The same, which is then behind.
    ///
    /// # Errors
    /// The entry of the one after it does not read.
    pub(super) fn take(&mut self, reading: u32) -> Result<Option<Part>> {
        if self.next(reading).is_none() {
            return Ok(None);
        }
        let part = self.next.take();
        self.advance()?;
        Ok(part)
    }

    fn advance(&mut self) -> Result<()> {
        self.next = self.finished.pop_front().map(|entry| read(&entry)).transpose()?;
        Ok(())
    }

    /// Notes, before the changes of a batch are made, what cannot be seen when they are.
    pub(super) async fn enter(&mut self, writer: &Writer, batch: &[(Ready, Standing)]) -> Result<()> {
        let changes = |(ready, standing): &&(Ready, Standing)| {
            matches!(ready.change.outcome(standing), Written::Stored | Written::Deleted)
        };
        let mut changing = batch.iter().filter(changes).peekable();
        if changing.peek().is_none() {
            return Ok(());
        }
        self.write_waiting(writer).await?;
        let fates = changing.map(|(ready, standing)| (ready.change.reference(), Fate::of(ready, standing)));
        let fates: Vec<(&Reference, Fate)> = fates.filter(|(_, fate)| *fate != Fate::Plain).collect();
        if !fates.is_empty() {
            let place = format!("{:08}", self.number);
            self.number += 1;
            self.put(writer, &place, written(&fates)?).await?;
            self.open.push(place);
        }
        Ok(())
    }

    /// Notes that a part is finished, now or before the next change is made.
    pub(super) async fn finish(&mut self, writer: &Writer, part: Part) -> Result<()> {
        self.waiting.push(part);
        self.settled.append(&mut self.open);
        if self.waiting.len() < MOST_WAITING { Ok(()) } else { self.write_waiting(writer).await }
    }

    /// Writes the entries of finished parts, which need no fates any more.
    async fn write_waiting(&mut self, writer: &Writer) -> Result<()> {
        if self.places.is_empty() {
            let begun = Begun { at: self.begun.0, warnings: self.warnings.clone() };
            self.put(writer, BEGUN, written(&begun)?).await?;
        }
        while let Some(part) = self.waiting.first_mut() {
            let mut entry = written(part)?;
            if entry.len() > LONGEST_ENTRY {
                part.outcome = None;
                entry = written(part)?;
            }
            let place = format!("{PART}{:08}", self.parts);
            self.put(writer, &place, entry).await?;
            self.parts += 1;
            self.waiting.remove(0);
        }
        while let Some(place) = self.settled.last() {
            writer.strike(&self.run, place).await?;
            self.places.retain(|there| there != place);
            self.settled.pop();
        }
        Ok(())
    }

    async fn put(&mut self, writer: &Writer, place: &str, entry: Vec<u8>) -> Result<()> {
        writer.enter(&self.run, place, entry).await?;
        self.places.push(place.to_owned());
        Ok(())
    }

    /// The outcome of a change for the whole run, and the fate of its resource: an earlier try may have made the change.
    pub(super) fn outcome(&mut self, ready: &Ready, standing: &Standing, outcome: Written) -> (Written, Fate) {
        let noted = self.fates.remove(ready.change.reference());
        let outcome = match outcome {
            Written::Unchanged if self.is_resumed && standing.is_changed_since(self.begun) => {
                if ready.change.partitions().next().is_some() { Written::Stored } else { Written::Deleted }
            }
            outcome => outcome,
        };
        (outcome, noted.unwrap_or_else(|| Fate::of(ready, standing)))
    }

    /// Deletes the ledger, because the run is over.
    pub(super) async fn close(&mut self, writer: &Writer) -> Result<()> {
        // Without its beginning a ledger is none, so that goes last.
        self.places.sort_by_key(|place| place != BEGUN);
        while let Some(place) = self.places.last() {
            writer.strike(&self.run, place).await?;
            self.places.pop();
        }
        Ok(())
    }
}

fn written(entry: &impl Serialize) -> Result<Vec<u8>> {
    Ok(zstd::bulk::compress(&serde_json::to_vec(entry)?, LEVEL)?)
}

fn read<T: for<'de> Deserialize<'de>>(entry: &[u8]) -> Result<T> {
    let text = zstd::stream::decode_all(entry).context("an entry of the run's ledger does not unpack")?;
    serde_json::from_slice(&text).context("an entry of the run's ledger does not read")
}

impl Source {
    /// The mark that tells this source from every other: the files with their sizes and times, or what is in memory.
    fn identity(&self) -> Vec<u8> {
        match self {
            Source::Files { files, .. } => {
                let versions: Vec<String> = files.iter().map(super::source::FeedFile::identity).collect();
                versions.join("\n").into_bytes()
            }
            Source::Memory(resources) => {
                resources.iter().map(Json::to_string).collect::<Vec<_>>().join("\n").into_bytes()
            }
        }
    }
}
