//! The first reading: the names of resources, and which occurrence of an id counts.

mod check;
mod known;
mod occurrences;
mod referrers;

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::clock::Time;
use shared::fhir::date::Interval;
use shared::fhir::reference::Reference;
use shared::fhir::types::Owner;

pub(super) use self::check::{ANOTHER_PERSON, check, check_deletion, names_no_member};

pub(super) use self::occurrences::named_owner;

use self::occurrences::{Occurrence, Occurrences};
use self::referrers::Referrers;
use super::people::Person;
use super::reason::{Reason, ReasonCode};
use super::references::{Condition, Names};
use super::report::FileTally;
use super::rules::Rules;
use super::scratch::{Parts, Scratch};
use super::source::{Content, FileForm, Source};
use super::stop::Stop;
use super::totals::Totals;

/// The results of the first reading. Memory holds little of it, however much was read.
#[derive(Default)]
pub(super) struct Survey {
    /// The names of resources.
    pub names: Names,
    /// Every time that each resource was read, in the order of reading.
    occurrences: Scratch<Occurrences>,
    /// The resource that was read last, which may come again at once.
    last: Option<(Reference, Occurrences)>,
    /// The types of resources that were read.
    types: BTreeSet<String>,
    /// Whether one of them names Binaries.
    has_documents: bool,
    /// The resources that name a Binary.
    named: Referrers,
    /// The names of members that are searches by an identifier.
    searches: Scratch<()>,
    /// The persons under each Patient id.
    persons: Scratch<Vec<Person>>,
    /// The manifests of Bulk Data exports, each with its place.
    pub manifests: Vec<(String, Totals)>,
    /// The moments of manifests, by the names of the files of deletions that they list.
    deletions: HashMap<String, i64>,
    /// The resources that are to be created only if there is none yet, in the order of reading.
    creates: Scratch<Create>,
    /// The places of those for which there is one.
    yielded: Scratch<()>,
    /// The form of each file.
    forms: Vec<FileForm>,
}

/// A resource that a transaction creates only if no other has an identifier (R4, "Conditional Create").
#[derive(Serialize, Deserialize)]
struct Create {
    condition: Condition,
    reference: Reference,
    occurrence: Occurrence,
    full_url: Option<String>,
}

impl Survey {
    /// Reads everything once.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn of(
        source: &Source,
        (bases, begun, stop): (&[String], Time, &Stop),
        rules: &Rules,
        bar: &ProgressBar,
    ) -> Result<Survey> {
        let mut survey = Survey { names: Names::under(bases), ..Survey::default() };
        let mut ordinal = 0;
        let forms = source.each(&mut |item, bytes| {
            bar.inc(bytes);
            stop.check()?;
            // A resource that is refused at sight must not displace one that can be taken.
            match item.content {
                Content::Resource(mut resource) => {
                    if let Ok((resource_type, reference, _)) = check(&mut resource, item.full_url.as_deref(), rules) {
                        if resource_type.owner == Owner::Itself {
                            survey.meets(&reference.id, &resource)?;
                        }
                        let read = (&mut resource, &survey.names);
                        let occurrence = Occurrence::of((ordinal, item.bundle), resource_type, &reference, read)?;
                        if let Some(search) = occurrence.owner.as_deref().filter(|name| Condition::of(name).is_some()) {
                            survey.searches.insert(search, &())?;
                        }
                        let condition = item.if_none_exist.as_deref();
                        match condition.and_then(|query| Condition::of_query(resource_type.name, query)) {
                            Some(condition) => {
                                let create = Create { condition, reference, occurrence, full_url: item.full_url };
                                survey.creates.put(&in_order(ordinal), &create)?;
                            }
                            None => survey.occurs(&reference, occurrence, item.full_url.as_deref())?,
                        }
                    }
                }
                Content::Deletion { url, date } => {
                    if let Ok((_, reference)) = check_deletion(&url) {
                        survey.occurs(&reference, Occurrence::deletion(ordinal, date, item.file), None)?;
                    }
                }
                Content::Manifest(manifest) => survey.announced(item.place, &manifest),
                Content::Unusable(..) | Content::Nothing => {}
            }
            ordinal += 1;
            Ok(())
        })?;
        survey.forms = forms;
        survey.keep_last()?;
        survey.elect(source, begun)?;
        Ok(survey)
    }

    /// Notes the person under a Patient id.
    fn meets(&self, id: &str, patient: &Json) -> Result<()> {
        let (person, mut known) = (Person::of(patient), self.persons.get(id)?.unwrap_or_default());
        if known.contains(&person) {
            return Ok(());
        }
        known.push(person);
        self.persons.put(id, &known)
    }

    /// Notes the counts and the moment of a manifest.
    fn announced(&mut self, place: String, manifest: &Json) {
        self.manifests.push((place, Totals::of_manifest(manifest)));
        let Some(moment) = manifest["transactionTime"].as_str().and_then(Interval::parse) else { return };
        for deleted in manifest["deleted"].as_array().into_iter().flatten() {
            if let Some(name) = deleted["url"].as_str().and_then(|url| url.rsplit('/').next()) {
                self.deletions.insert(name.to_owned(), moment.low);
            }
        }
    }

    /// Decides which occurrences count, and learns the names of these alone. Deletions that their Bundles do not date are dated first: by
    /// the manifest that lists their file, else by the load. A Binary has no date: it comes and goes with the documents that name it.
    fn elect(&self, source: &Source, begun: Time) -> Result<()> {
        let told = |file: usize| {
            let path = source.files().get(file)?.name();
            self.deletions.get(path.rsplit('/').next().unwrap_or_default()).copied()
        };
        self.occurrences.each(|key, mut known| {
            let reference = reference(key);
            for occurrence in &mut known.read {
                if let Some(file) = occurrence.deleted_in {
                    let date = occurrence.date.or_else(|| told(file)).unwrap_or(begun.0);
                    occurrence.date = (reference.resource_type != "Binary").then_some(date);
                }
            }
            known.elect();
            if known.conflict.is_none()
                && let Some(counts) = known.counting()
            {
                for name in &counts.identifiers {
                    self.names.call((None, name), &reference)?;
                }
            }
            Ok(Some(known))
        })
    }

    fn occurs(&mut self, reference: &Reference, occurrence: Occurrence, full_url: Option<&str>) -> Result<()> {
        let bundle = occurrence.bundle;
        if self.last.as_ref().is_none_or(|(last, _)| last != reference) {
            self.keep_last()?;
            let known = self.occurrences.get(&reference.to_string())?;
            if known.is_none() && !self.types.contains(&reference.resource_type) {
                self.types.insert(reference.resource_type.clone());
            }
            self.last = Some((reference.clone(), known.unwrap_or_default()));
        }
        let Some((_, known)) = &mut self.last else { return Ok(()) };
        self.has_documents |= occurrence.document.is_some();
        known.add(occurrence);
        let Some(url) = full_url else { return Ok(()) };
        // A `fullUrl` identifies the resource, whichever of its versions counts (R4, "Bundle.entry.fullUrl").
        self.names.call((bundle, url), reference)?;
        if url.starts_with("http://") || url.starts_with("https://") {
            match &known.full_url {
                Some(first) if first != url => {
                    let text = format!(
                        "two resources of this run, of different fullUrls, have the id {}: give each its own",
                        reference.id
                    );
                    known.conflict = Some(Box::new(Reason::new(ReasonCode::AmbiguousId, text)));
                }
                Some(_) => {}
                None => known.full_url = Some(url.to_owned()),
            }
        }
        Ok(())
    }

    /// Keeps what is known of the resource that was read last.
    fn keep_last(&mut self) -> Result<()> {
        match self.last.take() {
            Some((reference, known)) => self.occurrences.put(&reference.to_string(), &known),
            None => Ok(()),
        }
    }

    /// The searches by an identifier by which it must be known whose a resource is, some at once.
    pub(super) fn searches(&self) -> Result<Parts<()>> {
        self.searches.parts()
    }

    /// The searches by an identifier by which it must be known whether a resource is to be created, some at once.
    pub(super) fn creations(&self) -> Result<impl Iterator<Item = Result<Vec<Condition>>>> {
        let mut parts = self.creates.parts()?;
        Ok(std::iter::from_fn(move || {
            let part = parts.next().transpose()?;
            Some(part.map(|part| part.into_iter().map(|(_, create)| create.condition).collect()))
        }))
    }

    /// Decides what must be known before anything is written: which resources are created, and what the run says of two members.
    pub(super) fn decide(&mut self) -> Result<()> {
        self.create()?;
        self.find_conflicts()?;
        if self.has_documents {
            self.occurrences.each(|key, known| {
                if let Some(counts) = known.counting() {
                    self.note_binaries(&reference(key), counts.bundle, &counts.binaries())?;
                }
                Ok(None)
            })?;
        }
        Ok(())
    }

    /// Creates each resource of which there is none yet. The names of the others are names of the one that is there.
    fn create(&mut self) -> Result<()> {
        let creates = std::mem::take(&mut self.creates);
        let mut parts = creates.parts()?;
        while let Some(part) = parts.next()? {
            for (_, Create { condition, reference, occurrence, full_url }) in part {
                let there = self.names.of(None, &condition.name())?.filter(|there| *there != reference);
                let Some(there) = there else {
                    for name in &occurrence.identifiers {
                        self.names.call((None, name), &reference)?;
                    }
                    self.occurs(&reference, occurrence, full_url.as_deref())?;
                    if let Some((_, known)) = &mut self.last {
                        known.elect();
                    }
                    continue;
                };
                self.yielded.put(&in_order(occurrence.ordinal), &())?;
                if let Some(url) = full_url {
                    self.names.call_instead((occurrence.bundle, &url), &there)?;
                }
            }
        }
        self.keep_last()
    }

    /// Whether the resource at this place is not created, because there is one.
    pub(super) fn is_there_already(&self, ordinal: u64) -> Result<bool> {
        self.yielded.has(&in_order(ordinal))
    }

    /// Finds the resources that the run gives to two members: neither is theirs before the source says whose it is.
    fn find_conflicts(&self) -> Result<()> {
        let mut any = false;
        self.occurrences.each(|key, mut known| {
            let owners = known.owners();
            let mut of = BTreeSet::new();
            // One name is one member's.
            if owners.len() > 1 {
                for (bundle, owner) in owners {
                    of.extend(self.names.of(bundle, &owner)?);
                }
            }
            if of.len() > 1 {
                let named: Vec<String> = of.iter().take(3).map(ToString::to_string).collect();
                let text = format!(
                    "this run gives {key} to {}: send it once, with the member whose it is; what is stored stays",
                    named.join(" and to ")
                );
                known.conflict.get_or_insert_with(|| Box::new(Reason::new(ReasonCode::TwoOwners, text)));
            }
            let is_unclear = known.conflict.is_some();
            any |= is_unclear;
            known.counts = known.counts.filter(|_| !is_unclear);
            Ok(is_unclear.then_some(known))
        })?;
        if any { self.names.confuse(|reference| Ok(self.conflict(reference)?.is_some())) } else { Ok(()) }
    }

    /// The persons under each Patient id of the run, some at once.
    pub(super) fn persons(&self) -> Result<Parts<Vec<Person>>> {
        self.persons.parts()
    }

    /// The counts of files, all of which are still to be read.
    pub(super) fn tallies(&self, source: &Source) -> Vec<FileTally> {
        let tally = |(file, form): (&super::source::FeedFile, &FileForm)| FileTally {
            path: file.name(),
            format: form.format.clone(),
            lines: form.lines,
            ..FileTally::default()
        };
        source.files().iter().zip(&self.forms).map(tally).collect()
    }

    /// Whether the run has resources of a type for which this holds.
    pub(super) fn has_any(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.types.iter().any(|kind| wanted(kind))
    }

    /// Notes that a resource names these Binaries.
    fn note_binaries(&self, reference: &Reference, bundle: Option<u32>, names: &[String]) -> Result<()> {
        for name in names {
            if let Some(binary) = self.names.of(bundle, name)?.filter(|named| named.resource_type == "Binary") {
                self.named.add(&binary, reference)?;
            }
        }
        Ok(())
    }
}

/// A place in the order of reading, as a key that sorts by it.
fn in_order(ordinal: u64) -> String {
    format!("{ordinal:020}")
}

/// The reference that is a key.
fn reference(key: &str) -> Reference {
    let (kind, id) = key.split_once('/').unwrap_or_default();
    Reference::new(kind, id)
}
