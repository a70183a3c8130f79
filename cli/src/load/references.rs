//! References between the resources of one run, by `urn:uuid:…`, by another server's URL, or conditional.

use std::collections::HashMap;

use serde_json::Value as Json;
use shared::fhir::reference::Reference;
use shared::fhir::types::names_a_member;

/// The names used in one run, with the resource that each stands for; `None` for a name of two resources. Such a name
/// is never resolved: either choice could put one member's data into another's record.
#[derive(Default)]
pub struct Names(HashMap<String, Option<Reference>>);

impl Names {
    /// Notes that a resource goes by a name.
    pub fn call(&mut self, name: &str, reference: &Reference) {
        let known = self.0.entry(name.to_owned()).or_insert_with(|| Some(reference.clone()));
        if known.as_ref() != Some(reference) {
            *known = None;
        }
    }

    /// Lets every name of a resource lead nowhere.
    pub fn confuse(&mut self, reference: &Reference) {
        self.0.values_mut().filter(|known| known.as_ref() == Some(reference)).for_each(|known| *known = None);
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

/// A resource's identifiers, as conditional references name it by them (R4, "HTTP": Conditional References).
pub fn identifiers(reference: &Reference, resource: &Json) -> Vec<String> {
    let all = resource["identifier"].as_array().into_iter().flatten();
    let named = all.filter_map(|identifier| Some((identifier["system"].as_str()?, identifier["value"].as_str()?)));
    named.map(|(system, value)| format!("{}?identifier={system}|{value}", reference.resource_type)).collect()
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
    use shared::fhir::reference::references_in;

    #[test]
    fn a_member_is_found_in_a_shared_resource_wherever_it_stands() {
        for named in [
            json!({"extension": [{"url": "x", "valueReference": {"reference": "Patient/a"}}]}),
            json!({"note": [{"authorReference": {"reference": "RelatedPerson/a"}}]}),
            json!({"a": {"reference": "https://elsewhere.example/fhir/Patient/a/_history/2"}}),
            json!({"a": {"reference": "Patient?identifier=x|1"}}),
            json!({"a": {"type": "Patient", "identifier": {"value": "1"}}}),
            json!({"contained": [{"resourceType": "Patient"}]}),
        ] {
            assert!(member_in(&named).is_some(), "{named}");
        }
        let harmless = json!({"resourceType": "Organization", "type": [{"text": "Patient"}], "name": "Patient/a",
            "partOf": {"reference": "Organization/Patients"}});
        assert_eq!(member_in(&harmless), None);
    }

    #[test]
    fn names_of_the_run_become_local_references() {
        let mut names = Names::default();
        let practitioner = json!({"identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}]});
        let reference = Reference::new("Practitioner", "p");
        names.call("urn:uuid:a", &reference);
        for name in identifiers(&reference, &practitioner) {
            names.call(&name, &reference);
        }
        let mut resource = json!({"a": {"reference": "urn:uuid:a"}, "contained": [{"b": [{"reference":
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}]}], "c": {"reference": "urn:uuid:other"}});
        names.resolve(&mut resource);
        assert_eq!(references_in(&resource), [Reference::new("Practitioner", "p")].into());
        assert_eq!(resource["c"]["reference"], "urn:uuid:other");
    }
}
