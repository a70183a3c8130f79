//! References between the resources of one run, by `urn:uuid:…`, by another server's URL, or conditional.

use std::collections::HashMap;

use serde_json::Value as Json;
use shared::fhir::reference::Reference;

/// The names used in one run, with the resource that each stands for; `None` for a name of two resources. Such a name
/// is never resolved: either choice could put one member's data into another's record.
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

    /// A name in the resource that stands for two resources of the run.
    pub fn ambiguous(&self, resource: &mut Json) -> Option<String> {
        let mut found = None;
        each_reference(resource, &mut |text| {
            if self.0.get(text.as_str()) == Some(&None) {
                found = Some(text.clone());
            }
        });
        found
    }

    /// The resource that a name stands for.
    pub fn of(&self, name: &str) -> Option<Reference> {
        self.0.get(name).cloned().unwrap_or_else(|| Reference::parse(name, &[]))
    }

    /// Replaces every known name by `Type/id`, in the resource's references and in the `url` of attachments.
    pub fn resolve(&self, resource: &mut Json) {
        each_reference(resource, &mut |text| {
            if let Some(Some(reference)) = self.0.get(text.as_str()) {
                *text = reference.to_string();
            }
        });
    }
}

/// The local references anywhere in a resource, contained resources and the Binaries of attachments included.
pub fn references(resource: &mut Json) -> Vec<Reference> {
    let mut found = Vec::new();
    each_reference(resource, &mut |text| found.extend(Reference::parse(text, &[])));
    found.sort();
    found.dedup();
    found
}

/// The references in a resource, as they are written.
pub fn names_in(resource: &mut Json) -> Vec<String> {
    let mut found = Vec::new();
    each_reference(resource, &mut |text| found.push(text.clone()));
    found
}

/// The texts that may name a Binary, as they are written: a reference to one, or an attachment's `url` with a name of
/// the run.
pub fn binaries_in(resource: &mut Json) -> Vec<String> {
    let mut found = Vec::new();
    each(resource, &mut |element, text| {
        if text.contains("Binary") || (element == "url" && text.starts_with("urn:uuid:")) {
            found.push(text.clone());
        }
    });
    found
}

fn each_reference(json: &mut Json, visit: &mut impl FnMut(&mut String)) {
    each(json, &mut |_, text| visit(text));
}

/// Visits every text that may be a reference, with the name of its element.
fn each(json: &mut Json, visit: &mut impl FnMut(&str, &mut String)) {
    match json {
        Json::Object(properties) => {
            for (name, value) in properties {
                match value {
                    // An attachment's `url` names a Binary; the `url` of an extension never looks like a reference.
                    Json::String(text) if name == "reference" || name == "url" => visit(name, text),
                    Json::Object(_) | Json::Array(_) => each(value, visit),
                    _ => {}
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| each(item, visit)),
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
}
