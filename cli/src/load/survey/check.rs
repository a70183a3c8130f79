//! The checks of one resource that need nothing else of the run.

use serde_json::Value as Json;
use shared::fhir::owner::{NoOwner, Ownership, ownership};
use shared::fhir::reference::{Reference, is_id};
use shared::fhir::types::{Owner, ResourceType};
use shared::record::receipt::is_receipt;

use crate::load::reason::{Reason, ReasonCode};
use crate::load::references::member_in;
use crate::load::release::older;

/// The advice where two persons come under one Patient id.
pub(in crate::load) const ANOTHER_PERSON: &str = "birth date and family name both differ. Give each person an id of their own; \
    if it is one person, load it with --same-person ID";

/// The type and key of a resource that is to be deleted.
pub(in crate::load) fn check_deletion(url: &str) -> Result<(&'static ResourceType, Reference), Reason> {
    let wrong = || {
        let url: String = url.chars().take(100).collect();
        let text = format!("`{url}` is to be deleted, and names no resource of this server: it is written as Type/id");
        Reason::new(ReasonCode::BadDeletion, text)
    };
    let reference = Reference::parse(url, &[]).filter(|reference| reference.to_string() == url).ok_or_else(wrong)?;
    if is_receipt(&reference) {
        let text = format!("{reference} is a receipt of this server, and is not the feed's to delete");
        return Err(Reason::new(ReasonCode::ReservedId, text));
    }
    Ok((ResourceType::named(&reference.resource_type).ok_or_else(wrong)?, reference))
}

/// A resource's type and key; or why it is rejected, as far as it can be known without the rest of the run.
pub(in crate::load) fn check(
    resource: &Json,
    full_url: Option<&str>,
) -> Result<(&'static ResourceType, Reference), Reason> {
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
        // A transaction may leave ids to the server. This one takes the id in the entry's `fullUrl`.
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
    let tags = resource["meta"]["tag"].as_array().into_iter().flatten();
    if tags.into_iter().any(|tag| tag["code"] == "SUBSETTED") {
        let text = "its tag SUBSETTED says that it is a part of the resource, as searches with `_elements` and `_summary` give it; \
                    send the whole resource";
        return Err(Reason::new(ReasonCode::Subsetted, text));
    }
    if !(resource["meta"].is_null() || resource["meta"].is_object()) {
        return Err(Reason::new(ReasonCode::BadMeta, "its meta is no object"));
    }
    match ownership(kind, resource) {
        Ok(Ownership::Shared) => names_no_member(resource)?,
        // It may be a name that another resource of the run goes by.
        Ok(_) | Err(NoOwner::NotAPatient { .. }) => {}
        Err(NoOwner::Missing(element)) if matches!(kind.owner, Owner::Targets(_)) && names_any(&resource[element]) => {}
        Err(error) => return Err(error.into()),
    }
    Ok((kind, Reference::new(kind.name, id)))
}

/// Whether one of these references has a name by which another resource of the run may go.
fn names_any(targets: &Json) -> bool {
    let names =
        |target: &Json| target["reference"].as_str().is_some_and(|name| !name.is_empty() && !name.starts_with('#'));
    targets.as_array().into_iter().flatten().any(names)
}

/// Makes sure that a resource that many may read names no member, as far as its elements tell.
pub(in crate::load) fn names_no_member(resource: &Json) -> Result<(), Reason> {
    let Some(name) = member_in(resource) else { return Ok(()) };
    let text = format!(
        "it is shared by all whose records refer to it, and names a member: {}; leave that out",
        name.chars().take(100).collect::<String>()
    );
    Err(Reason::new(ReasonCode::NamesAMember, text))
}
