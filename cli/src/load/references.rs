//! References between the resources of one run: `urn:uuid:…`, another server's URL, or conditional.
//!
//! A name is read and not compared: R4 lets one resource be named in several spellings (references.html, http.html, "Conditional
//! References"; RFC 3986, "Percent-Encoding"). A `fullUrl` is a name in its own Bundle first (bundle.html, "Resolving references in
//! Bundles"): another Bundle may give it to another resource.

mod condition;

use anyhow::Result;
use serde_json::Value as Json;
use shared::fhir::owner::ownership;
use shared::fhir::reference::Reference;
use shared::fhir::types::{ResourceType, names_a_member};
use shared::record::documents::{each_name, is_name};

pub use self::condition::{Condition, identifiers};
use super::scratch::Scratch;

/// The names used in one run, with the resource that each stands for; `None` for a name of two resources. Such a name
/// is never resolved: either choice could put one member's data into another's record.
#[derive(Default)]
pub(super) struct Names {
    /// The URLs that are this server's own, or that the plan calls its own.
    bases: Vec<String>,
    everywhere: Scratch<Meaning>,
    /// The key is the number of the Bundle, and the name.
    in_bundles: Scratch<Meaning>,
}

/// The resource that a name stands for.
type Meaning = Option<Reference>;

impl Names {
    /// Names, of which those under `bases` are this server's own.
    pub(super) fn under(bases: &[String]) -> Names {
        let bases = bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect();
        Names { bases, ..Names::default() }
    }

    /// Notes that a resource goes by a name, in its Bundle and elsewhere.
    pub(super) fn call(&self, (bundle, name): (Option<u32>, &str), reference: &Reference) -> Result<()> {
        let name = self.read(name);
        if let Some(bundle) = bundle {
            note(&self.in_bundles, &within(bundle, &name), reference)?;
        }
        note(&self.everywhere, &name, reference)
    }

    /// Lets a name in a Bundle stand for another resource than the one that came under it.
    pub(super) fn call_instead(&self, (bundle, name): (Option<u32>, &str), reference: &Reference) -> Result<()> {
        let name = self.read(name);
        if let Some(bundle) = bundle {
            self.in_bundles.put(&within(bundle, &name), &Some(reference.clone()))?;
        }
        note(&self.everywhere, &name, reference)
    }

    /// Whether nothing of the run goes by a name.
    pub(super) fn is_unknown(&self, name: &str) -> Result<bool> {
        Ok(self.known(None, name)?.is_none())
    }

    /// Notes what the store has under a name of which the run has nothing: several resources, or one.
    pub(super) fn found(&self, condition: &Condition, found: &[Reference]) -> Result<()> {
        found.iter().try_for_each(|reference| note(&self.everywhere, &condition.name(), reference))
    }

    /// Lets every name of the resources for which this holds lead nowhere.
    pub(super) fn confuse(&self, is_unclear: impl Fn(&Reference) -> Result<bool>) -> Result<()> {
        for names in [&self.everywhere, &self.in_bundles] {
            names.each(|_, known| match known {
                Some(reference) if is_unclear(&reference)? => Ok(Some(None)),
                _ => Ok(None),
            })?;
        }
        Ok(())
    }

    /// A name in the resource that two resources of the run go by.
    pub(super) fn ambiguous(&self, bundle: Option<u32>, resource: &mut Json) -> Result<Option<String>> {
        let mut found = None;
        self.each_known(bundle, resource, &mut |text, known| {
            if known == Some(None) {
                found = Some(text.clone());
            }
        })?;
        Ok(found)
    }

    /// The resource that a name stands for, in this Bundle.
    pub(super) fn of(&self, bundle: Option<u32>, name: &str) -> Result<Option<Reference>> {
        let known = self.known(bundle, name)?;
        Ok(known.unwrap_or_else(|| Reference::parse(&self.read(name), &[])))
    }

    fn known(&self, bundle: Option<u32>, name: &str) -> Result<Option<Meaning>> {
        let name = self.read(name);
        if let Some(bundle) = bundle
            && let Some(known) = self.in_bundles.get(&within(bundle, &name))?
        {
            return Ok(Some(known));
        }
        self.everywhere.get(&name)
    }

    /// Replaces every known name by `Type/id`, in the resource's references and in the `url` of attachments.
    pub(super) fn resolve(&self, bundle: Option<u32>, resource: &mut Json) -> Result<()> {
        self.each_known(bundle, resource, &mut |text, known| {
            if let Some(Some(reference)) = known {
                *text = reference.to_string();
            } else if let Some(own) = self.own(text).filter(|own| Reference::parse(own, &[]).is_some()) {
                *text = own.to_owned();
            }
        })
    }

    /// Visits every text that names a resource, with the meaning that it has in the run.
    fn each_known(
        &self,
        bundle: Option<u32>,
        resource: &mut Json,
        visit: &mut impl FnMut(&mut String, Option<Meaning>),
    ) -> Result<()> {
        let mut ended = Ok(());
        each_reference(resource, &mut |text| {
            if ended.is_ok() {
                match self.known(bundle, text) {
                    Ok(known) => visit(text, known),
                    Err(error) => ended = Err(error),
                }
            }
        });
        ended
    }

    /// The part of a URL after this server's base, or one that the plan calls its own.
    fn own<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.bases.iter().find_map(|base| text.strip_prefix(base.as_str())?.strip_prefix('/'))
    }

    /// The one spelling by which a name is kept.
    fn read(&self, text: &str) -> String {
        let name = self.own(text).unwrap_or(text);
        if let Some(condition) = Condition::of(name) {
            return condition.name();
        }
        if name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("urn:uuid:")) {
            return name.to_ascii_lowercase();
        }
        // A version of a resource is a name of the resource (R4 bundle.html, "fullUrl" is never version-specific).
        let is_versioned = name.starts_with("http://") || name.starts_with("https://");
        name.split_once("/_history/").filter(|_| is_versioned).map_or(name, |(name, _)| name).to_owned()
    }
}

/// A name in a Bundle.
fn within(bundle: u32, name: &str) -> String {
    format!("{bundle} {name}")
}

fn note(names: &Scratch<Meaning>, name: &str, reference: &Reference) -> Result<()> {
    match names.get(name)? {
        None => names.put(name, &Some(reference.clone())),
        Some(Some(known)) if known != *reference => names.put(name, &None),
        Some(_) => Ok(()),
    }
}

/// Makes every reference that had a meaning only in its Bundle, or as a query, the logical reference that it means (R4
/// references.html, "Logical References"). Returns how they were written.
pub fn made_logical(resource_type: &ResourceType, resource: &mut Json) -> Vec<String> {
    let mut found = Vec::new();
    // The element that says whose the resource is needs a reference: without one the resource is refused, by what stands there.
    let decides = resource_type.owner.element().filter(|_| ownership(resource_type, resource).is_err());
    let owner = decides.and_then(|name| resource.as_object_mut()?.shift_remove_entry(name));
    logical(resource, &mut found);
    if let (Some((name, value)), Some(properties)) = (owner, resource.as_object_mut()) {
        properties.insert(name, value);
    }
    found
}

fn logical(json: &mut Json, found: &mut Vec<String>) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| logical(item, found)),
        Json::Object(properties) => {
            if let Some(text) = properties.get("reference").and_then(Json::as_str).map(str::to_owned) {
                let condition = Condition::of(&text);
                let is_query = text.split_once('?').is_some_and(|(name, _)| ResourceType::named(name).is_some());
                let is_urn = text.starts_with("urn:");
                if is_query || is_urn {
                    properties.shift_remove("reference");
                    let identifier = condition.as_ref().map(Condition::identifier);
                    let identifier = identifier
                        .or_else(|| is_urn.then(|| serde_json::json!({"system": "urn:ietf:rfc:3986", "value": text})));
                    match identifier {
                        Some(identifier) => drop(properties.entry("identifier").or_insert(identifier)),
                        None => drop(properties.entry("display").or_insert_with(|| text.as_str().into())),
                    }
                    if let Some((kind, _)) = text.split_once('?').filter(|_| is_query) {
                        properties.entry("type").or_insert_with(|| kind.into());
                    }
                    found.push(text);
                }
            }
            properties.values_mut().for_each(|value| logical(value, found));
        }
        _ => {}
    }
}

/// A Patient or `RelatedPerson` in a resource: contained in it, or referred to in any of R4's ways (references.html), by a URL on any
/// server, a search, or a logical reference with a type.
pub fn member_in(resource: &Json) -> Option<String> {
    match resource {
        Json::Object(properties) => {
            let text = |name: &str| properties.get(name).and_then(Json::as_str);
            if let Some(contained) = text("resourceType").filter(|name| names_a_member(name)) {
                return Some(format!("a {contained} that it contains"));
            }
            let of_member = |text: &&str| {
                let path = text.split(['?', '#']).next().unwrap_or_default();
                path.split('/').any(names_a_member)
            };
            if let Some(reference) = text("reference").filter(of_member) {
                return Some(reference.to_owned());
            }
            let is_reference = ["reference", "identifier", "display"].iter().any(|name| properties.contains_key(*name));
            if let Some(name) = text("type").filter(|name| is_reference && names_a_member(name)) {
                return Some(format!("a reference to a {name}"));
            }
            properties.values().find_map(member_in)
        }
        Json::Array(items) => items.iter().find_map(member_in),
        _ => None,
    }
}

/// The names in a resource, as they are written, without those of attachments.
pub fn names_of(resource: &Json) -> Vec<&str> {
    let mut found = Vec::new();
    each_name(resource, &mut |name| found.push(name));
    found
}

/// The references in a resource, as they are written.
pub fn names_in(resource: &mut Json) -> Vec<String> {
    let mut found = Vec::new();
    each_reference(resource, &mut |text| found.push(text.clone()));
    found
}

/// The texts by which a resource may name a Binary, as far as the names that were learned so far do not say otherwise: another
/// resource may go by any of them.
pub(super) fn binaries_in(resource: &Json, (names, bundle): (&Names, Option<u32>)) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in names_of(resource) {
        let known = names.of(bundle, name)?.map(|known| known.resource_type).or_else(|| type_said_by(name));
        if known.is_none_or(|known| known == "Binary") {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

/// The type of resource that a name tells by its form: `https://host/fhir/Type/id`, with or without a version (R4 "Bundle": `fullUrl`), or
/// `Type?identifier=…`. Of `urn:uuid:…` there is none.
fn type_said_by(name: &str) -> Option<String> {
    let path = name.split_once('?').map_or(name, |(path, _)| path);
    let path = path.split_once("/_history/").map_or(path, |(path, _)| path);
    let mut steps = path.rsplit('/');
    let named = if path.len() < name.len() && !path.contains('/') { steps.next() } else { steps.nth(1) };
    named.and_then(ResourceType::named).map(|named| named.name.to_owned())
}

/// Visits every text that names a resource.
fn each_reference(resource: &mut Json, visit: &mut impl FnMut(&mut String)) {
    each_name_in(resource, ("", ""), visit);
}

/// As [`each_reference`], of the value of the property `name` in the element `of`.
fn each_name_in(value: &mut Json, (of, name): (&str, &str), visit: &mut impl FnMut(&mut String)) {
    match value {
        Json::String(text) if is_name(of, name) => visit(text),
        Json::Array(items) => items.iter_mut().for_each(|item| each_name_in(item, (of, name), visit)),
        Json::Object(properties) => {
            properties.iter_mut().for_each(|(inner, value)| each_name_in(value, (name, inner), visit));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
