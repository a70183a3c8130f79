//! References between resources: `Patient/123`.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value as Json;

/// Whether `id` may be the id of a resource (R4 data types, "id").
pub fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// A resource's type and id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Reference {
    /// The type's name.
    pub resource_type: String,
    /// The id.
    pub id: String,
}

impl Reference {
    /// Of a type and an id.
    pub fn new(resource_type: &str, id: &str) -> Reference {
        Reference { resource_type: resource_type.to_owned(), id: id.to_owned() }
    }

    /// Reads `Type/id` and `Type/id/_history/1`, also behind one of the `bases` (`https://host/fhir`). Anything else,
    /// such as another server's URL, is `None`.
    pub fn parse(text: &str, bases: &[&str]) -> Option<Reference> {
        let local = bases.iter().find_map(|base| text.strip_prefix(base)?.strip_prefix('/')).unwrap_or(text);
        let mut steps = local.split('/');
        let (resource_type, id) = (steps.next()?, steps.next()?);
        let versioned = match (steps.next(), steps.next(), steps.next()) {
            (None, None, None) => true,
            (Some("_history"), Some(version), None) => is_id(version),
            _ => false,
        };
        let named = resource_type.starts_with(|c: char| c.is_ascii_uppercase())
            && resource_type.bytes().all(|b| b.is_ascii_alphabetic());
        (versioned && named && is_id(id)).then(|| Reference::new(resource_type, id))
    }
}

/// The local references in a resource, wherever they stand. A string that is called `reference` is always that of a Reference.
pub fn references_in(resource: &Json) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    collect(resource, &mut found);
    found
}

fn collect(json: &Json, found: &mut BTreeSet<Reference>) {
    match json {
        Json::Object(properties) => {
            let reference = properties.get("reference").and_then(Json::as_str);
            found.extend(reference.and_then(|text| Reference::parse(text, &[])));
            properties.values().for_each(|value| collect(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource_type, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_references_are_read() {
        let bases = ["https://our.example/fhir"];
        for text in ["Patient/a", "Patient/a/_history/2", "https://our.example/fhir/Patient/a"] {
            assert_eq!(Reference::parse(text, &bases), Some(Reference::new("Patient", "a")), "{text}");
        }
        for text in
            ["a", "https://evil.example/fhir/Patient/a", "urn:uuid:a", "Patient/", "Patient/a b", "#p", "patient/a"]
        {
            assert_eq!(Reference::parse(text, &bases), None, "{text}");
        }
    }
}
