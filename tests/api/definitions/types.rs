//! The table of R4's resource types and datatypes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;
use shared::fhir::types::TYPES;

use super::dictionary::Dictionary;
use super::packages::Packages;

/// The types that others are made from, and which no resource names itself.
const ABSTRACT: [&str; 2] = ["Resource", "DomainResource"];

/// Types that are not served, and that resources of a record contain.
const CONTAINED: [&str; 3] = ["HealthcareService", "Substance", "ValueSet"];

/// The types of the table: those that are served or contained, and all datatypes with elements.
fn types(packages: &Packages) -> BTreeSet<&str> {
    let is_complex = |name: &&str| packages.base(name).is_some_and(|defined| defined["kind"] == "complex-type");
    let served = TYPES.iter().map(|row| row.name);
    served.chain(ABSTRACT).chain(CONTAINED).chain(packages.datatypes().filter(is_complex)).collect()
}

/// The table, and what its elements name.
pub(super) fn table(packages: &Packages) -> (String, Dictionary) {
    let (mut text, mut dictionary) = (String::new(), Dictionary::default());
    for name in types(packages) {
        let defined = packages.base(name).unwrap_or_else(|| panic!("R4 defines {name}"));
        type_lines(packages, defined, (&mut text, &mut dictionary));
    }
    // A profile of Quantity that R4's own elements are of.
    text += "type SimpleQuantity < Quantity\n comparator 0..0 code\n";
    text += &dictionary.lines();
    (text, dictionary)
}

fn type_lines(packages: &Packages, defined: &Json, (text, dictionary): (&mut String, &mut Dictionary)) {
    let name = defined["type"].as_str().unwrap_or_default();
    let elements = defined["snapshot"]["element"].as_array().expect("it has elements");
    let path = |element: &Json| element["path"].as_str().unwrap_or_default().to_owned();
    let within = |element: &Json| path(element).rsplit_once('.').map(|(within, _)| within.to_owned());
    let with_parts: BTreeSet<String> = elements.iter().filter_map(within).collect();
    let mut parts = BTreeMap::<String, Vec<&Json>>::new();
    for element in elements {
        if let Some(within) = within(element) {
            parts.entry(within).or_default().push(element);
        }
    }
    for whole in elements.iter().filter(|element| with_parts.contains(&path(element)) || path(element) == name) {
        let of = path(whole);
        let parent = if of == name {
            defined["baseDefinition"].as_str().and_then(|url| url.rsplit('/').next()).map(str::to_owned)
        } else {
            whole["type"][0]["code"].as_str().map(str::to_owned)
        };
        let base = parent.as_deref().and_then(|parent| packages.base(parent));
        let base_root = base.map(|base| &base["snapshot"]["element"][0]);
        let parent = parent.filter(|parent| parent != "Element" || of != "Element");
        write!(text, "type {of}").expect("text grows");
        if let Some(parent) = parent {
            write!(text, " < {parent}").expect("text grows");
        }
        for invariant in dictionary.invariants(packages, None, whole, base_root) {
            write!(text, " !{invariant}").expect("text grows");
        }
        text.push('\n');
        for element in parts.get(&of).into_iter().flatten().filter(|element| is_own(element, name)) {
            element_line(packages, element, &with_parts, (text, dictionary));
        }
    }
}

/// Whether the type has the element of its own, and not of the type that it is made from.
fn is_own(element: &Json, name: &str) -> bool {
    element["base"]["path"].as_str().is_none_or(|path| path.split('.').next() == Some(name))
}

fn element_line(
    packages: &Packages,
    element: &Json,
    with_parts: &BTreeSet<String>,
    (text, dictionary): (&mut String, &mut Dictionary),
) {
    let path = element["path"].as_str().unwrap_or_default();
    let name = path.rsplit('.').next().unwrap_or_default();
    let (min, max) = (&element["min"], element["max"].as_str().unwrap_or_default());
    let types = match element["contentReference"].as_str() {
        Some(other) => other.rsplit('#').next().unwrap_or_default().to_owned(),
        None if with_parts.contains(path) => path.to_owned(),
        None => {
            type_names(element, &|url| super::packages::bare(url).rsplit('/').next().unwrap_or_default().to_owned())
        }
    };
    write!(text, " {name} {min}..{max} {types}").expect("text grows");
    if let Some(codes) = dictionary.binding(packages, None, element) {
        write!(text, " #{codes}").expect("text grows");
    }
    // A part's own invariants are its type's.
    if !with_parts.contains(path) {
        let code = element["type"][0]["code"].as_str().unwrap_or_default();
        let of_type = packages.base(code).map(|defined| &defined["snapshot"]["element"][0]);
        for invariant in dictionary.invariants(packages, None, element, of_type) {
            write!(text, " !{invariant}").expect("text grows");
        }
    }
    text.push('\n');
}

/// The types of an element, as a table writes them: `code,Reference(Patient/Group)`. `target` is the resource type that a profile is of.
pub(super) fn type_names(element: &Json, target: &dyn Fn(&str) -> String) -> String {
    let of = |kind: &Json| {
        let profiles = kind["profile"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let simple = profiles.into_iter().any(|profile| profile.contains("SimpleQuantity"));
        let code = kind["code"].as_str().unwrap_or_default();
        let mut targets = BTreeSet::new();
        for profile in kind["targetProfile"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            targets.insert(target(profile));
        }
        match code {
            "Quantity" if simple => "SimpleQuantity".to_owned(),
            "Reference" if !targets.is_empty() && !targets.contains("Resource") => {
                format!("Reference({})", targets.into_iter().collect::<Vec<_>>().join("/"))
            }
            // FHIRPath's own type stands where R4 has an id, or the URL of an extension.
            "http://hl7.org/fhirpath/System.String" => {
                let fhir = kind["extension"].as_array().into_iter().flatten();
                let url = fhir.into_iter().find_map(|extension| extension["valueUrl"].as_str());
                url.unwrap_or("string").to_owned()
            }
            _ => code.to_owned(),
        }
    };
    element["type"].as_array().into_iter().flatten().map(of).collect::<Vec<_>>().join(",")
}
