//! The values by which an example must be found: R4's search rules, written a second time, over the parameter's path.

use serde_json::Value as Json;
use shared::fhir::parameters::Coded;
use shared::fhir::parameters::{SearchParamType, SearchParameter};

/// The elements at `path` (see the path grammar of `shared::fhir::parameters`), one name at a time from the front.
pub fn elements<'a>(from: &'a Json, path: &str) -> Vec<&'a Json> {
    let mut found: Vec<&Json> = vec![from];
    let (mut rest, mut depth, mut step) = (path.chars(), 0, String::new());
    loop {
        let next = rest.next();
        depth += i32::from(next == Some('(')) - i32::from(next == Some(')'));
        if let Some(c) = next.filter(|c| *c != '.' || depth > 0) {
            step.push(c);
            continue;
        }
        let (name, condition) = step.split_once('(').unwrap_or((&step, ""));
        let condition = condition.trim_end_matches(')').split_once('=');
        let children = found.into_iter().filter_map(|element| element.get(name));
        let flat = children.flat_map(|child| child.as_array().map_or(vec![child], |items| items.iter().collect()));
        found = flat.filter(|child| condition.is_none_or(|(key, wanted)| child[key] == wanted)).collect();
        step.clear();
        if next.is_none() {
            return found;
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if ",|$\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

/// A string property.
pub fn text<'a>(element: &'a Json, name: &str) -> Option<&'a str> {
    element.get(name).and_then(Json::as_str)
}

/// Queries (modifier and value) that must find the element, or the reason why there are none.
pub type Queries = Result<Vec<(&'static str, String)>, &'static str>;

/// The queries of an element at the parameter's path, in a resource of the member `owner`.
pub fn queries(parameter: &SearchParameter, element: &Json, owner: &str) -> Queries {
    match parameter.param_type {
        SearchParamType::Token => tokens(element, parameter.coded),
        SearchParamType::Date => dates(element),
        SearchParamType::Reference => references(parameter, element, owner),
        SearchParamType::String => {
            let words = strings(element);
            let found = words.iter().filter(|word| !word.trim().is_empty()).flat_map(|word| {
                let start: String = word.chars().take(4).collect();
                [(":exact", escaped(word)), ("", escaped(&start.to_uppercase())), (":contains", escaped(word))]
            });
            Ok(found.collect())
        }
        SearchParamType::Quantity => {
            let number = element["value"].as_number().ok_or("a Range, or a quantity without a value")?;
            let unit = text(element, "system").zip(text(element, "code"));
            let exact = unit.map(|(system, code)| ("", format!("{number}|{}|{}", escaped(system), escaped(code))));
            Ok(exact.into_iter().chain([("", number.to_string())]).collect())
        }
        SearchParamType::Uri => Ok(element.as_str().map(|uri| ("", escaped(uri))).into_iter().collect()),
        SearchParamType::Number => Ok(vec![("", element.to_string())]),
    }
}

fn tokens(element: &Json, coded: Coded) -> Queries {
    let pair = |system: Option<&str>, code: &str| {
        let with_system = system.map(|system| ("", format!("{}|{}", escaped(system), escaped(code))));
        [("", escaped(code))].into_iter().chain(with_system).collect::<Vec<_>>()
    };
    // A `code` has the system of its binding; a string has none (R4).
    let implied = if let Coded::Implied(system) = coded { system } else { "" };
    match element {
        Json::String(code) => Ok(pair(Some(implied), code)),
        Json::Bool(flag) => Ok(pair(Some(implied), &flag.to_string())),
        Json::Object(parts) if parts.contains_key("coding") => {
            let codings = element["coding"].as_array().unwrap();
            let codes = codings.iter().filter_map(|coding| Some(pair(text(coding, "system"), text(coding, "code")?)));
            Ok(codes.flatten().collect())
        }
        Json::Object(parts) if parts.contains_key("code") => {
            Ok(pair(text(element, "system"), text(element, "code").unwrap_or_default()))
        }
        Json::Object(parts) if parts.contains_key("value") => {
            let value = text(element, "value").unwrap_or_default();
            // The system of a ContactPoint is no URI.
            let system = text(element, "system").filter(|system| system.contains(':'));
            let types = element["type"]["coding"].as_array().into_iter().flatten().filter_map(|coding| {
                let (system, code) = (escaped(text(coding, "system")?), escaped(text(coding, "code")?));
                Some((":of-type", format!("{system}|{code}|{}", escaped(value))))
            });
            Ok(pair(system, value).into_iter().chain(types).collect())
        }
        _ => Err("a concept of words alone, or an element of extensions alone"),
    }
}

fn dates(element: &Json) -> Queries {
    if let Some(date) = element.as_str() {
        return Ok(vec![("", date.to_owned()), ("", format!("ge{date}")), ("", format!("le{date}"))]);
    }
    let start = text(element, "start").map(|start| ("", format!("ge{start}")));
    let end = text(element, "end").map(|end| ("", format!("le{end}")));
    let found: Vec<_> = start.into_iter().chain(end).collect();
    if found.is_empty() { Err("a Timing") } else { Ok(found) }
}

fn references(parameter: &SearchParameter, element: &Json, owner: &str) -> Queries {
    let Some(reference) = element.as_str().or_else(|| text(element, "reference")) else {
        let identifier = element.get("identifier").ok_or("a reference by its display alone")?;
        let found = tokens(identifier, Coded::AsWritten)?.into_iter().filter(|(modifier, _)| modifier.is_empty());
        return Ok(found.map(|(_, value)| (":identifier", value)).collect());
    };
    if reference.starts_with('#') {
        return Err("a reference to a contained resource");
    }
    match reference.split_once('/') {
        Some((kind, id)) if !reference.contains(':') => {
            if kind == "Patient" && id != owner {
                return Err("a reference to another member, by whom nobody may search");
            }
            if parameter.targets != ["*"] && !parameter.targets.contains(&kind) {
                return Err("a reference to a type that the parameter does not search");
            }
            Ok(vec![("", reference.to_owned()), ("", id.to_owned())])
        }
        _ => Ok(vec![("", escaped(reference))]),
    }
}

fn strings(element: &Json) -> Vec<String> {
    match element {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(strings).collect(),
        Json::Object(parts) => {
            let parts =
                parts.iter().filter(|(name, _)| !["use", "type", "period", "extension"].contains(&name.as_str()));
            parts.filter(|(name, _)| !name.starts_with('_')).flat_map(|(_, part)| strings(part)).collect()
        }
        _ => vec![],
    }
}

/// Values that must not find an example with the value `own`: values of no example, and its own code with another
/// system.
pub fn others(parameter: &SearchParameter, own: &str) -> Vec<(&'static str, String)> {
    let other = match (parameter.param_type, parameter.coded) {
        (SearchParamType::Token, Coded::Implied(_)) => {
            return ["http://nowhere.example", ""].map(|system| ("", format!("{system}|{own}"))).into();
        }
        (SearchParamType::Token, Coded::Identifier) => {
            let of_type = (":of-type", format!("http://nowhere.example|no-such-type|{own}"));
            return vec![of_type, ("", "http://nowhere.example|no-such-value".to_owned())];
        }
        (SearchParamType::Token, Coded::AsWritten) => ("", "http://nowhere.example|no-such-code".to_owned()),
        (SearchParamType::Date, _) => ("", "1900-01-01".to_owned()),
        (SearchParamType::String, _) => (":exact", "no such text".to_owned()),
        (SearchParamType::Quantity | SearchParamType::Number, _) => ("", "987654".to_owned()),
        (SearchParamType::Uri, _) => ("", "http://nowhere.example/other".to_owned()),
        (SearchParamType::Reference, _) if parameter.targets == ["Patient"] => ("", "Patient/no-such-id".to_owned()),
        (SearchParamType::Reference, _) => {
            let kind = parameter.targets.iter().find(|kind| **kind != "Patient" && **kind != "*");
            return kind.map(|kind| ("", format!("{kind}/no-such-id"))).into_iter().collect();
        }
    };
    vec![other]
}
