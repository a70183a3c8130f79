//! References between the resources of one run, by `urn:uuid:…`, by another server's URL, or conditional.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use shared::fhir::reference::Reference;
use shared::fhir::types::{ResourceType, names_a_member};
use shared::record::documents::{each_name, is_name};

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

    /// Lets every name of these resources lead nowhere.
    pub fn confuse(&mut self, references: &HashSet<&Reference>) {
        let is_unclear =
            |known: &&mut Option<Reference>| known.as_ref().is_some_and(|known| references.contains(known));
        if !references.is_empty() {
            self.0.values_mut().filter(is_unclear).for_each(|known| *known = None);
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

    /// R4, "canonical": it is no Reference.
    #[test]
    fn a_canonical_stays_as_it_was() {
        let mut names = Names::default();
        names.call("http://plan.example/q", &Reference::new("Questionnaire", "q"));
        let questionnaire = json!({"resourceType": "Questionnaire", "url": "http://plan.example/q",
            "contained": [{"resourceType": "ValueSet", "url": "http://plan.example/q"}],
            "extension": [{"url": "http://plan.example/q", "extension": [{"url": "http://plan.example/q"}]}]});
        let mut resolved = questionnaire.clone();
        names.resolve(&mut resolved);
        assert_eq!(resolved, questionnaire);
        let mut attachment = json!({"item": [{"valueAttachment": {"url": "http://plan.example/q"}}]});
        names.resolve(&mut attachment);
        assert_eq!(attachment["item"][0]["valueAttachment"]["url"], "Questionnaire/q");
    }

    #[test]
    fn a_name_may_be_a_binarys_unless_it_is_known_to_be_anothers() {
        let mut names = Names::default();
        names.call("urn:uuid:a", &Reference::new("Encounter", "e"));
        names.call("urn:uuid:b", &Reference::new("Binary", "b"));
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
