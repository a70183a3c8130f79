//! `_summary=true`, compared with R4's own definitions: every summary element is there, at every level, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Map, Value as Json, json};
use shared::fhir::types::TYPES;
use shared::rest::subset::Subset;
use tests::App;

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
        let cut: Json = serde_json::from_str(&Subset::Summary.of(whole.to_string())).unwrap();
        let mut found = BTreeSet::new();
        places(&cut, "", &mut found);
        assert_eq!(found, expected, "{}", kind.name);
        assert!(!found.is_empty(), "{}", kind.name);
        inside += found.iter().filter(|place| place.matches('.').count() > 1).count();
    }
    println!("{} types, {inside} elements inside others", TYPES.len());
    assert!(inside > 50);
}

/// R4 "General parameters": both hold for reads as for searches.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_gives_the_part_that_is_asked_for_and_refuses_what_is_no_part() {
    let app = App::start().await;
    let absent = json!([{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]);
    let patient = json!({"resourceType": "Patient", "id": "alice", "name": [{"family": "Family"}], "gender": "female",
        "_birthDate": {"extension": absent}, "deceasedBoolean": false, "address": [{"city": "Town"}],
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}});
    assert!(app.load(Source::Memory(vec![patient])).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let names = |resource: &Json| -> Vec<String> {
        let names = resource
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| !["resourceType", "id", "meta"].contains(&name.as_str()));
        names.cloned().collect()
    };
    for (parameters, expected) in [
        ("_elements=birthDate", &["_birthDate"][..]),
        ("_elements=deceased,gender", &["gender", "deceasedBoolean"]),
        ("_elements=Patient.name", &["name"]),
        ("_summary=text", &["text"]),
        ("_summary=data", &["name", "gender", "_birthDate", "deceasedBoolean", "address"]),
        ("_summary=true", &["name", "gender", "_birthDate", "deceasedBoolean", "address"]),
    ] {
        let read = app.fhir(&tokens, &format!("Patient/alice?{parameters}")).await;
        let version = app.fhir(&tokens, &format!("Patient/alice/_history/2?{parameters}")).await;
        let found = app.fhir(&tokens, &format!("Patient?{parameters}")).await.entries("match").remove(0);
        for resource in [read.json(), version.json(), found] {
            assert_eq!(names(&resource), expected, "{parameters}");
            let tags = resource["meta"]["tag"].as_array().unwrap();
            assert!(tags.iter().any(|tag| tag["code"] == "SUBSETTED"), "{parameters}: {tags:?}");
        }
        assert_eq!(read.header("etag"), "W/\"2\"", "it is a part of that version");
    }
    let whole = app.fhir(&tokens, "Patient/alice?_summary=false&_pretty=true").await;
    assert_eq!(names(&whole.json()).len(), 6);
    for parameters in [
        "_summary=nonsense",
        "_summary=count",
        "_elements=",
        "_elements=a&_elements=b",
        "_summary=true&_elements=a",
        "elements=a",
    ] {
        let reply = app.fhir(&tokens, &format!("Patient/alice?{parameters}")).await;
        assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::BAD_REQUEST, "invalid"), "{parameters}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_binary_a_part_is_given_as_fhir_alone() {
    let app = App::start().await;
    let document = vec![
        json!({"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "aGk="}),
        json!({"resourceType": "DocumentReference", "id": "d", "status": "current", "subject": {"reference": "Patient/alice"},
            "content": [{"attachment": {"url": "Binary/b"}}]}),
    ];
    assert!(app.load(Source::Memory(document)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let summary = app.fhir(&tokens, "Binary/b?_format=json&_summary=true").await.json();
    assert_eq!((summary["contentType"].as_str(), summary.get("data")), (Some("text/plain"), None));
    assert_eq!(app.fhir(&tokens, "Binary/b?_format=json&_elements=data").await.json()["data"], "aGk=");
    assert_eq!(
        app.fhir(&tokens, "Binary/b?_format=text/plain").await.body,
        "hi",
        "`_format` names the form as `Accept` does"
    );
    let raw = app.fhir(&tokens, "Binary/b?_elements=data").await;
    assert!(raw.status == StatusCode::BAD_REQUEST && raw.issue().1.contains("application/fhir+json"), "{}", raw.body);
    app.finish().await;
}
