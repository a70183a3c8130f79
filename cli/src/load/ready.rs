//! From a resource as it was read to the change that it makes: its references are resolved, and its owner is
//! determined.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value as Json, json};
use shared::bounds::ANSWER_BYTES;
use shared::fhir::owner::{NoOwner, Ownership, ownership};
use shared::fhir::profiles;
use shared::fhir::reference::{Reference, references_in};
use shared::fhir::sensitivity;
use shared::fhir::types::{Owner, ResourceType};
use shared::record::partition::Partition;
use shared::record::provenance::{self, Copies, Owners};
use shared::record::receipt::author;
use shared::record::writer::Change;
use shared::rest::bundle::weight;

use super::attachments::{checked_data, filed};
use super::lead::Pointer;
use super::reason::{Reason, ReasonCode};
use super::references::made_logical;
use super::survey::names_no_member;
use super::{Pending, Run};

/// The members in whose partitions Binaries stand.
pub(super) type Homes = HashMap<Reference, BTreeSet<String>>;

/// A change that is ready to be made.
pub(super) struct Ready {
    pub pending: Pending,
    pub change: Change,
    /// The shared resources that each of its members is to reach.
    pub pointers: Vec<Pointer>,
    /// The targets of a Provenance that are not there.
    pub absent: BTreeSet<Reference>,
    /// The targets of a Provenance that are shared now, and may become a member's.
    pub shared: BTreeSet<Reference>,
}

/// The facts of the first reading that a change follows from.
pub(super) struct Facts {
    /// When the source last changed or deleted it.
    date: Option<i64>,
    /// Whether an undated version or a deletion came before the one that counts.
    overrides: bool,
    /// The targets of a Provenance that the run has.
    coming: BTreeSet<Reference>,
}

/// A resource whose references were read.
#[derive(Default)]
pub(super) struct Resolved {
    /// The resource; `None` if it is to be deleted.
    pub resource: Option<Json>,
    /// The Binaries made of the files that it names.
    pub documents: Vec<Change>,
    /// The references that were made logical ones, as they were written.
    pub logical: Vec<String>,
}

/// The targets whose owners determine who gets a copy of this resource.
pub(super) fn decides_owner((pending, resource): (&Pending, Option<&Json>)) -> Vec<Reference> {
    match (pending.kind.owner, resource) {
        (Owner::Targets(_), Some(resource)) => provenance::targets(resource).into_iter().flatten().collect(),
        _ => Vec::new(),
    }
}

impl Run<'_> {
    /// Resolves the names of this run in a resource, and replaces the files it names by Binaries, which are returned as
    /// changes; or says why the resource is rejected.
    ///
    /// # Errors
    /// The run's notes cannot be used.
    pub(super) fn resolve(&self, pending: &Pending) -> anyhow::Result<Result<Resolved, Reason>> {
        let Some(original) = &pending.resource else { return Ok(Ok(Resolved::default())) };
        // An earlier occurrence without a label stays superseded even then: it is the same resource.
        let labels = sensitivity::labels(original);
        if !labels.is_empty() && !self.takes_sensitive {
            let text = format!(
                "it carries the sensitivity label {}; until members can choose at consent whether to share sensitive data, \
                 a deployed stack takes none of it",
                labels.join(", ")
            );
            return Ok(Err(Reason::new(ReasonCode::Sensitive, text)));
        }
        let mut resource = original.clone();
        resource["id"] = json!(pending.reference.id);
        if let Some(name) = self.survey.names.ambiguous(pending.bundle, &mut resource)? {
            let text = format!(
                "it refers to `{name}`, and two resources of this run go by that name; refer to one of them as Type/id"
            );
            return Ok(Err(Reason::new(ReasonCode::AmbiguousReference, text)));
        }
        self.survey.names.resolve(pending.bundle, &mut resource)?;
        Ok(self.resolved(pending, resource))
    }

    /// A resource whose references were resolved.
    fn resolved(&self, pending: &Pending, mut resource: Json) -> Result<Resolved, Reason> {
        let logical = made_logical(pending.kind, &mut resource);
        profiles::name_in(self.guides, &mut resource);
        let documents = filed(pending.kind, &mut resource, self.source, pending.file, &self.attached)?;
        let data = checked_data(&mut resource)?;
        if weight(&resource.to_string()) > ANSWER_BYTES {
            let text = format!("it is larger than an answer can carry ({} MB); cut it", ANSWER_BYTES >> 20);
            return Err(Reason::new(ReasonCode::TooLarge, text));
        }
        if let Some(data) = data {
            resource["data"] = data;
        }
        Ok(Resolved { resource: Some(resource), documents, logical })
    }
}

impl Ready {
    /// The Binaries that are given to its members, each with the member.
    pub(super) fn binaries(&self) -> impl Iterator<Item = (&str, Reference)> {
        self.change.documents().flat_map(|(owner, binaries)| binaries.map(move |binary| (owner, binary)))
    }

    /// Whether it names a Binary.
    pub(super) fn names(&self, binary: &Reference) -> bool {
        self.binaries().any(|(_, named)| named == *binary)
    }
}

impl Run<'_> {
    /// The facts that the change of a resolved resource follows from.
    pub(super) fn facts(&self, pending: &Pending, resource: Option<&Json>) -> anyhow::Result<Facts> {
        let known = self.survey.known(&pending.reference)?.unwrap_or_default();
        let mut coming = BTreeSet::new();
        for target in decides_owner((pending, resource)) {
            if self.survey.has(&target)? {
                coming.insert(target);
            }
        }
        Ok(Facts { date: known.counting().and_then(|counts| counts.date), overrides: known.overrides(), coming })
    }

    /// The change that a resolved resource makes, and the shared resources that each member is to reach by it; or why it has no owner.
    pub(super) fn change(
        &self,
        (pending, facts): (Pending, Facts),
        resource: Option<Json>,
        owners: &Owners,
        homes: &Homes,
    ) -> Result<Ready, Box<(Pending, Reason)>> {
        let (kind, id) = (pending.kind, pending.reference.id.clone());
        let Some(resource) = resource else {
            let date = facts.date.filter(|_| kind.owner != Owner::Attachment);
            let change = Change::delete(kind, &id, date).overriding(facts.overrides);
            let none = BTreeSet::new();
            return Ok(Ready { pending, change, pointers: Vec::new(), absent: none.clone(), shared: none });
        };
        let Copies { copies, absent, shared } = match self.copies((&pending, &facts), resource, owners, homes) {
            Ok(copies) => copies,
            Err(reason) => return Err(Box::new((pending, reason))),
        };
        let members = copies.iter().filter_map(|(partition, _)| partition.owner());
        if let Some(reason) = members.into_iter().find_map(|owner| self.strangers.get(owner)).cloned() {
            return Err(Box::new((pending, reason)));
        }
        let is_shared =
            |target: &Reference| ResourceType::named(&target.resource_type).is_some_and(ResourceType::is_shared);
        let mut pointers = Vec::new();
        for (partition, resource) in &copies {
            if let Partition::Member(owner) = partition {
                let shared = references_in(resource).into_iter().filter(is_shared);
                // The receipt of the resource refers to its author.
                pointers.extend(shared.chain([author()]).map(|target| (owner.clone(), target)));
            }
        }
        let change = Change::store(kind, &id, copies).overriding(facts.overrides);
        if !change.fits() {
            let text = "what it can be found by is larger than a row: it refers to too many others; send it in parts";
            return Err(Box::new((pending, Reason::new(ReasonCode::TooLarge, text))));
        }
        Ok(Ready { pending, change, pointers, absent, shared })
    }

    /// Where the resource is to stand, and what of it.
    fn copies(
        &self,
        (pending, facts): (&Pending, &Facts),
        resource: Json,
        owners: &Owners,
        homes: &Homes,
    ) -> Result<Copies, Reason> {
        let one = |partition, resource| Copies {
            copies: vec![(partition, resource)],
            absent: BTreeSet::new(),
            shared: BTreeSet::new(),
        };
        let whose = match ownership(pending.kind, &resource) {
            // Its targets were names of something that did not come.
            Err(NoOwner::Missing(_)) if matches!(pending.kind.owner, Owner::Targets(_)) => {
                Ownership::OwnersOf(Vec::new())
            }
            whose => whose?,
        };
        Ok(match whose {
            Ownership::Member(owner) => one(Partition::Member(owner), resource),
            Ownership::Shared => {
                names_no_member(&resource)?;
                one(Partition::Shared, resource)
            }
            Ownership::OwnersOf(_) => self.per_owner((pending, facts), &resource, owners)?,
            Ownership::Attachment => {
                let owner = homes.get(&pending.reference).and_then(BTreeSet::first);
                one(owner.cloned().map_or(Partition::Unclaimed, Partition::Member), resource)
            }
        })
    }

    /// A resource about resources of several members is kept once for each, with what may be told to each.
    fn per_owner(
        &self,
        (pending, facts): (&Pending, &Facts),
        resource: &Json,
        owners: &Owners,
    ) -> Result<Copies, Reason> {
        let mut made = provenance::copies(resource, owners);
        let members = made.copies.iter().filter(|(partition, _)| *partition != Partition::Unclaimed).count();
        if members == 0 && !pending.is_stored && made.absent.is_disjoint(&facts.coming) {
            let text = "none of its targets is a member's resource that is stored here; load it together with them, or after them";
            return Err(Reason::new(ReasonCode::UnknownTargets, text));
        }
        if members > MOST_OWNERS {
            let text =
                format!("it is about resources of {members} members; send one for at most {MOST_OWNERS} of them");
            return Err(Reason::new(ReasonCode::TooLarge, text));
        }
        for (partition, copy) in &mut made.copies {
            if *partition != Partition::Unclaimed {
                profiles::name_in(self.guides, copy);
            }
        }
        Ok(made)
    }
}

/// The most members that a resource can belong to: a home with more would not fit into a row.
const MOST_OWNERS: usize = 2_000;
