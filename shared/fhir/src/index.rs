//! The index of a resource: the values of its search parameters, taken out of its JSON once, at load.

mod element;
mod span;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::date::{Interval, Offsets, Told};
use super::parameters::SearchParameter;
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
    /// A date, a dateTime, an instant or a Period, as an [`Interval`], without zones other than UTC.
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
    /// A range of quantities, from and to; an end that is absent is open. So is a quantity with a `comparator`, whose value is not its
    /// number (R4 data types, "Quantity").
    Range {
        /// The least number as text. After `>` it is not included.
        low: Option<String>,
        /// The greatest number as text. After `<` it is not included.
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
    /// As [`Value::Date`], told by clocks of which one at least is not UTC.
    #[serde(with = "span::zoned")]
    ZonedDate {
        /// The first moment.
        low: i64,
        /// The last moment.
        high: i64,
        /// The clocks of both.
        offsets: Offsets,
    },
}

impl Value {
    /// A date with the clocks that tell it; `None` for any other value.
    pub fn told(&self) -> Option<Told> {
        match *self {
            Value::Date { low, high } => Some(Told { interval: Interval { low, high }, offsets: Offsets::default() }),
            Value::ZonedDate { low, high, offsets } => Some(Told { interval: Interval { low, high }, offsets }),
            _ => None,
        }
    }
}

impl From<Told> for Value {
    fn from(Told { interval: Interval { low, high }, offsets }: Told) -> Value {
        if offsets == Offsets::default() { Value::Date { low, high } } else { Value::ZonedDate { low, high, offsets } }
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
        walk(resource, path, &mut |element| element::extract(parameter.param_type, element, &mut found));
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
