//! From an element to the values of a search parameter.

use serde_json::Value as Json;

use super::{Value, walk};
use crate::date::Told;
use crate::parameters::SearchParamType;

fn text<'a>(element: &'a Json, name: &str) -> Option<&'a str> {
    element.get(name).and_then(Json::as_str)
}

fn owned(element: &Json, name: &str) -> String {
    text(element, name).unwrap_or_default().to_owned()
}

/// The values of an element, by the parameter's kind and the element's shape.
pub(super) fn extract(param_type: SearchParamType, element: &Json, found: &mut Vec<Value>) {
    match param_type {
        SearchParamType::Token => {
            let before = found.len();
            tokens(element, found);
            if element.is_object() && found.len() == before {
                found.push(Value::Uncoded);
            }
        }
        SearchParamType::Date => {
            found.extend(told(element).map(Value::from));
        }
        SearchParamType::Reference => references(element, found),
        SearchParamType::String => strings(element, found),
        SearchParamType::Quantity => found.extend(quantity(element)),
        SearchParamType::Uri => found.extend(element.as_str().map(|text| Value::Uri(text.to_owned()))),
        SearchParamType::Number => found.extend(element.is_number().then(|| Value::Number(element.to_string()))),
    }
}

fn tokens(element: &Json, found: &mut Vec<Value>) {
    let token =
        |system: &str, code: &str, types| Value::Token { system: system.to_owned(), code: code.to_owned(), types };
    match element {
        Json::String(code) => found.push(Value::Code(code.clone())),
        Json::Bool(flag) => found.push(Value::Code(flag.to_string())),
        Json::Object(_) => {
            if let Some(codings) = element.get("coding").and_then(Json::as_array) {
                for coding in codings {
                    tokens(coding, found);
                }
            } else if let Some(code) = text(element, "code") {
                found.push(token(text(element, "system").unwrap_or_default(), code, vec![]));
            } else if let Some(value) = text(element, "value") {
                // A ContactPoint's system says what it is (phone, email); only an Identifier's is a namespace.
                let system = text(element, "system").unwrap_or_default();
                let point = matches!(system, "phone" | "fax" | "email" | "pager" | "url" | "sms" | "other");
                found.push(token(if point { "" } else { system }, value, types(element)));
            }
        }
        _ => {}
    }
}

/// The types of an Identifier. Those without a system or a code cannot be asked for (R4 search, "Modifiers").
fn types(identifier: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(identifier, "type.coding", &mut |coding| {
        let both = text(coding, "system").zip(text(coding, "code"));
        found.extend(both.map(|(system, code)| (system.to_owned(), code.to_owned())));
    });
    found
}

fn references(element: &Json, found: &mut Vec<Value>) {
    if let Some(reference) = element.as_str().or_else(|| text(element, "reference")) {
        found.push(Value::Reference(reference.to_owned()));
    }
    // `:identifier` searches the logical reference (R4 search, "Reference").
    if let Some(identifier) = element.get("identifier") {
        tokens(identifier, found);
    }
}

fn strings(element: &Json, found: &mut Vec<Value>) {
    match element {
        Json::String(text) => found.push(Value::Text(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| strings(item, found)),
        // The parts of a HumanName and of an Address.
        Json::Object(parts) => {
            for name in [
                "text",
                "family",
                "given",
                "prefix",
                "suffix",
                "line",
                "city",
                "district",
                "state",
                "postalCode",
                "country",
            ] {
                if let Some(part) = parts.get(name) {
                    strings(part, found);
                }
            }
        }
        _ => {}
    }
}

fn quantity(element: &Json) -> Option<Value> {
    let number = |end: &Json| end.get("value").filter(|value| value.is_number()).map(ToString::to_string);
    let (low, high) = (element.get("low"), element.get("high"));
    if let Some(unit) = low.or(high) {
        let (low, high) = (low.and_then(number), high.and_then(number));
        let known = low.is_some() || high.is_some();
        return known.then(|| range(low, high, unit));
    }
    let number = number(element)?;
    if let Some(comparator) = text(element, "comparator") {
        let (low, high) = match comparator {
            "<" | "<=" => (None, Some(number)),
            ">" | ">=" => (Some(number), None),
            // R4 knows no other: the value is not known.
            _ => (None, None),
        };
        let end = |number: Option<String>, excluded: &str| {
            number.map(|number| if comparator == excluded { format!("{excluded}{number}") } else { number })
        };
        return Some(range(end(low, ">"), end(high, "<"), element));
    }
    // Money has a currency where a Quantity has a unit and a code.
    let currency = text(element, "currency");
    Some(Value::Quantity {
        number,
        system: currency.map_or_else(|| owned(element, "system"), |_| "urn:iso:std:iso:4217".to_owned()),
        code: currency.map_or_else(|| owned(element, "code"), str::to_owned),
        unit: owned(element, "unit"),
    })
}

/// A range in the unit of this quantity.
fn range(low: Option<String>, high: Option<String>, unit: &Json) -> Value {
    Value::Range { low, high, system: owned(unit, "system"), code: owned(unit, "code"), unit: owned(unit, "unit") }
}

fn told(element: &Json) -> Option<Told> {
    if let Some(text) = element.as_str() {
        return Told::at(text);
    }
    // A Timing: from its first event to its last, or its bounds.
    if let Some(events) = element.get("event").and_then(Json::as_array) {
        let events: Vec<Told> = events.iter().filter_map(told).collect();
        let first = events.iter().min_by_key(|event| event.interval.low)?;
        let last = events.iter().max_by_key(|event| event.interval.high)?;
        return Some(Told::between(first, last));
    }
    if let Some(bounds) = element.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")) {
        return told(bounds);
    }
    Told::period(text(element, "start"), text(element, "end"))
}
