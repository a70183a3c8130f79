//! From a resource as it was read to the change that it makes: references resolved, the owner found.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value as Json, json};
use shared::bounds::ANSWER_BYTES;
use shared::fhir::claim::claim;
use shared::fhir::owner::{Ownership, ownership};
use shared::fhir::reference::Reference;
use shared::fhir::sensitivity;
use shared::fhir::types::{Owner, ResourceType};
use shared::record::writer::{Change, Partition};
use shared::rest::bundle::escaped_length;

use super::attachments::{checked_data, filed};
use super::reason::{Kind, Reason};
use super::references::references;
use super::{Pending, Run};

/// The homes of resources: in whose partitions they stand.
pub(super) type Homes = HashMap<Reference, BTreeSet<String>>;

/// A change that is ready to be made.
pub(super) struct Ready {
    pub pending: Pending,
    pub change: Change,
    /// The shared resources that each of its members is to reach.
    pub pointers: Vec<(String, Reference)>,
}

/// The resources by whose homes the owner of this one is found.
pub(super) fn decides_owner((pending, resource): &(Pending, Option<Json>)) -> Vec<Reference> {
    match (pending.kind.owner, resource) {
        (Owner::Attachment, _) => vec![pending.reference.clone()],
        (Owner::Targets(_), Some(resource)) => match ownership(pending.kind, resource) {
            Ok(Ownership::OwnersOf(targets)) => targets,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

impl Run<'_> {
    /// Puts the names of this run, and of Binaries made of files, in the place of what they stand for; or says why a resource cannot be taken.
    pub(super) fn resolve(&self, pending: &Pending) -> Result<(Option<Json>, Vec<Change>), Reason> {
        let Some(original) = &pending.resource else { return Ok((None, Vec::new())) };
        // An earlier occurrence that carries no label yet stays superseded: it is the same record.
        let labels = sensitivity::labels(original);
        if !labels.is_empty() && !self.takes_sensitive {
            let text = format!(
                "it carries the sensitivity label {}; until members can choose at consent whether to share sensitive data, \
                 a deployed stack takes none of it",
                labels.join(", ")
            );
            return Err(Reason::new(Kind::Sensitive, text));
        }
        let mut resource = original.clone();
        resource["id"] = json!(pending.reference.id);
        if let Some(name) = self.survey.names.ambiguous(&mut resource) {
            let text = format!(
                "it refers to `{name}`, and two resources of this run go by that name; refer to one of them as Type/id"
            );
            return Err(Reason::new(Kind::AmbiguousReference, text));
        }
        self.survey.names.resolve(&mut resource);
        claim(self.guides, &mut resource);
        let documents = filed(pending.kind, &mut resource, self.source, pending.file)?;
        let data = checked_data(&mut resource)?;
        if escaped_length(&resource.to_string()) > ANSWER_BYTES {
            let text = format!("it is larger than an answer can carry ({} MB); cut it", ANSWER_BYTES >> 20);
            return Err(Reason::new(Kind::TooLarge, text));
        }
        if let Some(data) = data {
            resource["data"] = data;
        }
        Ok((Some(resource), documents))
    }
}

impl Ready {
    /// The Binaries that become its member's, with the member.
    pub(super) fn binaries(&self) -> impl Iterator<Item = (&str, Reference)> {
        self.change.documents().flat_map(|(owner, binaries)| binaries.map(move |binary| (owner, binary)))
    }
}

/// The change that a resolved resource makes, and the shared resources that each member is to reach by it; or why it has no owner.
pub(super) fn change(
    pending: &Pending,
    resource: Option<Json>,
    homes: &Homes,
) -> Result<(Change, Vec<(String, Reference)>), Reason> {
    let (kind, id) = (pending.kind, pending.reference.id.as_str());
    let Some(resource) = resource else { return Ok((Change::delete(kind, id), Vec::new())) };
    let mut copies = copies(pending, resource, homes)?;
    let is_shared =
        |target: &Reference| ResourceType::named(&target.resource_type).is_some_and(ResourceType::is_shared);
    let mut pointers = Vec::new();
    for (place, resource) in &mut copies {
        if let Partition::Member(owner) = place {
            let shared = references(resource).into_iter().filter(is_shared);
            pointers.extend(shared.map(|target| (owner.clone(), target)));
        }
    }
    let change = Change::store(kind, id, copies);
    if !change.fits() {
        let text = "what it can be found by is larger than a row: it refers to too many others; send it in parts";
        return Err(Reason::new(Kind::TooLarge, text));
    }
    Ok((change, pointers))
}

/// Where the resource is to stand, and what of it.
fn copies(pending: &Pending, resource: Json, homes: &Homes) -> Result<Vec<(Partition, Json)>, Reason> {
    Ok(match ownership(pending.kind, &resource)? {
        Ownership::Member(owner) => vec![(Partition::Member(owner), resource)],
        Ownership::Shared => vec![(Partition::Shared, resource)],
        Ownership::OwnersOf(targets) => per_owner(&targets, &resource, homes)?,
        Ownership::Attachment => {
            let owner = homes.get(&pending.reference).and_then(BTreeSet::first);
            vec![(owner.cloned().map_or(Partition::Unclaimed, Partition::Member), resource)]
        }
    })
}

/// A resource about more members than these would have a home that no row can hold.
const MOST_OWNERS: usize = 2_000;

/// A resource about resources of several members is kept once for each, cut to the targets that are theirs.
fn per_owner(targets: &[Reference], resource: &Json, homes: &Homes) -> Result<Vec<(Partition, Json)>, Reason> {
    let owners_of = |target: &Reference| match target.resource_type.as_str() {
        "Patient" => BTreeSet::from([target.id.clone()]),
        _ => homes.get(target).cloned().unwrap_or_default(),
    };
    let owners: BTreeSet<String> = targets.iter().flat_map(owners_of).collect();
    if owners.is_empty() {
        let text =
            "none of its targets is a member's resource that is stored here; load it together with them, or after them";
        return Err(Reason::new(Kind::UnknownTargets, text));
    }
    if owners.len() > MOST_OWNERS {
        let text =
            format!("it is about resources of {} members; send one for {MOST_OWNERS} of them at most", owners.len());
        return Err(Reason::new(Kind::TooLarge, text));
    }
    let is_foreign = |target: &Json, owner: &str| {
        let target = target["reference"].as_str().and_then(|text| Reference::parse(text, &[]));
        // A shared target tells nothing of another member; one whose owner is not known might.
        let shared = |target: &Reference| {
            ResourceType::named(&target.resource_type).is_some_and(ResourceType::is_shared)
                && owners_of(target).is_empty()
        };
        target.is_none_or(|target| !shared(&target) && !owners_of(&target).contains(owner))
    };
    let several = owners.len() > 1;
    let own = |owner: String| {
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
        (Partition::Member(owner), own)
    };
    Ok(owners.into_iter().map(own).collect())
}
