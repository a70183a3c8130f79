//! The ledger of a run. A run that was killed or stopped anywhere is ended by the same load again, and the report of that tells what
//! both did: the ledger says when the first try began, so that what it stored is counted as stored, and what cannot be seen in the
//! store any more: that a resource moved, or had been deleted.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::clock::Time;
use shared::fhir::reference::Reference;
use shared::record::writer::{Standing, Writer, Written};
use shared::store::objects::content_hash;

use super::batch::Fate;
use super::ready::Ready;
use super::{Settings, Source};

/// The place of the entry that every ledger begins with.
const BEGUN: &str = "begun";

/// After a week, the same load is another run.
const FORGOTTEN: i64 = 7 * 24 * 3_600_000;

/// How hard entries are compressed.
const LEVEL: i32 = 3;

/// The ledger of one run.
pub(super) struct Ledger {
    run: String,
    begun: Time,
    /// The warnings about persons, which were found before anything was written.
    warnings: Option<Vec<(String, String)>>,
    /// The fates of resources that an earlier try noted.
    fates: HashMap<Reference, Fate>,
    /// The places of the entries that are there.
    places: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Begun {
    at: i64,
    warnings: Vec<(String, String)>,
}

impl Ledger {
    /// Reads the ledger of the run that loads this source with these settings.
    pub(super) async fn open(writer: &Writer, source: &Source, settings: &Settings, now: Time) -> Result<Ledger> {
        let choices = format!("{:?} {:?}", settings.bases, settings.same_person);
        let run = hex::encode(&content_hash(&[source.identity(), choices.into_bytes()].concat())[..16]);
        let mut ledger = Ledger { run, begun: now, warnings: None, fates: HashMap::new(), places: Vec::new() };
        let entries = writer.ledger(&ledger.run).await?;
        let begun =
            entries.iter().find(|(place, _)| place == BEGUN).map(|(_, entry)| read::<Begun>(entry)).transpose()?;
        match begun {
            Some(begun) if now.0 - begun.at <= FORGOTTEN => {
                ledger.begun = Time(begun.at);
                ledger.warnings = Some(begun.warnings);
                for (place, entry) in entries {
                    if place != BEGUN {
                        ledger.fates.extend(read::<Vec<(Reference, Fate)>>(&entry)?);
                    }
                    ledger.places.push(place);
                }
            }
            _ => {
                for (place, _) in &entries {
                    writer.strike(&ledger.run, place).await?;
                }
            }
        }
        Ok(ledger)
    }

    /// When the run began, with its first try.
    pub(super) fn begun(&self) -> Time {
        self.begun
    }

    /// The warnings about persons that the first try found, each with its place: since then the store has changed.
    pub(super) fn warnings(&self) -> Option<&[(String, String)]> {
        self.warnings.as_deref()
    }

    /// Notes, before the changes of a batch are made, what cannot be seen when they are.
    pub(super) async fn enter(
        &mut self,
        writer: &Writer,
        batch: &[(Ready, Standing)],
        warnings: impl FnOnce() -> Vec<(String, String)>,
    ) -> Result<()> {
        let changes = |(ready, standing): &&(Ready, Standing)| {
            matches!(ready.change.outcome(standing), Written::Stored | Written::Deleted)
        };
        let mut changing = batch.iter().filter(changes).peekable();
        if changing.peek().is_some() && self.places.is_empty() {
            let begun = Begun { at: self.begun.0, warnings: warnings() };
            writer.enter(&self.run, BEGUN, written(&begun)?).await?;
            self.places.push(BEGUN.to_owned());
        }
        let fates = changing.map(|(ready, standing)| (ready.change.reference(), Fate::of(ready, standing)));
        let fates: Vec<(&Reference, Fate)> = fates.filter(|(_, fate)| *fate != Fate::Plain).collect();
        if !fates.is_empty() {
            let place = format!("{:08}", self.places.len());
            writer.enter(&self.run, &place, written(&fates)?).await?;
            self.places.push(place);
        }
        Ok(())
    }

    /// The outcome of a change for the whole run, and the fate of its resource: an earlier try may have made the change.
    pub(super) fn outcome(&mut self, ready: &Ready, standing: &Standing, outcome: Written) -> (Written, Fate) {
        let noted = self.fates.remove(ready.change.reference());
        let outcome = match outcome {
            Written::Unchanged if self.warnings.is_some() && standing.is_changed_since(self.begun) => {
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
        while let Some(place) = self.places.pop() {
            writer.strike(&self.run, &place).await?;
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
