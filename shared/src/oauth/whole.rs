//! Granular scopes that look like a part of a resource type and come to all of it, one by one or together.

use std::collections::BTreeMap;

use crate::fhir::value_sets::are_all;
use crate::scope::ResourceScope;

/// Whether these granular scopes of one resource type together admit all its resources: each lists values of codes, and
/// the lists add up to everything that the element can be.
pub(super) fn is_whole(resource_type: &str, scopes: &[&ResourceScope]) -> bool {
    // The lists of values that scopes hold to one parameter alone. Those of several scopes add up.
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for scope in scopes {
        let mut pairs = scope.granular().unwrap_or_default();
        // A parameter whose values are all that there are narrows nothing.
        pairs.retain(|(name, value)| !are_all(resource_type, name, &[value]));
        match <[_; 1]>::try_from(pairs) {
            Ok([(name, value)]) => lists.entry(name).or_default().push(value),
            Err(pairs) if pairs.is_empty() => return true,
            Err(_) => {}
        }
    }
    lists
        .iter()
        .any(|(name, values)| are_all(resource_type, name, &values.iter().map(String::as_str).collect::<Vec<_>>()))
}
