//! The occurrences of one id in a run: every time that its resource was read, and which of them counts.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::fhir::owner::{NoOwner, Ownership, ownership};
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::writer::source_date;

use crate::load::reason::Reason;
use crate::load::references::{Names, binaries_in, identifiers, names_in};

/// A resource that names Binaries. Binaries made of files are not among them.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::load) struct BinaryReferrer {
    /// A name of its member.
    pub owner: String,
    /// The names of the Binaries.
    pub binaries: Vec<String>,
}

/// Every time that one resource was read, and which of them counts.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::load) struct Occurrences {
    pub read: Vec<Occurrence>,
    /// The place in `read` of the one that counts; `None` where all are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<usize>,
    /// The server that the first absolute `fullUrl` names, by all of that URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_url: Option<String>,
    /// Why none of them counts: two servers' resources, or two members', or two persons, come under this one id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Box<Reason>>,
    /// The facts that must be known of those that are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Box<Forgotten>>,
}

/// The facts that must be known of occurrences that count for nothing, because many came after them.
#[derive(Default, Serialize, Deserialize)]
pub(in crate::load) struct Forgotten {
    /// The members whose they are: each a name, in its Bundle.
    pub owners: BTreeSet<(Option<u32>, String)>,
    /// Whether one of them has no date.
    pub has_undated: bool,
}

/// This many occurrences of one id are kept. If all of them are refused, none counts.
const MOST_HELD: usize = 64;

/// One time that a resource was read.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::load) struct Occurrence {
    /// Its place in the order of reading.
    pub ordinal: u64,
    /// The number of its Bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<u32>,
    /// When the source last changed it, or deleted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<i64>,
    /// The number of its file, where it is a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_in: Option<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_refused: bool,
    /// Whether the store took it, so that it may count as one that came before another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_taken: bool,
    /// A name of the member whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its identifiers, as conditional references name it by them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<String>,
    /// The names by which it refers to others, where it is shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<Vec<String>>,
    /// The Binaries that it names, where it names any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<BinaryReferrer>,
}

impl Occurrences {
    /// Notes one more. Of many, the earliest that does not count is forgotten.
    pub(in crate::load) fn add(&mut self, occurrence: Occurrence) {
        if self.read.len() == MOST_HELD {
            self.elect();
            let forgotten = self.read.remove(usize::from(self.counts == Some(0)));
            let known = self.forgotten.get_or_insert_default();
            // A deletion is dated later.
            known.has_undated |= forgotten.date.is_none() && forgotten.deleted_in.is_none();
            if let Some(owner) = forgotten.owner {
                // Two are enough to know that there are several.
                if known.owners.len() < MOST_HELD {
                    known.owners.insert((forgotten.bundle, owner));
                }
            }
            self.counts = None;
        }
        self.read.push(occurrence);
    }

    /// The last occurrence counts, unless both say when the source changed them and an earlier one is newer. So a run ends as if its
    /// resources were loaded one after the other. A refused one counts for nothing.
    pub(in crate::load) fn elect(&mut self) {
        self.counts = None;
        for (place, occurrence) in self.read.iter().enumerate().filter(|(_, occurrence)| !occurrence.is_refused) {
            let known = self.counts.and_then(|counts| self.read[counts].date);
            if !matches!((known, occurrence.date), (Some(known), Some(date)) if known > date) {
                self.counts = Some(place);
            }
        }
    }

    /// The one that counts.
    pub(in crate::load) fn counting(&self) -> Option<&Occurrence> {
        self.counts.and_then(|counts| self.read.get(counts))
    }

    /// Whether an undated version or a deletion came before the version that counts.
    pub(in crate::load) fn overrides(&self) -> bool {
        let before = self.counts.and_then(|counts| self.read.get(..counts)).unwrap_or_default();
        self.forgotten.as_ref().is_some_and(|forgotten| forgotten.has_undated)
            || before.iter().any(|occurrence| !occurrence.is_refused && occurrence.date.is_none())
    }

    /// The place of an undated version on which alone [`Occurrences::overrides`] rests, while nobody knows whether the store would take
    /// it.
    pub(in crate::load) fn doubtful(&self) -> Option<usize> {
        let before = self.counts.and_then(|counts| self.read.get(..counts)).unwrap_or_default();
        let is_ground = |occurrence: &Occurrence| !occurrence.is_refused && occurrence.date.is_none();
        let is_certain = |occurrence: &Occurrence| occurrence.is_taken || occurrence.deleted_in.is_some();
        if self.forgotten.as_ref().is_some_and(|forgotten| forgotten.has_undated)
            || before.iter().any(|occurrence| is_ground(occurrence) && is_certain(occurrence))
        {
            return None;
        }
        before.iter().rposition(is_ground)
    }

    /// The names of members whose the resource is, by any of them, each in its Bundle.
    pub(in crate::load) fn owners(&self) -> BTreeSet<(Option<u32>, String)> {
        let read = self.read.iter().filter_map(|occurrence| Some((occurrence.bundle, occurrence.owner.clone()?)));
        let forgotten = self.forgotten.iter().flat_map(|forgotten| forgotten.owners.iter().cloned());
        read.chain(forgotten).collect()
    }
}

impl Occurrence {
    /// `names` are those that were read so far.
    pub(in crate::load) fn of(
        (ordinal, bundle): (u64, Option<u32>),
        resource_type: &ResourceType,
        reference: &Reference,
        (resource, names): (&mut Json, &Names),
    ) -> Result<Occurrence> {
        Ok(Occurrence {
            ordinal,
            bundle,
            date: source_date(resource),
            owner: named_owner(resource_type, resource),
            identifiers: identifiers(reference, resource),
            shared: matches!(ownership(resource_type, resource), Ok(Ownership::Shared)).then(|| names_in(resource)),
            document: BinaryReferrer::of(resource_type, resource, (names, bundle))?,
            ..Occurrence::default()
        })
    }

    /// The Binaries that it names, by whatever names.
    pub(in crate::load) fn binaries(&self) -> Vec<String> {
        self.document.as_ref().map(|document| document.binaries.clone()).unwrap_or_default()
    }

    pub(in crate::load) fn deletion(ordinal: u64, date: Option<i64>, file: usize) -> Occurrence {
        Occurrence { ordinal, date, deleted_in: Some(file), ..Occurrence::default() }
    }
}

/// A name of the member whose a resource is.
pub(in crate::load) fn named_owner(kind: &ResourceType, resource: &Json) -> Option<String> {
    match ownership(kind, resource) {
        Ok(Ownership::Member(owner)) => Some(format!("Patient/{owner}")),
        // This may be a name of another resource of the run.
        Err(NoOwner::NotAPatient { reference, .. }) => Some(reference),
        _ => None,
    }
}

impl BinaryReferrer {
    pub(in crate::load) fn of(
        kind: &ResourceType,
        resource: &Json,
        names: (&Names, Option<u32>),
    ) -> Result<Option<BinaryReferrer>> {
        let Some(owner) = named_owner(kind, resource) else { return Ok(None) };
        let binaries = binaries_in(resource, names)?;
        Ok((!binaries.is_empty()).then_some(BinaryReferrer { owner, binaries }))
    }
}
