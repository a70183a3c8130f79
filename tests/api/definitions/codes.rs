//! The codes of a value set, as far as a table may know them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use shared::fhir::guides::Guides;

use super::packages::{Packages, bare};

/// Code systems of others, whose codes are not ours to list: of them a table knows the system alone. Each is the beginning of a URL.
const NOT_LISTED: &[&str] = &[
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.ama-assn.org/go/cpt",
    "http://www.ada.org/",
    "http://terminology.hl7.org/CodeSystem/ADA",
    "https://www.nubc.org/",
    "https://x12.org/",
    "https://codesystem.x12.org/",
    "http://terminology.hl7.org/CodeSystem/NCPDP",
    "http://nucc.org/",
    "http://hl7.org/fhir/sid/",
    "https://www.cms.gov/",
    "http://www.cms.gov/",
    "http://uri.hddaccess.com/",
    "urn:iso:std:iso:",
    "urn:iso:",
    "urn:ietf:bcp:",
];

/// Value sets that are published elsewhere, and what is known of them: the system of their codes.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.114222.4.11.1066", &["http://nucc.org/provider-taxonomy"]),
    (
        "http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.113762.1.4.1240.3",
        &["http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem/data-absent-reason"],
    ),
    ("http://terminology.hl7.org/ValueSet/v3-UnitsOfMeasureCaseSensitive", &["http://unitsofmeasure.org"]),
    ("https://valueset.x12.org/x217/005010/request/2000E/UM/1/06/00/1338", &["https://codesystem.x12.org/005010/1338"]),
    ("https://valueset.x12.org/x217/005010/response/2000F/HCR/1/01/00/306", &["https://codesystem.x12.org/005010/306"]),
];

/// A value set that is published elsewhere, and one of the packages that has no code beyond it.
const WITHIN: (&str, &str) = (
    "http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.113762.1.4.1021.24",
    "http://hl7.org/fhir/us/core/ValueSet/birthsex",
);

/// The codes of a value set: by system, all or some.
pub(super) type Codes = BTreeMap<String, Option<BTreeSet<String>>>;

/// The codes of the value set at `url`; `None` where the packages do not say.
pub(super) fn codes_of(packages: &Packages, guides: Option<Guides>, url: &str) -> Option<Codes> {
    if let Some((_, systems)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == bare(url)) {
        return Some(systems.iter().map(|system| ((*system).to_owned(), None)).collect());
    }
    let url = if bare(url) == WITHIN.0 { WITHIN.1 } else { url };
    packages.value_sets(guides, url).find_map(|defined| composed(packages, guides, &defined["compose"]))
}

fn composed(packages: &Packages, guides: Option<Guides>, compose: &Json) -> Option<Codes> {
    let mut codes = Codes::new();
    for part in compose["include"].as_array()? {
        for (system, of_part) in included(packages, guides, part)? {
            match (codes.entry(system).or_insert_with(|| Some(BTreeSet::new())), of_part) {
                (Some(known), Some(more)) => known.extend(more),
                (all, _) => *all = None,
            }
        }
    }
    for part in compose["exclude"].as_array().into_iter().flatten() {
        for (system, of_part) in included(packages, guides, part)? {
            if let (Some(Some(known)), Some(less)) = (codes.get_mut(&system), of_part) {
                known.retain(|code| !less.contains(code));
            }
        }
    }
    Some(codes)
}

fn included(packages: &Packages, guides: Option<Guides>, part: &Json) -> Option<Codes> {
    let mut codes = Codes::new();
    for other in part["valueSet"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        codes.extend(codes_of(packages, guides, other)?);
    }
    let Some(system) = part["system"].as_str() else { return Some(codes) };
    let is_listed = !NOT_LISTED.iter().any(|start| system.starts_with(start));
    let named = part["concept"].as_array().map(|concepts| codes_in(concepts, false));
    let found = match named {
        _ if !is_listed => None,
        Some(named) => Some(named),
        None => all_codes(packages.code_system(guides, system), part["filter"].as_array()),
    };
    codes.insert(system.to_owned(), found);
    Some(codes)
}

/// The codes of a code system that its package holds whole, cut by the filters.
fn all_codes(system: Option<&Json>, filters: Option<&Vec<Json>>) -> Option<BTreeSet<String>> {
    let system = system.filter(|system| system["content"] == "complete")?;
    let concepts = system["concept"].as_array()?;
    let mut codes = codes_in(concepts, true);
    for filter in filters.into_iter().flatten() {
        let value = filter["value"].as_str()?;
        let below = || descendants(system, value);
        match (filter["property"].as_str()?, filter["op"].as_str()?) {
            ("concept", "is-a") => codes.retain(|code| code == value || below().contains(code)),
            ("concept", "descendent-of") => codes.retain(|code| below().contains(code)),
            ("concept", "is-not-a") => codes.retain(|code| code != value && !below().contains(code)),
            _ => return None,
        }
    }
    Some(codes)
}

fn codes_in(concepts: &[Json], deep: bool) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for concept in concepts {
        codes.extend(concept["code"].as_str().map(str::to_owned));
        if let (true, Some(inner)) = (deep, concept["concept"].as_array()) {
            codes.extend(codes_in(inner, deep));
        }
    }
    codes
}

/// The codes below one: those that it holds, and those that name it as their parent.
fn descendants(system: &Json, ancestor: &str) -> BTreeSet<String> {
    fn walk(concepts: &[Json], ancestor: &str, is_below: bool, found: &mut BTreeSet<String>) {
        for concept in concepts {
            let code = concept["code"].as_str().unwrap_or_default();
            let mut properties = concept["property"].as_array().into_iter().flatten();
            let names_it = properties.any(|property| {
                let parent = property["valueCode"].as_str().unwrap_or_default();
                property["code"] == "subsumedBy" && (parent == ancestor || found.contains(parent))
            });
            if is_below || names_it {
                found.insert(code.to_owned());
            }
            if let Some(inner) = concept["concept"].as_array() {
                walk(inner, ancestor, is_below || names_it || code == ancestor, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    let concepts = system["concept"].as_array().map(Vec::as_slice).unwrap_or_default();
    loop {
        let before = found.len();
        walk(concepts, ancestor, false, &mut found);
        if found.len() == before {
            return found;
        }
    }
}
