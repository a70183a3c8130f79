//! `patient-access load`: reads FHIR resources, determines the owner of each, and stores them.
//!
//! A run reads its input twice. The first reading learns the names of resources, and which occurrence of an id counts
//! (`survey`). The second resolves references, determines each owner (`ready`) and writes (`batch`). Before a resource it
//! writes everything that leads to it: the receipt that names it, and the pointers from its member to the shared
//! resources it refers to. A run that is cut short therefore leaves nothing out of reach, and may be repeated.
//! Provenances and Binaries come last, because their owners are the owners of other resources.

mod attachments;
mod batch;
mod follow;
mod lead;
mod ready;
mod reason;
mod references;
mod rejections;
mod release;
mod report;
mod source;
mod survey;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::fhir::guides::Guides;
use shared::fhir::reference::Reference;
use shared::fhir::types::{Owner, ResourceType};
use shared::record::writer::{Change, ToDo, Writer};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::block_in_place;

use crate::stack::Stack;
use lead::{Origin, Pointer};
pub use reason::{Reason, ReasonCode};
use rejections::Rejections;
pub use report::{Report, Tally, UNREADABLE};
pub use source::Source;
use source::{Content, Item};
use survey::{Survey, check, check_deletion};

/// A batch of at least this many resources is written at the end of a file, so that a file of one member gets one
/// receipt.
const BATCH: usize = 512;

/// A batch has at most this many resources, wherever its file ends: memory holds one batch.
const LONGEST_BATCH: usize = 4 * BATCH;

/// A batch has at most this many bytes, or one larger resource.
const HEAVIEST_BATCH: u64 = 64 << 20;

/// Loads files and folders into a stack, with a progress bar on a terminal.
///
/// # Errors
/// A path cannot be read, or the stack does not answer; the run may be repeated. A fault of a resource is no error: the
/// report has it.
pub async fn run(stack: &Stack, paths: &[PathBuf], rejected: Option<PathBuf>) -> Result<Report> {
    let clock = Clock::System;
    let time = clock.now().to_string().replace([':', '.'], "-");
    let file = rejected.unwrap_or_else(|| PathBuf::from(format!("rejected-{time}.ndjson")));
    let source = Source::of_paths(paths)?;
    if source.reads(&file) {
        bail!(
            "{} is one of the files to load, and rejected resources would replace it: give another name",
            file.display()
        );
    }
    let bar = ProgressBar::new(source.size() * 2).with_style(
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let report = load(stack, &source, &file, clock, &bar).await;
    bar.finish_and_clear();
    report
}

/// Loads a source. Rejected resources are written to `rejected`, one JSON line each, if there are any.
///
/// # Errors
/// As [`run`].
pub async fn load(stack: &Stack, source: &Source, rejected: &Path, clock: Clock, bar: &ProgressBar) -> Result<Report> {
    bar.set_message("reading");
    let survey = Survey::of(source, bar)?;
    let mut run = Run {
        writer: stack.writer(),
        source,
        plan: stack.plan_name(),
        guides: stack.guides(),
        takes_sensitive: stack.takes_sensitive(),
        survey,
        at: 0,
        elected: BTreeSet::new(),
        clock,
        pointers: Mutex::default(),
        misled: Vec::new(),
        to_do: stack.writer().to_do().await?,
        shared_references: Mutex::default(),
        report: Report::default(),
        rejected: Rejections::to(rejected),
    };
    bar.set_message("storing");
    block_in_place(|| {
        Handle::current().block_on(async {
            run.introduce().await?;
            run.follow_up().await
        })
    })?;
    block_in_place(|| run.passes(bar, None))?;
    // Where the occurrence that counted was refused, an earlier reading passed by the one that counts in its stead.
    while !run.elected.is_empty() {
        let elected = std::mem::take(&mut run.elected);
        block_in_place(|| run.passes(bar, Some(&elected)))?;
    }
    run.report.rejected_file = run.rejected.written();
    Ok(run.report)
}

/// Whether a resource of this type has the owner of other resources.
fn is_dependent(kind: &str) -> bool {
    ResourceType::named(kind).is_some_and(|kind| matches!(kind.owner, Owner::Targets(_) | Owner::Attachment))
}

/// The resources that one pass over the input writes.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    /// Those that name their owner, and shared ones.
    Owned,
    /// Those whose owner is the owner of other resources.
    Dependent,
}

/// A resource to store or to delete: the occurrence that counts in this run.
struct Pending {
    kind: &'static ResourceType,
    reference: Reference,
    /// The number of its file.
    file: usize,
    /// The place where it was read, in words.
    place: String,
    /// The resource; `None` if it is to be deleted.
    resource: Option<Json>,
    /// The Binaries made of the files that it names.
    documents: Vec<Change>,
    /// Whether it stands in the store already, and only its copies are made anew.
    is_stored: bool,
}

struct Run<'a> {
    writer: Writer,
    source: &'a Source,
    plan: &'a str,
    guides: Guides,
    takes_sensitive: bool,
    survey: Survey,
    /// The place of what is being read, in the order of reading.
    at: u64,
    /// The places of what counts now, after what counted before was refused, and was passed by already.
    elected: BTreeSet<u64>,
    clock: Clock,
    /// The pointers that are there, as far as this run knows.
    pointers: Mutex<HashMap<Pointer, Origin>>,
    /// Shared resources that do not count after all, by whose word pointers were perhaps written already.
    misled: Vec<Reference>,
    /// The shared resources that those of the store lead to; `None` where one is not there.
    shared_references: Mutex<HashMap<Reference, Option<BTreeSet<Reference>>>>,
    /// The notes of all that is to be derived again.
    to_do: BTreeSet<ToDo>,
    report: Report,
    rejected: Rejections,
}

impl Run<'_> {
    /// Reads everything, or `only` what stands at these places: members' own resources first.
    fn passes(&mut self, bar: &ProgressBar, only: Option<&BTreeSet<u64>>) -> Result<()> {
        self.pass(bar, Pass::Owned, only)?;
        if self.survey.has_any(is_dependent) { self.pass(bar, Pass::Dependent, only) } else { Ok(()) }
    }

    /// One reading: prepares and writes in batches, so that memory does not grow with the input.
    fn pass(&mut self, bar: &ProgressBar, pass: Pass, only: Option<&BTreeSet<u64>>) -> Result<()> {
        let (runtime, source) = (Handle::current(), self.source);
        let (mut ordinal, mut weight, mut batch) = (0, 0, Vec::<Pending>::new());
        source.each(&mut |item, bytes| {
            let file = item.file;
            self.at = ordinal;
            let is_wanted = only.is_none_or(|only| only.contains(&ordinal));
            if is_wanted && let Some(pending) = self.prepare(item, pass, only.is_some())? {
                let ends = batch.last().is_some_and(|last| last.file != file);
                if (ends && batch.len() >= BATCH) || batch.len() == LONGEST_BATCH || weight + bytes > HEAVIEST_BATCH {
                    runtime.block_on(self.write(std::mem::take(&mut batch)))?;
                    weight = 0;
                }
                batch.push(pending);
                weight += bytes;
            }
            ordinal += 1;
            bar.inc(if pass == Pass::Owned && only.is_none() { bytes } else { 0 });
            Ok(())
        })?;
        runtime.block_on(self.write(batch))
    }

    /// Decides what becomes of an item; `None` where that is settled, or this reading does not write it. One that is read `again`
    /// was counted as superseded.
    fn prepare(&mut self, item: Item, pass: Pass, again: bool) -> Result<Option<Pending>> {
        let (identity, resource) = match item.content {
            Content::Resource(resource) => (check(&resource, item.full_url.as_deref()), resource),
            Content::Deletion(url) => (check_deletion(&url), json!({"request": {"method": "DELETE", "url": url}})),
            _ if pass == Pass::Dependent => return Ok(None),
            Content::Unusable(reason) => return self.reject(UNREADABLE, &item.place, &reason, &Json::Null),
            Content::Nothing => {
                self.report.empty.push(item.place);
                return Ok(None);
            }
        };
        let (kind, reference) = match identity {
            Ok(identity) => identity,
            Err(reason) if pass == Pass::Owned => {
                let name = resource["resourceType"].as_str().filter(|name| name.len() <= 64).unwrap_or(UNREADABLE);
                return self.reject(name, &item.place, &reason, &resource);
            }
            Err(_) => return Ok(None),
        };
        if is_dependent(kind.name) != (pass == Pass::Dependent) {
            return Ok(None);
        }
        if self.survey.is_ambiguous(&reference) {
            let text = format!(
                "two resources of this run, of different fullUrls, have the id {}: give each its own",
                reference.id
            );
            return self.reject(kind.name, &item.place, &Reason::new(ReasonCode::AmbiguousId, text), &resource);
        }
        if again {
            self.report.counts_after_all(kind.name);
        } else {
            self.report.read(kind.name);
            if !self.survey.counts(&reference, self.at) {
                self.report.superseded(kind.name);
                return Ok(None);
            }
        }
        let resource = resource["resourceType"].is_string().then_some(resource);
        Ok(Some(Pending {
            kind,
            reference,
            file: item.file,
            place: item.place,
            resource,
            documents: Vec::new(),
            is_stored: false,
        }))
    }

    fn reject<T>(&mut self, kind: &str, place: &str, reason: &Reason, resource: &Json) -> Result<Option<T>> {
        self.report.read(kind);
        self.report.rejected(kind, reason.code);
        self.rejected.add(place, reason, resource)?;
        Ok(None)
    }
}
