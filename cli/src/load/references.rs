//! References between the resources of one run: `urn:uuid:…`, another server's URL, or conditional.
//!
//! A name is read and not compared: R4 lets one resource be named in several spellings (references.html, http.html, "Conditional
//! References"; RFC 3986, "Percent-Encoding"). A `fullUrl` is a name in its own Bundle first (bundle.html, "Resolving references in
//! Bundles"): another Bundle may give it to another resource.

mod condition;

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use shared::fhir::owner::ownership;
use shared::fhir::reference::Reference;
use shared::fhir::types::{ResourceType, names_a_member};
use shared::record::documents::{each_name, is_name};

pub use self::condition::{Condition, identifiers};

/// The names used in one run, with the resource that each stands for; `None` for a name of two resources. Such a name
/// is never resolved: either choice could put one member's data into another's record.
#[derive(Default)]
pub struct Names {
    /// The URLs that are this server's own, or that the plan calls its own.
    bases: Vec<String>,
    everywhere: HashMap<String, Option<Reference>>,
    in_bundles: HashMap<(u32, String), Option<Reference>>,
}

impl Names {
    /// Names, of which those under `bases` are this server's own.
    pub fn under(bases: &[String]) -> Names {
        let bases = bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect();
        Names { bases, ..Names::default() }
    }

    /// Notes that a resource goes by a name, in its Bundle and elsewhere.
    pub fn call(&mut self, (bundle, name): (Option<u32>, &str), reference: &Reference) {
        let name = self.read(name);
        if let Some(bundle) = bundle {
            note(self.in_bundles.entry((bundle, name.clone())), reference);
        }
        note(self.everywhere.entry(name), reference);
    }

    /// Lets a name in a Bundle stand for another resource than the one that came under it.
    pub fn call_instead(&mut self, (bundle, name): (Option<u32>, &str), reference: &Reference) {
        let name = self.read(name);
        if let Some(bundle) = bundle {
            self.in_bundles.insert((bundle, name.clone()), Some(reference.clone()));
        }
        note(self.everywhere.entry(name), reference);
    }

    /// Whether nothing of the run goes by a name.
    pub fn is_unknown(&self, name: &str) -> bool {
        self.known(None, name).is_none()
    }

    /// Notes what the store has under a name of which the run has nothing: several resources, or one.
    pub fn found(&mut self, condition: &Condition, found: &[Reference]) {
        for reference in found {
            note(self.everywhere.entry(condition.name()), reference);
        }
    }

    /// Lets every name of these resources lead nowhere.
    pub fn confuse(&mut self, references: &HashSet<&Reference>) {
        let is_unclear =
            |known: &&mut Option<Reference>| known.as_ref().is_some_and(|known| references.contains(known));
        if !references.is_empty() {
            let all = self.everywhere.values_mut().chain(self.in_bundles.values_mut());
            all.filter(is_unclear).for_each(|known| *known = None);
        }
    }

    /// A name in the resource that two resources of the run go by.
    pub fn ambiguous(&self, bundle: Option<u32>, resource: &mut Json) -> Option<String> {
        let mut found = None;
        each_reference(resource, &mut |text| {
            if self.known(bundle, text) == Some(&None) {
                found = Some(text.clone());
            }
        });
        found
    }

    /// The resource that a name stands for, in this Bundle.
    pub fn of(&self, bundle: Option<u32>, name: &str) -> Option<Reference> {
        let known = self.known(bundle, name).cloned();
        known.unwrap_or_else(|| Reference::parse(&self.read(name), &[]))
    }

    fn known(&self, bundle: Option<u32>, name: &str) -> Option<&Option<Reference>> {
        let name = self.read(name);
        let within = bundle.and_then(|bundle| self.in_bundles.get(&(bundle, name.clone())));
        within.or_else(|| self.everywhere.get(&name))
    }

    /// Replaces every known name by `Type/id`, in the resource's references and in the `url` of attachments.
    pub fn resolve(&self, bundle: Option<u32>, resource: &mut Json) {
        each_reference(resource, &mut |text| {
            if let Some(Some(reference)) = self.known(bundle, text) {
                *text = reference.to_string();
            } else if let Some(own) = self.own(text).filter(|own| Reference::parse(own, &[]).is_some()) {
                *text = own.to_owned();
            }
        });
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

fn note<K>(entry: std::collections::hash_map::Entry<'_, K, Option<Reference>>, reference: &Reference) {
    let known = entry.or_insert_with(|| Some(reference.clone()));
    if known.as_ref() != Some(reference) {
        *known = None;
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
pub fn binaries_in(resource: &Json, (names, bundle): (&Names, Option<u32>)) -> Vec<String> {
    let mut found = Vec::new();
    each_name(resource, &mut |name| {
        let known = names.of(bundle, name).map(|known| known.resource_type).or_else(|| type_said_by(name));
        if known.is_none_or(|known| known == "Binary") {
            found.push(name.to_owned());
        }
    });
    found
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
