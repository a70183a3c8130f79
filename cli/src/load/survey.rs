//! The first reading: the names of resources, and which occurrence of an id counts.

mod check;
mod interned;
mod occurrences;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::Value as Json;
use shared::clock::Time;
use shared::fhir::date::Interval;
use shared::fhir::reference::Reference;
use shared::fhir::types::{Owner, ResourceType};
use shared::record::writer::PlannedNames;

pub(super) use self::check::{ANOTHER_PERSON, check, check_deletion, names_no_member};

use self::interned::Interned;
pub(super) use self::occurrences::named_owner;

use self::occurrences::{Occurrence, Occurrences};
use super::people::Person;
use super::reason::{Reason, ReasonCode};
use super::references::{Condition, Names};
use super::report::FileTally;
use super::rules::Rules;
use super::source::{Content, FileForm, Source};
use super::stop::Stop;
use super::totals::Totals;

/// The results of the first reading.
#[derive(Default)]
pub(super) struct Survey {
    /// The names of resources.
    pub names: Names,
    /// Every time that each resource was read, in the order of reading.
    occurrences: HashMap<Reference, Occurrences>,
    /// The Binaries, with the resources that name them.
    named: HashMap<Reference, Vec<Reference>>,
    /// The names of members, each once.
    owners: Interned,
    /// The persons under each Patient id.
    persons: BTreeMap<String, Vec<Person>>,
    /// The manifests of Bulk Data exports, each with its place.
    pub manifests: Vec<(String, Totals)>,
    /// The moments of manifests, by the names of the files of deletions that they list.
    deletions: HashMap<String, i64>,
    /// The resources that are to be created only if there is none yet.
    creates: Vec<Create>,
    /// The places of those for which there is one.
    yielded: HashSet<u64>,
    /// The form of each file.
    forms: Vec<FileForm>,
}

/// A resource that a transaction creates only if no other has an identifier (R4, "Conditional Create").
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
                            survey.meets(&reference.id, &resource);
                        }
                        let owner = named_owner(resource_type, &resource).map(|owner| survey.owners.number(owner));
                        let occurrence = Occurrence::of(
                            (ordinal, item.bundle),
                            resource_type,
                            &reference,
                            (&mut resource, &survey.names),
                        );
                        let occurrence = Occurrence { owner, ..occurrence };
                        let condition = item.if_none_exist.as_deref();
                        match condition.and_then(|query| Condition::of_query(resource_type.name, query)) {
                            Some(condition) => {
                                survey.creates.push(Create {
                                    condition,
                                    reference,
                                    occurrence,
                                    full_url: item.full_url,
                                });
                            }
                            None => survey.occurs(&reference, occurrence, item.full_url.as_deref()),
                        }
                    }
                }
                Content::Deletion { url, date } => {
                    if let Ok((_, reference)) = check_deletion(&url) {
                        survey.occurs(&reference, Occurrence::deletion(ordinal, date, item.file), None);
                    }
                }
                Content::Manifest(manifest) => survey.announced(item.place, &manifest),
                Content::Unusable(..) | Content::Nothing => {}
            }
            ordinal += 1;
            Ok(())
        })?;
        survey.forms = forms;
        survey.date_deletions(source, begun);
        survey.learn_names();
        Ok(survey)
    }

    /// Notes the person under a Patient id.
    fn meets(&mut self, id: &str, patient: &Json) {
        let (person, known) = (Person::of(patient), self.persons.entry(id.to_owned()).or_default());
        if !known.contains(&person) {
            known.push(person);
        }
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

    /// Dates the deletions that their Bundles do not date: by the manifest that lists their file, else by the load. A Binary has no
    /// date: it comes and goes with the documents that name it.
    fn date_deletions(&mut self, source: &Source, begun: Time) {
        let told = |file: usize| {
            let path = source.files().get(file)?.name();
            self.deletions.get(path.rsplit('/').next().unwrap_or_default()).copied()
        };
        for (reference, known) in &mut self.occurrences {
            let is_dated = reference.resource_type != "Binary";
            for occurrence in &mut known.read {
                if let Some(file) = occurrence.deleted_in {
                    let date = occurrence.date.or_else(|| told(file)).unwrap_or(begun.0);
                    occurrence.date = is_dated.then_some(date);
                }
            }
        }
    }

    fn occurs(&mut self, reference: &Reference, occurrence: Occurrence, full_url: Option<&str>) {
        let known = self.occurrences.entry(reference.clone()).or_default();
        let bundle = occurrence.bundle;
        known.add(occurrence);
        let Some(url) = full_url else { return };
        // A `fullUrl` identifies the resource, whichever of its versions counts (R4, "Bundle.entry.fullUrl").
        self.names.call((bundle, url), reference);
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
    }

    /// Decides which occurrences count, and learns the names of these alone.
    fn learn_names(&mut self) {
        for (reference, known) in &mut self.occurrences {
            known.elect();
            if known.conflict.is_some() {
                continue;
            }
            let Some(counts) = known.counting() else { continue };
            for name in &counts.identifiers {
                self.names.call((None, name), reference);
            }
        }
    }

    /// The searches by an identifier of which the run has nothing, and by which it must be known whose a resource is, or whether one is
    /// to be created.
    pub(super) fn unknown_conditions(&self) -> Vec<Condition> {
        let owners = self.owners.texts.iter().filter_map(|name| Condition::of(name));
        let creates = self.creates.iter().map(|create| create.condition.clone());
        owners.chain(creates).filter(|condition| self.names.is_unknown(&condition.name())).collect()
    }

    /// Decides what must be known before anything is written: which resources are created, and what the run says of two members.
    pub(super) fn decide(&mut self) {
        self.create();
        self.find_conflicts();
        let mut documents = Vec::new();
        for (reference, known) in &self.occurrences {
            documents.extend(known.counting().map(|counts| (reference.clone(), counts.bundle, counts.binaries())));
        }
        for (reference, bundle, binaries) in documents.iter().filter(|(_, _, binaries)| !binaries.is_empty()) {
            self.note_binaries(reference, *bundle, binaries);
        }
    }

    /// Creates each resource of which there is none yet. The names of the others are names of the one that is there.
    fn create(&mut self) {
        for Create { condition, reference, occurrence, full_url } in std::mem::take(&mut self.creates) {
            let there = self.names.of(None, &condition.name()).filter(|there| *there != reference);
            let Some(there) = there else {
                for name in &occurrence.identifiers {
                    self.names.call((None, name), &reference);
                }
                self.occurs(&reference, occurrence, full_url.as_deref());
                if let Some(known) = self.occurrences.get_mut(&reference) {
                    known.elect();
                }
                continue;
            };
            self.yielded.insert(occurrence.ordinal);
            if let Some(url) = full_url {
                self.names.call_instead((occurrence.bundle, &url), &there);
            }
        }
    }

    /// Whether the resource at this place is not created, because there is one.
    pub(super) fn is_there_already(&self, ordinal: u64) -> bool {
        self.yielded.contains(&ordinal)
    }

    /// Finds the resources that the run gives to two members: neither is theirs before the source says whose it is.
    fn find_conflicts(&mut self) {
        for (reference, known) in &mut self.occurrences {
            let owner = |occurrence: &Occurrence| {
                self.names.of(occurrence.bundle, self.owners.texts.get(occurrence.owner? as usize)?)
            };
            let mut of: BTreeSet<Reference> = known.read.iter().filter_map(owner).collect();
            let forgotten = known.forgotten.iter().flat_map(|forgotten| &forgotten.owners);
            of.extend(
                forgotten.filter_map(|(bundle, owner)| self.names.of(*bundle, self.owners.texts.get(*owner as usize)?)),
            );
            if of.len() > 1 {
                let named: Vec<String> = of.iter().take(3).map(ToString::to_string).collect();
                let text = format!(
                    "this run gives {reference} to {}: send it once, with the member whose it is; what is stored stays",
                    named.join(" and to ")
                );
                known.conflict.get_or_insert_with(|| Box::new(Reason::new(ReasonCode::TwoOwners, text)));
            }
        }
        let mut unclear = HashSet::new();
        for (reference, known) in self.occurrences.iter_mut().filter(|(_, known)| known.conflict.is_some()) {
            known.counts = None;
            unclear.insert(reference);
        }
        self.names.confuse(&unclear);
    }

    /// The member whose a resource of the run is, if it has one.
    pub(super) fn owner(&self, reference: &Reference) -> Option<Reference> {
        let counts = self.counting(reference)?;
        self.names.of(counts.bundle, self.owners.texts.get(counts.owner? as usize)?)
    }

    /// Whether the run has the resource, and does not delete it.
    pub(super) fn brings(&self, reference: &Reference) -> bool {
        self.counting(reference).is_some_and(|counts| counts.deleted_in.is_none())
    }

    /// The persons under each Patient id of the run.
    pub(super) fn persons(&self) -> &BTreeMap<String, Vec<Person>> {
        &self.persons
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

    /// Whether the run has the resource, or its deletion.
    pub(super) fn has(&self, reference: &Reference) -> bool {
        self.counting(reference).is_some()
    }

    /// Whether the run has resources of a type for which this holds.
    pub(super) fn has_any(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.occurrences.keys().any(|reference| wanted(&reference.resource_type))
    }

    /// Whether this occurrence of a resource is the one that counts.
    pub(super) fn counts(&self, reference: &Reference, ordinal: u64) -> bool {
        self.counting(reference).is_some_and(|counts| counts.ordinal == ordinal)
    }

    /// Whether the run has an undated version or a deletion of a resource before the version that counts. Loaded one after the other,
    /// that would have replaced whatever the store has.
    pub(super) fn overrides(&self, reference: &Reference) -> bool {
        let Some(known) = self.occurrences.get(reference) else { return false };
        let before = known.counts.map(|counts| &known.read[..counts]).unwrap_or_default();
        known.forgotten.as_ref().is_some_and(|forgotten| forgotten.has_undated)
            || before.iter().any(|occurrence| !occurrence.is_refused && occurrence.date.is_none())
    }

    /// Why nothing of what comes under this id counts.
    pub(super) fn conflict(&self, reference: &Reference) -> Option<Reason> {
        self.occurrences.get(reference)?.conflict.as_deref().cloned()
    }

    /// The source's date of the occurrence that counts.
    pub(super) fn date(&self, reference: &Reference) -> Option<i64> {
        self.counting(reference)?.date
    }

    /// Refuses the occurrence that counts, for a reason that showed later: the place of the one that counts in its stead, if there
    /// is one.
    pub(super) fn refuse(&mut self, reference: &Reference) -> Option<u64> {
        let known = self.occurrences.get_mut(reference)?;
        let refused = known.counts?;
        let (bundle, before) = (known.read[refused].bundle, known.read[refused].binaries());
        known.read[refused].is_refused = true;
        known.elect();
        let next = known.counting().map(|next| (next.ordinal, next.bundle, next.binaries()));
        for binary in before.iter().filter_map(|name| self.names.of(bundle, name)) {
            if let Some(referrers) = self.named.get_mut(&binary) {
                referrers.retain(|referrer| referrer != reference);
            }
        }
        let (ordinal, bundle, after) = next?;
        self.note_binaries(reference, bundle, &after);
        Some(ordinal)
    }

    /// Lets no occurrence of a resource count: the store has a newer version.
    pub(super) fn withdraw(&mut self, reference: &Reference) {
        if let Some(known) = self.occurrences.get_mut(reference) {
            known.counts = None;
        }
    }

    /// Notes that a resource names these Binaries.
    fn note_binaries(&mut self, reference: &Reference, bundle: Option<u32>, names: &[String]) {
        let named = names.iter().filter_map(|name| self.names.of(bundle, name));
        for binary in named.filter(|named| named.resource_type == "Binary") {
            self.named.entry(binary).or_default().push(reference.clone());
        }
    }

    fn counting(&self, reference: &Reference) -> Option<&Occurrence> {
        self.occurrences.get(reference)?.counting()
    }

    /// The shared resources that a shared resource of this run refers to; `None` if the run does not have it.
    pub(super) fn shared_references(&self, of: &Reference) -> Option<Vec<Reference>> {
        let shared =
            |reference: &Reference| ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
        let counts = self.counting(of)?;
        let names = counts.shared.as_ref()?;
        let mut found: Vec<Reference> =
            names.iter().filter_map(|name| self.names.of(counts.bundle, name)).filter(shared).collect();
        found.sort();
        found.dedup();
        Some(found)
    }
}

impl PlannedNames for Survey {
    fn naming(&self, binary: &Reference, owner: &str) -> Vec<Reference> {
        let is_owners = |referrer: &&Reference| {
            let counts = self.counting(referrer);
            let document = counts.and_then(|counts| Some((counts.bundle, counts.document.as_ref()?)));
            document
                .and_then(|(bundle, document)| self.names.of(bundle, &document.owner))
                .is_some_and(|named| named.id == owner)
        };
        self.named.get(binary).into_iter().flatten().filter(is_owners).cloned().collect()
    }
}
