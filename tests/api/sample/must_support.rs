//! The must-support elements of a guide's profiles that a set of resources fills.
//!
//! The facts come from the guides' snapshots: one JSON file per profile, its elements by their ids, for example
//! `Patient.identifier:memberid.value`. A slice is known by its own pattern or by those below it, an extension by its
//! url, and a choice by the name of the property. If a guide slices by a value set, a slice is known by the codes of
//! that set.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

/// One profile of a guide.
struct Profile {
    name: String,
    kind: String,
    canonical: String,
    version: String,
    base: String,
    elements: BTreeMap<String, Json>,
}

/// The result for one profile.
pub struct Coverage {
    pub profile: String,
    pub resources: usize,
    pub elements: usize,
    /// The ids of the elements that nothing fills.
    pub missing: Vec<String>,
}

/// Measures the resources against every profile in the guide's folder that profiles one of the `kinds`.
pub fn measure(folder: &Path, kinds: &[&str], resources: &[Json]) -> Vec<Coverage> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let profiles: Vec<Profile> = files.iter().map(|file| read(file)).collect();
    profiles
        .iter()
        .filter(|profile| kinds.contains(&profile.kind.as_str()))
        .map(|p| covered(p, &profiles, resources))
        .collect()
}

fn read(file: &Path) -> Profile {
    let profile: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let text = |name: &str| profile[name].as_str().unwrap_or_default().to_owned();
    let elements = profile["elements"].as_array().unwrap().iter();
    Profile {
        name: text("id"),
        kind: text("type"),
        canonical: text("url"),
        version: text("version"),
        base: text("base"),
        elements: elements.map(|e| (e["id"].as_str().unwrap().to_owned(), e.clone())).collect(),
    }
}

fn covered(profile: &Profile, all: &[Profile], resources: &[Json]) -> Coverage {
    // A resource that claims a profile also claims the profiles that it is derived from.
    let mut family = vec![profile];
    while let Some(more) = all.iter().find(|p| {
        let derived = family.iter().any(|f| f.canonical == unversioned(&p.base));
        derived && family.iter().all(|f| f.canonical != p.canonical)
    }) {
        family.push(more);
    }
    let claims = |resource: &&Json| {
        let claimed = resource["meta"]["profile"].as_array().into_iter().flatten().filter_map(Json::as_str);
        claimed.into_iter().any(|claim| {
            family.iter().any(|p| claim == p.canonical || claim == format!("{}|{}", p.canonical, p.version))
        })
    };
    let instances: Vec<&Json> = resources.iter().filter(claims).collect();
    let supported = |e: &&Json| (e["ms"] == true || e["uscdi"] == true) && e["id"].as_str().unwrap().contains('.');
    let wanted: Vec<&Json> = profile.elements.values().filter(supported).collect();
    let filled = |e: &Json| {
        let id = e["id"].as_str().unwrap();
        instances.iter().any(|r| {
            let values = profile.values(r, id);
            pattern(e).map_or(!values.is_empty(), |wanted| values.iter().any(|value| matches(wanted, value)))
        })
    };
    let missing = wanted.iter().filter(|e| !filled(e)).map(|e| e["id"].as_str().unwrap().to_owned()).collect();
    Coverage { profile: profile.name.clone(), resources: instances.len(), elements: wanted.len(), missing }
}

fn unversioned(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or_default()
}

/// The pattern or fixed value of an element.
fn pattern(element: &Json) -> Option<&Json> {
    let fields = element.as_object()?;
    fields.iter().find(|(name, _)| name.starts_with("pattern") || name.starts_with("fixed")).map(|(_, value)| value)
}

/// Whether the value has all that the pattern has.
fn matches(pattern: &Json, value: &Json) -> bool {
    match (pattern, value) {
        (Json::Object(wanted), Json::Object(has)) => {
            wanted.iter().all(|(name, w)| has.get(name).is_some_and(|h| matches(w, h)))
        }
        (Json::Array(wanted), Json::Array(has)) => wanted.iter().all(|w| has.iter().any(|h| matches(w, h))),
        _ => pattern == value,
    }
}

/// The values of a property; `value[x]` stands for a property of any type.
fn children<'a>(node: &'a Json, name: &str) -> Vec<&'a Json> {
    let Some(fields) = node.as_object() else { return Vec::new() };
    let is_it = |key: &str| match name.strip_suffix("[x]") {
        Some(stem) => key.strip_prefix(stem).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())),
        None => key == name,
    };
    let of = |value: &'a Json| match value {
        Json::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    fields.iter().filter(|(key, _)| is_it(key)).flat_map(|(_, value)| of(value)).collect()
}

impl Profile {
    /// The values of the element in the resource.
    fn values<'a>(&self, resource: &'a Json, id: &str) -> Vec<&'a Json> {
        let mut found = vec![resource];
        let mut parts = id.split('.');
        let mut at = parts.next().unwrap_or_default().to_owned();
        let parts: Vec<&str> = parts.collect();
        for (i, part) in parts.iter().enumerate() {
            let (name, slice) = part.split_once(':').map_or((*part, None), |(name, slice)| (name, Some(slice)));
            at = format!("{at}.{part}");
            // A choice is sliced by its type, which is part of the property's name.
            let property = slice.filter(|_| name.ends_with("[x]")).unwrap_or(name);
            // Extensions of a primitive are beside it, under a name with an underscore.
            let beside = parts.get(i + 1).is_some_and(|next| next.starts_with("extension"));
            let mut next: Vec<&Json> = found.iter().flat_map(|node| children(node, property)).collect();
            if beside {
                next.extend(found.iter().flat_map(|node| children(node, &format!("_{property}"))));
            }
            if slice.is_some() && !name.ends_with("[x]") {
                next.retain(|value| self.in_slice(value, &at));
            }
            found = next;
        }
        found
    }

    fn in_slice(&self, value: &Json, slice: &str) -> bool {
        let element = self.elements.get(slice).unwrap_or(&Json::Null);
        if let Some(wanted) = pattern(element) {
            return matches(wanted, value);
        }
        if let Some(url) = element["type"][0]["profile"][0].as_str().filter(|_| slice.contains(".extension:")) {
            return value["url"] == unversioned(url);
        }
        if element["binding"]["complete"] == true {
            return has_code_of(value, &element["binding"]["list"]);
        }
        let below = format!("{slice}.");
        let fields: Vec<(&str, &Json)> =
            self.elements.iter().filter_map(|(id, e)| Some((id.strip_prefix(&below)?, e))).collect();
        let telling: Vec<(&str, &Json)> = fields
            .iter()
            .filter(|(path, _)| !path.contains([':', '[']))
            .filter_map(|(path, e)| Some((*path, pattern(e)?)))
            .collect();
        if !telling.is_empty() {
            return telling.iter().all(|(path, wanted)| {
                let found = path
                    .split('.')
                    .fold(vec![value], |nodes, name| nodes.iter().flat_map(|node| children(node, name)).collect());
                found.iter().any(|value| matches(wanted, value))
            });
        }
        if let Some((path, e)) = fields.iter().find(|(path, e)| !path.contains('.') && e["binding"]["complete"] == true)
        {
            return children(value, path).iter().any(|value| has_code_of(value, &e["binding"]["list"]));
        }
        // PDex 2.0.0 names a slice after the code of its category, and gives no pattern.
        let name = slice.rsplit(':').next().unwrap_or_default();
        assert!(value["category"].is_object(), "{}: {slice} cannot be told", self.name);
        value["category"]["coding"]
            .as_array()
            .is_some_and(|codings| codings.iter().any(|coding| coding["code"] == name))
    }
}

fn has_code_of(concept: &Json, list: &Json) -> bool {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    concept["coding"].as_array().is_some_and(|codings| codings.iter().any(|coding| list.contains(&coding["code"])))
}
