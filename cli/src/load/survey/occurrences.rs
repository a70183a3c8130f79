//! The occurrences of one id in a run: every time that its resource was read, and which of them counts.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use shared::fhir::owner::{NoOwner, Ownership, ownership};
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::writer::source_date;

use crate::load::reason::Reason;
use crate::load::references::{Names, binaries_in, identifiers, names_in};

/// A resource that names Binaries. Binaries made of files are not among them.
pub(super) struct BinaryReferrer {
    /// A name of its member.
    pub owner: String,
    /// The names of the Binaries.
    pub binaries: Vec<String>,
}

/// Every time that one resource was read, and which of them counts.
#[derive(Default)]
pub(super) struct Occurrences {
    pub read: Vec<Occurrence>,
    /// The place in `read` of the one that counts; `None` where all are refused.
    pub counts: Option<usize>,
    /// The server that the first absolute `fullUrl` names, by all of that URL.
    pub full_url: Option<String>,
    /// Why none of them counts: two servers' resources, or two members', or two persons, come under this one id.
    pub conflict: Option<Box<Reason>>,
    /// The facts that must be known of those that memory does not hold.
    pub forgotten: Option<Box<Forgotten>>,
}

/// The facts that must be known of occurrences that count for nothing, because many came after them.
#[derive(Default)]
pub(super) struct Forgotten {
    /// The members whose they are: each the number of a name, in its Bundle.
    pub owners: BTreeSet<(Option<u32>, u32)>,
    /// Whether one of them has no date.
    pub has_undated: bool,
}

/// Memory holds this many occurrences of one id. If all of them are refused, none counts.
const MOST_HELD: usize = 64;

/// One time that a resource was read.
pub(super) struct Occurrence {
    /// Its place in the order of reading.
    pub ordinal: u64,
    /// The number of its Bundle.
    pub bundle: Option<u32>,
    /// When the source last changed it, or deleted it.
    pub date: Option<i64>,
    /// The number of its file, where it is a deletion.
    pub deleted_in: Option<usize>,
    pub is_refused: bool,
    /// The number of a name of the member whose it is.
    pub owner: Option<u32>,
    /// Its identifiers, as conditional references name it by them.
    pub identifiers: Vec<String>,
    /// The names by which it refers to others, where it is shared.
    pub shared: Option<Vec<String>>,
    /// The Binaries that it names, where it names any.
    pub document: Option<BinaryReferrer>,
}

impl Occurrences {
    /// Notes one more. Of many, the earliest that does not count is forgotten.
    pub(super) fn add(&mut self, occurrence: Occurrence) {
        if self.read.is_empty() {
            // Nearly all come once.
            self.read.reserve_exact(1);
        }
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
    pub(super) fn elect(&mut self) {
        self.counts = None;
        for (place, occurrence) in self.read.iter().enumerate().filter(|(_, occurrence)| !occurrence.is_refused) {
            let known = self.counts.and_then(|counts| self.read[counts].date);
            if !matches!((known, occurrence.date), (Some(known), Some(date)) if known > date) {
                self.counts = Some(place);
            }
        }
    }

    pub(super) fn counting(&self) -> Option<&Occurrence> {
        self.counts.map(|counts| &self.read[counts])
    }
}

impl Occurrence {
    /// `names` are those that were read so far.
    pub(super) fn of(
        (ordinal, bundle): (u64, Option<u32>),
        resource_type: &ResourceType,
        reference: &Reference,
        (resource, names): (&mut Json, &Names),
    ) -> Occurrence {
        Occurrence {
            ordinal,
            bundle,
            date: source_date(resource),
            deleted_in: None,
            is_refused: false,
            owner: None,
            identifiers: identifiers(reference, resource),
            shared: matches!(ownership(resource_type, resource), Ok(Ownership::Shared)).then(|| names_in(resource)),
            document: BinaryReferrer::of(resource_type, resource, (names, bundle)),
        }
    }

    /// The Binaries that it names, by whatever names.
    pub(super) fn binaries(&self) -> Vec<String> {
        self.document.as_ref().map(|document| document.binaries.clone()).unwrap_or_default()
    }

    pub(super) fn deletion(ordinal: u64, date: Option<i64>, file: usize) -> Occurrence {
        Occurrence {
            ordinal,
            bundle: None,
            date,
            deleted_in: Some(file),
            is_refused: false,
            owner: None,
            identifiers: Vec::new(),
            shared: None,
            document: None,
        }
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
    pub(super) fn of(kind: &ResourceType, resource: &Json, names: (&Names, Option<u32>)) -> Option<BinaryReferrer> {
        let owner = named_owner(kind, resource)?;
        let binaries = binaries_in(resource, names);
        (!binaries.is_empty()).then_some(BinaryReferrer { owner, binaries })
    }
}
