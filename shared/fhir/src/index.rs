//! The index of a resource: the values of its search parameters, taken out of its JSON once, at load.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::date::Interval;
use super::parameters::{SearchParamType, SearchParameter};
use super::types::ResourceType;

/// One value of a search parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A Coding or Identifier.
    Token {
        /// Its system; empty where it has none.
        system: String,
        /// Its code or value.
        code: String,
        /// An Identifier's own types, as system and code; both are there.
        types: Vec<(String, String)>,
    },
    /// A `code`, boolean or string: the parameter's row says which system it is of.
    Code(String),
    /// A date, a dateTime, an instant or a Period, as an [`Interval`].
    #[serde(with = "span")]
    Date {
        /// The first moment.
        low: i64,
        /// The last moment.
        high: i64,
    },
    /// A reference as it stands in the resource: `Practitioner/1`, a canonical or another server's URL.
    Reference(String),
    /// A string.
    Text(String),
    /// A quantity or an amount of money.
    Quantity {
        /// The number as text, so that no digit is lost.
        number: String,
        /// How the amount compares to the number (`<`, `<=`, `>=`, `>`); empty where it is the number.
        comparator: String,
        /// The system of its unit.
        system: String,
        /// The code of its unit.
        code: String,
        /// The unit as people write it.
        unit: String,
    },
    /// A uri.
    Uri(String),
    /// A number, as text.
    Number(String),
    /// A range of quantities, from and to, both included; an end that is absent is open.
    Range {
        /// The least number as text.
        low: Option<String>,
        /// The greatest number as text.
        high: Option<String>,
        /// The system of its unit.
        system: String,
        /// The code of its unit.
        code: String,
        /// The unit as people write it.
        unit: String,
    },
    /// A coded element that has words only. It is there, so it is not missing (R4 search, "Modifiers"); no code matches it.
    Uncoded,
}

/// An interval as its first moment and how long it lasts: most last no time, a second or a day, and the same digits twice would
/// be the largest part of a small index.
mod span {
    use super::{Deserialize, Serialize};
    use serde::{Deserializer, Serializer};

    /// Of an interval without an end, so that all of them are the same bytes.
    const FOREVER: u64 = u64::MAX;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the fields over so")]
    pub fn serialize<S: Serializer>(low: &i64, high: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        let lasts = if *high == i64::MAX { FOREVER } else { high.wrapping_sub(*low).cast_unsigned() };
        (low, lasts).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(i64, i64), D::Error> {
        let (low, lasts) = <(i64, u64)>::deserialize(deserializer)?;
        Ok((low, if lasts == FOREVER { i64::MAX } else { low.wrapping_add(lasts.cast_signed()) }))
    }
}

/// The version of the index, kept with each: a stored index of another version is made anew from its resource. It is raised with
/// every change of the parameter table or of [`values`]; a test of this file notices such a change.
pub const VERSION: u32 = 2;

/// All values of one resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The [`VERSION`] that it was made by; 0 for an index of nothing.
    pub version: u32,
    /// Position in the type's parameter list, and its values.
    pub entries: Vec<(u16, Vec<Value>)>,
}

impl Index {
    /// Takes the values of every parameter of type `resource_type` out of `resource`.
    pub fn of(resource_type: &ResourceType, resource: &Json) -> Index {
        let entries = resource_type
            .parameters()
            .map(|(position, parameter)| (position, values(parameter, resource)))
            .filter(|(_, values)| !values.is_empty())
            .collect();
        Index { version: VERSION, entries }
    }

    /// The values of the parameter at `position` of the type's list.
    pub fn values(&self, position: u16) -> &[Value] {
        match self.entries.binary_search_by_key(&position, |(position, _)| *position) {
            Ok(found) => &self.entries[found].1,
            Err(_) => &[],
        }
    }
}

/// The values of one parameter in a resource.
pub fn values(parameter: &SearchParameter, resource: &Json) -> Vec<Value> {
    let mut found = Vec::new();
    for path in parameter.path.split(" | ") {
        walk(resource, path, &mut |element| extract(parameter.param_type, element, &mut found));
    }
    // `patient` and `subject` stand at the same path and differ by the types they may name.
    found.retain(|value| match value {
        Value::Reference(text) => {
            let resource_type = text.split_once('/').map_or("", |(resource_type, _)| resource_type);
            parameter.targets == ["*"]
                || parameter.targets.contains(&resource_type)
                || ResourceType::named(resource_type).is_none()
        }
        _ => true,
    });
    found
}

/// Calls `visit` with each element at `path`: property names joined by dots, arrays flattened, at most one condition in
/// parentheses a step (`telecom(system=phone).value`).
pub fn walk<'a>(element: &'a Json, path: &str, visit: &mut impl FnMut(&'a Json)) {
    if let Json::Array(items) = element {
        for item in items {
            walk(item, path, visit);
        }
        return;
    }
    if path.is_empty() {
        return visit(element);
    }
    let end = step_end(path);
    let (step, rest) = (&path[..end], path[end..].strip_prefix('.').unwrap_or_default());
    let (name, condition) = match step.split_once('(') {
        Some((name, condition)) => (name, condition.strip_suffix(')').and_then(|text| text.split_once('='))),
        None => (step, None),
    };
    let mut go = |child: &'a Json| {
        if condition.is_none_or(|(key, wanted)| child.get(key).and_then(Json::as_str) == Some(wanted)) {
            walk(child, rest, visit);
        }
    };
    match element.get(name) {
        Some(Json::Array(items)) => items.iter().for_each(&mut go),
        Some(child) => go(child),
        None => {}
    }
}

/// Where the first step of a path ends: at the first dot outside parentheses (an extension's URL holds dots).
fn step_end(path: &str) -> usize {
    let mut depth = 0;
    for (position, byte) in path.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'.' if depth == 0 => return position,
            _ => {}
        }
    }
    path.len()
}

fn text<'a>(element: &'a Json, name: &str) -> Option<&'a str> {
    element.get(name).and_then(Json::as_str)
}

fn owned(element: &Json, name: &str) -> String {
    text(element, name).unwrap_or_default().to_owned()
}

/// The values of an element, by the parameter's kind and the element's shape.
fn extract(param_type: SearchParamType, element: &Json, found: &mut Vec<Value>) {
    match param_type {
        SearchParamType::Token => {
            let before = found.len();
            tokens(element, found);
            if element.is_object() && found.len() == before {
                found.push(Value::Uncoded);
            }
        }
        SearchParamType::Date => {
            found.extend(interval(element).map(|Interval { low, high }| Value::Date { low, high }));
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
        let (system, code) = (owned(unit, "system"), owned(unit, "code"));
        return known.then(|| Value::Range { low, high, system, code, unit: owned(unit, "unit") });
    }
    // Money has a currency where a Quantity has a unit and a code.
    let currency = text(element, "currency");
    Some(Value::Quantity {
        number: number(element)?,
        comparator: owned(element, "comparator"),
        system: currency.map_or_else(|| owned(element, "system"), |_| "urn:iso:std:iso:4217".to_owned()),
        code: currency.map_or_else(|| owned(element, "code"), str::to_owned),
        unit: owned(element, "unit"),
    })
}

fn interval(element: &Json) -> Option<Interval> {
    if let Some(text) = element.as_str() {
        return Interval::parse(text);
    }
    // A Timing: from its first event to its last, or its bounds.
    if let Some(events) = element.get("event").and_then(Json::as_array) {
        let events: Vec<Interval> = events.iter().filter_map(interval).collect();
        let (low, high) = (events.iter().map(|event| event.low).min()?, events.iter().map(|event| event.high).max()?);
        return Some(Interval { low, high });
    }
    if let Some(bounds) = element.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")) {
        return interval(bounds);
    }
    Interval::period(text(element, "start"), text(element, "end"))
}

#[cfg(test)]
mod tests;
