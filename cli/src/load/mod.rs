//! `patient-access load`: reads FHIR resources, finds whose each is, and stores them.
//!
//! A run reads its input twice. First it learns the names that resources go by and which occurrence of an id counts.
//! Then it resolves references, decides each owner and writes; a resource goes in only after the pointers that lead from its
//! member to the shared resources it refers to, so a run that is cut short leaves nothing out of reach, and may be repeated.
//! Provenances and Binaries come last, because their owners are the owners of others.

mod attachments;
mod reason;
mod references;
mod rejections;
mod release;
mod report;
mod source;
mod survey;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::fhir::bundle::{BYTE_BUDGET, escaped_length};
use shared::fhir::owner::{Ownership, ownership};
use shared::fhir::reference::Reference;
use shared::fhir::sensitivity;
use shared::fhir::types::{Owner, ResourceType};
use shared::store::StoreError;
use shared::store::writer::{Place, Writer, Written};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::block_in_place;

use crate::stack::Stack;
pub use reason::{Kind, Reason};
use references::references;
use rejections::Rejections;
pub use report::{Report, Tally, UNREADABLE};
pub use source::Source;
use source::{Content, Item};
use survey::{Survey, check};

/// Resources that are written side by side.
const CONCURRENCY: usize = 32;

/// Resources that are held in memory between reading and writing.
const BATCH: usize = 512;

/// Loads files and folders into a stack, with a progress bar on a terminal.
///
/// # Errors
/// A path cannot be read, or the stack does not answer; the run may be repeated. What is wrong with a resource is no error but
/// in the report.
pub async fn run(stack: &Stack, paths: &[PathBuf], rejected: Option<PathBuf>) -> Result<Report> {
    let clock = Clock::System;
    let stamp = clock.now().to_string().replace([':', '.'], "-");
    let file = rejected.unwrap_or_else(|| PathBuf::from(format!("rejected-{stamp}.ndjson")));
    let source = Source::of_paths(paths)?;
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
        takes_sensitive: stack.takes_sensitive(),
        survey: &survey,
        clock,
        owners: HashMap::new(),
        claims: HashMap::new(),
        pointers: Mutex::new(HashSet::new()),
        report: Report::default(),
        rejected: Rejections::to(rejected),
    };
    bar.set_message("storing");
    block_in_place(|| run.pass(source, bar, Pass::Owned))?;
    if survey.newest.keys().any(|reference| is_dependent(&reference.kind)) {
        block_in_place(|| run.pass(source, bar, Pass::Dependent))?;
    }
    run.report.rejected_file = run.rejected.written();
    Ok(run.report)
}

/// Whether a type's owner is the owner of other resources.
fn is_dependent(kind: &str) -> bool {
    ResourceType::named(kind).is_some_and(|kind| matches!(kind.owner, Owner::Targets(_) | Owner::Attachment))
}

/// Which resources a reading writes.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Owned,
    Dependent,
}

/// A resource that is ready to be written.
struct Ready {
    kind: &'static str,
    reference: Reference,
    /// Where it was read.
    place: String,
    /// Where it goes; a Provenance of several members' resources goes to each of them, cut to their own.
    writes: Vec<(Place, Json)>,
    /// The shared resources that lead to, and the Binaries that become the owner's.
    pointers: Vec<Reference>,
    binaries: Vec<Reference>,
    /// The resource as it was read, for the rejections.
    original: Json,
}

struct Run<'a> {
    writer: Writer,
    takes_sensitive: bool,
    survey: &'a Survey,
    clock: Clock,
    owners: HashMap<Reference, String>,
    claims: HashMap<Reference, String>,
    pointers: Mutex<HashSet<(String, Reference)>>,
    report: Report,
    rejected: Rejections,
}

impl Run<'_> {
    /// One reading: prepares and writes in batches, so that memory does not grow with the input.
    fn pass(&mut self, source: &Source, bar: &ProgressBar, pass: Pass) -> Result<()> {
        let runtime = Handle::current();
        let (mut ordinal, mut batch) = (0, Vec::new());
        source.each(&mut |item, bytes| {
            if let Some(ready) = self.prepare(item, ordinal, pass)? {
                batch.push(ready);
            }
            ordinal += 1;
            if batch.len() == BATCH {
                runtime.block_on(self.write(std::mem::take(&mut batch)))?;
            }
            bar.inc(if pass == Pass::Owned { bytes } else { 0 });
            Ok(())
        })?;
        runtime.block_on(self.write(batch))
    }

    /// Decides what becomes of an item; `None` where that is settled, or this reading does not write it.
    fn prepare(&mut self, item: Item, ordinal: u64, pass: Pass) -> Result<Option<Ready>> {
        let resource = match item.content {
            Content::Resource(resource) => resource,
            _ if pass == Pass::Dependent => return Ok(None),
            Content::Unusable(reason) => return self.reject(UNREADABLE, &item.place, &reason, &Json::Null),
            Content::Nothing => {
                self.report.empty.push(item.place);
                return Ok(None);
            }
        };
        let (kind, reference) = match check(&resource, item.full_url.as_deref()) {
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
        if self.survey.newest.get(&reference).is_none_or(|newest| newest.ordinal != ordinal) {
            self.report.read(kind.name);
            self.report.superseded(kind.name);
            return Ok(None);
        }
        match self.ready(kind, &reference, item.place.clone(), resource.clone()) {
            Ok(ready) => {
                self.report.read(kind.name);
                Ok(Some(ready))
            }
            Err(reason) => self.reject(kind.name, &item.place, &reason, &resource),
        }
    }

    /// Resolves a resource's references and finds its owner, or says why it has none.
    fn ready(
        &mut self,
        kind: &'static ResourceType,
        reference: &Reference,
        place: String,
        original: Json,
    ) -> Result<Ready, Reason> {
        // An earlier occurrence that carries no label yet stays superseded: it is the same record.
        let labels = sensitivity::labels(&original);
        if !labels.is_empty() && !self.takes_sensitive {
            let text = format!(
                "it carries the sensitivity label {}; until members can choose at consent whether to share sensitive data, \
                 a deployed stack takes none of it",
                labels.join(", ")
            );
            return Err(Reason::new(Kind::Sensitive, text));
        }
        let mut resource = original.clone();
        resource["id"] = json!(reference.id);
        if let Some(name) = self.survey.names.ambiguous(&mut resource) {
            let text = format!(
                "it refers to `{name}`, and two resources of this run go by that name; refer to one of them as Type/id"
            );
            return Err(Reason::new(Kind::AmbiguousReference, text));
        }
        self.survey.names.resolve(&mut resource);
        let named = references(&mut resource);
        let data = attachments::checked_data(&mut resource)?;
        if escaped_length(&resource.to_string()) > BYTE_BUDGET {
            let text = format!("it is larger than an answer can carry ({} MB); cut it", BYTE_BUDGET >> 20);
            return Err(Reason::new(Kind::TooLarge, text));
        }
        if let Some(data) = data {
            resource["data"] = data;
        }
        let owner = ownership(kind, &resource)?;
        let writes = match owner {
            Ownership::Member(owner) => vec![(Place::Member(owner), resource)],
            Ownership::Shared => vec![(Place::Shared, resource)],
            Ownership::OwnersOf(targets) => self.per_owner(&targets, &resource)?,
            Ownership::Attachment => {
                let place = self.claims.get(reference).map_or(Place::Unclaimed, |owner| Place::Member(owner.clone()));
                vec![(place, resource)]
            }
        };
        if let [(Place::Member(owner), _)] = &writes[..] {
            self.owners.insert(reference.clone(), owner.clone());
        }
        let is_shared = |target: &&Reference| ResourceType::named(&target.kind).is_some_and(ResourceType::is_shared);
        let is_binary = |target: &&Reference| target.kind == "Binary" && kind.owner != Owner::Attachment;
        Ok(Ready {
            kind: kind.name,
            reference: reference.clone(),
            place,
            pointers: named.iter().filter(is_shared).cloned().collect(),
            binaries: named.iter().filter(is_binary).cloned().collect(),
            writes,
            original,
        })
    }

    /// A resource about resources of several members is kept once for each, cut to the targets that are theirs.
    fn per_owner(&self, targets: &[Reference], resource: &Json) -> Result<Vec<(Place, Json)>, Reason> {
        let owner_of = |target: &Reference| match target.kind.as_str() {
            "Patient" => Some(target.id.clone()),
            _ => self.owners.get(target).cloned(),
        };
        let owners: BTreeSet<String> = targets.iter().filter_map(owner_of).collect();
        if owners.is_empty() {
            let text = "none of its targets is a member's resource that this run took; load it together with them";
            return Err(Reason::new(Kind::UnknownTargets, text));
        }
        let is_foreign = |target: &Json, owner: &str| {
            let target = target["reference"].as_str().and_then(|text| Reference::parse(text, &[]));
            // A shared target tells nothing of another member; one whose owner is not known might.
            let shared = |target: &Reference| {
                ResourceType::named(&target.kind).is_some_and(ResourceType::is_shared) && owner_of(target).is_none()
            };
            target.is_none_or(|target| !shared(&target) && owner_of(&target).as_deref() != Some(owner))
        };
        let several = owners.len() > 1;
        Ok(owners
            .into_iter()
            .map(|owner| {
                let mut own = resource.clone();
                if let Some(targets) = own["target"].as_array_mut() {
                    targets.retain(|target| !is_foreign(target, &owner));
                }
                if several && let Some(own) = own.as_object_mut() {
                    // What is told of all of them at once cannot be told to one of them.
                    for name in ["text", "contained", "entity", "signature"] {
                        own.remove(name);
                    }
                }
                (Place::Member(owner), own)
            })
            .collect())
    }

    async fn write(&mut self, batch: Vec<Ready>) -> Result<()> {
        let run = &*self;
        let written: Vec<(Ready, Result<Outcome, StoreError>)> = stream::iter(batch)
            .map(async |ready| {
                let outcome = run.write_one(&ready).await;
                (ready, outcome)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for (ready, outcome) in written {
            match outcome? {
                Outcome::Written(written, claims) => {
                    self.report.written(ready.kind, written);
                    self.claims.extend(claims);
                }
                Outcome::Unclaimed(written) => {
                    self.report.written(ready.kind, written);
                    self.report.unclaimed += 1;
                }
                Outcome::Refused(reason) => {
                    self.report.rejected(ready.kind, reason.kind);
                    self.rejected.add(&ready.place, &reason, &ready.original)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what leads to a resource, then the resource. Every step may be repeated.
    async fn write_one(&self, ready: &Ready) -> Result<Outcome, StoreError> {
        let mut claims = Vec::new();
        let mut outcome = Written::Unchanged;
        for (place, resource) in &ready.writes {
            let mut place = place.clone();
            if let Place::Member(owner) = &place {
                for binary in &ready.binaries {
                    if self.writer.claimed(binary).await?.is_some_and(|holder| holder != *owner) {
                        return Ok(Outcome::of_another(binary));
                    }
                }
                for binary in &ready.binaries {
                    let holder = self.writer.claim(binary, owner).await?;
                    if holder != *owner {
                        return Ok(Outcome::of_another(binary));
                    }
                    self.writer.adopt(binary, owner).await?;
                    self.writer.name(owner, binary, &ready.reference).await?;
                    claims.push((binary.clone(), holder));
                }
                for target in &ready.pointers {
                    let pointer = (owner.clone(), target.clone());
                    if !self.pointers.lock().await.contains(&pointer) {
                        self.writer.point(owner, target).await?;
                        self.pointers.lock().await.insert(pointer);
                    }
                }
            }
            if place == Place::Unclaimed
                && let Some(owner) = self.writer.claimed(&ready.reference).await?
            {
                place = Place::Member(owner);
            }
            let written = self.writer.write(&place, resource.clone(), self.clock.now()).await?;
            if place == Place::Unclaimed {
                return Ok(Outcome::Unclaimed(written));
            }
            outcome = match (outcome, written) {
                (Written::Stored, _) | (_, Written::Stored) => Written::Stored,
                (_, written) => written,
            };
        }
        Ok(Outcome::Written(outcome, claims))
    }

    fn reject(&mut self, kind: &str, place: &str, reason: &Reason, resource: &Json) -> Result<Option<Ready>> {
        self.report.read(kind);
        self.report.rejected(kind, reason.kind);
        self.rejected.add(place, reason, resource)?;
        Ok(None)
    }
}

/// What became of a resource that was ready.
enum Outcome {
    Written(Written, Vec<(Reference, String)>),
    Unclaimed(Written),
    Refused(Reason),
}

impl Outcome {
    fn of_another(binary: &Reference) -> Outcome {
        let text = format!("it names {binary}, which a document of another member names; a Binary has one owner");
        Outcome::Refused(Reason::new(Kind::BinaryOfAnother, text))
    }
}
