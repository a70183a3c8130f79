//! `_summary=true`, compared with R4's own definitions: every summary element is there, at every level, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Map, Value as Json, json};
use shared::fhir::types::TYPES;
use shared::rest::bundle::subset;
use shared::rest::query::Summary;

/// R4's definitions, by type.
struct Definitions(BTreeMap<String, Vec<Json>>);

/// Elements of every resource that no summary of ours has inside.
const COMMON: [&str; 8] =
    ["id", "extension", "contained", "text", "meta", "implicitRules", "language", "modifierExtension"];

impl Definitions {
    fn read() -> Option<Definitions> {
        let package = tests::shared_folder("spec/packages/rebuilt")?.join("hl7.fhir.r4.core-4.0.1.rebuilt.tgz");
        let unpacked = tempfile::tempdir().unwrap();
        let tar = Command::new("tar").args(["-xzf"]).arg(&package).arg("-C").arg(unpacked.path()).status().ok()?;
        assert!(tar.success(), "{} is read", package.display());
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(unpacked.path().join("package")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("StructureDefinition-") {
                continue;
            }
            let mut definition: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            if definition["derivation"] != "constraint" && definition["kind"] != "primitive-type" {
                let elements = definition["snapshot"]["element"].take();
                let elements = serde_json::from_value(elements).unwrap();
                found.insert(definition["type"].as_str().unwrap().to_owned(), elements);
            }
        }
        Some(Definitions(found))
    }

    /// The elements right below `path` of a type.
    fn below(&self, kind: &str, path: &str) -> impl Iterator<Item = (&str, &Json)> {
        let start = format!("{path}.");
        self.0.get(kind).into_iter().flatten().filter_map(move |element| {
            let name = element["path"].as_str()?.strip_prefix(&start)?;
            (!name.contains('.') && !COMMON.contains(&name)).then_some((name, element))
        })
    }

    /// Builds an object with every element, down to the data types that a summary may cut. `wanted` decides which of
    /// them a summary keeps below a kept parent; their places are collected.
    fn filled(
        &self,
        kind: &str,
        path: &str,
        depth: usize,
        place: &str,
        expected: Option<&mut BTreeSet<String>>,
    ) -> Json {
        let mut object = Map::new();
        let mut expected = expected;
        for (name, element) in self.below(kind, path) {
            let is_top = path == kind && depth == 0;
            let takes = element["isSummary"] == true || (is_top && element["min"] != 0);
            for of in element["type"].as_array().into_iter().flatten().filter_map(|of| of["code"].as_str()) {
                let property = match name.strip_suffix("[x]") {
                    Some(stem) => format!("{stem}{}{}", of[..1].to_uppercase(), &of[1..]),
                    None => name.to_owned(),
                };
                let here = format!("{place}.{property}");
                let mut inner = expected.as_deref_mut().filter(|_| takes);
                if let Some(expected) = &mut inner {
                    expected.insert(here.clone());
                }
                let below = element["path"].as_str().unwrap();
                let value = match of {
                    "BackboneElement" => self.filled(kind, below, depth + 1, &here, inner),
                    "Attachment" | "SampledData" | "Signature" => self.filled(of, of, depth + 1, &here, inner),
                    _ => json!("x"),
                };
                object.insert(property, value);
            }
        }
        Json::Object(object)
    }
}

/// The places of all elements in a resource.
fn places(value: &Json, place: &str, found: &mut BTreeSet<String>) {
    for (name, child) in value.as_object().into_iter().flatten() {
        if !(place.is_empty() && (COMMON.contains(&name.as_str()) || name == "resourceType")) {
            let here = format!("{place}.{name}");
            places(child, &here, found);
            found.insert(here);
        }
    }
}

#[test]
fn a_summary_has_what_r4_calls_summary_at_every_level_and_nothing_else() {
    let test = "a_summary_has_what_r4_calls_summary_at_every_level";
    let Some(definitions) = Definitions::read() else {
        return tests::missing_tool(test, "R4's definitions, or tar to unpack them");
    };
    let mut inside = 0;
    for kind in TYPES {
        let mut expected = BTreeSet::new();
        let mut whole = definitions.filled(kind.name, kind.name, 0, "", Some(&mut expected));
        whole["resourceType"] = json!(kind.name);
        let cut: Json = serde_json::from_str(&subset(whole.to_string(), &Summary::Digest)).unwrap();
        let mut found = BTreeSet::new();
        places(&cut, "", &mut found);
        assert_eq!(found, expected, "{}", kind.name);
        assert!(!found.is_empty(), "{}", kind.name);
        inside += found.iter().filter(|place| place.matches('.').count() > 1).count();
    }
    println!("{} types, {inside} elements inside others", TYPES.len());
    assert!(inside > 50);
}
