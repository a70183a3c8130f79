//! The table of resource types is the one place that knows a type: whoever adds a type adds its row and its search parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use shared::fhir::types::TYPES;
use tests::checkout;

/// Code that may name three types or more, and why a new type is not missing there.
const NAME_TYPES: &[(&str, &str)] = &[
    ("cli/src/load/release.rs", "elements that earlier releases of FHIR had, where R4 has others"),
    ("shared/fhir/src/parameters/", "the search parameters, which the row of a type names"),
    ("shared/fhir/src/profiles", "the profiles of the guides; a type may have none"),
    ("shared/fhir/src/value_sets.rs", "codes of elements whose list is closed; a type may have none"),
    ("shared/fhir/src/types/table.rs", "the rows themselves"),
    ("shared/src/access/supported.rs", "the granular scopes that US Core names; a type may have none"),
    ("shared/src/rest/capability.rs", "operations on one type, and includes that US Core names one by one"),
    ("shared/src/rest/capability/combinations.rs", "combinations that the guides name; a type may have none"),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The types that a file's code names in quotes, apart from its tests.
fn named(path: &Path) -> BTreeSet<&'static str> {
    if path.ends_with("tests.rs") {
        return BTreeSet::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    TYPES.iter().map(|row| row.name).filter(|name| code.contains(&format!("\"{name}\""))).collect()
}

#[test]
fn no_table_beside_that_of_types_must_know_every_type() {
    let root = checkout();
    let mut reasons: BTreeMap<&str, bool> = NAME_TYPES.iter().map(|(place, _)| (*place, false)).collect();
    for folder in ["shared", "functions", "cli/src/load"] {
        for path in files(&root.join(folder)) {
            let place = path.strip_prefix(root).unwrap().to_str().unwrap();
            let named = named(&path);
            if named.len() < 3 {
                continue;
            }
            let known = reasons.iter_mut().find(|(known, _)| place.starts_with(**known));
            let (_, used) = known.unwrap_or_else(|| {
                panic!("{place} names {named:?}: what is known of a type belongs into its row in shared/fhir/src/types")
            });
            *used = true;
        }
    }
    assert!(reasons.values().all(|used| *used), "no longer needed: {reasons:?}");
}
