//! Rules with names that mend a resource. Each leaves its meaning as it was.

use serde_json::{Map, Value as Json};

/// The rule that drops what says nothing.
pub(super) const EMPTY: &str = "empty";

/// Drops null and empty properties, which R4 does not allow (json.html: "objects and arrays are never empty, properties never
/// null, strings never empty"). Returns whether there were any.
pub(super) fn drop_empty(resource: &mut Json) -> bool {
    let Json::Object(properties) = resource else { return false };
    let mut dropped = false;
    object(properties, &mut dropped);
    dropped
}

fn says_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(properties) => properties.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// The name of the property that holds the other half of a primitive element: `_given` of `given`, and the reverse.
fn twin(name: &str) -> String {
    name.strip_prefix('_').map_or_else(|| format!("_{name}"), str::to_owned)
}

fn object(properties: &mut Map<String, Json>, dropped: &mut bool) {
    let lists: Vec<String> =
        properties.iter().filter(|(_, value)| value.is_array()).map(|(name, _)| name.clone()).collect();
    let is_paired = |name: &str| lists.contains(&twin(name));
    for (name, value) in &mut *properties {
        match value {
            Json::Object(inner) => object(inner, dropped),
            Json::Array(items) => list(items, !lists.is_empty() && is_paired(name), dropped),
            _ => {}
        }
    }
    let before = properties.len();
    if properties.values().any(says_nothing) {
        properties.retain(|_, value| !says_nothing(value));
    }
    *dropped |= properties.len() < before;
}

/// In a list that is `paired` with its twin, a place without a value is null, and stays.
fn list(items: &mut Vec<Json>, paired: bool, dropped: &mut bool) {
    for item in &mut *items {
        match item {
            Json::Object(inner) => object(inner, dropped),
            Json::Array(inner) => list(inner, false, dropped),
            _ => {}
        }
        if paired && !item.is_null() && says_nothing(item) {
            *item = Json::Null;
            *dropped = true;
        }
    }
    let before = items.len();
    if !paired || items.iter().all(Json::is_null) {
        items.retain(|item| !says_nothing(item));
    }
    *dropped |= items.len() < before;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_says_nothing_is_dropped_and_a_place_in_a_paired_list_stays() {
        for (sent, kept) in [
            (json!({"a": null, "b": "", "c": [], "d": {}, "e": 0, "f": false}), json!({"e": 0, "f": false})),
            (json!({"a": [{"b": [{}]}, {"c": null}], "d": {"e": {"f": ""}}}), json!({})),
            (json!({"given": ["", "x", null]}), json!({"given": ["x"]})),
            (
                json!({"given": [null, "x"], "_given": [{"id": "1"}, null]}),
                json!({"given": [null, "x"], "_given": [{"id": "1"}, null]}),
            ),
            (
                json!({"given": ["", "x"], "_given": [{"id": "1"}, {}]}),
                json!({"given": [null, "x"], "_given": [{"id": "1"}, null]}),
            ),
            (json!({"given": ["x"], "_given": [null]}), json!({"given": ["x"]})),
        ] {
            let mut mended = sent.clone();
            assert_eq!(drop_empty(&mut mended), sent != kept);
            assert_eq!(mended, kept);
        }
    }
}
