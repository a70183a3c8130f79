//! Comparing an element's value: with a fixed value, a pattern, the codes of a value set.

use serde_json::Value as Json;

use super::node::Node;
use super::table::Codes;

/// Whether a value is this one; numbers are compared as numbers.
pub(super) fn is_equal(value: &Json, fixed: &Json) -> bool {
    match (value, fixed) {
        (Json::Number(value), Json::Number(fixed)) => {
            let of = |number: &serde_json::Number| number.to_string().parse::<f64>().ok();
            of(value).is_some() && of(value) == of(fixed)
        }
        _ => value == fixed,
    }
}

/// Whether a value has all that a pattern has (R4, `ElementDefinition.pattern[x]`).
pub(super) fn has_pattern(value: &Json, pattern: &Json) -> bool {
    match (value, pattern) {
        (Json::Object(value), Json::Object(pattern)) => {
            pattern.iter().all(|(name, pattern)| value.get(name).is_some_and(|value| has_pattern(value, pattern)))
        }
        (Json::Array(value), Json::Array(pattern)) => {
            pattern.iter().all(|pattern| value.iter().any(|value| has_pattern(value, pattern)))
        }
        _ => is_equal(value, pattern),
    }
}

impl Codes {
    /// Whether a coding is in the value set. Of systems of which the table has no codes, each code is.
    fn has(&self, system: Option<&str>, code: &str) -> bool {
        let of = |(of, codes): &(&str, Option<Vec<&str>>)| {
            system.is_none_or(|system| system == *of) && codes.as_ref().is_none_or(|codes| codes.contains(&code))
        };
        self.0.iter().any(of)
    }
}

/// Whether an element has a code of the value set: a code, a Coding, a `CodeableConcept` or a Quantity.
pub(super) fn has_code(node: Node, codes: &Codes) -> bool {
    match node.json {
        Some(Json::String(code)) => codes.has(None, code),
        Some(Json::Object(value)) => {
            let of = |value: &serde_json::Map<String, Json>| {
                let text = |name: &str| value.get(name).and_then(Json::as_str);
                text("code").is_some_and(|code| text("system").is_some() && codes.has(text("system"), code))
            };
            match value.get("coding") {
                Some(Json::Array(codings)) => codings.iter().filter_map(Json::as_object).any(of),
                _ => of(value),
            }
        }
        // Only the other half is there: it has no value to compare.
        None => true,
        _ => false,
    }
}
