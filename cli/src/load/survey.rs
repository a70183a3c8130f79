//! The first reading: the names that resources go by, and which occurrence of an id counts.

use std::collections::HashMap;

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::Value as Json;
use shared::fhir::owner::{NoOwner, Ownership, ownership};
use shared::fhir::reference::{Reference, is_id};
use shared::fhir::types::ResourceType;
use shared::record::writer::{Feed, source_date};

use super::reason::{Reason, ReasonCode};
use super::references::{Names, binaries_in, names_in};
use super::release::older;
use super::source::{Content, Source};

/// What the first reading learns.
#[derive(Default)]
pub(super) struct Survey {
    /// The names that resources go by.
    pub names: Names,
    /// Which occurrence of each resource counts.
    pub newest: HashMap<Reference, Occurrence>,
    /// What the shared resources refer to, by whatever names.
    shared: HashMap<Reference, Vec<String>>,
    /// The resources that name Binaries.
    documents: HashMap<Reference, BinaryReferrer>,
    /// The Binaries, with the resources that name them.
    named: HashMap<Reference, Vec<Reference>>,
}

/// A resource that names Binaries; those that are made of files are not among them.
struct BinaryReferrer {
    /// Its member, by whatever name.
    owner: String,
    /// The Binaries, by whatever names.
    binaries: Vec<String>,
}

/// One time that a resource was read.
pub(super) struct Occurrence {
    /// Its place in the order of reading.
    pub ordinal: u64,
    date: Option<i64>,
}

impl Survey {
    /// Reads everything once.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn of(source: &Source, bar: &ProgressBar) -> Result<Survey> {
        let mut survey = Survey::default();
        let mut ordinal = 0;
        source.each(&mut |item, bytes| {
            bar.inc(bytes);
            // What cannot be taken must not displace what can.
            match item.content {
                Content::Resource(mut resource) => {
                    if let Ok((kind, reference)) = check(&resource, item.full_url.as_deref()) {
                        survey.names.learn(item.full_url.as_deref(), &reference, &resource);
                        if kind.is_shared() {
                            survey.shared.insert(reference.clone(), names_in(&mut resource));
                        }
                        let date = source_date(&resource);
                        let document = BinaryReferrer::of(kind, &mut resource);
                        survey.occurs(reference, Occurrence { ordinal, date }, document);
                    }
                }
                Content::Deletion(url) => {
                    if let Ok((_, reference)) = check_deletion(&url) {
                        survey.occurs(reference, Occurrence { ordinal, date: None }, None);
                    }
                }
                Content::Unusable(_) | Content::Nothing => {}
            }
            ordinal += 1;
            Ok(())
        })?;
        for (reference, document) in &survey.documents {
            let named = document.binaries.iter().filter_map(|name| survey.names.of(name));
            for binary in named.filter(|named| named.resource_type == "Binary") {
                survey.named.entry(binary).or_default().push(reference.clone());
            }
        }
        Ok(survey)
    }

    /// The shared resources that a shared resource of this run refers to; `None` where the run has it not.
    pub(super) fn shared_references(&self, of: &Reference) -> Option<Vec<Reference>> {
        let shared =
            |reference: &Reference| ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
        let names = self.shared.get(of)?;
        let mut found: Vec<Reference> = names.iter().filter_map(|name| self.names.of(name)).filter(shared).collect();
        found.sort();
        found.dedup();
        Some(found)
    }

    /// The last occurrence counts, unless both say when the source changed them and an earlier one is newer: what the store
    /// would come to if they were loaded one after the other.
    fn occurs(&mut self, reference: Reference, occurrence: Occurrence, document: Option<BinaryReferrer>) {
        let known = self.newest.get(&reference).and_then(|known| known.date);
        if matches!((known, occurrence.date), (Some(known), Some(date)) if known > date) {
            return;
        }
        match document {
            Some(document) => self.documents.insert(reference.clone(), document),
            None => self.documents.remove(&reference),
        };
        self.newest.insert(reference, occurrence);
    }
}

impl Feed for Survey {
    fn naming(&self, binary: &Reference, owner: &str) -> Vec<Reference> {
        let is_owners = |document: &&Reference| {
            let named = self.documents.get(document).and_then(|document| self.names.of(&document.owner));
            named.is_some_and(|named| named.id == owner)
        };
        self.named.get(binary).into_iter().flatten().filter(is_owners).cloned().collect()
    }
}

impl BinaryReferrer {
    fn of(kind: &ResourceType, resource: &mut Json) -> Option<BinaryReferrer> {
        let owner = match ownership(kind, resource) {
            Ok(Ownership::Member(owner)) => format!("Patient/{owner}"),
            // A name that another resource of the run may go by.
            Err(NoOwner::NotAPatient { reference, .. }) => reference,
            _ => return None,
        };
        let binaries = binaries_in(resource);
        (!binaries.is_empty()).then_some(BinaryReferrer { owner, binaries })
    }
}

/// The type and key of a resource that is to be deleted.
pub(super) fn check_deletion(url: &str) -> Result<(&'static ResourceType, Reference), Reason> {
    let wrong = || {
        let url: String = url.chars().take(100).collect();
        let text = format!("`{url}` is to be deleted, and names no resource of this server: it is written as Type/id");
        Reason::new(ReasonCode::BadDeletion, text)
    };
    let reference = Reference::parse(url, &[]).filter(|reference| reference.to_string() == url).ok_or_else(wrong)?;
    Ok((ResourceType::named(&reference.resource_type).ok_or_else(wrong)?, reference))
}

/// A resource's type and key; or why it cannot be taken, as far as it shows without the rest of the run.
pub(super) fn check(resource: &Json, full_url: Option<&str>) -> Result<(&'static ResourceType, Reference), Reason> {
    let name =
        resource["resourceType"].as_str().ok_or_else(|| Reason::new(ReasonCode::NotFhir, "it has no resourceType"))?;
    let kind = ResourceType::named(name).ok_or_else(|| {
        Reason::new(
            ReasonCode::TypeNotKept,
            format!("{name} is not a type that this server keeps: leave it out of the feed"),
        )
    })?;
    let id = match &resource["id"] {
        Json::String(id) => id.as_str(),
        // A transaction may leave ids to the server; ours keeps the one that the Bundle calls the resource by.
        Json::Null => full_url.and_then(|url| url.rsplit([':', '/']).next()).ok_or_else(|| {
            let text = "it has no id, and no fullUrl to take one from; give it the id that it keeps in later feeds";
            Reason::new(ReasonCode::NoId, text)
        })?,
        _ => return Err(Reason::new(ReasonCode::BadId, "its id is no string")),
    };
    if !is_id(id) {
        return Err(Reason::new(
            ReasonCode::BadId,
            format!("`{id}` is no id (letters, digits, `-` and `.`, at most 64)"),
        ));
    }
    if let Some(marks) = older(name, resource) {
        return Err(Reason::new(ReasonCode::NotR4, marks));
    }
    if !(resource["meta"].is_null() || resource["meta"].is_object()) {
        return Err(Reason::new(ReasonCode::BadMeta, "its meta is no object"));
    }
    match ownership(kind, resource) {
        // It may be a name that another resource of the run goes by.
        Ok(_) | Err(NoOwner::NotAPatient { .. }) => Ok((kind, Reference::new(kind.name, id))),
        Err(error) => Err(error.into()),
    }
}
