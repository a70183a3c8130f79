//! References between the resources of one run: what `urn:uuid:…`, another server's URL or a conditional reference stands for.

use std::collections::HashMap;

use serde_json::Value as Json;
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::documents::each_name;

/// What the names used in one run stand for; `None` for a name that two resources go by. Such a name leads nowhere: taking
/// either would put one member's data into another's record.
#[derive(Default)]
pub struct Names(HashMap<String, Option<Reference>>);

impl Names {
    /// Notes the names of a resource: its `fullUrl`, and its identifiers as conditional references use them.
    pub fn learn(&mut self, full_url: Option<&str>, reference: &Reference, resource: &Json) {
        if let Some(url) = full_url {
            self.name(url.to_owned(), reference);
        }
        for identifier in resource["identifier"].as_array().into_iter().flatten() {
            if let (Some(system), Some(value)) = (identifier["system"].as_str(), identifier["value"].as_str()) {
                let name = format!("{}?identifier={system}|{value}", reference.resource_type);
                self.name(name, reference);
            }
        }
    }

    fn name(&mut self, name: String, reference: &Reference) {
        let known = self.0.entry(name).or_insert_with(|| Some(reference.clone()));
        if known.as_ref() != Some(reference) {
            *known = None;
        }
    }

    /// A name in the resource that two resources of the run go by.
    pub fn ambiguous(&self, resource: &mut Json) -> Option<String> {
        let mut found = None;
        each_reference(resource, &mut |text| {
            if self.0.get(text.as_str()) == Some(&None) {
                found = Some(text.clone());
            }
        });
        found
    }

    /// What a name stands for.
    pub fn of(&self, name: &str) -> Option<Reference> {
        self.0.get(name).cloned().unwrap_or_else(|| Reference::parse(name, &[]))
    }

    /// Puts `Type/id` in the place of every known name in the resource's references, and of a document's in `url`.
    pub fn resolve(&self, resource: &mut Json) {
        each_reference(resource, &mut |text| {
            if let Some(Some(reference)) = self.0.get(text.as_str()) {
                *text = reference.to_string();
            }
        });
    }
}

/// The local references in a resource, wherever they stand: also in contained resources, and Binaries in attachments.
pub fn references(resource: &mut Json) -> Vec<Reference> {
    let mut found = Vec::new();
    each_reference(resource, &mut |text| found.extend(Reference::parse(text, &[])));
    found.sort();
    found.dedup();
    found
}

/// The references in a resource as they stand there.
pub fn names_in(resource: &mut Json) -> Vec<String> {
    let mut found = Vec::new();
    each_reference(resource, &mut |text| found.push(text.clone()));
    found
}

/// The texts by which a resource may name a Binary, as far as the names that were learned so far do not say otherwise: another
/// resource may go by any of them.
pub fn binaries_in(resource: &Json, names: &Names) -> Vec<String> {
    let mut found = Vec::new();
    each_name(resource, &mut |name| {
        let known = names.of(name).map(|known| known.resource_type).or_else(|| type_said_by(name));
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

/// Visits what may be a reference.
fn each_reference(json: &mut Json, visit: &mut impl FnMut(&mut String)) {
    match json {
        Json::Object(properties) => {
            for (name, value) in properties {
                match value {
                    // An attachment's `url` names a Binary; the `url` of an extension never looks like a reference.
                    Json::String(text) if name == "reference" || name == "url" => visit(text),
                    Json::Object(_) | Json::Array(_) => each_reference(value, visit),
                    _ => {}
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| each_reference(item, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_the_run_become_local_references() {
        let mut names = Names::default();
        let practitioner = json!({"identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}]});
        names.learn(Some("urn:uuid:a"), &Reference::new("Practitioner", "p"), &practitioner);
        let mut resource = json!({"a": {"reference": "urn:uuid:a"}, "contained": [{"b": [{"reference":
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}]}], "c": {"reference": "urn:uuid:other"}});
        names.resolve(&mut resource);
        assert_eq!(references(&mut resource), [Reference::new("Practitioner", "p")]);
        assert_eq!(resource["c"]["reference"], "urn:uuid:other");
    }

    #[test]
    fn a_name_may_be_a_binarys_unless_it_is_known_to_be_anothers() {
        let mut names = Names::default();
        names.learn(Some("urn:uuid:a"), &Reference::new("Encounter", "e"), &json!({}));
        names.learn(Some("urn:uuid:b"), &Reference::new("Binary", "b"), &json!({}));
        for name in [
            "Binary/b",
            "urn:uuid:b",
            "urn:uuid:not-read-yet",
            "urn:oid:1.2.3",
            "https://x.example/fhir/Binary/b",
            "https://x.example/fhir/Binary/b/_history/2",
            "Binary?identifier=a|b",
            "https://x.example/scans/77",
        ] {
            let resource = json!({"content": [{"attachment": {"url": name}}], "related": [{"reference": name}]});
            assert_eq!(binaries_in(&resource, &names), [name, name]);
        }
        for name in [
            "Encounter/e",
            "urn:uuid:a",
            "https://x.example/fhir/Encounter/e",
            "https://x.example/fhir/Encounter/e/_history/2",
            "Encounter?identifier=https://x.example/ids|b",
        ] {
            assert!(binaries_in(&json!({"encounter": {"reference": name}}), &names).is_empty(), "{name}");
        }
    }
}
