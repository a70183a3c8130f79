//! `patient-access load`: reads FHIR resources, determines the owner of each, and stores them.
//!
//! A run reads its input at least twice. The first reading learns the names of resources, and which occurrence of an id
//! counts (`survey`). The second resolves references, determines each owner (`ready`) and writes (`batch`). Provenances
//! and Binaries take a reading of their own, because their owners are the owners of other resources. A resource is
//! written only after the receipt that names it and the pointers from its member to the shared resources it refers to. A run
//! that is cut short therefore leaves nothing out of reach, and may be repeated.

mod attachments;
mod batch;
mod delegations;
mod fate;
mod follow;
mod inspection;
mod lead;
mod ledger;
mod lookup;
mod mend;
mod merge;
mod part;
mod paths;
mod people;
mod ready;
mod reason;
mod references;
mod rejections;
mod release;
mod report;
mod rules;
mod scratch;
mod settings;
mod source;
mod stop;
mod survey;
mod totals;
mod undated;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use shared::clock::{Clock, Time};
use shared::fhir::guides::Guides;
use shared::fhir::reference::Reference;
use shared::fhir::types::{Owner, ResourceType};
use shared::record::writer::{ToDo, Writer};
use shared::store::auth::Auth;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::delegation::Ages;
use crate::stack::Stack;
pub use inspection::{Inspection, inspect};
use lead::Origin;
use ledger::Ledger;
pub use merge::{Ended, counts, merge, patients, remove};
use part::{Batch, Outcome, Pending};
pub use paths::{inspect_paths, run};
use people::SAME_PERSON;
pub use reason::{Reason, ReasonCode};
use rejections::Rejections;
pub use report::{FileTally, Finding, MANIFEST, References, Report, Tally, UNREADABLE};
use rules::Notes;
pub use rules::Rules;
use scratch::Scratch;
pub use settings::Settings;
pub use source::Source;
use source::{Content, Item};
pub use stop::{Stop, Stopped};
use survey::{Survey, check, check_deletion};
pub use totals::Totals;

/// Loads a source. Rejected resources are written to `rejected`, one JSON line each, if there are any.
///
/// # Errors
/// A file cannot be read, or the stack does not answer; the run may be repeated.
pub async fn load(stack: &Stack, source: &Source, rejected: &Path, clock: Clock, bar: &ProgressBar) -> Result<Report> {
    let settings = Settings { rejected: rejected.to_owned(), ..Settings::default() };
    let (report, ended) = load_with(stack, source, settings, clock, bar).await;
    ended.map(|()| report)
}

/// Loads a source with these settings, of which `rejected` must name a file. Returns the report, and an error if the run
/// stopped early; the same load can then be repeated.
pub async fn load_with(
    stack: &Stack,
    source: &Source,
    settings: Settings,
    clock: Clock,
    bar: &ProgressBar,
) -> (Report, Result<()>) {
    bar.set_message("reading");
    let writer = match stack.writer() {
        Ok(writer) => writer,
        Err(error) => return (Report::default(), Err(error)),
    };
    let rules = settings.rules.clone().unwrap_or_else(|| stack.rules().clone());
    let choices = format!(
        "{:?} {:?} {rules:?} {:?} {}",
        settings.bases,
        settings.same_person,
        stack.guides(),
        stack.takes_sensitive()
    );
    let opened = Ledger::open(&writer, source, &choices, clock.now());
    let ledger = match settings.stop.unless(opened).await {
        Ok(ledger) => ledger,
        Err(error) => return (Report::default(), Err(error)),
    };
    let begun = ledger.begun();
    let bases: Vec<String> = [stack.issuer().fhir_base()].into_iter().chain(settings.bases.iter().cloned()).collect();
    let survey = match Survey::of(source, (&bases, begun, &settings.stop), &rules, bar) {
        Ok(survey) => survey,
        Err(error) => return (Report::default(), Err(error)),
    };
    let rejected = Rejections::to(&settings.rejected);
    let mut run = Run {
        writer,
        source,
        settings,
        plan: stack.plan_name(),
        guides: stack.guides(),
        takes_sensitive: stack.takes_sensitive(),
        survey,
        at: 0,
        reading: 0,
        elected: BTreeSet::new(),
        stepped: BTreeSet::new(),
        clock,
        ledger,
        begun,
        gone: Scratch::default(),
        rivals: BTreeSet::new(),
        strangers: BTreeMap::new(),
        pointers: Scratch::default(),
        misled: Vec::new(),
        to_do: BTreeSet::new(),
        looked_up: Scratch::default(),
        owners: Scratch::default(),
        shared_references: Scratch::default(),
        attached: std::sync::Mutex::default(),
        documents: BTreeSet::new(),
        outcome: Outcome::default(),
        report: Report { rules: rules.moved(), ..Report::default() },
        rules,
        rejected,
        auth: stack.auth(),
        ages: stack.ages(),
    };
    let ended = run.whole(bar).await;
    run.report.rejected_file = run.rejected.written();
    run.report.finished = ended.is_ok();
    (run.report, ended)
}

/// Whether resources of this type take their owner from other resources.
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

struct Run<'a> {
    writer: Writer,
    source: &'a Source,
    settings: Settings,
    plan: &'a str,
    guides: Guides,
    takes_sensitive: bool,
    /// The classes of rules.
    rules: Rules,
    survey: Survey,
    /// The number of the item that is being read, in the order of reading.
    at: u64,
    /// The number of the reading.
    reading: u32,
    /// The numbers of items to read again. Each was skipped in favour of another occurrence of the same id, which was then
    /// refused, so this one counts after all.
    elected: BTreeSet<u64>,
    /// The resources of which an earlier version is to be taken first.
    stepped: BTreeSet<Reference>,
    clock: Clock,
    /// The traces of earlier runs that did not finish, which this run must know.
    ledger: Ledger,
    /// The moment at which the run began, which is the date of a deletion that has none of its own.
    begun: Time,
    /// The Patients that it deleted.
    gone: Scratch<()>,
    /// The pairs of members already reported as having the same identifier.
    rivals: BTreeSet<[String; 2]>,
    /// The Patient ids that the input gives to another person than the store or another file does, each with its reason.
    strangers: BTreeMap<String, Reason>,
    /// The pointers that are there, as far as this run knows.
    pointers: Scratch<Origin>,
    /// Shared resources that were refused, although pointers to what they refer to may already have been written.
    misled: Vec<Reference>,
    /// The searches by an identifier that the store has answered.
    looked_up: Scratch<()>,
    /// The owners of each resource that was looked up in the store; `None` where the store does not have it.
    owners: Scratch<Option<BTreeSet<String>>>,
    /// For each shared resource that was looked up in the store, those it refers to; `None` where the store does not have it.
    shared_references: Scratch<Option<BTreeSet<Reference>>>,
    /// The files beside the feeds that attachments of this part name, as paths without symbolic links.
    attached: std::sync::Mutex<BTreeSet<PathBuf>>,
    /// The same of all parts.
    documents: BTreeSet<PathBuf>,
    /// All that must be known of this part when it is written.
    outcome: Outcome,
    /// The notes of all that is to be derived again.
    to_do: BTreeSet<ToDo>,
    report: Report,
    rejected: Rejections,
    /// The delegations of those who act for members, and what the plan says of their ends.
    auth: Auth,
    ages: &'a Ages,
}

impl Run<'_> {
    /// Everything after the survey: looks resources up in the store, writes, and compares the control totals.
    async fn whole(&mut self, bar: &ProgressBar) -> Result<()> {
        self.report.files = self.survey.tallies(self.source);
        let stop = self.settings.stop.clone();
        let writer = self.writer.clone();
        self.to_do = stop.unless(async { Ok(writer.to_do().await?) }).await?;
        let first = async {
            self.identify().await?;
            self.know_again().await?;
            self.ledger.warn(self.report.texts_of(SAME_PERSON));
            self.introduce().await?;
            self.follow_up().await
        };
        block_in_place(|| Handle::current().block_on(stop.unless(first)))?;
        bar.set_message("storing");
        block_in_place(|| self.passes(bar, None))?;
        // If the preferred occurrence was refused, its replacement may have been skipped already, so it is read again.
        while !self.elected.is_empty() {
            let elected = std::mem::take(&mut self.elected);
            block_in_place(|| self.passes(bar, Some(&elected)))?;
        }
        let documents = std::mem::take(&mut self.documents);
        let is_document = |path: &Path| path.canonicalize().is_ok_and(|path| documents.contains(&path));
        let left_out = self.source.left_out().iter().filter(|file| !is_document(&file.path));
        self.report.left_out = left_out.cloned().collect();
        if let Some(totals) = self.settings.expect.take() {
            totals.compare("--expect", &mut self.report);
        }
        for (place, totals) in &self.survey.manifests {
            totals.compare(place, &mut self.report);
        }
        let last = async {
            self.tell_remains().await?;
            self.ledger.close(&self.writer).await
        };
        block_in_place(|| Handle::current().block_on(stop.unless(last)))
    }

    /// Reads everything, or `only` the items with these numbers: first the resources that name their owner and the shared ones, then
    /// those that take their owner from others.
    fn passes(&mut self, bar: &ProgressBar, only: Option<&BTreeSet<u64>>) -> Result<()> {
        self.pass(bar, Pass::Owned, only)?;
        if self.survey.has_any(is_dependent) { self.pass(bar, Pass::Dependent, only) } else { Ok(()) }
    }

    /// One reading: prepares and writes in batches, so that memory does not grow with the input.
    fn pass(&mut self, bar: &ProgressBar, pass: Pass, only: Option<&BTreeSet<u64>>) -> Result<()> {
        let (source, stop) = (self.source, self.settings.stop.clone());
        let (mut ordinal, mut batch) = (0, Batch::default());
        self.reading += 1;
        source.each(&mut |item, bytes| {
            stop.check()?;
            let file = item.file;
            self.at = ordinal;
            let is_wanted = only.is_none_or(|only| only.contains(&ordinal));
            if is_wanted && let Some(pending) = self.prepare(item, pass, only.is_some())? {
                let text = source.text(file, bytes);
                if self.ends(&batch, file, text) {
                    self.deal(&mut batch)?;
                }
                batch.push(pending, text);
            }
            ordinal += 1;
            bar.inc(if pass == Pass::Owned && only.is_none() { bytes } else { 0 });
            Ok(())
        })?;
        self.deal(&mut batch)
    }

    /// Decides what becomes of an item; `None` where that is settled, or this reading does not write it. With `again`, an earlier
    /// reading counted the item as superseded, and that count is put right.
    fn prepare(&mut self, item: Item, pass: Pass, again: bool) -> Result<Option<Pending>> {
        let Item { place, file, bundle, .. } = item;
        let (identity, resource) = match item.content {
            // The first pass has dealt with this resource already, and has reported anything that is wrong with it.
            Content::Resource(resource) if pass == Pass::Dependent && !is_dependent(type_of(&resource)) => {
                return Ok(None);
            }
            Content::Resource(mut resource) => (check(&mut resource, item.full_url.as_deref(), &self.rules), resource),
            Content::Deletion { url, .. } => {
                let identity = check_deletion(&url).map(|(kind, reference)| (kind, reference, Notes::default()));
                (identity, json!({"request": {"method": "DELETE", "url": url}}))
            }
            _ if pass == Pass::Dependent => return Ok(None),
            Content::Unusable(reason, json) => return self.reject(type_of(&json), (&place, file), &reason, &json),
            Content::Manifest(_) => {
                self.report.read(MANIFEST, file);
                self.report.ignored(MANIFEST);
                return Ok(None);
            }
            Content::Nothing => {
                self.report.empty.push(place);
                return Ok(None);
            }
        };
        let (kind, reference, notes) = match identity {
            Ok(identity) => identity,
            Err(_) if pass == Pass::Dependent => return Ok(None),
            Err(reason) if reason.code == ReasonCode::TypeNotKept && IGNORED.contains(&type_of(&resource)) => {
                self.report.read(type_of(&resource), file);
                self.report.ignored(type_of(&resource));
                return Ok(None);
            }
            Err(reason) => return self.reject(type_of(&resource), (&place, file), &reason, &resource),
        };
        if is_dependent(kind.name) != (pass == Pass::Dependent) {
            return Ok(None);
        }
        let stranger = self.strangers.get(&reference.id).filter(|_| kind.owner == Owner::Itself).cloned();
        let known = self.survey.known(&reference)?.unwrap_or_default();
        if let Some(conflict) = stranger.or_else(|| known.conflict.as_deref().cloned()) {
            return self.reject(kind.name, (&place, file), &conflict, &resource);
        }
        if again {
            self.report.counts_after_all(kind.name);
        } else {
            self.report.read(kind.name, file);
            if self.survey.is_there_already(self.at)? {
                self.report.unchanged(kind.name);
                return Ok(None);
            }
            let Some(counts) = known.counting().filter(|counts| counts.ordinal == self.at) else {
                self.report.superseded(kind.name);
                return Ok(None);
            };
            for rule in notes.mended {
                self.report.mended(rule.name());
            }
            for (rule, found) in notes.warned {
                self.report.warn(rule.name(), &place, format!("{reference}: {found}"));
            }
            if let Some(date) = counts.date.filter(|date| *date > self.begun.0 + CLOCK_TOLERANCE) {
                let text = format!(
                    "{reference} was last changed on {}, in the future: later versions with a true date will not count",
                    Time(date)
                );
                self.report.warn("future-date", &place, text);
            }
        }
        let resource = resource["resourceType"].is_string().then_some(resource);
        let (at, documents) = (self.at, Vec::new());
        Ok(Some(Pending { kind, reference, file, bundle, place, at, resource, documents, is_stored: false }))
    }

    fn reject<T>(
        &mut self,
        kind: &str,
        (place, file): (&str, usize),
        reason: &Reason,
        json: &Json,
    ) -> Result<Option<T>> {
        self.report.read(kind, file);
        self.report.rejected(kind, reason.code);
        self.report.rejected_in(file);
        self.rejected.add(place, reason, json)?;
        Ok(None)
    }
}

/// The type under which JSON is counted.
fn type_of(json: &Json) -> &str {
    let name = json["resourceType"].as_str().filter(|name| name.len() <= 64 && *name != "Bundle");
    name.unwrap_or(UNREADABLE)
}

/// The types that feeds often include, and that no member's app gets.
const IGNORED: &[&str] = &["Group", "List", "OperationOutcome", "Task"];

/// A source's clock may be ahead of ours by at most this many milliseconds.
const CLOCK_TOLERANCE: i64 = 86_400_000;
