//! Which properties of a resource belong to its summary, and which are always there.

use serde_json::{Map, Value as Json};

use crate::types::ResourceType;

/// Whether the type's summary has this property (R4 search, "Summary": `true`).
pub fn in_summary(resource_type: &ResourceType, property: &str) -> bool {
    lists(resource_type.summary, property)
}

/// Whether the type must have this property.
pub fn is_mandatory(resource_type: &ResourceType, property: &str) -> bool {
    lists(resource_type.mandatory, property)
}

/// Takes out of the elements of a summary what is not summary inside them.
pub fn cut_within(resource_type: &ResourceType, resource: &mut Map<String, Json>) {
    for (path, parts) in resource_type.parts {
        cut(resource, path, parts);
    }
}

fn cut(element: &mut Map<String, Json>, path: &str, parts: &str) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let children: Vec<&mut Json> = match element.get_mut(name) {
        Some(Json::Array(items)) => items.iter_mut().collect(),
        Some(child) => vec![child],
        None => return,
    };
    for child in children.into_iter().filter_map(Json::as_object_mut) {
        match rest {
            Some(rest) => cut(child, rest, parts),
            // An extension that changes the meaning belongs to every summary.
            None => child.retain(|name, _| name == "modifierExtension" || lists(parts, name)),
        }
    }
}

/// Whether the list of elements has the one that this property is part of.
fn lists(elements: &str, property: &str) -> bool {
    elements.split(' ').any(|element| is(element, property))
}

/// Whether JSON writes the element as this property. A choice of types ends with the type's name, and the extensions of a
/// primitive value stand under its name behind `_`.
fn is(element: &str, property: &str) -> bool {
    let property = property.strip_prefix('_').unwrap_or(property);
    match element.strip_suffix("[x]") {
        Some(start) => {
            property.strip_prefix(start).is_some_and(|end| end.starts_with(|c: char| c.is_ascii_uppercase()))
        }
        None => property == element,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_and_extensions_of_values_belong_to_their_element() {
        let observation = ResourceType::named("Observation").unwrap();
        for property in ["valueQuantity", "valueString", "_valueString", "status", "_status"] {
            assert!(in_summary(observation, property), "{property}");
        }
        for property in ["value", "values", "note", "text", "contained", "referenceRange"] {
            assert!(!in_summary(observation, property), "{property}");
        }
        assert!(is_mandatory(observation, "status") && !is_mandatory(observation, "valueQuantity"));
    }
}
