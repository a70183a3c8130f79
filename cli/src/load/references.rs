//! References between the resources of one run: `urn:uuid:…`, another server's URL, or conditional.
//!
//! A name is read and not compared: R4 lets one resource be named in several spellings (references.html, http.html, "Conditional
//! References"; RFC 3986, "Percent-Encoding"). A `fullUrl` is a name in its own Bundle first (bundle.html, "Resolving references in
//! Bundles"): another Bundle may give it to another resource.

use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;
use serde_json::Value as Json;
use shared::fhir::owner::ownership;
use shared::fhir::reference::Reference;
use shared::fhir::types::{ResourceType, names_a_member};
use shared::record::documents::{each_name, is_name};

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

/// A conditional reference: a search for a resource by its identifier (R4, "Conditional References").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The type that is searched.
    pub resource_type: String,
    /// The identifier's system; `None` where the search names none, and any will do.
    pub system: Option<String>,
    /// The identifier's value.
    pub value: String,
}

impl Condition {
    /// Reads `Type?identifier=system|value`, percent-encoded or not. Any other search is `None`.
    pub fn of(text: &str) -> Option<Condition> {
        let (resource_type, query) = text.split_once('?')?;
        ResourceType::named(resource_type)?;
        Condition::of_query(resource_type, query)
    }

    /// Reads the query of such a search, as `ifNoneExist` has it.
    pub fn of_query(resource_type: &str, query: &str) -> Option<Condition> {
        let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
        let (name, token) = pairs.next()?.split_once('=')?;
        if name != "identifier" || pairs.next().is_some() {
            return None;
        }
        let token = percent_decode_str(token).decode_utf8().ok()?.into_owned();
        let (system, value) = match token.split_once('|') {
            Some((system, value)) => (Some(system.to_owned()), value.to_owned()),
            None => (None, token),
        };
        (!value.is_empty()).then(|| Condition { resource_type: resource_type.to_owned(), system, value })
    }

    /// The spelling that names are kept in.
    pub fn name(&self) -> String {
        let system = self.system.as_ref().map(|system| format!("{system}|")).unwrap_or_default();
        format!("{}?identifier={system}{}", self.resource_type, self.value)
    }

    /// The logical reference that it means.
    pub fn identifier(&self) -> Json {
        let mut identifier = serde_json::Map::new();
        identifier.extend(
            self.system.clone().filter(|system| !system.is_empty()).map(|system| ("system".to_owned(), system.into())),
        );
        identifier.insert("value".to_owned(), self.value.clone().into());
        identifier.into()
    }
}

/// A resource's identifiers, as conditional references name it by them.
pub fn identifiers(reference: &Reference, resource: &Json) -> Vec<String> {
    let all = resource["identifier"].as_array().into_iter().flatten();
    // Others are many, and are named with their system.
    let is_named_without = reference.resource_type == "Patient"
        || ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
    let mut names = Vec::new();
    for identifier in all {
        let Some(value) = identifier["value"].as_str() else { continue };
        let system = identifier["system"].as_str().unwrap_or_default();
        for system in [Some(system.to_owned())].into_iter().chain(is_named_without.then_some(None)) {
            let condition =
                Condition { resource_type: reference.resource_type.clone(), system, value: value.to_owned() };
            names.push(condition.name());
        }
    }
    names
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
        names.call((None, "urn:uuid:a"), &reference);
        for name in identifiers(&reference, &practitioner) {
            names.call((None, &name), &reference);
        }
        let mut resource = json!({"a": {"reference": "urn:uuid:a"}, "contained": [{"b": [{"reference":
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}]}], "c": {"reference": "urn:uuid:other"}});
        names.resolve(None, &mut resource);
        assert_eq!(references_in(&resource), [Reference::new("Practitioner", "p")].into());
        assert_eq!(resource["c"]["reference"], "urn:uuid:other");
    }

    /// A reference is a URI, in which a character may be percent-encoded (RFC 3986 §2.1).
    #[test]
    fn one_resource_is_named_in_several_spellings() {
        let mut names = Names::under(&["https://our.example/fhir/".to_owned()]);
        let npi = json!({"identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1 0"}]});
        let doctor = Reference::new("Practitioner", "p");
        names.call((Some(1), "urn:uuid:00000000-0000-4000-8000-00000000000A"), &doctor);
        names.call((Some(1), "https://source.example/fhir/Practitioner/x"), &doctor);
        for name in identifiers(&doctor, &npi) {
            names.call((None, &name), &doctor);
        }
        for name in [
            "Practitioner/p",
            "urn:uuid:00000000-0000-4000-8000-00000000000a",
            "URN:UUID:00000000-0000-4000-8000-00000000000a",
            "https://source.example/fhir/Practitioner/x/_history/3",
            "https://our.example/fhir/Practitioner/p",
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1 0",
            "Practitioner?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7C1%200",
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi%7C1 0",
            "https://our.example/fhir/Practitioner?identifier=1%200",
        ] {
            assert_eq!(names.of(None, name), Some(doctor.clone()), "{name}");
        }
        for name in ["https://other.example/fhir/Practitioner/p", "Practitioner?name=x", "Practitioner?identifier=|1 0"]
        {
            assert_eq!(names.of(None, name), None, "{name}");
        }
    }

    /// R4 bundle.html, "Resolving references in Bundles".
    #[test]
    fn a_name_is_first_of_all_one_of_its_bundle() {
        let mut names = Names::default();
        let [one, two] = ["one", "two"].map(|id| Reference::new("Patient", id));
        names.call((Some(1), "urn:uuid:p"), &one);
        names.call((Some(2), "urn:uuid:p"), &two);
        assert_eq!((names.of(Some(1), "urn:uuid:p"), names.of(Some(2), "urn:uuid:p")), (Some(one), Some(two)));
        assert_eq!(names.of(Some(3), "urn:uuid:p"), None);
        assert_eq!(names.ambiguous(None, &mut json!({"a": {"reference": "urn:uuid:p"}})), Some("urn:uuid:p".into()));
        assert_eq!(names.ambiguous(Some(2), &mut json!({"a": {"reference": "urn:uuid:p"}})), None);
    }

    #[test]
    fn a_name_without_a_resource_becomes_the_logical_reference_that_it_means() {
        let kind = ResourceType::named("Observation").unwrap();
        let mut resource = json!({"subject": {"reference": "Patient/a"}, "performer": [
            {"reference": "Practitioner?identifier=http%3A%2F%2Fx%7C7", "display": "Dr. X"},
            {"reference": "urn:uuid:gone"}, {"reference": "Organization?name=Clinic"}, {"reference": "#inside"},
            {"reference": "https://other.example/fhir/Practitioner/1"}]});
        assert_eq!(made_logical(kind, &mut resource).len(), 3);
        assert_eq!(
            resource["performer"],
            json!([{"display": "Dr. X", "identifier": {"system": "http://x", "value": "7"}, "type": "Practitioner"},
                {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:gone"}},
                {"display": "Organization?name=Clinic", "type": "Organization"}, {"reference": "#inside"},
                {"reference": "https://other.example/fhir/Practitioner/1"}])
        );
    }

    /// R4, "canonical": it is no Reference.
    #[test]
    fn a_canonical_stays_as_it_was() {
        let mut names = Names::default();
        names.call((None, "http://plan.example/q"), &Reference::new("Questionnaire", "q"));
        let questionnaire = json!({"resourceType": "Questionnaire", "url": "http://plan.example/q",
            "contained": [{"resourceType": "ValueSet", "url": "http://plan.example/q"}],
            "extension": [{"url": "http://plan.example/q", "extension": [{"url": "http://plan.example/q"}]}]});
        let mut resolved = questionnaire.clone();
        names.resolve(None, &mut resolved);
        assert_eq!(resolved, questionnaire);
        let mut attachment = json!({"item": [{"valueAttachment": {"url": "http://plan.example/q"}}]});
        names.resolve(None, &mut attachment);
        assert_eq!(attachment["item"][0]["valueAttachment"]["url"], "Questionnaire/q");
    }

    #[test]
    fn a_name_may_be_a_binarys_unless_it_is_known_to_be_anothers() {
        let mut names = Names::default();
        names.call((None, "urn:uuid:a"), &Reference::new("Encounter", "e"));
        names.call((None, "urn:uuid:b"), &Reference::new("Binary", "b"));
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
            assert_eq!(binaries_in(&resource, (&names, None)), [name, name]);
        }
        for name in [
            "Encounter/e",
            "urn:uuid:a",
            "https://x.example/fhir/Encounter/e",
            "https://x.example/fhir/Encounter/e/_history/2",
            "Encounter?identifier=https://x.example/ids|b",
        ] {
            assert!(binaries_in(&json!({"encounter": {"reference": name}}), (&names, None)).is_empty(), "{name}");
        }
    }
}
