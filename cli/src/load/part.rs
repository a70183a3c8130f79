//! A part of a run: a batch that is written, and then noted in the ledger, so that the same load again needs not look at it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::PoisonError;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::writer::Change;
use tokio::runtime::Handle;

use super::Run;
use super::reason::Reason;
use super::report::{Report, Told};

/// A batch is written at the end of the file in which it reaches this many resources, so that a file of one member gets
/// one receipt unless it is longer than [`LONGEST_BATCH`].
const BATCH: usize = 512;

/// At this many resources a batch is written even in the middle of a file, because memory holds it.
const LONGEST_BATCH: usize = 4 * BATCH;

/// A batch has at most this many bytes of text, or one larger resource. Read, resolved and packed it takes some thirty times as much
/// memory.
const HEAVIEST_BATCH: u64 = 2 << 20;

/// A resource to store or to delete: the occurrence that counts in this run.
pub(super) struct Pending {
    pub kind: &'static ResourceType,
    pub reference: Reference,
    /// The number of its file.
    pub file: usize,
    /// The number of the Bundle that it is an entry of.
    pub bundle: Option<u32>,
    /// The place where it was read, in words.
    pub place: String,
    /// The number of its item, in the order of reading.
    pub at: u64,
    /// The resource; `None` if it is to be deleted.
    pub resource: Option<Json>,
    /// The Binaries made of the files that it names.
    pub documents: Vec<Change>,
    /// Whether it stands in the store already, and only its copies are made anew.
    pub is_stored: bool,
}

impl Pending {
    /// One that stands in the store already.
    pub(super) fn stored(reference: Reference) -> Result<Pending> {
        let kind = ResourceType::named(&reference.resource_type).context("a type that is kept")?;
        Ok(Pending {
            kind,
            reference,
            file: usize::MAX,
            bundle: None,
            place: "the store".to_owned(),
            at: 0,
            resource: None,
            documents: Vec::new(),
            is_stored: true,
        })
    }
}

/// A part that is finished.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// The number of the reading in which its resources were prepared.
    pub reading: u32,
    /// The place of its last resource, in the order of reading.
    pub last: u64,
    /// The number of its resources.
    pub resources: usize,
    /// Its outcome; `None` where that is too long for a row, and the part is looked at again.
    pub outcome: Option<Outcome>,
}

/// All that the report and later parts must know of a part.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Its share of the report.
    pub told: Told,
    /// The resources that were refused as they were to be written.
    pub refused: Vec<(Reference, Reason)>,
    /// The resources of which the store has a newer version.
    pub withdrawn: Vec<Reference>,
    /// The resources of which an earlier version must be taken first.
    pub stepped_back: Vec<Reference>,
    /// The resources of which such a version was taken.
    pub stepped_forward: Vec<Reference>,
    /// The Patients that were deleted.
    pub gone: Vec<String>,
    /// The pairs of members of whom the report says that they have one identifier.
    pub rivals: Vec<[String; 2]>,
    /// The files beside the feeds that attachments name.
    attached: Vec<PathBuf>,
}

/// The resources that are prepared and not yet written.
#[derive(Default)]
pub(super) struct Batch {
    resources: Vec<Pending>,
    /// The bytes of their text.
    bytes: u64,
}

impl Batch {
    pub(super) fn push(&mut self, pending: Pending, bytes: u64) {
        self.resources.push(pending);
        self.bytes += bytes;
    }
}

impl Run<'_> {
    /// Whether a batch ends before a resource of so many bytes at this place of a file. A part of an earlier try ends where it ended then.
    pub(super) fn ends(&self, batch: &Batch, file: usize, bytes: u64) -> bool {
        let Some(last) = batch.resources.last() else { return false };
        if let Some(part) = self.ledger.next(self.reading) {
            return self.at > part.last;
        }
        let count = batch.resources.len();
        (last.file != file && count >= BATCH) || count == LONGEST_BATCH || batch.bytes + bytes > HEAVIEST_BATCH
    }

    /// Writes a batch and notes it in the ledger, unless an earlier try did.
    pub(super) fn deal(&mut self, batch: &mut Batch) -> Result<()> {
        let resources = std::mem::take(batch).resources;
        let Some(last) = resources.last().map(|last| last.at) else { return Ok(()) };
        let known = self.ledger.take(self.reading)?;
        let is_known = known.is_some();
        if let Some(part) = known {
            if (part.last, part.resources) != (last, resources.len()) {
                return self.forget();
            }
            if let Some(outcome) = part.outcome {
                return self.repeat(outcome, &resources);
            }
        }
        let (runtime, stop, count) = (Handle::current(), self.settings.stop.clone(), resources.len());
        let files = std::mem::take(&mut self.report.files);
        let whole = std::mem::replace(&mut self.report, Report { files, ..Report::default() });
        self.outcome = Outcome::default();
        let written = runtime.block_on(stop.unless(self.write(resources)));
        let mut of_part = std::mem::replace(&mut self.report, whole);
        self.report.files = std::mem::take(&mut of_part.files);
        let told = Told::from(&of_part);
        self.report.add(of_part);
        let attached = std::mem::take(self.attached.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.documents.extend(attached.iter().cloned());
        written?;
        if is_known {
            return Ok(());
        }
        let attached = attached.into_iter().collect();
        let outcome = Outcome { told, attached, ..std::mem::take(&mut self.outcome) };
        let part = Part { reading: self.reading, last, resources: count, outcome: Some(outcome) };
        runtime.block_on(stop.unless(self.ledger.finish(&self.writer, part)))
    }

    /// Takes a part as an earlier try left it. Nothing of it is asked of the store or written again.
    fn repeat(&mut self, outcome: Outcome, resources: &[Pending]) -> Result<()> {
        self.report.add(outcome.told.into());
        let by_reference: HashMap<&Reference, &Pending> =
            resources.iter().map(|pending| (&pending.reference, pending)).collect();
        for (reference, reason) in &outcome.refused {
            match by_reference.get(reference) {
                Some(pending) => self.pass_over(pending, reason)?,
                None => self.pass_over(&Pending::stored(reference.clone())?, reason)?,
            }
        }
        for reference in &outcome.withdrawn {
            self.survey.withdraw(reference)?;
        }
        for reference in &outcome.stepped_back {
            self.step_back(reference)?;
        }
        for reference in &outcome.stepped_forward {
            self.step_forward(reference)?;
        }
        for id in &outcome.gone {
            self.gone.put(id, &())?;
        }
        self.rivals.extend(outcome.rivals);
        self.documents.extend(outcome.attached);
        Ok(())
    }

    /// Drops the ledger, because the store has changed since the earlier try in a way that lets this one go elsewhere.
    fn forget(&mut self) -> Result<()> {
        Handle::current().block_on(self.ledger.close(&self.writer))?;
        bail!(
            "another load has changed the store since the earlier try of this one, so that this one goes another way; its notes are \
             dropped: run the same load again"
        )
    }
}
